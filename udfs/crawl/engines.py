"""Main content by one engine: a page's characters in, text out.

Packages are imported when an engine is first asked. No engine has a limit of time, whose result would
depend on the load of the machine; `gristmill.udfs.html.nodes` has counted the page before.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from importlib.metadata import version

Engine = Callable[[str], str]


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


ENGINES: dict[str, Engine] = {"resiliparse": resiliparse, "trafilatura": trafilatura}


@functools.cache
def name_of(engine: str) -> str:
    """An engine with the version of its package, `resiliparse 2.0.1`."""
    return f"{engine} {version(engine)}"
