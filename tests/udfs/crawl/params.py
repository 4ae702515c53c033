"""The numbers of a recipe, for tests of extraction."""

from __future__ import annotations

from typing import Any

from gristmill.udfs.crawl.cascade import CascadeParams
from gristmill.udfs.crawl.extract import ExtractParams

CASCADE = {"min_probability": 0.3, "prose_words": 100, "caution": 0.5, "vote_han_share": 0.3, "doubt": 0.7}
NUMBERS: dict[str, Any] = {"max_nodes": 100_000, "max_depth": 512, "max_attributes": 1000, "max_bad_share": 0.001}


def extract_params(engine: str = "cascade", **changes: Any) -> ExtractParams:
    """Of an engine, some of the numbers changed."""
    return ExtractParams(engine=engine, cascade=CascadeParams(**CASCADE), **(NUMBERS | changes))
