"""Which URLs are addresses of documents: those with a host. One rule for ids, `docs.url` and `same_url`.

Columns of URLs also have values that are no address of a page: `n/a`, `-`, `None`, a path, a mail address,
`about:blank`. Two documents with the same such value are not copies of each other.
"""

from __future__ import annotations

import re

# One regular expression for Python and for Java (Spark SQL). _X: a
# letter or digit of any script, as all but ASCII signs and spaces.
_X = r"[^\x00-/:-@\[-`{-\x7f]"
_LETTER = r"[^\x00-@\[-`{-\x7f]"
_END = r"(?:[:/?#]|$)"
# Schemes without a host, and hosts that are no address of a document: the
# local machine, and placeholders that programs write for a missing host.
_NO_SCHEME = r"(?!(?:file|data|javascript|mailto|about|blob|tel):)"
_NO_HOST = rf"(?!(?:localhost|undefined|null|none|nan|n|127\.[0-9.]+|0\.0\.0\.0|\[::1?\]){_END})"
_HOST = rf"(?:{_X}[^\s/?#:@\\<>\"]*|\[[0-9a-f:.]*:[0-9a-f:.]*\])(?::[0-9]*)?(?:[/?#]|$)"
# Behind `//` any name is a host. Without `//` only a name that ends
# like a domain, before a path or behind `www.`: `index.html` is a file.
_BARE = (
    rf"(?:www\.(?:{_X}[^\s./?#:@\\<>\"]*\.)+{_LETTER}{{2,}}{_END}"
    rf"|(?:{_X}[^\s./?#:@\\<>\"]*\.)+(?:{_LETTER}{{2,}}"
    r"|xn--[0-9a-z-]+)(?::[0-9]+)?/)"
)
ADDRESS = rf"(?i)^{_NO_SCHEME}(?:(?:[a-z][a-z0-9+.-]*:)?//(?:[^\s/?#@]*@)?{_NO_HOST}{_HOST}|{_BARE})"
# The common case, for a tenth of the time: certainly an address, without white
# space or brackets around it to remove. Also valid in RE2, Arrow's engine.
PLAIN = r"(?s)^https?://[a-z][a-z0-9-]*\.[a-z0-9.-]*[/?#](?:.*[!-~])?$"
_has_host = re.compile(ADDRESS).match
_is_plain = re.compile(r"https?://[a-z][a-z0-9-]*\.[a-z0-9.-]*[/?#]").match


def without_brackets(url: str) -> str:
    """A URL without the angle brackets that WARC 1.0 writes around it."""
    return url[1:-1].strip() if url.startswith("<") and url.endswith(">") else url


def address_of(url: str) -> str | None:
    """The URL without white space and angle brackets around it; None when it has no host.

    " <http://example.org/a> "  ->  "http://example.org/a";   "n/a"  ->  None
    """
    url = without_brackets(url.strip())
    return url if _is_plain(url) or _has_host(url) else None
