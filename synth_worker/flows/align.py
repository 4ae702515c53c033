"""Find the sentences of a chunk that a model marked by their first words. The segments between them are the
chunk, whatever the model answers.

The model returns only the first words of each segment (CCI4.0, arXiv 2506.07463, section 3.5), which it
may misspell, repeat, reorder or invent. Each marker is searched word for word, then folded (without case,
width, white space and punctuation), then by its similarity to the beginnings of sentences. Of all assignments
of markers to their candidates the one of highest value is taken: similarity adds to it, a step back costs. A
marker that cannot be placed merges two segments; where none can, paragraphs take the place of segments.

    chunk "Tides rise. Ships leave. Gulls cry.", markers ["Tides rise", "gulls, cry"]
    ->  [0, 25) start, "Tides rise"    [25, 35) folded, "gulls, cry"
"""

from __future__ import annotations

import itertools
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from gristmill.synth_worker.flows.fuzzy_match import fold, pairs_of, prefix_similarity

SENTENCE_END = re.compile(r"[。！？；…]+[”’」』）\"'\])]*\s*|[.!?]+[\"'”’)\]]*\s+|\s*[\r\n]+\s*")
EMPTY_LINE = re.compile(r"\r?\n[^\S\n]*\r?\n\s*")
# folded characters; a shorter marker occurs in too many sentences
MIN_MARKER = 4
# The next three were chosen on one half of the documents of
# benchmarks/alignment.md and measured on the other. similarity of a marker
# and the beginning of a sentence from which on the sentence is a candidate
MIN_SIMILARITY = 0.32
# similarity that a marker needs in addition to be placed before the marker preceding it
STEP_BACK_COST = 0.06
# the same for a sentence that another marker has
TAKEN_COST = 0.3
# earlier markers that are searched for such a sentence: bounds the time of a long list of markers
LOOK_BACK = 8
# folded characters at the beginning of a sentence by which it is indexed
HEAD = 64
MAX_FUZZY = 4000  # sentences of a chunk beyond which nothing is searched by similarity
# sentences that are compared with a marker: those with most pairs of characters in common
MAX_COMPARED = 24


@dataclass(frozen=True)
class Segment:
    """A stretch of the chunk.

    `start`, `end`: code points of the chunk; `status`: how the start was found (start, exact, folded, fuzzy,
    merged, fallback); `marker`: the words of the model (None: none).
    """

    start: int
    end: int
    status: str
    marker: str | None


class Source:
    """A chunk prepared for alignment: the starts of its sentences, and its folded form with the position of
    each folded character in the text."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts = sentence_starts(text)
        self.folded, self.origin = fold(text)
        # pair of folded characters -> sentences that have it at their beginning; filled
        # when a marker first needs it, since most markers are found word for word
        self.heads: dict[str, list[int]] = {}
        self.folded_starts = [bisect_left(self.origin, start) for start in self.starts]

    def sentence_at(self, position: int) -> int:
        """The start of the sentence that contains `position`."""
        return self.starts[max(bisect_right(self.starts, position) - 1, 0)]

    def sentences_with(self, pair: str) -> list[int]:
        """The numbers of the sentences with this pair among their first HEAD folded characters."""
        if not self.heads:
            for n, at in enumerate(self.folded_starts):
                head = self.folded[at : at + HEAD]
                for each in {head[i : i + 2] for i in range(len(head) - 1)}:
                    self.heads.setdefault(each, []).append(n)
        return self.heads.get(pair, [])


def sentence_starts(text: str) -> list[int]:
    """The starts of sentences (code points), ascending; the first is 0.

    A stretch without a letter or digit (---, ```, }) belongs to the sentence before it, at the very beginning
    to the one after it.
    """
    starts = [0, *(m.end() for m in SENTENCE_END.finditer(text) if 0 < m.end() < len(text))]
    ends = [*starts[1:], len(text)]
    worded = [s for s, e in zip(starts, ends, strict=True) if any(c.isalnum() for c in text[s:e])]
    return [0, *worded[1:]]


def align(text: str, markers: list[str]) -> list[Segment]:
    """Segments of a non-empty `text`, in order; joined they are equal to it.

    Where no marker could be placed, the segments are the paragraphs (status fallback).
    """
    source = Source(text)
    placed = _place_markers(source, markers)
    # Reversed: of several markers of one sentence the first names the segment.
    cuts = {start: (status, markers[i]) for i, (start, status) in sorted(placed.items(), reverse=True)}
    # The first segment begins at 0 whatever the markers are.
    opening = cuts.pop(0, None)
    distinct_markers = {m.strip() for m in markers if m.strip()}
    # A single marker may mean that the chunk is one
    # segment; several without a place are a failed answer.
    if not cuts and len(distinct_markers) != 1 and len(paragraphs(text)) > 1:
        return [Segment(s, e, "fallback", None) for s, e in _between(paragraphs(text), len(text))]
    segments = {0: ("start", opening[1] if opening else None), **dict(sorted(cuts.items()))}
    lost = _lost(markers, placed, list(segments))
    spans = _between(list(segments), len(text))
    return [Segment(s, e, "merged" if s in lost else segments[s][0], segments[s][1]) for s, e in spans]


def paragraphs(text: str) -> list[int]:
    """The starts of paragraphs: after empty lines, or after every line where no line is empty; the first is
    0."""
    pattern = EMPTY_LINE if EMPTY_LINE.search(text.strip()) else re.compile(r"[\r\n]+\s*")
    starts = {0, *(m.end() for m in pattern.finditer(text) if m.end() < len(text))}
    return sorted(start for start in starts if start == 0 or text[:start].strip())


def _between(starts: list[int], end: int) -> list[tuple[int, int]]:
    return list(zip(starts, [*starts[1:], end], strict=True))


def _lost(markers: list[str], placed: dict[int, tuple[int, str]], starts: list[int]) -> set[int]:
    """The starts of the segments that contain the text of a marker without a place: the segment of the marker
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
    """A sentence that a marker may mean: its start, its similarity to the marker (1: word for word), and how
    it was found (exact, folded, fuzzy)."""

    start: int
    similarity: float
    status: str


@dataclass(frozen=True)
class Placement:
    """Some markers with their sentences: the value so far, the last marker and its sentence (None: no marker
    is placed yet), and the placement of the markers before it."""

    value: float = 0.0
    marker: int = -1
    candidate: Candidate | None = None
    before: Placement | None = None

    def backward(self) -> Iterator[Placement]:
        """The placements of single markers, the last first."""
        placement: Placement | None = self
        while placement is not None and placement.candidate is not None:
            yield placement
            placement = placement.before


def _place_markers(source: Source, markers: list[str]) -> dict[int, tuple[int, str]]:
    """Marker number -> (start of a sentence, status), for the placement of highest value.

    Each marker gets one of its candidates or none. Similarity is weighed against order: a step back costs
    STEP_BACK_COST, a sentence that other words have taken TAKEN_COST. A marker that repeats the one before it
    gets the same sentence and adds no value.
    """
    first_of_run = [i for i, marker in enumerate(markers) if i == 0 or marker != markers[i - 1]]
    by_marker: dict[str, list[Candidate]] = {}
    # Dynamic programming over the candidate of the last marker. The best
    # placement for each of them is enough, except for TAKEN_COST, which
    # looks at earlier candidates too: the result is then nearly the best.
    placements = [Placement()]
    for i in first_of_run:
        candidates = by_marker.setdefault(markers[i], _candidates(source, markers[i]))
        # To leave the marker out keeps the placements as they are.
        best = {placement.candidate: placement for placement in placements}
        for each in candidates:
            longer = max(
                (Placement(last.value + _gain(last, each), i, each, last) for last in placements),
                key=lambda placement: placement.value,
            )
            if each not in best or longer.value > best[each].value:
                best[each] = longer
        placements = list(best.values())
    placed = {
        placement.marker: (placement.candidate.start, placement.candidate.status)
        for placement in max(placements, key=lambda placement: placement.value).backward()
        if placement.candidate
    }
    for i in range(len(markers)):
        if i not in first_of_run and i - 1 in placed:
            placed[i] = placed[i - 1]
    return placed


def _gain(placement: Placement, candidate: Candidate) -> float:
    """What the next marker adds to the value of `placement` at `candidate`; may be negative."""
    # Above MIN_SIMILARITY only, so that a marker without a good candidate is better left out.
    gain = candidate.similarity - MIN_SIMILARITY
    if placement.candidate is not None and candidate.start < placement.candidate.start:
        gain -= STEP_BACK_COST
    earlier = itertools.islice(placement.backward(), LOOK_BACK)
    if any(each.candidate and each.candidate.start == candidate.start for each in earlier):
        gain -= TAKEN_COST
    return gain


def _candidates(source: Source, marker: str) -> list[Candidate]:
    """The sentences that contain the marker word for word, else folded, else those with a similar
    beginning."""
    # In this order, and only one of the three: an exact
    # match makes any similar sentence irrelevant.
    folded_marker, exact = fold(marker)[0], marker.strip()
    if len(folded_marker) < MIN_MARKER:
        return []
    positions = [m.start() for m in re.finditer(re.escape(exact), source.text)]
    if positions:
        return _whole_sentences(source, positions, "exact")
    positions = [source.origin[m.start()] for m in re.finditer(re.escape(folded_marker), source.folded)]
    if positions:
        return _whole_sentences(source, positions, "folded")
    return _fuzzy(source, folded_marker)


def _whole_sentences(source: Source, positions: list[int], status: str) -> list[Candidate]:
    """The sentences that begin at one of `positions`; where none does, those that contain one."""
    starting = [position for position in positions if source.sentence_at(position) == position]
    return [
        Candidate(start, 1.0, status)
        for start in sorted({source.sentence_at(position) for position in starting or positions})
    ]


def _fuzzy(source: Source, folded_marker: str) -> list[Candidate]:
    """The sentences whose beginning is most similar to `folded_marker`, in the order of the text."""
    # Pairs of characters first, which an index counts cheaply; edits only
    # for the MAX_COMPARED best of them. The beginning that is compared is
    # half longer than the marker, as words may have been left out of it.
    if len(source.starts) > MAX_FUZZY:
        return []
    pairs, shared = pairs_of(folded_marker), Counter[int]()
    for pair in pairs:
        shared.update(source.sentences_with(pair))
    nearest = sorted(shared, key=lambda n: (-shared[n], n))[:MAX_COMPARED]
    scored = [
        (
            n,
            prefix_similarity(
                folded_marker, pairs, source.folded[source.folded_starts[n] :][: len(folded_marker) * 3 // 2]
            ),
        )
        for n in nearest
        if shared[n] * 4 >= len(pairs)
    ]
    return [
        Candidate(source.starts[n], similarity, "fuzzy")
        for n, similarity in sorted(scored)
        if similarity >= MIN_SIMILARITY
    ]
