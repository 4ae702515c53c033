"""Main content by one engine: a page's characters in, text out.

Packages are imported when an engine is first asked. No engine has a limit of time, whose result would
depend on the load of the machine; `gristmill.udfs.html.nodes` has counted the page before.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

Engine = Callable[[str], str]
_INLINE = frozenset(
    "a b i u s em strong small big tt code font span sub sup img q cite mark time abbr".split()
)
_PACKAGES = {"readability": "readability-lxml"}


def resiliparse(html: str) -> str:
    """The main content by resiliparse's rules; lists, tables and `pre` keep their lines."""
    from resiliparse.extract.html2text import extract_plain_text
    from resiliparse.parse.html import HTMLTree

    return extract_plain_text(
        HTMLTree.parse(html),
        preserve_formatting=True,
        main_content=True,
        list_bullets=False,
        alt_texts=False,
        links=False,
        form_fields=False,
        noscript=False,
    )


def trafilatura(html: str) -> str:
    """The main content by trafilatura, with its two fallbacks; tables with bars, comments of readers kept."""
    import trafilatura as package

    # its duplicates are those of the process, so that a text would depend on the pages before
    return package.extract(html, deduplicate=False, with_metadata=False, include_comments=True) or ""


def readability(html: str) -> str:
    """The one element that readability takes for the article, as text; empty where it finds none."""
    from lxml.html import fromstring
    from readability import Document

    # its messages are about each page, for who reads one
    logging.getLogger("readability.readability").setLevel(logging.CRITICAL)
    try:
        article = fromstring(Document(html).summary(html_partial=True))
    except Exception:  # of many kinds, none of them documented
        return ""
    return _lines(article)


def _lines(article: Any) -> str:
    """The text of an lxml tree, a line for each piece that a block element parts from others."""
    parts: list[str] = []
    # iterwalk does not recur
    from lxml.etree import iterwalk

    for event, element in iterwalk(article, events=("start", "end")):
        is_block = isinstance(element.tag, str) and element.tag not in _INLINE
        parts.append("\n" if is_block else "")
        parts.append((element.text if event == "start" else element.tail) or "")
    return "".join(parts)


ENGINES: dict[str, Engine] = {"resiliparse": resiliparse, "trafilatura": trafilatura}


@functools.cache
def name_of(engine: str) -> str:
    """An engine with the version of its package, `resiliparse 2.0.1`."""
    return f"{engine} {version(_PACKAGES.get(engine, engine))}"
