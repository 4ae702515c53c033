"""Find the places in a chunk that a model marked by their first words, so that the segments between them are
the chunk, always.

A model is asked only for the first words of each segment (CCI4.0, arXiv 2506.07463, section 3.5), which it
may misspell, repeat, reorder or invent. Each marker is looked for word for word, then folded (case, width,
white space and punctuation aside), then by likeness to the beginning of a sentence. Of all ways to give the
markers their places the worthiest is taken: likeness counts for it, steps back against it. What cannot be
placed merges two segments; when nothing can, paragraphs take the model's place.
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from gristmill.synth_worker.flows.fuzzy_match import fold, likeness, pairs_of

SENTENCE_END = re.compile(r"[。！？；…]+[”’」』）\"'\])]*\s*|[.!?]+[\"'”’)\]]*\s+|\s*[\r\n]+\s*")
EMPTY_LINE = re.compile(r"\r?\n[^\S\n]*\r?\n\s*")
# folded characters; a shorter marker says nothing
MIN_MARKER = 4
# likeness of marker and beginning of a sentence from which on they may meet
MIN_ALIKE = 0.32
# likeness that a marker must be ahead by to be placed before the one said before it
STEP_BACK = 0.06
# the same for a place that other words have taken
TAKEN = 0.3
# places before, among which a taken one is looked for
LOOK_BACK = 8
# folded characters at the beginning of a sentence by which it is looked up
HEAD = 64
MAX_FUZZY = 4000  # sentences of a chunk that are compared
# of them, those that have the most pairs of characters in common with the marker
MAX_COMPARED = 24


@dataclass(frozen=True)
class Segment:
    """start, end: code points of the chunk; status: how the start was found; marker: the words that
    named it (null: none)."""

    start: int
    end: int
    status: str
    marker: str | None


class Source:
    """A chunk with what alignment needs of it: where sentences begin, and its folded form with the way
    back."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = sentence_starts(text)
        self.folded, self.origin = fold(text)
        # pairs of folded characters -> sentences that begin with them
        self.heads: dict[str, list[int]] = {}
        self.folded_starts = [bisect_left(self.origin, start) for start in self.starts]

    def sentence_at(self, place: int) -> int:
        """Where the sentence that holds `place` begins."""
        return self.starts[max(bisect_right(self.starts, place) - 1, 0)]

    def sentences_with(self, pair: str) -> list[int]:
        """Numbers of the sentences that have this pair of folded characters among their first HEAD."""
        if not self.heads:
            for n, at in enumerate(self.folded_starts):
                head = self.folded[at : at + HEAD]
                for each in {head[i : i + 2] for i in range(len(head) - 1)}:
                    self.heads.setdefault(each, []).append(n)
        return self.heads.get(pair, [])


def sentence_starts(text: str) -> list[int]:
    """Where sentences begin (code points), ascending; the first is 0. What holds no letter or digit (---,
    ```, }) belongs to what is before it, at the very beginning to what follows."""
    starts = [0, *(m.end() for m in SENTENCE_END.finditer(text) if 0 < m.end() < len(text))]
    ends = [*starts[1:], len(text)]
    worded = [s for s, e in zip(starts, ends, strict=True) if any(c.isalnum() for c in text[s:e])]
    return [0, *worded[1:]]


def align(text: str, markers: list[str]) -> list[Segment]:
    """Segments of a non-empty `text`, in order, joined equal to it.

    Without a marker placed (and text worth cutting): paragraphs.
    """
    source = Source(text)
    placed = _place(source, markers)
    # of repeats the first
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
    """Starts of the segments that also hold what a marker without a place named: the one of the marker
    before it."""
    lost, before = set(), 0
    for i, marker in enumerate(markers):
        if i in placed:
            before = placed[i][0]
        elif marker.strip():
            lost.add(starts[bisect_right(starts, before) - 1])
    return lost


@dataclass(frozen=True)
class Candidate:
    """A sentence that a marker may mean: where it begins, how alike they are (1: word for word), how it
    was found."""

    start: int
    alike: float
    status: str


@dataclass(frozen=True)
class Way:
    """Markers placed so far: what that is worth, the last of them (None: none yet) and the way before it."""

    worth: float = 0.0
    marker: int = -1
    place: Candidate | None = None
    before: Way | None = None

    def back(self) -> Iterator[Way]:
        """The markers placed, the last first."""
        way: Way | None = self
        while way is not None and way.place is not None:
            yield way
            way = way.before


def _place(source: Source, markers: list[str]) -> dict[int, tuple[int, str]]:
    """marker number -> (start of a sentence, status): of all ways to give each marker one of its candidates,
    or none, the one worth most.

    Likeness is weighed against order: a step back, and a place already taken by other words, cost something.
    A marker said again right away is its first saying over again: it goes with it and adds nothing.
    """
    said = [i for i, marker in enumerate(markers) if i == 0 or marker != markers[i - 1]]
    known: dict[str, list[Candidate]] = {}
    # the best one for each place of the last marker
    ways = [Way()]
    for i in said:
        found = known.setdefault(markers[i], _candidates(source, markers[i]))
        best = {way.place: way for way in ways}
        for each in found:
            way = max(
                (Way(way.worth + _gain(way, each), i, each, way) for way in ways), key=lambda way: way.worth
            )
            if each not in best or way.worth > best[each].worth:
                best[each] = way
        ways = list(best.values())
    placed = {
        way.marker: (way.place.start, way.place.status)
        for way in max(ways, key=lambda way: way.worth).back()
        if way.place
    }
    for i in range(len(markers)):
        if i not in said and i - 1 in placed:
            placed[i] = placed[i - 1]
    return placed


def _gain(way: Way, place: Candidate) -> float:
    """What it is worth to put the next marker at `place`."""
    gain = place.alike - MIN_ALIKE
    if way.place is not None and place.start < way.place.start:
        gain -= STEP_BACK
    if any(
        each.place and each.place.start == place.start for each in itertools.islice(way.back(), LOOK_BACK)
    ):
        gain -= TAKEN
    return gain


def _candidates(source: Source, marker: str) -> list[Candidate]:
    """Sentences that hold the words, word for word or folded; when none does, those whose beginning is
    alike."""
    wanted, exact = fold(marker)[0], marker.strip()
    if len(wanted) < MIN_MARKER:
        return []
    places = [m.start() for m in re.finditer(re.escape(exact), source.text)]
    if places:
        return _whole_sentences(source, places, "exact")
    places = [source.origin[m.start()] for m in re.finditer(re.escape(wanted), source.folded)]
    if places:
        return _whole_sentences(source, places, "folded")
    return _fuzzy(source, wanted)


def _whole_sentences(source: Source, places: list[int], status: str) -> list[Candidate]:
    """The sentences that begin at `places`; where none does, those that hold them."""
    begin = [place for place in places if source.sentence_at(place) == place]
    return [
        Candidate(start, 1.0, status)
        for start in sorted({source.sentence_at(place) for place in begin or places})
    ]


def _fuzzy(source: Source, wanted: str) -> list[Candidate]:
    """The sentences whose beginning is most like `wanted`, in the order of the text."""
    if len(source.starts) > MAX_FUZZY:
        return []
    pairs, shared = pairs_of(wanted), Counter[int]()
    for pair in pairs:
        shared.update(source.sentences_with(pair))
    likely = sorted(shared, key=lambda n: (-shared[n], n))[:MAX_COMPARED]
    scored = [
        (n, likeness(wanted, pairs, source.folded[source.folded_starts[n] :][: len(wanted) * 3 // 2]))
        for n in likely
        if shared[n] * 4 >= len(pairs)
    ]
    return [Candidate(source.starts[n], alike, "fuzzy") for n, alike in sorted(scored) if alike >= MIN_ALIKE]
