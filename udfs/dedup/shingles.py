"""Documents as sets of shingles: word n-grams, or character n-grams where a script puts no spaces between
words.

A shingle is stored as a 64-bit hash only. The unit (words or characters) is chosen once for the whole
document, from the share of characters of unspaced scripts: measured on real pairs, sets that change their
unit inside a document give another similarity than the one people count (see `benchmarks/minhash_kernel.md`).
Inside a document of words every character of an unspaced script is a token of its own, so that a Chinese
quotation counts too.

    "The mill grinds all the grain", words 5   ->   {the mill grinds all the, mill grinds all the grain}

An n-gram of characters contains every sign. An n-gram of words contains those signs between its words that
carry meaning, which is decided by their neighbours (classes of signs: udfs/text/signs.py). Between two words
of a line these count:
- an operator (= + × ÷ √) with white space next to it, or directly at an operand, which is a number or a word
  of one character: `total = price`, `12+7`, `C++`, `√2`, not `+ an item`, `class="x"`;
- an ambiguous one (* / & ! < > ~ dashes, arrows) between operands, or apart from the words where an operator
  counted one word before (`x = total - price`): not `and/or`, `*this*`, `well-known`, `then - at last -`;
- a dash directly before a digit, but not directly behind a word: `-5`, not `- 5 apples`, `covid-19`;
- a mark (% ° € #) behind a number, directly behind one character, or directly before a digit: `5 %`, `C#`,
  `€5`.
All dashes are the same sign, repeated or not. Round brackets count next to an operator between operands,
`2*(3+4)`, other punctuation never: the point of 1.5 is not needed, as the tokens 1 and 5 differ from 15.
Signs at the end of a line belong to the word before them.
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

# base of the rolling sums: any odd number without structure would do; this is 2**64 / golden ratio
_BASE = np.uint64(0x9E3779B97F4A7C15)
# code points; the shingles of a longer document are sorted to make
# them distinct, as a hash table would take four times their memory
_SORT_ABOVE = 1 << 22

# code points that are tested for signs at once; one test of 32 is cheaper than 32 branches
_SCAN = 32

AUTO, WORDS, CHARACTERS = range(3)
_LETTER = WORD | UNSPACED
# flag of a code: it was replaced by a hash of signs that
# count (the highest bit, which no folded code uses)
_COUNTED = 1 << 31
_OPERATORS = 1 << OPERATOR | 1 << AMBIGUOUS | 1 << DASH
_MINUS, _NEW_LINE, _RETURN, _LINE, _PARAGRAPH = ord("-"), 0x0A, 0x0D, 0x2028, 0x2029
_FORMS, _SAME = np.array([[form, ord(sign)] for form, sign in sorted(SAME.items())], np.uint32).T.copy()
_UNITS = {"auto": AUTO, "words": WORDS, "characters": CHARACTERS}


@dataclass(frozen=True)
class ShingleParams:
    """How a document becomes shingles. Raises ValueError for an n-gram below 1 or an unknown unit."""

    words: int = 5  # tokens in a word shingle
    # characters other than white space in a character shingle
    characters: int = 5
    # "words", "characters", or "auto": characters where at least `min_unspaced_ratio`
    # of the characters other than white space are of unspaced scripts
    unit: str = "auto"
    min_unspaced_ratio: float = 0.02
    fold: FoldParams = field(default_factory=lambda: FoldParams(powers=True))
    # Version of the rules above. It enters the hash of the parameters, so
    # that sketches made by other rules are made again instead of compared.
    cut: int = field(default=2, init=False)

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
    """The bits that at least one of the codes has: one vectorised pass shows which rules a document needs."""
    some = np.uint32(0)
    # By index: a loop over the codes themselves is not vectorised.
    for i in range(len(codes)):
        some |= codes[i]
    return some


@compiled
def _uses_characters(codes, share):  # type: ignore[no-untyped-def]
    """Whether characters of unspaced scripts are at least `share` of all that are not white space."""
    unspaced, solid = 0, 0
    for i in range(len(codes)):
        unspaced += codes[i] & np.uint32(UNSPACED) != 0
        solid += codes[i] & np.uint32(SPACE | IGNORED) == 0
    return unspaced > 0 and unspaced >= share * solid


@compiled
def _characters(codes, tokens):  # type: ignore[no-untyped-def]
    """Write a hash of every character that is neither white space nor invisible; return their number."""
    count = np.uint64(0)
    # Without branches: each code is written, and the position advances only where it counts.
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
    """Whether the code belongs to a word or ends the line."""
    if not code & np.uint32(SPACE):
        return code & np.uint32(_LETTER) != 0
    point = code & np.uint32(POINT)
    return point == _NEW_LINE or point == _RETURN or point == _LINE or point == _PARAGRAPH


@compiled
def _is_operand(codes, at, step):  # type: ignore[no-untyped-def]
    """Whether a digit is at `at`, or a word of one character: the next code in the direction `step` is no
    letter."""
    beyond = at + step
    goes_on = 0 <= beyond < len(codes) and codes[beyond] & np.uint32(WORD | IGNORED) != 0
    return _is_digit(codes[at]) or (codes[at] & np.uint32(WORD) != 0 and not goes_on)


@compiled
def _hash_signs(codes, first, last, kinds):  # type: ignore[no-untyped-def]
    """A hash of the signs of the classes `kinds` (bits) in `codes[first:last]`; dashes in a row are one."""
    # Forms of one sign (slashes, asterisks, tildes, minus)
    # are mapped to one code point before they are hashed.
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
    """Whether the word before `first` begins at `chain`, the end of the last gap in which an operator
    counted."""
    begin = first - 1
    while begin > chain >= 0 and codes[begin - 1] & np.uint32(WORD | IGNORED) != 0:
        begin -= 1
    return begin == chain


@compiled
def _gap(codes, at, chain):  # type: ignore[no-untyped-def]
    """The signs that count in the gap between two words around `at`: their hash (0: none), whether an
    operator is among them, where the gap begins and ends.

    `chain`: where the last gap ended in which an operator counted.
    """
    # The whole gap decides together: signs on both sides
    # of `at`, up to a word or the end of the line.
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
    # The rules of the module's docstring, in their order.
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
    # Marks count without an operator too.
    if kinds & 1 << MARK:
        left_digit, right_digit = left and _is_digit(codes[first - 1]), right and _is_digit(codes[last])
        if left_digit or (left_operand and begins == MARK) or (right_digit and ends == MARK):
            return _hash_signs(codes, first, last, 1 << MARK), False, first, last
    return np.uint64(0), False, first, last


@compiled
def _find_signs(codes, spots):  # type: ignore[no-untyped-def]
    """Write the positions of signs, without those (mostly hyphens) alone between letters of longer words;
    return their number.

    Where signs occur is not predictable for a processor, so there are no branches on single ones.
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
    # The rest that does not fill a block.
    for at in range(n - n % _SCAN, n):
        spots[found] = at
        found += np.uint64(codes[at] >> np.uint32(30) & one)
    # A sign with two letters on each side (well-known, and/or) never counts: dropped
    # now, before the costlier look at its gap. Next to a digit it may count.
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
    """Replace the first code of each gap whose signs count by _COUNTED and 24 bits of their hash."""
    # `seen`: the end of the last gap. A gap with several signs is looked at once.
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
    """Write a hash of every word and of every unspaced character into `tokens`; into `spots` and `signs` the
    counted signs, each with the number of tokens before it. Returns the numbers of tokens and of signs.

    Word ends are not predictable for a processor, so the common path has no branches: each step stores the
    word so far, and the step after its last letter counts it. A letter costs a rotation and an exclusive or;
    `mix64` does the rest at the end.
    """
    one, count, token, inside, found = np.uint64(1), np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
    for i in range(len(codes)):
        code = codes[i]
        point = np.uint64(code & np.uint32(POINT))
        # The rare path: an unspaced character or counted signs end
        # the word before them, an invisible code changes nothing.
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
        # The common path. `letter` is 0 or 1; after a
        # code that is no letter the token is masked to 0.
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
    """Copy `tokens` to `signed`, each mixed with the signs after it; signs before the first word become a
    part of that word."""
    for k in range(found):
        if spots[k] == 0:
            # inverted: "²" is no "2²" without what stands before its second number
            tokens[0] = mix64(tokens[0] ^ ~signs[k])
    signed[:] = tokens
    for k in range(found):
        if spots[k]:
            signed[spots[k] - np.uint64(1)] = mix64(signed[spots[k] - np.uint64(1)] ^ signs[k])


@compiled
def _roll(tokens, signed, n, out, at):  # type: ignore[no-untyped-def]
    """Write a hash of every n consecutive tokens from `out[at]` on, or of all if there are fewer; return the
    end.

    All tokens of a shingle but its last are taken from `signed`: signs after a shingle are no part of it,
    except at the end of the document. The sum is a polynomial in _BASE, so a step adds one token and
    subtracts one.
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
    # Zero marks a free slot in `_distinct`, so no shingle may have it.
    for i in range(short, end):
        out[at + i - short] = max(mix64(total * _BASE + tokens[i]), np.uint64(1))
        total = total * _BASE + signed[i] - power * signed[i - short]
    out[at + end - short] = max(mix64(total * _BASE + signed[end]), np.uint64(1))
    return at + end - short + 1


@compiled
def _distinct(out, first, last, table, twice):  # type: ignore[no-untyped-def]
    """Keep the first of equal hashes in `out[first:last]`; return the new end, and how many hashes occur more
    than once.

    `table` (scratch): hash table of a power of two of slots, at least two a hash; `twice` has a bit for each
    slot.
    """
    # As small as the document allows: a small table fits the cache, and clearing it costs its size.
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
    """The largest number of times, up to 255, that at least half of the distinct `shingles` occur."""
    # Counts of each shingle first, then a histogram of the counts.
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
    # Slots that no shingle uses are counted under 0, which the search below never reaches.
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
    """Shingle hashes of all documents of a slice, where those of each end, and their usual times; see
    slice_sets."""
    rows = len(ends) - 1
    # Scratch for the longest document, allocated once for all.
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
        # Most documents have no unspaced characters or no signs, and skip what these need.
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
            # Unless half of the shingles repeat, the usual number is 1: the second pass is for
            # few documents. It makes the shingles again, as `_distinct` has overwritten them.
            if repeated and 2 * repeated >= at - first:
                again = np.empty(end - first, np.uint64)
                _roll(bare, behind, width, again, 0)
                times[row] = _usual_times(again, table, np.empty(len(table), np.uint8))
        starts[row + 1] = at
    return out[:at], starts, times


def slice_sets(
    data: Bytes, offsets: Offsets, params: ShingleParams, *, ordered: bool = False
) -> tuple[Hashes, Offsets, npt.NDArray[np.int64]]:
    """Distinct shingles of `n` documents (UTF-8 bytes and offsets): hashes, `n + 1` offsets, `n` times.

    Times: the largest number of times (1 to 255) that at least half of a document's distinct shingles occur.
    A text followed by a copy of itself has 2, and so has one of which each paragraph occurs twice; one with a
    refrain has 1. With `ordered` the hashes of each document are ascending, else in no defined order. Memory:
    4 bytes for each code point and 8 for each shingle.
    """
    codes, ends, _ = fold_codes(data, offsets, params.fold)
    unit, share = _UNITS[params.unit], params.min_unspaced_ratio
    if len(ends) == 2 and len(codes) > _SORT_ABOVE:
        hashes, starts, _ = _shingle(codes, ends, params.words, params.characters, unit, share, False)
        hashes.sort()
        # The first of each run of equal hashes; hashes
        # are never 0, so the very first always is one.
        firsts = np.flatnonzero(np.concatenate([hashes[:1] != 0, hashes[1:] != hashes[:-1]]))
        counts = np.sort(np.diff(firsts, append=len(hashes)))[::-1]
        # The median of the descending counts is the number that half of the shingles reach.
        usual = int(counts[(len(counts) - 1) // 2]) if len(counts) else 1
        return hashes[firsts], np.array([0, len(firsts)]), np.array([min(usual, 255)])
    hashes, starts, times = _shingle(codes, ends, params.words, params.characters, unit, share, True)
    # By NumPy: its sort is vectorised, and compiling one with numba takes seconds.
    if ordered:
        for first, last in pairwise(starts.tolist()):
            hashes[first:last].sort()
    return hashes, starts, times


def sliced_sets(
    texts: pa.Array | pa.ChunkedArray, params: ShingleParams, *, ordered: bool = False
) -> Iterator[tuple[Hashes, Offsets, npt.NDArray[np.int64]]]:
    """`slice_sets` of each consecutive megabyte (about) of `texts`, in order; bounds the memory of a
    kernel."""
    data, offsets = text_buffers(texts)
    for first, last in slices(offsets):
        yield slice_sets(data, offsets[first : last + 1], params, ordered=ordered)


def shingle_sets(texts: pa.Array | pa.ChunkedArray, params: ShingleParams = ShingleParams()) -> ShingleSets:
    """The shingle set of each text, ascending, as 64-bit hashes that are never zero; a null text has an empty
    set.

    A document with fewer tokens (characters) than a shingle has is one short shingle, so that short documents
    are compared; one without any has an empty set. A document of words and one of characters share no
    shingles except by chance.
    """
    parts = list(sliced_sets(texts, params, ordered=True))
    hashes = np.concatenate([part for part, _, _ in parts]) if parts else np.zeros(0, np.uint64)
    sizes = [np.diff(starts) for _, starts, _ in parts]
    return ShingleSets(hashes, np.concatenate([np.zeros(1, np.int64), *sizes]).cumsum())


@compiled
def _common(hashes, offsets, left, right):  # type: ignore[no-untyped-def]
    """The number of hashes that two ascending sets share, for each pair: one merge without branches."""
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
    """The number of shingles that documents `left[i]` and `right[i]` share, and the size of their union.

    The sets must be ascending. Raises IndexError for a document outside `sets`.
    """
    # Checked first: compiled code would read outside its arrays without an error.
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
