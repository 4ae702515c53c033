"""JSON values one after the other, cut out of a stream: the elements of arrays, objects over several lines,
one after another or with commas.

Only brackets and strings are looked at here; what stands between them is parsed later, row by row. No more
than one row and one block is held, each byte is looked at a fixed number of times, and a value that is never
closed costs itself: reading goes on at the next line that begins as the first value did.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gristmill.udfs import reasons
from gristmill.udfs.streams.streams import BrokenStream, Limits, Line

_BRACKET = re.compile(rb'["{}\[\]]')
# possessive: no way back, so no memory of it
_STRING = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
# where something ends that is neither object, list nor string
_LOOSE = re.compile(rb"[,\]}\r\n{\[]")
# Commas, line ends, the mark of UTF-8, and the separator of JSON text sequences (RFC 7464).
_GAP = re.compile(rb"[ \t\r\n,\xef\xbb\xbf\x1e]*+")

# White space before an object of which the beginning
# of its line is learnt, bytes; an indent is shorter.
GAP_BYTES = 256
# A border is a line end, such white space and a brace: what
# of one may still be cut off at the end of what is held.
LONGEST_BORDER = GAP_BYTES + 2


def values(pieces: Iterator[bytes], limits: Limits) -> Iterator[Line]:
    """Position, bytes, reason of every value: of objects, and of whatever else stands where an object
    should; as `streams.lines` gives them."""
    return _Values(pieces, limits).rows()


class _Values:
    """The stream with a look ahead; `at` is the position of the first byte held."""

    def __init__(self, pieces: Iterator[bytes], limits: Limits) -> None:
        self._pieces, self._limits = pieces, limits
        self._buffer, self.at = bytearray(), 0
        # kept until all that stands before the break is out
        self._broken: BrokenStream | None = None
        self._border: re.Pattern[bytes] | None = None  # how the line of the first object begins
        # after a value that was never closed: no value goes over a border
        self._is_strict = False
        # positions: no border stands before the first but at the second
        self._searched = self._found = 0
        # how far the value under way was followed, and what is open there
        self._pos, self._depth, self._is_string = 0, 0, False
        # whether it is neither object, list nor string
        self._is_loose = False

    def rows(self) -> Iterator[Line]:
        """See `values`."""
        is_array = False
        while self._to_value():
            first = self._buffer[0]
            if first == 0x5B and not is_array:
                is_array = True
                self._drop(1)
            elif first in b"]}":  # of a value that was closed too early, no more is left to say
                is_array = is_array and first != 0x5D
                self._drop(1)
            else:
                row = self._value()
                is_array = is_array and row[2] != reasons.TRUNCATED_FILE  # said once
                yield row
        if self._broken:
            yield self.at, self._broken.seen.encode(), self._broken.reason
        elif is_array:
            yield self.at, b"", reasons.TRUNCATED_FILE

    def _more(self) -> bool:
        try:
            piece = next(self._pieces, None)
        except BrokenStream as broken:
            self._broken, piece = broken, None
        self._buffer += piece or b""
        return piece is not None

    def _drop(self, size: int) -> None:
        self.at += size
        del self._buffer[:size]

    def _to_value(self) -> bool:
        """Passes over what stands between values; False at the end.

        Learns from the first object how the lines of objects begin.
        """
        gap = b""
        while True:
            match = _GAP.match(self._buffer)
            end = match.end() if match else 0
            gap = (gap + bytes(self._buffer[:end]))[-GAP_BYTES:]
            self._drop(end)
            if self._buffer:
                break
            if not self._more():
                return False
        if self._border is None and self._buffer[0] == 0x7B:
            blanks = re.split(rb"[\r\n]", gap)[-1].lstrip(b"\xef\xbb\xbf")
            self._border = re.compile(rb"[\r\n]" + re.escape(blanks) + rb"\{")
        return True

    def _value(self) -> Line:
        """The value that begins here, or its head and what is wrong; behind it reading goes on."""
        at, longest = self.at, self._limits.max_row_bytes
        is_closed, size = self._follow(self._next_border(longest) if self._is_strict else None, longest)
        if is_closed and size <= longest:
            row = bytes(self._buffer[:size])
            self._drop(size)
            return at, row, None
        head = bytes(self._buffer[: min(self._limits.max_raw_bytes, size)])
        border = self._border.search(self._buffer, 1, size + 1) if self._border and not is_closed else None
        # the next object begins inside: this one was never closed
        if border:
            self._is_strict = True
            self._drop(border.start())
            return at, head, reasons.MALFORMED_JSON
        if is_closed or size > longest:
            self._pass_over(is_closed)
            return at, head, reasons.ROW_TOO_LONG
        self._drop(len(self._buffer))
        broken, self._broken = self._broken, None
        return (
            at,
            head or (broken.seen.encode() if broken else b""),
            broken.reason if broken else reasons.TRUNCATED_FILE,
        )

    def _follow(self, stop: int | None, longest: int) -> tuple[bool, int]:
        """Whether the value is closed, and how far it was followed: to its end, to `stop`, over
        `longest`, or to the end of the stream."""
        self._pos, self._depth, self._is_string = 0, 0, False
        self._is_loose = self._buffer[0] not in b'{["'
        is_closed = self._advance(stop)
        while not is_closed and self._pos <= longest and (stop is None or self._pos < stop) and self._more():
            is_closed = self._advance(stop)
        return is_closed, self._pos if is_closed else len(self._buffer) if stop is None else stop

    def _advance(self, stop: int | None = None) -> bool:
        """Follows the value through what is held (up to `stop`); whether it is closed there."""
        buffer, pos, end = (
            self._buffer,
            self._pos,
            len(self._buffer) if stop is None else min(stop, len(self._buffer)),
        )
        if self._is_loose:
            loose = _LOOSE.search(buffer, pos, end)  # its first byte is none of these
            self._pos = loose.start() if loose else end
            return loose is not None
        while pos < end:
            if self._is_string:
                match = _STRING.match(buffer, pos, end)
                pos = match.end() if match else pos
                # a backslash whose other half is still to come
                if pos >= end or buffer[pos] != 0x22:
                    break
                pos, self._is_string = pos + 1, False
            else:
                match = _BRACKET.search(buffer, pos, end)
                if match is None:
                    pos = end
                    break
                pos, sign = match.end(), buffer[match.start()]
                self._is_string = sign == 0x22
                self._depth += 1 if sign in b"{[" else -1 if sign in b"}]" else 0
            if not self._depth and not self._is_string:
                self._pos = pos
                return True
        self._pos = pos
        return False

    def _pass_over(self, is_closed: bool) -> None:
        """Drops the value under way to its end, without holding it."""
        while not is_closed:
            self._drop(self._pos)
            self._pos = 0
            if not self._more():
                self._drop(len(self._buffer))
                return
            is_closed = self._advance()
        self._drop(self._pos)

    def _next_border(self, longest: int) -> int | None:
        """How far away the next border is; None when there is none within the longest row."""
        if self._found > self.at:
            return self._found - self.at
        while self._border:
            border = self._border.search(self._buffer, max(1, self._searched - self.at))
            if border:
                self._found = self._searched = self.at + border.start()
                return border.start()
            # a border may still be cut off
            self._searched = max(self.at + len(self._buffer) - LONGEST_BORDER, self._searched)
            if len(self._buffer) > longest or not self._more():
                break
        return None
