"""Sensitive words: how much of a text stands in terms of a list, found in one pass by Aho and Corasick's
automaton.

Text is folded (NFKC, case, Simplified characters). A term that begins or ends with a letter or digit of a
script that puts spaces between words counts only where no such character is adjacent ("Scunthorpe" holds
none); Han terms count anywhere, unless they stand inside an allowed phrase. Of matches that overlap the
longest counts, then the first.
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import pyarrow as pa

from gristmill.udfs.arrow.batches import as_batch
from gristmill.udfs.text.folding import FoldParams, fold_text

FOLD = FoldParams(nfkc=True, casefold=True, traditional_to_simplified=True, collapse_whitespace=True)
ALLOWED = "allow"
SCORED: pa.Schema = pa.schema([("raw", pa.float64()), ("score", pa.float64()), ("detail", pa.string())])


@dataclass(frozen=True)
class WordList:
    """`terms`: (term, category), `weights`: (category, 0 to 1), `allow`: phrases in which no term counts."""

    name: str
    terms: tuple[tuple[str, str], ...]
    weights: tuple[tuple[str, float], ...]
    allow: tuple[str, ...]

    @property
    def version(self) -> str:
        """12 hex digits that name the list's content."""
        about = json.dumps([sorted(self.terms), sorted(self.weights), sorted(self.allow)], ensure_ascii=False)
        return hashlib.blake2b(about.encode(), digest_size=6).hexdigest()


@dataclass(frozen=True)
class Hit:
    """A term in folded text, code points `start` to `end`."""

    start: int
    end: int
    category: str
    term: str


@lru_cache(maxsize=16)
def automaton(words: WordList) -> Any:
    """The automaton of the folded terms and allowed phrases.

    Raises ValueError for a list without a term, or a term that folds to nothing.
    """
    import ahocorasick

    matcher = ahocorasick.Automaton()
    for term, category in [*words.terms, *((phrase, ALLOWED) for phrase in words.allow)]:
        folded = fold_text(term, FOLD)
        if not folded:
            raise ValueError(f"list {words.name}: the term {term!r} is empty once it is folded; take it out")
        matcher.add_word(folded, (len(folded), category, folded))
    if not len(matcher):
        raise ValueError(f"list {words.name} has no term; name one, or take the list out of the recipe")
    matcher.make_automaton()
    return matcher


def is_spaced(char: str) -> bool:
    """Whether it is a letter or digit of a script that puts spaces between words."""
    return char.isalnum() and not unicodedata.name(char, "").startswith(
        ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
    )


def hits(folded: str, words: WordList) -> list[Hit]:
    """The terms in a folded text, in order, not overlapping."""
    matches = []
    for last, (length, category, term) in automaton(words).iter(folded):
        start, end = last + 1 - length, last + 1
        # Inside a longer word a term is a coincidence of letters ("Scunthorpe").
        glued = (start and is_spaced(folded[start]) and is_spaced(folded[start - 1])) or (
            end < len(folded) and is_spaced(folded[last]) and is_spaced(folded[end])
        )
        if not glued:
            matches.append(Hit(start, end, category, term))
    chosen, at = [], 0
    for hit in _longest(matches):
        # From left to right, after nested matches are gone:
        # what overlaps an earlier match does not count.
        if hit.start >= at:
            at = hit.end
            chosen.append(hit)
    return [hit for hit in chosen if hit.category != ALLOWED]


def _longest(matches: list[Hit]) -> list[Hit]:
    """Matches by position, without those that lie inside another one."""
    longest: list[Hit] = []
    # At one start the longest first, and an allowed phrase before a term of the same span.
    for hit in sorted(matches, key=lambda hit: (hit.start, -hit.end, hit.category != ALLOWED, hit.category)):
        if not longest or hit.end > longest[-1].end:
            longest.append(hit)
    return longest


def measure(text: str, words: WordList) -> tuple[float, float, dict[str, int]]:
    """Weighted hits; weighted share of the text's characters (white space aside) that stand in hits, 0
    to 1; hits by category."""
    folded, weights = fold_text(text, FOLD), dict(words.weights)
    matches = hits(folded, words)
    if not matches:
        return 0.0, 0.0, {}
    # White space is left out on both sides, so that line breaks within a term change nothing.
    inside = sum(weights[hit.category] * len(hit.term.replace(" ", "")) for hit in matches)
    share = min(inside / len(folded.replace(" ", "")), 1.0)
    return (
        round(sum(weights[hit.category] for hit in matches), 6),
        round(share, 6),
        dict(sorted(Counter(hit.category for hit in matches).items())),
    )


def score_texts(texts: pa.Array, words: WordList) -> pa.RecordBatch:
    """A row of SCORED for each text, by `measure`; a null text is an empty one."""
    matches = [measure(text or "", words) for text in texts.to_pylist()]
    return as_batch(
        [(raw, score, json.dumps(hits) if hits else None) for raw, score, hits in matches], SCORED
    )
