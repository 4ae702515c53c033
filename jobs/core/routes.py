"""Labels and routes: the first route whose languages and domains match a document decides."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from gristmill.jobs.core.config import Strict

if TYPE_CHECKING:
    from pyspark.sql import Column

ANY = ["any"]
_WIDE = "".join(map(chr, range(0xFF01, 0xFF5F))) + "\u3000"
_NARROW = "".join(map(chr, range(0x21, 0x7F))) + " "


def folded(label: str) -> str:
    """A label as labels are compared: full width narrowed, trimmed, in lower case: `Web ` is `web`."""
    return label.translate(str.maketrans(_WIDE, _NARROW)).strip().lower()


def folded_column(labels: Column) -> Column:
    """The same for a column."""
    from pyspark.sql import functions as F

    return F.lower(F.regexp_replace(F.translate(labels, _WIDE, _NARROW), r"(?U)^\s+|\s+$", ""))


Label = Annotated[str, AfterValidator(folded)]
"""A language or domain that a recipe names."""


class Matches(Strict):
    """Which documents a route is for (`any` matches all)."""

    lang: list[Label]
    domain: list[Label]


def require_default_route(routes: Sequence[Matches]) -> None:
    """Raises ValueError unless the last route takes every document and each takes some that none before
    it takes."""
    if not routes or routes[-1].lang != ANY or routes[-1].domain != ANY:
        raise ValueError(
            "the last route must be lang: [any], domain: [any], so that every document is judged"
        )
    for i, route in enumerate(routes):
        for j, earlier in enumerate(routes[:i]):
            if _takes_all_of(earlier.lang, route.lang) and _takes_all_of(earlier.domain, route.domain):
                raise ValueError(
                    f"route {i + 1} (lang {route.lang}, domain {route.domain}) takes nothing: route "
                    f"{j + 1} stands "
                    "before it and takes all of its documents; put the narrower route first"
                )


def _takes_all_of(earlier: list[str], later: list[str]) -> bool:
    return earlier == ANY or (later != ANY and set(later) <= set(earlier))


def log_unnamed(job: str, found: Iterable[tuple[str, int]]) -> None:
    """A line on standard error about domains (and their documents) that no route names: a slip, or meant."""
    listed = ", ".join(f"{domain} ({n:,} documents)" for domain, n in sorted(found))
    if listed:
        said = f"{job}: domains that no route names go by the routes for any: {listed}"
        print(said, file=sys.stderr, flush=True)
