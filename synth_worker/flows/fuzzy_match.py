"""Similarity of two short texts, of which one may be misspelt, reworded or cut: by edits and by the pairs of
characters in common."""

from __future__ import annotations

import functools
import unicodedata
from collections import Counter

# first folded characters that are compared once more, and their weight in the similarity
N_FIRST, FIRST_WEIGHT = 8, 0.1


def fold(text: str) -> tuple[str, list[int]]:
    """Letters and digits of `text`, NFKC and casefolded, and for each the position of its code point in
    `text`.

        "Ｔide, tide"   ->   "tidetide", [0, 1, 2, 3, 6, 7, 8, 9]
    """
    # Code point by code point, since a folded form may be
    # longer (ﬁ) or empty, and positions must stay exact.
    folded: list[str] = []
    origin: list[int] = []
    for i, character in enumerate(text):
        for c in _letters(character):
            folded.append(c)
            origin.append(i)
    return "".join(folded), origin


@functools.lru_cache(maxsize=1 << 16)
def _letters(character: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", character).casefold() if c.isalnum())


def prefix_similarity(marker: str, pairs: Counter[str], head: str) -> float:
    """Similarity of `marker` with the beginning of `head`, from 0 to just below 1 (an exact match has 1).

    The mean of the share of characters that need no edit and of Dice's coefficient over pairs of characters
    (`pairs`: those of `marker`), and with FIRST_WEIGHT the same coefficient of the first N_FIRST characters:
    of two consecutive sentences that are both inside the marker, the first is the one that it names.
    """
    edits, n = prefix_edits(marker, head)
    by_edits = max(1 - edits / len(marker), 0.0)
    first = _dice(pairs_of(marker[:N_FIRST]), pairs_of(head[:N_FIRST]))
    return 0.999 * (
        (1 - FIRST_WEIGHT) * (by_edits + _dice(pairs, pairs_of(head[:n]))) / 2 + FIRST_WEIGHT * first
    )


def prefix_edits(marker: str, text: str) -> tuple[int, int]:
    """(edits, n): the fewest characters to insert, delete or change so that `marker` becomes text[:n], and
    that n.

    Myers 1999: a column of the table of edit distances is two bit vectors, the rows where it increases and
    where it decreases; an int of Python has a bit for each character of `marker`.
    """
    masks: dict[str, int] = {}
    for i, c in enumerate(marker):
        masks[c] = masks.get(c, 0) | 1 << i
    full, last = (1 << len(marker)) - 1, 1 << len(marker) - 1
    # The first column is 1, 2, 3, ...: it increases in
    # every row. `edits` is the value of its last row.
    up, down, edits = full, 0, len(marker)
    best = (edits, 0)
    for n, c in enumerate(text, 1):
        equal = masks.get(c, 0)
        vertical = equal | down
        carried = (((equal & up) + up) ^ up) | equal
        rise, fall = down | ~(carried | up) & full, up & carried
        # The horizontal differences of the last row update the distance without the table.
        edits += bool(rise & last) - bool(fall & last)
        rise, fall = (rise << 1 | 1) & full, fall << 1 & full
        up, down = fall | ~(vertical | rise) & full, rise & vertical
        # Of equal distances the shortest prefix.
        best = min(best, (edits, n))
    return best


def pairs_of(text: str) -> Counter[str]:
    """The pairs of neighbouring characters and their counts; a single character counts as a pair."""
    return Counter(text[i : i + 2] for i in range(max(len(text) - 1, 1)))


def _dice(a: Counter[str], b: Counter[str]) -> float:
    """Dice's coefficient of two multisets: 0 (nothing in common) to 1 (equal)."""
    return 2 * (a & b).total() / max(a.total() + b.total(), 1)
