"""Where fixed phrases occur in documents: every occurrence of each, within one document."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import compiled, frozen
from gristmill.udfs.text.chars import Chars

# slots of the table of pairs of code points; a pair is one look-up, whatever the number of phrases
_SLOTS = 1 << 12
Positions = npt.NDArray[np.int64]


@lru_cache(maxsize=16)
def _tables(phrases: tuple[str, ...], ignores_case: bool) -> tuple[npt.NDArray[Any], ...]:
    """Code points of all phrases and where each ends; and the phrases that a pair of code points may begin.

    These are lists: `heads` has the first entry of a pair's slot (-1: none), `entries` the phrase and the
    next entry of each.
    """
    points = np.array([ord(char) for phrase in phrases for char in phrase], np.uint32)
    ends = np.cumsum([0, *map(len, phrases)]).astype(np.int64)
    heads = np.full(_SLOTS, -1, np.int32)
    entries: list[tuple[int, int]] = []
    for i, phrase in enumerate(phrases):
        # in every case that counts, so that the search need not fold each character
        pair = [sorted({char, char.upper()} if ignores_case else {char}) for char in phrase[:2]]
        slots = {(ord(first) * 31 + ord(second)) % _SLOTS for first in pair[0] for second in pair[1]}
        for slot in sorted(slots):
            entries.append((i, int(heads[slot])))
            heads[slot] = len(entries) - 1
    return frozen(points), frozen(ends), frozen(heads), frozen(np.array(entries, np.int32).reshape(-1, 2))


@compiled
def _lower(point):  # type: ignore[no-untyped-def]
    return point | np.uint32(32) if point - np.uint32(65) < np.uint32(26) else point


@compiled
def _candidates(points, ends, heads):  # type: ignore[no-untyped-def]
    """Where a pair of code points stands that a phrase may begin with, and the end of its document."""
    found = np.empty((len(points), 2), np.int64)
    n = 0
    mask = np.uint32(len(heads) - 1)
    for row in range(len(ends) - 1):
        stop = ends[row + 1]
        for i in range(ends[row], stop - 1):
            if heads[(points[i] * np.uint32(31) + points[i + 1]) & mask] >= 0:
                found[n, 0], found[n, 1] = i, stop
                n += 1
    return found[:n]


@compiled
def _same(points, at, phrases, first, length, ignores_case):  # type: ignore[no-untyped-def]
    for k in range(length):
        point = points[at + k]
        if ignores_case:
            point = _lower(point)
        if point != phrases[first + k]:
            return False
    return True


@compiled
def _check(points, pairs, phrases, cuts, heads, entries, ignores_case, hits):  # type: ignore[no-untyped-def]
    """Fill `hits` with start, stop and phrase of each occurrence, as far as it goes; their number."""
    n = 0
    mask = np.uint32(len(heads) - 1)
    for c in range(len(pairs)):
        at, stop = pairs[c, 0], pairs[c, 1]
        entry = np.int64(heads[(points[at] * np.uint32(31) + points[at + 1]) & mask])
        while entry >= 0:
            p = entries[entry, 0]
            first, length = cuts[p], cuts[p + 1] - cuts[p]
            if at + length <= stop and _same(points, at, phrases, first, length, ignores_case):
                if n < len(hits):
                    hits[n, 0], hits[n, 1], hits[n, 2] = at, at + length, p
                n += 1
            entry = np.int64(entries[entry, 1])
    return n


def find_phrases(
    chars: Chars, phrases: tuple[str, ...], *, ignores_case: bool
) -> tuple[Positions, Positions, Positions]:
    """Starts and stops of every occurrence, in code points of the slice, and which phrase each is; by starts.

        "use cookies", "Use cookies. We use cookies." (any case)  ->  [0, 16], [11, 27], [0, 0]

    `phrases`: of two code points and more; with `ignores_case` in lower case, and only A to Z have one here.
    Occurrences may overlap. Raises ValueError for a shorter phrase.
    """
    if any(len(phrase) < 2 for phrase in phrases):
        raise ValueError("find_phrases: a phrase has two code points at least")
    points, ends, heads, entries = _tables(phrases, ignores_case)
    candidates = _candidates(chars.points, chars.ends, heads)
    # one occurrence a candidate is the rule, and two phrases with one beginning the exception
    hits = np.empty((len(candidates), 3), np.int64)
    given = (chars.points, candidates, points, ends, heads, entries, ignores_case)
    n = int(_check(*given, hits))
    if n > len(hits):
        hits = np.empty((n, 3), np.int64)
        _check(*given, hits)
    return hits[:n, 0], hits[:n, 1], hits[:n, 2]
