"""Documents as sets of shingles: word n-grams, or character n-grams where a script puts no spaces between words.

A shingle is only ever a 64-bit hash. Which n-grams make up a document is decided once for the whole document, from the
share of characters of unspaced scripts: measured on real pairs, sets that change their unit inside a document give
another similarity than the one people count (see `benchmarks/minhash_kernel.md`). Inside a document of words every
character of an unspaced script is a token of its own, so that a quotation of Chinese counts too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from udfs.folding import IGNORED, POINT, SPACE, UNSPACED, FoldParams, fold_codes
from udfs.kernels import Bytes, Hashes, Offsets, kernel, mix64, slices, text_buffers

_BASE = np.uint64(0x9E3779B97F4A7C15)  # of the rolling sums; any odd number without structure (2**64 / golden ratio)
_SORT_ABOVE = 1 << 22  # code points; a longer document is made distinct by sorting, as a hash table would take four times its room

AUTO, WORDS, CHARACTERS = range(3)
_UNITS = {"auto": AUTO, "words": WORDS, "characters": CHARACTERS}


@dataclass(frozen=True)
class ShingleParams:
    """How a document is cut. Raises ValueError for an n-gram below 1 or an unknown unit."""

    words: int = 5  # tokens in a word shingle
    characters: int = 5  # characters other than white space in a character shingle
    unit: str = "auto"  # "words", "characters", or by the share below
    min_unspaced_share: float = 0.02  # from this share of unspaced characters (of all but white space) on, characters
    fold: FoldParams = field(default_factory=FoldParams)

    def __post_init__(self) -> None:
        if self.unit not in _UNITS:
            raise ValueError(f"unit is one of {', '.join(_UNITS)}, not {self.unit!r}")
        if self.words < 1 or self.characters < 1:
            raise ValueError("a shingle holds at least one word or character")


@dataclass(frozen=True)
class ShingleSets:
    """The distinct shingles of documents: those of document i are `hashes[offsets[i]:offsets[i + 1]]`."""

    hashes: Hashes
    offsets: Offsets

    @property
    def sizes(self) -> npt.NDArray[np.int64]:
        """Distinct shingles of each document."""
        return np.diff(self.offsets)


@kernel
def _uses_characters(codes, share):  # type: ignore[no-untyped-def]
    unspaced, solid = 0, 0
    for code in codes:
        unspaced += code & np.uint32(UNSPACED) != 0
        solid += code & np.uint32(SPACE | IGNORED) == 0
    return unspaced > 0 and unspaced >= share * solid


@kernel
def _characters(codes, tokens):  # type: ignore[no-untyped-def]
    """Write a hash of every character that is neither white space nor invisible; how many."""
    count = np.uint64(0)
    for code in codes:
        tokens[count] = (code & np.uint32(POINT)) + np.uint32(1)
        count += np.uint64(code & np.uint32(SPACE | IGNORED) == 0)
    for i in range(count):
        tokens[i] = mix64(tokens[i])
    return np.int64(count)


@kernel
def _words(codes, tokens):  # type: ignore[no-untyped-def]
    """Write a hash of every word, and of every character of an unspaced script; how many.

    Where a word ends cannot be predicted, so the common path has no branches: each step stores the word so far, and the
    step after its last letter counts it. A letter costs a rotation and an exclusive or; `mix64` does the rest at the end.
    """
    one, count, token, inside = np.uint64(1), np.uint64(0), np.uint64(0), np.uint64(0)
    for code in codes:
        point = np.uint64(code & np.uint32(POINT))
        if code & np.uint32(UNSPACED | IGNORED):
            if code & np.uint32(UNSPACED):
                tokens[count] = token
                count += inside
                tokens[count] = point
                count += one
                token, inside = np.uint64(0), np.uint64(0)
            continue
        tokens[count] = token
        letter = (np.uint64(code) >> np.uint64(24)) & one
        count += inside & (letter ^ one)
        token = (token << np.uint64(9) | token >> np.uint64(55)) ^ (point * _BASE)
        token &= np.uint64(0) - letter
        inside = letter
    tokens[count] = token
    count += inside
    for i in range(count):
        tokens[i] = mix64(tokens[i])
    return np.int64(count)


@kernel
def _roll(tokens, n, out, at):  # type: ignore[no-untyped-def]
    """Write a hash of every n tokens in a row from `out[at]` on, or of all when there are fewer; where it ends."""
    power = np.uint64(1)
    for _ in range(n):
        power *= _BASE
    total = np.uint64(0)
    for i in range(min(n, len(tokens))):
        total = total * _BASE + tokens[i]
    if len(tokens) == 0:
        return at
    # zero marks a free slot in `_distinct`, so no shingle has it
    out[at] = max(mix64(total), np.uint64(1))
    for i in range(n, len(tokens)):
        total = total * _BASE + tokens[i] - power * tokens[i - n]
        out[at + i - n + 1] = max(mix64(total), np.uint64(1))
    return at + max(len(tokens) - n + 1, 1)


@kernel
def _distinct(out, first, last, table):  # type: ignore[no-untyped-def]
    """Keep the first of equal hashes in `out[first:last]`; `table` is scratch, a power of two of at least twice as many slots."""
    size = 16
    while size < 2 * (last - first):
        size *= 2
    table[:size] = 0
    mask = np.uint64(size - 1)
    at = first
    for i in range(first, last):
        value = out[i]
        slot = value & mask
        while table[slot] != 0 and table[slot] != value:
            slot = (slot + np.uint64(1)) & mask
        if table[slot] == 0:
            table[slot] = value
            out[at] = value
            at += 1
    return at


@kernel
def _shingle(codes, ends, words, characters, unit, share, distinct):  # type: ignore[no-untyped-def]
    rows = len(ends) - 1
    longest = 0
    for row in range(rows):
        longest = max(longest, ends[row + 1] - ends[row])
    tokens = np.empty(longest + 2, np.uint64)
    table = np.empty(4 * longest + 16 if distinct else 0, np.uint64)
    out = np.empty(len(codes) + 1, np.uint64)
    starts = np.zeros(rows + 1, np.int64)
    at = 0
    for row in range(rows):
        document = codes[ends[row] : ends[row + 1]]
        if unit == CHARACTERS or (unit == AUTO and _uses_characters(document, share)):
            end = _roll(tokens[: _characters(document, tokens)], characters, out, at)
        else:
            end = _roll(tokens[: _words(document, tokens)], words, out, at)
        at = _distinct(out, at, end, table) if distinct else end
        starts[row + 1] = at
    return out[:at], starts


def slice_sets(data: Bytes, offsets: Offsets, params: ShingleParams, *, ordered: bool = False) -> tuple[Hashes, Offsets]:
    """Distinct shingles of documents given as bytes and offsets, all at once: hashes and `n + 1` offsets into them.

    Memory: 4 bytes for each code point and 8 for each shingle. Ordered sets are ascending, the others are not.
    """
    codes, ends, _ = fold_codes(data, offsets, params.fold)
    unit, share = _UNITS[params.unit], params.min_unspaced_share
    if len(ends) == 2 and len(codes) > _SORT_ABOVE:
        hashes, starts = _shingle(codes, ends, params.words, params.characters, unit, share, False)
        hashes.sort()
        hashes = hashes[np.concatenate([hashes[:1] != 0, hashes[1:] != hashes[:-1]])]
        return hashes, np.array([0, len(hashes)])
    hashes, starts = _shingle(codes, ends, params.words, params.characters, unit, share, True)
    if ordered:  # NumPy's sort is vectorised, and compiling one of numba's takes seconds
        for first, last in pairwise(starts.tolist()):
            hashes[first:last].sort()
    return hashes, starts


def sliced_sets(texts: pa.Array | pa.ChunkedArray, params: ShingleParams, *, ordered: bool = False) -> Iterator[tuple[Hashes, Offsets]]:
    """`slice_sets` over about a megabyte of text after the other, in order: what a kernel over shingles walks through."""
    data, offsets = text_buffers(texts)
    for first, last in slices(offsets):
        yield slice_sets(data, offsets[first : last + 1], params, ordered=ordered)


def shingle_sets(texts: pa.Array | pa.ChunkedArray, params: ShingleParams = ShingleParams()) -> ShingleSets:
    """The shingle set of each text, ascending, as 64-bit hashes that are never zero.

    A document with fewer tokens (characters) than a shingle holds is one short shingle, so that short documents are
    compared; one without any has an empty set. Hashes of words and of characters are not meant to meet.
    """
    parts = list(sliced_sets(texts, params, ordered=True))
    hashes = np.concatenate([part for part, _ in parts]) if parts else np.zeros(0, np.uint64)
    sizes = [np.diff(starts) for _, starts in parts]
    return ShingleSets(hashes, np.concatenate([np.zeros(1, np.int64), *sizes]).cumsum())


@kernel
def _common(hashes, offsets, left, right):  # type: ignore[no-untyped-def]
    shared = np.zeros(len(left), np.int64)
    for pair in range(len(left)):
        i, j = offsets[left[pair]], offsets[right[pair]]
        i_end, j_end = offsets[left[pair] + 1], offsets[right[pair] + 1]
        found = 0
        while i < i_end and j < j_end:
            a, b = hashes[i], hashes[j]
            found += a == b
            i += a <= b
            j += b <= a
        shared[pair] = found
    return shared


def jaccard_pairs(
    sets: ShingleSets, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Shingles that documents `left[i]` and `right[i]` share, and the size of their union. Needs ascending sets.

    Raises IndexError for a document that is not there.
    """
    left, right = np.ascontiguousarray(left, np.int64), np.ascontiguousarray(right, np.int64)
    for side in (left, right):
        if len(side) and (side.min() < 0 or side.max() >= len(sets.offsets) - 1):
            raise IndexError(f"documents are 0 to {len(sets.offsets) - 2}, pairs name {side.min()} to {side.max()}")
    shared = _common(sets.hashes, sets.offsets, left, right)
    return shared, sets.sizes[left] + sets.sizes[right] - shared


def similarity(
    shared: npt.NDArray[np.int64], union: npt.NDArray[np.int64], smaller: npt.NDArray[np.int64], measure: str = "jaccard"
) -> npt.NDArray[np.float64]:
    """Jaccard (shared / union) or containment (shared / shingles of the smaller set); 0 where a set is empty.

    Raises ValueError for another measure.
    """
    if measure not in ("jaccard", "containment"):
        raise ValueError(f"measure is jaccard or containment, not {measure!r}")
    whole = union if measure == "jaccard" else smaller
    return np.divide(shared, whole, out=np.zeros(len(shared)), where=whole > 0)
