"""Boilerplate over Arrow batches: lines are counted by site, then the blocks of common ones are cut; or the
units of a document (sentences, n-grams of words) are listed, then what other documents own is cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.udfs.arrow.compiled import slices, text_buffers
from gristmill.udfs.text.chars import SPACE, Chars, read_chars
from gristmill.udfs.text.line_hashes import (
    BlockLimits,
    LineFold,
    Pieces,
    Units,
    blocks,
    fold_table,
    lines_in,
    n_grams,
    sentences_in,
    windows,
)

COUNTS = pa.schema(
    [("batch_id", pa.string()), ("site", pa.string()), ("line", pa.int64()), ("n", pa.int64())]
)
UNITS = pa.schema([("doc_id", pa.string()), ("batch_id", pa.string()), ("unit", pa.int64())])
# result: edit (start, end), verdict (value), example (a line or unit, where it is and how it begins)
FOUND = pa.schema([
    ("result", pa.string()),
    ("doc_id", pa.string()),
    ("batch_id", pa.string()),
    ("site", pa.string()),
    ("start", pa.int32()),
    ("end", pa.int32()),
    ("value", pa.float64()),
    ("line", pa.int64()),
    ("line_text", pa.string()),
])  # fmt: skip
# code points of a line that an example shows
EXAMPLE_CHARS = 200


@dataclass(frozen=True)
class Cut:
    """What goes from a document: the runs of pieces that reach `limits`, of at most `max_share` of it."""

    fold: LineFold
    limits: BlockLimits
    max_share: float  # of the code points that are no white space; with more the document gets a verdict
    # code points but white space: with so many left a document is cut, however much goes; None: never
    min_left: int | None


@dataclass(frozen=True)
class UnitRule:
    """What is compared across documents where one copy stays."""

    kind: Literal["sentences", "n_grams"]
    size: int  # neighbouring sentences, or words
    min_share: float  # n_grams: of a line's n-grams that others own, for the line to go; sentences: unused


def count_lines(batches: Iterator[pa.RecordBatch], fold: LineFold) -> Iterator[pa.RecordBatch]:
    """mapInArrow: batch_id, site, text -> COUNTS: the documents of a record batch that hold a line, by site.

    A line counts once a document. Rows of one line in several record batches are summed by the caller.

        batch_id  site  text           batch_id  site  line     n
        one       a     Home\\nAbout  ->  one       a     (Home)   2
        one       a     Home              one       a     (About)  1
    """
    for batch in batches:
        lines, documents = [], []
        for first, chars in _decoded(batch["text"]):
            pieces = lines_in(chars, fold)
            rows = np.repeat(np.arange(len(pieces.ends) - 1), np.diff(pieces.ends)) + first
            lines.append(pieces.hashes[pieces.is_open].view(np.int64))
            documents.append(rows[pieces.is_open])
        if not lines:
            continue
        groups, batch_ids, sites = _groups(batch)
        # once a document, then once a group of documents
        rows, hashes, _ = _distinct(np.concatenate(documents), np.concatenate(lines))
        keys, hashes, n = _distinct(groups[rows], hashes)
        at = pa.array(keys)
        yield pa.record_batch(
            [batch_ids.take(at), sites.take(at), pa.array(hashes), pa.array(n)], schema=COUNTS
        )


def cut_lines(batches: Iterator[pa.RecordBatch], cut: Cut) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, site, text, lines (sorted hashes of the site's common lines) -> FOUND.

    Blocks of common lines, or that they are too much of a document; and of each common line of a site the
    document of the record batch with the lowest id that has it.
    """
    for batch in batches:
        rows = _Rows(batch)
        common, ends = _lists(batch["lines"])
        for first, chars in _decoded(batch["text"]):
            pieces = lines_in(chars, cut.fold)
            is_common = np.zeros(len(pieces.starts), bool)
            for row in range(len(pieces.ends) - 1):
                lines = common[ends[first + row] : ends[first + row + 1]]
                part = slice(pieces.ends[row], pieces.ends[row + 1])
                is_common[part] = _is_in(pieces.hashes[part].view(np.int64), lines)
            is_common &= pieces.is_open
            rows.cut(first, chars, pieces, is_common, cut)
            rows.note_lines(first, chars, pieces, is_common)
        yield rows.done()


def list_lines(batches: Iterator[pa.RecordBatch], fold: LineFold) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, text -> UNITS: each line of a document once, as `count_lines` counts."""
    for batch in batches:
        for first, chars in _decoded(batch["text"]):
            pieces = lines_in(chars, fold)
            rows = np.repeat(np.arange(len(pieces.ends) - 1), np.diff(pieces.ends)) + first
            yield _as_units(batch, rows[pieces.is_open], pieces.hashes[pieces.is_open])


def list_units(batches: Iterator[pa.RecordBatch], fold: LineFold, rule: UnitRule) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, text -> UNITS: each unit of a document once."""
    for batch in batches:
        for first, chars in _decoded(batch["text"]):
            units = _units(chars, _pieces(chars, fold, rule), fold, rule)
            rows = np.repeat(np.arange(len(units.ends) - 1), np.diff(units.ends)) + first
            yield _as_units(batch, rows, units.hashes)


def cut_units(batches: Iterator[pa.RecordBatch], cut: Cut, rule: UnitRule) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, text, units (the sorted hashes of the units that other documents own;
    null: none) -> FOUND: the pieces that those units cover, and later copies of a unit of the document
    itself. `line` of an edit is the first unit of its span that is a copy, line_text its beginning.
    """
    for batch in batches:
        rows = _Rows(batch)
        owned, ends = _lists(batch["units"])
        for first, chars in _decoded(batch["text"]):
            pieces = _pieces(chars, cut.fold, rule)
            units = _units(chars, pieces, cut.fold, rule)
            is_copy = np.zeros(len(units.hashes), bool)
            for row in range(len(units.ends) - 1):
                part = slice(units.ends[row], units.ends[row + 1])
                others = owned[ends[first + row] : ends[first + row + 1]]
                is_copy[part] = _is_copy(units.hashes[part].view(np.int64), others)
            is_marked = _covered(pieces, units, is_copy, rule)
            rows.cut(first, chars, pieces, is_marked, cut, units, is_copy)
        yield rows.done()


def _as_units(
    batch: pa.RecordBatch, rows: npt.NDArray[np.int64], hashes: npt.NDArray[np.uint64]
) -> pa.RecordBatch:
    """UNITS: the distinct hashes of each row of a batch."""
    rows, units, _ = _distinct(rows, hashes.view(np.int64))
    at = pa.array(rows)
    return pa.record_batch(
        [batch["doc_id"].take(at), batch["batch_id"].take(at), pa.array(units)], schema=UNITS
    )


def _distinct(
    firsts: npt.NDArray[np.int64], seconds: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The distinct pairs (first, second), sorted, and how often each occurs."""
    # np.unique of two columns sorts them as bytes, which takes ten times as long
    order = np.lexsort((seconds, firsts))
    firsts, seconds = firsts[order], seconds[order]
    begins = np.flatnonzero(
        np.concatenate(([True], (firsts[1:] != firsts[:-1]) | (seconds[1:] != seconds[:-1])))[: len(firsts)]
    )
    return firsts[begins], seconds[begins], np.diff(np.append(begins, len(firsts)))


def _is_copy(hashes: npt.NDArray[np.int64], others: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether a unit is of another document, or came before in its own."""
    _, firsts = np.unique(hashes, return_index=True)
    repeats = np.ones(len(hashes), bool)
    repeats[firsts] = False
    return repeats | _is_in(hashes, others)


def _is_in(hashes: npt.NDArray[np.int64], known: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Whether each hash is in `known`, which is sorted."""
    if not len(known):
        return np.zeros(len(hashes), bool)
    return known[np.minimum(np.searchsorted(known, hashes), len(known) - 1)] == hashes


def _lists(column: pa.Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The values of a column of lists, and where the list of each row begins and ends; a null is empty."""
    lengths = pc.fill_null(pc.list_value_length(column), 0).to_numpy()
    return column.flatten().to_numpy(), np.concatenate(([0], np.cumsum(lengths, dtype=np.int64)))


def _covered(
    pieces: Pieces, units: Units, is_copy: npt.NDArray[np.bool_], rule: UnitRule
) -> npt.NDArray[np.bool_]:
    """The pieces that go: all of a copied unit; of n-grams, pieces with enough copied ones."""
    n = len(pieces.starts)
    if rule.kind == "sentences":
        # +1 where a copied unit begins and -1 behind its end: their sum counts the units over a piece
        steps = np.zeros(n + 1, np.int64)
        np.add.at(steps, units.firsts[is_copy], 1)
        np.add.at(steps, units.lasts[is_copy] + 1, -1)
        return np.cumsum(steps)[:n] > 0
    copied = np.bincount(units.firsts[is_copy], minlength=n)
    every = np.bincount(units.firsts, minlength=n)
    return (every > 0) & (copied >= rule.min_share * every)


def _pieces(chars: Chars, fold: LineFold, rule: UnitRule) -> Pieces:
    return sentences_in(chars, fold) if rule.kind == "sentences" else lines_in(chars, fold)


def _units(chars: Chars, pieces: Pieces, fold: LineFold, rule: UnitRule) -> Units:
    if rule.kind == "sentences":
        return windows(pieces, rule.size)
    return n_grams(chars, pieces, fold_table(fold.casefold, fold.accents), rule.size)


def _decoded(texts: pa.Array) -> Iterator[tuple[int, Chars]]:
    """The first row and the characters of runs of about a megabyte."""
    data, offsets = text_buffers(texts)
    for first, last in slices(offsets):
        yield first, read_chars(data, offsets[first : last + 1])


def _groups(batch: pa.RecordBatch) -> tuple[npt.NDArray[np.int64], pa.Array, pa.Array]:
    """A number for each row by its (batch_id, site), and both names by number."""
    codes = [batch[name].dictionary_encode() for name in ("batch_id", "site")]
    wide = codes[0].indices.to_numpy().astype(np.int64) * (len(codes[1].dictionary) + 1)
    numbers, groups = np.unique(wide + codes[1].indices.to_numpy(), return_inverse=True)
    names = [
        each.dictionary.take(pa.array(part))
        for each, part in zip(codes, np.divmod(numbers, len(codes[1].dictionary) + 1), strict=True)
    ]
    return groups.reshape(-1).astype(np.int64), names[0], names[1]


class _Rows:
    """Rows of FOUND of one record batch."""

    def __init__(self, batch: pa.RecordBatch) -> None:
        self.doc_ids = batch["doc_id"].to_pylist()
        self.batch_ids = batch["batch_id"].to_pylist()
        self.sites = batch["site"].to_pylist() if "site" in batch.schema.names else [None] * batch.num_rows
        self.rows: list[tuple[object, ...]] = []
        # (site, line) -> (doc_id, batch_id, start, end, text) of the document with the lowest id
        self.examples: dict[tuple[str, int], tuple[str, str, int, int, str]] = {}

    def cut(
        self,
        first: int,
        chars: Chars,
        pieces: Pieces,
        is_marked: npt.NDArray[np.bool_],
        cut: Cut,
        units: Units | None = None,
        is_copy: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Edits of the documents of a slice; a verdict where they would take more than max_share."""
        firsts, lasts, ends, shares, left = blocks(chars, pieces, is_marked, cut.limits)
        for row in np.flatnonzero(np.diff(ends)).tolist():
            doc_id, batch_id, site = (
                each[first + row] for each in (self.doc_ids, self.batch_ids, self.sites)
            )
            is_rest_long = cut.min_left is not None and left[row] >= cut.min_left
            if shares[row] > cut.max_share and not is_rest_long:
                share = float(shares[row])
                self.rows.append(("verdict", doc_id, batch_id, site, None, None, share, None, None))
                continue
            origin = chars.ends[row]
            for block in range(ends[row], ends[row + 1]):
                start, end = _with_space(chars, row, pieces.starts[firsts[block]], pieces.stops[lasts[block]])
                at = (int(start - origin), int(end - origin))
                unit = text = None
                if units is not None and is_copy is not None:
                    unit = _first_copy(units, is_copy, row, int(firsts[block]), int(lasts[block]))
                    text = _shown(chars, int(start), int(end))
                self.rows.append(("edit", doc_id, batch_id, site, *at, float(shares[row]), unit, text))

    def note_lines(self, first: int, chars: Chars, pieces: Pieces, is_common: npt.NDArray[np.bool_]) -> None:
        """Examples of the common lines of a slice."""
        at = np.flatnonzero(is_common)
        documents = np.searchsorted(pieces.ends, at, side="right") - 1
        for piece, row in zip(at.tolist(), documents.tolist(), strict=True):
            key = self.sites[first + row], int(pieces.hashes[piece : piece + 1].view(np.int64)[0])
            place = self.doc_ids[first + row], self.batch_ids[first + row]
            known = self.examples.get(key)
            # of one document, the first place; pieces come in order
            if known is not None and known[:2] <= place:
                continue
            start, end = int(pieces.starts[piece]), int(pieces.stops[piece])
            origin = int(chars.ends[row])
            self.examples[key] = (*place, start - origin, end - origin, _shown(chars, start, end))

    def done(self) -> pa.RecordBatch:
        """All rows."""
        rows = [
            *self.rows,
            *(
                ("example", doc_id, batch_id, site, start, end, None, line, text)
                for (site, line), (doc_id, batch_id, start, end, text) in self.examples.items()
            ),
        ]
        columns = list(zip(*rows, strict=True)) if rows else [()] * len(FOUND)
        return pa.record_batch(
            [pa.array(column, field.type) for column, field in zip(columns, FOUND, strict=True)], schema=FOUND
        )


def _shown(chars: Chars, start: int, end: int) -> str:
    return "".join(map(chr, chars.points[start : min(end, start + EXAMPLE_CHARS)].tolist()))


def _first_copy(units: Units, is_copy: npt.NDArray[np.bool_], row: int, first: int, last: int) -> int | None:
    """The hash of the first copied unit that begins in the pieces `first` to `last`."""
    part = slice(units.ends[row], units.ends[row + 1])
    inside = is_copy[part] & (units.firsts[part] >= first) & (units.firsts[part] <= last)
    hashes = units.hashes[part][inside]
    return int(hashes[:1].view(np.int64)[0]) if len(hashes) else None


def _with_space(chars: Chars, row: int, start: int, end: int) -> tuple[int, int]:
    """A span with the white space that would be left over: whole lines with their indent and the blank lines
    behind them, or inside a line the spaces behind it."""
    flags, points = chars.flags, chars.points
    first, last = int(chars.ends[row]), int(chars.ends[row + 1])
    indent = int(start)
    while indent > first and flags[indent - 1] & SPACE and points[indent - 1] != 10:
        indent -= 1
    is_line = indent == first or points[indent - 1] == 10
    behind = stop = int(end)
    while behind < last and flags[behind] & SPACE:
        behind += 1
        # the indent of the next line stays
        if points[behind - 1] == 10:
            if not is_line:
                return int(start), stop
            stop = behind
    if behind == last or stop == int(end):
        stop = behind
    return (indent if is_line else int(start)), stop
