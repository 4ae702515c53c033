"""The records of a WARC stream, one at a time, going on at the next record behind a bad one.

A reader of our own, though fastwarc and warcio exist: both take `Content-Length` at its word, and neither
bounds what a record may hold or what a gzip member may unpack to.

Every record of a wanted type comes out once: whole, or with a reason. A length that does not lead to the next
record is not believed: reading goes on where a record begins behind the header of this one.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.udfs import reasons
from gristmill.udfs.read.values import Undecodable
from gristmill.udfs.streams.header_lines import end_of_header, number_of_bytes, unfolded
from gristmill.udfs.streams.limits import BrokenStream, Limits
from gristmill.udfs.streams.members import Piece

MAX_HEADER = 1 << 16  # bytes
# bytes of a header that are looked at first: nearly all are shorter
_SHORT_HEADER = 1 << 12
# what each record begins with
BEGIN = b"WARC/"
KINDS = ("warcinfo", "response", "resource", "request", "metadata", "revisit", "conversion", "continuation")
# how a record begins where none is due
_NEXT = re.compile(rb"WARC/\d\.\d\r?\n")
_LONGEST_NEXT = 10
# bytes held at a time of a block that is passed over
_STEP = 1 << 16
_LINE_ENDS = re.compile(rb"[\r\n]*")
_BLANK = " \t\r\n\v\f"


@dataclass(frozen=True, slots=True)
class Record:
    """A record of a wanted type, or a place where something else went wrong.

    `at`: position in the unpacked stream; behind each damaged member positions count one more, so that no two
    records share one. `kind`: its type in lower case, `` where no header was read. `header`: names in
    lower case. `body`: the block; the beginning of the record where there is a reason. `reason`: of
    gristmill.udfs.reasons.READ. `stored_at`: position of the packed member that begins with the record.
    """

    at: int
    kind: str
    header: Mapping[str, Any]
    body: bytes
    reason: str | None = None
    stored_at: int | None = None


@dataclass(slots=True)
class Wanted:
    """Which types come out, and how many of each there were, those that did not come out included."""

    kinds: frozenset[str]
    seen: Counter[str] = field(default_factory=Counter)
    end: int = -1  # position of the last record that came out
    is_read: bool = True  # whether the file was read to its end, with nothing hidden by damage

    def instead(self) -> list[tuple[str, int]]:
        """The types that a file holds which has no wanted record, with their numbers, the commonest first.

        Empty where there is a wanted one, or nothing but the file's own description (an empty file), and of a
        file that was not read to its end: nobody knows what that holds.
        """
        others = {kind: n for kind, n in self.seen.items() if kind != "warcinfo"}
        if not self.is_read or self.kinds & others.keys():
            return []
        return sorted(others.items(), key=lambda item: (-item[1], item[0]))


def records(pieces: Iterable[Piece], wanted: Wanted, limits: Limits) -> Iterator[Record]:
    """The records of the wanted types, and one of kind `` for each damaged place that has no header.

    A record over `max_row_bytes` is passed over without being held (`row_too_long`). Of a record of another
    type only its damage comes out. `wanted` learns what there was.
    """
    for record in _walk(pieces, wanted, limits):
        wanted.end = record.at
        wanted.is_read &= record.reason in (None, reasons.MALFORMED_RECORD, reasons.ROW_TOO_LONG)
        yield record


def _walk(pieces: Iterable[Piece], wanted: Wanted, limits: Limits) -> Iterator[Record]:
    feed = _Feed(iter(pieces))
    while True:
        while feed.at_record():
            yield from _record(feed, wanted, limits)
        at = feed.at
        broken = feed.mend()
        if broken is None:
            return
        yield Record(at, "", {}, broken.seen.encode(), broken.reason)


def _record(feed: _Feed, wanted: Wanted, limits: Limits) -> Iterator[Record]:
    feed.need(limits.max_raw_bytes)
    at, stored_at, raw = feed.at, feed.stored_at(), feed.peek(limits.max_raw_bytes)
    header = feed.header()
    if header is None:
        yield Record(at, "", {}, raw, feed.mend_or_end(), stored_at)
        return
    kind, length = header.get("warc-type"), _length(header)
    if not isinstance(kind, str) or length is None:
        # past what only looks like the beginning of one
        feed.drop(1 if feed.at == at else 0)
        is_more = feed.to_next()
        # not one record in all of it
        why = reasons.MALFORMED_RECORD if wanted.seen or is_more else reasons.UNREADABLE_FILE
        yield Record(at, "", header, raw, why, stored_at)
        return
    kind = kind.lower()
    wanted.seen[kind if kind in KINDS else "other record"] += 1
    is_held = length <= limits.max_row_bytes
    state = feed.hold(length, stored_at is not None) if is_held else feed.skip(length, stored_at is not None)
    if state == WHOLE:
        body = feed.take(length, kind in wanted.kinds) if is_held else b""
        state = CUT if feed.is_cut() else WHOLE
    if state == WHOLE and kind in wanted.kinds:
        too_long = None if is_held else reasons.ROW_TOO_LONG
        yield Record(at, kind, header, body if is_held else raw, too_long, stored_at)
    elif state != WHOLE:
        if state == LIE and is_held:
            feed.to_next()
        why = feed.mend_or_end() if state == CUT else reasons.MALFORMED_RECORD
        yield Record(at, kind, header, raw, why, stored_at)


def _length(header: Mapping[str, Any]) -> int | None:
    """Content-Length."""
    length = header.get("content-length", "")
    return number_of_bytes(length) if isinstance(length, str) else None


# what became of a block: all of its bytes are there and end where a record may
# end; its length does not lead there; the stream ends or breaks before its end
WHOLE, LIE, CUT = "whole", "lie", "cut"


class _Feed:
    """The unpacked stream with a look ahead; `at` is the position of the first byte held.

    Nothing is read behind a break until `mend` was called, so what is held never goes across one.
    """

    def __init__(self, pieces: Iterator[Piece]) -> None:
        self._pieces, self._buffer, self.at = pieces, bytearray(), 0
        # behind the bytes that are held
        self._broken: BrokenStream | None = None
        # where members begin: position in the stream, position in the file
        self._marks: deque[tuple[int, int]] = deque()

    def need(self, size: int) -> bool:
        """Whether `size` bytes are held, after reading on for them."""
        while len(self._buffer) < size:
            if self._broken is not None or (piece := next(self._pieces, None)) is None:
                return False
            data, stored_at, self._broken = piece
            if stored_at is not None:
                self._marks.append((self.at + len(self._buffer), stored_at))
            self._buffer += data
        return True

    def peek(self, size: int) -> bytes:
        """The first bytes held, at most `size`."""
        # a slice of the bytearray itself would be copied twice
        with memoryview(self._buffer) as view:
            return bytes(view[:size])

    def drop(self, size: int) -> None:
        """Gives up the first `size` bytes; no more are asked to go than are held."""
        self.at += size
        del self._buffer[:size]

    def stored_at(self) -> int | None:
        """Where the member is stored that begins with the first byte held."""
        while self._marks and self._marks[0][0] < self.at:
            self._marks.popleft()
        found = None
        # the last of several: an empty member begins at the same place
        while self._marks and self._marks[0][0] == self.at:
            found = self._marks.popleft()[1]
        return found

    def take(self, size: int, is_wanted: bool) -> bytes:
        """The first bytes held, which are dropped; empty when they are not wanted."""
        data = self.peek(size) if is_wanted else b""
        self.drop(size)
        return data

    def is_cut(self) -> bool:
        """Whether the record before was the last in a member that breaks: no other begins before that."""
        self.need(9)
        # a member that begins before the break shows that the one of the record ended well
        return self._broken is not None and not self._marks and _NEXT.search(self._buffer) is None

    def mend(self) -> BrokenStream | None:
        """Drops what is held before a break, and goes on behind it; the break counts for one byte."""
        broken = self._broken
        if broken is not None:
            self.at += len(self._buffer) + 1
            self._buffer.clear()
            self._broken = None
            self._marks.clear()
        return broken

    def mend_or_end(self) -> str:
        """As `mend`; at the end of the stream drops what is held. The reason of the break."""
        if (broken := self.mend()) is not None:
            return broken.reason
        self.drop(len(self._buffer))
        return reasons.TRUNCATED_FILE

    def at_record(self) -> bool:
        """Passes over line ends; False at the end of the stream and before a break."""
        while self.need(1):
            # W, of all but a few
            if self._buffer[0] not in b"\r\n":
                return True
            match = _LINE_ENDS.match(self._buffer)
            self.drop(match.end() if match else 0)
        return False

    def header(self) -> dict[str, Any] | None:
        """Fields of the record's header, which is dropped; empty when none begins here, or none ends within
        MAX_HEADER or before the next record.

        None: the stream ends or breaks inside it.
        """
        for most in (_SHORT_HEADER, MAX_HEADER):
            is_more = self.need(most)
            if not self._buffer.startswith(BEGIN):
                return {}
            end = end_of_header(self._buffer, 0, most)
            # one that was cut off runs on into the next record
            if _NEXT.search(self._buffer, 1, end if end >= 0 else most):
                return {}
            if end >= 0:
                head = self.peek(end)
                self.drop(end)
                return _fields(head)
            if not is_more:
                return None
        return {}

    def hold(self, length: int, is_member: bool) -> str:
        """WHOLE when a block of `length` bytes is held and the record ends with it; nothing is dropped.

        `is_member`: the record begins a packed member, so another one inside the block shows a wrong length.
        """
        is_whole = self.need(length)
        self.need(length + 9)
        if is_member and self._marks and self._marks[0][0] < self.at + length:
            return LIE
        rest = bytes(self._buffer[length : length + 9])
        is_end = (
            rest.startswith(b"\r\n\r\n") or not rest.strip(b"\r\n") or rest.lstrip(b"\r\n").startswith(BEGIN)
        )
        if is_whole:
            return WHOLE if is_end else LIE
        return LIE if _NEXT.search(self._buffer) else CUT

    def skip(self, length: int, is_member: bool) -> str:
        """Drops a block of `length` bytes piece by piece; stops at a record inside, which shows a wrong
        length."""
        left = length
        while True:
            is_more = self.need(min(left, _STEP) + _LONGEST_NEXT)
            # Where each record is a member, text inside a block that looks like a record is none.
            inside = self._mark_inside(left) if is_member else self._record_inside(left)
            if inside is not None:
                self.drop(inside)
                return LIE
            if not is_more or len(self._buffer) >= left + _LONGEST_NEXT:
                if len(self._buffer) < left:
                    return CUT
                self.drop(left)
                return WHOLE
            step = len(self._buffer) - _LONGEST_NEXT
            self.drop(step)
            left -= step

    def _mark_inside(self, size: int) -> int | None:
        return next((at - self.at for at, _ in self._marks if 0 < at - self.at < size), None)

    def _record_inside(self, size: int) -> int | None:
        match = _NEXT.search(self._buffer)
        return match.start() if match and match.start() < size else None

    def to_next(self) -> bool:
        """Drops what stands before the next record; at a break, or where none follows, all of it.

        Whether there is more.
        """
        while (match := _NEXT.search(self._buffer)) is None:
            self.drop(max(len(self._buffer) - _LONGEST_NEXT, 0))
            if not self.need(len(self._buffer) + 1):
                is_broken = self.mend() is not None
                self.drop(len(self._buffer))
                return is_broken
        self.drop(match.start())
        return True


def _fields(head: bytes) -> dict[str, Any]:
    try:
        text = head.decode()
    except UnicodeDecodeError:
        folded = re.sub(rb"\r?\n[ \t]+", b" ", head)
        return dict(_field(line) for line in folded.split(b"\n")[1:] if b":" in line)
    fields = {}
    for line in unfolded(text).split("\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            fields[name.strip(_BLANK).lower()] = value.strip(_BLANK)
    return fields


def _field(line: bytes) -> tuple[str, Any]:
    raw_name, _, raw = line.partition(b":")
    name, raw = raw_name.decode("latin-1").strip(_BLANK).lower(), raw.strip()
    try:
        return name, raw.decode()
    except UnicodeDecodeError:
        return name, Undecodable(raw)
