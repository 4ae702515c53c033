"""Lines of documents with a hash of their folded form, and which of them may be boilerplate.

Lines of code, of formulas and of tables, and lines without a letter (a number, a tick) repeat for other
reasons than being the frame of a page: they are marked as closed, and nothing of them is counted or removed.
Code is what CommonMark takes for it: fences, and lines indented by four columns behind a blank line.
"""

import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import Codes, Hashes, Offsets, compiled, frozen, mix64
from gristmill.udfs.text.chars import ALPHA, DIGIT, ICON, MULTIPLIER, PUNCT, SPACE, TERMINAL, UNSPACED, Chars

# from this code point on, the end of a sentence needs no space behind it (CJK full stops)
_WIDE = 0x3000


@dataclass(frozen=True)
class LineFold:
    """When two lines count as equal. White space always counts as one space, and as none at the ends."""

    casefold: bool
    # lines of at least so many code points (white space folded) have their digits read as 0; null: none
    digits_from_chars: int | None
    accents: bool  # letters count without their marks
    punctuation: bool  # characters of Unicode's category P do not count


@dataclass(frozen=True)
class Pieces:
    """Pieces `[starts, stops)` in code points of the slice; document i has those from ends[i] to ends[i + 1].

    With n pieces in d documents: `starts`, `stops` int64 and `hashes` uint64 of shape (n,), `is_open` bool of
    shape (n,), `ends` int64 of shape (d + 1,). The lowest bit of a hash says whether most letters of the
    piece are of a script without spaces. `is_open`: outside code, formulas and tables.
    """

    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]
    hashes: Hashes
    is_open: npt.NDArray[np.bool_]
    ends: Offsets


@lru_cache(maxsize=4)
def fold_table(casefold: bool, accents: bool) -> Codes:
    """The folded form of every code point, uint32 of shape (0x110000,); one code point gives one."""
    table = np.arange(0x110000, dtype=np.uint32)
    # planes with letters that have case or marks
    for point in (*range(0xD800), *range(0xF900, 0x20000)):
        char = chr(point)
        if accents:
            base = [each for each in unicodedata.normalize("NFD", char) if not unicodedata.combining(each)]
            char = base[0] if len(base) == 1 else char
        lower = char.lower() if casefold else char
        # two letters for one (the Turkish dotted I) stay: lines are compared, not shown
        table[point] = ord(lower) if len(lower) == 1 else ord(char)
    return frozen(table)


@compiled
def _lines(points, flags, ends):  # type: ignore[no-untyped-def]
    """Lines that are not blank, without white space at their ends, and whether each is open."""
    rows = len(ends) - 1
    starts = np.empty(len(points) // 2 + rows + 1, np.int64)
    stops = np.empty(len(points) // 2 + rows + 1, np.int64)
    is_open = np.empty(len(points) // 2 + rows + 1, np.bool_)
    counts = np.zeros(rows + 1, np.int64)
    n = 0
    for row in range(rows):
        at, end = ends[row], ends[row + 1]
        fence = np.uint32(0)  # the character of the open fence
        fence_length = 0
        formula = -1  # the line at which an odd number of $$ was left open
        # whether an indented line is code here: behind a blank line, or behind such a line
        may_indent, is_blank = True, True
        while at < end:
            stop = at
            while stop < end and points[stop] != 10:
                stop += 1
            line, a, b = at, at, stop
            at = stop + 1
            while a < b and flags[a] & np.uint32(SPACE):
                a += 1
            while b > a and flags[b - 1] & np.uint32(SPACE):
                b -= 1
            if a == b:
                is_blank = True
                continue
            column = 0
            for k in range(line, a):
                column += 4 - column % 4 if points[k] == 9 else 1
            may_indent = column >= 4 and (may_indent or is_blank)
            is_blank = False
            letters, digits, icons = False, False, False
            for k in range(a, b):
                letters = letters or (flags[k] & np.uint32(ALPHA)) != 0
                digits = digits or (flags[k] & np.uint32(DIGIT)) != 0
                icons = icons or (flags[k] & np.uint32(ICON)) != 0
            starts[n], stops[n] = a, b
            c = points[a]
            length = 1
            while a + length < b and points[a + length] == c:
                length += 1
            opened = fence == 0
            if (c == 96 or c == 126) and length >= 3:
                if fence == 0:
                    # a line such as ```x``` is code of its own and opens nothing
                    closes = False
                    for k in range(a + length, b):
                        closes = closes or (c == 96 and points[k] == 96)
                    if not closes:
                        fence, fence_length = c, length
                    opened = False
                # CommonMark: a fence ends at one as long, of the same character, with nothing behind it
                elif c == fence and length >= fence_length and a + length == b:
                    fence = np.uint32(0)
                    opened = False
            # + - is how reStructuredText draws the borders of a table
            is_rule = True
            pairs = 0
            k = a
            while k < b:
                d = points[k]
                is_rule = is_rule and (d == 124 or d == 43 or d == 45 or d == 58 or d == 61 or d == 32)
                if d == 36 and k + 1 < b and points[k + 1] == 36:
                    pairs += 1
                    k += 1
                k += 1
            if (c == 124 and b - a > 1) or (is_rule and b - a >= 3) or pairs:
                opened = False
            # an item of an indented list (- * + 1) is no code
            is_item = c == 45 or c == 42 or c == 43 or c - np.uint32(48) < np.uint32(10)
            if may_indent and not is_item:
                opened = False
            # a number or a tick is a value of this page; a separator alone (| or >) is like a blank line
            if not letters:
                if not digits and not icons and not pairs and fence == 0 and opened:
                    continue
                opened = False
            is_open[n] = opened
            # a $$ that nothing closes is no formula (a price), so lines are closed when its partner comes
            if fence == 0 and pairs % 2:
                if formula < 0:
                    formula = n
                else:
                    for k in range(formula, n):
                        is_open[k] = False
                    formula = -1
            n += 1
        counts[row + 1] = n
    return starts[:n], stops[:n], is_open[:n], counts


@compiled
def _closes(point):  # type: ignore[no-untyped-def]
    """Whether a code point is a closing quote or bracket: " ’ ” 》 」 』 )."""
    return (
        point == 34
        or point == 0x2019
        or point == 0x201D
        or point == 0x300B
        or point == 0x300D
        or point == 0x300F
        or point == 0xFF09
    )


@compiled
def _sentences(points, flags, starts, stops, is_open, ends):  # type: ignore[no-untyped-def]
    """The lines cut behind each end of a sentence."""
    rows = len(ends) - 1
    room = len(points) // 2 + len(starts) + 1
    first, last, opened = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.bool_)
    counts = np.zeros(rows + 1, np.int64)
    n = 0
    for row in range(rows):
        for line in range(ends[row], ends[row + 1]):
            a = starts[line]
            for i in range(starts[line], stops[line]):
                is_last = i + 1 == stops[line]
                ends_here = is_last
                # a closing quote belongs to the sentence that it follows
                mark = i
                if i > a and _closes(points[i]) and flags[i - 1] & np.uint32(TERMINAL):
                    mark = i - 1
                if flags[mark] & np.uint32(TERMINAL) and not is_last:
                    follows = flags[i + 1]
                    ends_here = (follows & np.uint32(SPACE)) != 0 or (
                        points[mark] >= _WIDE
                        and not (follows & np.uint32(TERMINAL))
                        and not _closes(points[i + 1])
                    )
                if ends_here:
                    while a < i and flags[a] & np.uint32(SPACE):
                        a += 1
                    first[n], last[n], opened[n] = a, i + 1, is_open[line]
                    n += 1
                    a = i + 1
        counts[row + 1] = n
    return first[:n], last[:n], opened[:n], counts


@compiled
def _hash(points, flags, table, starts, stops, digits_from, drops_punctuation):  # type: ignore[no-untyped-def]
    hashes = np.empty(len(starts), np.uint64)
    for line in range(len(starts)):
        length = 0
        for i in range(starts[line], stops[line]):
            is_space = (flags[i] & np.uint32(SPACE)) != 0
            length += not is_space or not (flags[i - 1] & np.uint32(SPACE))
        folds_digits = 0 <= digits_from <= length
        value, letters, unspaced = np.uint64(0), 0, 0
        gap = False
        for i in range(starts[line], stops[line]):
            flag = flags[i]
            if flag & np.uint32(SPACE):
                gap = True
                continue
            if drops_punctuation and flag & np.uint32(PUNCT):
                continue
            if gap and value:
                value = value * np.uint64(MULTIPLIER) + np.uint64(33)
            gap = False
            point = table[points[i]]
            if folds_digits and points[i] - np.uint32(48) < np.uint32(10):
                point = np.uint32(48)
            value = value * np.uint64(MULTIPLIER) + np.uint64(point) + np.uint64(1)
            letters += (flag & np.uint32(ALPHA)) != 0
            unspaced += (flag & np.uint32(UNSPACED)) != 0
        is_unspaced = np.uint64(1) if 2 * unspaced >= letters and unspaced else np.uint64(0)
        hashes[line] = (mix64(value) & ~np.uint64(1)) | is_unspaced
    return hashes


def lines_in(chars: Chars, fold: LineFold) -> Pieces:
    """The lines of documents that are not blank."""
    starts, stops, is_open, ends = _lines(chars.points, chars.flags, chars.ends)
    return Pieces(starts, stops, _hashes(chars, starts, stops, fold), is_open, ends)


def sentences_in(chars: Chars, fold: LineFold) -> Pieces:
    """The sentences of documents; a line break ends one, too."""
    starts, stops, is_open, ends = _lines(chars.points, chars.flags, chars.ends)
    starts, stops, is_open, ends = _sentences(chars.points, chars.flags, starts, stops, is_open, ends)
    return Pieces(starts, stops, _hashes(chars, starts, stops, fold), is_open, ends)


def _hashes(
    chars: Chars, starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64], fold: LineFold
) -> Hashes:
    digits_from = -1 if fold.digits_from_chars is None else fold.digits_from_chars
    table = fold_table(fold.casefold, fold.accents)
    return np.asarray(_hash(chars.points, chars.flags, table, starts, stops, digits_from, fold.punctuation))
