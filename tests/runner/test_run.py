"""What a run promises: pinned inputs, coverage, freshness, and that a run that died is invisible and repeated."""

from __future__ import annotations

from typing import Any

import pytest

from gristmill.jobs.core.errors import ContractError, DataError, RetryLater
from gristmill.jobs.core.params import Filtered, LeavesOut
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.job import Job, Writes
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.runner.run_log import Runs, now
from gristmill.jobs.schema.documents import DOCS, EDITS, VERDICTS
from tests.lakes import read

pytestmark = pytest.mark.spark


class Params(Filtered, LeavesOut):
    skip_rejected_by: list[str] = []
    min_kept: int = 0
    reason: str = "too_blue"
    only: str = ""


def doc_rows(tables: JobContext, n: int = 4) -> Any:
    batch = tables.batches[0]
    rows = [(f"{batch}{i}".ljust(32, "0"), batch, 0, "test", f"text {i}", 6, "0" * 32, f"f:{i}", tables.started_at) for i in range(n)]
    frame = tables.frame(rows, "doc_id string, batch_id string, bucket int, source string, text string, n_bytes bigint, content_hash string, source_location string, ingested_at timestamp")
    empty = tables.empty("docs")
    return empty.unionByName(frame, allowMissingColumns=True)


def bring(name: str) -> Job:
    """A toy ingest: covers a batch called `name`."""

    def step(tables: JobContext, params: Params) -> dict[str, Any]:
        return {"docs": doc_rows(tables)}

    return Job("bring", Params, reads=("docs",), writes=(Writes("docs", "batch"),), steps=(step,), scope="batch")


def judge_step(tables: JobContext, params: Params) -> dict[str, Any]:
    from pyspark.sql import functions as F

    docs = tables.documents.kept(params.skip_rejected_by).where(F.col("doc_id").startswith(params.only) if params.only else F.lit(True))
    columns = [F.lit(tables.job.name).alias("job"), "doc_id", "batch_id", F.lit(params.reason).alias("reason"), F.lit(1.0).alias("value")]
    columns += [F.lit(0.5).alias("threshold"), F.lit("toy").alias("rule"), F.lit(tables.recipe_hash).alias("recipe_hash")]
    return {"verdicts": docs.select(*columns)}


JUDGE = Job("judge", Params, reads=("docs",), writes=(Writes("verdicts", "batch"),), steps=(judge_step,), count=lambda t, p: Counts(4, 3, 1, {"too_blue": 1}))
LATER = Job("later", Params, reads=("docs", "verdicts"), writes=(Writes("verdicts", "job"),), steps=(judge_step,), scope="lake")


def with_batch(lake: Lake, batch: str) -> None:
    """Write a batch of four documents as a finished run."""
    from gristmill.jobs.runner.commit import Run

    runs = Runs(lake)
    handle = Run(bring(batch), Params(), lake, runs, "h", (batch,), None, now())
    handle.through_steps()
    handle.finish(None, 0.0)


def test_a_judge_runs_once_for_each_batch_and_then_has_nothing_to_do(lake: Lake) -> None:
    with_batch(lake, "b1")
    assert run_job(JUDGE, Params(only="b10"), lake).batches == ("b1",)
    assert run_job(JUDGE, Params(only="b10"), lake).batches == ()
    with_batch(lake, "b2")
    assert run_job(JUDGE, Params(only="b10"), lake).batches == ("b2",)


def test_another_recipe_makes_a_batch_stale(lake: Lake) -> None:
    with_batch(lake, "b1")
    run_job(JUDGE, Params(only="b10"), lake)
    assert run_job(JUDGE, Params(only="b11"), lake).batches == ("b1",)
    assert [row.doc_id[:3] for row in read(lake, VERDICTS)] == ["b11"], "the slice is replaced, not added to"


def test_what_a_judge_heeds_must_have_covered_every_batch(lake: Lake) -> None:
    with_batch(lake, "b1")
    with pytest.raises(ContractError, match="never judged: no finished run of judge on batch b1; run judge first"):
        run_job(LATER, Params(skip_rejected_by=["judge"]), lake)


def test_a_judge_sees_only_what_those_it_heeds_kept_and_is_stale_when_they_change_their_mind(lake: Lake) -> None:
    with_batch(lake, "b1")
    run_job(JUDGE, Params(only="b10"), lake)
    run_job(LATER, Params(skip_rejected_by=["judge"], reason="too_late"), lake)
    assert {row.doc_id[:3] for row in read(lake, VERDICTS, job="later")} == {"b11", "b12", "b13"}
    assert run_job(LATER, Params(skip_rejected_by=["judge"], reason="too_late"), lake).batches == ()
    run_job(JUDGE, Params(only="b11"), lake)
    assert run_job(LATER, Params(skip_rejected_by=["judge"], reason="too_late"), lake).batches == ("b1",)
    assert {row.doc_id[:3] for row in read(lake, VERDICTS, job="later")} == {"b10", "b12", "b13"}


def test_a_run_that_died_before_its_last_row_is_invisible_and_repeated(lake: Lake) -> None:
    with_batch(lake, "b1")

    def dies(tables: JobContext, params: Params) -> dict[str, Any]:
        raise KeyboardInterrupt

    dying = Job("judge", Params, reads=("docs",), writes=(Writes("verdicts", "batch"),), steps=(judge_step, dies))
    with pytest.raises(KeyboardInterrupt):
        run_job(dying, Params(), lake)
    assert len(read(lake, VERDICTS)) == 4, "its first table was committed"
    assert "verdicts" not in Runs(lake).versions(), "no reader opens it"
    assert not Runs(lake).covers("judge", "b1")
    assert run_job(JUDGE, Params(only="b10"), lake).batches == ("b1",)
    assert len(read(lake, VERDICTS)) == 1


def test_an_absurd_result_is_refused_and_nothing_is_written(lake: Lake) -> None:
    with_batch(lake, "b1")
    with pytest.raises(DataError, match="would keep 0 of 4 documents; nothing written"):
        run_job(JUDGE, Params(min_kept=1), lake)
    assert not lake.exists(VERDICTS)
    assert Runs(lake).last("judge", "b1") is None


def test_a_second_run_of_the_same_job_is_told_to_come_again(lake: Lake) -> None:
    with_batch(lake, "b1")
    with lake.job_lock("judge"), pytest.raises(RetryLater, match="runs judge; run the same command again"):
        run_job(JUDGE, Params(), lake)


def test_a_table_with_a_column_of_another_type_is_refused_at_the_door(lake: Lake) -> None:
    frame = lake.spark.createDataFrame([("a",)], "doc_id string")
    with pytest.raises(ContractError, match=r"docs \(to be written\): column batch_id is missing, jobs/schema declares string"):
        lake.write(DOCS, frame, None, "test")


def test_every_table_and_column_carries_its_comment_and_its_promise(lake: Lake) -> None:
    lake.create(EDITS)
    rows = lake.spark.sql(f"DESCRIBE TABLE {lake.ref(EDITS)}").collect()
    told = {row["col_name"]: row["comment"] for row in rows if row["comment"]}
    assert {column.name: column.comment for column in EDITS.columns}.items() <= told.items()
    properties = dict(row for row in lake.spark.sql(f"SHOW TBLPROPERTIES {lake.ref(EDITS)}").collect())
    assert properties["delta.constraints.promise"] == EDITS.check
