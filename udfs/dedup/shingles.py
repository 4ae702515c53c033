"""Documents as sets of shingles: word n-grams, or character n-grams where a script puts no spaces between
words.

A shingle is only ever a 64-bit hash. Which n-grams make up a document is decided once for the whole document,
from the share of characters of unspaced scripts: measured on real pairs, sets that change their unit inside a
document give another similarity than the one people count (see `benchmarks/minhash_kernel.md`). Inside a
document of words every character of an unspaced script is a token of its own, so that a quotation of Chinese
counts too.

An n-gram of characters holds every sign. An n-gram of words holds those signs between its words that carry
the meaning, which their neighbours tell (classes of signs: udfs/text/signs.py). Of what stands between two
words of a line count:
- an operator (= + × ÷ √) with white space beside it, or directly at an operand, which is a number or a word
  of one character: `total = price`, `12+7`, `C++`, `√2`, not `+ an item`, `class="x"`;
- an ambiguous one (* / & ! < > ~ dashes, arrows) between operands, or apart from the words where an operator
  counted one word before (`x = total - price`): not `and/or`, `*this*`, `well-known`, `then - at last -`;
- a dash directly before a digit, but not directly behind a word: `-5`, not `- 5 apples`, `covid-19`;
- a mark (% ° € #) behind a number, directly behind one character, or directly before a digit: `5 %`, `C#`,
  `€5`.
All dashes are one, repeated or not; round brackets count beside an operator between operands, `2*(3+4)`, and
other punctuation never: the point of 1.5 needs none, as 1 and 5 are not 15. At the end of a line the word
before has the signs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.arrow.compiled import Bytes, Hashes, Offsets, compiled, mix64, slices, text_buffers
from gristmill.udfs.text.folding import (
    IGNORED,
    POINT,
    SIGN,
    SIGN_CLASS,
    SPACE,
    UNSPACED,
    WORD,
    FoldParams,
    fold_codes,
)
from gristmill.udfs.text.signs import AMBIGUOUS, DASH, JOINED, MARK, OPERATOR, SAME

# of the rolling sums; any odd number without structure (2**64 / golden ratio)
_BASE = np.uint64(0x9E3779B97F4A7C15)
# code points; a longer document is made distinct by sorting, as a hash table would take four times its room
_SORT_ABOVE = 1 << 22

# code points that are asked at once whether a sign is among them
_SCAN = 32

AUTO, WORDS, CHARACTERS = range(3)
_LETTER = WORD | UNSPACED
# of a code: in its place stands a hash of signs that count
_COUNTED = 1 << 31
_OPERATORS = 1 << OPERATOR | 1 << AMBIGUOUS | 1 << DASH
_MINUS, _NEW_LINE, _RETURN, _LINE, _PARAGRAPH = ord("-"), 0x0A, 0x0D, 0x2028, 0x2029
_FORMS, _SAME = np.array([[form, ord(sign)] for form, sign in sorted(SAME.items())], np.uint32).T.copy()
_UNITS = {"auto": AUTO, "words": WORDS, "characters": CHARACTERS}


@dataclass(frozen=True)
class ShingleParams:
    """How a document is cut. Raises ValueError for an n-gram below 1 or an unknown unit."""

    words: int = 5  # tokens in a word shingle
    # characters other than white space in a character shingle
    characters: int = 5
    # "words", "characters", or by the share below
    unit: str = "auto"
    min_unspaced_ratio: float = 0.02
    fold: FoldParams = field(default_factory=lambda: FoldParams(powers=True))
    cut: int = field(
        default=2, init=False
    )  # number of the rules above: sketches of other rules do not compare

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


@compiled
def _any_bits(codes):  # type: ignore[no-untyped-def]
    """The bits that some of the codes have."""
    some = np.uint32(0)
    # (a loop over the codes themselves does not become one over vectors)
    for i in range(len(codes)):
        some |= codes[i]
    return some


@compiled
def _uses_characters(codes, share):  # type: ignore[no-untyped-def]
    unspaced, solid = 0, 0
    for i in range(len(codes)):
        unspaced += codes[i] & np.uint32(UNSPACED) != 0
        solid += codes[i] & np.uint32(SPACE | IGNORED) == 0
    return unspaced > 0 and unspaced >= share * solid


@compiled
def _characters(codes, tokens):  # type: ignore[no-untyped-def]
    """Write a hash of every character that is neither white space nor invisible; how many."""
    count = np.uint64(0)
    for code in codes:
        tokens[count] = (code & np.uint32(POINT)) + np.uint32(1)
        count += np.uint64(code & np.uint32(SPACE | IGNORED) == 0)
    for i in range(count):
        tokens[i] = mix64(tokens[i])
    return np.int64(count)


@compiled
def _class(code):  # type: ignore[no-untyped-def]
    return (code >> np.uint32(SIGN_CLASS)) & np.uint32(7)


@compiled
def _is_digit(code):  # type: ignore[no-untyped-def]
    return 48 <= code & np.uint32(POINT) <= 57


@compiled
def _ends_gap(code):  # type: ignore[no-untyped-def]
    """Whether a word is there or the line ends."""
    if not code & np.uint32(SPACE):
        return code & np.uint32(_LETTER) != 0
    point = code & np.uint32(POINT)
    return point == _NEW_LINE or point == _RETURN or point == _LINE or point == _PARAGRAPH


@compiled
def _is_operand(codes, at, step):  # type: ignore[no-untyped-def]
    """Whether a digit is there, or a word of one character: it does not go on `step` further."""
    beyond = at + step
    goes_on = 0 <= beyond < len(codes) and codes[beyond] & np.uint32(WORD | IGNORED) != 0
    return _is_digit(codes[at]) or (codes[at] & np.uint32(WORD) != 0 and not goes_on)


@compiled
def _hash_signs(codes, first, last, kinds):  # type: ignore[no-untyped-def]
    """A hash of the signs of these classes (bits) in `codes[first:last]`; dashes in a row are one."""
    total, before = np.uint64(0), np.uint32(0)
    for i in range(first, last):
        kind, point = _class(codes[i]), codes[i] & np.uint32(POINT)
        if not kinds >> kind & 1:
            continue
        if kind == DASH:
            point = np.uint32(_MINUS)
        elif point >= _FORMS[0]:
            for k in range(len(_FORMS)):
                point = _SAME[k] if point == _FORMS[k] else point
        if point != _MINUS or before != _MINUS:
            total = mix64(total ^ np.uint64(point))
        before = point
    return total


@compiled
def _is_in_chain(codes, first, chain):  # type: ignore[no-untyped-def]
    """Whether the word before `first` begins at `chain`, where a gap ended in which an operator counted."""
    begin = first - 1
    while begin > chain >= 0 and codes[begin - 1] & np.uint32(WORD | IGNORED) != 0:
        begin -= 1
    return begin == chain


@compiled
def _gap(codes, at, chain):  # type: ignore[no-untyped-def]
    """What counts of the signs about `at`: hash (0: nothing), if an operator does, where the gap begins,
    ends.

    `chain`: where the last gap ended in which an operator counted.
    """
    first, last, kinds = at, at + 1, 1 << _class(codes[at])
    while first > 0 and not _ends_gap(codes[first - 1]):
        first -= 1
        kinds |= 1 << _class(codes[first])
    while last < len(codes) and not _ends_gap(codes[last]):
        kinds |= 1 << _class(codes[last])
        last += 1
    left = first > 0 and codes[first - 1] & np.uint32(_LETTER) != 0
    right = last < len(codes) and codes[last] & np.uint32(_LETTER) != 0
    left_operand, right_operand = (
        left and _is_operand(codes, first - 1, -1),
        right and _is_operand(codes, last, 1),
    )
    begins, ends = _class(codes[first]), _class(codes[last - 1])
    if kinds & _OPERATORS:
        is_apart = (codes[first] | codes[last - 1]) & np.uint32(SPACE) != 0
        is_operator = kinds & 1 << OPERATOR != 0
        counts = left_operand and right_operand
        counts |= left and right and is_apart and (is_operator or _is_in_chain(codes, first, chain))
        counts |= is_operator and ((left_operand and begins != 0) or (right_operand and ends == OPERATOR))
        counts |= ends == DASH and (not left or last - first > 1) and right and _is_digit(codes[last])
        if counts:
            brackets = np.int64(left_operand and right_operand) << JOINED
            return _hash_signs(codes, first, last, brackets | 1 << MARK | _OPERATORS), True, first, last
    if kinds & 1 << MARK:
        left_digit, right_digit = left and _is_digit(codes[first - 1]), right and _is_digit(codes[last])
        if left_digit or (left_operand and begins == MARK) or (right_digit and ends == MARK):
            return _hash_signs(codes, first, last, 1 << MARK), False, first, last
    return np.uint64(0), False, first, last


@compiled
def _find_signs(codes, spots):  # type: ignore[no-untyped-def]
    """Write where signs stand, but hyphens and others alone between letters of longer words; how many.

    Signs come where they will, so there are no branches on single ones.
    """
    one, word, n = np.uint32(1), np.uint32(WORD), len(codes)
    found = np.uint64(0)
    for block in range(n // _SCAN):
        some, first = np.uint32(0), np.uint64(block * _SCAN)
        for k in range(_SCAN):
            some |= codes[first + np.uint64(k)]
        if some & np.uint32(SIGN):
            for k in range(_SCAN):
                spots[found] = first + np.uint64(k)
                found += np.uint64(codes[first + np.uint64(k)] >> np.uint32(30) & one)
    for at in range(n - n % _SCAN, n):
        spots[found] = at
        found += np.uint64(codes[at] >> np.uint32(30) & one)
    kept = np.uint64(0)
    for k in range(found):
        at = spots[k]
        spots[kept] = at
        if 1 < at < np.uint64(n - 2):
            before, behind = codes[at - np.uint64(1)], codes[at + np.uint64(1)]
            letters = codes[at - np.uint64(2)] & before & behind & codes[at + np.uint64(2)] & word
            digits = ((before & np.uint32(POINT)) < np.uint32(58)) | (
                (behind & np.uint32(POINT)) < np.uint32(58)
            )
            kept += np.uint64((letters == 0) | digits)
        else:
            kept += np.uint64(1)
    return kept


@compiled
def _count_signs(codes, spots):  # type: ignore[no-untyped-def]
    """Put COUNTED and a hash of 24 bits in the place of the first character of each gap whose signs count."""
    chain, seen = np.int64(-1), np.int64(0)
    for k in range(_find_signs(codes, spots)):
        at = np.int64(spots[k])
        if at >= seen:
            signs, is_operator, first, seen = _gap(codes, at, chain)
            chain = seen if is_operator else chain
            if signs:
                codes[first] = np.uint32(_COUNTED | (signs & np.uint64(0xFFFFFF)))


@compiled
def _words(codes, tokens, spots, signs):  # type: ignore[no-untyped-def]
    """Write a hash of every word and of every unspaced character, and signs with the words before.

    Returns how many of both.
    Where a word ends cannot be predicted, so the common path has no branches: each step stores the word so
    far, and the step after its last letter counts it. A letter costs a rotation and an exclusive or; `mix64`
    does the rest at the end.
    """
    one, count, token, inside, found = np.uint64(1), np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
    for i in range(len(codes)):
        code = codes[i]
        point = np.uint64(code & np.uint32(POINT))
        if code & np.uint32(UNSPACED | IGNORED | _COUNTED):
            if code & np.uint32(_COUNTED | UNSPACED):
                tokens[count] = token
                count += inside
                token, inside = np.uint64(0), np.uint64(0)
                if code & np.uint32(_COUNTED):
                    spots[found], signs[found] = count, code
                    found += one
                else:
                    tokens[count] = point
                    count += one
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
    return np.int64(count), np.int64(found)


@compiled
def _sign(tokens, signed, spots, signs, found):  # type: ignore[no-untyped-def]
    """Copy tokens, each with the signs behind it; those before the first word are a part of it."""
    for k in range(found):
        if spots[k] == 0:
            tokens[0] = mix64(tokens[0] ^ signs[k])
    signed[:] = tokens
    for k in range(found):
        if spots[k]:
            signed[spots[k] - np.uint64(1)] = mix64(signed[spots[k] - np.uint64(1)] ^ signs[k])


@compiled
def _roll(tokens, signed, n, out, at):  # type: ignore[no-untyped-def]
    """Write a hash of every n tokens in a row from `out[at]` on, or of all if there are fewer; where they
    end.

    All but the last are `signed`: what stands behind a shingle is no part of it, but at the document's end.
    """
    if len(tokens) == 0:
        return at
    power = np.uint64(1)
    for _ in range(n - 1):
        power *= _BASE
    total, short = np.uint64(0), min(n, len(tokens)) - 1
    for i in range(short):
        total = total * _BASE + signed[i]
    end = len(tokens) - 1
    # zero marks a free slot in `_distinct`, so no shingle has it
    for i in range(short, end):
        out[at + i - short] = max(mix64(total * _BASE + tokens[i]), np.uint64(1))
        total = total * _BASE + signed[i] - power * signed[i - short]
    out[at + end - short] = max(mix64(total * _BASE + signed[end]), np.uint64(1))
    return at + end - short + 1


@compiled
def _distinct(out, first, last, table, twice):  # type: ignore[no-untyped-def]
    """Keep the first of equal hashes in `out[first:last]`; where they end, and how many of them come again.

    `table` is scratch, a power of two of at least twice as many slots; `twice` has a bit for each.
    """
    size, one = 16, np.uint64(1)
    while size < 2 * (last - first):
        size *= 2
    table[:size] = 0
    twice[: size // 64 + 1] = 0
    mask = np.uint64(size - 1)
    at, again = first, np.uint64(0)
    for i in range(first, last):
        value = out[i]
        slot = value & mask
        while table[slot] != 0 and table[slot] != value:
            slot = (slot + one) & mask
        if table[slot] == 0:
            table[slot] = value
            out[at] = value
            at += 1
        else:
            word, bit = slot >> np.uint64(6), slot & np.uint64(63)
            again += ~(twice[word] >> bit) & one
            twice[word] |= one << bit
    return at, np.int64(again)


@compiled
def _usual_times(shingles, table, counts):  # type: ignore[no-untyped-def]
    """The largest number of times, up to 255, that at least half of the distinct `shingles` come."""
    size = 16
    while size < 2 * len(shingles):
        size *= 2
    table[:size] = 0
    counts[:size] = 0
    mask, distinct = np.uint64(size - 1), 0
    for value in shingles:
        slot = value & mask
        while table[slot] != 0 and table[slot] != value:
            slot = (slot + np.uint64(1)) & mask
        distinct += table[slot] == 0
        table[slot] = value
        counts[slot] += counts[slot] < 255
    of_times = np.zeros(256, np.int64)
    for slot in range(size):
        of_times[counts[slot]] += 1
    times, so_far = 255, of_times[255]
    while 2 * so_far < distinct:
        times -= 1
        so_far += of_times[times]
    return times


@compiled
def _shingle(codes, ends, words, characters, unit, share, distinct):  # type: ignore[no-untyped-def]
    rows = len(ends) - 1
    longest = 0
    for row in range(rows):
        longest = max(longest, ends[row + 1] - ends[row])
    tokens, signed = np.empty(longest + 2, np.uint64), np.empty(longest + 2, np.uint64)
    spots, signs = np.empty(longest + 2, np.uint64), np.empty(longest + 2, np.uint64)
    table = np.empty(4 * longest + 16 if distinct else 0, np.uint64)
    twice = np.empty(len(table) // 64 + 2, np.uint64)
    out = np.empty(len(codes) + 1, np.uint64)
    starts, times = np.zeros(rows + 1, np.int64), np.ones(rows, np.int64)
    at = 0
    for row in range(rows):
        document, first = codes[ends[row] : ends[row + 1]], at
        kinds = _any_bits(document)
        is_mixed = unit == AUTO and kinds & np.uint32(UNSPACED) != 0
        if unit == CHARACTERS or (is_mixed and _uses_characters(document, share)):
            n, width = _characters(document, tokens), characters
            bare = behind = tokens[:n]
        else:
            if kinds & np.uint32(SIGN):
                _count_signs(document, spots)
            n, found = _words(document, tokens, spots, signs)
            if found and n:
                _sign(tokens[:n], signed[:n], spots, signs, found)
            width, behind = words, signed[:n] if found else tokens[:n]
            bare = behind if words == 1 else tokens[:n]
        at = end = _roll(bare, behind, width, out, at)
        if distinct:
            at, repeated = _distinct(out, first, end, table, twice)
            if repeated and 2 * repeated >= at - first:
                again = np.empty(end - first, np.uint64)
                _roll(bare, behind, width, again, 0)
                times[row] = _usual_times(again, table, np.empty(len(table), np.uint8))
        starts[row + 1] = at
    return out[:at], starts, times


def slice_sets(
    data: Bytes, offsets: Offsets, params: ShingleParams, *, ordered: bool = False
) -> tuple[Hashes, Offsets, npt.NDArray[np.int64]]:
    """Distinct shingles of documents given as bytes and offsets: hashes, `n + 1` offsets, `n` times.

    Times: how often a document says most of what it says, which is the largest number of times (1 to 255)
    that at least half of its distinct shingles come. A text with a copy of itself behind it has 2, and so has
    one of which each paragraph comes twice; one with a refrain has 1. Memory: 4 bytes for each code point and
    8 for each shingle. Ordered sets are ascending, the others are not.
    """
    codes, ends, _ = fold_codes(data, offsets, params.fold)
    unit, share = _UNITS[params.unit], params.min_unspaced_ratio
    if len(ends) == 2 and len(codes) > _SORT_ABOVE:
        hashes, starts, _ = _shingle(codes, ends, params.words, params.characters, unit, share, False)
        hashes.sort()
        firsts = np.flatnonzero(np.concatenate([hashes[:1] != 0, hashes[1:] != hashes[:-1]]))
        counts = np.sort(np.diff(firsts, append=len(hashes)))[::-1]
        usual = int(counts[(len(counts) - 1) // 2]) if len(counts) else 1
        return hashes[firsts], np.array([0, len(firsts)]), np.array([min(usual, 255)])
    hashes, starts, times = _shingle(codes, ends, params.words, params.characters, unit, share, True)
    # NumPy's sort is vectorised, and compiling one of numba's takes seconds
    if ordered:
        for first, last in pairwise(starts.tolist()):
            hashes[first:last].sort()
    return hashes, starts, times


def sliced_sets(
    texts: pa.Array | pa.ChunkedArray, params: ShingleParams, *, ordered: bool = False
) -> Iterator[tuple[Hashes, Offsets, npt.NDArray[np.int64]]]:
    """`slice_sets` over about a megabyte of text after the other, in order: what a kernel over shingles
    walks through."""
    data, offsets = text_buffers(texts)
    for first, last in slices(offsets):
        yield slice_sets(data, offsets[first : last + 1], params, ordered=ordered)


def shingle_sets(texts: pa.Array | pa.ChunkedArray, params: ShingleParams = ShingleParams()) -> ShingleSets:
    """The shingle set of each text, ascending, as 64-bit hashes that are never zero.

    A document with fewer tokens (characters) than a shingle holds is one short shingle, so that short
    documents are compared; one without any has an empty set. Hashes of words and of characters are not meant
    to meet.
    """
    parts = list(sliced_sets(texts, params, ordered=True))
    hashes = np.concatenate([part for part, _, _ in parts]) if parts else np.zeros(0, np.uint64)
    sizes = [np.diff(starts) for _, starts, _ in parts]
    return ShingleSets(hashes, np.concatenate([np.zeros(1, np.int64), *sizes]).cumsum())


@compiled
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
    """Shingles that documents `left[i]` and `right[i]` share, and the size of their union. Needs ascending
    sets.

    Raises IndexError for a document that is not there.
    """
    left, right = np.ascontiguousarray(left, np.int64), np.ascontiguousarray(right, np.int64)
    for side in (left, right):
        if len(side) and (side.min() < 0 or side.max() >= len(sets.offsets) - 1):
            raise IndexError(
                f"documents are 0 to {len(sets.offsets) - 2}, pairs name {side.min()} to {side.max()}"
            )
    shared = _common(sets.hashes, sets.offsets, left, right)
    return shared, sets.sizes[left] + sets.sizes[right] - shared


def similarity(
    shared: npt.NDArray[np.int64],
    union: npt.NDArray[np.int64],
    smaller: npt.NDArray[np.int64],
    measure: str = "jaccard",
) -> npt.NDArray[np.float64]:
    """Jaccard (shared / union) or containment (shared / shingles of the smaller set); 0 where a set is empty.

    Raises ValueError for another measure.
    """
    if measure not in ("jaccard", "containment"):
        raise ValueError(f"measure is jaccard or containment, not {measure!r}")
    whole = union if measure == "jaccard" else smaller
    return np.divide(shared, whole, out=np.zeros(len(shared)), where=whole > 0)
