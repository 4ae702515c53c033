"""Rows on the driver as plain Python values."""

from __future__ import annotations

from typing import Any

Record = dict[str, Any]  # a row: column -> value
Records = list[Record]
