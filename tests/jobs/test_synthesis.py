"""Documents go out once, whole and in their shares; answers come home once, and every request is accounted for."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest

from gristmill.jobs.core.errors import ConfigError, ContractError, DataError
from gristmill.jobs.export_candidates import JOB as EXPORT
from gristmill.jobs.export_candidates import Params, quotas
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.merge_samples import JOB as MERGE
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import CORPUS
from gristmill.jobs.schema.synthesis import SAMPLES, SEGMENTS, SYNTH_REQUESTS
from tests.lakes import read, write

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


def corpus_row(doc: str, lang: str, text: str, domain: str = "web") -> tuple[Any, ...]:
    return (doc, "b", 0, "s", None, None, lang, 1.0, domain, text, len(text), 3, 0, None, None, None, None, 0, 1, "c")


def small_corpus(lake: Lake) -> dict[str, str]:
    texts = {f"e{i}": f"Paragraph one of {i}.\n\nParagraph two is here. " * 3 for i in range(8)}
    texts |= {f"a{i}": f"第{i}段。山高水长。\n\n" * 12 for i in range(4)} | {"f0": "Un document en français. " * 6, "0": "x"}
    write(lake, "docs", [])
    write(lake, "corpus", [corpus_row(k, {"f": "fr", "a": "zh"}.get(k[0], "en"), v) for k, v in texts.items()])
    return texts


EXPORTED = {
    "languages": {"en": 0.5, "zh": 0.25, "other": 0.25}, "max_documents": 8, "min_chars": 10, "part_requests": 5,
    "chunk": {"max_tokens": 20, "tokens_per_han": 1.0, "tokens_per_char": 0.3},
}  # fmt: skip


@pytest.mark.spark
def test_documents_go_out_in_their_shares_once_and_chunks_joined_are_the_text(lake: Lake, params_of: Callable[..., Any], spark: Any) -> None:
    texts = small_corpus(lake)
    params = params_of("export_candidates", **EXPORTED)
    outcome = run_job(EXPORT, params, lake)
    assert outcome.counts is not None
    assert (outcome.counts.rows_in, outcome.counts.rows_kept) == (14, 7)  # 4 en, 2 zh, and the one French document of its share of 2
    assert outcome.counts.reasons == {"not_sampled": 6, "too_short": 1}

    rows = read(lake, SYNTH_REQUESTS)
    by_doc: dict[str, list[Any]] = {}
    for row in sorted(rows, key=lambda row: (row.doc_id, row.chunk)):
        by_doc.setdefault(row.doc_id, []).append(row)
    assert sorted(key[0] for key in by_doc) == ["a", "a", "e", "e", "e", "e", "f"]
    for doc, chunks in by_doc.items():
        assert "".join(row.text for row in chunks) == texts[doc]
        assert [texts[doc][row.start : row.end] for row in chunks] == [row.text for row in chunks]
    parts = {name: sum(row.part == name for row in rows) for name in {row.part for row in rows}}
    assert max(parts.values()) == 5
    assert sum(size < 5 for size in parts.values()) <= 1

    # nothing to do; then a larger sample keeps what is queued and adds to it, each chunk once
    assert run_job(EXPORT, params, lake).counts is None
    run_job(EXPORT, params_of("export_candidates", **{**EXPORTED, "max_documents": 12}), lake)
    more = read(lake, SYNTH_REQUESTS)
    assert {row.request_id for row in rows} < {row.request_id for row in more}
    assert len({row.request_id for row in more}) == len(more)
    assert all(sum(row.part == name for row in more) <= 5 for name in {row.part for row in more})

    # however the corpus is stored, the same requests in the same parts
    other = Lake(spark, f"{lake.where}-other", 2)
    write(other, "docs", [])
    shuffled = sorted(read(lake, CORPUS), key=lambda row: (row.n_chars, row.text))
    for part in range(3):  # a file each
        write(other, "corpus", [(*row[:2], int(row.doc_id, 16) % 2, *row[3:]) for row in shuffled[part::3]])
    run_job(EXPORT, params, other)
    assert {(r.request_id, r.part) for r in read(other, SYNTH_REQUESTS)} == {(r.request_id, r.part) for r in rows}

    with pytest.raises(ContractError, match="no finished run has written quality"):
        run_job(EXPORT, params_of("export_candidates", **{**EXPORTED, "bins": [19]}), lake)
    with pytest.raises(DataError, match="would export 0 documents; nothing written"):
        run_job(EXPORT, params_of("export_candidates", **{**EXPORTED, "domains": ["none"]}), lake)
    write(lake, "quality", [(k, "b", "en", 0.9, 19 if k == "e1" else 3, "head", "s", "h") for k in ("e1", "e2")])
    best = run_job(EXPORT, params_of("export_candidates", **{**EXPORTED, "bins": [19]}), lake)
    assert best.counts is not None
    assert (best.counts.rows_kept, best.counts.reasons["other_bin"], best.counts.reasons["not_scored"]) == (1, 1, 11)


def answer(request: str, part: str, step: str, ordinal: int, parsed: Any, error: str | None, tokens: int | None) -> tuple[Any, ...]:
    said = None if parsed is None else json.dumps(parsed, ensure_ascii=False)
    return (request, part, step, ordinal, 0, True, said, None, error, "stop", tokens, tokens, 0.1, "m", "{}", "h", NOW)


@pytest.mark.spark
def test_answers_become_samples_once_and_requests_are_with_sample_failed_or_pending(lake: Lake, params_of: Callable[..., Any]) -> None:
    write(lake, "docs", [])
    asked = [(f"r{i}", "p", "cot", "1-a", "d", "b", None, i, i * 10, i * 10 + 10, "en", "web", f"text no. {i}") for i in range(5)]
    write(lake, "synth_requests", asked)
    spans = [{"start": 0, "end": 4, "status": "start", "marker": None, "summary": "s0"}, {"start": 4, "end": 10, "status": "fallback", "marker": "x", "summary": "s1"}]
    first = [
        answer("r0", "p", "cot", 0, "...", None, 100),
        answer("r0", "p", "result", 0, {"question": "Q?", "cot": "1. a", "answer": None, "segments": spans}, None, None),
        answer("r1", "p", "result", 0, {"question": "Q0", "answer": "A0"}, None, None),
        answer("r1", "p", "result", 1, {"question": "Q1", "answer": "A1"}, None, None),
        answer("r2", "p", "result", 0, None, "malformed: no summary", None),
    ]
    write(lake, "synth_answers", first, "worker")
    outcome = run_job(MERGE, params_of("merge_samples"), lake)
    assert outcome.counts is not None
    assert (outcome.counts.rows_in, outcome.counts.rows_kept, outcome.counts.reasons) == (5, 2, {"pending": 2, "malformed": 1})
    samples = {(row.request_id, row.ordinal): row for row in read(lake, SAMPLES)}
    assert set(samples) == {("r0", 0), ("r1", 0), ("r1", 1)}
    one = samples["r0", 0]
    assert (one.question, one.cot, one.n_segments, one.aligned_ratio, one.prompt_tokens, one.source_text) == ("Q?", "1. a", 2, 0.5, 100, "text no. 0")
    assert [(row.segment, row.start, row.end, row.status, row.summary) for row in sorted(read(lake, SEGMENTS), key=lambda row: row.segment)] == [
        (0, 0, 4, "start", "s0"), (1, 4, 10, "fallback", "s1"),
    ]  # fmt: skip

    assert run_job(MERGE, params_of("merge_samples"), lake).counts is None  # nothing new
    write(lake, "synth_answers", [answer("r3", "p", "result", 0, {"question": "Q3", "cot": "c"}, None, None)], "worker")
    again = run_job(MERGE, params_of("merge_samples"), lake)
    assert again.counts is not None
    assert (again.counts.rows_kept, again.counts.reasons) == (3, {"malformed": 1, "pending": 1})
    ids = [row.sample_id for row in read(lake, SAMPLES)]
    assert len(ids) == len(set(ids)) == 4
    with pytest.raises(ContractError, match="1 requests failed, max_failed is 0"):
        run_job(MERGE, params_of("merge_samples", max_failed=0), lake)


def test_quotas_follow_the_shares_and_keep_them_when_asked(params_of: Callable[..., Any]) -> None:
    params: Params = params_of("export_candidates", **{**EXPORTED, "max_documents": 100})
    assert quotas({"en": 1000, "zh": 10, "other": 500}, params) == {"en": 50, "zh": 10, "other": 25}
    kept = params_of("export_candidates", **{**EXPORTED, "max_documents": 100, "keep_shares": True})
    assert quotas({"en": 1000, "zh": 10, "other": 500}, kept) == {"en": 20, "zh": 10, "other": 10}


def test_shares_that_do_not_add_up_are_told(params_of: Callable[..., Any]) -> None:
    with pytest.raises(ConfigError, match=r"shares add up to 0.9, wanted 1"):
        params_of("export_candidates", languages={"en": 0.9})
