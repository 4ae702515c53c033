"""From benchmark items to the parts of them that are searched in documents, and the reasons of those that are
not.

An item is searched by its question where that has enough evidence. A question with too little, or that
several items with different answers share (`Which of these is true?`), is searched together with its answer.
A passage is searched by itself, once a benchmark, under the first item that has it. Every part that cannot be
searched has a reason (gristmill.udfs.reasons).

    question                        answers       part
    Natalia sold clips to 48 ...    72            question
    What is 17 times 24?            408           question_answer
    2 + 2 = ?                       4             none: only_numbers
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
# an answer that is the letter of a choice (B, (c)): it would match any text
_LETTER = re.compile(r"\W*[A-Za-z]\W*")


@dataclass(frozen=True)
class Item:
    """One item of a benchmark; each of `answers` is correct, and there may be none."""

    benchmark: str
    item: str
    question: str | None
    answers: tuple[str, ...] = ()
    passage: str | None = None


@dataclass(frozen=True)
class Part:
    """A part of an item that is searched: one entry of the index."""

    item: int  # position among the items
    part: str  # question, question_answer or passage
    text: str
    answers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unsearched:
    """A part of an item that is never searched, and the reason."""

    item: int
    part: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """The index, the part behind each of its entries, and the parts that are not in it."""

    index: Index
    parts: tuple[Part, ...]
    unsearched: tuple[Unsearched, ...]


def plan_items(items: Sequence[Item], params: OverlapParams) -> Plan:
    """The parts of the items to search, and those not searched, by item and part.

    An item without a passage has no such part; an item with a question is in exactly one of the two lists
    with it.
    """
    tokens = as_tokens([item.question for item in items], params)
    words, sizes = tokens.words, np.diff(tokens.starts)
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
    # Only the index knows which parts have no seed that is rare enough.
    index = build_index([part.text for part in parts], params, [part.answers for part in parts])
    for part, is_found, is_common in zip(
        parts, index.searchable.tolist(), index.too_common.tolist(), strict=True
    ):
        if not is_found:
            unsearched.append(Unsearched(part.item, part.part, TOO_COMMON if is_common else TOO_FEW_WORDS))
    return Plan(index, tuple(parts), tuple(sorted(unsearched, key=lambda each: (each.item, each.part))))


def _shared(items: Sequence[Item]) -> npt.NDArray[np.bool_]:
    """Whether each item has the question of another item of its benchmark that has different answers."""
    # Compared by case and white space only: a question that differs more is another question.
    answers = defaultdict(set)
    keys = [(item.benchmark, " ".join((item.question or "").casefold().split())) for item in items]
    for key, item in zip(keys, items, strict=True):
        if item.answers:
            answers[key].add(item.answers)
    return np.array([len(answers[key]) > 1 for key in keys], np.bool_)


def _usable(
    items: Sequence[Item], words: npt.NDArray[np.float64], needs: npt.NDArray[np.bool_], params: OverlapParams
) -> list[list[str]]:
    """For each item that needs an answer: its answers with enough evidence together with the question."""
    usable: list[list[str]] = [[] for _ in items]
    owners = [
        (i, answer)
        for i in np.flatnonzero(needs).tolist()
        for answer in items[i].answers
        if not _LETTER.fullmatch(answer)
    ]
    # Only the first tokens of a long answer are searched, so only they are evidence.
    worths = as_tokens([answer for _, answer in owners], params).first(params.answer_tokens).evidence() / WORD
    for (i, answer), worth in zip(owners, worths.tolist(), strict=True):
        if worth and words[i] + worth >= params.answer_min_words:
            usable[i].append(answer)
    return usable


def _passages(
    items: Sequence[Item], params: OverlapParams, parts: list[Part], unsearched: list[Unsearched]
) -> None:
    """Append each distinct passage of a benchmark, under the first item that has it, to `parts` or
    `unsearched`."""
    # Reversed, so that the first item of a passage overwrites the later ones.
    first = {
        (item.benchmark, item.passage): i
        for i, item in reversed(list(enumerate(items)))
        if item.passage is not None
    }
    owners = sorted(first.items(), key=lambda pair: pair[1])
    tokens = as_tokens([passage for (_, passage), _ in owners], params)
    for ((_, passage), i), words, size in zip(
        owners, tokens.words.tolist(), np.diff(tokens.starts).tolist(), strict=True
    ):
        if words >= params.min_words:
            parts.append(Part(i, PASSAGE, passage or ""))
        else:
            unsearched.append(
                Unsearched(i, PASSAGE, EMPTY if not size else ONLY_NUMBERS if not words else TOO_FEW_WORDS)
            )
