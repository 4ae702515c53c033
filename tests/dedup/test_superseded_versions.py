"""A document that a later batch supersedes leaves every index: the result is that of a lake on which the jobs ran for the first time."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import dedup_boilerplate, dedup_minhash, dedup_passages, dedup_simhash
from gristmill.jobs.ingest_docs import JOB as INGEST
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import DOCS, EDITS, VERDICTS
from gristmill.jobs.schema.duplicates import DUPLICATES, PAIRS, PASSAGES
from tests.lakes import measure, read
from tests.whole.test_batch_histories import write

pytestmark = pytest.mark.spark
WORDS = "amber basin cedar delta ember fjord grove heath inlet jetty knoll ledge marsh notch orbit patch quarry ridge slope tarn".split()
JOBS = (dedup_minhash.JOB, dedup_simhash.JOB, dedup_passages.JOB, dedup_boilerplate.JOB)


def prose(seed: int, n: int = 160) -> list[str]:
    draw = random.Random(seed)
    return [draw.choice(WORDS) + str(draw.randrange(50)) for _ in range(n)]


def changed(words: list[str], tag: str) -> str:
    return " ".join(tag + word if i % 70 == 35 else word for i, word in enumerate(words))


def batches() -> dict[str, list[tuple[str, str]]]:
    """Of document `a` the first batch has a version that `b` copies and whose passage stands in `c`; the second batch has another, with neither."""
    first, passage, second = prose(1), " ".join(prose(2, 60)), prose(3)
    old = " ".join(first) + " " + passage + " " + " ".join(prose(5, 80))
    menu = "\n".join(f"Menu entry number {name} of the old site" for name in ("one", "two", "three", "four"))
    pages = [(f"page{i}", f"{menu}\n{' '.join(prose(20 + i, 60))}") for i in range(10)]
    return {
        "one": [("a", old), ("b", changed(old.split(), "x")), ("c", f"{passage} {' '.join(prose(4))}"), ("d", " ".join(second)), *pages],
        "two": [("a", changed(second, "y")), ("page9", " ".join(prose(40)))],
    }


@pytest.fixture(scope="module")
def both(new_lake: Callable[[Path], Lake], tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any]) -> tuple[Lake, Lake]:
    """A lake on which the jobs ran after each batch, and one on which they ran after the second."""
    home = tmp_path_factory.mktemp("superseded")
    ingest = params_of("ingest_docs", data_docs=False, batch_per_folder=True, min_kept=0, max_reject_ratio=1.0, same_id="newest")
    lakes = new_lake(home / "in_turn"), new_lake(home / "at_once")
    for batch, rows in batches().items():
        write(home / "raw" / batch / "rows.jsonl", rows)
        for lake in lakes:
            run_job(INGEST, ingest, lake, inputs=str(home / "raw"), batch=batch)
            if lake is lakes[0] or batch == "two":
                measure(lake, params_of("measure_text"))
                for job in JOBS:
                    run_job(job, params_of(job.name, skip_rejected_by=[], min_kept=0), lake)
    return lakes


def test_the_older_version_is_superseded(both: tuple[Lake, Lake]) -> None:
    in_turn, at_once = ([row.batch_id for row in read(lake, DOCS) if row.native_key in ("a", "page9")] for lake in both)
    assert in_turn == at_once == ["two", "two"]


@pytest.mark.parametrize("table", [VERDICTS, DUPLICATES, PAIRS, PASSAGES, EDITS], ids=lambda table: table.name)
def test_rows_are_those_of_a_first_run(both: tuple[Lake, Lake], table: Any) -> None:
    in_turn, at_once = (sorted(map(repr, read(lake, table))) for lake in both)
    assert at_once
    assert in_turn == at_once
