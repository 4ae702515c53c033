"""What every job owes, seen at the jobs between the door and the exit: a killed run resumes, a second run has nothing to do, an empty table goes through."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import curate
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema import catalog
from gristmill.jobs.schema.documents import CORPUS, EDITS, SIGNALS, VERDICTS
from tests.lakes import bring, read
from tests.support.sessions import staged

pytestmark = [pytest.mark.spark, pytest.mark.lake_kinds]
JOBS = ("measure_text", "filter_rules", "build_corpus")
DIES_AFTER = {"measure_text": "signals", "filter_rules": "verdicts", "build_corpus": "corpus"}  # the commit after which its first run is killed
PARAMS = {
    "filter_rules": {"presets": ["conf/presets/c4.yaml"], "languages": None, "min_kept": 0, "routes": [{"lang": ["any"], "domain": ["any"], "presets": ["c4"]}]},
    "build_corpus": {"skip_rejected_by": ["filter_rules"], "data_docs": False, "min_kept": 0},
}
PROSE = "The river rose in the night and the miller closed the gate. In the morning the wheel stood still. Nobody in the village could say why the water had come."
ROWS = {
    "good": "\n".join([PROSE, "The old mill ground the grain of three villages. It was built by two brothers. They never spoke again after that."]),
    "dropped": "\n".join([PROSE, "Please enable javascript to read on.", "The stones are turned by the water of the brook. They are dressed every spring. The miller does it himself."]),
    "curly": PROSE + "\nWhat it said was {x} and no more.",  # four sentences, where five are wanted
    "short": "Too short.",
}


def texts(lake: Lake) -> dict[str, str]:
    keys = {row.doc_id: row.native_key for row in read(lake, catalog.table("docs"))}
    return {keys[row.doc_id]: row.text for row in read(lake, CORPUS)}


@pytest.fixture(scope="module")
def walked(
    spark: Any, new_lake: Callable[[Path], Lake], tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any]
) -> dict[str, Any]:
    """Every job in its order: killed, seen to be invisible, continued, run again."""
    home = tmp_path_factory.mktemp("owed")
    where, seen = new_lake(home / "lake").where, {}
    bring(Lake(spark, where), home / "raw", [{"id": key, "text": text} for key, text in ROWS.items()], params_of("ingest_docs"))
    for name in JOBS:
        job, params = curate.find_job(name), params_of(name, **PARAMS.get(name, {}))
        seen[name] = {"killed": killed(spark, where, job, params, DIES_AFTER[name])}
        seen[name]["continued"] = run_job(job, params, Lake(spark, where))
        seen[name]["rows"] = sorted(map(str, Lake(spark, where).read(catalog.table(DIES_AFTER[name])).collect()))
        seen[name]["again"] = run_job(job, params, Lake(spark, where))
    return {"lake": Lake(spark, where), **seen}


class Killed(BaseException):
    """Nothing of ours catches it."""


def killed(spark: Any, where: str, job: Any, params: Any, after: str) -> dict[str, Any]:
    """What a job leaves that dies right after its commit to a table; its locks die with it, its staged files stay."""
    lake = Lake(spark, where)

    def die(table: Any, version: int) -> None:
        if table.name == after:
            raise Killed

    lake.committed = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        run_job(job, params, lake)
    runs = Runs(Lake(spark, where))
    return {
        "versions": runs.versions(), "covers": runs.covers(job.name, "one"), "status": runs.last(job.name, "one")["status"],
        "rows": sorted(map(str, Lake(spark, where).read(catalog.table(after)).collect())), "staging": staged(lake, job.name),
    }  # fmt: skip


@pytest.mark.parametrize("name", JOBS)
def test_a_run_that_was_killed_is_invisible_whatever_it_had_written(walked: dict[str, Any], name: str) -> None:
    left = walked[name]["killed"]
    assert left["rows"]
    assert (left["status"], left["covers"]) == ("started", False)
    assert DIES_AFTER[name] not in left["versions"], "readers open what they opened before it"


@pytest.mark.parametrize("name", JOBS)
def test_a_killed_run_is_continued_to_the_same_rows(walked: dict[str, Any], name: str) -> None:
    assert walked[name]["continued"].batches == ("one",)
    assert walked[name]["rows"] == walked[name]["killed"]["rows"], "replaced, neither added to nor lost"
    assert walked[name]["killed"]["staging"] == (name != "measure_text")
    # Off the local disk no lock tells that the killed run has died: its files go when they are a week old.
    assert staged(walked["lake"], name) == (walked["lake"].local_root is None and walked[name]["killed"]["staging"])


@pytest.mark.parametrize("name", JOBS)
def test_a_second_run_has_nothing_to_do(walked: dict[str, Any], name: str) -> None:
    assert (walked[name]["again"].batches, walked[name]["again"].counts) == ((), None)


def test_every_document_is_measured_once(walked: dict[str, Any]) -> None:
    assert len(read(walked["lake"], SIGNALS)) == len(ROWS) == walked["measure_text"]["continued"].counts.rows_kept


def test_every_failing_reason_is_a_row_with_value_and_limit(walked: dict[str, Any]) -> None:
    lake = walked["lake"]
    keys = {row.doc_id: row.native_key for row in read(lake, catalog.table("docs"))}
    found = {(keys[row.doc_id], row.rule): (row.value, row.threshold) for row in read(lake, VERDICTS)}
    few = "c4.min_c4_sentences"
    assert found == {("curly", "c4.max_curly_bracket"): (1.0, 0.0), ("curly", few): (4.0, 5.0), ("short", few): (0.0, 5.0)}
    counts = walked["filter_rules"]["continued"].counts
    assert (counts.rows_in, counts.rows_kept, counts.rows_left_out) == (4, 2, 2)


def test_the_dropped_line_is_an_edit_applied_at_the_exit(walked: dict[str, Any]) -> None:
    lake = walked["lake"]
    dropped = ROWS["dropped"].split("\n")
    assert texts(lake) == {"good": ROWS["good"], "dropped": "\n".join([dropped[0], dropped[2]])}
    assert [(row.job, row.start) for row in read(lake, EDITS) if row.replacement == ""] == [("filter_rules", len(dropped[0]) + 1)]
    counts = walked["build_corpus"]["continued"].counts
    assert (counts.rows_in, counts.rows_kept, counts.rows_left_out) == (4, 2, 2)


@pytest.mark.lake_kinds("s3", "catalog")  # on this machine's disk: tests/whole/test_every_job.py
def test_an_empty_table_goes_through_every_job(lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    documents([])
    assert len(read(lake, catalog.table("docs"))) == 0
    for name in ("measure_text", "filter_rules", "dedup_exact", "dedup_minhash", "build_corpus"):
        changes = {"min_kept": 0, "data_docs": False}
        outcome = run_job(curate.find_job(name), params_of(name, **{key: value for key, value in changes.items() if key in curate.find_job(name).params.model_fields}), lake)
        assert outcome.batches == ("one",), name
        assert (outcome.counts.rows_in, outcome.counts.rows_kept, outcome.counts.reasons) == (0, 0, {}), name
    assert len(read(lake, CORPUS)) == 0
