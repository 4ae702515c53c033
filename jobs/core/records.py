"""Rows on the driver as plain Python values."""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeAlias

Record = dict[str, Any]  # a row: column -> value
Records = list[Record]
# a value as JSON has it
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def naive(at: dt.datetime) -> dt.datetime:
    """Local time without its zone, as `collect` gives timestamps."""
    return at.astimezone().replace(tzinfo=None)
