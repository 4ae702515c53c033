"""Repetition as Gopher measures it (arXiv 2112.11446, table A1): repeated lines and paragraphs, and repeated
runs of words; and of characters, as Data-Juicer does.

Everything here is hashes and lengths: two spans are the same when their 64-bit hashes and lengths are.
"""

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import Hashes, Offsets, compiled, mix64
from gristmill.udfs.text.chars import SCATTER
from gristmill.udfs.text.words import Words

# characters of the commonest run of n words
TOP_N = (2, 3, 4)
# characters of all repeated runs of n words
DUPLICATE_N = (5, 6, 7, 8, 9, 10)
# Data-Juicer, character_repetition_filter (rep_len), code points
WINDOW_CHARS = 10
# code points of a document that its windows are counted on: the table of a book of 100 MB would not fit
WINDOW_TEXT = 1 << 20


@compiled
def _seat(keys, key, bits):  # type: ignore[no-untyped-def]
    """Where `key` (never 0) sits in the first 2**bits seats, or the free seat (0) where it belongs. Whoever
    fills them clears them first: that corner is small, and a second array that says which seats are of which
    turn costs a little more (3.3 s against 3.1)."""
    mask = (np.uint64(1) << bits) - np.uint64(1)
    at = (key * np.uint64(SCATTER)) >> (np.uint64(64) - bits)
    while keys[at] != np.uint64(0) and keys[at] != key:
        at = (at + np.uint64(1)) & mask
    return at


@compiled
def _bits(n):  # type: ignore[no-untyped-def]
    """A table of 2**bits seats is at least half empty with `n` keys; a short document keeps to a corner
    that fits the cache."""
    bits = np.uint64(4)
    while np.int64(1) << np.int64(bits) < 2 * n:
        bits += np.uint64(1)
    return bits


@compiled
def _longest(ends):  # type: ignore[no-untyped-def]
    longest = 1
    for row in range(len(ends) - 1):
        longest = max(longest, ends[row + 1] - ends[row])
    return longest


@compiled
def _duplicates(starts, stops, ends, prefix, powers):  # type: ignore[no-untyped-def]
    rows = len(ends) - 1
    size = 1 << _bits(_longest(ends))
    keys = np.empty(size, np.uint64)
    found = np.zeros((rows, 2), np.int64)
    for row in range(rows):
        bits = _bits(ends[row + 1] - ends[row])
        keys[: np.int64(1) << np.int64(bits)] = 0
        for i in range(ends[row], ends[row + 1]):
            length = stops[i] - starts[i]
            key = max(prefix[stops[i]] - prefix[starts[i]] * powers[length], np.uint64(1))
            at = _seat(keys, key, bits)
            if keys[at]:
                found[row, 0] += 1
                found[row, 1] += length
            else:
                keys[at] = key
    return found


def count_duplicates(
    starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64], ends: Offsets, prefix: Hashes, powers: Hashes
) -> npt.NDArray[np.int64]:
    """Of spans of a text, those seen before in their document: how many, and their code points.

    A row a document.
    """
    return np.asarray(_duplicates(starts, stops, ends, prefix, powers))


@compiled
def _runs(starts, stops, hashes, ends, powers, tops, sizes):  # type: ignore[no-untyped-def]
    rows = len(ends) - 1
    longest = _longest(ends)
    size = 1 << _bits(longest)
    keys = np.empty(size, np.uint64)
    counts = np.empty(size, np.int32)
    firsts = np.empty(size, np.int32)
    # hash of the run that begins here, one word longer at each turn
    grams = np.empty(longest, np.uint64)
    # hash of the words up to here, written together
    joined = np.zeros(longest + 1, np.uint64)
    length = np.zeros(longest + 1, np.int64)  # and its code points
    found = np.zeros((rows, len(tops) + len(sizes)), np.int64)
    for row in range(rows):
        base, n_words = ends[row], ends[row + 1] - ends[row]
        bits = _bits(n_words)
        corner = np.int64(1) << np.int64(bits)
        for i in range(n_words):
            width = stops[base + i] - starts[base + i]
            joined[i + 1] = joined[i] * powers[width] + hashes[base + i]
            length[i + 1] = length[i] + width
            grams[i] = hashes[base + i]
        longer = 1
        for t in range(len(tops)):
            n = tops[t]
            while longer < n:
                for i in range(n_words - longer):
                    grams[i] = mix64(grams[i]) + hashes[base + i + longer]
                longer += 1
            keys[:corner] = 0
            best, first = 0, 0
            for i in range(n_words - n + 1):
                key = max(grams[i], np.uint64(1))
                at = _seat(keys, key, bits)
                if not keys[at]:
                    keys[at], counts[at], firsts[at] = key, 0, i
                counts[at] += 1
                # of the equally common the one that came first counts
                if counts[at] > best or (counts[at] == best and firsts[at] < first):
                    best, first = counts[at], firsts[at]
            if best:
                found[row, t] = best * (length[first + n] - length[first] + n - 1)
        for s in range(len(sizes)):
            n = sizes[s]
            keys[:corner] = 0
            i = 0
            while i + n <= n_words:
                width = length[i + n] - length[i]
                key = max(joined[i + n] - joined[i] * powers[width], np.uint64(1))
                at = _seat(keys, key, bits)
                if keys[at]:
                    found[row, len(tops) + s] += width
                    i += n
                else:
                    keys[at] = key
                    i += 1
    return found


def count_runs(words: Words, powers: Hashes) -> npt.NDArray[np.int64]:
    """A row a document: code points of the commonest run of 2, 3, 4 words (a space between words), then of
    repeated runs of 5 to 10 words (no spaces; a repeated run is skipped as a whole), as datatrove counts."""
    return np.asarray(
        _runs(
            words.starts,
            words.stops,
            words.hashes,
            words.ends,
            powers,
            np.array(TOP_N),
            np.array(DUPLICATE_N),
        )
    )


@compiled
def _windows(prefix, powers, ends, width, most):  # type: ignore[no-untyped-def]
    rows = len(ends) - 1
    longest = min(_longest(ends), most)
    size = 1 << _bits(longest)
    keys = np.empty(size, np.uint64)
    counts = np.empty(size, np.int32)
    repeated = np.empty(longest, np.int64)  # seats of what was seen twice
    found = np.zeros((rows, 2), np.int64)
    for row in range(rows):
        n_chars = min(ends[row + 1] - ends[row], most)
        bits = _bits(n_chars)
        keys[: np.int64(1) << np.int64(bits)] = 0
        distinct, n = 0, 0
        for i in range(ends[row], ends[row] + n_chars - width + 1):
            key = max(prefix[i + width] - prefix[i] * powers[width], np.uint64(1))
            at = _seat(keys, key, bits)
            if not keys[at]:
                keys[at], counts[at] = key, 0
                distinct += 1
            elif counts[at] == 1:
                repeated[n] = at
                n += 1
            counts[at] += 1
        for k in range(n):
            repeated[k] = counts[np.uint64(repeated[k])]
        top = int(np.sqrt(distinct))
        if top < n:
            repeated[:n].sort()
        else:
            top = n
        found[row, 0] = repeated[n - top : n].sum()
        found[row, 1] = max(n_chars - width + 1, 0)
    return found


def count_windows(prefix: Hashes, ends: Offsets, powers: Hashes) -> npt.NDArray[np.int64]:
    """A row a document: windows of 10 code points that are copies of one of the commonest, and all windows.
    Of k different windows the commonest are the sqrt(k) that occur most, if they occur twice at least, as
    Data-Juicer counts."""
    return np.asarray(_windows(prefix, powers, ends, WINDOW_CHARS, WINDOW_TEXT))
