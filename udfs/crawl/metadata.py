"""What a page says of itself: title, date, language, and its `meta` elements."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np

from gristmill.udfs.html import names
from gristmill.udfs.html.nodes import ATTRS, ATTRS_STOP, STOP, TAG, Nodes
from gristmill.udfs.html.writing import unescape

_HTML, _META, _TITLE, _SCRIPT, _TIME, _H1 = (
    names.NUMBER[name] for name in ("html", "meta", "title", "script", "time", "h1")
)
# a page of more than this many metas, scripts or times is made by no one who wants them read
_MOST = 500
_ATTRIBUTE = re.compile(r"""([a-zA-Z_:][\w:.-]{0,50})\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)""")
# In this order. schema.org, Open Graph, Dublin Core, and what Chinese and English publishing systems write.
_DATES = (
    "article:published_time", "og:published_time", "datepublished", "pubdate", "publishdate", "publish_date",
    "publish-date", "parsely-pub-date",
    "sailthru.date", "dc.date.issued", "dcterms.issued", "dc.date", "dcterms.date",
    "dc.date.created", "dcterms.created", "article.published", "citation_publication_date", "og:release_date",
    "weibo:article:create_at", "apub:time", "date",
)  # fmt: skip
_TITLES = ("og:title", "twitter:title", "dc.title", "dcterms.title", "citation_title")
_DAY = re.compile(
    r"(?<!\d)((?:19|20)\d\d)[-/.年](\d{1,2})[-/.月](\d{1,2})(?!\d)"
    r"|(?<!\d)((?:19|20)\d\d)(\d\d)(\d\d)(?=$|\D|\d{6}$)"
)
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z0-9]{2,8}){0,3}")


@dataclass(frozen=True)
class Metadata:
    """Of a page: `date` of publication as YYYY-MM-DD, `lang` as BCP 47 as it was written; each None if
    unknown.

    `metas`: lower-case names (of `name`, `property`, `itemprop` or `http-equiv`) -> contents in their order.
    """

    title: str | None
    date: str | None
    lang: str | None
    metas: Mapping[str, tuple[str, ...]]


def read_metadata(nodes: Nodes) -> Metadata:
    """The metadata of a page; what does not have the form of its kind is left out."""
    raw = nodes.data.tobytes()
    metas: dict[str, tuple[str, ...]] = {}
    for values in _attributes(raw, nodes, _META):
        for key in ("name", "property", "itemprop", "http-equiv"):
            if (name := values.get(key, "").lower()) and "content" in values:
                metas[name] = (*metas.get(name, ()), values["content"])
    title = next((text for text in _inners(raw, nodes, _TITLE)), None)
    title = next((metas[name][0] for name in _TITLES if metas.get(name, ("",))[0].strip()), title)
    lang = next(
        (values.get("lang") or values.get("xml:lang") for values in _attributes(raw, nodes, _HTML)), None
    )
    return Metadata(
        _clean(title),
        _date(raw, nodes, metas),
        lang.strip() if lang and _LANGUAGE.fullmatch(lang.strip()) else None,
        metas,
    )


def _clean(title: str | None) -> str | None:
    return " ".join(unescape(title).split()) or None if title else None


def _date(raw: bytes, nodes: Nodes, metas: Mapping[str, tuple[str, ...]]) -> str | None:
    """The first day of: metas, JSON-LD's datePublished, `time` elements with a `datetime`."""
    for name in _DATES:
        for content in metas.get(name, ()):
            if found := day_of(content):
                return found
    for script in _inners(raw, nodes, _SCRIPT, b"ld+json"):
        for value in _published(script):
            if found := day_of(value):
                return found
    for values in _attributes(raw, nodes, _TIME):
        if found := day_of(values.get("datetime", "")):
            return found
    return None


def day_of(text: str) -> str | None:
    """YYYY-MM-DD of the first date in `text` whose year comes first; None if it is no day of the calendar."""
    match = _DAY.search(text[:100])
    if not match:
        return None
    year, month, day = (int(part) for part in match.groups() if part)
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None


def _published(script: str) -> Iterator[str]:
    try:
        value = json.loads(script, strict=False)
    except (ValueError, RecursionError):
        return
    waiting, looked = [value], 0
    # of a graph the page itself comes first; no recursion, since a page may nest what it likes
    while waiting and looked < 10 * _MOST:
        each: Any = waiting.pop(0)
        looked += 1
        if isinstance(each, dict):
            if isinstance(found := each.get("datePublished"), str):
                yield found
            waiting += [inner for inner in each.values() if isinstance(inner, dict | list)]
        elif isinstance(each, list):
            waiting += each[:_MOST]


def _rows(nodes: Nodes, tag: int) -> list[int]:
    return [int(row) for row in np.flatnonzero(nodes.elements[:, TAG] == tag)[:_MOST]]


def _attributes(raw: bytes, nodes: Nodes, tag: int) -> Iterator[dict[str, str]]:
    """The attributes of each element of a name, the first of equal ones."""
    for row in _rows(nodes, tag):
        text = raw[nodes.elements[row, ATTRS] : nodes.elements[row, ATTRS_STOP]].decode("utf-8", "replace")
        found: dict[str, str] = {}
        for match in _ATTRIBUTE.finditer(text):
            found.setdefault(match[1].lower(), unescape(match[2].strip("\"'")))
        yield found


def _inners(raw: bytes, nodes: Nodes, tag: int, kind: bytes = b"") -> Iterator[str]:
    """What stands in each element of a name whose attributes hold `kind`."""
    for row in _rows(nodes, tag):
        _, attrs_stop, stop = (
            nodes.elements[row, ATTRS],
            nodes.elements[row, ATTRS_STOP],
            nodes.elements[row, STOP],
        )
        if kind in raw[nodes.elements[row, ATTRS] : attrs_stop]:
            yield raw[attrs_stop + 1 : stop].decode("utf-8", "replace")
