"""Conversion records of a WARC stream (Common Crawl's WET), one at a time, resuming at the next record after
a bad one.

A reader of our own, though fastwarc and warcio exist: both take `Content-Length` at its word, and neither
bounds what a record may hold or what a gzip member may unpack to.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from gristmill.udfs import reasons
from gristmill.udfs.read.rows import ReadParams, Row
from gristmill.udfs.read.units import Format, Unit, mapper_of, opened
from gristmill.udfs.read.values import Undecodable
from gristmill.udfs.streams.encodings import BadEncoding, decode
from gristmill.udfs.streams.streams import BrokenStream, Limits, unpacked

# header fields of a conversion record
COLUMNS = {
    "text": "text",
    "url": "warc-target-uri",
    "native_key": "warc-record-id",
    "lang_hint": "warc-identified-content-language",
}
MAX_HEADER = 1 << 16  # bytes
# how the next record begins when a length cannot be believed
NEXT = b"\r\n\r\nWARC/"
KINDS = ("warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation")
# a line that begins with white space goes on with the field before
_FOLD = re.compile(rb"\r?\n[ \t]+")

# byte position, header (lower-case names), body or head, what is wrong
Record = tuple[int, Mapping[str, Any], bytes, str | None]


def conversions(pieces: Iterator[bytes], limits: Limits) -> Iterator[Record]:
    """Every conversion record; other types are passed over. A bad record costs itself: reading goes on at the
    next `WARC/`.

    A whole file that holds records and no conversion among them is no WET: its last entry is `foreign_file`
    with what it holds instead.
    """
    feed, kinds = _Feed(pieces), Counter[str]()
    try:
        while feed.at_record():
            yield from _record(feed, limits, kinds)
        if feed.broken:
            raise feed.broken
    except BrokenStream as broken:
        yield feed.end, {}, feed.peek(limits.max_raw_bytes) or broken.seen.encode(), broken.reason
    else:
        if (seen := _no_wet(kinds)) is not None:
            yield feed.end, {}, seen.encode(), reasons.FOREIGN_FILE


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


def _record(feed: _Feed, limits: Limits, kinds: Counter[str]) -> Iterator[Record]:
    feed.need(limits.max_raw_bytes)
    at, raw = feed.at, feed.peek(limits.max_raw_bytes)
    header = feed.header()
    # The length is checked as ASCII digits: int() would accept other scripts, signs and blanks.
    length = header.get("content-length", "")
    if (
        "warc-type" not in header
        or not isinstance(length, str)
        or not length.isascii()
        or not length.isdigit()
        or len(length) > 18
    ):
        feed.drop(1)
        feed.to_next()
        # not one record in all of it
        yield at, header, raw, reasons.MALFORMED_RECORD if kinds or feed.need(1) else reasons.UNREADABLE_FILE
        return
    kind = str(header["warc-type"]).lower()
    kinds[kind if kind in KINDS else "other record"] += 1
    if kind != "conversion" or int(length) > limits.max_row_bytes:
        # The body is skipped without being held, whatever its length says.
        in_step = feed.pass_over(int(length))
        if kind == "conversion" or not in_step:
            yield at, header, raw, reasons.ROW_TOO_LONG if in_step else reasons.MALFORMED_RECORD
    elif (body := feed.body(int(length))) is None:
        feed.to_next()
        yield at, header, raw, reasons.MALFORMED_RECORD
    else:
        yield at, header, body, None


class _Feed:
    """The unpacked stream with a look ahead; `at` is the position of the first byte held."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces, self._buffer, self.at = pieces, bytearray(), 0
        # kept until all records before the break are out
        self.broken: BrokenStream | None = None

    @property
    def end(self) -> int:
        """Position behind the last byte that was read."""
        return self.at + len(self._buffer)

    def need(self, size: int) -> bool:
        """Whether `size` bytes are held, after reading on for them."""
        while len(self._buffer) < size:
            try:
                piece = next(self._pieces, None)
            except BrokenStream as broken:
                self.broken, piece = broken, None
            if piece is None:
                return False
            self._buffer += piece
        return True

    def peek(self, size: int) -> bytes:
        return bytes(self._buffer[:size])

    def drop(self, size: int) -> None:
        self.at += min(size, len(self._buffer))
        del self._buffer[:size]

    def at_record(self) -> bool:
        """Passes over line ends; False at the end of the stream."""
        while self.need(1):
            blank = 0
            # lstrip() would copy all that is held
            while blank < len(self._buffer) and self._buffer[blank] in b"\r\n":
                blank += 1
            self.drop(blank)
            if self._buffer:
                return True
        return False

    def header(self) -> dict[str, Any]:
        """Fields of the record's header, which is dropped; empty when there is none within MAX_HEADER."""
        while (end := self._blank_line()) < 0 and len(self._buffer) < MAX_HEADER:
            if not self.need(len(self._buffer) + 1):
                break
        if end < 0 or not self._buffer.startswith(b"WARC/"):
            if end < 0 and len(self._buffer) < MAX_HEADER and self._buffer.startswith(b"WARC/"):
                raise self.broken or BrokenStream(reasons.TRUNCATED_FILE)
            return {}
        head = bytes(self._buffer[:end])
        head = _FOLD.sub(b" ", head) if b"\n " in head or b"\n\t" in head else head
        fields = dict(_field(line) for line in head.split(b"\n")[1:] if b":" in line)
        self.drop(end)
        return fields

    def _blank_line(self) -> int:
        """Where the header ends, behind its blank line; some writers end lines with LF alone.

        -1: not within MAX_HEADER.
        """
        end = self._buffer.find(b"\n\r\n", 0, MAX_HEADER)
        short = self._buffer.find(b"\n\n", 0, end if end >= 0 else MAX_HEADER)
        return short + 2 if short >= 0 else end + 3 if end >= 0 else -1

    def body(self, length: int) -> bytes | None:
        """The next `length` bytes when the record ends with them; None (nothing dropped) when the length
        is a lie."""
        is_whole = self.need(length)
        self.need(length + 9)
        rest = bytes(self._buffer[length : length + 9])
        is_end = (
            rest.startswith(b"\r\n\r\n")
            or not rest.strip(b"\r\n")
            or rest.lstrip(b"\r\n").startswith(b"WARC/")
        )
        if is_whole and is_end:
            body = bytes(self._buffer[:length])
            self.drop(length)
            return body
        if not is_whole and self._buffer.find(NEXT) < 0:
            raise self.broken or BrokenStream(reasons.TRUNCATED_FILE)
        return None

    def to_next(self) -> None:
        """Drops what stands before the next record."""
        while (position := self._buffer.find(NEXT)) < 0:
            self.drop(len(self._buffer) - len(NEXT) + 1)
            if not self.need(len(self._buffer) + 1):
                self.drop(len(self._buffer))
                return
        self.drop(position + 4)

    def pass_over(self, length: int) -> bool:
        """Drops `length` bytes piece by piece.

        False, and stops there, when another record begins inside: the length was a lie.
        """
        left = length
        while self.need(1):
            position = self._buffer.find(NEXT)
            if 0 <= position < left - 4:
                self.drop(position + 4)
                return False
            step = min(left, max(len(self._buffer) - len(NEXT) + 1, 0))
            self.drop(step)
            left -= step
            if not left:
                return True
            if not self.need(len(self._buffer) + 1):
                if (
                    self.broken is None
                    and len(self._buffer) >= left
                    and not self._buffer[left:].strip(b"\r\n")
                ):
                    # the last record of the file: no other begins behind it
                    self.drop(left)
                    return True
                break
        if not left:
            return True  # an empty record that ends the file
        raise self.broken or BrokenStream(reasons.TRUNCATED_FILE)


def _field(line: bytes) -> tuple[str, Any]:
    raw_name, _, raw = line.partition(b":")
    name, raw = raw_name.decode("latin-1").strip().lower(), raw.strip()
    try:
        return name, raw.decode()
    except UnicodeDecodeError:
        return name, Undecodable(raw)


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
            unpacked(raw, unit["name"], params.limits), params.limits
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
