"""Spans of a document that go: runs of marked pieces, and the pieces that other documents own."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import Hashes, Offsets, compiled, mix64
from gristmill.udfs.text.chars import ALPHA, DIGIT, MULTIPLIER, SPACE, UNSPACED, Chars
from gristmill.udfs.text.line_hashes import Pieces


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
def _blocks(flags, ends, starts, stops, is_open, is_marked, piece_ends, min_lines, letters, unspaced, words):  # type: ignore[no-untyped-def]
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
