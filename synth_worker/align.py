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
HALF_ALIKE = 0.45  # the same for a sentence between the places of the markers before and after
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
    """Where sentences begin (code points), ascending; the first is 0. What holds no letter or digit (---, ```, }) belongs to what is before it."""
    starts = [0, *(m.end() for m in SENTENCE_END.finditer(text) if 0 < m.end() < len(text))]
    ends = [*starts[1:], len(text)]
    return [s for s, e in zip(starts, ends, strict=True) if s == 0 or any(c.isalnum() for c in text[s:e])]


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
    cuts = {place: (status, markers[i]) for i, (place, status) in sorted(placed.items(), reverse=True)}  # of repeats the first
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
    """marker number -> (start of a sentence, status); markers found in one place only go first and hold the others in order.

    A marker said a second time is its first one over again: it is placed with it and adds nothing.
    """
    placed: dict[int, tuple[int, str]] = {}
    for status, find in (("exact", _exact), ("folded", _folded), ("fuzzy", _fuzzy)):
        found = {i: find(source, marker) for i, marker in enumerate(markers) if i not in placed}
        for i, (places, is_sure) in found.items():
            if len(places) == 1 and is_sure:
                placed.setdefault(i, (places[0], status))
        for i, (places, is_sure) in found.items():
            if i not in placed and places and (place := _between_neighbours(i, places, placed, is_sure)) is not None:
                placed[i] = (place, status)
    return placed


def _between_neighbours(i: int, places: list[int], placed: dict[int, tuple[int, str]], is_sure: bool) -> int | None:
    """Of several places, best first, the first free one between the places of the markers before and after; else, when sure, any free one."""
    taken = {place for place, _ in placed.values()}
    after = max((placed[j][0] for j in placed if j < i), default=-1)
    ahead = min((placed[j][0] for j in placed if j > i and placed[j][0] > after), default=1 << 62)
    inside = [place for place in places if after < place < ahead and place not in taken]
    free = [place for place in places if place not in taken] if is_sure else []
    return next(iter(inside or free), places[0] if is_sure else None)


Places = tuple[list[int], bool]  # best first; whether the words are there, so that one of the places must be meant


def _exact(source: Source, marker: str) -> Places:
    wanted = marker.strip()
    if len(fold(wanted)[0]) < MIN_MARKER:
        return [], True
    return _whole_sentences(source, [m.start() for m in re.finditer(re.escape(wanted), source.text)])


def _folded(source: Source, marker: str) -> Places:
    wanted, _ = fold(marker)
    if len(wanted) < MIN_MARKER:
        return [], True
    return _whole_sentences(source, [source.origin[m.start()] for m in re.finditer(re.escape(wanted), source.folded)])


def _whole_sentences(source: Source, places: list[int]) -> Places:
    """The sentences that begin at `places`; where none does, those that hold them."""
    begin = [place for place in places if source.sentence_at(place) == place]
    return sorted({source.sentence_at(place) for place in begin or places}), True


def _fuzzy(source: Source, marker: str) -> Places:
    """The sentence whose beginning is alike and clearly ahead of every other; else, unsure, all that are half alike, the likest first."""
    wanted = fold(marker)[0]
    if len(wanted) < MIN_MARKER or len(source.starts) > MAX_FUZZY:
        return [], False
    pairs, lengths = _pairs(wanted), (len(wanted) * 5 // 6, len(wanted), len(wanted) * 6 // 5 + 1)
    scored = []
    for start, at in zip(source.starts, source.folded_starts, strict=True):
        head = source.folded[at : at + lengths[-1]]
        if len(pairs.keys() & {head[i : i + 2] for i in range(len(head) - 1)}) * 3 >= len(pairs):  # a cheap look first
            scored.append((-max(_dice(pairs, _pairs(head[:n])) for n in lengths), start))
    scored.sort()
    if scored and -scored[0][0] >= MIN_ALIKE and (len(scored) == 1 or scored[1][0] - scored[0][0] >= MIN_LEAD):
        return [scored[0][1]], True
    return [start for score, start in scored if -score >= HALF_ALIKE], False


def _pairs(text: str) -> Counter[str]:
    return Counter(text[i : i + 2] for i in range(max(len(text) - 1, 1)))


def _dice(a: Counter[str], b: Counter[str]) -> float:
    return 2 * (a & b).total() / max(a.total() + b.total(), 1)
