"""What every job owes, asked of every file of jobs/: a run that was killed is run again to the same rows, in whatever
order, files and partitions the input came; a second run has nothing to do; a batch of no document goes through.

One walk makes the lake in peace. Another one walks beside it on the same rows in another order, in other files and
partitions, and each of its jobs is killed once (tests/support/every_job.py says where). Then both lakes must hold the same.
A third walk brings no document. What else a walk must show: that each job had something to do (LEAVES_NO_ROWS).
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import curate
from gristmill.jobs.core.errors import GristmillError
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run_log import Runs
from tests.support import every_job
from tests.support.every_job import Stop
from tests.support.sessions import staged
from tests.support.warc import warc_members

pytestmark = [pytest.mark.spark, pytest.mark.timeout(1800)]  # a walk is one set-up
NAMES = curate.job_names()
# Jobs that stop at a lake without a document, and what they say.
NEEDS_DOCUMENTS = {
    "train_classifier": "the lake has no example of the slices in the recipe; nothing written",
    "train_lm": "no text to learn from",
    "export_shards": "has no text to export; nothing written",
    # these read what the first two have not made
    "score_classifier": "models: no finished run has written it",
    "score_perplexity": "models: no finished run has written it",
    "build_quality": "models: no finished run has written it",
    "filter_quality": "quality: no finished run has written it",
}
# Jobs that leave no row of their own on this walk: what they leave, or why none.
LEAVES_NO_ROWS = {
    "export_shards": "files, which are compared byte by byte",
    "score_transformer": "scores, which stand there already, written by hand, since no such model runs here",
    "report_run": "a page, which tells when it was drawn; tests/jobs/test_report_run.py reads it",
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def stops(models: Path) -> list[Stop]:
    return every_job.stops(models)


@pytest.fixture(scope="module")
def raw(demo_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Some dozen rows of the demo, broken ones and copies among them, and its crawl: as they came, and in another order in more files."""
    home = tmp_path_factory.mktemp("raw")
    batch = demo_raw / "batch-1"
    rows = every_job.input_rows(next(path for path in sorted(batch.rglob("part-*.jsonl"))).read_bytes().splitlines())
    mixed = random.Random(7).sample(rows, len(rows))
    files = {"peace": {"rows": rows}, "killed": {"a": mixed[:20], "b": mixed[20:21], "c": mixed[21:]}}
    records = warc_members((demo_raw / "crawl" / "part-0.warc.gz").read_bytes())
    shuffled = random.Random(7).sample(records, len(records))
    crawls = {"peace": {"rows": records}, "killed": {"a": shuffled[:50], "b": shuffled[50:]}}
    for walk, parts in files.items():
        for folder in (every_job.BATCH, "pages"):
            (home / walk / folder).mkdir(parents=True)
        for name, lines in parts.items():
            (home / walk / every_job.BATCH / f"{name}.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))
        for name, members in crawls[walk].items():
            (home / walk / "pages" / f"{name}.warc.gz").write_bytes(b"".join(members))
    return {walk: home / walk for walk in files}


@pytest.fixture(scope="module")
def sessions(spark: Any) -> dict[str, Any]:
    """A session for each walk, since they run at once: of the same Spark, with partitions of their own."""
    made = {"peace": spark.newSession(), "killed": spark.newSession(), "empty": spark.newSession()}
    for session, n in zip(made.values(), (1, 2, 1), strict=True):
        session.conf.set("spark.sql.shuffle.partitions", str(n))
    return made


@pytest.fixture(scope="module")
def walked(
    sessions: dict[str, Any], stops: list[Stop], models: Path, raw: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """By stop, what `in_peace`, `killed` and `of_no_document` have seen."""
    home, seen, behind = tmp_path_factory.mktemp("walks"), {}, {}
    # Planning keeps one core busy. The killed walk is a step behind, for it must know how many commits a job makes.
    with ThreadPoolExecutor(1) as pool:
        for stop in stops:
            seen[stop.name] = in_peace(stop, Lake(sessions["peace"], str(home / "peace")), str(raw["peace"]))
            lake = functools.partial(Lake, sessions["killed"], str(home / "killed"))
            behind[stop.name] = pool.submit(killed, stop, lake, str(raw["killed"]), seen[stop.name]["commits"], models)
            if any(future.done() and future.exception() for future in behind.values()):
                break
        else:
            for batch, name in ((every_job.BATCH, "rows.jsonl"), ("pages", "rows.warc.gz")):
                (home / "none" / batch).mkdir(parents=True)
                (home / "none" / batch / name).write_bytes(b"")
            for stop in stops:
                seen[stop.name]["empty"] = of_no_document(stop, Lake(sessions["empty"], str(home / "empty")), str(home / "none"))
        return {name: {**here, **behind[name].result()} for name, here in seen.items()}


def in_peace(stop: Stop, lake: Lake, inputs: str) -> dict[str, Any]:
    """How many commits the job makes and rows it adds, what it leaves, and what a second run does."""
    stop.before(lake)
    n_before = every_job.own(lake, stop.job)
    commits = every_job.counted(stop, lake, inputs)
    rows, left = every_job.own(lake, stop.job) - n_before, every_job.told(lake, stop)
    return {"commits": commits, "rows": rows, "peace": left, "again": every_job.run(stop, Lake(lake.spark, lake.where), inputs)}


def killed(stop: Stop, lake: Callable[[], Lake], inputs: str, commits: int, models: Path) -> dict[str, Any]:
    """Whether a run died, what others see of it, and what the next run leaves. `lake()`: as a process finds it that has just started."""
    stop.before(lake())
    died = every_job.killed(stop, lake(), inputs, commits, models)
    covered = Runs(lake()).covers(stop.job.name, stop.batch)
    every_job.run(stop, lake(), inputs)
    return {"died": died, "covered": covered, "staged": staged(lake(), stop.job.name), "killed": every_job.told(lake(), stop)}


def of_no_document(stop: Stop, lake: Lake, inputs: str) -> str:
    """ok, what came in place of nothing, or the words of the error."""
    try:
        outcome = every_job.run(stop, lake, inputs)
    except GristmillError as error:
        return f"{type(error).__name__}: {error}"
    counts = outcome.counts
    is_none = counts is None or (counts.rows_in, counts.rows_kept, counts.rows_left_out) == (0, 0, 0)
    return "ok" if outcome.batches == (stop.batch,) and is_none else f"{outcome}"


def test_every_job_is_on_the_way(stops: list[Stop]) -> None:
    assert {stop.job.name for stop in stops} == set(NAMES), "a job that is not stands in tests/support/every_job.py"


@pytest.mark.parametrize("name", NAMES)
def test_a_killed_run_on_shuffled_input_is_run_again_to_the_same_rows(walked: dict[str, Any], name: str) -> None:
    mine = {stop: seen for stop, seen in walked.items() if stop.split(" ")[0] == name}
    assert mine
    for stop, seen in mine.items():
        assert seen["died"], f"{stop}: its run ended before it was to be killed"
        assert not seen["covered"], f"{stop}: others take what the killed run wrote for finished"
        assert not seen["staged"], f"{stop}: the killed run's files in staging are there still"
        assert (seen["rows"] > 0) != (name in LEAVES_NO_ROWS), f"{stop} leaves {seen['rows']} rows"
        assert seen["killed"].keys() == seen["peace"].keys()
        for table, rows in seen["peace"].items():
            assert seen["killed"][table] == rows, f"{stop}: {table}"


@pytest.mark.parametrize("name", NAMES)
def test_a_second_run_has_nothing_to_do(walked: dict[str, Any], name: str) -> None:
    mine = [seen["again"] for stop, seen in walked.items() if stop.split(" ")[0] == name]
    assert mine
    assert {(each.batches, each.counts) for each in mine} == {((), None)}


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_of_no_document_goes_through(walked: dict[str, Any], name: str) -> None:
    mine = {stop: seen["empty"] for stop, seen in walked.items() if stop.split(" ")[0] == name}
    assert mine
    for stop, said in mine.items():
        if name in NEEDS_DOCUMENTS:
            assert NEEDS_DOCUMENTS[name] in said, stop
        else:
            assert said == "ok", stop


def test_the_tables_of_exceptions_name_jobs() -> None:
    assert set(LEAVES_NO_ROWS) | set(NEEDS_DOCUMENTS) <= set(NAMES)
