"""Conversion of Traditional to Simplified Chinese by OpenCC, as spans of a text and their replacements.

OpenCC converts by the longest phrases of its dictionaries. The spans come from a comparison of the text with
OpenCC's result: equal stretches are outside the spans and all else is inside. So applying the spans always
gives OpenCC's result for the whole text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import pyarrow as pa

# names of OpenCC's configs; those with `p` also replace words by those of the mainland
CONFIGS = ("t2s", "tw2s", "tw2sp", "hk2s", "hk2sp")
EDITS = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32()), ("replacement", pa.string())]))
_HAN = re.compile("[\u2e80-\u2fdf\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
# characters; the longest phrase in OpenCC's dictionaries that changes its length has ten
_LONGEST = 12
# Characters that must agree behind a phrase that changed its length:
# two, as one may agree by chance, and one where no step has two.
_AGREEING = (2, 1)
# steps (characters of the text, characters of the
# result) over a phrase, the shortest and most even first
_STEPS = sorted(
    ((old, new) for old in range(1, _LONGEST + 1) for new in range(1, _LONGEST + 1)),
    key=lambda step: (sum(step), abs(step[0] - step[1])),
)
Edit = tuple[int, int, str]


@lru_cache(maxsize=len(CONFIGS))
def converter(config: str) -> Callable[[str], str]:
    """OpenCC's conversion by one of CONFIGS. Raises ValueError for another."""
    if config not in CONFIGS:
        raise ValueError(f"unknown config {config} of OpenCC; known: {', '.join(CONFIGS)}")
    # a worker that converts nothing does not need it
    import opencc

    convert = opencc.OpenCC(config).convert
    # OpenCC stops at a NUL and would lose the rest of the text
    return lambda text: "\0".join(map(convert, text.split("\0")))


def script_edits(text: str, config: str) -> list[Edit]:
    """(start, end, replacement) in code points of all that OpenCC changes, in order, none empty.

    "漢字", "t2s"  ->  [(0, 1, "汉")]
    """
    # most texts have no Han character, and then OpenCC need not be loaded
    if not _HAN.search(text):
        return []
    convert = converter(config)
    converted = convert(text)
    if converted == text:
        return []
    # phrases of these configs keep their length, so positions correspond; with `p`
    # two changes of length may cancel each other, and equal lengths prove nothing
    if len(converted) == len(text) and not config.endswith("p"):
        return _differing(text, converted)
    return list(_aligned(text, converted, lru_cache(maxsize=None)(convert)))


def _differing(text: str, converted: str) -> list[Edit]:
    """Runs of positions at which two texts of one length differ."""
    sides = (side.encode("utf-32-le", "surrogatepass") for side in (text, converted))
    old, new = (np.frombuffer(side, np.uint32) for side in sides)
    borders = np.flatnonzero(np.diff(np.concatenate(([0], (old != new).astype(np.int8), [0]))))
    return [(start, end, converted[start:end]) for start, end in borders.reshape(-1, 2).tolist()]


def _aligned(text: str, converted: str, convert: Callable[[str], str]) -> Iterator[Edit]:
    """The same for texts of two lengths, from phrase to phrase.

    Linear in the text, as a phrase is short; difflib is quadratic.
    """
    i = j = 0
    # where the open edit begins in the text and in the result; -1: none is open
    start = start_new = -1
    while i < len(text) and j < len(converted):
        if text[i] == converted[j]:
            if start >= 0:
                yield start, i, converted[start_new:j]
                start = -1
            i, j = i + 1, j + 1
            continue
        if start < 0:
            start, start_new = i, j
        # a character that was converted by itself: both sides go on by one, within the open edit
        if convert(text[i]) == converted[j]:
            i, j = i + 1, j + 1
            continue
        step = _step(text, converted, i, j, convert)
        # no phrase spans two lines, so both sides agree again at the next line break at the latest
        if step is None:
            step = text.find("\n", i) - i, converted.find("\n", j) - j
            if min(step) < 0:
                break
        i, j = i + step[0], j + step[1]
    # Only the result has more characters: the edit takes the last
    # character of the text with it, so that it is not empty.
    if start < 0 and (i < len(text) or j < len(converted)):
        start, start_new = (i, j) if i < len(text) else (i - 1, j - 1)
    if start >= 0:
        yield start, len(text), converted[start_new:]


def _step(text: str, converted: str, i: int, j: int, convert: Callable[[str], str]) -> tuple[int, int] | None:
    """Characters of a phrase at `i` and of its replacement at `j`; None if the sides do not agree again."""
    size = _LONGEST + _AGREEING[0]
    # padded with one character, so that two texts that end together agree there
    old = text[i : i + size].ljust(size, "\0")
    new = converted[j : j + size].ljust(size, "\0")
    single = [convert(char) for char in old]
    for n_agreeing in _AGREEING:
        for a, b in _STEPS:
            agrees = single[a] == new[b] or old[a] == new[b]
            if agrees and (n_agreeing == 1 or single[a + 1] == new[b + 1] or old[a + 1] == new[b + 1]):
                return min(a, len(text) - i), min(b, len(converted) - j)
    return None


def convert_texts(texts: pa.Array, config: str) -> pa.Array:
    """EDITS of each text: its `script_edits`; a null text has none."""
    return pa.array([list(script_edits(text or "", config)) for text in texts.to_pylist()], EDITS)
