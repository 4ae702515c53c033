"""Hashed n-gram counts of whole Arrow batches: what the linear quality models see.

`chars`: runs of n code points, case kept. `words`: runs of n words in lower case, where a word is a run of
letters and digits that puts no space between words (a Han, Kana or Thai character is a word of its own) and
other visible characters stand alone. Grams fall into `buckets` by a 64-bit hash, so that a model is one array
and a text never seen needs no vocabulary.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.arrow.compiled import (
    Codes,
    Hashes,
    Offsets,
    compiled,
    frozen,
    mix64,
    slices,
    text_buffers,
)
from gristmill.udfs.text.chars import ALPHA, DIGIT, SPACE, UNSPACED, read_chars

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class GramParams:
    """Which grams are counted: their unit, min_n and max_n run, buckets (a power of two), code
    points of a text that are read."""

    unit: Literal["chars", "words"] = "chars"
    min_n: int = 1
    max_n: int = 3
    buckets: int = 1 << 18
    max_chars: int = 2000

    def __post_init__(self) -> None:
        if not 1 <= self.min_n <= self.max_n <= 8:
            raise ValueError(f"grams of {self.min_n} to {self.max_n}: wanted 1 <= min_n <= max_n <= 8")
        if self.buckets < 2 or self.buckets & (self.buckets - 1):
            raise ValueError(f"buckets {self.buckets}: wanted a power of two")


@dataclass(frozen=True)
class Grams:
    """Sparse rows: row `i` has `counts[ends[i]:ends[i + 1]]` in the buckets at the same places, buckets
    ascending."""

    buckets: npt.NDArray[np.int32]
    counts: npt.NDArray[np.int32]
    ends: Offsets


@lru_cache(maxsize=1)
def _lower_table() -> Codes:
    """The lower-case code point of every code point that has a single one, else itself."""
    # A table, since compiled code cannot call str.lower().
    table = np.arange(0x110000, dtype=np.uint32)
    for point in range(0x20000):
        if not 0xD800 <= point <= 0xDFFF and len(low := chr(point).lower()) == 1:
            table[point] = ord(low)
    return frozen(table)


@compiled
def _words(points, flags, ends, max_chars, lower):  # type: ignore[no-untyped-def]
    """The hash of every word, and where each document's words end."""
    letter, alone, space = np.uint32(ALPHA | DIGIT), np.uint32(UNSPACED), np.uint32(SPACE)
    hashes, stops, n = np.empty(len(points), np.uint64), np.zeros(len(ends), np.int64), 0
    for row in range(len(ends) - 1):
        running, inside = np.uint64(0), False
        for i in range(ends[row], min(ends[row + 1], ends[row] + max_chars)):
            f = flags[i]
            # A Han, Kana or Thai character is a letter
            # that joins nothing: a word of its own, below.
            joins = (f & letter) != 0 and (f & alone) == 0
            if inside and not joins:
                hashes[n] = running
                n += 1
                inside, running = False, np.uint64(0)
            if joins:
                running = running * np.uint64(0x9E3779B97F4A7C15) + np.uint64(lower[points[i]]) + np.uint64(1)
                inside = True
            elif (f & space) == 0:
                hashes[n] = np.uint64(points[i]) + np.uint64(1)
                n += 1
        if inside:
            hashes[n] = running
            n += 1
        stops[row + 1] = n
    return hashes[:n], stops


@compiled
def _count(items, ends, min_n, max_n, max_items, n_buckets):  # type: ignore[no-untyped-def]
    """Buckets, counts and row ends of all runs of items; `items` are hashes or code points."""
    # The first pass only bounds the output, as compiled code cannot grow an array.
    room, longest_row = 0, 0
    for row in range(len(ends) - 1):
        size = min(ends[row + 1] - ends[row], max_items)
        room += size * (max_n - min_n + 1)
        longest_row = max(longest_row, size * (max_n - min_n + 1))
    buckets, counts, stops = np.empty(room, np.int32), np.empty(room, np.int32), np.zeros(len(ends), np.int64)
    seen, mask, n = np.zeros(n_buckets, np.int32), np.uint64(n_buckets - 1), 0
    for row in range(len(ends) - 1):
        first, last = ends[row], min(ends[row + 1], ends[row] + max_items)
        began = n
        for i in range(first, last):
            running = np.uint64(0)
            for k in range(min(max_n, last - i)):
                running = running * np.uint64(0xD6E8FEB86659FD93) + np.uint64(items[i + k]) + np.uint64(1)
                if k + 1 >= min_n:
                    at = np.int64(mix64(running + np.uint64(k)) & mask)
                    if seen[at] == 0:
                        buckets[n] = at
                        n += 1
                    seen[at] += 1
        # Ascending, so that equal texts give equal rows in whatever order their grams occur.
        buckets[began:n].sort()
        for i in range(began, n):
            counts[i] = seen[buckets[i]]
            # Only the buckets of this row are cleared: all of them would cost more than the row.
            seen[buckets[i]] = 0
        stops[row + 1] = n
    return buckets[:n], counts[:n], stops


def count_grams(texts: pa.Array | pa.ChunkedArray, params: GramParams) -> Grams:
    """The grams of each text; a null text has none.

    Memory beyond the output: some twenty bytes for each byte of a megabyte of text.
    """
    data, offsets = text_buffers(texts)
    parts: list[tuple[Any, Any, Offsets]] = []
    for first, last in slices(offsets):
        chars = read_chars(data, offsets[first : last + 1])
        items: Codes | Hashes = chars.points
        ends, most = chars.ends, params.max_chars
        if params.unit == "words":
            items, ends = _words(chars.points, chars.flags, chars.ends, params.max_chars, _lower_table())
        parts.append(_count(items, ends, params.min_n, params.max_n, most, params.buckets))
    if not parts:
        return Grams(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(1, np.int64))
    sizes = np.concatenate([np.diff(stops) for _, _, stops in parts])
    return Grams(
        np.concatenate([b for b, _, _ in parts]),
        np.concatenate([c for _, c, _ in parts]),
        np.concatenate([[0], np.cumsum(sizes)]),
    )


def weighted(grams: Grams, idf: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
    """log(1 + count) x idf of each gram, and the Euclidean length of each row (1 where it has none)."""
    values = np.log1p(grams.counts.astype(np.float64)) * idf[grams.buckets].astype(np.float64)
    return values, np.maximum(np.sqrt(row_sums(values * values, grams.ends)), 1e-12)


def row_sums(values: npt.NDArray[Any], ends: Offsets) -> Floats:
    """The sum of each row; 0 for an empty one. Independent of what else is in the batch."""
    # reduceat gives an empty row the first value of the next one, so only full rows are summed.
    sums = np.zeros(len(ends) - 1)
    full = np.flatnonzero(np.diff(ends))
    if len(full):
        sums[full] = np.add.reduceat(values.astype(np.float64, copy=False), ends[:-1][full])
    return sums
