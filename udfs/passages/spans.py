"""Repeated pieces of a document become the spans that are cut from it: merged, and cut back to whole
characters, words, lines or sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.arrow.compiled import compiled, frozen, text_buffers
from gristmill.udfs.passages.anchors import WindowParams, runs_of
from gristmill.udfs.passages.copies import Rule
from gristmill.udfs.passages.rows import IS_MULTIPLE, LENGTH_SHIFT, PIECE_ROW, Rows

Border = Literal["character", "word", "line", "sentence"]

# result: passage (a removed piece and the place that keeps it), edit (a span that is cut), left (words that
# are left of the document; null: at least min_words)
SPAN = (
    "doc_id string, batch_id string, result string, start int, end int, n_bytes int, kept_rank bigint, "
    "kept_start int, n_copies int, is_within boolean, words_left int"
)
_COLUMNS = [column.split()[0] for column in SPAN.split(", ")]
_TYPES = {
    "string": pa.string(), "int": pa.int32(), "bigint": pa.int64(), "boolean": pa.bool_()
}  # fmt: skip
# Characters by which a border moves to the end of a word. A longer run of letters
# is no word but Base64 or a hash, which would otherwise never be cut.
MAX_WORD = 40
# letters of scripts that put no spaces between words
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u30ff\u31f0-\u31ff\u3400-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[^\W_{UNSPACED}]+(?:['’-][^\W_{UNSPACED}]+)*|[{UNSPACED}]")
_LETTERS = re.compile(rf"[^\W_{UNSPACED}]+")
_LAST_LETTERS = re.compile(rf"[^\W_{UNSPACED}]+$")
# after the marks that end a sentence, with closing quotes and the white space behind them; full stops are
# tried once a run of them (the lookbehind, and `+` that gives nothing back), or "......" takes quadratic time
_SENTENCE_END = re.compile(r"(?:[。！？!?…]+[\"'”’」』）)]*|(?<!\.)\.++[\"'”’)]*+(?=\s)|\n)\s*")


@dataclass(frozen=True)
class CutParams:
    """How spans are cut."""

    border: Border
    min_words: int  # a document of which fewer words are left is left out; an unspaced character is a word


class Piece(NamedTuple):
    """A removed piece: code points `[start, end)` of the text, and where its text is kept."""

    start: int
    end: int
    n_bytes: int
    kept_rank: int
    kept_start: int  # code point
    n_copies: int
    is_within: bool  # kept in the same document


def cut_spans(
    batches: Iterator[pa.RecordBatch], rule: Rule, windows: tuple[WindowParams, ...], cut: CutParams
) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, text, rank, data (PIECE_ROW rows of the document) -> SPAN."""
    for batch in batches:
        if not batch.num_rows:
            continue
        texts = batch.column("text")
        rows, document = pieces_by_document(batch.column("data"))
        rows, document = every_occurrence(rows, document, texts, rule, windows)
        ranks = np.asarray(batch.column("rank"))
        merged = whole_characters(rows, document, texts, ranks, rule)
        yield _as_rows(batch, merged, rule, cut)


def pieces_by_document(data: pa.Array) -> tuple[Rows, npt.NDArray[np.int64]]:
    """The rows of all documents, and the document of each."""
    parts = data.to_pylist()
    rows = np.frombuffer(b"".join(parts), PIECE_ROW)
    return rows, np.repeat(np.arange(len(parts)), [len(part) // PIECE_ROW.itemsize for part in parts])


def every_occurrence(
    rows: Rows,
    document: npt.NDArray[np.int64],
    texts: pa.Array,
    rule: Rule,
    windows: tuple[WindowParams, ...],
) -> tuple[Rows, npt.NDArray[np.int64]]:
    """The pieces of all occurrences of their runs, without those that are too near their kept place.

    Equal runs of a document were compared once. Their other occurrences are found in the text again; those of
    the kept copy itself count if they begin a window's length or more behind it.
    """
    multiple = np.flatnonzero(rows["flags"] & IS_MULTIPLE)
    more, of = [rows], [document]
    for doc in np.unique(document[multiple]).tolist():
        mine = multiple[document[multiple] == doc]
        for number in np.unique(rows["flags"][mine] >> LENGTH_SHIFT).tolist():
            runs = runs_of(texts.slice(doc, 1), windows[number], distinct=False)
            begins: dict[tuple[int, int], list[int]] = {}
            names = list(zip(runs.anchor.tolist(), runs.run.tolist(), strict=True))
            for name, begin in zip(names, runs.begin.tolist(), strict=True):
                begins.setdefault(name, []).append(begin)
            name_at = dict(zip(runs.begin.tolist(), names, strict=True))
            for row in rows[mine[rows["flags"][mine] >> LENGTH_SHIFT == number]]:
                others = np.array(begins[name_at[int(row["run_begin"])]][1:], np.int32)
                copies = np.repeat(row, len(others))
                copies["begin"] += others - row["run_begin"]
                if row["kept_begin"] == row["begin"]:
                    copies["n_copies"] = np.maximum(copies["n_copies"], len(others) + 1)
                more.append(copies)
                of.append(np.full(len(others), doc))
    return np.concatenate(more), np.concatenate(of)


def whole_characters(
    rows: Rows, document: npt.NDArray[np.int64], texts: pa.Array, ranks: npt.NDArray[np.int64], rule: Rule
) -> dict[int, list[Piece]]:
    """Document -> its pieces of whole characters, by start; consecutive ones that one place keeps are one."""
    text, offsets = text_buffers(texts)
    window = np.array(rule.windows, np.int64)[rows["flags"] >> LENGTH_SHIFT]
    within = rows["kept_rank"] == ranks[document]
    distance = rows["begin"].astype(np.int64) - rows["kept_begin"]
    counts = ~within | ((distance >= window) & (rows["n_copies"] >= rule.min_copies))
    rows, document, within, distance = rows[counts], document[counts], within[counts], distance[counts]
    order = np.lexsort((rows["begin"], distance, rows["kept_rank"], document))
    rows, document, within = rows[order], document[order], within[order]
    names = ("begin", "n_bytes", "kept_rank", "kept_begin", "kept_chars", "n_copies")
    columns = [frozen(np.ascontiguousarray(rows[name]).astype(np.int64)) for name in names]
    doc, start, end, size, kept_rank, kept_start, copies, first = _merge(
        text, offsets, frozen(document), *columns
    )
    pieces: dict[int, list[Piece]] = {}
    is_within = within[first].tolist()
    columns = [column.tolist() for column in (start, end, size, kept_rank, kept_start, copies)]
    for number, *values in zip(doc.tolist(), *columns, is_within, strict=True):
        pieces.setdefault(number, []).append(Piece._make(values))
    for each in pieces.values():
        each.sort()
    return pieces


@compiled
def _merge(  # type: ignore[no-untyped-def]
    text, offsets, document, begin, n_bytes, kept_rank, kept_begin, kept_chars, copies
):
    """Pieces of one kept place and distance that touch are joined, and cut back to whole characters:
    document, code points [start, end), bytes, kept rank, kept code point, copies, first row of each."""
    n, n_out = len(document), 0
    out = np.empty((8, n), np.int64)
    i = 0
    while i < n:
        last, end, most = i, begin[i] + n_bytes[i], copies[i]
        while (
            last + 1 < n and document[last + 1] == document[i] and kept_rank[last + 1] == kept_rank[i]
            and kept_begin[last + 1] - begin[last + 1] == kept_begin[i] - begin[i] and begin[last + 1] <= end
        ):  # fmt: skip
            last += 1
            end, most = max(end, begin[last] + n_bytes[last]), max(most, copies[last])
        base, stop = offsets[document[i]], offsets[document[i] + 1]
        first, final = base + begin[i], base + end
        while first < final and (text[first] & 0xC0) == 0x80:
            first += 1
        while final > first and final < stop and (text[final] & 0xC0) == 0x80:
            final -= 1
        if final > first:
            start, inside, ahead = 0, 0, 0
            for k in range(base, first):
                start += (text[k] & 0xC0) != 0x80
            for k in range(base + begin[i], first):
                ahead += (text[k] & 0xC0) != 0x80
            for k in range(first, final):
                inside += (text[k] & 0xC0) != 0x80
            out[0, n_out], out[1, n_out], out[2, n_out] = document[i], start, start + inside
            out[3, n_out], out[4, n_out], out[5, n_out] = final - first, kept_rank[i], kept_chars[i] + ahead
            out[6, n_out], out[7, n_out] = most, i
            n_out += 1
        i = last + 1
    return (
        out[0, :n_out], out[1, :n_out], out[2, :n_out], out[3, :n_out],
        out[4, :n_out], out[5, :n_out], out[6, :n_out], out[7, :n_out],
    )  # fmt: skip


def _as_rows(
    batch: pa.RecordBatch, pieces: dict[int, list[Piece]], rule: Rule, cut: CutParams
) -> pa.RecordBatch:
    rows: list[tuple[object, ...]] = []
    ids, batch_ids, texts = (batch.column(name) for name in ("doc_id", "batch_id", "text"))
    for doc, mine in pieces.items():
        text = texts[doc].as_py()
        key = ids[doc].as_py(), batch_ids[doc].as_py()
        spans, clipped = cut_back(text, mine, cut.border, min(rule.windows) // 2)
        for piece in clipped:
            rows.append((*key, "passage", *piece, None))
        within, at = dict.fromkeys(spans, True), 0
        # Both are sorted, and each piece lies in one span.
        for piece in clipped:
            while spans[at][1] <= piece.start:
                at += 1
            within[spans[at]] &= piece.is_within
        rows += [
            (*key, "edit", *span, None, None, None, None, inside, None) for span, inside in within.items()
        ]
        left = words_left(text, spans, cut.min_words)
        if spans and left < cut.min_words:
            rows.append((*key, "left", None, None, None, None, None, None, None, left))
    kinds = [_TYPES[column.split()[1]] for column in SPAN.split(", ")]
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(_COLUMNS)
    return pa.record_batch(
        [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)], _COLUMNS
    )


def cut_back(
    text: str, pieces: list[Piece], border: Border, min_bytes: int
) -> tuple[list[tuple[int, int]], list[Piece]]:
    """The spans that are cut (code points), and the pieces within them.

    A span is the union of pieces that touch or overlap, cut back at both ends to a border. One that is then
    shorter than `min_bytes` stays.
    """
    unions: list[list[int]] = []
    for piece in pieces:
        if unions and piece.start <= unions[-1][1]:
            unions[-1][1] = max(unions[-1][1], piece.end)
        else:
            unions.append([piece.start, piece.end])
    spans = [_BORDERS[border](text, start, end) for start, end in unions]
    # so many characters are at least as many bytes
    spans = [
        (a, b) for a, b in spans if b - a >= max(min_bytes, 1) or len(text[a:b].encode()) >= min_bytes > 0
    ]
    clipped, at = [], 0
    for piece in pieces:
        while at < len(spans) and spans[at][1] <= piece.start:
            at += 1
        if at == len(spans):
            break
        start, end = max(piece.start, spans[at][0]), min(piece.end, spans[at][1])
        if (start, end) == (piece.start, piece.end):
            clipped.append(piece)
        elif start < end:
            kept, size = piece.kept_start + start - piece.start, len(text[start:end].encode())
            clipped.append(piece._replace(start=start, end=end, n_bytes=size, kept_start=kept))
    return spans, clipped


def _characters(text: str, start: int, end: int) -> tuple[int, int]:
    return start, end


def _words(text: str, start: int, end: int) -> tuple[int, int]:
    """Without the words and numbers that the span's ends cut in two.

    "a repeat|ed passage of wo|rds"  ->  "a repeated |passage of |words"
    """

    if _is_in_word(text, start):
        letters = _LETTERS.match(text, start, min(end, start + MAX_WORD + 1))
        if letters and letters.end() - start <= MAX_WORD:
            start = letters.end()
    if _is_in_word(text, end):
        letters = _LAST_LETTERS.search(text[max(start, end - MAX_WORD - 1) : end])
        if letters and len(letters.group()) <= MAX_WORD:
            end -= len(letters.group())
    return start, end


def _is_in_word(text: str, at: int) -> bool:
    """Whether a cut at `at` would cut a word or number in two."""
    return 0 < at < len(text) and bool(_LETTERS.match(text[at - 1]) and _LETTERS.match(text[at]))


def _lines(text: str, start: int, end: int) -> tuple[int, int]:
    """The whole lines of the span; empty where it has none."""
    if start > 0 and text[start - 1] != "\n":
        start = text.find("\n", start, end) + 1 or end
    if end < len(text) and text[end - 1] != "\n":
        end = max(text.rfind("\n", start, end) + 1, start)
    return start, end


def _sentences(text: str, start: int, end: int) -> tuple[int, int]:
    """The whole sentences of the span; empty where it has none."""
    # from some characters before, for a sentence that ends directly at the start
    ends = [match.end() for match in _SENTENCE_END.finditer(text, max(0, start - 2 * MAX_WORD), end)]
    if start > 0:
        start = next((at for at in ends if at >= start), end)
    if end < len(text):
        end = max((at for at in ends if start <= at <= end), default=start)
    return start, end


_BORDERS = {"character": _characters, "word": _words, "line": _lines, "sentence": _sentences}


def words_left(text: str, spans: list[tuple[int, int]], most: int) -> int:
    """Words outside the spans, counted up to `most`."""
    n, at = 0, 0
    for start, end in [*spans, (len(text), len(text))]:
        for _ in _WORD.finditer(text, at, start):
            n += 1
            if n >= most:
                return n
        at = end
    return n
