"""The numbers of a recipe, for tests of extraction."""

from __future__ import annotations

from typing import Any

NUMBERS: dict[str, Any] = {"engine": "cascade", "max_bytes": 8_000_000, "max_nodes": 100_000, "max_depth": 512, "max_attributes": 1000, "max_bad_share": 0.001, "vote_han_share": 0.3, "doubt": 0.5}


def extract_params(**changes: Any) -> dict[str, Any]:
    """The numbers, some of them changed."""
    return NUMBERS | changes
