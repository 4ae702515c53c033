"""HTML that no WARC holds: a page a file, or a page a row of JSON Lines or Parquet."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

import pyarrow as pa

from gristmill.udfs import reasons
from gristmill.udfs.crawl.pages import OWN_FIELDS, Page, PageParams, Refusal
from gristmill.udfs.read.arrow_rows import STRINGS, repeated, value_at
from gristmill.udfs.read.json_shapes import parsed_rows
from gristmill.udfs.read.params import split_columns
from gristmill.udfs.read.parquet_files import Bad, row_batches
from gristmill.udfs.read.paths import find_value
from gristmill.udfs.read.rows import BATCH_BYTES, BATCH_ROWS, shown_record
from gristmill.udfs.read.survey import Survey
from gristmill.udfs.read.units import Unit, opened
from gristmill.udfs.read.values import MISSING, NotFinite, Number, Reject, kind_of
from gristmill.udfs.streams.limits import BrokenStream
from gristmill.udfs.streams.packings import HEAD, packing, promised
from gristmill.udfs.streams.streams import blocks, grown


class PageMapper:
    """Makes pages of records as `params.columns` says; `defaults` are a format's own column names."""

    def __init__(
        self, params: PageParams, defaults: Mapping[str, str] | None = None, survey: Survey | None = None
    ) -> None:
        mapped = {**(defaults or {}), **params.columns}
        self.params, self.survey = params, survey or params.survey()
        self.columns, self.constants = split_columns(mapped)

    def page(
        self, location: str, path: str, record: Mapping[str, Any], raw: str | None = None
    ) -> Page | Refusal:
        """The page of a record, or why it has none; `raw` is the row as it stood in the file."""
        try:
            if self.survey.missing or not self.survey.has_rows:
                self.survey.look(record)
            body = self.body(find_value(record, self.columns.get("html", "")))
            values = {name: self._value(record, name) for name in self.columns if name != "html"}
        except Reject as bad:
            shown = shown_record(record, self.params.max_raw_bytes) if raw is None else raw
            return self.refusal(location, path, bad.reason, shown, bad.detail)
        return self.made(location, path, body, values)

    def made(self, location: str, path: str, body: bytes, values: Mapping[str, Any]) -> Page:
        """A page with the values of its mapped columns."""
        values = {**self.constants, **values}
        content_type = values.get("content_type")
        return Page(
            location,
            path,
            body,
            values.get("url"),
            None if values.get("status") is None else int(values["status"]),
            {"content-type": content_type} if content_type else {},
            record_id=values.get("record_id"),
            fetched_at=values.get("fetched_at"),
            fields={name: value for name, value in values.items() if name not in OWN_FIELDS},
        )

    def refusal(
        self, location: str, path: str, reason: str, raw: bytes | str, detail: str | None = None
    ) -> Refusal:
        """What stands for something that is no page."""
        return Refusal(location, path, reason, raw[: self.params.max_raw_bytes], detail)

    def body(self, value: Any) -> bytes:
        """The bytes of a page: as they are, or those of a string in UTF-8. Raises Reject."""
        theirs = self.columns.get("html")
        if value is MISSING:
            raise Reject(reasons.MISSING_FIELD, f"html: no {theirs}")
        if value is None:
            raise Reject(reasons.MISSING_TEXT)
        if type(value) is str:
            try:
                value = value.encode()
            except UnicodeEncodeError:
                raise Reject(reasons.LONE_SURROGATE, f"html: {theirs}") from None
        if not isinstance(value, bytes):
            raise Reject(reasons.WRONG_TYPE, f"html: {theirs} is {kind_of(value)}")
        if len(value) > self.params.max_row_bytes:
            raise Reject(reasons.ROW_TOO_LONG)
        return value

    def _value(self, record: Mapping[str, Any], name: str) -> str | None:
        """The value of any other column as text; a blank one is none. Raises Reject."""
        value, where = find_value(record, self.columns[name]), f"{name}: {self.columns[name]}"
        if value is MISSING or value is None or isinstance(value, NotFinite):
            return None
        if isinstance(value, datetime.date):
            value = value.isoformat()
        elif isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        elif isinstance(value, bytes):
            try:
                value = value.decode()
            except UnicodeDecodeError:
                raise Reject(reasons.INVALID_ENCODING, where) from None
        if not isinstance(value, str) or (isinstance(value, Number) and not value.lstrip("-").isdigit()):
            raise Reject(reasons.WRONG_TYPE, f"{where} is {kind_of(value)}")
        return _checked(str(value), name, where)


def _checked(value: str, name: str, where: str) -> str | None:
    if "\0" in value:
        raise Reject(reasons.NUL_CHARACTER, where)
    if not value.isascii() and any("\ud800" <= sign <= "\udfff" for sign in value):
        raise Reject(reasons.LONE_SURROGATE, where)
    value = value.strip()
    if name == "status" and value and not (value.isascii() and value.isdigit() and len(value) == 3):
        raise Reject(reasons.WRONG_TYPE, f"{where} is no status of HTTP")
    return value or None


def read_html(unit: Unit, params: PageParams) -> Iterator[Page | Refusal]:
    """A page a file, plain or packed; the column `file` is its path below the input.

    The bytes are those of the file: the encoding of a page is told later, by all of it.
    """
    if unit["part"]:
        return
    mapper, path, location = PageMapper(params, survey=unit.get("survey")), unit["path"], f"{unit['name']}:0"
    pieces, size = list[bytes](), 0
    raw, _ = opened(unit)
    with closing(raw):
        try:
            for piece in _unpacked(raw, unit["name"], params):
                pieces.append(piece)
                size += len(piece)
                if size > params.max_row_bytes:
                    yield mapper.refusal(location, path, reasons.ROW_TOO_LONG, b"".join(pieces[:1]))
                    return
        except BrokenStream as broken:
            yield mapper.refusal(location, path, broken.reason, b"".join(pieces))
            return
    values = {name: unit["name"] for name, theirs in mapper.columns.items() if theirs == "file"}
    yield mapper.made(location, path, b"".join(pieces), values)


def _unpacked(raw: Any, name: str, params: PageParams) -> Iterator[bytes]:
    kind = packing(name, raw.read(HEAD))
    if kind is None:
        if promised(name):
            raise BrokenStream(reasons.UNREADABLE_FILE)
        yield from blocks(raw)
        return
    yield from grown(raw, kind, params.limits)


HTML_COLUMN = {"html": "html"}


def read_html_jsonl(unit: Unit, params: PageParams) -> Iterator[Page | Refusal]:
    """A page a row of a JSON Lines file; a string becomes the bytes of its UTF-8."""
    mapper, path = PageMapper(params, HTML_COLUMN, unit.get("survey")), unit["path"]
    for location, record, row, reason in parsed_rows(unit, params.limits, params.encoding):
        if reason:
            yield mapper.refusal(location, path, reason, row)
        else:
            yield mapper.page(location, path, record, str(row))


def read_html_parquet(unit: Unit, params: PageParams) -> Iterator[Page | Refusal]:
    """A page a row of a Parquet file; the column of pages holds bytes or strings, checked as neither."""
    mapper, path, name = PageMapper(params, HTML_COLUMN, unit.get("survey")), unit["path"], unit["name"]
    left, columns = params.max_unpacked_bytes, mapper.columns.values()
    for found in row_batches(unit, columns, BATCH_ROWS, BATCH_BYTES, mapper.survey):
        if isinstance(found, Bad):
            yield mapper.refusal(found.location, path, found.reason, found.raw)
            continue
        group, at, batch = found
        yield from _rows(batch, at, name, path, mapper)
        left -= batch.nbytes
        if left < 0:
            yield mapper.refusal(f"{name}:row group {group}", path, reasons.UNPACKS_TOO_LARGE, b"")
            return


def _rows(
    batch: pa.RecordBatch, at: int, name: str, path: str, mapper: PageMapper
) -> Iterator[Page | Refusal]:
    twice = repeated(batch.schema.names, mapper.columns)
    # a string that is no UTF-8 is a page as good as any: bytes of another encoding
    columns = {
        each: _as_bytes(column) if each == mapper.columns["html"] else column
        for each, column in zip(batch.schema.names, batch.columns, strict=True)
    }
    for i in range(batch.num_rows):
        location = f"{name}:{at + i}"
        if twice:
            detail = f"{', '.join(twice)} stands more than once among the columns"
            yield mapper.refusal(location, path, reasons.DUPLICATE_COLUMN, detail, detail)
            continue
        yield mapper.page(location, path, {each: value_at(column, i) for each, column in columns.items()})


def _as_bytes(column: pa.Array) -> pa.Array:
    if pa.types.is_large_string(column.type):
        return column.cast(pa.large_binary())
    return column.cast(pa.binary()) if any(test(column.type) for test in STRINGS) else column
