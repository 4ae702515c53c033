"""The content codings of HTTP (gzip, deflate, br, zstd) undone, within a bound and without trust.

Many crawls store a body that was unpacked already under a header that still names its coding, so bytes that
are not in a coding are taken as they are. gzip, zlib and zstd are known by their first bytes. br and raw
deflate have none: there, bytes that read as text and do not unpack to their very end are taken as they are.
"""

from __future__ import annotations

import zlib
from typing import Any

import zstandard

from gristmill.udfs import reasons
from gristmill.udfs.streams.limits import BrokenStream
from gristmill.udfs.streams.members import ZSTD_STEP, ZSTD_WINDOW

CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate", "br": "br", "zstd": "zstd"}
# codings that one body may name; browsers stop at far fewer, and each costs a pass
MAX_CODINGS = 8
# members of gzip that one body may have; servers send one
MAX_MEMBERS = 16
_GZIP, _ZSTD = b"\x1f\x8b", b"\x28\xb5\x2f\xfd"
# bytes that tell text from packed bytes: of 256 packed ones some thirty are control characters
_TEXT_PROBE = 256
_CONTROLS = bytes(set(range(32)) - set(b"\t\n\f\r\x1b"))
# bytes of output asked of brotli in one call
_BR_STEP = 1 << 20
# packed bytes before a damaged place that are given to zlib in one call
_STEP = 1 << 12

# what came out, and whether it ends before its end
Unpacked = tuple[bytes, bool]


def unpack(data: bytes, coding: str, room: int) -> Unpacked | None:
    """The bytes that `data` unpacks to, of one of the values of CODINGS, and whether they break off (cut
    short or damaged); None when `data` is not in that coding.

    Raises BrokenStream(unpacks_too_large) above `room` bytes, of which no more are held.
    """
    if not data:
        return None
    found = _UNPACK[coding](data, room)
    if found is not None and len(found[0]) > room:
        raise BrokenStream(reasons.UNPACKS_TOO_LARGE)
    return found


def _gzip(data: bytes, room: int) -> Unpacked | None:
    """Every member, up to MAX_MEMBERS; what follows the last and is none is left out."""
    pieces, left, rest = list[bytes](), room + 1, data
    for _ in range(MAX_MEMBERS):
        if not rest.startswith(_GZIP):
            return (b"".join(pieces), False) if pieces else None
        out, member = _inflated(31, rest, left)
        pieces.append(out)
        left -= len(out)
        if member is None or not member.eof or left <= 0:
            return b"".join(pieces), True
        rest = member.unused_data
    return b"".join(pieces), bool(rest)


def _deflate(data: bytes, room: int) -> Unpacked | None:
    """With a header of zlib, as the standard says, or without, as some servers send it."""
    if data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0:
        out, member = _inflated(15, data, room + 1)
        if out or member is not None:
            return out, member is None or not member.eof
    out, member = _inflated(-15, data, room + 1)
    is_whole = member is not None and member.eof and not member.unused_data
    return _without_mark(data, out, is_whole, room)


def _inflated(wbits: int, data: bytes, room: int) -> tuple[bytes, Any]:
    """At most `room` bytes, and the decoder; None for it when a damaged place ended them."""
    member = zlib.decompressobj(wbits)
    try:
        return member.decompress(data, room), member
    except zlib.error:
        return _before_damage(wbits, data, room), None


def _before_damage(wbits: int, data: bytes, room: int) -> bytes:
    """What stands before the damage: zlib drops what the failing call had made, so once more in steps, and
    the last step byte by byte."""
    member, pieces, at = zlib.decompressobj(wbits), [], 0
    while at < len(data) and room > 0:
        before = member.copy()
        try:
            pieces.append(member.decompress(data[at : at + _STEP], room))
        except zlib.error:
            break
        room -= len(pieces[-1])
        at += _STEP
    for each in range(at, min(at + _STEP, len(data)) if room > 0 else at):
        try:
            pieces.append(before.decompress(data[each : each + 1]))
        except zlib.error:
            break
    return b"".join(pieces)


def _brotli(data: bytes, room: int) -> Unpacked | None:
    # only crawls need it: the package is of the extra `crawl`
    import brotli

    member, pieces, left = brotli.Decompressor(), [], room + 1
    is_damaged, feed = False, data
    try:
        while left > 0:
            out = member.process(feed, output_buffer_limit=min(left, _BR_STEP))
            pieces.append(out)
            left -= len(out)
            feed = b""
            if member.is_finished() or (not out and member.can_accept_more_data()):
                break
    except brotli.error:
        is_damaged = True
    out = b"".join(pieces)
    return _without_mark(data, out, not is_damaged and member.is_finished(), room)


def _without_mark(data: bytes, out: bytes, is_whole: bool, room: int) -> Unpacked | None:
    """What came of bytes that no mark says to be packed; text that does not unpack to its end is none."""
    if is_whole or len(out) > room:
        return out, False
    head = data[:_TEXT_PROBE]
    is_text = len(head.translate(None, _CONTROLS)) == len(head)
    return None if is_text or not out else (out, True)


def _zstd(data: bytes, room: int) -> Unpacked | None:
    if not data.startswith(_ZSTD):
        return None
    pieces, left, at, frame = [], room + 1, 0, None
    try:
        while at < len(data) and left > 0:
            frame = frame or zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()
            out = frame.decompress(data[at : at + ZSTD_STEP])
            pieces.append(out[:left])
            left -= len(out)
            at = min(at + ZSTD_STEP, len(data))
            if frame.eof:
                at, frame = at - len(frame.unused_data), None
                if data[at : at + 4] != _ZSTD:
                    break
    except zstandard.ZstdError:
        return b"".join(pieces), True
    return b"".join(pieces), frame is not None


_UNPACK = {"gzip": _gzip, "deflate": _deflate, "br": _brotli, "zstd": _zstd}
