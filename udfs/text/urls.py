"""What counts as the address of a document: a URL with a host. One rule for whoever takes a URL for an
address (ids, same_url).

People and programs write much into a URL column that names no page: `n/a`, `-`, `None`, a path, a mail
address, `about:blank`. Two documents that share such a word are not one document.
"""

from __future__ import annotations

import re

# One regular expression for Python and for Java (Spark SQL). _X: a letter or digit of any script, as all but
# ASCII signs and spaces.
_X = r"[^\x00-/:-@\[-`{-\x7f]"
_LETTER = r"[^\x00-@\[-`{-\x7f]"
_END = r"(?:[:/?#]|$)"
# Schemes that lead to no host, and hosts that are no machine in particular: this one, or what programs write
# when they know none.
_NO_SCHEME = r"(?!(?:file|data|javascript|mailto|about|blob|tel):)"
_NO_HOST = rf"(?!(?:localhost|undefined|null|none|nan|n|127\.[0-9.]+|0\.0\.0\.0|\[::1?\]){_END})"
_HOST = rf"(?:{_X}[^\s/?#:@\\<>\"]*|\[[0-9a-f:.]*:[0-9a-f:.]*\])(?::[0-9]*)?(?:[/?#]|$)"
# With `//` any host is one; without it only a name that ends like a domain, before a path or behind `www.`:
# `index.html` is a file.
_BARE = (
    rf"(?:www\.(?:{_X}[^\s./?#:@\\<>\"]*\.)+{_LETTER}{{2,}}{_END}"
    rf"|(?:{_X}[^\s./?#:@\\<>\"]*\.)+(?:{_LETTER}{{2,}}"
    r"|xn--[0-9a-z-]+)(?::[0-9]+)?/)"
)
ADDRESS = rf"(?i)^{_NO_SCHEME}(?:(?:[a-z][a-z0-9+.-]*:)?//(?:[^\s/?#@]*@)?{_NO_HOST}{_HOST}|{_BARE})"
# The common case, which costs a tenth: an address beyond doubt, with nothing around it that would be taken
# off (RE2 reads it too).
PLAIN = r"(?s)^https?://[a-z][a-z0-9-]*\.[a-z0-9.-]*[/?#](?:.*[!-~])?$"
_has_host = re.compile(ADDRESS).match
_is_plain = re.compile(r"https?://[a-z][a-z0-9-]*\.[a-z0-9.-]*[/?#]").match


def address_of(url: str) -> str | None:
    """A URL without the white space and the angle brackets around it (WARC 1.0 wrote `<http://...>`);
    None when it has no host."""
    url = url.strip()
    if url.startswith("<") and url.endswith(">"):
        url = url[1:-1].strip()
    return url if _is_plain(url) or _has_host(url) else None
