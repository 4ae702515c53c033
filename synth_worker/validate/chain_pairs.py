"""Pairs of a right and a wrong chain of thought, and what their losses say. No model here, only counting."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

# of the longer one: lengths that count as equal
WITHIN = 0.1
RESAMPLES = 10_000
# with fewer questions than this an interval says nothing
FEW = 10
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
    """Of one chain: nats per token over question and chain (CCI4.0: the exponential of this), over the chain,
    and at its first own token.

    `divergence` is None where one chain of the pair is the beginning of the other.
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
        """Loss of the wrong one less loss of the correct one, nats per token; above 0 the correct one is
        the likelier."""
        right, wrong = getattr(self.correct, measure), getattr(self.wrong, measure)
        return None if right is None or wrong is None else wrong - right


def seeded(seed: int, name: str) -> bytes:
    """What things are put in a seeded order by: it depends on nothing but the seed and the name."""
    return hashlib.blake2b(f"{seed}|{name}".encode(), digest_size=16).digest()


def choose(pairs: Iterable[Pair], n: int | None, seed: int) -> list[Pair]:
    """`n` pairs (None: all) by a seeded hash of their ids, whatever their order."""

    def key(pair: Pair) -> tuple[bytes, str, str, str]:
        return seeded(seed, pair.id), pair.id, pair.correct, pair.wrong

    return sorted(pairs, key=key)[:n]


def tidy(chain: str) -> str:
    """The chain with plain line breaks and no blanks at the ends of lines: what differs there tells who
    wrote it, not what is wrong."""
    return "\n".join(line.rstrip() for line in chain.splitlines()).strip()


def first_divergence(one: Sequence[int], other: Sequence[int]) -> int | None:
    """Position of the first token in which the two differ; None when one begins the other, or they are
    the same."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), None)


def is_length_matched(one: int, other: int, within: float = WITHIN) -> bool:
    """Whether two lengths differ by `within` of the longer at most."""
    return abs(one - other) <= within * max(one, other)


def as_losses(losses: Sequence[float], n_cot: int, fork: int | None) -> Losses:
    """From the loss of each scored token of question and chain, whose last `n_cot` are the chain's;
    `fork`: see first_divergence."""
    whole = np.asarray(losses, np.float64)
    chain = whole[len(whole) - n_cot :]
    return Losses(
        n_cot, float(whole.mean()), float(chain.mean()), None if fork is None else float(chain[fork])
    )


def interval(
    values: Sequence[float], groups: Sequence[str], seed: int, times: int = RESAMPLES
) -> tuple[float, float]:
    """Bootstrap 95 % interval of the mean of `values`.

    Whole groups are drawn: pairs of one question are not independent of each other.
    """
    names = sorted(set(groups))
    place = {name: i for i, name in enumerate(names)}
    where = np.array([place[group] for group in groups])
    sums, sizes = (
        np.bincount(where, weights=values, minlength=len(names)),
        np.bincount(where, minlength=len(names)),
    )
    drawn = np.random.default_rng(seed).integers(0, len(names), (times, len(names)))
    low, high = np.percentile(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1), [2.5, 97.5])
    return float(low), float(high)


def words_for(low: float, high: float, n_questions: int) -> str:
    """What an interval of differences says."""
    if n_questions < FEW:
        return f"too few to say: fewer than {FEW} questions"
    if low > 0:
        return "the correct chains are the likelier"
    if high < 0:
        return "the wrong chains are the likelier"
    return "within noise: the interval holds 0"


def figures(scored: Sequence[Scored], measure: str, seed: int) -> dict[str, Any] | None:
    """n, the share of pairs whose correct chain is the likelier (a tie is not), mean difference in nats
    per token, their intervals; None of no pair."""
    told = [(each.difference(measure), each.pair.question) for each in scored]
    found = [(value, question) for value, question in told if value is not None]
    if not found:
        return None
    values, questions = [value for value, _ in found], [question for _, question in found]
    wins = [float(value > 0) for value in values]
    low, high = interval(values, questions, seed)
    return {
        "n": len(found),
        "questions": len(set(questions)),
        "correct_likelier": round(float(np.mean(wins)), 4),
        "correct_likelier_95": [round(each, 4) for each in interval(wins, questions, seed)],
        "mean_difference": round(float(np.mean(values)), 4),
        "mean_difference_95": [round(low, 4), round(high, 4)],
        "says": words_for(low, high, len(set(questions))),
    }


def summary(scored: Sequence[Scored], seed: int) -> dict[str, Any]:
    """Figures of every measure over all pairs, over those of matched lengths (tokens of the chains), and
    by kind."""

    def told(part: Sequence[Scored]) -> dict[str, Any]:
        return {measure: figures(part, measure, seed) for measure in MEASURES}

    matched = [each for each in scored if is_length_matched(each.correct.n_tokens, each.wrong.n_tokens)]
    kinds: Mapping[str, list[Scored]] = {
        kind: [s for s in scored if s.pair.kind == kind] for kind in sorted({s.pair.kind for s in scored})
    }
    longer = [each.wrong.n_tokens - each.correct.n_tokens for each in scored]
    return {
        "all": told(scored),
        "length_matched": told(matched),
        "by_kind": {kind: told(part) for kind, part in kinds.items()},
        "wrong_longer_tokens": round(float(np.mean(longer)), 2) if longer else None,
    }
