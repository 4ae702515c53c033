"""Tables as platforms make them: with features of Delta that delta-rs, or a plain reader, does not know. Read and written, or refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs.build_corpus import JOB as CORPUS_JOB
from gristmill.jobs.core.errors import ConfigError, ContractError
from gristmill.jobs.dedup_exact import JOB as EXACT
from gristmill.jobs.filter_rules import JOB as RULES
from gristmill.jobs.lake.lake import STATISTICS, Lake
from gristmill.jobs.measure_text import JOB as MEASURE
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema import catalog
from gristmill.jobs.schema.documents import DOCS, EDITS, SIGNALS, VERDICTS
from gristmill.jobs.schema.runs import RUNS
from gristmill.jobs.schema.table import Table
from gristmill.jobs.scrub_pii import JOB as SCRUB
from gristmill.jobs.upkeep.upgrade import changes
from tests.lakes import bring

pytestmark = pytest.mark.spark
JOBS = (MEASURE, RULES, EXACT, SCRUB, CORPUS_JOB)
# What Databricks switches on for new tables, by a workspace's setting or its defaults, and what Delta's own releases add.
FEATURES = {
    "delta.enableDeletionVectors": "true", "delta.columnMapping.mode": "name", "delta.enableRowTracking": "true", "delta.enableInCommitTimestamps": "true",
    "delta.enableChangeDataFeed": "true", "delta.checkpointPolicy": "v2",
}  # fmt: skip
TEXT = "The miller of the old mill writes down what the river brings, and it brings a good deal. "
CLOCKS = {"ingested_at", "run_id", "at"}


@pytest.fixture
def counted_rows(spark: Any) -> Any:
    """Rows of files are counted, as everywhere but in the demo and the tests: row tracking gives ids by the counts."""
    before = spark.conf.get(STATISTICS)
    spark.conf.set(STATISTICS, "true")
    yield
    spark.conf.set(STATISTICS, before)


def rows(batch: str, *numbers: int) -> list[dict[str, str]]:
    """Documents of a batch; a number that another batch has too is a copy of its text."""
    return [{"id": f"{batch}{i}", "text": f"{TEXT * 4} Ask mill{i}@example.org about {i}. {' '.join(f'corn{i}{k}' for k in range(40))}"} for i in numbers]


def curated(lake: Lake, home: Path, params_of: Callable[..., Any], batch: str, *numbers: int) -> list[tuple[str, ...]]:
    """A batch is brought and the jobs run; returns the batches that each has done."""
    bring(lake, home / batch, rows(batch, *numbers), params_of("ingest_docs"), batch)
    return worked(lake, params_of)


def worked(lake: Lake, params_of: Callable[..., Any]) -> list[tuple[str, ...]]:
    given = {"scrub_pii": {"skip_rejected_by": []}, "build_corpus": {"skip_rejected_by": ["dedup_exact"], "edits": ["scrub_pii"], "min_kept": 0}, "filter_rules": {"min_kept": 0}, "dedup_exact": {"skip_rejected_by": [], "min_kept": 0}}
    return [run_job(job, params_of(job.name, **given.get(job.name, {})), lake).batches for job in JOBS]


def content(lake: Lake) -> dict[str, list[str]]:
    """The rows of each table as readers open it, without clocks and run ids."""
    versions = Runs(lake).versions()
    tables = [table for table in catalog.ALL if table.name in versions and table.name != "runs"]
    return {t.name: sorted(str(row) for row in lake.read(t, versions[t.name]).drop(*CLOCKS & set(t.names)).collect()) for t in tables}


def switched(lake: Lake, *tables: Table) -> None:
    """All FEATURES on, as a platform's setting does it."""
    listed = ", ".join(f"'{key}' = '{value}'" for key, value in FEATURES.items())
    for table in tables:
        lake.create(table)
        lake.spark.sql(f"ALTER TABLE {lake.ref(table)} SET TBLPROPERTIES ({listed})")


def test_tables_with_newer_features_are_read_and_written(lake: Lake, tmp_path: Path, params_of: Callable[..., Any], counted_rows: None) -> None:
    switched(lake, DOCS, SIGNALS, EDITS, RUNS)
    for batch, numbers in (("one", (1, 2, 3, 4)), ("two", (5, 6))):
        bring(lake, tmp_path / batch, rows(batch, *numbers), params_of("ingest_docs"), batch)
        run_job(MEASURE, params_of("measure_text"), lake)
        run_job(SCRUB, params_of("scrub_pii", skip_rejected_by=[]), lake)
    assert run_job(MEASURE, params_of("measure_text"), lake).batches == (), "a second run does nothing"
    assert (lake.read(SIGNALS).count(), lake.read(EDITS).count()) == (6, 6)
    state = lake.state(EDITS)
    assert state is not None
    assert {"deletionVectors", "columnMapping", "rowTracking", "inCommitTimestamp", "v2Checkpoint", "changeDataFeed"} <= state.features
    # A row is marked as deleted, in a file of which others stand.
    lake.delete(EDITS, lake.read(EDITS).limit(1), ("doc_id", "batch_id"), '{"run_id": "by hand"}')
    assert lake.read(EDITS).count() == 5


@pytest.mark.slow
def test_a_lake_with_a_platforms_features_gives_the_same_rows_with_the_next_batch(
    new_lake: Callable[[Path], Lake], tmp_path: Path, params_of: Callable[..., Any], counted_rows: None
) -> None:  # fmt: skip
    plain, fancy = (new_lake(tmp_path / name / "lake") for name in ("plain", "fancy"))
    for lake, name in ((plain, "plain"), (fancy, "fancy")):
        curated(lake, tmp_path / name, params_of, "one", 1, 2, 3, 4)
    there = [table for table in catalog.ALL if fancy.exists(table)]
    assert {"docs", "signals", "edits", "corpus", "runs"} <= {table.name for table in there}
    switched(fancy, *there)
    for lake, name in ((plain, "plain"), (fancy, "fancy")):
        assert {"two"} <= set().union(*curated(lake, tmp_path / name, params_of, "two", 3, 5, 6))
    assert set().union(*worked(fancy, params_of)) == set(), "a second run does nothing"
    assert content(fancy) == content(plain)


def test_row_tracking_without_statistics_is_refused_before_anything_is_written(
    spark: Any, lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    documents(rows("one", 1))
    lake.create(SIGNALS)
    spark.sql(f"ALTER TABLE {lake.ref(SIGNALS)} SET TBLPROPERTIES ('delta.feature.rowTracking' = 'supported')")
    assert spark.conf.get(STATISTICS) == "false", "the session of the tests is that of the demo"
    with pytest.raises(ConfigError, match=r"signals: has Delta's row tracking.*spark.databricks.delta.stats.collect false.*DROP FEATURE rowTracking"):
        run_job(MEASURE, params_of("measure_text"), lake)
    assert lake.latest(SIGNALS) == 1


def test_a_table_that_a_platform_has_clustered_is_refused_and_upgrade_makes_it_anew(spark: Any, lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    documents(rows("one", 1))
    columns = ", ".join(f"`{c.name}` {c.type}" for c in VERDICTS.columns)
    properties = ", ".join(f"'{key}' = '{value}'" for key, value in {**lake.properties_of(VERDICTS), "delta.dataSkippingNumIndexedCols": "32"}.items())
    spark.sql(f"CREATE TABLE {lake.ref(VERDICTS)} ({columns}) USING delta CLUSTER BY (job, batch_id) TBLPROPERTIES ({properties})")
    run_job(MEASURE, params_of("measure_text"), lake)
    with pytest.raises(ContractError, match=r"verdicts: is divided by clusters, jobs/schema declares the partitions job, batch_id.*gristmill upgrade"):
        run_job(RULES, params_of("filter_rules", min_kept=0), lake)
    [change] = changes(lake)
    assert (change.table, change.kind) == ("verdicts", "anew")


def test_a_table_whose_commits_a_catalog_manages_is_refused_by_its_path(lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    documents(rows("one", 1))
    lake.create(SIGNALS)
    log = lake.folder(SIGNALS) / "_delta_log"
    first = log / f"{0:020}.json"
    actions = [json.loads(line) for line in first.read_text().splitlines()]
    for action in actions:
        if "protocol" in action:
            named = ["catalogManaged", "vacuumProtocolCheck"]
            action["protocol"] = {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": named, "writerFeatures": [*named, "inCommitTimestamp"]}
    first.write_text("".join(f"{json.dumps(action)}\n" for action in actions))
    first.with_suffix(".crc").unlink()  # it has the protocol of before
    with pytest.raises(ContractError, match=r"signals: cannot be opened by its path.*--lake catalog\.schema"):
        run_job(MEASURE, params_of("measure_text"), lake)
    # As on a cluster, where Delta itself opens the table.
    lake.is_direct = False
    from gristmill.jobs.lake.spark_errors import raised_as_ours

    with pytest.raises(ContractError, match=r"catalogManaged.*--lake catalog\.schema"):
        raised_as_ours(lambda: run_job(MEASURE, params_of("measure_text"), lake) and None)
