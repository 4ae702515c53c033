"""The filters and what comes after them, a few rows each: beside every input row stands what comes out for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import (
    build_corpus,
    dedup_exact,
    filter_quality,
    filter_rules,
    filter_scores,
    measure_text,
    mix_corpus,
    scrub_pii,
)
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import CORPUS, DOCS, EDITS, SIGNALS, VERDICTS
from gristmill.jobs.schema.duplicates import DUPLICATES
from gristmill.jobs.schema.export import MIX
from tests.lakes import copied, measure, read, write

pytestmark = pytest.mark.spark
PROSE = "The miller opened the gate and let the water run on to the wheel. "


@pytest.fixture
def brought(lake: Lake, documents: Callable[..., Any]) -> Callable[..., dict[str, str]]:
    """Documents of these rows ("id", "text", ...) in the lake; the doc_id of each id."""

    def made(rows: list[dict[str, Any]]) -> dict[str, str]:
        documents([{"text": f"Text of {row['id']}.", **row} for row in rows])
        return {row.native_key: row.doc_id for row in read(lake, DOCS)}

    return made


def names(lake: Lake) -> dict[str, str]:
    return {row.doc_id: row.native_key for row in read(lake, DOCS)}


def verdicts(lake: Lake, job: str) -> dict[str, set[tuple[Any, ...]]]:
    """By the document's name: reason, value, limit and rule of each verdict of the job."""
    known = names(lake)
    found: dict[str, set[tuple[Any, ...]]] = {name: set() for name in known.values()}
    for row in read(lake, VERDICTS, job=job):
        found[known[row.doc_id]].add((row.reason, row.value, row.threshold, row.rule))
    return found


def test_measures_that_tests_write_without_a_query_are_those_of_the_job(
    lake: Lake, brought: Callable[..., Any], documents: Callable[..., Any], params_of: Callable[..., Any], tmp_path: Path
) -> None:
    brought([{"id": name, "text": text} for name, (_, text, _) in JUDGED_BY_RULES.items()])
    documents([{"id": "blank", "text": " "}], "two")
    twin, params = copied(lake, tmp_path / "twin"), params_of("measure_text")
    outcome = run_job(measure_text.JOB, params, lake)
    written = measure(twin, params)
    rows = [sorted(map(str, read(each, SIGNALS))) for each in (lake, twin)]
    assert len(rows[0]) == len(JUDGED_BY_RULES) + 1
    assert rows[0] == rows[1]
    assert (written.batches, written.counts) == (outcome.batches, outcome.counts)
    assert measure(twin, params).batches == () == run_job(measure_text.JOB, params, twin).batches, "done, as far as the job knows"


SURE = "how sure the language model is"  # signals.lang_score
# name: domain, text -> the rules that leave it out, with value and limit
JUDGED_BY_RULES: dict[str, tuple[str, str, set[tuple[Any, ...]]]] = {
    "long enough": ("wiki", PROSE * 2, set()),
    "short": ("wiki", PROSE, {("too_few_words", 14.0, 20.0, "own.min_words")}),
    "short, of no route": ("code", PROSE, set()),
    "signs": ("wiki", PROSE * 2 + "# " * 20, {("too_many_symbols", 20 / 50, 0.1, "own.max_hash_ratio")}),
    "short and signs": (
        "wiki",
        "The mill # # # stood.",
        {("too_few_words", 3.0, 20.0, "own.min_words"), ("too_many_symbols", 3 / 7, 0.1, "own.max_hash_ratio")},
    ),
    "another language, short": (
        "wiki",
        "Le meunier ouvrit la porte du moulin et la rivière fit tourner la grande roue.",
        {("other_language", SURE, None, "languages"), ("too_few_words", 15.0, 20.0, "own.min_words")},
    ),
}


def test_judge_rules(lake: Lake, brought: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    brought([{"id": name, "domain": domain, "text": text} for name, (domain, text, _) in JUDGED_BY_RULES.items()])
    preset = {"own": {"preset": "own", "about": "", "line_drops": False, "limits": {"min_words": 20, "max_hash_ratio": 0.1}}}
    routes = [{"lang": ["any"], "domain": ["wiki"], "presets": ["own"]}, {"lang": ["any"], "domain": ["any"], "presets": []}]
    measure(lake, params_of("measure_text"))
    run_job(filter_rules.JOB, params_of("filter_rules", presets=preset, routes=routes, languages=["en"], min_kept=0), lake)
    sure = {row.lang_score: SURE for row in read(lake, SIGNALS)}
    found = verdicts(lake, "filter_rules")
    told = {name: {(out[0], sure.get(out[1], out[1]), *out[2:]) for out in rows} for name, rows in found.items()}
    assert told == {name: out for name, (_, _, out) in JUDGED_BY_RULES.items()}


HARMFUL, DULL = "filter_scores.limits.0.max_score", "filter_scores.limits.1.min_score"
# name: domain, raw and score of `harm`, score of `worth` -> the verdicts
JUDGED_BY_SCORES: dict[str, tuple[str, float | None, float, float, set[tuple[Any, ...]]]] = {
    "harmless": ("web", 0, 0.0, 0.9, set()),
    "harmful": ("web", 4, 0.8, 0.9, {("harmful", 0.8, 0.5, HARMFUL)}),
    "too few words for a harm": ("web", 2, 0.8, 0.9, set()),
    "at both limits": ("web", 4, 0.5, 0.2, set()),
    "dull": ("web", 0, 0.0, 0.1, {("dull", 0.1, 0.2, DULL)}),
    "dull, where that is no fault": ("books", 0, 0.0, 0.1, set()),
    "harmful and dull": ("web", 9, 0.9, 0.0, {("harmful", 0.9, 0.5, HARMFUL), ("dull", 0.0, 0.2, DULL)}),
    "not scored": ("web", None, 0.0, 0.0, set()),
}


def test_judge_scores(lake: Lake, brought: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    ids = brought([{"id": name, "domain": row[0]} for name, row in JUDGED_BY_SCORES.items()])
    scored = {name: row for name, row in JUDGED_BY_SCORES.items() if row[1] is not None}
    harm = [("score_words", ids[name], "one", "harm", "1", float(raw or 0), score, None) for name, (_, raw, score, _, _) in scored.items()]
    worth = [("score_words", ids[name], "one", "worth", "1", score, score, None) for name, (_, _, _, score, _) in scored.items()]
    write(lake, "scores", harm + worth, "score_words", "one")
    any_score = {"version": None, "domains": None, "max_score": None, "min_score": None, "min_raw": None}
    limits = [
        {**any_score, "scorer": "harm", "max_score": 0.5, "min_raw": 3.0, "reason": "harmful"},
        {**any_score, "scorer": "worth", "min_score": 0.2, "domains": ["web"], "reason": "dull"},
    ]
    run_job(filter_scores.JOB, params_of("filter_scores", skip_rejected_by=[], limits=limits, min_kept=0), lake)
    assert verdicts(lake, "filter_scores") == {name: row[-1] for name, row in JUDGED_BY_SCORES.items()}


# name: language, domain, bin -> the verdict
JUDGED_BY_QUALITY: dict[str, tuple[str, str, int | None, set[tuple[Any, ...]]]] = {
    "web at the limit": ("en", "web", 2, set()),
    "web below": ("en", "web", 1, {("low_quality", 1.0, 2.0, "filter_quality.routes.0.min_bin")}),
    "Chinese web goes by the first route": ("zh", "web", 2, set()),
    "other Chinese below": ("zh", "wiki", 4, {("low_quality", 4.0, 5.0, "filter_quality.routes.1.min_bin")}),
    "the rest stays": ("en", "wiki", 0, set()),
    "of no bin": ("en", "web", None, set()),
}


def test_judge_quality(lake: Lake, brought: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    ids = brought([{"id": name, "domain": row[1]} for name, row in JUDGED_BY_QUALITY.items()])
    bins = [(ids[name], "one", lang, 0.5, at, "tail", "s", "h") for name, (lang, _, at, _) in JUDGED_BY_QUALITY.items() if at is not None]
    write(lake, "quality", bins, "build_quality", "one")
    routes = [
        {"lang": ["any"], "domain": ["web"], "min_bin": 2},
        {"lang": ["zh"], "domain": ["any"], "min_bin": 5},
        {"lang": ["any"], "domain": ["any"], "min_bin": None},
    ]
    run_job(filter_quality.JOB, params_of("filter_quality", skip_rejected_by=[], routes=routes, min_kept=0), lake)
    assert verdicts(lake, "filter_quality") == {name: row[-1] for name, row in JUDGED_BY_QUALITY.items()}


# name: domain, URL, text -> who stays for it, and by what; the longest stays
COPIES: dict[str, tuple[str, str | None, str, tuple[str, str] | None]] = {
    "first": ("books", None, "The river rose in the night.  ", None),
    "loud": ("books", None, "THE RIVER ROSE IN THE NIGHT.", ("first", "content")),
    "other words": ("books", None, "The river rose in the morning.", None),
    "simplified": ("books", None, "这里学习测量水位", ("traditional", "content")),
    "traditional": ("books", None, "這裡學習測量水位。"[:-1] + " ", None),
    "power": ("books", None, "2⁵ is thirty-two", None),
    "no power": ("books", None, "25 is thirty-two", None),
    "page": ("web", "https://www.example.org/a/", "A page that was longer once.", None),
    "page again": ("web", "http://example.org/a#top", "A page, shorter.", ("page", "url")),
    "book of that page": ("books", "http://example.org/a", "A book.", None),
}


def test_dedup_exact(lake: Lake, brought: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    ids = brought([{"id": name, "domain": domain, "url": url, "text": text} for name, (domain, url, text, _) in COPIES.items()])
    ranking = [{"by": "n_bytes", "prefer": "high"}]
    run_job(dedup_exact.JOB, params_of("dedup_exact", skip_rejected_by=[], url_domains=["web"], ranking=ranking, min_kept=0), lake)
    known = {doc_id: name for name, doc_id in ids.items()}
    out = {known[row.doc_id]: (known[row.dup_of], row.method) for row in read(lake, DUPLICATES)}
    assert {name: out.get(name) for name in COPIES} == {name: row[-1] for name, row in COPIES.items()}
    assert {name for name, found in verdicts(lake, "dedup_exact").items() if found} == set(out)


# name: text -> what is found in it, and what is put in its place
SCRUBBED: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "nothing": ("The miller has no address.", []),
    "mail": ("Write to li.wei@mill.example.org, please.", [("li.wei@mill.example.org", "<EMAIL>")]),
    "two": ("电话13812345678，邮箱zhang@abc.com。", [("13812345678", "<PHONE>"), ("zhang@abc.com", "<EMAIL>")]),
    "one that nobody asks for": ("It came from 59.24.3.173 today.", []),
    "left out before": ("Write to wang@mill.example.org.", []),
}


def test_scrub_pii(lake: Lake, brought: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    ids = brought([{"id": name, "text": text} for name, (text, _) in SCRUBBED.items()])
    write(lake, "verdicts", [("filter_rules", ids["left out before"], "one", "too_few_words", 1.0, 2.0, "r", "h")], "filter_rules", "one")
    run_job(scrub_pii.JOB, params_of("scrub_pii", skip_rejected_by=["filter_rules"], placeholders={"email": "<EMAIL>", "phone": "<PHONE>"}), lake)
    known, found = names(lake), {name: [] for name in SCRUBBED}
    for row in sorted(read(lake, EDITS), key=lambda row: row.start):
        name = known[row.doc_id]
        found[name].append((SCRUBBED[name][0][row.start : row.end], row.replacement))
    assert found == {name: row[-1] for name, row in SCRUBBED.items()}


# name: text, who leaves it out, its edits (start, end, replacement) -> text in the corpus (None: not there), documents it stands for
BUILT: dict[str, tuple[str, str | None, list[tuple[int, int, str]], str | None, int]] = {
    "as it came": ("One text.", None, [], "One text.", 1),
    "edited twice": ("To a@b.org or c@d.org.", None, [(3, 10, "<1>"), (14, 21, "<2>")], "To <1> or <2>.", 1),
    "left out": ("Another text.", "filter_rules", [], None, 0),
    "empty once edited": ("a@b.org", None, [(0, 7, "")], None, 0),
    "survivor": ("The same text. ", None, [], "The same text. ", 2),
    "copy": ("The same text.", "dedup_exact", [], None, 0),
}


def test_build_corpus(lake: Lake, brought: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    ids = brought([{"id": name, "text": text} for name, (text, *_) in BUILT.items()])
    measure(lake, params_of("measure_text"))
    for job in ("filter_rules", "dedup_exact"):
        out = [(job, ids[name], "one", "r", 1.0, 2.0, "r", "h") for name, row in BUILT.items() if row[1] == job]
        write(lake, "verdicts", out, job, "one")
    copy = ("dedup_exact", ids["copy"], "one", ids["survivor"], "content", 1.0, min(ids["copy"], ids["survivor"]))
    write(lake, "duplicates", [copy], "dedup_exact", "one")
    edits = [("scrub_pii", ids[name], "one", *edit, "email") for name, row in BUILT.items() for edit in row[2]]
    write(lake, "edits", edits, "scrub_pii", "one")
    given = {"skip_rejected_by": ["filter_rules", "dedup_exact"], "edits": ["scrub_pii"], "min_chars": 1, "min_kept": 0, "data_docs": False}
    run_job(build_corpus.JOB, params_of("build_corpus", **given), lake)
    known = names(lake)
    found = {known[row.doc_id]: (row.text, row.family_size) for row in read(lake, CORPUS)}
    assert {name: found.get(name, (None, 0)) for name in BUILT} == {name: row[-2:] for name, row in BUILT.items()}
    refused = {name: out for name, out in verdicts(lake, "build_corpus").items() if out}
    assert refused == {"empty once edited": {("empty_after_edits", 0.0, 1.0, "build_corpus.min_chars")}}


# name: language, domain, text -> its slice, and how often it stands in the mix (0: not at all)
MIXED: dict[str, tuple[str, str, str, str | None, int]] = {
    "en-1": ("en", "web", "a" * 100, "en", 1),
    "en-2": ("en", "wiki", "b" * 100, "en", 1),
    "zh of half the bytes": ("zh", "web", "c" * 100, "zh", 2),
    "maths, though Chinese": ("zh", "math", "d" * 50, "math", 2),
    "of no slice": ("fr", "web", "e" * 100, None, 0),
    "holds a sentinel": ("zh", "math", "<m>" + "f" * 47, None, 0),
}


def test_mix_corpus(lake: Lake, brought: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    ids = brought([{"id": name} for name in MIXED])
    corpus = [
        (ids[name], "one", 0, "test", None, None, lang, 1.0, domain, text, len(text), 1, 0, None, None, None, None, 0, 1, "0" * 32)
        for name, (lang, domain, text, _, _) in MIXED.items()
    ]
    write(lake, "corpus", corpus, "build_corpus", "one")
    every = {"lang": None, "domain": None, "tier": None}
    # 200 bytes of each, twice each byte of zh and of math at the most
    slices = {
        "math": {**every, "domain": ["math"], "share": 1 / 3},
        "zh": {**every, "lang": ["zh"], "share": 1 / 3},
        "en": {**every, "lang": ["en"], "share": 1 / 3},
    }
    fim = {"rate": 0.0, "spm_rate": 0.0, "prefix": "<p>", "middle": "<m>", "suffix": "<s>"}
    run_job(mix_corpus.JOB, params_of("mix_corpus", slices=slices, fim=fim, max_epochs=2.0, min_kept=0), lake)
    known = names(lake)
    found = Counter((known[row.doc_id], row.slice) for row in read(lake, MIX))
    assert found == Counter({(name, row[3]): row[4] for name, row in MIXED.items() if row[4]})
    assert {name for name, out in verdicts(lake, "mix_corpus").items() if out} == {"holds a sentinel"}
