"""Pairs of a right and a wrong chain of thought, and statistics of their losses. Needs no model."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# share of the longer one by which two lengths may differ and still count as matched
WITHIN = 0.1
RESAMPLES = 10_000
# with fewer questions a bootstrap interval is meaningless
MIN_QUESTIONS = 10
MEASURES = ("whole_text", "cot", "divergence")


@dataclass(frozen=True)
class Pair:
    """One question with a right and a wrong chain of thought."""

    id: str
    kind: str
    question: str
    correct: str
    wrong: str


@dataclass(frozen=True)
class Losses:
    """Losses of one chain in nats per token: over question and chain (CCI4.0 takes the exponential of it),
    over the chain, and of its first token that differs from the other chain.

    `divergence` is None where one chain of the pair is a prefix of the other.
    """

    n_tokens: int
    whole_text: float
    cot: float
    divergence: float | None


@dataclass(frozen=True)
class Scored:
    """A pair with the losses of both chains."""

    pair: Pair
    correct: Losses
    wrong: Losses

    def difference(self, measure: str) -> float | None:
        """Loss of the wrong chain less that of the correct one, nats per token; above 0 the correct one is
        likelier.
        """
        right, wrong = getattr(self.correct, measure), getattr(self.wrong, measure)
        return None if right is None or wrong is None else wrong - right


def seeded(seed: int, name: str) -> bytes:
    """The key of a seeded order: a hash of seed and name alone, so that a choice does not depend on the
    rest."""
    return hashlib.blake2b(f"{seed}|{name}".encode(), digest_size=16).digest()


def choose(pairs: Iterable[Pair], n: int | None, seed: int) -> list[Pair]:
    """`n` pairs (None: all) by a seeded hash of their ids, whatever the order of `pairs`."""
    # Ties are broken by content, since ids of others' files need not be unique.

    def key(pair: Pair) -> tuple[bytes, str, str, str]:
        return seeded(seed, pair.id), pair.id, pair.correct, pair.wrong

    return sorted(pairs, key=key)[:n]


def tidy(chain: str) -> str:
    """The chain with plain line breaks and without blanks at the ends of lines.

    Such differences show who wrote a chain, not whether it is wrong, and a model notices them.
    """
    return "\n".join(line.rstrip() for line in chain.splitlines()).strip()


def first_divergence(one: Sequence[int], other: Sequence[int]) -> int | None:
    """Position of the first token in which the two differ; None where one is a prefix of the other."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)


def is_length_matched(one: int, other: int, within: float = WITHIN) -> bool:
    """Whether two lengths differ by at most the share `within` of the longer one."""
    return abs(one - other) <= within * max(one, other)


def as_losses(losses: Sequence[float], n_cot: int, divergence: int | None) -> Losses:
    """Losses from those of each scored token of question and chain (nats), of which the last `n_cot` are the
    chain's; `divergence`: see first_divergence."""
    whole = np.asarray(losses, np.float64)
    chain = whole[len(whole) - n_cot :]
    return Losses(
        n_cot,
        float(whole.mean()),
        float(chain.mean()),
        None if divergence is None else float(chain[divergence]),
    )


def interval(
    values: Sequence[float], groups: Sequence[str], seed: int, times: int = RESAMPLES
) -> tuple[float, float]:
    """Bootstrap 95 % interval of the mean of `values`, by resampling whole groups.

    `groups`: of each value (its question or text): values of one group are not independent of each other.
    """
    # Sorted, so that the same seed resamples the same groups whatever the order of the values.
    names = sorted(set(groups))
    number = {name: i for i, name in enumerate(names)}
    group = np.array([number[name] for name in groups])
    # Sums and sizes of groups are enough for a mean, so a resample costs one addition a group.
    sums, sizes = (
        np.bincount(group, weights=values, minlength=len(names)),
        np.bincount(group, minlength=len(names)),
    )
    samples = np.random.default_rng(seed).integers(0, len(names), (times, len(names)))
    low, high = np.percentile(sums[samples].sum(axis=1) / sizes[samples].sum(axis=1), [2.5, 97.5])
    return float(low), float(high)


def words_for(low: float, high: float, n_questions: int) -> str:
    """An interval of differences in words."""
    if n_questions < MIN_QUESTIONS:
        return f"too few to say: fewer than {MIN_QUESTIONS} questions"
    if low > 0:
        return "the correct chains are the likelier"
    if high < 0:
        return "the wrong chains are the likelier"
    return "within noise: the interval holds 0"


def figures(scored: Sequence[Scored], measure: str, seed: int) -> dict[str, Any] | None:
    """Number of pairs, share of pairs whose correct chain is likelier (a tie is not), mean difference in nats
    per token, and both intervals; None where no pair has the measure."""
    differences = [(each.difference(measure), each.pair.question) for each in scored]
    comparable = [(value, question) for value, question in differences if value is not None]
    if not comparable:
        return None
    values, questions = [value for value, _ in comparable], [question for _, question in comparable]
    # A tie is no success: a model that ignores the chains must not reach one half.
    wins = [float(value > 0) for value in values]
    low, high = interval(values, questions, seed)
    return {
        "n": len(comparable),
        "questions": len(set(questions)),
        "correct_likelier": round(float(np.mean(wins)), 4),
        "correct_likelier_95": [round(each, 4) for each in interval(wins, questions, seed)],
        "mean_difference": round(float(np.mean(values)), 4),
        "mean_difference_95": [round(low, 4), round(high, 4)],
        "says": words_for(low, high, len(set(questions))),
    }


def summary(scored: Sequence[Scored], seed: int) -> dict[str, Any]:
    """Figures of every measure over all pairs, over those of matched lengths (tokens of the chains), and by
    kind.

    Matched lengths, because the loss of a whole chain depends on its length.
    """

    def figures_of(part: Sequence[Scored]) -> dict[str, Any]:
        return {measure: figures(part, measure, seed) for measure in MEASURES}

    matched = [each for each in scored if is_length_matched(each.correct.n_tokens, each.wrong.n_tokens)]
    kinds: Mapping[str, list[Scored]] = {
        kind: [s for s in scored if s.pair.kind == kind] for kind in sorted({s.pair.kind for s in scored})
    }
    # Reported because length alone may explain a difference in the likelihood of whole chains.
    longer = [each.wrong.n_tokens - each.correct.n_tokens for each in scored]
    return {
        "all": figures_of(scored),
        "length_matched": figures_of(matched),
        "by_kind": {kind: figures_of(part) for kind, part in kinds.items()},
        "wrong_longer_tokens": round(float(np.mean(longer)), 2) if longer else None,
    }
