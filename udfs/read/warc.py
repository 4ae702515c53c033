"""Conversion records of a WARC file (Common Crawl's WET) as rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

from gristmill.udfs import reasons
from gristmill.udfs.read.rows import ReadParams, Row
from gristmill.udfs.read.units import Format, Unit, mapper_of, opened
from gristmill.udfs.read.warc_records import BEGIN, Wanted, records
from gristmill.udfs.streams.encodings import BadEncoding, decode
from gristmill.udfs.streams.limits import Limits
from gristmill.udfs.streams.members import Piece
from gristmill.udfs.streams.streams import member_pieces

# header fields of a conversion record
COLUMNS = {
    "text": "text",
    "url": "warc-target-uri",
    "native_key": "warc-record-id",
    "lang_hint": "warc-identified-content-language",
}

# byte position, header (lower-case names), body or head, what is wrong
Conversion = tuple[int, Mapping[str, Any], bytes, str | None]


def conversions(pieces: Iterable[Piece], limits: Limits) -> Iterator[Conversion]:
    """Every conversion record; other types are passed over. A bad record costs itself: reading goes on at the
    next one.

    A whole file that holds records and no conversion among them is no WET: its last entry is `foreign_file`
    with what it holds instead.
    """
    wanted = Wanted(frozenset({"conversion"}))
    for record in records(pieces, wanted, limits):
        yield record.at, record.header, record.body, record.reason
    if others := wanted.instead():
        yield wanted.end + 1, {}, _no_wet(others).encode(), reasons.FOREIGN_FILE


def _no_wet(others: list[tuple[str, int]]) -> str:
    counted = ", ".join(f"{n} {kind}{'' if n == 1 or kind == 'metadata' else 's'}" for kind, n in others)
    is_wat = [kind for kind, _ in others] == ["metadata"]
    return f"no conversion record, {counted}; this is a {'WAT' if is_wat else 'WARC'}, not a WET"


def read(unit: Unit, params: ReadParams) -> Iterator[Row]:
    """Common Crawl's WET, plain or packed; columns name header fields, in any case."""
    path, mapper = unit["path"], mapper_of(unit, params, COLUMNS)
    # Header names are case-insensitive; the record gets them as the recipe spells them.
    theirs = {column.lower(): column for column in mapper.columns.values()}
    if unit["part"]:
        return
    raw, _ = opened(unit)
    with closing(raw):
        for at, header, body, reason in conversions(
            member_pieces(raw, unit["name"], params.limits, BEGIN), params.limits
        ):
            location = f"{unit['name']}:{at}"
            if reason:
                yield mapper.reject(location, path, reason, body)
                continue
            try:
                text = decode(body, params.encoding)
                record = {theirs.get(name, name): value for name, value in header.items()} | {"text": text}
                yield mapper.row(location, path, record, text)
            except BadEncoding as bad:
                yield mapper.reject(location, path, bad.reason, body)


WET = Format(read, columns=COLUMNS)
