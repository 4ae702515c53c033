"""Lakes that earlier versions made are brought to today's columns, and then give the corpus that a fresh run gives."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import curate
from gristmill.jobs.core import config
from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.lake import hadoop_files, maintenance
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.report.ask import Ask
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.catalog import ALL, table
from gristmill.jobs.schema.documents import CORPUS, DOCS, SIGNALS
from gristmill.jobs.schema.runs import RUNS
from gristmill.jobs.schema.scores import MODELS
from gristmill.jobs.scoring.models import load_model
from gristmill.jobs.upkeep.upgrade import changes, upgrade
from tests import lakes

pytestmark = pytest.mark.spark
DATA = Path(__file__).parent / "lakes"
JOBS = ("ingest_docs", "measure_text", "filter_rules", "dedup_exact", "dedup_minhash", "scrub_pii", "build_corpus")
OLD = "5f528c6"  # the commit that made the oldest lake here; tests/upkeep/lakes/README.md says how


def recipe() -> config.Recipe:
    """conf/demo.yaml, of which only JOBS run."""
    shipped = config.load_recipe("conf/demo.yaml")
    jobs = {name: json.loads(json.dumps(shipped.jobs[name])) for name in shipped.jobs if name in JOBS}
    for section in jobs.values():
        section.update({key: False for key in ("data_docs",) if key in section} | {key: 0 for key in ("min_kept",) if key in section})
        for key in ("skip_rejected_by", "edits"):
            section.update({key: [name for name in section[key] if name in JOBS]} if key in section else {})
    jobs["ingest_docs"]["max_reject_ratio"] = 1.0
    return dataclasses.replace(shipped, jobs=jobs)


def unpacked(name: str, home: Path) -> Path:
    with tarfile.open(DATA / f"{name}.tar.xz") as archive:
        archive.extractall(home, filter="data")
    return home


def texts(lake: Lake) -> dict[str, str]:
    return {row.doc_id: row.text for row in lakes.read(lake, CORPUS, Runs(lake).versions()["corpus"])}


@pytest.fixture(scope="module")
def fresh(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """What today's code makes of the same input."""
    home = unpacked("raw", tmp_path_factory.mktemp("fresh"))
    curate.curate(recipe(), str(home / "lake"), str(home / "raw"))
    return Lake(spark, str(home / "lake"))


@pytest.fixture(scope="module")
def upgraded(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The old lake before, after the upgrade, and after the next curation."""
    home = unpacked(OLD, unpacked("raw", tmp_path_factory.mktemp("old")))
    where, seen = str(home / "lake"), {}
    seen["asked"] = Ask(where).sql("SELECT count(*) AS n FROM docs", 5)
    seen["runs"] = Ask(where).sql("SELECT job FROM runs WHERE status = 'finished'", 50)[1]
    with pytest.raises(ContractError) as refused:
        run_job(curate.find_job("measure_text"), recipe().params("measure_text", curate.find_job("measure_text").params), Lake(spark, where))
    seen["refused"], seen["before"] = str(refused.value), {each.name: Lake(spark, where).state(each) for each in ALL}
    seen["changes"] = changes(Lake(spark, where))
    seen["docs"] = Lake(spark, where).frame(DOCS).drop("ingested_at").collect()
    upgrade(Lake(spark, where), seen["changes"])
    seen["docs after"] = lakes.read(Lake(spark, where), DOCS)
    seen["after"], seen["versions"] = {each.name: Lake(spark, where).state(each) for each in ALL}, Runs(Lake(spark, where)).versions()
    seen["none left"] = changes(Lake(spark, where))
    seen["outcomes"] = {outcome.job: outcome.batches for outcome in curate.curate(recipe(), where, str(home / "raw"))}
    return {"lake": Lake(spark, where), **seen}


def test_an_old_lake_can_be_asked_but_not_written_to_and_the_error_names_the_command(upgraded: dict[str, Any]) -> None:
    assert upgraded["asked"][1][0][0] > 10
    assert ("build_corpus",) in upgraded["runs"]
    assert "column digit_ratio is missing" in upgraded["refused"]
    assert "run `gristmill upgrade --lake" in upgraded["refused"]


def test_rows_that_cannot_be_made_again_stay_and_other_tables_are_made_anew(upgraded: dict[str, Any]) -> None:
    kinds = {change.table: change.kind for change in upgraded["changes"]}
    assert kinds["runs"] == "columns"
    assert {kinds[name] for name in ("signals", "sketches", "corpus")} == {"anew"}
    before, after = upgraded["before"], upgraded["after"]
    assert kinds["docs"] == "renamed"
    assert after["docs"].id != before["docs"].id, "written again under new names"
    assert after["signals"] is None
    assert "signals" not in upgraded["versions"], "what it covered is forgotten"
    assert "docs" in upgraded["versions"]
    assert lakes.read(upgraded["lake"], RUNS)[0].table_ids is not None
    assert upgraded["none left"] == []
    [noted] = [row for row in lakes.read(upgraded["lake"], RUNS) if row.job == "upgrade"]
    assert set(json.loads(noted.recipe)) == set(kinds)


def test_documents_stand_under_the_new_names_of_their_columns(upgraded: dict[str, Any]) -> None:
    old = {(row.doc_id, row.batch_id): (row.text, row.place) for row in upgraded["docs"]}
    assert len(old) > 10
    assert {(row.doc_id, row.batch_id): (row.text, row.source_location) for row in upgraded["docs after"]} == old
    assert upgraded["outcomes"]["ingest_docs"] == ("batch-2",), "the other batch is covered by its old ingest"


@pytest.mark.parametrize("at", ["after the new table", "after its rows", "after the ids", "before the row of runs", "after the row of runs"])
def test_an_upgrade_that_was_killed_is_simply_run_again(at: str, spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lake = Lake(spark, str(unpacked(OLD, tmp_path) / "lake"))
    found = [change for change in changes(lake) if change.table == "docs"]
    rows = lake.frame(DOCS).count()

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        if at == "after the new table":
            patched.setattr(Lake, "frame", killed)
        elif at == "after its rows":
            patched.setattr("gristmill.jobs.upkeep.upgrade._move_ids", killed)
        elif at == "after the ids":
            patched.setattr(maintenance, "mark_new_names", killed)
        elif at == "before the row of runs":
            patched.setattr("gristmill.jobs.upkeep.upgrade.log_event", killed)
        else:
            patched.setattr(maintenance, "finish_new_names", killed)
        with pytest.raises(KeyboardInterrupt):
            upgrade(lake, [change for change in changes(lake) if change.table == "runs"] + found)
    again = Lake(spark, lake.where)
    upgrade(again, [change for change in changes(again) if change.table == "docs"])
    assert again.read(DOCS).count() == rows
    assert again.read(DOCS).where("source_location IS NULL").isEmpty()
    assert maintenance.NEW_NAMES not in again.state(DOCS).properties
    assert again.read(DOCS, Runs(again).versions()["docs"]).count() == rows, "what the old ingest covered is covered, and can be read"
    assert [change for change in changes(again) if change.table == "docs"] == []


def test_the_next_curation_gives_the_corpus_of_a_fresh_run(upgraded: dict[str, Any], fresh: Lake) -> None:
    assert texts(upgraded["lake"]) == texts(fresh)
    signals = [sorted(map(str, lakes.read(lake, SIGNALS))) for lake in (upgraded["lake"], fresh)]
    assert signals[0] == signals[1]
    assert {len(upgraded["outcomes"][job]) > 0 for job in ("measure_text", "filter_rules", "build_corpus")} == {True}


def test_models_of_before_get_the_hash_of_their_files_and_stay_in_use(spark: Any, fresh: Lake, tmp_path: Path) -> None:
    lake = lakes.copied(fresh, tmp_path / "lake")
    before = dataclasses.replace(MODELS, columns=tuple(c for c in MODELS.columns if c.name != "sha256"))
    files = {"kept": b"a model", "gone": None}
    for name, data in files.items():
        row = ("train_lm", name, "1", "kenlm", None, f"_models/{name}.model", "{}", {}, "{}", dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
        if data is not None:
            hadoop_files.write_bytes(spark, f"{lake.root}/{row[5]}", data)
        lake.write(before, spark.createDataFrame([row], before.schema), None, json.dumps({"run_id": f"r-{name}", "job": "train_lm"}))
    old = lakes.read(lake, before)
    [change] = changes(lake)
    assert (change.table, change.kind) == ("models", "columns")
    for _ in range(2):  # killed before its last commit, and run again
        upgrade(lake, [change])
        lake.spark.sql(f"ALTER TABLE {lake.ref(MODELS)} SET TBLPROPERTIES ('gristmill.schema' = 'before')")
        [change] = changes(lake)
        assert change.kind == "mark"
    upgrade(lake, [change])
    assert changes(lake) == []
    rows = {row.name: row.asDict() for row in lakes.read(lake, MODELS, Runs(lake).versions()["models"])}
    assert {name: row["sha256"] is not None for name, row in rows.items()} == {"kept": True, "gone": False}
    assert load_model(lake, rows["kept"], bytes) == b"a model"
    assert sorted(lakes.read(lake, before)) == sorted(old)


def test_a_lake_of_this_version_needs_nothing(fresh: Lake) -> None:
    assert changes(fresh) == []


def test_the_newest_lake_that_is_kept_still_gives_its_corpus(spark: Any, fresh: Lake, tmp_path: Path) -> None:
    kept = Lake(spark, str(unpacked("current", tmp_path) / "lake"))
    upgrade(kept, changes(kept))
    assert texts(Lake(spark, kept.where)) == texts(fresh)


def test_a_table_whose_rows_must_stay_and_cannot_is_refused_by_name(fresh: Lake, tmp_path: Path) -> None:
    copy = lakes.copied(fresh, tmp_path / "lake")
    copy.spark.sql(f"ALTER TABLE {copy.ref(DOCS)} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name', 'delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5')")
    copy.spark.sql(f"ALTER TABLE {copy.ref(DOCS)} DROP COLUMN source_location")
    copy.spark.sql(f"ALTER TABLE {copy.ref(DOCS)} UNSET TBLPROPERTIES ('gristmill.schema')")
    with pytest.raises(ContractError, match="docs: lacks source_location: its rows cannot be made again"):
        changes(Lake(copy.spark, copy.where))
    assert table("docs").keeps_rows
