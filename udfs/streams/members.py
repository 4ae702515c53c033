"""A packed file member by member: the members of gzip, the frames of zstd, the streams of bzip2 and xz, with
the position at which each begins, and on behind a damaged one.

Common Crawl and other archives write each record as a gzip member of its own. There a damaged member costs
itself: reading goes on at the next position where a member unpacks to what a record begins with.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Iterator
from typing import Any

import zstandard

from gristmill.udfs import reasons
from gristmill.udfs.streams.limits import READ, BrokenStream, Limits

# Packed bytes given to the codec in one call. Neither call has to be told how much it may return:
# deflate unpacks at most 1,032-fold (8 MiB), a zstd block of 4 bytes gives 128 KiB (32 MiB).
# python-zstandard's stream_reader takes a limit, but a frame that was cut off looks like a clean
# end to it, so a truncated file would lose its tail without a word. bzip2 (45 MB from 40 bytes)
# and xz are told: OUT_STEP bytes a call, which is also what a damaged block may take with it.
GZIP_STEP, ZSTD_STEP, BZ2_STEP, XZ_STEP = 1 << 13, 1 << 10, 1 << 13, 1 << 13
OUT_STEP = 1 << 16
# bytes below which the unpack ratio is not judged: short runs of equal rows are no bomb
UNPACK_FLOOR = 1 << 26
# bytes of window a zstd frame may ask for (`zstd
# --long=27`); beyond it the frame is refused, not believed
ZSTD_WINDOW = 1 << 27
# bytes that unpacking an xz stream may take (`xz -9` asks for 65 MiB)
XZ_MEMORY = 1 << 28

# how a gzip member begins (deflate is its only method)
GZIP_MAGIC = b"\x1f\x8b\x08"
# packed bytes of a member that are tried when a next one is looked for; its
# first block has its code tables, some 300 bytes, before the first character
TRIAL = 1 << 10
# Packed bytes before a break in which the next member is looked for. A member that was cut off runs on
# into the one behind it, and bytes of that one may pass for its own for some KiB before deflate notices.
LOOK_BACK = 1 << 20

# bytes; the position in the file of the member that they begin; why the stream breaks behind them
Piece = tuple[bytes, int | None, BrokenStream | None]


def members(raw: Any, kind: str, limits: Limits, begin: bytes | None = None) -> Iterator[Piece]:
    """A packed file of `kind` (gristmill.udfs.streams.packings), unpacked, in pieces of any size.

    Without `begin` the first break is the last piece, and `max_unpack_ratio` holds for the file as read so
    far. With `begin`, that ratio holds for each member, and behind the break of a gzip member the pieces go
    on with the next member that unpacks to `begin` first. A member that breaks before its first byte gives
    an empty piece with its position. `max_unpacked_bytes` holds for the file in both ways, and ends it. No
    more bytes are read twice than once, however many members are damaged.
    """
    walk, at = _Walk(raw, kind, limits, begin is not None), 0
    while True:
        try:
            yield from walk.pieces(at)
            return
        except BrokenStream as broken:
            yield b"", walk.begins, broken
            if begin is None or kind != "gz" or walk.n_unpacked > limits.max_unpacked_bytes:
                return
            found = _next_member(raw, walk.search_from(broken), begin)
            if found is None:
                return
            at = found


class _Walk:
    """The reading of a packed file: what came of it so far, and where the member under way began."""

    def __init__(self, raw: Any, kind: str, limits: Limits, is_each: bool) -> None:
        self.raw, self.kind, self.limits = raw, kind, limits
        self.is_each = is_each  # whether the ratio is that of each member
        self.n_unpacked = 0
        # of the member under way; `begins` until its first piece was given out
        self.member_at, self.begins = 0, None  # type: int, int | None
        self.end = 0  # behind the last byte that the codec was given
        self.n_twice = 0  # bytes that were read a second time
        self._before = 0  # bytes unpacked before the member under way

    def pieces(self, start: int) -> Iterator[Piece]:
        """Every member from position `start` on. Raises BrokenStream."""
        fresh, step = _UNPACKERS[self.kind]
        # whether the member under way has been fed
        member, is_begun = fresh(), False
        for at, piece in _steps(self.raw, start, step):
            self.end = at + len(piece)
            while piece:
                if not is_begun:
                    # zeros between members and after the last are padding
                    # (tapes, block devices), as gzip(1) and xz(1) take them
                    if self.kind in ("gz", "xz") and not (piece := piece.lstrip(b"\0")):
                        break
                    self._begin(self.end - len(piece))
                for out in _fed(member, piece, self.n_unpacked):
                    yield out[: self.limits.max_unpacked_bytes - self.n_unpacked], self.begins, None
                    self.begins = None
                    self._judge(len(out))
                is_begun = not member.eof
                piece = member.unused_data if member.eof else b""
                member = member if is_begun else fresh()
        if is_begun:
            raise BrokenStream(reasons.TRUNCATED_FILE)

    def _begin(self, at: int) -> None:
        self.member_at = self.begins = at
        self._before = self.n_unpacked

    def _judge(self, n_out: int) -> None:
        self.n_unpacked += n_out
        n_packed, n_unpacked = self.end, self.n_unpacked
        if self.is_each:
            n_packed, n_unpacked = n_packed - self.member_at, n_unpacked - self._before
        if self.n_unpacked > self.limits.max_unpacked_bytes or (
            n_unpacked > UNPACK_FLOOR and n_unpacked > self.limits.max_unpack_ratio * n_packed
        ):
            raise BrokenStream(reasons.UNPACKS_TOO_LARGE)

    def search_from(self, broken: BrokenStream) -> int:
        """Where the next member is looked for behind a break."""
        if broken.reason == reasons.UNPACKS_TOO_LARGE:
            # not damaged: what follows is more of the same
            return max(self.member_at + 1, self.end - _UNPACKERS[self.kind][1])
        start = max(self.member_at + 1, self.end - LOOK_BACK)
        # Members inside members would otherwise be read once for each of them.
        if self.n_twice + self.end - start > self.end + LOOK_BACK:
            return max(start, self.end)
        self.n_twice += self.end - start
        return start


def _steps(raw: Any, start: int, step: int) -> Iterator[tuple[int, bytes]]:
    """The bytes from `start` on, `step` at a time, each with its position."""
    raw.seek(start)
    while buffer := raw.read(READ):
        for at in range(0, len(buffer), step):
            yield start + at, buffer[at : at + step]
        start += len(buffer)


def _next_member(raw: Any, start: int, begin: bytes) -> int | None:
    """Where, from `start` on, the first gzip member begins that unpacks to `begin` first."""
    raw.seek(start)
    window = b""
    while True:
        more = raw.read(READ)
        window += more
        at = window.find(GZIP_MAGIC)
        while at >= 0 and (not more or at + TRIAL <= len(window)):
            if _unpacks_to(window[at : at + TRIAL], begin):
                return start + at
            at = window.find(GZIP_MAGIC, at + 1)
        if not more:
            return None
        # half a mark may stand at the end of the window
        kept = at if at >= 0 else max(0, len(window) - len(GZIP_MAGIC) + 1)
        start, window = start + kept, window[kept:]


def _unpacks_to(packed: bytes, begin: bytes) -> bool:
    try:
        return _gzip_member().decompress(packed, len(begin)) == begin
    except zlib.error:
        return False


def _gzip_member() -> Any:
    return zlib.decompressobj(wbits=31)


def _zstd_frame() -> Any:
    return zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW).decompressobj()


def _xz_stream() -> Any:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)


# How a member begins, and how many packed bytes it is given in one call.
_UNPACKERS = {
    "gz": (_gzip_member, GZIP_STEP),
    "zst": (_zstd_frame, ZSTD_STEP),
    "bz2": (bz2.BZ2Decompressor, BZ2_STEP),
    "xz": (_xz_stream, XZ_STEP),
}


def _unfolding(member: Any, piece: bytes) -> Iterator[bytes]:
    """What `piece` unpacks to, in steps where the codec takes them."""
    if not hasattr(member, "needs_input"):
        yield member.decompress(piece)
        return
    yield member.decompress(piece, OUT_STEP)
    while not member.eof and not member.needs_input:
        yield member.decompress(b"", OUT_STEP)


def _fed(member: Any, piece: bytes, n_unpacked: int) -> Iterator[bytes]:
    """What `piece` unpacks to.

    Damaged bytes raise BrokenStream after all that stands before the damage (but for gzip: before its block).
    """
    # 40 KB, once for 8 KiB of input: 2 % of the inflating
    before: Any = member.copy() if hasattr(member, "copy") else None
    try:
        for out in _unfolding(member, piece):
            n_unpacked += len(out)
            yield out
    except (
        zlib.error,
        zstandard.ZstdError,
        lzma.LZMAError,
        OSError,
        EOFError,
    ):  # bzip2 says OSError; nothing is fetched here
        # zlib drops what a failing call had made so far: go there again, byte by byte.
        for at in range(len(piece) if before else 0):
            try:
                out = before.decompress(piece[at : at + 1])
            except zlib.error:
                break
            n_unpacked += len(out)
            yield out
        raise BrokenStream(reasons.TRUNCATED_FILE if n_unpacked else reasons.UNREADABLE_FILE) from None
