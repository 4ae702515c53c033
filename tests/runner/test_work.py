"""What a job looks at again when judges change their word: the documents that they let in, and no others."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs.decontaminate import JOB as DECONTAMINATE
from gristmill.jobs.dedup_exact import JOB as EXACT
from gristmill.jobs.filter_rules import JOB as RULES
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.documents import Documents
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.documents import DOCS, EDITS, VERDICTS
from gristmill.jobs.schema.duplicates import CONTAMINATION
from gristmill.jobs.scrub_pii import JOB as SCRUB
from tests.lakes import bring, copied, measure, read

pytestmark = pytest.mark.spark
HEEDS = ["filter_rules", "dedup_exact"]
QUESTION = "How many sacks of flour does the old miller carry up the long hill before noon?"
WORDS = "river mill wheel stone flour grain sack barn field horse cart road bridge village winter summer".split()


def text_of(number: int) -> str:
    told = " ".join(WORDS[(number * 7 + i * i) % len(WORDS)] for i in range(60))
    return f"{told}. Write to mill{number}@example.org about it. {QUESTION if number % 3 == 0 else ''}"


def rows(numbers: range, tag: str = "") -> list[dict[str, str]]:
    return [{"id": f"{tag}{number}", "text": text_of(number)} for number in numbers]


@pytest.fixture(scope="module")
def run(params_of: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Callable[..., list[Any]]:
    """`run(lake, folder, rows, batch)`: brings the rows, runs the jobs; gives what SCRUB and DECONTAMINATE said of themselves."""
    exact = {"skip_rejected_by": ["filter_rules"], "ranking": [{"by": "batch", "prefer": "high"}], "min_kept": 0}
    routes = [{"lang": ["any"], "domain": ["any"], "presets": []}]
    rules = params_of("filter_rules", min_kept=0, routes=routes, languages=None)
    file = tmp_path_factory.mktemp("benchmark") / "questions.jsonl"
    file.write_text(json.dumps({"id": "1", "question": QUESTION}) + "\n", encoding="utf-8")
    columns = {"benchmark": "=ours", "item": "id", "text": "question"}
    against = params_of("decontaminate", skip_rejected_by=HEEDS, min_kept=0, benchmarks=[{"file": str(file), "columns": columns}])

    def made(lake: Lake, folder: Path, new: list[dict[str, str]] | None = None, batch: str = "one", **changes: Any) -> list[Any]:
        if new:
            bring(lake, folder, new, params_of("ingest_docs"), batch)
        measure(lake, params_of("measure_text"))
        run_job(RULES, rules, lake)
        run_job(EXACT, params_of("dedup_exact", **{**exact, **changes}), lake)
        return [run_job(SCRUB, params_of("scrub_pii", skip_rejected_by=HEEDS), lake), run_job(DECONTAMINATE, against, lake)]

    return made


@dataclass(frozen=True)
class Ran:
    """A lake, what SCRUB and DECONTAMINATE said there the last time, and the documents that they looked at. Read it, do not write to it."""

    lake: Lake
    said: list[Any]
    seen: list[tuple[str, int]]


@pytest.fixture(scope="module")
def ran(new_lake: Callable[[Path], Lake], run: Callable[..., list[Any]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Ran]:
    """After a first batch; a second one with newer copies of five texts of the first; and the judges' word that the older copies stay."""
    home, lake = tmp_path_factory.mktemp("ran"), None
    steps: dict[str, dict[str, Any]] = {
        "first": {"new": rows(range(20))},
        "second": {"new": rows(range(15, 25), "new-"), "batch": "two"},
        "turned": {"ranking": [{"by": "batch", "prefer": "low"}]},
    }
    made = {}
    for name, given in steps.items():
        lake = copied(lake, home / name) if lake else new_lake(home / name)
        with pytest.MonkeyPatch.context() as patch:
            seen = looked_at(patch)
            made[name] = Ran(lake, run(lake, home / "raw", **given), seen)
    return made


@pytest.fixture
def lake(ran: dict[str, Ran], tmp_path: Path) -> Lake:
    """A lake after the first batch."""
    return copied(ran["first"].lake, tmp_path / "lake")


@pytest.fixture
def work(lake: Lake, run: Callable[..., list[Any]], tmp_path: Path) -> Callable[..., list[Any]]:
    """`run` on that lake."""
    return lambda *args, **changes: run(lake, tmp_path / "raw", *args, **changes)


def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """(job, documents) of each use of Documents.to_look_at from here on."""
    seen: list[tuple[str, int]] = []
    whole = Documents.to_look_at

    def told(self: Documents, *args: Any) -> Any:
        found = whole(self, *args)
        seen.append((self.tables.job.name, found.count()))
        return found

    monkeypatch.setattr(Documents, "to_look_at", told)
    return seen


def slices(lake: Lake) -> dict[str, list[Any]]:
    """The rows of both jobs, sorted, without what names a run."""
    found = {}
    for table, job in ((EDITS, SCRUB), (CONTAMINATION, DECONTAMINATE), (VERDICTS, DECONTAMINATE)):
        found[f"{table.name} of {job.name}"] = sorted(read(lake, table, job=job.name), key=str)
    return found


def test_a_second_batch_has_old_documents_looked_at_only_where_their_judges_changed_their_word(ran: dict[str, Ran]) -> None:
    # Texts 15 to 19 came again, and the newer copy stays: five old documents leave, ten of the new batch are looked at.
    lake, (scrubbed, _) = ran["second"].lake, ran["second"].said
    assert ran["second"].seen == [("scrub_pii", 10), ("decontaminate", 10)]
    assert (scrubbed.counts.rows_in, scrubbed.counts.rows_kept) == (25, 25)
    kept = {row.doc_id for row in JobContext(lake, Runs(lake), SCRUB, "", ("one", "two")).documents.kept(HEEDS).collect()}
    assert {row.doc_id for row in read(lake, EDITS, job="scrub_pii")} == kept
    assert {row.doc_id for row in read(lake, CONTAMINATION)} <= kept
    # The judges take their word back: the five are let in again, their copies leave.
    assert ran["turned"].seen == [("scrub_pii", 5), ("decontaminate", 5)]
    assert [each.counts.rows_in for each in ran["turned"].said] == [25, 25]
    assert {row.batch_id for row in read(ran["turned"].lake, EDITS) if row.doc_id not in kept} == {"one"}


def test_what_stands_is_what_a_first_run_over_all_batches_gives(
    ran: dict[str, Ran], run: Callable[..., list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = copied(ran["turned"].lake, tmp_path / "lake")
    parts, judged = slices(lake), [Runs(lake).finished(job.name)[-1]["rows_left_out"] for job in (DECONTAMINATE,)]
    assert all(parts.values())
    monkeypatch.setattr("gristmill.jobs.runner.run.work_of", lambda tables, params: tables.documents.work)  # whole batches
    monkeypatch.setattr(Runs, "is_fresh", lambda *_: False)
    run(lake, tmp_path / "raw", ranking=[{"by": "batch", "prefer": "low"}])
    assert slices(lake) == parts
    assert [Runs(lake).finished(job.name)[-1]["rows_left_out"] for job in (DECONTAMINATE,)] == judged


def test_a_run_that_died_half_way_is_made_again_whole(lake: Lake, work: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    commits: list[int] = []

    def dies(self: Lake, table: Any, version: int) -> None:
        commits.extend([version] if table.name == "edits" else [])
        if len(commits) == 2:  # the first is of filter_rules, the second takes out what scrub_pii said of those that left
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "committed", dies)
        with pytest.raises(KeyboardInterrupt):
            work(rows(range(15, 25), "new-"), "two")
    seen = looked_at(monkeypatch)
    work()
    assert seen[0] == ("scrub_pii", 25)
    edits = read(lake, EDITS, job="scrub_pii")
    assert len(edits) == 25 == len(set(edits))


def test_where_the_judges_words_of_then_are_gone_all_is_looked_at(lake: Lake, work: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = lake.read

    def gone(table: Any, version: int | None = None) -> Any:
        if table.name == "verdicts" and version is not None and version < lake.latest(VERDICTS) - 1:
            raise RuntimeError("DELTA_FILE_NOT_FOUND version of 00000000000000000003.json")
        return whole(table, version)

    seen = looked_at(monkeypatch)
    with monkeypatch.context() as patch:
        patch.setattr(lake, "read", gone)
        work(rows(range(15, 25), "new-"), "two")
    assert seen == [("scrub_pii", 25), ("decontaminate", 25)]
    assert len(read(lake, DOCS)) == 30


def test_batches_of_which_a_job_says_what_it_said_before_are_left_alone_and_looked_at_by_nobody(
    new_lake: Callable[[Path], Lake], run: Callable[..., list[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = new_lake(tmp_path / "lake")
    work = functools.partial(run, lake, tmp_path / "raw")
    work(rows(range(10)) + rows(range(5), "again-"))  # five copies in one batch
    assert [row.batch_id for row in read(lake, VERDICTS, job="dedup_exact")] == ["one"] * 5
    files = {path.name for path in lake.folder(VERDICTS).glob("job=dedup_exact/batch_id=one/*.parquet")}
    seen = looked_at(monkeypatch)
    outcomes = work(rows(range(40, 50)), "two")
    assert [each.batches for each in outcomes] == [("two",), ("two",)]
    assert seen == [("scrub_pii", 10), ("decontaminate", 10)]
    [*_, exact] = Runs(lake).finished("dedup_exact")
    assert (exact.batches, exact.batches_changed) == (["one", "two"], {"verdicts": []})
    # A copy of a text of the third batch changes that batch alone.
    work(rows(range(60, 65)) + rows(range(60, 62), "again-"), "three")
    [*_, exact] = Runs(lake).finished("dedup_exact")
    assert exact.batches_changed == {"verdicts": ["three"]}
    assert {path.name for path in lake.folder(VERDICTS).glob("job=dedup_exact/batch_id=one/*.parquet")} == files
    # An older document leaves for a copy of the fourth: its batch is looked at again.
    outcomes = work(rows(range(43, 45), "late-"), "four")
    assert [each.batches for each in outcomes] == [("two", "four"), ("two", "four")]
    # All of it is what a lake says to which everything came at once, by the same code without a comparison.
    said = sorted(read(lake, VERDICTS, job="dedup_exact"), key=str)
    monkeypatch.setattr("gristmill.jobs.runner.commit.batches_that_differ", lambda *_: ["one", "two", "three", "four"])
    monkeypatch.setattr(Runs, "is_fresh", lambda *_: False)
    work()
    assert sorted(read(lake, VERDICTS, job="dedup_exact"), key=str) == said
    assert len(said) == 5 + 2 + 2


def test_verdicts_of_a_run_that_died_are_written_again_even_where_they_are_the_same(
    lake: Lake, work: Callable[..., list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(self: Lake, table: Any, version: int) -> None:
        if table.name == "verdicts" and read(self, VERDICTS, job="dedup_exact"):
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "committed", dies)
        with pytest.raises(KeyboardInterrupt):
            work(rows(range(15, 20), "new-"), "two")
    assert len(read(lake, VERDICTS, job="dedup_exact")) == 5  # there, and no finished run has written them
    work()
    assert Runs(lake).pin("verdicts").version == lake.latest(VERDICTS)
    [*_, exact] = Runs(lake).finished("dedup_exact")
    assert "verdicts" in exact.versions_written
    assert exact.batches_changed == {}
