"""Conversion records of a WARC file (Common Crawl's WET) as rows."""

from __future__ import annotations

from collections import Counter
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
    wanted, end, is_read = Wanted(frozenset({"conversion"})), -1, True
    for record in records(pieces, wanted, limits):
        end = record.at
        is_read &= record.reason in (None, reasons.MALFORMED_RECORD, reasons.ROW_TOO_LONG)
        yield record.at, record.header, record.body, record.reason
    # of a file that was not read to its end nobody knows what it holds
    if is_read and (seen := _no_wet(wanted.seen)) is not None:
        yield end + 1, {}, seen.encode(), reasons.FOREIGN_FILE


def _no_wet(kinds: Counter[str]) -> str | None:
    """What a file without conversion records holds; None for a WET (one with nothing but its own
    description is an empty one)."""
    others = {kind: n for kind, n in kinds.items() if kind != "warcinfo"}
    if not others or "conversion" in others:
        return None
    ranked = sorted(others.items(), key=lambda item: (-item[1], item[0]))
    counted = ", ".join(f"{n} {kind}{'' if n == 1 or kind == 'metadata' else 's'}" for kind, n in ranked)
    return (
        f"no conversion record, {counted}; this is a {'WAT' if set(others) == {'metadata'} else 'WARC'}, "
        "not a WET"
    )


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
