"""Chunks are whole paragraphs that fit, and joined in order they are the text, whatever the text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.udfs.samples.chunks import ChunkParams, chunk_spans, costs, request_id

SMALL = ChunkParams(20, 1.0, 0.5)
PIECES = st.lists(st.sampled_from(["山高水长。", "One two three. ", "\n", "\r\n\r\n", "\n\n", "😀", " ", "x" * 50, "好" * 30, "Why? "]), max_size=40)


@given(PIECES, st.integers(1, 60))
def test_chunks_joined_are_the_text_and_each_fits(pieces: list[str], tokens: int) -> None:
    text, params = "".join(pieces), ChunkParams(tokens, 1.0, 0.5)
    spans = chunk_spans(text, params)
    assert "".join(text[s:e] for s, e in spans) == text
    spent = costs(text, params)
    assert all(spent[e] - spent[s] <= tokens for s, e in spans)
    assert all(s < e for s, e in spans)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_chunk_ends_where_a_paragraph_ends_however_lines_end(end: str) -> None:
    text = f"One paragraph of ten.{end}{end}Two.{end}{end}Three is the longest of them."
    wanted = [f"One paragraph of ten.{end}{end}Two.{end}{end}", "Three is the longest of them."]
    assert [text[s:e] for s, e in chunk_spans(text, ChunkParams(22, 1.0, 0.5))] == wanted


def test_a_paragraph_that_is_too_long_is_cut_after_a_sentence() -> None:
    text = "山" * 12 + "。" + "水" * 18 + "。"
    assert [text[s:e] for s, e in chunk_spans(text, SMALL)] == ["山" * 12 + "。", "水" * 18 + "。"]


def test_a_text_of_one_endless_word_is_cut_all_the_same() -> None:
    assert [e - s for s, e in chunk_spans("x" * 100, SMALL)] == [40, 40, 20]


def test_a_request_is_known_by_document_chunk_content_and_recipe() -> None:
    base = ("d1", 0, "text", "cot 1")
    others = [("d2", 0, "text", "cot 1"), ("d1", 1, "text", "cot 1"), ("d1", 0, "text.", "cot 1"), ("d1", 0, "text", "cot 2")]
    assert len({request_id(*each) for each in [base, *others]}) == 5
    assert request_id(*base) == "83c089e6ab1032a9584b3d62c1e47346", "lakes hold requests by these ids"
