"""From the items of benchmarks to what is looked for in documents: which part of each, and what never is.

An item is looked for as its question where that says enough by itself. A question that says too little, or
that several items with other answers share (`Which of these is true?`), is looked for together with its
answer. A passage is looked for by itself, once a benchmark, under the first item that has it. Whatever cannot
be looked for has a reason.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gristmill.udfs.contamination.search import WORD, Index, OverlapParams, as_tokens, build_index
from gristmill.udfs.reasons import EMPTY, ONLY_NUMBERS, TOO_COMMON, TOO_FEW_WORDS

QUESTION, QUESTION_ANSWER, PASSAGE = "question", "question_answer", "passage"
# an answer that names a choice, and says nothing beside a text
_LETTER = re.compile(r"\W*[A-Za-z]\W*")


@dataclass(frozen=True)
class Item:
    """One item of a benchmark: any of `answers` will do; there may be none."""

    benchmark: str
    item: str
    question: str | None
    answers: tuple[str, ...] = ()
    passage: str | None = None


@dataclass(frozen=True)
class Part:
    """What is looked for of an item: one entry of the index."""

    item: int  # position among the items
    part: str  # question, question_answer or passage
    text: str
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unsearched:
    """A part of an item that is never found, and why."""

    item: int
    part: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """The index, the part that each of its entries is, and what is not in it."""

    index: Index
    parts: tuple[Part, ...]
    unsearched: tuple[Unsearched, ...]


def plan_items(items: Sequence[Item], params: OverlapParams) -> Plan:
    """What is looked for of the items. An item without a passage has no part of that name."""
    known = as_tokens([item.question for item in items], params)
    words, sizes = known.words, np.diff(known.starts)
    needs_answer = (words < params.min_words) | _shared(items)
    usable = _usable(items, words, needs_answer, params)
    parts: list[Part] = []
    unsearched: list[Unsearched] = []
    for i, item in enumerate(items):
        if not sizes[i]:
            unsearched.append(Unsearched(i, QUESTION, EMPTY))
        elif not words[i]:
            unsearched.append(Unsearched(i, QUESTION, ONLY_NUMBERS))
        elif usable[i]:
            parts.append(Part(i, QUESTION_ANSWER, item.question or "", tuple(usable[i])))
        elif words[i] < params.min_words:
            unsearched.append(Unsearched(i, QUESTION, TOO_FEW_WORDS))
        else:
            parts.append(Part(i, QUESTION, item.question or ""))
    _passages(items, params, parts, unsearched)
    index = build_index([part.text for part in parts], params, [part.answers for part in parts])
    for part, is_found, is_common in zip(
        parts, index.searchable.tolist(), index.too_common.tolist(), strict=True
    ):
        if not is_found:
            unsearched.append(Unsearched(part.item, part.part, TOO_COMMON if is_common else TOO_FEW_WORDS))
    return Plan(index, tuple(parts), tuple(sorted(unsearched, key=lambda each: (each.item, each.part))))


def _shared(items: Sequence[Item]) -> npt.NDArray[np.bool_]:
    """Which items have the question of another one of their benchmark that has other answers."""
    answers = defaultdict(set)
    keys = [(item.benchmark, " ".join((item.question or "").casefold().split())) for item in items]
    for key, item in zip(keys, items, strict=True):
        if item.answers:
            answers[key].add(item.answers)
    return np.array([len(answers[key]) > 1 for key in keys], np.bool_)


def _usable(
    items: Sequence[Item], words: npt.NDArray[np.float64], needs: npt.NDArray[np.bool_], params: OverlapParams
) -> list[list[str]]:
    """Of each item that needs one: its answers that say enough together with the question."""
    usable: list[list[str]] = [[] for _ in items]
    whose = [
        (i, answer)
        for i in np.flatnonzero(needs).tolist()
        for answer in items[i].answers
        if not _LETTER.fullmatch(answer)
    ]
    worths = as_tokens([answer for _, answer in whose], params).first(params.answer_tokens).evidence() / WORD
    for (i, answer), worth in zip(whose, worths.tolist(), strict=True):
        if worth and words[i] + worth >= params.answer_min_words:
            usable[i].append(answer)
    return usable


def _passages(
    items: Sequence[Item], params: OverlapParams, parts: list[Part], unsearched: list[Unsearched]
) -> None:
    """Append each passage of a benchmark under the first item that has it."""
    first = {
        (item.benchmark, item.passage): i
        for i, item in reversed(list(enumerate(items)))
        if item.passage is not None
    }
    whose = sorted(first.items(), key=lambda pair: pair[1])
    known = as_tokens([passage for (_, passage), _ in whose], params)
    for ((_, passage), i), words, size in zip(
        whose, known.words.tolist(), np.diff(known.starts).tolist(), strict=True
    ):
        if words >= params.min_words:
            parts.append(Part(i, PASSAGE, passage or ""))
        else:
            unsearched.append(
                Unsearched(i, PASSAGE, EMPTY if not size else ONLY_NUMBERS if not words else TOO_FEW_WORDS)
            )
