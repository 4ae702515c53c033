"""Credentials: refused in recipes and addresses, and masked in what is printed.

Recipes are kept in `runs`, and a session's settings stand on the command line of its JVM, which every user of
the machine can list. So credentials come from the environment (or the machine's role), and from nowhere else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

# Spark's own rule for what its pages and logs mask (spark.redaction.regex), and the keys of ABFS and JDBC.
_NAME = (
    r"secret|passw(?:or)?d|[._]pwd|token(?!iz|s)|(?:access|account|api|private)[._-]?key|[.]sas[.]"
    r"|credential(?!s[.]?provider)"
)
NAME = re.compile(_NAME, re.IGNORECASE)
# SCHEME://USER:PASSWORD@HOST. A host and a port (hdfs://nn:8020/a@b) and ABFS's CONTAINER@ACCOUNT are none.
_USERINFO = re.compile(r"(\b[A-Za-z][\w+.-]*://)[^/?#\s:@]*:(?!\d+(?:[/?#]|$))[^@\s]*@")
# password=..., as JDBC addresses and connection strings have it
_ASSIGNED = re.compile(
    rf"([\w.]*(?:{_NAME})[\w.]*[\"']?\s*[=:]\s*[\"']?)(?!\*\*\*)[^\s\"',;&}}]+", re.IGNORECASE
)
MASK = "***"
# A shorter value of an environment variable is rather a word that messages contain anyway.
MIN_LENGTH = 8


def has_userinfo(text: str) -> bool:
    """Whether a URL in `text` carries a user's name and password."""
    return _USERINFO.search(text) is not None


def masked(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """`text` for people and logs: without passwords in URLs, values of names such as `password`, and values
    of such environment variables."""
    text = _ASSIGNED.sub(rf"\g<1>{MASK}", _USERINFO.sub(rf"\g<1>{MASK}@", text))
    for name, value in environ.items():
        if len(value) >= MIN_LENGTH and NAME.search(name):
            for spelling in {value, quote(value, safe="")}:
                text = text.replace(spelling, MASK)
    return text


def found(value: object, place: str, is_settings: bool = False) -> Iterator[str]:
    """The places in the content of a recipe that hold a credential; `is_settings`: whether the names of its
    keys tell, too (parameters of jobs have tokens that are none)."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            if is_settings and isinstance(each, str) and each and NAME.search(str(key)):
                yield f"{place}.{key}"
            else:
                yield from found(each, f"{place}.{key}", is_settings)
    elif isinstance(value, list | tuple):
        for i, each in enumerate(value):
            yield from found(each, f"{place}[{i}]", is_settings)
    elif isinstance(value, str) and (has_userinfo(value) or (is_settings and _ASSIGNED.search(value))):
        yield place
