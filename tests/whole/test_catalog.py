"""A lake that is a schema of a catalog: every job works there as on a path, and the corpus is the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import curate
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.report.ask import Ask
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.catalog import ALL
from gristmill.jobs.schema.documents import CORPUS, DOCS, EDITS, REJECTS, SIGNALS, VERDICTS
from gristmill.jobs.schema.duplicates import DUPLICATES, PAIRS
from tests.lakes import ASIDE, demo_recipe, read

pytestmark = pytest.mark.spark
WHERE = "spark_catalog.gristmill_catalog_test"
MOST = demo_recipe(ASIDE - {"report_run"})  # the jobs on which no other depends are for the slow test
WHOLE = demo_recipe(frozenset())


@pytest.fixture(scope="module")
def lakes(spark: Any, demo_raw: Path, demo_lake: Lake) -> Iterator[tuple[Lake, Lake]]:
    """The lake of the catalog, after most jobs, and the one of a path, after all."""
    curate.curate(MOST, WHERE, str(demo_raw))
    yield Lake(spark, WHERE), demo_lake
    spark.sql(f"DROP SCHEMA {WHERE} CASCADE")


def rows_of(lake: Lake, table: Any) -> list[str]:
    """Rows without the clock (ingested_at), sorted."""
    return sorted(json.dumps(row.asDict(recursive=True) | {"ingested_at": None}, sort_keys=True, default=str) for row in read(lake, table))


def test_every_table_of_the_recipe_stands_in_the_schema(lakes: tuple[Lake, Lake]) -> None:
    lake, path = lakes
    assert lake.is_catalog
    assert not path.is_catalog
    assert path.root != lake.root
    found = {row.tableName for row in lake.spark.sql(f"SHOW TABLES IN {WHERE}").collect()}
    written = {write.table for job in MOST.jobs for write in curate.find_job(job).writes}
    assert found - {"runs"} == {table.name for table in ALL if path.exists(table)} & written
    assert {table.name for table in (DOCS, SIGNALS, VERDICTS, PAIRS, DUPLICATES, CORPUS)} <= found


@pytest.mark.parametrize("table", [CORPUS, VERDICTS, DUPLICATES, REJECTS, EDITS], ids=lambda table: table.name)
def test_a_lake_in_a_catalog_holds_what_the_lake_at_a_path_holds(lakes: tuple[Lake, Lake], table: Any) -> None:
    in_catalog, at_path = (rows_of(lake, table) for lake in lakes)
    assert in_catalog == at_path
    if table is not EDITS:
        assert in_catalog


def test_the_run_log_tells_the_same_of_both(lakes: tuple[Lake, Lake]) -> None:
    logs = [[run for run in Runs(lake).finished() if run.job in MOST.jobs and run.job != "report_run"] for lake in lakes]
    told = [[(run.job, run.batches, run.rows_in, run.rows_kept, run.reasons) for run in log] for log in logs]
    assert told[0] == told[1]
    assert [run.job for run in Runs(lakes[0]).finished()] == ["ingest_docs", *MOST.jobs], "an ingest for each of two batches"


def test_the_report_of_a_catalog_lake_stands_at_the_schemas_location(lakes: tuple[Lake, Lake]) -> None:
    folder = lakes[0].local_root
    assert folder is not None
    pages = [path for path in folder.rglob("*.html") if path.is_file()]
    assert [path for path in pages if "near_duplicate" in path.read_text(encoding="utf-8")]


def test_a_second_curation_of_the_schema_has_nothing_to_do(lakes: tuple[Lake, Lake], demo_raw: Path) -> None:
    lake, _ = lakes
    before = {table.name: lake.latest(table) for table in ALL if lake.exists(table)}
    assert {outcome.batches for outcome in curate.curate(MOST, WHERE, str(demo_raw))} == {()}
    assert {table.name: lake.latest(table) for table in ALL if lake.exists(table)} == before


def test_questions_to_a_lake_in_a_catalog_are_answered(lakes: tuple[Lake, Lake]) -> None:
    lake, _ = lakes
    ask = Ask(WHERE)
    assert ask.sql("select count(*) as n from corpus", 5) == (["n"], [(len(read(lake, CORPUS)),)])
    gone = read(lake, VERDICTS)[0]
    assert ask.why(gone.doc_id)["outcome"] == "left out"


@pytest.mark.slow
def test_the_jobs_aside_work_in_the_schema_too(lakes: tuple[Lake, Lake], demo_raw: Path) -> None:
    ran = {outcome.job for outcome in curate.curate(WHOLE, WHERE, str(demo_raw)) if outcome.batches}
    assert ran >= ASIDE, "and those that read `models`, to which train_lm adds"
    logs = [{(run.job, run.rows_in, run.rows_kept) for run in Runs(lake).finished() if run.job in ASIDE - {"report_run"}} for lake in lakes]
    assert logs[0] == logs[1]


def test_a_catalog_that_is_not_there_is_named(spark: Any) -> None:
    with pytest.raises(ConfigError, match=r"lake nowhere\.lake: the catalog answered: .*; name an existing catalog"):
        Lake(spark, "nowhere.lake")
