"""Sensitive words: how much of a text stands in terms of a list, found in one pass by Aho and Corasick's
automaton.

Text is folded (NFKC, case, Simplified characters). A term that begins or ends with a letter or digit of a
script that puts spaces between words counts only where no such character stands beside it ("Scunthorpe" holds
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

    made = ahocorasick.Automaton()
    for term, category in [*words.terms, *((phrase, ALLOWED) for phrase in words.allow)]:
        folded = fold_text(term, FOLD)
        if not folded:
            raise ValueError(f"list {words.name}: the term {term!r} is empty once it is folded; take it out")
        made.add_word(folded, (len(folded), category, folded))
    if not len(made):
        raise ValueError(f"list {words.name} has no term; name one, or take the list out of the recipe")
    made.make_automaton()
    return made


def is_spaced(char: str) -> bool:
    """Whether it is a letter or digit of a script that puts spaces between words."""
    return char.isalnum() and not unicodedata.name(char, "").startswith(
        ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")
    )


def hits(folded: str, words: WordList) -> list[Hit]:
    """The terms in a folded text, in order, not overlapping."""
    found = []
    for last, (length, category, term) in automaton(words).iter(folded):
        start, end = last + 1 - length, last + 1
        glued = (start and is_spaced(folded[start]) and is_spaced(folded[start - 1])) or (
            end < len(folded) and is_spaced(folded[last]) and is_spaced(folded[end])
        )
        if not glued:
            found.append(Hit(start, end, category, term))
    taken, at = [], 0
    for hit in _longest(found):
        if hit.start >= at:
            at = hit.end
            taken.append(hit)
    return [hit for hit in taken if hit.category != ALLOWED]


def _longest(found: list[Hit]) -> list[Hit]:
    """By place, without those that another one holds."""
    kept: list[Hit] = []
    for hit in sorted(found, key=lambda hit: (hit.start, -hit.end, hit.category != ALLOWED, hit.category)):
        if not kept or hit.end > kept[-1].end:
            kept.append(hit)
    return kept


def measure(text: str, words: WordList) -> tuple[float, float, dict[str, int]]:
    """Weighted hits; weighted share of the text's characters (white space aside) that stand in hits, 0
    to 1; hits by category."""
    folded, weights = fold_text(text, FOLD), dict(words.weights)
    found = hits(folded, words)
    if not found:
        return 0.0, 0.0, {}
    inside = sum(weights[hit.category] * len(hit.term.replace(" ", "")) for hit in found)
    share = min(inside / len(folded.replace(" ", "")), 1.0)
    return (
        round(sum(weights[hit.category] for hit in found), 6),
        round(share, 6),
        dict(sorted(Counter(hit.category for hit in found).items())),
    )


def score_texts(texts: pa.Array, words: WordList) -> pa.RecordBatch:
    """A row of SCORED for each text, by `measure`; a null text is an empty one."""
    found = [measure(text or "", words) for text in texts.to_pylist()]
    return as_batch([(raw, score, json.dumps(hits) if hits else None) for raw, score, hits in found], SCORED)
