"""Find the places in a chunk that a model marked by their first words, so that the segments between them are the chunk, always.

A model is asked only for the first words of each segment (CCI4.0, arXiv 2506.07463, section 3.5), which it may misspell, repeat,
reorder or invent. Each marker is looked for word for word, then folded (case, width, white space and punctuation aside), then by
likeness to the beginning of a sentence. A marker that stands in several places takes the one between its neighbours. What cannot be
placed merges two segments; when nothing can, paragraphs take the model's place.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass

SENTENCE_END = re.compile(r"[。！？；…]+[”’」』）\"'\])]*\s*|[.!?]+[\"'”’)\]]*\s+|\s*[\r\n]+\s*")
EMPTY_LINE = re.compile(r"\r?\n[^\S\n]*\r?\n\s*")
MIN_MARKER = 4  # folded characters; a shorter marker says nothing
MIN_ALIKE = 0.6  # share of pairs of neighbouring characters that marker and sentence have in common, from which on they meet
MIN_LEAD = 0.08  # by which the likest sentence must be ahead of the next
MAX_FUZZY = 4000  # sentences of a chunk that are compared


@dataclass(frozen=True)
class Segment:
    """start, end: code points of the chunk; status: how the start was found; marker: the words that named it (null: none)."""

    start: int
    end: int
    status: str
    marker: str | None


class Source:
    """A chunk with what alignment needs of it: where sentences begin, and its folded form with the way back."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = sentence_starts(text)
        self.folded, self.origin = fold(text)
        self.folded_starts = [bisect_left(self.origin, start) for start in self.starts]

    def sentence_at(self, place: int) -> int:
        """Where the sentence that holds `place` begins."""
        return self.starts[max(bisect_right(self.starts, place) - 1, 0)]


def sentence_starts(text: str) -> list[int]:
    """Where sentences begin (code points), ascending; the first is 0 whatever stands there."""
    return sorted({0, *(m.end() for m in SENTENCE_END.finditer(text) if m.end() < len(text))})


def fold(text: str) -> tuple[str, list[int]]:
    """Letters and digits only, NFKC and casefolded, and for each the code point of `text` it comes from."""
    folded: list[str] = []
    origin: list[int] = []
    for i, character in enumerate(text):
        for c in unicodedata.normalize("NFKC", character).casefold():
            if c.isalnum():
                folded.append(c)
                origin.append(i)
    return "".join(folded), origin


def align(text: str, markers: list[str]) -> list[Segment]:
    """Segments of a non-empty `text`, in order, joined equal to it. Without a marker placed (and text worth cutting): paragraphs."""
    source = Source(text)
    placed = _place(source, markers)
    cuts = {place: (status, markers[i]) for i, (place, status) in sorted(placed.items(), reverse=True)}
    opening = cuts.pop(0, None)
    named = {m.strip() for m in markers if m.strip()}
    if not cuts and len(named) != 1 and len(paragraphs(text)) > 1:
        return [Segment(s, e, "fallback", None) for s, e in _between(paragraphs(text), len(text))]
    found = {0: ("start", opening[1] if opening else None), **dict(sorted(cuts.items()))}
    lost = _lost(markers, placed, list(found))
    spans = _between(list(found), len(text))
    return [Segment(s, e, "merged" if s in lost else found[s][0], found[s][1]) for s, e in spans]


def paragraphs(text: str) -> list[int]:
    """Where paragraphs begin: after empty lines, or after any line where there is none; the first is 0."""
    pattern = EMPTY_LINE if EMPTY_LINE.search(text.strip()) else re.compile(r"[\r\n]+\s*")
    starts = {0, *(m.end() for m in pattern.finditer(text) if m.end() < len(text))}
    return sorted(start for start in starts if start == 0 or text[:start].strip())


def _between(starts: list[int], end: int) -> list[tuple[int, int]]:
    return list(zip(starts, [*starts[1:], end], strict=True))


def _lost(markers: list[str], placed: dict[int, tuple[int, str]], starts: list[int]) -> set[int]:
    """Starts of the segments that also hold what a marker without a place named: the one of the marker before it."""
    lost, before = set(), 0
    for i, marker in enumerate(markers):
        if i in placed:
            before = placed[i][0]
        elif marker.strip():
            lost.add(starts[bisect_right(starts, before) - 1])
    return lost


def _place(source: Source, markers: list[str]) -> dict[int, tuple[int, str]]:
    """marker number -> (start of a sentence, status); markers found in one place only go first and hold the others in order."""
    placed: dict[int, tuple[int, str]] = {}
    for status, find in (("exact", _exact), ("folded", _folded), ("fuzzy", _fuzzy)):
        found = {i: find(source, marker) for i, marker in enumerate(markers) if i not in placed}
        for i, places in found.items():
            if len(places) == 1 and places[0] not in {place for place, _ in placed.values()}:
                placed[i] = (places[0], status)
        for i, places in found.items():
            if i not in placed and len(places) > 1 and (place := _between_neighbours(i, places, placed)) is not None:
                placed[i] = (place, status)
    return placed


def _between_neighbours(i: int, places: list[int], placed: dict[int, tuple[int, str]]) -> int | None:
    """Of several places the first free one after the marker before and ahead of the one after; else the first free one; else None."""
    taken = {place for place, _ in placed.values()}
    free = [place for place in places if place not in taken]
    after = max((placed[j][0] for j in placed if j < i), default=-1)
    ahead = min((placed[j][0] for j in placed if j > i and placed[j][0] > after), default=1 << 62)
    inside = [place for place in free if after < place < ahead]
    return next(iter(inside or free), None)


def _exact(source: Source, marker: str) -> list[int]:
    wanted = marker.strip()
    if len(fold(wanted)[0]) < MIN_MARKER:
        return []
    return _whole_sentences(source, [m.start() for m in re.finditer(re.escape(wanted), source.text)])


def _folded(source: Source, marker: str) -> list[int]:
    wanted, _ = fold(marker)
    if len(wanted) < MIN_MARKER:
        return []
    return _whole_sentences(source, [source.origin[m.start()] for m in re.finditer(re.escape(wanted), source.folded)])


def _whole_sentences(source: Source, places: list[int]) -> list[int]:
    """The sentences that begin at `places`; where none does, those that hold them."""
    begin = [place for place in places if source.sentence_at(place) == place]
    return sorted({source.sentence_at(place) for place in begin or places})


def _fuzzy(source: Source, marker: str) -> list[int]:
    """The sentence whose beginning is likest, if it is alike enough and clearly ahead of every other."""
    wanted = fold(marker)[0]
    if len(wanted) < MIN_MARKER or len(source.starts) > MAX_FUZZY:
        return []
    pairs = _pairs(wanted)
    scored = []
    for start, at in zip(source.starts, source.folded_starts, strict=True):
        lengths = (len(wanted), len(wanted) * 5 // 4 + 1)
        scored.append((max(_dice(pairs, _pairs(source.folded[at : at + n])) for n in lengths), start))
    scored.sort(key=lambda each: (-each[0], each[1]))
    if not scored or scored[0][0] < MIN_ALIKE:
        return []
    if len(scored) > 1 and scored[0][0] - scored[1][0] < MIN_LEAD:
        close = [start for score, start in scored if scored[0][0] - score < MIN_LEAD]
        return sorted(close)
    return [scored[0][1]]


def _pairs(text: str) -> Counter[str]:
    return Counter(text[i : i + 2] for i in range(max(len(text) - 1, 1)))


def _dice(a: Counter[str], b: Counter[str]) -> float:
    return 2 * (a & b).total() / max(a.total() + b.total(), 1)
