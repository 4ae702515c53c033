"""Anchors of the windows of a text, and the runs of windows that share one (winnowing).

A window is `window` bytes; it contains window - gram + 1 grams of `gram` bytes. Its anchor is the gram with
the smallest hash, the leftmost of equal ones, so that equal windows have equal anchors at the same offset,
wherever they stand (Schleimer, Wilkerson and Aiken 2003, winnowing). Consecutive windows with one anchor
are a run: about 4 runs for each `window` bytes of text with gram = window / 2.

"Robust" winnowing, which keeps the last anchor on a tie, would choose different anchors for equal windows.
The leftmost gram depends on the window alone, also in texts such as "aaaa", where each window is a run of
its own; equal runs of one document are therefore one row.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.arrow.compiled import (
    Bytes,
    Hashes,
    compiled,
    frozen,
    mix64,
    slices,
    text_buffers,
)

Ints = npt.NDArray[np.int32]
Words = tuple[npt.NDArray[np.uint32], ...]
# Hashes of grams times it are compared by their upper bits, which hang on all bits of the hash (2 ** 64
# divided by the golden ratio, as an odd number).
SPREAD = 0x9E3779B97F4A7C15
# The count of windows of a run and the offset of its
# anchor are stored in 16 bits, and are at most this.
MAX_WINDOW = 65_535


@dataclass(frozen=True)
class WindowParams:
    """Length of the windows and grams in bytes, and the seed of all hashes.

    Raises ValueError for a window of fewer than 2 or more than MAX_WINDOW bytes.
    """

    window: int
    seed: int

    def __post_init__(self) -> None:
        if not 2 <= self.window <= MAX_WINDOW:
            raise ValueError(f"a window has 2 to {MAX_WINDOW:,} bytes, not {self.window:,}")

    @property
    def gram(self) -> int:
        """Bytes of a gram: half a window.

        A quarter makes a third fewer anchors, but more than twice as many windows at borders of passages.
        """
        return self.window // 2


class Runs(NamedTuple):
    """The distinct runs of some documents, in the order of their first occurrence; one value a run."""

    document: Ints  # position of the document in the column
    anchor: Hashes  # hash of the anchor's bytes, evenly spread over 64 bits
    run: Hashes  # hash of the run's bytes, its number of windows and the offset of its anchor
    begin: Ints  # first byte in the document
    chars: Ints  # code points that begin before that byte
    windows: Ints  # number of windows; the run has windows - 1 + window bytes
    offset: Ints  # of the anchor in the run, in bytes
    is_multiple: npt.NDArray[np.bool_]  # whether the run occurs in the document again


@functools.lru_cache(maxsize=16)
def _keys(params: WindowParams) -> tuple[np.uint64, npt.NDArray[np.uint64], npt.NDArray[np.uint64]]:
    """The odd base of the gram hashes, and the two rows of 64-bit keys of the run hashes."""
    draws = np.random.Generator(np.random.PCG64(params.seed))
    base = draws.integers(2**62, 2**63, dtype=np.uint64) | np.uint64(1)
    # The longest run has 2 * window - gram bytes, in words of four; two keys for frame and tail.
    n = (2 * params.window - params.gram) // 4 + 4
    keys = draws.integers(0, 2**64 - 1, (2, n), dtype=np.uint64, endpoint=True)
    return base, frozen(keys[0]), frozen(keys[1])


@compiled
def _document_runs(  # type: ignore[no-untyped-def]
    data, first, n, window, gram, base, grams, suffix, values, anchors, begins
):
    """Anchor and first window of each run of one document of `n` bytes from `first` on; the number of runs.

    `grams`, `suffix`, `values`, `anchors`, `begins`: room for n + window, window, window, n and n values.
    """
    power = np.uint64(1)
    for _ in range(gram):
        power *= base
    h = np.uint64(0)
    for i in range(first, first + gram):
        h = h * base + np.uint64(data[i])
    grams[0] = h * np.uint64(SPREAD)
    for i in range(first + gram, first + n):
        h = h * base + (np.uint64(data[i]) - np.uint64(data[i - gram]) * power)
        grams[i - first - gram + 1] = h * np.uint64(SPREAD)
    # Minimum of a sliding window of `width` grams: suffix minima of one
    # block, prefix minimum of the next; linear for any text.
    width, n_windows, n_runs, last = window - gram + 1, n - window + 1, 0, -1
    for block in range(0, n_windows, width):
        best = block + width - 1
        smallest = grams[best]
        for at in range(block + width - 1, block - 1, -1):
            # `<=` from the right: the leftmost of equal grams
            if grams[at] <= smallest:
                best, smallest = at, grams[at]
            suffix[at - block], values[at - block] = best, smallest
        prefix, smallest = -1, np.uint64(0xFFFFFFFFFFFFFFFF)
        for start in range(block, min(block + width, n_windows)):
            if start > block and grams[start + width - 1] < smallest:
                prefix = start + width - 1
                smallest = grams[prefix]
            anchor = prefix if smallest < values[start - block] else suffix[start - block]
            if anchor != last:
                anchors[n_runs], begins[n_runs] = anchor, start
                last = anchor
                n_runs += 1
    return n_runs


@compiled
def _hash_runs(  # type: ignore[no-untyped-def]
    data, words, first, n, window, n_runs, anchors, begins, keys1, keys2, hashes
):
    """`hashes`: of each run of one document, 64 bits.

    Two multilinear hashes of 32 bits (Lemire and Kaser 2014), each of which two different runs share with
    probability 2^-32 whatever they are. Runs are compared only where their anchors are equal.
    """
    for r in range(n_runs):
        begin = begins[r]
        n_windows = (begins[r + 1] if r + 1 < n_runs else n - window + 1) - begin
        length = n_windows - 1 + window
        frame = np.uint64(n_windows) << np.uint64(16) | np.uint64(anchors[r] - begin)
        h1, h2 = keys1[0] * frame, keys2[0] * frame
        start = first + begin
        view, at, n_words = words[start & 3], start >> 2, length >> 2
        for i in range(n_words):
            word = np.uint64(view[at + i])
            h1 += keys1[i + 1] * word
            h2 += keys2[i + 1] * word
        tail = np.uint64(0)
        for i in range(4 * n_words, length):
            tail = tail << np.uint64(8) | np.uint64(data[start + i])
        h1 += keys1[n_words + 1] * tail
        h2 += keys2[n_words + 1] * tail
        hashes[r] = (h1 >> np.uint64(32)) << np.uint64(32) | h2 >> np.uint64(32)


@compiled
def _grown(array, n):  # type: ignore[no-untyped-def]
    larger = np.empty(2 * len(array), array.dtype)
    larger[:n] = array[:n]
    return larger


@compiled
def _runs(data, words, offsets, window, gram, base, keys1, keys2, distinct):  # type: ignore[no-untyped-def]
    """The fields of Runs, of the documents between `offsets`. `distinct`: equal runs of a document once."""
    longest = 0
    for row in range(len(offsets) - 1):
        longest = max(longest, offsets[row + 1] - offsets[row])
    grams, suffix = np.empty(longest + window, np.uint64), np.empty(window, np.int64)
    values = np.empty(window, np.uint64)
    anchors, begins = np.empty(longest + 1, np.int64), np.empty(longest + 1, np.int64)
    size = 1024
    seats, stamps = np.empty(size, np.int64), np.full(size, -1, np.int64)
    hashes = np.empty(longest + 1, np.uint64)
    room, n_out = max(64, 6 * (offsets[-1] - offsets[0]) // window), 0
    document, begin_of, chars_of = (
        np.empty(room, np.int32),
        np.empty(room, np.int32),
        np.empty(room, np.int32),
    )
    windows_of, offset_of = np.empty(room, np.int32), np.empty(room, np.int32)
    anchor_of, run_of, is_multiple = (
        np.empty(room, np.uint64),
        np.empty(room, np.uint64),
        np.empty(room, np.bool_),
    )
    for row in range(len(offsets) - 1):
        first, n = offsets[row], offsets[row + 1] - offsets[row]
        if n < window:
            continue
        # A document ends before its last block of grams does: a gram that is not there is never the smallest.
        grams[n - gram + 1 : n - gram + 1 + window] = np.uint64(0xFFFFFFFFFFFFFFFF)
        n_runs = _document_runs(data, first, n, window, gram, base, grams, suffix, values, anchors, begins)
        _hash_runs(data, words, first, n, window, n_runs, anchors, begins, keys1, keys2, hashes)
        if 2 * n_runs > size:
            while 2 * n_runs > size:
                size *= 2
            seats, stamps = np.empty(size, np.int64), np.full(size, -1, np.int64)
        chars, counted = 0, 0
        for r in range(n_runs):
            begin = begins[r]
            for i in range(first + counted, first + begin):
                chars += (data[i] & 0xC0) != 0x80
            counted = begin
            gram_hash = grams[anchors[r]]
            if distinct:
                seat = np.int64((hashes[r] ^ gram_hash) & np.uint64(size - 1))
                while stamps[seat] == row:
                    other = seats[seat]
                    if run_of[other] == hashes[r] and anchor_of[other] == gram_hash:
                        break
                    seat = (seat + 1) & (size - 1)
                if stamps[seat] == row:
                    is_multiple[seats[seat]] = True
                    continue
                stamps[seat], seats[seat] = row, n_out
            if n_out == len(document):
                document, begin_of, chars_of = (
                    _grown(document, n_out),
                    _grown(begin_of, n_out),
                    _grown(chars_of, n_out),
                )
                windows_of, offset_of = _grown(windows_of, n_out), _grown(offset_of, n_out)
                anchor_of, run_of = _grown(anchor_of, n_out), _grown(run_of, n_out)
                is_multiple = _grown(is_multiple, n_out)
            document[n_out], begin_of[n_out], chars_of[n_out] = row, begin, chars
            windows_of[n_out] = (begins[r + 1] if r + 1 < n_runs else n - window + 1) - begin
            offset_of[n_out], is_multiple[n_out] = anchors[r] - begin, False
            anchor_of[n_out], run_of[n_out] = gram_hash, hashes[r]
            n_out += 1
    for i in range(n_out):
        # Mixed again: the smallest of many hashes is small, and parts are chosen by the upper bits.
        anchor_of[i] = mix64(anchor_of[i] ^ base)
    return (
        document[:n_out], anchor_of[:n_out], run_of[:n_out], begin_of[:n_out], chars_of[:n_out],
        windows_of[:n_out], offset_of[:n_out], is_multiple[:n_out],
    )  # fmt: skip


def runs_of(texts: pa.Array | pa.ChunkedArray, params: WindowParams, distinct: bool = True) -> Runs:
    """The runs of a column of texts; a text shorter than a window has none.

    `distinct`: each run of a document once, at its first occurrence.
    """
    data, offsets = text_buffers(texts)
    base, keys1, keys2 = _keys(params)
    words = four_byte_views(data)
    parts = []
    # a column without rows as one slice of none, for arrays of the right types
    for first, last in list(slices(offsets)) or [(0, 0)]:
        within = frozen(offsets[first : last + 1])
        part = _runs(data, words, within, params.window, params.gram, base, keys1, keys2, distinct)
        part[0][:] += first
        parts.append(part)
    return Runs(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def four_byte_views(data: Bytes) -> Words:
    """`data` as little-endian words of four bytes, from its first, second, third and fourth byte on."""
    if len(data) < 8:
        data = np.concatenate([data, np.zeros(8, np.uint8)])
    # Views of the same bytes, three of which are not aligned; NumPy and numba allow that.
    return tuple(np.frombuffer(data, "<u4", (len(data) - at) // 4, at) for at in range(4))
