"""Whatever batches hold, lose and bring back, and wherever runs die: every row stands in one place, and the texts are those of a plain model."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from gristmill.jobs import curate
from gristmill.jobs.curation import entry
from gristmill.jobs.ingest_docs import JOB
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner import batches
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.documents import DOCS, REJECTS

pytestmark = pytest.mark.spark
NUMBER = itertools.count()
# An example costs a dozen ingests. No shrinking: the rows of a failure are in its lake.
FEW = settings(deadline=None, database=None, phases=(Phase.explicit,), suppress_health_check=list(HealthCheck))
HEAVY = settings(FEW, max_examples=20, derandomize=True, phases=(Phase.generate,))

Rows = list[tuple[str, str]]
row = st.tuples(st.sampled_from("abcd"), st.sampled_from(["one", "two"]))
# What is written into which batch before a run (a batch that is not named stays as it is), and after how many commits the run dies.
step = st.tuples(st.dictionaries(st.sampled_from(["x", "y", "z"]), st.lists(row, max_size=4), min_size=1, max_size=3), st.integers(0, 8))
histories = st.tuples(st.sampled_from(["newest", "oldest"]), st.lists(step, min_size=3, max_size=3))


def write(path: Path, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps({"id": key, "text": text, "source": "s"}) + "\n" for key, text in rows), encoding="utf-8")
    # Equal rows are an equal file; other rows of the same length are known by their time.
    written = 1_700_000_000 + zlib.crc32(path.read_bytes()) % 1_000_000
    os.utime(path, (written, written))


def expected(held: dict[str, Rows], order: list[str], same_id: str) -> dict[str, str]:
    """The text of each id: of the newest (oldest) batch that holds it, there of the last (first) row."""
    rows = [found for batch in order for found in held[batch]]
    return dict(rows if same_id == "newest" else rows[::-1])


def run_until(lake: Lake, params: Any, home: Path, n_commits: int) -> None:
    """Ingest; when `n_commits` is not 0, die after that many commits and run again."""
    left = [n_commits]

    def committed(self: Lake, table: Any, version: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(entry, "check_expectations", lambda *_: None)
        with pytest.MonkeyPatch.context() as hook:
            hook.setattr(Lake, "committed", committed)
            with contextlib.suppress(KeyboardInterrupt):
                curate._brought_in([(JOB, params)], lake, str(home))
        curate._brought_in([(JOB, params)], lake, str(home))


def check(lake: Lake, held: dict[str, Rows], ever: set[str], same_id: str) -> None:
    docs, rejects = lake.read(DOCS).collect(), lake.read(REJECTS).collect()
    assert len({doc.doc_id for doc in docs}) == len(docs)
    assert {doc.native_key: doc.text for doc in docs} == expected(held, Runs(lake).batches(), same_id)
    found = Counter(doc.batch_id for doc in docs) + Counter(row.batch_id for row in rejects if row.reason != batches.NO_LONGER)
    assert found == +Counter({batch: len(rows) for batch, rows in held.items()})
    assert {doc.doc_id for doc in docs} | {row.doc_id for row in rejects} >= ever
    assert not [row for row in rejects if row.reason == batches.READ_AGAIN]


def live_through(spark: Any, home: Path, params_of: Callable[..., Any], history: Any) -> None:
    same_id, steps = history
    lake, held, ever = Lake(spark, str(home / "lake")), {}, set()
    params = params_of("ingest_docs", data_docs=False, batch_per_folder=True, min_kept=0, max_reject_ratio=1.0, same_id=same_id)
    for changes, n_commits in steps:
        for batch, rows in changes.items():
            write(home / "raw" / batch / "rows.jsonl", rows)
            held[batch] = rows
        run_until(lake, params, home / "raw", n_commits)
        check(lake, held, ever, same_id)
        ever |= {found.doc_id for table in (DOCS, REJECTS) for found in lake.read(table).select("doc_id").collect()}


# y supersedes one document of x and repeats another, then drops both; x then has three texts for two ids. Two of the runs die.
TOLD = ("newest", [
    ({"x": [("a", "one"), ("b", "one")], "y": [("a", "two"), ("b", "one")]}, 7),
    ({"y": [("c", "one")]}, 0),
    ({"x": [("a", "one"), ("a", "two"), ("a", "one"), ("b", "two")]}, 2),
])  # fmt: skip


@FEW
@given(history=histories)
@example(history=TOLD)
def test_batches_that_change_and_runs_that_die_lose_no_row(spark: Any, tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any], history: Any) -> None:
    live_through(spark, tmp_path_factory.mktemp(f"history-{next(NUMBER)}"), params_of, history)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@HEAVY
@given(history=histories)
def test_many_histories_of_batches_lose_no_row(spark: Any, tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any], history: Any) -> None:
    live_through(spark, tmp_path_factory.mktemp(f"history-{next(NUMBER)}"), params_of, history)
