"""What table care and accidents do to a lake: OPTIMIZE, VACUUM, RESTORE, DROP, DELETE by others, between runs and beside them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from gristmill.jobs.core.errors import ContractError, DataError, RetryLater
from gristmill.jobs.core.params import Filtered, LeavesOut
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.report.ask import Ask
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.job import Job, Writes
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.catalog import table
from gristmill.jobs.schema.documents import DOCS, EDITS, VERDICTS
from gristmill.jobs.schema.runs import RUNS
from gristmill.jobs.schema.scores import SCORES
from gristmill.jobs.upkeep.repair import findings, repair
from tests import lakes
from tests.lakes import bring, copied

pytestmark = pytest.mark.spark
N = 6  # documents of a batch


class Params(Filtered, LeavesOut):
    skip_rejected_by: list[str] = []
    min_kept: int = 0


def judged(tables: JobContext, params: Params) -> dict[str, Any]:
    """A verdict on the first document of each batch."""
    docs = [row for row in tables.slice("docs").select("doc_id", "batch_id", "native_key").collect() if row.native_key == "0"]
    rows = [(tables.job.name, row.doc_id, row.batch_id, "too_blue", 1.0, 0.5, "toy", tables.recipe_hash) for row in docs]
    tables.note_verdicts(Counts(N * len(docs), (N - 1) * len(docs), len(docs), {"too_blue": len(docs)}))
    return {"verdicts": lakes.frame_of(tables.lake, VERDICTS, rows)}


def scored(tables: JobContext, params: Params) -> dict[str, Any]:
    """A score for each document that has none."""
    done = {row.doc_id for row in tables.own("scores").collect()}
    docs = [row for row in tables.slice("docs").select("doc_id", "batch_id").collect() if row.doc_id not in done]
    rows = [(tables.job.name, row.doc_id, row.batch_id, "toy", "1", 0.5, 0.5, None) for row in docs]
    return {"scores": lakes.frame_of(tables.lake, SCORES, rows)}


JUDGE = Job("judge", Params, reads=("docs",), writes=(Writes("verdicts", "batch"),), steps=(judged,))
OTHER = Job("other", Params, reads=("docs",), writes=(Writes("verdicts", "batch"),), steps=(judged,))
SCORER = Job("scorer", Params, reads=("docs",), writes=(Writes("scores", "append"),), steps=(scored,))
JOBS = (JUDGE, OTHER, SCORER)


@pytest.fixture(scope="module")
def ready(spark: Any, tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any]) -> Lake:
    """A lake of two batches, judged and scored, batch by batch, so that every table has several files."""
    home = tmp_path_factory.mktemp("care")
    made = Lake(spark, str(home / "lake"))
    for batch in ("b1", "b2"):
        bring(made, home / "raw", [{"id": str(i), "source": batch, "text": f"text {i} of {batch}"} for i in range(N)], params_of("ingest_docs"), batch)
        for job in JOBS:
            run_job(job, Params(), made)
    return made


@pytest.fixture
def lake(ready: Lake, tmp_path: Path) -> Lake:
    # VACUUM lists files in as many tasks as partition discovery has (10,000), and refuses to spare nothing.
    ready.spark.conf.set("spark.sql.sources.parallelPartitionDiscovery.parallelism", "2")
    ready.spark.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    return copied(ready, tmp_path / "lake")


def rows_of(lake: Lake) -> dict[str, list[str]]:
    """The rows of each table at the version that readers open."""
    versions = Runs(Lake(lake.spark, lake.where)).versions()
    names = ("docs", "verdicts", "scores")
    return {name: sorted(map(str, lakes.read(lake, table(name), versions[name]))) for name in names if name in versions}


def todo(lake: Lake) -> dict[str, tuple[str, ...]]:
    """The batches that each job works on when it is run again."""
    return {job.name: run_job(job, Params(), Lake(lake.spark, lake.where)).batches for job in JOBS}


def delta(lake: Lake, name: str) -> DeltaTable:
    return DeltaTable(f"{lake.root}/{name}")


def test_compaction_and_vacuum_by_delta_rs_leave_every_row_and_every_coverage(lake: Lake) -> None:
    before = rows_of(lake)
    for name in ("docs", "verdicts", "scores", "runs", "rejects"):
        delta(lake, name).optimize.compact()
        delta(lake, name).vacuum(0, enforce_retention_duration=False, dry_run=False)
    assert rows_of(lake) == before
    assert todo(lake) == {"judge": (), "other": (), "scorer": ()}
    assert findings(Lake(lake.spark, lake.where)) == []


def test_optimize_and_vacuum_by_spark_too_and_a_new_batch_goes_on_from_there(lake: Lake, tmp_path: Path, params_of: Callable[..., Any]) -> None:
    before = rows_of(lake)
    for each in (DOCS, VERDICTS, SCORES, RUNS):
        lake.spark.sql(f"OPTIMIZE {lake.ref(each)}")
        lake.spark.sql(f"VACUUM {lake.ref(each)} RETAIN 0 HOURS")
    assert rows_of(lake) == before
    bring(lake, tmp_path / "raw", [{"id": str(i), "source": "b3", "text": f"text {i} of b3"} for i in range(N)], params_of("ingest_docs"), "b3")
    assert todo(lake) == {"judge": ("b3",), "other": ("b3",), "scorer": ("b3",)}
    after = rows_of(lake)
    assert {name: set(rows) > set(before[name]) for name, rows in after.items()} == {"docs": True, "verdicts": True, "scores": True}
    assert len(after["docs"]) == 3 * N


@pytest.mark.parametrize("kind", ["dropped", "made anew"])
def test_a_table_that_is_gone_is_written_anew_by_every_job_that_wrote_it(lake: Lake, kind: str) -> None:
    before = rows_of(lake)
    shutil.rmtree(f"{lake.root}/verdicts")
    if kind == "made anew":
        Lake(lake.spark, lake.where).create(VERDICTS)
    assert "verdicts" not in rows_of(lake)
    [finding] = findings(Lake(lake.spark, lake.where))
    assert (finding.table, finding.trouble) == ("verdicts", f"it was {kind}")
    assert "judge, other will run again" in finding.action
    assert todo(lake) == {"judge": ("b1", "b2"), "other": ("b1", "b2"), "scorer": ()}
    assert rows_of(lake) == before
    assert todo(lake) == {"judge": (), "other": (), "scorer": ()}


def test_a_table_that_somebody_restored_is_written_anew_and_the_run_log_says_who_did_it(lake: Lake, capsys: pytest.CaptureFixture[str]) -> None:
    before = rows_of(lake)
    lake.spark.sql(f"RESTORE TABLE {lake.ref(SCORES)} TO VERSION AS OF 1")
    assert todo(lake) == {"judge": (), "other": (), "scorer": ("b1", "b2")}
    assert "scores: version 3 (RESTORE" in capsys.readouterr().err
    assert rows_of(lake) == before, "the job's own rows went first: it adds to what is there"
    noted = [row for row in lakes.read(lake, RUNS) if row.status == "foreign"]
    assert [json.loads(row.recipe)["table"] for row in noted] == ["scores"]
    assert todo(lake) == {"judge": (), "other": (), "scorer": ()}


def test_a_table_rolled_back_from_a_backup_is_written_anew_by_those_whose_rows_went(lake: Lake) -> None:
    before, log = rows_of(lake), Path(lake.root, "verdicts", "_delta_log")
    for version in (3, 4):  # what `judge` and `other` wrote for b2
        for file in log.glob(f"*{version:020}.*"):  # checksums too
            file.unlink()
    assert todo(lake) == {"judge": ("b2",), "other": ("b2",), "scorer": ()}
    assert rows_of(lake) == before


def test_documents_that_somebody_deleted_stop_every_job_until_they_come_again_or_are_given_up(lake: Lake, ready: Lake, params_of: Callable[..., Any]) -> None:
    deleted = [row for row in lakes.read(lake, DOCS, batch_id="b2") if row.native_key != "0"]
    lake.spark.sql(f"DELETE FROM {lake.ref(DOCS)} WHERE batch_id = 'b2' AND native_key <> '0'")
    with pytest.raises(ContractError, match=r"docs: version \d+ \(DELETE.*\) was not written by Gristmill, so that judge cannot know .* b1, b2; ingest them again"):
        run_job(JUDGE, Params(), lake)
    [finding] = findings(Lake(lake.spark, lake.where))
    assert "accepted as it stands, with the batches b1, b2; with fewer rows than were ingested: b2 (1 rows, had 6)" in finding.action
    with pytest.raises(ContractError):
        run_job(JUDGE, Params(), Lake(lake.spark, lake.where))
    repair(lake, [finding])
    assert findings(Lake(lake.spark, lake.where)) == []
    assert todo(lake) == {"judge": ("b1", "b2"), "other": ("b1", "b2"), "scorer": ("b1", "b2")}
    assert len(rows_of(lake)["docs"]) == N + 1
    gone = lakes.read(lake, table("rejects"), reason="deleted_by_others")
    assert sorted((row.batch_id, row.source_location) for row in gone) == sorted((row.batch_id, row.source_location) for row in deleted), "each has a row"
    assert "deleted_by_others" in " ".join(Ask(lake.where).why(gone[0].doc_id)["lines"])


def test_files_that_a_vacuum_took_from_under_a_died_run_are_named_and_repaired(lake: Lake) -> None:
    def dies(tables: JobContext, params: Params) -> dict[str, Any]:
        raise KeyboardInterrupt

    dying = Job("judge", Params, reads=("docs",), writes=(Writes("verdicts", "batch"),), steps=(judged, dies))
    with pytest.raises(KeyboardInterrupt):
        run_job(dying, Params(min_kept=1), lake)
    delta(lake, "verdicts").vacuum(0, enforce_retention_duration=False, dry_run=False)
    reader = Job("reader", Params, reads=("docs", "verdicts"), writes=(Writes("edits", "batch"),), steps=(reads_verdicts,))
    with pytest.raises(ContractError, match=r"a file that a table's version needs is gone .*; `gristmill repair --lake "):
        run_job(reader, Params(), Lake(lake.spark, lake.where))
    [finding] = findings(Lake(lake.spark, lake.where))
    assert "becomes the one that readers open" in finding.action
    repair(lake, [finding])
    assert run_job(reader, Params(), Lake(lake.spark, lake.where)).batches == ("b1", "b2")
    assert run_job(JUDGE, Params(min_kept=1), Lake(lake.spark, lake.where)).batches == ("b1", "b2"), "the run that died is repeated"


def reads_verdicts(tables: JobContext, params: Params) -> dict[str, Any]:
    assert tables["verdicts"].collect()  # a count alone may come from the log
    return {"edits": lakes.frame_of(tables.lake, EDITS, [])}


def test_a_change_by_somebody_else_while_a_run_is_on_keeps_it_from_being_finished(lake: Lake) -> None:
    def with_company(tables: JobContext, params: Params) -> dict[str, Any]:
        lake.spark.sql(f"DELETE FROM {lake.ref(VERDICTS)} WHERE batch_id = 'b1'")
        return judged(tables, params)

    with pytest.raises(RetryLater, match=r"verdicts: version \d+ \(DELETE.*\) was not written by Gristmill while judge was at it"):
        run_job(Job("judge", Params, reads=("docs",), writes=JUDGE.writes, steps=(with_company,)), Params(min_kept=2), lake)
    assert todo(lake) == {"judge": ("b1", "b2"), "other": ("b1", "b2"), "scorer": ()}


def test_a_run_whose_rows_do_not_add_up_is_not_finished(lake: Lake) -> None:
    wrong = Job("wrong", Params, reads=("docs",), writes=(Writes("edits", "batch"),), steps=(reads_nothing,), count=lambda *_: Counts(12, 10, 1, {"lost": 1}))
    with pytest.raises(DataError, match="wrong: 12 rows came in, but 10 were kept and 1 left out"):
        run_job(wrong, Params(), lake)
    assert not Runs(lake).covers("wrong", "b1")


def reads_nothing(tables: JobContext, params: Params) -> dict[str, Any]:
    return {"edits": lakes.frame_of(tables.lake, EDITS, [])}


def test_two_runs_of_one_job_stage_apart_and_clear_only_what_is_dead(lake: Lake) -> None:
    staged = {}

    def looks(tables: JobContext, params: Params) -> dict[str, Any]:
        staged["mine"] = tables.lake.staging(tables.run)
        tables.stage("x", tables.slice("docs").select("doc_id"))
        return reads_nothing(tables, params)

    dead = Path(lake.root, "_staging", f"looker-{'0' * 32}")
    others = Path(lake.root, "_staging", f"looker_too-{'0' * 32}")
    for folder in (dead, others):
        folder.mkdir(parents=True)
    run_job(Job("looker", Params, reads=("docs",), writes=(Writes("edits", "batch"),), steps=(looks,)), Params(), lake)
    assert staged["mine"].rsplit("/", 1)[1].startswith("looker-")
    assert (Path(staged["mine"]).exists(), dead.exists(), others.exists()) == (False, False, True)
