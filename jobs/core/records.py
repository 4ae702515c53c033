"""Rows on the driver as plain Python values."""

from __future__ import annotations

import datetime as dt
from typing import Any

Record = dict[str, Any]  # a row: column -> value
Records = list[Record]


def naive(at: dt.datetime) -> dt.datetime:
    """Local time without its zone, as `collect` gives timestamps."""
    return at.astimezone().replace(tzinfo=None)
