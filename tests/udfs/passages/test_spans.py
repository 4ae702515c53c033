"""Repeated pieces become spans: what the ends of a span do not cut in two, and when a document is left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest

from gristmill.udfs.passages.anchors import WindowParams
from gristmill.udfs.passages.copies import Rule
from gristmill.udfs.passages.rows import IS_SUBJECT, PIECE_ROW
from gristmill.udfs.passages.spans import Border, CutParams, Piece, cut_back, cut_spans, words_left


def piece(start: int, end: int, kept_start: int = 0, rank: int = 0) -> Piece:
    return Piece(start, end, 99, rank, kept_start, 2, False)


def cut_out(text: str, begin: str, end: str, border: Border) -> str:
    """What goes where the bytes from `begin` up to and with `end` are repeated."""
    start, stop = text.index(begin), text.index(end) + len(end)
    spans, _ = cut_back(text, [piece(start, stop)], border, 1)
    return "|".join(text[a:b] for a, b in spans)


@pytest.mark.parametrize(
    ("text", "begin", "end", "border", "gone"),
    [
        ("one repeated two three", "peated", "thr", "character", "peated two thr"),
        ("one repeated two three", "peated", "thr", "word", " two "),
        ("价格3.5元的面粉, 以及", "格", "的面", "word", "格3.5元的面"),  # Han are cut anywhere
        ("año número canción", "úmero", "canci", "word", " "),  # letters with accents are letters
        ("key " + "Zm9v" * 20 + " end", "9vZm9v", " e", "word", ("Zm9v" * 20)[2:] + " "),  # Base64 is no word
        ("a\nfirst line\nsecond line\nthird", "irst", "third", "line", "second line\nthird"),
        ("a\nfirst line\nsecond line\nthird", "irst", "secon", "line", ""),
        ("It is. One more. Two more. End", "ne more", "Two more. E", "sentence", "Two more. "),
        ("水很深。桥很长。路很远。人", "很深", "路很远。", "sentence", "桥很长。路很远。"),
        ("Version 1.25 is out. It is.", "25 is", "It is.", "sentence", "It is."),  # a point in a number ends nothing
    ],
)
def test_the_ends_of_a_span_are_whole_characters_words_lines_or_sentences(
    text: str, begin: str, end: str, border: Border, gone: str
) -> None:
    assert cut_out(text, begin, end, border) == gone


def test_pieces_that_touch_are_one_span_and_what_is_left_too_short_stays() -> None:
    text = "0123456789" * 10
    pieces = [piece(10, 20), piece(15, 30, rank=1), piece(30, 40), piece(50, 55)]
    spans, clipped = cut_back(text, pieces, "character", 6)
    assert spans == [(10, 40)]
    assert [each[:2] for each in clipped] == [(10, 20), (15, 30), (30, 40)]
    # A piece that is cut back names the place of what is left of it.
    _, [first] = cut_back("ab repeated text", [piece(1, 16, kept_start=41)], "word", 1)
    assert (first.start, first.kept_start) == (2, 42)


def rows_of(doc: int, *pieces: tuple[int, int, int, int]) -> bytes:
    """PIECE_ROW rows: begin and bytes, kept rank and begin."""
    rows = np.zeros(len(pieces), PIECE_ROW)
    for row, (begin, size, rank, kept) in zip(rows, pieces, strict=True):
        row["begin"], row["n_bytes"], row["run_begin"], row["kept_rank"], row["kept_begin"] = begin, size, begin, rank, kept
        row["kept_chars"], row["n_copies"], row["flags"], row["row"] = kept, 2, IS_SUBJECT, doc
    return rows.tobytes()


def spans_of(text: str, *pieces: tuple[int, int, int, int], border: Border = "character", min_words: int = 0, window: int = 4) -> Sequence[dict[str, object]]:
    batch = pa.record_batch({"doc_id": ["a"], "batch_id": ["b"], "text": [text], "rank": [5], "data": pa.array([rows_of(0, *pieces)], pa.binary())})
    rule = Rule((window,), 2, False, True)
    [made] = cut_spans(iter([batch]), rule, (WindowParams(window, 1),), CutParams(border, min_words))
    return made.to_pylist()


def test_spans_are_of_whole_characters_in_code_points() -> None:
    # Bytes 4 to 13 of 一二三四五: the end of 二, 三四, the beginning of 五. The shared first byte of two
    # Cyrillic letters, which other tools remove, is no character either.
    rows = spans_of("一二三四五", (4, 9, 0, 4))
    assert [(row["result"], row["start"], row["end"], row["n_bytes"]) for row in rows] == [("passage", 2, 4, 6), ("edit", 2, 4, None)]
    assert spans_of("дом", (0, 1, 0, 0)) == []


def test_the_kept_place_is_counted_in_code_points_of_its_own_document() -> None:
    # `kept_begin` 9 is in the middle of a character there, before which three characters begin.
    rows = np.frombuffer(rows_of(0, (4, 9, 0, 9)), PIECE_ROW).copy()
    rows["kept_chars"] = 4
    batch = pa.record_batch({"doc_id": ["a"], "batch_id": ["b"], "text": ["一二三四五"], "rank": [5], "data": pa.array([rows.tobytes()], pa.binary())})
    [made] = cut_spans(iter([batch]), Rule((4,), 2, False, True), (WindowParams(4, 1),), CutParams("character", 0))
    assert made.to_pylist()[0]["kept_start"] == 4


def test_a_repeat_in_its_own_document_counts_from_a_windows_length_on_and_has_its_own_reason() -> None:
    text = "abcdefgh" * 3
    assert spans_of(text, (3, 4, 5, 0)) == []
    rows = spans_of(text, (8, 8, 5, 0))
    assert [(row["result"], row["start"], row["end"], row["is_within"]) for row in rows] == [("passage", 8, 16, True), ("edit", 8, 16, True)]
    [*_, edit] = spans_of(text, (8, 8, 5, 0), (16, 8, 1, 0))
    assert (edit["start"], edit["end"], edit["is_within"]) == (8, 24, False)


def test_a_document_with_too_few_words_left_is_named() -> None:
    text = "one two three " + "repeated words of a passage " * 3
    rows = spans_of(text, (14, len(text) - 14, 0, 0), min_words=4)
    assert [(row["result"], row["words_left"]) for row in rows if row["result"] == "left"] == [("left", 3)]
    assert not [row for row in spans_of(text, (14, len(text) - 14, 0, 0), min_words=3) if row["result"] == "left"]
    assert words_left("水很深 and deep", [(0, 1)], 99) == 4
