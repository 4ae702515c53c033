"""How alike two short texts are when one may have been misspelt, reworded or cut: by edits and by the
pairs of characters in common."""

from __future__ import annotations

import functools
import unicodedata
from collections import Counter

# folded characters, and their weight in the likeness
FIRST, WEIGHT_OF_FIRST = 8, 0.1


def fold(text: str) -> tuple[str, list[int]]:
    """Letters and digits only, NFKC and casefolded, and for each the code point of `text` it comes from."""
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


def likeness(wanted: str, pairs: Counter[str], head: str) -> float:
    """0 to just below 1: by what must be edited to make `wanted` the beginning of `head`, by the pairs of
    characters in common, and a little by those of the first few: of two sentences that follow each other,
    both inside the marker, it is the first that it names."""
    edits, n = prefix_edits(wanted, head)
    by_edits = max(1 - edits / len(wanted), 0.0)
    first = _dice(pairs_of(wanted[:FIRST]), pairs_of(head[:FIRST]))
    return 0.999 * (
        (1 - WEIGHT_OF_FIRST) * (by_edits + _dice(pairs, pairs_of(head[:n]))) / 2 + WEIGHT_OF_FIRST * first
    )


def prefix_edits(wanted: str, text: str) -> tuple[int, int]:
    """(edits, n): the fewest characters to insert, delete or change so that `wanted` becomes text[:n],
    and that n (Myers 1999, by bits)."""
    masks: dict[str, int] = {}
    for i, c in enumerate(wanted):
        masks[c] = masks.get(c, 0) | 1 << i
    full, last = (1 << len(wanted)) - 1, 1 << len(wanted) - 1
    up, down, edits = full, 0, len(wanted)
    best = (edits, 0)
    for n, c in enumerate(text, 1):
        equal = masks.get(c, 0)
        across = equal | down
        carried = (((equal & up) + up) ^ up) | equal
        rise, fall = down | ~(carried | up) & full, up & carried
        edits += bool(rise & last) - bool(fall & last)
        rise, fall = (rise << 1 | 1) & full, fall << 1 & full
        up, down = fall | ~(across | rise) & full, rise & across
        best = min(best, (edits, n))
    return best


def pairs_of(text: str) -> Counter[str]:
    """Neighbouring characters and how often they stand together."""
    return Counter(text[i : i + 2] for i in range(max(len(text) - 1, 1)))


def _dice(a: Counter[str], b: Counter[str]) -> float:
    return 2 * (a & b).total() / max(a.total() + b.total(), 1)
