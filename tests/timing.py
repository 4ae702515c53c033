"""Whether time grows with the input alone, told on a machine that others use too."""

from __future__ import annotations

from collections.abc import Callable


def grows_linearly(seconds: Callable[[int], float], n: int, tries: int = 6) -> bool:
    """Whether input of 4 `n` takes at most nine times the processor seconds of `n`, in one of some tries: a square takes sixteen."""
    return any(seconds(4 * n) < 9 * max(seconds(n), 0.005) for _ in range(tries))
