"""The formats of pages: `format` of a recipe -> how its files are read.

Units are planned by gristmill.udfs.read.readers.plan_units with these formats.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from gristmill.udfs.crawl import cdx, html_files, warc_pages
from gristmill.udfs.crawl.pages import Page, PageParams, Refusal
from gristmill.udfs.read.units import Unit

__all__ = ["PAGE_FORMATS", "PageFormat", "PageParams", "pages_of_unit"]


@dataclass(frozen=True)
class PageFormat:
    """How the files of a format become pages.

    `read`: of one unit every input row once, as a page or a refusal; raises OSError only when a file cannot
    be fetched. `splits` and `is_columnar` as in gristmill.udfs.read.units.Format. `needs_base`: whether
    `PageParams.base` must be given.
    """

    read: Callable[[Unit, PageParams], Iterator[Page | Refusal]]
    splits: bool = False
    is_columnar: bool = False
    needs_base: bool = False


PAGE_FORMATS: dict[str, PageFormat] = {
    "warc": PageFormat(warc_pages.read_pages),
    "cdx": PageFormat(cdx.read_cdx, splits=True, needs_base=True),
    "cdx_parquet": PageFormat(cdx.read_cdx_parquet, splits=True, is_columnar=True, needs_base=True),
    "html": PageFormat(html_files.read_html),
    "html_jsonl": PageFormat(html_files.read_html_jsonl, splits=True),
    "html_parquet": PageFormat(html_files.read_html_parquet, splits=True, is_columnar=True),
}


def pages_of_unit(unit: Unit, params: PageParams) -> Iterator[Page | Refusal]:
    """The pages and refusals of one unit (gristmill.udfs.read.units.UNITS); it may carry a PartHash of its
    bytes (`digest`) and a Survey of its columns (`survey`)."""
    return PAGE_FORMATS[unit["format"]].read(unit, params)
