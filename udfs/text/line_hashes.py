"""Lines of documents with a hash of their folded form, which of them may be boilerplate, and runs of them.

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
def _hash(  # type: ignore[no-untyped-def]
    points, flags, table, starts, stops, digits_from, drops_punctuation
):
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


@dataclass(frozen=True)
class BlockLimits:
    """When a run of neighbouring marked pieces is a block that goes; all three must hold."""

    min_lines: int  # pieces
    # Letters of scripts with spaces, and of scripts without: a block that
    # has a part of one needs the rest of the other; 0: no such limit.
    min_letters: int
    min_letters_unspaced: int
    min_words: int  # words, one for each letter of a script without spaces; 0: no such limit


@dataclass(frozen=True)
class Units:
    """What is compared across documents: unit i covers the pieces firsts[i] to lasts[i] (inclusive).

    Document d has the units from ends[d] to ends[d + 1]. `hashes` uint64; `firsts`, `lasts`, `ends` int64.
    """

    hashes: Hashes
    firsts: npt.NDArray[np.int64]
    lasts: npt.NDArray[np.int64]
    ends: Offsets


@compiled
def _blocks(  # type: ignore[no-untyped-def]
    flags, ends, starts, stops, is_open, is_marked, piece_ends, min_lines, letters, unspaced, words
):
    rows = len(ends) - 1
    firsts, lasts = np.empty(len(starts), np.int64), np.empty(len(starts), np.int64)
    counts = np.zeros(rows + 1, np.int64)
    removed, total = np.zeros(rows, np.int64), np.zeros(rows, np.int64)
    n = 0
    for row in range(rows):
        for i in range(ends[row], ends[row + 1]):
            total[row] += (flags[i] & np.uint32(SPACE)) == 0
        piece, stop = piece_ends[row], piece_ends[row + 1]
        while piece < stop:
            if not (is_marked[piece] and is_open[piece]):
                piece += 1
                continue
            first = piece
            n_spaced, n_unspaced, n_words, n_chars = 0, 0, 0, 0
            while piece < stop and is_marked[piece] and is_open[piece]:
                in_word = False
                for i in range(starts[piece], stops[piece]):
                    flag = flags[i]
                    if flag & np.uint32(UNSPACED):
                        n_unspaced += 1
                        n_words += 1
                        in_word = False
                    elif flag & np.uint32(SPACE):
                        in_word = False
                    else:
                        n_spaced += (flag & np.uint32(ALPHA)) != 0
                        n_words += not in_word
                        in_word = True
                    n_chars += (flag & np.uint32(SPACE)) == 0
                piece += 1
            # parts of a whole, so that a block of both scripts is held to one limit
            have = 0.0
            if letters > 0:
                have += n_spaced / letters
            if unspaced > 0:
                have += n_unspaced / unspaced
            is_long = have >= 1.0 or (letters == 0 and unspaced == 0)
            if piece - first >= min_lines and is_long and n_words >= words:
                firsts[n], lasts[n] = first, piece - 1
                removed[row] += n_chars
                n += 1
        counts[row + 1] = n
    return firsts[:n], lasts[:n], counts, removed, total


def blocks(
    chars: Chars, pieces: Pieces, is_marked: npt.NDArray[np.bool_], limits: BlockLimits
) -> tuple[
    npt.NDArray[np.int64], npt.NDArray[np.int64], Offsets, npt.NDArray[np.float64], npt.NDArray[np.int64]
]:
    """Runs of pieces that are marked and open and reach `limits`: (firsts, lasts, ends, shares, left).

    `firsts`, `lasts`: of their pieces, inclusive; document i has the runs from ends[i] to ends[i + 1].
    `shares`: of the code points of a document that are no white space, those that the runs hold; `left`: the
    number of the others. Blank lines are no pieces, so lines on both sides of one are neighbours.
    """
    firsts, lasts, ends, removed, total = _blocks(
        chars.flags,
        chars.ends,
        pieces.starts,
        pieces.stops,
        pieces.is_open,
        is_marked,
        pieces.ends,
        limits.min_lines,
        limits.min_letters,
        limits.min_letters_unspaced,
        limits.min_words,
    )
    return firsts, lasts, ends, removed / np.maximum(total, 1), total - removed


@compiled
def _windows(hashes, is_open, ends, size):  # type: ignore[no-untyped-def]
    rows = len(ends) - 1
    units, firsts = np.empty(len(hashes), np.uint64), np.empty(len(hashes), np.int64)
    counts = np.zeros(rows + 1, np.int64)
    n = 0
    for row in range(rows):
        for first in range(ends[row], ends[row + 1] - size + 1):
            value, opened = np.uint64(0), True
            for k in range(first, first + size):
                opened = opened and is_open[k]
                value = mix64(value * np.uint64(MULTIPLIER) + hashes[k] + np.uint64(1))
            if opened:
                units[n], firsts[n] = value, first
                n += 1
        counts[row + 1] = n
    return units[:n], firsts[:n], counts


def windows(pieces: Pieces, size: int) -> Units:
    """`size` neighbouring pieces of one document, all of them open; as C4's three sentences."""
    hashes, firsts, ends = _windows(pieces.hashes, pieces.is_open, pieces.ends, size)
    return Units(hashes, firsts, firsts + size - 1, ends)


@compiled
def _n_grams(points, flags, table, starts, stops, is_open, piece_ends, size):  # type: ignore[no-untyped-def]
    rows = len(piece_ends) - 1
    units, places = np.empty(len(points), np.uint64), np.empty(len(points), np.int64)
    counts = np.zeros(rows + 1, np.int64)
    recent = np.zeros(size, np.uint64)  # hashes of the last words
    n = 0
    for row in range(rows):
        for piece in range(piece_ends[row], piece_ends[row + 1]):
            seen, value, in_word = 0, np.uint64(0), False
            for i in range(starts[piece], stops[piece] + 1):
                is_end = i == stops[piece]
                flag = np.uint32(SPACE) if is_end else flags[i]
                is_letter = (flag & np.uint32(ALPHA | DIGIT)) != 0 and not is_end
                is_alone = (flag & np.uint32(UNSPACED)) != 0
                for part in range(2):
                    # the word before this character ends, then a character that is a word of its own
                    if part == 0:
                        if not in_word or (is_letter and not is_alone):
                            continue
                        word = value
                        in_word = False
                    else:
                        if not is_alone:
                            continue
                        word = np.uint64(table[points[i]]) + np.uint64(1)
                    recent[seen % size] = mix64(word)
                    seen += 1
                    if seen >= size and is_open[piece]:
                        whole = np.uint64(0)
                        for k in range(size):
                            whole = mix64(whole * np.uint64(MULTIPLIER) + recent[(seen + k) % size])
                        units[n], places[n] = whole, piece
                        n += 1
                if is_letter and not is_alone:
                    if not in_word:
                        value = np.uint64(0)
                    value = value * np.uint64(MULTIPLIER) + np.uint64(table[points[i]]) + np.uint64(1)
                    in_word = True
        counts[row + 1] = n
    return units[:n], places[:n], counts


def n_grams(chars: Chars, pieces: Pieces, table: npt.NDArray[np.uint32], size: int) -> Units:
    """`size` neighbouring words of one open piece, folded by `table` (of fold_table).

    A word is a run of letters and digits, or one letter of a script without spaces.
    """
    hashes, places, ends = _n_grams(
        chars.points,
        chars.flags,
        table,
        pieces.starts,
        pieces.stops,
        pieces.is_open,
        pieces.ends,
        size,
    )
    return Units(hashes, places, places, ends)
