"""Traditional Chinese as OpenCC writes it in Simplified: spans that differ, and what stands there then.

OpenCC converts by the longest phrases of its dictionaries. Applying the spans to the text gives
what OpenCC gives for the whole, always: equal stretches are compared, and everything else is in a span.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np
import pyarrow as pa

# of OpenCC; `p`: words too, as the mainland has them
CONFIGS = ("t2s", "tw2s", "tw2sp", "hk2s", "hk2sp")
FOUND = pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32()), ("replacement", pa.string())]))
_HAN = re.compile("[\u2e80-\u2fdf\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
# characters; the longest phrase that changes its length has ten
_LONGEST = 12
# characters that agree behind a phrase of another length: so many are looked for, then fewer
_SURE = (2, 1)
# how far a phrase may go in the text and in what is written, the shortest first
_WAYS = sorted(
    ((old, new) for old in range(1, _LONGEST + 1) for new in range(1, _LONGEST + 1)),
    key=lambda way: (sum(way), abs(way[0] - way[1])),
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
    return lambda text: "\0".join(map(convert, text.split("\0")))  # OpenCC stops at a NUL


def script_edits(text: str, config: str) -> list[Edit]:
    """(start, end, replacement) in code points of what OpenCC changes; in order, none empty."""
    if not _HAN.search(text):
        return []
    convert = converter(config)
    written = convert(text)
    if written == text:
        return []
    if len(written) == len(text) and not config.endswith("p"):  # phrases of these keep their length
        return _differing(text, written)
    return list(_aligned(text, written, lru_cache(maxsize=None)(convert)))


def _differing(text: str, written: str) -> list[Edit]:
    """Runs of positions at which two texts of one length differ."""
    sides = (side.encode("utf-32-le", "surrogatepass") for side in (text, written))
    old, new = (np.frombuffer(side, np.uint32) for side in sides)
    borders = np.flatnonzero(np.diff(np.concatenate(([0], (old != new).astype(np.int8), [0]))))
    return [(start, end, written[start:end]) for start, end in borders.reshape(-1, 2).tolist()]


def _aligned(text: str, written: str, convert: Callable[[str], str]) -> Iterator[Edit]:
    """The same for texts of two lengths: side by side, from phrase to phrase. Linear: a phrase is short."""
    i = j = 0
    start = there = -1  # of the edit that is open, on both sides
    while i < len(text) and j < len(written):
        if text[i] == written[j]:
            if start >= 0:
                yield start, i, written[there:j]
                start = -1
            i, j = i + 1, j + 1
            continue
        if start < 0:
            start, there = i, j
        if convert(text[i]) == written[j]:
            i, j = i + 1, j + 1
            continue
        step = _step(text, written, i, j, convert)
        if step is None:  # of lines no phrase has more than one
            step = text.find("\n", i) - i, written.find("\n", j) - j
            if min(step) < 0:
                break
        i, j = i + step[0], j + step[1]
    if start < 0 and (i < len(text) or j < len(written)):
        start, there = (i, j) if i < len(text) else (i - 1, j - 1)
    if start >= 0:
        yield start, len(text), written[there:]


def _step(text: str, written: str, i: int, j: int, convert: Callable[[str], str]) -> tuple[int, int] | None:
    """How far a phrase goes on both sides, to where they agree again; None where they do not."""
    size = _LONGEST + _SURE[0]
    old = text[i : i + size].ljust(size, "\0")  # both at their end agree
    new = written[j : j + size].ljust(size, "\0")
    single = [convert(char) for char in old]
    for sure in _SURE:
        for a, b in _WAYS:
            level = single[a] == new[b] or old[a] == new[b]
            if level and (sure == 1 or single[a + 1] == new[b + 1] or old[a + 1] == new[b + 1]):
                return min(a, len(text) - i), min(b, len(written) - j)
    return None


def convert_texts(texts: pa.Array, config: str) -> pa.Array:
    """FOUND of each text: its `script_edits`; a null text has none."""
    return pa.array([list(script_edits(text or "", config)) for text in texts.to_pylist()], FOUND)
