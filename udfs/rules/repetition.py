"""Repeated lines, paragraphs and word n-grams (Gopher, arXiv 2112.11446, table A1), and character n-grams
(Data-Juicer).

Spans are compared by their 64-bit hashes alone, in hash tables with linear probing, one table a document.
"""

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import Hashes, Offsets, compiled, mix64
from gristmill.udfs.text.chars import SCATTER
from gristmill.udfs.text.words import Words

# n of the word n-grams of which the most frequent one is measured (Gopher)
TOP_N = (2, 3, 4)
# n of the word n-grams of which all repeated ones are measured (Gopher)
DUPLICATE_N = (5, 6, 7, 8, 9, 10)
# code points of a character n-gram: rep_len of Data-Juicer's character_repetition_filter
WINDOW_CHARS = 10
# Code points of a document whose windows are counted, from its
# beginning: the table of a book of 100 MB would not fit in memory.
WINDOW_TEXT = 1 << 20


@compiled
def _slot(keys, key, bits):  # type: ignore[no-untyped-def]
    """Index of `key` among the first 2**bits slots of the table, or of the free slot (0) where it belongs.

    `key` is never 0. The caller clears these slots for each document. A second array with the number of the
    document that filled a slot would save the clearing, and costs a little more (3.3 s against 3.1).
    """
    # the hash of a short span is a small number; the
    # high bits of the product depend on all its bits
    mask = (np.uint64(1) << bits) - np.uint64(1)
    at = (key * np.uint64(SCATTER)) >> (np.uint64(64) - bits)
    while keys[at] != np.uint64(0) and keys[at] != key:
        at = (at + np.uint64(1)) & mask
    return at


@compiled
def _bits(n):  # type: ignore[no-untyped-def]
    """The least bits, 4 at least, with which 2**bits slots are at most half full of `n` keys.

    A short document uses a small part of the table, which fits the processor's cache.
    """
    bits = np.uint64(4)
    while np.int64(1) << np.int64(bits) < 2 * n:
        bits += np.uint64(1)
    return bits


@compiled
def _longest(ends):  # type: ignore[no-untyped-def]
    # 1 at least, so that arrays of this length are never empty
    longest = 1
    for row in range(len(ends) - 1):
        longest = max(longest, ends[row + 1] - ends[row])
    return longest


@compiled
def _duplicates(starts, stops, ends, prefix, powers):  # type: ignore[no-untyped-def]
    rows = len(ends) - 1
    # one table for all documents, as large as the longest needs
    size = 1 << _bits(_longest(ends))
    keys = np.empty(size, np.uint64)
    counts = np.zeros((rows, 2), np.int64)
    for row in range(rows):
        bits = _bits(ends[row + 1] - ends[row])
        keys[: np.int64(1) << np.int64(bits)] = 0
        for i in range(ends[row], ends[row + 1]):
            length = stops[i] - starts[i]
            # 0 marks a free slot, so a span with that hash (the empty one) takes 1
            key = max(prefix[stops[i]] - prefix[starts[i]] * powers[length], np.uint64(1))
            at = _slot(keys, key, bits)
            if keys[at]:
                counts[row, 0] += 1
                counts[row, 1] += length
            else:
                keys[at] = key
    return counts


def count_duplicates(
    starts: npt.NDArray[np.int64], stops: npt.NDArray[np.int64], ends: Offsets, prefix: Hashes, powers: Hashes
) -> npt.NDArray[np.int64]:
    """How many spans occurred before in their document, and their code points; int64, (documents, 2).

        lines a, b, a, a  ->  2 spans, 2 code points

    Spans are `[starts, stops)` in code points; document i has those from `ends[i]` to `ends[i + 1]`. `prefix`
    and `powers` are those of `Chars`.
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
    # hash of the n-gram that begins at each word; n grows by one word at a time
    grams = np.empty(longest, np.uint64)
    # hash of the first i words without spaces between them, as datatrove joins them for these sizes
    joined = np.zeros(longest + 1, np.uint64)
    # code points of the first i words
    length = np.zeros(longest + 1, np.int64)
    totals = np.zeros((rows, len(tops) + len(sizes)), np.int64)
    for row in range(rows):
        base, n_words = ends[row], ends[row + 1] - ends[row]
        bits = _bits(n_words)
        corner = np.int64(1) << np.int64(bits)
        for i in range(n_words):
            width = stops[base + i] - starts[base + i]
            joined[i + 1] = joined[i] * powers[width] + hashes[base + i]
            length[i + 1] = length[i] + width
            grams[i] = hashes[base + i]
        # Phase 1: the most frequent n-gram of each size in `tops`. These are hashes of word
        # hashes, since datatrove joins the words with spaces: `ab c` and `a bc` are two n-grams.
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
                at = _slot(keys, key, bits)
                if not keys[at]:
                    keys[at], counts[at], firsts[at] = key, 0, i
                counts[at] += 1
                # ties go to the n-gram that came first, as in Python's Counter.most_common
                if counts[at] > best or (counts[at] == best and firsts[at] < first):
                    best, first = counts[at], firsts[at]
            if best:
                totals[row, t] = best * (length[first + n] - length[first] + n - 1)
        # Phase 2: all repeated n-grams of each size in `sizes`. After a repeated
        # one the search continues behind it, so no code point counts twice.
        for s in range(len(sizes)):
            n = sizes[s]
            keys[:corner] = 0
            i = 0
            while i + n <= n_words:
                width = length[i + n] - length[i]
                key = max(joined[i + n] - joined[i] * powers[width], np.uint64(1))
                at = _slot(keys, key, bits)
                if keys[at]:
                    totals[row, len(tops) + s] += width
                    i += n
                else:
                    keys[at] = key
                    i += 1
    return totals


def count_runs(words: Words, powers: Hashes) -> npt.NDArray[np.int64]:
    """Code points in repeated word n-grams, int64 of shape (documents, 9), as datatrove counts them.

    First all copies of the most frequent 2-, 3- and 4-gram, with a space between words. Then all repeated
    n-grams of 5 to 10 words, without spaces; each counts from its second occurrence on.
    """
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
    # slots of the windows that occur twice and more; their counts later
    repeated = np.empty(longest, np.int64)
    totals = np.zeros((rows, 2), np.int64)
    for row in range(rows):
        n_chars = min(ends[row + 1] - ends[row], most)
        bits = _bits(n_chars)
        keys[: np.int64(1) << np.int64(bits)] = 0
        distinct, n = 0, 0
        for i in range(ends[row], ends[row] + n_chars - width + 1):
            key = max(prefix[i + width] - prefix[i] * powers[width], np.uint64(1))
            at = _slot(keys, key, bits)
            if not keys[at]:
                keys[at], counts[at] = key, 0
                distinct += 1
            elif counts[at] == 1:
                repeated[n] = at
                n += 1
            counts[at] += 1
        # Windows that occur once do not count, and most
        # do: only the counts of the others are sorted.
        for k in range(n):
            repeated[k] = counts[np.uint64(repeated[k])]
        top = int(np.sqrt(distinct))
        if top < n:
            repeated[:n].sort()
        else:
            top = n
        totals[row, 0] = repeated[n - top : n].sum()
        totals[row, 1] = max(n_chars - width + 1, 0)
    return totals


def count_windows(prefix: Hashes, ends: Offsets, powers: Hashes) -> npt.NDArray[np.int64]:
    """Windows of 10 code points, int64 of shape (documents, 2): occurrences of the most frequent, and all.

    Of k distinct windows the sqrt(k) most frequent count, if they occur twice or more, as in Data-Juicer.
    Only the first WINDOW_TEXT code points of a document are read.
    """
    return np.asarray(_windows(prefix, powers, ends, WINDOW_CHARS, WINDOW_TEXT))
