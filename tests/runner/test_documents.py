"""What a job has done of its documents, and what is left: by what its own rows were made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.score_words import JOB
from tests.lakes import write

pytestmark = pytest.mark.spark
MINE, OTHERS = JOB.name, "score_classifier"


def scored(doc: str, version: str = "v2", job: str = MINE, batch: str = "one") -> tuple[Any, ...]:
    return (job, doc, batch, "words", version, 0.5, 0.5, None)


@pytest.fixture
def tables(spark: Any, tmp_path: Path) -> JobContext:
    """Of two batches; a lake without scores."""
    lake = Lake(spark, str(tmp_path / "lake"))
    return JobContext(lake, Runs(lake), JOB, "h", ("one", "two"))


def left(tables: JobContext, *docs: tuple[str, str], **how: Any) -> list[str]:
    rows = tables.frame(docs or [("a", "one"), ("b", "one"), ("c", "one")], "doc_id string, batch_id string")
    return sorted(row.doc_id for row in tables.documents.not_done_yet(rows, "scores", **how).collect())


def test_all_is_left_where_the_table_was_never_made(tables: JobContext) -> None:
    assert left(tables, version="v2") == ["a", "b", "c"]


def test_only_rows_of_this_job_and_made_by_the_same_count(tables: JobContext) -> None:
    rows = [scored("a"), scored("b", version="v1"), scored("c", job=OTHERS)]
    write(tables.lake, "scores", rows)
    assert left(tables, version="v2") == ["b", "c"]
    assert left(tables, version=["v1", "v2"]) == ["c"], "a list: by one of them"
    assert left(tables, scorer="vectors", version="v2") == ["a", "b", "c"]


def test_the_same_document_of_another_batch_is_another(tables: JobContext) -> None:
    write(tables.lake, "scores", [scored("a", batch="two")])
    assert left(tables, ("a", "one"), ("a", "two")) == ["a"]


def test_whoever_has_many_rows_a_document_says_when_it_is_done(tables: JobContext) -> None:
    write(tables.lake, "scores", [scored("a", "v1"), scored("a", "v2"), scored("b", "v1")])

    def by_both(done: Any) -> Any:
        return done.groupBy("doc_id", "batch_id").count().where("count = 2")

    assert left(tables, version=["v1", "v2"]) == ["c"]
    assert left(tables, done=by_both, version=["v1", "v2"]) == ["b", "c"]
