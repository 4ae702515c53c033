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
    """Raises ValueError unless the last route takes every document and each takes some that none before it takes."""
    if not routes or routes[-1].lang != ANY or routes[-1].domain != ANY:
        raise ValueError("the last route must be lang: [any], domain: [any], so that every document is judged")
    for i, route in enumerate(routes):
        for j, earlier in enumerate(routes[:i]):
            if _takes_all_of(earlier.lang, route.lang) and _takes_all_of(earlier.domain, route.domain):
                raise ValueError(
                    f"route {i + 1} (lang {route.lang}, domain {route.domain}) takes nothing: route {j + 1} stands "
                    "before it and takes all of its documents; put the narrower route first"
                )


def _takes_all_of(earlier: list[str], later: list[str]) -> bool:
    return earlier == ANY or (later != ANY and set(later) <= set(earlier))
