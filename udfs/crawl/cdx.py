"""Pages at byte ranges of WARC files that a CDX list names: CDXJ lines, or the columns of Common Crawl's
index in Parquet.

Of every line or row of the list one page or refusal comes out. Ranges of one file that lie close together are
fetched in one request.
"""

from __future__ import annotations

import functools
import io
import itertools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

from gristmill.udfs import reasons
from gristmill.udfs.crawl.pages import Page, PageParams, Refusal
from gristmill.udfs.crawl.warc_pages import KINDS, RecordReader, url_of
from gristmill.udfs.read import json_lines
from gristmill.udfs.read.arrow_rows import value_at
from gristmill.udfs.read.params import split_columns
from gristmill.udfs.read.parquet_files import Bad, row_batches
from gristmill.udfs.read.rows import BATCH_BYTES, BATCH_ROWS, shown_record
from gristmill.udfs.read.units import Unit, opened
from gristmill.udfs.read.values import Reject
from gristmill.udfs.read.warc_records import BEGIN, Record, Wanted, records
from gristmill.udfs.streams.dictionaries import dictionary_of, wants_dictionary
from gristmill.udfs.streams.header_lines import number_of_bytes
from gristmill.udfs.streams.limits import READ, BrokenStream
from gristmill.udfs.streams.streams import Line, member_pieces, open_file, part_lines

# names of a range in a line of CDXJ and in a row of Common Crawl's index
CDXJ = {"url": "url", "filename": "filename", "offset": "offset", "length": "length"}
COLUMNAR = {
    "url": "url",
    "filename": "warc_filename",
    "offset": "warc_record_offset",
    "length": "warc_record_length",
}
# Ranges that are sorted at a time: a list is in the order of addresses, so that those of one file lie apart.
WINDOW = 1 << 16
# Bytes between two ranges that are fetched with them: what a request costs in time brings as many.
GAP = 1 << 18

Seen = Page | Refusal


@dataclass(frozen=True, slots=True)
class Range:
    """A line of a list; `said`: what else it says."""

    location: str
    url: str | None
    filename: str
    offset: int
    length: int
    said: Mapping[str, Any]


class BadLine(Exception):
    """A line that names no range; the message says why."""


def read_cdx(unit: Unit, params: PageParams) -> Iterator[Seen]:
    """The pages that a list of CDXJ lines (`urlkey timestamp {json}`, or the object alone) names; header
    lines and blank lines are none.

    Raises OSError when the list or a file that it names cannot be fetched, and ValueError without a `base`.
    """
    raw, size = opened(unit)
    with closing(raw):
        lines = part_lines(raw, unit["name"], size, unit["part"], unit["n_parts"], params.limits)
        yield from _pages((_line(line, unit, params) for line in lines), params)


def read_cdx_parquet(unit: Unit, params: PageParams) -> Iterator[Seen]:
    """The pages that rows of Common Crawl's columnar index name. Raises as `read_cdx`."""
    yield from _pages(_index_rows(unit, params), params)


def _line(found: Line, unit: Unit, params: PageParams) -> Range | Refusal | None:
    at, line, reason = found
    location, raw, path = f"{unit['name']}:{at}", line[: params.max_raw_bytes], unit["path"]
    if reason:
        return Refusal(location, path, reason, raw)
    # headers of CDX (` CDX N b a`) and CDXJ (`!OpenWayback-CDXJ`, `@context`)
    if not line.strip() or line[:5] == b" CDX " or line[:1] in (b"!", b"@"):
        return None
    try:
        return range_of(location, _object(line), CDXJ)
    except BadLine as bad:
        return Refusal(location, path, reasons.MALFORMED_CDX, raw, str(bad))


def _object(line: bytes) -> dict[str, Any]:
    start = line.find(b"{")
    if start < 0:
        raise BadLine("no JSON object")
    if start and len(line[:start].split()) != 2:
        raise BadLine("not `urlkey timestamp {json}`")
    try:
        return json_lines.parse(line[start:].decode())
    except UnicodeDecodeError:
        raise BadLine("no UTF-8") from None
    except Reject as bad:
        raise BadLine(bad.reason) from None


def _index_rows(unit: Unit, params: PageParams) -> Iterator[Range | Refusal]:
    path = unit["path"]
    mapped, _ = split_columns(params.columns)
    survey = unit.get("survey") or params.survey()
    for found in row_batches(unit, {*COLUMNAR.values(), *mapped.values()}, BATCH_ROWS, BATCH_BYTES, survey):
        if isinstance(found, Bad):
            yield Refusal(found.location, path, found.reason, found.raw)
            continue
        _, at, batch = found
        there = batch.schema.names
        survey.saw(there, [name for name, theirs in survey.missing.items() if theirs.split(".")[0] in there])
        for i in range(batch.num_rows):
            location = f"{unit['name']}:{at + i}"
            names = zip(batch.schema.names, batch.columns, strict=True)
            row = {name: value_at(column, i) for name, column in names}
            try:
                yield range_of(location, row, COLUMNAR)
            except BadLine as bad:
                shown = shown_record(row, params.max_raw_bytes)
                yield Refusal(location, path, reasons.MALFORMED_CDX, shown, str(bad))


def range_of(location: str, said: Mapping[str, Any], names: Mapping[str, str]) -> Range:
    """The range that an entry of a list names. Raises BadLine."""
    numbers = []
    for name in ("offset", "length"):
        text = str(said.get(names[name], ""))
        if (number := number_of_bytes(text)) is None:
            raise BadLine(f"{names[name]}: {text[:40]!r} is no number of bytes")
        numbers.append(number)
    filename, url = said.get(names["filename"]), said.get(names["url"])
    if type(filename) is not str or not _is_below(filename):
        raise BadLine(f"{names['filename']}: {str(filename)[:200]!r} is no path below the base")
    if url is not None and type(url) is not str:
        raise BadLine(f"{names['url']} is no text")
    if not numbers[1]:
        raise BadLine(f"{names['length']}: 0 bytes hold no record")
    return Range(location, url, filename, numbers[0], numbers[1], said)


def _is_below(filename: str) -> bool:
    """Whether a name leads to a file below the base: a list may come from anybody."""
    steps = filename.split("/")
    is_plain = "\0" not in filename and ":" not in steps[0]
    return is_plain and steps[0].strip() != "" and ".." not in steps


def _pages(entries: Iterable[Range | Refusal | None], params: PageParams) -> Iterator[Seen]:
    if not params.base:
        raise ValueError("base: name the folder or URI below which the files of a CDX list lie")
    entries = iter(entries)
    while window := list(itertools.islice(entries, WINDOW)):
        yield from (each for each in window if isinstance(each, Refusal))
        ranges = [each for each in window if isinstance(each, Range)]
        ranges.sort(key=lambda each: (each.filename, each.offset, each.location))
        for filename, of_file in itertools.groupby(ranges, key=lambda each: each.filename):
            yield from _of_file(f"{params.base.rstrip('/')}/{filename}", list(of_file), params)


def _of_file(path: str, ranges: list[Range], params: PageParams) -> Iterator[Seen]:
    reader = RecordReader("", path, params, is_packed=True)
    raw, size = open_file(path)
    # asked for once, of the beginning of the file
    dictionary = functools.cache(lambda: _dictionary(raw))
    with closing(raw):
        for near in _neighbours(ranges, params.max_row_bytes):
            start = near[0].offset
            end = min(max(each.offset + each.length for each in near), size)
            # a range that will be refused for its size or place fetches nothing
            data = b""
            if near[0].length <= params.max_row_bytes and start < end:
                raw.seek(start)
                data = raw.read(end - start)
            for each in near:
                at = each.offset - start
                record = data[at : at + each.length]
                held = dictionary() if wants_dictionary(record) else None
                yield _page(each, record, size, reader, held)


def _dictionary(raw: Any) -> Any:
    """The dictionary of the file; None where it has none that can be read, so that each record says so."""
    try:
        return dictionary_of(raw)
    except BrokenStream:
        return None


def _neighbours(ranges: list[Range], most: int) -> Iterator[list[Range]]:
    """Ranges in the order of their offsets, cut where a gap is wide or a request would become long."""
    held: list[Range] = []
    end = 0
    for each in ranges:
        is_near = each.length <= most and each.offset <= end + GAP
        if held and not (is_near and each.offset + each.length - held[0].offset <= READ):
            yield held
            held, end = [], 0
        held.append(each)
        end = max(end, each.offset + each.length) if each.length <= most else -GAP - 1
    if held:
        yield held


def _page(named: Range, data: bytes, size: int, reader: RecordReader, dictionary: Any) -> Seen:
    where = f"bytes {named.offset} to {named.offset + named.length}"
    if named.length > reader.params.max_row_bytes:
        return _refusal(named, reasons.ROW_TOO_LONG, where, data, reader)
    if named.offset + named.length > size:
        detail = f"{where} of a file of {size}"
        return _refusal(named, reasons.NO_RECORD_AT_RANGE, detail, data, reader)
    record, wanted = _first(data, reader, dictionary)
    if record is None or record.reason not in (None, reasons.ROW_TOO_LONG, reasons.UNPACKS_TOO_LARGE):
        there = record.reason if record else ", ".join(wanted.seen) or "nothing"
        return _refusal(named, reasons.NO_RECORD_AT_RANGE, f"{where}: {there}", data, reader)
    url = url_of(record.header)
    if record.reason is None and named.url is not None and url != named.url:
        return _refusal(named, reasons.OTHER_RECORD_AT_RANGE, f"{where}: {url}", data, reader)
    return reader.page(replace(record, stored_at=named.offset), named.location, named.said)


def _refusal(named: Range, reason: str, detail: str, data: bytes, reader: RecordReader) -> Refusal:
    raw = data[: reader.params.max_raw_bytes]
    return Refusal(named.location, reader.path, reason, raw, detail, named.url)


def _first(data: bytes, reader: RecordReader, dictionary: Any) -> tuple[Record | None, Wanted]:
    limits, wanted = reader.params.limits, Wanted(KINDS)
    # by its bytes, never by the name of the file: the range is what is read
    pieces = member_pieces(io.BytesIO(data), "", limits, BEGIN, dictionary)
    return next(records(pieces, wanted, limits), None), wanted
