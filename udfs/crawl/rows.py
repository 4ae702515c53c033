"""A page of a crawl becomes one row: a document with what is known of its page, or a reject with its reason.

In this order, so that what is cheap comes first: what the reader refused, acceptance, rules on the address,
decoding and extraction, wishes of the publisher, and what holds for every document (a text, an identity).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from gristmill.udfs import reasons
from gristmill.udfs.crawl.accept import AcceptParams, why_not
from gristmill.udfs.crawl.extract import Extracted, ExtractParams, extract
from gristmill.udfs.crawl.page_formats import PAGE_FORMATS, PageParams, pages_of_unit
from gristmill.udfs.crawl.pages import Page, Refusal
from gristmill.udfs.crawl.url_rules import UrlRules
from gristmill.udfs.read.counted import RowKind
from gristmill.udfs.read.rows import ROWS, Mapper, ReadParams, Row, doc_id_of
from gristmill.udfs.read.survey import Survey
from gristmill.udfs.read.units import Format, Unit
from gristmill.udfs.read.values import Reject
from gristmill.udfs.text.urls import address_of

# Columns of a page, which the table `pages` has; null in a reject, but for fetched_at.
PAGE_COLUMNS = pa.schema(
    [
        ("title", pa.string()),
        ("published", pa.date32()),
        ("html_lang", pa.string()),
        ("charset_declared", pa.string()),
        ("charset_used", pa.string()),
        ("n_bytes_html", pa.int64()),
        ("text_ratio", pa.float64()),
        ("link_ratio", pa.float64()),
        ("extractor", pa.string()),
        ("expected_f1", pa.float64()),
        ("wishes", pa.list_(pa.string())),
        ("record_id", pa.string()),
        ("fetched_at", pa.timestamp("us", "UTC")),
        ("stored_at", pa.int64()),
        ("status", pa.int32()),
    ]
)
COLUMNS = pa.schema([*ROWS, *PAGE_COLUMNS])
_NOTHING = (None,) * len(PAGE_COLUMNS)
_FETCHED_AT = PAGE_COLUMNS.get_field_index("fetched_at")


@dataclass(frozen=True)
class CrawlParams:
    """How pages become rows; what a recipe says.

    rows     bounds of a row, and constants; a field that is mapped to a column has its own name in
             `columns` (see `columns_of`), since the reader has put it under that name into Page.fields
    honour   wishes of publishers (Extracted.wishes) for which a page is left out
    """

    rows: ReadParams
    reader: PageParams
    accept: AcceptParams
    urls: UrlRules
    extract: ExtractParams
    honour: frozenset[str]

    @property
    def batch_rows(self) -> int:
        """Rows of the largest batch."""
        return self.rows.batch_rows

    @property
    def batch_bytes(self) -> int:
        """Bytes of the largest batch that has more than one row."""
        return self.rows.batch_bytes

    def survey(self) -> Survey:
        """A fresh survey of the mapped columns."""
        return self.reader.survey()


def columns_of(mapped: Mapping[str, str | None]) -> dict[str, str | None]:
    """The columns of CrawlParams.rows for those of a recipe: constants as they are, any other one by its own
    name.

        {"source": "=cc", "license": "meta.license"}
        ->  {"url": "url", "source": "=cc", "license": "license"}
    """
    named = {ours: theirs if theirs.startswith("=") else ours for ours, theirs in mapped.items() if theirs}
    return {"url": "url", **named}


def rows_of_unit(unit: Unit, params: CrawlParams) -> Iterator[Row]:
    """The rows (COLUMNS) of one unit, in the order of its pages. Raises OSError when a file cannot be
    fetched."""
    # The reader looks for the mapped columns, and tells the unit's survey.
    mapper = Mapper(params.rows, survey=Survey(params.rows.label, {}))
    for page in pages_of_unit(unit, params.reader):
        yield row_of(page, params, mapper)


PAGES = RowKind(
    {
        name: Format(rows_of_unit, splits=how.splits, is_columnar=how.is_columnar)
        for name, how in PAGE_FORMATS.items()
    },
    COLUMNS,
)


def row_of(page: Page | Refusal, params: CrawlParams, mapper: Mapper) -> Row:
    """The row (COLUMNS) of a page, or of what the reader refused."""
    if isinstance(page, Refusal):
        beginning = _beginning(page.url, page.raw, params.rows.max_raw_bytes)
        row = mapper.reject(page.location, page.path, page.reason, beginning, _storable(page.detail))
        return _named(row, mapper, page.url) + _NOTHING
    beginning = _beginning(page.url, page.body, params.rows.max_raw_bytes)
    refused = why_not(page, params.accept) or (params.urls.why_not(page.url) if page.url else None)
    try:
        if refused is not None:
            raise Reject(*refused)
        found = _extracted(page, params.extract)
        unwanted = sorted(params.honour.intersection(found.wishes))
        if unwanted:
            raise Reject(reasons.PUBLISHER_OPTED_OUT, ", ".join(unwanted))
    except Reject as bad:
        row = mapper.reject(page.location, page.path, bad.reason, beginning, _storable(bad.detail))
        return _named(row, mapper, page.url) + _refused(page)
    row = mapper.row(page.location, page.path, _record(page, found), beginning)
    if row[_REASON] is not None:
        return _named(row, mapper, page.url) + _refused(page)
    return row + _columns_of(page, found)


def _extracted(page: Page, params: ExtractParams) -> Extracted:
    """As `extract`; what an engine stumbles over costs the page, not the task. Raises Reject."""
    try:
        return extract(page, params)
    # These are of the machine and its installation, never of the page.
    except (Reject, MemoryError, OSError, ImportError):
        raise
    except Exception as error:
        raise Reject(reasons.ENGINE_FAILED, type(error).__name__) from error


_REASON = ROWS.get_field_index("reason")
_DOC_ID = ROWS.get_field_index("doc_id")


def _record(page: Page, found: Extracted) -> Mapping[str, Any]:
    return {**page.fields, "url": page.url, "text": found.text}


def _named(row: Row, mapper: Mapper, url: str | None) -> Row:
    """A reject with the id that its page would have, where address and source tell it.

    So a page that was a document keeps its name when it is refused, and `gristmill why URL` finds it.
    """
    source, address = mapper.constants.get("source"), address_of(url) if url else None
    # A mapped key would make another id of it.
    has_key = bool(mapper.columns.get("native_key")) or "native_key" in mapper.constants
    if source is None or address is None or has_key:
        return row
    try:
        doc_id = doc_id_of(source, None, address, "")
    except UnicodeEncodeError:  # half of a surrogate pair, which no document has
        return row
    return (*row[:_DOC_ID], doc_id, *row[_DOC_ID + 1 :])


def _beginning(url: str | None, raw: bytes | str, limit: int) -> bytes:
    """The address on a line of its own, and the beginning of what stood there."""
    head = f"{url}\n".encode("utf-8", "backslashreplace") if url else b""
    return head + (raw[:limit] if isinstance(raw, bytes) else raw[:limit].encode("utf-8", "backslashreplace"))


def _refused(page: Page) -> tuple[Any, ...]:
    return (*_NOTHING[:_FETCHED_AT], moment_of(page.fetched_at), *_NOTHING[_FETCHED_AT + 1 :])


def _columns_of(page: Page, found: Extracted) -> tuple[Any, ...]:
    return (
        _storable(found.title),
        day_of(found.date),
        _storable(found.html_lang),
        _storable(found.charset_declared),
        found.charset_used,
        found.n_bytes_html,
        found.text_ratio,
        found.link_ratio,
        found.extractor,
        found.expected_f1,
        list(found.wishes),
        _storable(page.record_id),
        moment_of(page.fetched_at),
        page.stored_at,
        page.status,
    )


def _storable(value: str | None) -> str | None:
    """A string that a table can hold: no U+0000, no half of a surrogate pair; null where nothing is left."""
    if not value:
        return None
    return value.replace("\0", "").encode("utf-8", "ignore").decode() or None


def day_of(date: str | None) -> dt.date | None:
    """The day of an ISO 8601 date or time; None for anything else."""
    try:
        return dt.date.fromisoformat(date[:10]) if date else None
    except ValueError:
        return None


def moment_of(time: str | None) -> dt.datetime | None:
    """A time in ISO 8601, in UTC where it names no zone (WARC-Date); None for anything else."""
    try:
        found = dt.datetime.fromisoformat(time) if time else None
        return found and (found if found.tzinfo else found.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return None
