"""Routes: the first whose languages and domains match a document decides."""

from __future__ import annotations

from collections.abc import Sequence

from jobs.core.config import Strict

ANY = ["any"]


class Matches(Strict):
    """Which documents a route is for (`any` matches all)."""

    lang: list[str]
    domain: list[str]


def lead_somewhere(routes: Sequence[Matches]) -> None:
    """Raises ValueError unless the last route takes every document."""
    if not routes or routes[-1].lang != ANY or routes[-1].domain != ANY:
        raise ValueError("the last route must be lang: [any], domain: [any], so that every document is judged")
