"""What a publisher asks of those who copy a page: not to index it, not to train on it, to keep rights."""

from __future__ import annotations

import re
from collections.abc import Mapping

# Of robots directives those that matter to a corpus. `noai` and `noimageai` are DeviantArt's (2022);
# the others are of the robots meta tag as search engines read it. `none` is noindex and nofollow.
_DIRECTIVES = {
    "noindex": ("noindex",),
    "none": ("noindex",),
    "noarchive": ("noarchive",),
    "nosnippet": ("nosnippet",),
    "noai": ("noai",),
    "noimageai": ("noimageai",),
}
# `robots`, or the name of one crawler, for which the page says something of its own
_BOT = re.compile(r"[a-z][a-z0-9_.-]{0,60}")
# Names of metas that hold robots directives: all that end so, and crawlers whose names do not.
_BOTS_META = re.compile(
    r"robots|[a-z0-9_.-]*bot(?:-[a-z]+)?|slurp|ccbot|anthropic-ai|claude-web|google-extended|"
    r"applebot-extended"
)


def wishes(headers: Mapping[str, str], metas: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The wishes of a page, sorted, each once.

    `headers`: of HTTP, lower-case names. `metas`: lower-case names of `meta` elements -> their contents.
    A wish for every crawler is its directive (`noai`, `noimageai`, `noindex`, `noarchive`, `nosnippet`);
    one for a crawler that is named has the name before it (`gptbot:noindex`). `tdm-reservation` is that
    rights on text and data mining are reserved (TDM Reservation Protocol, W3C community group report,
    2024).
    """
    found: set[str] = set()
    for name, contents in metas.items():
        if _BOTS_META.fullmatch(name):
            for content in contents:
                found |= _directives(content, "" if name == "robots" else f"{name}:")
    for rule in _rules(headers.get("x-robots-tag", "")):
        found |= rule
    reserved = (*metas.get("tdm-reservation", ()), headers.get("tdm-reservation", ""))
    # a field that came more than once is joined by commas
    if any("1" in [part.strip() for part in value.split(",")] for value in reserved):
        found.add("tdm-reservation")
    return tuple(sorted(found))


def _directives(content: str, prefix: str) -> set[str]:
    words = (word.strip().lower() for word in re.split(r"[,;\s]+", content))
    return {f"{prefix}{wish}" for word in words for wish in _DIRECTIVES.get(word, ())}


def _rules(header: str) -> list[set[str]]:
    """Of X-Robots-Tag, `noai, gptbot: noindex, noarchive`: a crawler's name counts to the next one."""
    prefix = ""
    found = []
    for part in header.lower().split(","):
        name, colon, rest = part.strip().partition(":")
        # `unavailable_after: date` and `max-snippet: 20` are directives with a value
        if colon and _BOT.fullmatch(name) and not name.startswith(("max-", "unavailable_after")):
            prefix, part = f"{name}:", rest
        found.append(_directives(part, prefix))
    return found
