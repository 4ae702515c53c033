"""Labels and routes: the first route whose languages and domains match a document decides."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator

from gristmill.jobs.core.config import Strict, find_file, load_yaml, validate

if TYPE_CHECKING:
    from pyspark.sql import Column

ANY = ["any"]
# U+FF01 to U+FF5E are ASCII U+0021 to U+007E in full width, U+3000 is
# the full-width space. Labels of Chinese sources occur in both forms.
_WIDE = "".join(map(chr, range(0xFF01, 0xFF5F))) + "\u3000"
_NARROW = "".join(map(chr, range(0x21, 0x7F))) + " "


def folded(label: str) -> str:
    """A label in the form in which labels are compared: full-width characters narrowed, trimmed, lower case.

    `Ｗｅｂ ` -> `web`
    """
    return label.translate(str.maketrans(_WIDE, _NARROW)).strip().lower()


def folded_column(labels: Column) -> Column:
    """The same for a column."""
    from pyspark.sql import functions as F

    # (?U): \s matches all Unicode white space, as
    # str.strip does; F.trim takes only the ASCII space.
    return F.lower(F.regexp_replace(F.translate(labels, _WIDE, _NARROW), r"(?U)^\s+|\s+$", ""))


Label = Annotated[str, AfterValidator(folded)]
"""A language or domain that a recipe names."""


class Matches(Strict):
    """The documents of a route, by language and domain; `any` matches all."""

    lang: list[Label]
    domain: list[Label]


def load_presets(kind: type[Strict], values: object) -> object:
    """The values of a recipe's section, where `presets` may name files (each a `kind` with its name in
    `preset`): their content becomes part of the recipe.

    By content, not by name: a preset that is edited in place must make the job's output stale.
    """
    if not isinstance(values, dict) or not isinstance(values.get("presets"), list):
        return values
    loaded = [validate(kind, load_yaml(find_file(name)), str(name)) for name in values["presets"]]
    return {**values, "presets": {preset.preset: preset for preset in loaded}}  # type: ignore[attr-defined]


def require_presets(wanted: Iterable[str], presets: Mapping[str, object]) -> None:
    """Raises ValueError naming the presets of routes that are not loaded."""
    missing = sorted(set(wanted) - set(presets))
    if missing:
        raise ValueError(
            f"routes name presets that are not loaded: {', '.join(missing)} (loaded: {', '.join(presets)})"
        )


def takes(route: Matches) -> Column:
    """Whether a route matches the columns `lang` and `domain`."""
    from pyspark.sql import functions as F

    matches = F.lit(True)
    for name, labels in (("lang", route.lang), ("domain", route.domain)):
        if labels != ANY:
            # isin() of a null is null: coalesced, so that an unknown label matches only `any`.
            matches &= F.coalesce(F.col(name).isin(labels), F.lit(False))
    return matches


def require_default_route(routes: Sequence[Matches]) -> None:
    """Raises ValueError unless the last route matches every document and no route is covered by an earlier
    one."""
    if not routes or routes[-1].lang != ANY or routes[-1].domain != ANY:
        raise ValueError(
            "the last route must be lang: [any], domain: [any], so that every document is judged"
        )
    for i, route in enumerate(routes):
        for j, earlier in enumerate(routes[:i]):
            # One earlier route must cover both lists. A route that several earlier ones
            # cover only together is not detected: it is redundant but changes nothing.
            if _takes_all_of(earlier.lang, route.lang) and _takes_all_of(earlier.domain, route.domain):
                raise ValueError(
                    f"route {i + 1} (lang {route.lang}, domain {route.domain}) takes nothing: route "
                    f"{j + 1} stands "
                    "before it and takes all of its documents; put the narrower route first"
                )


def _takes_all_of(earlier: list[str], later: list[str]) -> bool:
    return earlier == ANY or (later != ANY and set(later) <= set(earlier))


def log_unnamed(job: str, unnamed: Iterable[tuple[str, int]]) -> None:
    """Print on standard error the domains, with their numbers of documents, that no route names.

    A warning and no error: it may be a misspelled label or intended.
    """
    listed = ", ".join(f"{domain} ({n:,} documents)" for domain, n in sorted(unnamed))
    if listed:
        message = f"{job}: domains that no route names go by the routes for any: {listed}"
        print(message, file=sys.stderr, flush=True)
