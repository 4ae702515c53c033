"""How tests read pages, where a test names no bounds of its own."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gristmill.udfs.crawl import pages
from gristmill.udfs.crawl.page_formats import PAGE_FORMATS, pages_of_unit
from gristmill.udfs.crawl.pages import Page, Refusal
from gristmill.udfs.read.readers import plan_units

BOUNDS = {"max_row_bytes": 1 << 25, "max_raw_bytes": 2048, "max_unpacked_bytes": 1 << 35, "max_unpack_ratio": 250.0, "max_header_bytes": 1 << 16, "max_body_bytes": 1 << 25, "max_body_ratio": 250.0}  # fmt: skip


@functools.wraps(pages.PageParams)
def params(columns: dict[str, str | None] | None = None, **changes: Any) -> pages.PageParams:
    return pages.PageParams(columns or {}, **{**BOUNDS, **changes})


def found(path: Path, format: str, how: pages.PageParams | None = None, split_bytes: int = 1 << 30) -> list[Page | Refusal]:
    """All pages and refusals of a file, whose locations differ."""
    units = plan_units([(str(path), os.path.getsize(path))], format, split_bytes, formats=PAGE_FORMATS)
    all_found = [each for unit in units.to_pylist() for each in pages_of_unit(unit, how or params())]
    assert len({each.location for each in all_found}) == len(all_found)
    return all_found


def pages_in(seen: list[Page | Refusal]) -> list[Page]:
    return [each for each in seen if isinstance(each, Page)]


def refusals_in(seen: list[Page | Refusal]) -> list[Refusal]:
    return [each for each in seen if isinstance(each, Refusal)]


def reasons_in(seen: list[Page | Refusal]) -> Iterator[str]:
    return (each.reason for each in refusals_in(seen))
