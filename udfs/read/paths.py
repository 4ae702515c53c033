"""The path to a mapped column: by its name, or step by step into objects (`meta.url`), maps, and strings
that hold a JSON object."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from gristmill.udfs import reasons
from gristmill.udfs.read import json_lines
from gristmill.udfs.read.values import MISSING, Reject, kind_of


def find_value(record: Mapping[str, Any], name: str) -> Any:
    """The value of a column, or MISSING; `a.b` is the column of that name, else `b` inside the object `a`.

    {"meta": {"url": "a.b"}}, "meta.url"    -> "a.b"
    {"meta": '{"url": "a.b"}'}, "meta.url"  -> "a.b"
    {"meta": {}}, "meta.url"                -> MISSING

    Raises Reject (`inside`).
    """
    # The full name wins over the path: a flat record may have a key that contains a dot.
    if name in record or "." not in name:
        return record.get(name, MISSING)
    first, *steps = name.split(".")
    return inside(record[first], steps) if first in record else MISSING


def inside(value: Any, steps: Sequence[str]) -> Any:
    """The value at the end of `steps`, or MISSING.

    Raises Reject for a string whose JSON has a key twice or nests too deep.
    """
    for step in steps:
        value = _as_object(value)
        if not isinstance(value, Mapping) or step not in value:
            return MISSING
        value = value[step]
    return value


def why_missing(record: Mapping[str, Any], name: str) -> str | None:
    """What the first object of a path is or holds, for a message. None when the record lacks it."""
    first = name.split(".")[0]
    if first == name or record.get(first) is None:
        return None
    try:
        value = _as_object(record[first])
    except Reject as bad:
        return f"{first}: {bad.reason}"
    return (
        f"{first} holds {', '.join(map(str, list(value)[:8])) or 'nothing'}"
        if isinstance(value, Mapping)
        else f"{first} is {kind_of(value)}"
    )


def _as_object(value: Any) -> Any:
    """A JSON string as the object that it holds, an Arrow map (a list of pairs) as a dict, anything else
    as it is."""
    # Only a string that begins as an object is parsed: most strings are not, and parsing is dear.
    if type(value) is str and value.lstrip()[:1] == "{":
        return _parsed(value)
    if type(value) is list and value and all(type(pair) is tuple and len(pair) == 2 for pair in value):
        return dict(value)
    return value


@functools.lru_cache(maxsize=4)  # several fields may lie in one string
def _parsed(text: str) -> Any:
    try:
        return json_lines.parse(text)
    except Reject as bad:
        # An ambiguous object is an error of the row; a string that is no JSON is simply a string.
        if bad.reason in (reasons.DUPLICATE_KEY, reasons.NESTED_TOO_DEEP):
            raise
        return text
