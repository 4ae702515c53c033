"""Values of a record as the readers pass them on: numbers as they were written, and strings that are not
text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# a column that the record does not have, as opposed to one that is null
MISSING = object()


class Reject(Exception):
    """A row that is left out; `reason` is a key of gristmill.udfs.reasons.READ, `detail` names the
    column and its value."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


class Number(str):
    """A number as JSON wrote it.

    Never converted: an id of 25 digits keeps them all, 1e999 in a column that is not mapped does no harm.
    """

    __slots__ = ()


class NotFinite(str):
    """NaN, Infinity or -Infinity: no JSON, but what pandas and others write for a missing number."""

    __slots__ = ()


class Undecodable(bytes):
    """The bytes of a string column that are not UTF-8."""


def kind_of(value: Any) -> str:
    """What a value is, in words for a message."""
    if isinstance(value, NotFinite):
        return f"{value}"
    # Before numbers: in Python True is an int.
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, Number | int | float):
        return "a number"
    if isinstance(value, str):
        return "text that is no JSON object"
    return (
        "an object"
        if isinstance(value, Mapping)
        else "a list"
        if isinstance(value, list | tuple)
        else f"a value of type {type(value).__name__}"
    )
