"""What a later batch does to the corpus: rows that changed are written, no others, and the rest is as a first run makes it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gristmill.jobs.build_corpus import JOB as CORPUS_JOB
from gristmill.jobs.dedup_exact import JOB as EXACT
from gristmill.jobs.filter_rules import JOB as RULES
from gristmill.jobs.lake import maintenance
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.documents import CORPUS, DOCS, VERDICTS
from gristmill.jobs.scrub_pii import JOB as SCRUB
from tests.lakes import measure, read

pytestmark = pytest.mark.spark
HEEDS = ["filter_rules", "dedup_exact"]


def rows(numbers: range, tag: str = "") -> list[dict[str, str]]:
    texts = {n: f"Number {n} of the mill's letters goes to mill{n}@example.org and nobody else." for n in numbers}
    return [{"id": f"{tag}{n}", "text": text} for n, text in texts.items()]


@pytest.fixture
def curated(lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any]) -> Callable[..., dict[str, int]]:
    """Brings a batch, runs the jobs, and gives what the last commit to corpus did."""

    def run(new: list[dict[str, str]] | None = None, batch: str = "one", **changes: Any) -> dict[str, int]:
        if new:
            documents(new, batch)
        measure(lake, params_of("measure_text"))
        routes = [{"lang": ["any"], "domain": ["any"], "presets": []}]
        run_job(RULES, params_of("filter_rules", min_kept=0, routes=routes, languages=None), lake)
        ranking = [{"by": "batch", "prefer": changes.pop("prefer", "low")}]
        run_job(EXACT, params_of("dedup_exact", skip_rejected_by=["filter_rules"], ranking=ranking, min_kept=0), lake)
        placeholders = {"email": changes.pop("email", "<EMAIL>")}
        run_job(SCRUB, params_of("scrub_pii", skip_rejected_by=HEEDS, placeholders=placeholders), lake)
        given = {"skip_rejected_by": HEEDS, "edits": ["scrub_pii"], "min_kept": 0, "min_chars": 1, "data_docs": False}
        run_job(CORPUS_JOB, params_of("build_corpus", **{**given, **changes}), lake)
        log = lake.folder(CORPUS) / "_delta_log" / f"{lake.latest(CORPUS):020}.json"
        [done] = [action["commitInfo"] for action in map(json.loads, log.read_text().splitlines()) if "commitInfo" in action]
        return {key: int(value) for key, value in done["operationMetrics"].items() if value.isdecimal()}

    return run


def made_anew(lake: Lake, run: Callable[..., Any], **changes: Any) -> list[Any]:
    """The rows of corpus as a run writes them that finds none."""
    maintenance.drop(lake, CORPUS)
    run(**changes)
    return sorted(read(lake, CORPUS))


def changed(metrics: dict[str, int]) -> tuple[int, int, int, int]:
    """Rows inserted, updated, deleted; files that were written anew."""
    names = ("RowsInserted", "RowsUpdated", "RowsDeleted", "FilesRemoved")
    return tuple(metrics[f"numTarget{name}"] for name in names)  # type: ignore[return-value]


def test_a_batch_writes_its_own_rows_and_those_beside_which_something_changed(lake: Lake, curated: Callable[..., Any]) -> None:
    curated(rows(range(12)))
    before = {row.doc_id: row for row in read(lake, CORPUS)}
    done = curated(rows(range(9, 15), "new-"), "two")  # 9, 10 and 11 came before, and stay for two documents each
    assert changed(done) == (3, 3, 0, 0)
    found = sorted(read(lake, CORPUS))
    assert {row.n_duplicates for row in found} == {0, 1}
    assert sum(before.get(row.doc_id) == row for row in found) == 9
    assert found == made_anew(lake, curated)


def test_a_batch_of_better_copies_takes_the_others_out(lake: Lake, curated: Callable[..., Any]) -> None:
    curated(rows(range(12)), prefer="high")
    assert changed(curated(rows(range(9, 15), "new-"), "two", prefer="high")) == (6, 0, 3, 0)
    found = sorted(read(lake, CORPUS))
    assert {row.batch_id for row in found if row.n_duplicates} == {"two"}
    assert len(found) == 15
    assert found == made_anew(lake, curated, prefer="high")


def test_other_edits_and_a_higher_bound_change_the_rows_that_they_concern(lake: Lake, curated: Callable[..., Any]) -> None:
    curated([*rows(range(6)), {"id": "short", "text": "a@b.example.org"}, {"id": "plain", "text": "No address here."}])
    assert changed(curated(email="<mail>")) == (0, 7, 0, 0)
    assert {"<mail>"} == {row.text for row in read(lake, CORPUS) if len(row.text) < 8}
    assert changed(curated(email="<mail>", min_chars=8)) == (0, 0, 1, 0)
    verdict = [row for row in read(lake, VERDICTS) if row.job == "build_corpus"]
    assert [(row.reason, row.value, row.threshold) for row in verdict] == [("empty_after_edits", 6.0, 8.0)]
    assert changed(curated(email="<mail>", min_chars=2)) == (1, 0, 0, 0)
    assert sorted(read(lake, CORPUS)) == made_anew(lake, curated, email="<mail>", min_chars=2)


def test_a_run_that_died_behind_its_commit_leaves_nothing_to_write(lake: Lake, curated: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    curated(rows(range(6)))

    def dies(self: Lake, table: Any, version: int) -> None:
        if table.name == "corpus":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Lake, "committed", dies)
        with pytest.raises(KeyboardInterrupt):
            curated(rows(range(4, 9), "new-"), "two")
    version = lake.latest(CORPUS)
    curated()
    assert lake.read(CORPUS, Runs(lake).versions()["corpus"]).count() == 9
    assert {row["text"] for row in lake.read(CORPUS, version).collect()} == {row.text for row in read(lake, CORPUS)}
    assert len(read(lake, DOCS)) == 11
