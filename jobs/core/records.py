"""Rows on the driver as plain Python values."""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeAlias

Record = dict[str, Any]  # a row: column -> value
Records = list[Record]
# a JSON value
Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"


def naive(at: dt.datetime) -> dt.datetime:
    """Local time without its zone, the form in which PySpark's `collect` returns timestamps."""
    # Rows read by delta-rs (with a zone) and by Spark (without) are compared and sorted together.
    return at.astimezone().replace(tzinfo=None)
