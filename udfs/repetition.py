"""Repetition as Gopher measures it (arXiv 2112.11446, table A1): repeated lines and paragraphs, and repeated runs of words.

Everything here is hashes and lengths: two spans are the same when their 64-bit hashes and lengths are.
"""

import numpy as np
import numpy.typing as npt

from udfs.kernels import Hashes, Offsets, kernel, mix64
from udfs.words import Words

TOP_N = (2, 3, 4)  # characters of the commonest run of n words
DUPLICATE_N = (5, 6, 7, 8, 9, 10)  # characters of all repeated runs of n words


@kernel
def _seat(keys, stamps, stamp, key):  # type: ignore[no-untyped-def]
    """Where `key` sits in the table, or the free seat where it belongs; seats with an older stamp are free."""
    mask = np.uint64(len(keys) - 1)
    at = mix64(key) & mask
    while stamps[at] == stamp and keys[at] != key:
        at = (at + np.uint64(1)) & mask
    return at


@kernel
def _table_size(ends):  # type: ignore[no-untyped-def]
    """A power of two at least twice the longest run."""
    longest = 1
    for row in range(len(ends) - 1):
        longest = max(longest, ends[row + 1] - ends[row])
    size = 16
    while size < 2 * longest:
        size *= 2
    return size


@kernel
def _duplicates(starts, stops, ends, prefix, powers):  # type: ignore[no-untyped-def]
    rows = len(ends) - 1
    size = _table_size(ends)
    keys = np.empty(size, np.uint64)
    stamps = np.zeros(size, np.int64)
    found = np.zeros((rows, 2), np.int64)
    for row in range(rows):
        for i in range(ends[row], ends[row + 1]):
            length = stops[i] - starts[i]
            key = prefix[stops[i]] - prefix[starts[i]] * powers[length]
            at = _seat(keys, stamps, row + 1, key)
            if stamps[at] == row + 1:
                found[row, 0] += 1
                found[row, 1] += length
            else:
                stamps[at] = row + 1
                keys[at] = key
    return found


def count_duplicates(
    starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64], ends: Offsets, prefix: Hashes, powers: Hashes
) -> npt.NDArray[np.int64]:
    """Of spans of a text, those seen before in their document: how many, and their code points. A row a document."""
    return np.asarray(_duplicates(starts, stops, ends, prefix, powers))


@kernel
def _runs(starts, stops, hashes, ends, powers, tops, sizes):  # type: ignore[no-untyped-def]
    rows = len(ends) - 1
    size = _table_size(ends)
    keys = np.empty(size, np.uint64)
    stamps = np.zeros(size, np.int64)
    counts = np.empty(size, np.int64)
    firsts = np.empty(size, np.int64)
    longest = 1
    for row in range(rows):
        longest = max(longest, ends[row + 1] - ends[row])
    joined = np.zeros(longest + 1, np.uint64)  # hash of the words up to here, written together
    length = np.zeros(longest + 1, np.int64)  # and its code points
    found = np.zeros((rows, len(tops) + len(sizes)), np.int64)
    stamp = 0
    for row in range(rows):
        base, n_words = ends[row], ends[row + 1] - ends[row]
        for i in range(n_words):
            width = stops[base + i] - starts[base + i]
            joined[i + 1] = joined[i] * powers[width] + hashes[base + i]
            length[i + 1] = length[i] + width
        for t in range(len(tops)):
            n = tops[t]
            stamp += 1
            best, first = 0, 0
            for i in range(n_words - n + 1):
                key = np.uint64(0)
                for k in range(n):
                    key = mix64(key + hashes[base + i + k])
                at = _seat(keys, stamps, stamp, key)
                if stamps[at] != stamp:
                    stamps[at], keys[at], counts[at], firsts[at] = stamp, key, 0, i
                counts[at] += 1
                # of the equally common the one that came first counts
                if counts[at] > best or (counts[at] == best and firsts[at] < first):
                    best, first = counts[at], firsts[at]
            if best:
                found[row, t] = best * (length[first + n] - length[first] + n - 1)
        for s in range(len(sizes)):
            n = sizes[s]
            stamp += 1
            i = 0
            while i + n <= n_words:
                width = length[i + n] - length[i]
                key = joined[i + n] - joined[i] * powers[width]
                at = _seat(keys, stamps, stamp, key)
                if stamps[at] == stamp:
                    found[row, len(tops) + s] += width
                    i += n
                else:
                    stamps[at], keys[at] = stamp, key
                    i += 1
    return found


def count_runs(words: Words, powers: Hashes) -> npt.NDArray[np.int64]:
    """A row a document: code points of the commonest run of 2, 3, 4 words (a space between words), then of repeated runs of 5
    to 10 words (no spaces; a repeated run is skipped as a whole), as datatrove counts."""
    return np.asarray(_runs(words.starts, words.stops, words.hashes, words.ends, powers, np.array(TOP_N), np.array(DUPLICATE_N)))
