"""Two ways of training compared on the same held-out texts: what each measures before and after, and how far apart they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from synth_worker.errors import RecipeError
from synth_worker.pairs import FEW, Pair, choose, interval


def split(pairs: Sequence[Pair], n: int, held: int, seed: int) -> tuple[list[Pair], list[Pair]]:
    """`n` pairs to train on and `held` to measure on, by a seeded hash, one pair a question; no question is in both.

    Raises RecipeError when there are too few questions.
    """
    one = {pair.question: pair for pair in reversed(choose(pairs, None, seed))}  # the first in the seeded order stays
    chosen = choose(one.values(), None, seed)
    if len(chosen) < n + held:
        raise RecipeError(f"{len(chosen)} questions, wanted {n} to train on and {held} held out; name more pairs, or lower --n or --held")
    return chosen[held : held + n], chosen[:held]


def compared(treated: Sequence[Sequence[float]], control: Sequence[Sequence[float]], names: Sequence[str], seed: int) -> dict[str, Any]:
    """Mean of `treated` less `control`, text by text, each the mean of its seeds (a row a seed, a column a text); its bootstrap interval over texts.

    The interval knows only the chance of the texts. That of the weights and of the draw is seen in `seeds`, the same mean for every seed on its
    own, and where these do not agree on the sign nothing is said.
    """
    apart = np.asarray(treated, np.float64) - np.asarray(control, np.float64)
    low, high = interval(list(apart.mean(axis=0)), list(names), seed)
    return {
        "n": len(names), "mean": round(float(apart.mean()), 4), "mean_95": [round(low, 4), round(high, 4)],
        "seeds": [round(float(row.mean()), 4) for row in apart], "says": said(low, high, len(names), [float(row.mean()) for row in apart]),
    }  # fmt: skip


def said(low: float, high: float, n: int, seeds: Sequence[float]) -> str:
    """What an interval of a difference, and its seeds, say in words."""
    if n < FEW:
        return f"too few to say: fewer than {FEW} texts"
    if low <= 0 <= high:
        return "within noise: the interval holds 0"
    if min(seeds) <= 0 <= max(seeds):
        return "within noise: the seeds do not agree"
    told = "one seed only" if len(seeds) == 1 else f"{len(seeds)} seeds from {min(seeds):+.3f} to {max(seeds):+.3f}"
    return f"{'above' if low > 0 else 'below'} noise over texts; {told}"
