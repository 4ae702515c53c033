"""A packed file member by member: the members of gzip, the frames of zstd, the streams of bzip2 and xz, with
the position at which each begins, and on behind a damaged one.

Common Crawl and other archives write each record as a gzip member of its own, or as a zstd frame. There a
damaged one costs itself: reading goes on at the next position where a member unpacks to what a record begins
with.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import zstandard

from gristmill.udfs import reasons
from gristmill.udfs.streams.dictionaries import FRAME, dictionary_of
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

# How a member begins behind whose damage others are looked for (deflate is the only method of gzip), and how
# many of its packed bytes are tried. A block of gzip has its code tables, some 300 bytes, before the first
# character; a frame of zstd gives nothing before its first block is whole, which unpacks to 128 KiB at most.
MARKS = {"gz": (b"\x1f\x8b\x08", 1 << 10), "zst": (FRAME, (1 << 17) + (1 << 10))}
# packed bytes that are tried at a time
_LOOK = 1 << 10
# Packed bytes before a break in which the next member is looked for. A member that was cut off runs on
# into the one behind it, and bytes of that one may pass for its own for some KiB before deflate notices.
LOOK_BACK = 1 << 20

# bytes; the position in the file of the member that they begin; why the stream breaks behind them
Piece = tuple[bytes, int | None, BrokenStream | None]


def members(
    raw: Any, kind: str, limits: Limits, begin: bytes | None = None, dictionary: Any = None
) -> Iterator[Piece]:
    """A packed file of `kind` (gristmill.udfs.streams.packings), unpacked, in pieces of any size.

    Without `begin` the first break is the last piece, and `max_unpack_ratio` holds for the file as read so
    far. With `begin`, that ratio holds for each member, and behind the break of a gzip member or a zstd frame
    the pieces go on with the next one that unpacks to `begin` first. A member that breaks before its first
    byte gives an empty piece with its position. `max_unpacked_bytes` holds for the file in both ways, and
    ends it. No more bytes are read twice than once, however many members are damaged. `dictionary`: that of
    zstd frames which are only a part of their file; a whole file brings its own.
    """
    try:
        fresh = _unpacker(raw, kind, dictionary)
    except BrokenStream as broken:
        yield b"", None, broken
        return
    walk, at = _Walk(raw, kind, fresh, limits, begin is not None), 0
    while True:
        try:
            yield from walk.pieces(at)
            return
        except BrokenStream as broken:
            yield b"", walk.begins, broken
            if begin is None or kind not in MARKS or walk.n_unpacked > limits.max_unpacked_bytes:
                return
            found = _next_member(raw, kind, fresh, walk.search_from(broken), begin)
            if found is None:
                return
            at = found


class _Walk:
    """The reading of a packed file: what came of it so far, and where the member under way began."""

    def __init__(self, raw: Any, kind: str, fresh: Callable[[], Any], limits: Limits, is_each: bool) -> None:
        self.raw, self.kind, self.fresh, self.limits = raw, kind, fresh, limits
        self.is_each = is_each  # whether the ratio is that of each member
        self.n_unpacked = 0
        # of the member under way; `begins` until its first piece was given out
        self.member_at, self.begins = 0, None  # type: int, int | None
        self.end = 0  # behind the last byte that the codec was given
        self.n_twice = 0  # bytes that were read a second time
        self._before = 0  # bytes unpacked before the member under way

    def pieces(self, start: int) -> Iterator[Piece]:
        """Every member from position `start` on. Raises BrokenStream."""
        # whether the member under way has been fed
        member, is_begun = self.fresh(), False
        for at, piece in _steps(self.raw, start, _STEPS[self.kind]):
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
                member = member if is_begun else self.fresh()
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
            return max(self.member_at + 1, self.end - _STEPS[self.kind])
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


def _next_member(raw: Any, kind: str, fresh: Callable[[], Any], start: int, begin: bytes) -> int | None:
    """Where, from `start` on, the first member begins that unpacks to `begin` first.

    No more bytes are tried than are searched, and a first look at each mark: a file of nothing but marks must
    not cost a square.
    """
    mark, trial = MARKS[kind]
    raw.seek(start)
    window, budget = b"", trial
    while True:
        more = raw.read(READ)
        window, budget = window + more, budget + len(more)
        at = window.find(mark)
        while at >= 0 and (not more or at + trial <= len(window)):
            is_one, n_tried = _unpacks_to(fresh(), window[at : at + min(trial, max(budget, _LOOK))], begin)
            if is_one:
                return start + at
            budget -= n_tried
            at = window.find(mark, at + 1)
        if not more:
            return None
        # half a mark may stand at the end of the window
        kept = at if at >= 0 else max(0, len(window) - len(mark) + 1)
        start, window = start + kept, window[kept:]


def _unpacks_to(member: Any, packed: bytes, begin: bytes) -> tuple[bool, int]:
    """Whether a member begins with `begin`, and how many of its packed bytes tell."""
    out = b""
    for at in range(0, len(packed), _LOOK):
        try:
            out += member.decompress(packed[at : at + _LOOK])
        except (zlib.error, zstandard.ZstdError):
            return False, at + _LOOK
        if member.eof or len(out) >= len(begin):
            return out.startswith(begin), at + _LOOK
    return False, len(packed)


def _gzip_member() -> Any:
    return zlib.decompressobj(wbits=31)


def _xz_stream() -> Any:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)


_FRESH = {"gz": _gzip_member, "bz2": bz2.BZ2Decompressor, "xz": _xz_stream}
# how many packed bytes a member is given in one call
_STEPS = {"gz": GZIP_STEP, "zst": ZSTD_STEP, "bz2": BZ2_STEP, "xz": XZ_STEP}


def _unpacker(raw: Any, kind: str, dictionary: Any) -> Callable[[], Any]:
    """What unpacks one member after another. Raises BrokenStream for a zstd dictionary that is none."""
    if kind != "zst":
        return _FRESH[kind]
    held = dictionary_of(raw) if dictionary is None else dictionary
    return zstandard.ZstdDecompressor(dict_data=held, max_window_size=ZSTD_WINDOW).decompressobj


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
