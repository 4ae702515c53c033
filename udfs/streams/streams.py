"""Bytes of a file, bounded: opened anywhere, unpacked without trust, cut into lines that never exceed a
limit.

Three generators stand on each other: `unpacked` (blocks of a plain or packed file), `as_utf8` (UTF-16 and
UTF-32 to UTF-8) and `lines` (position, bytes, what is wrong). None holds more than one row and one block.
What a file's *content* does wrong is a `BrokenStream` and becomes a row of `rejects`; what the *transport*
does wrong (no such file, no right, a lost connection) stays an OSError, so that the task fails and is tried
again instead of leaving a file out for a hiccup of the network.
"""

from __future__ import annotations

import codecs
import functools
import itertools
from collections.abc import Iterator
from typing import Any, BinaryIO
from urllib.parse import unquote

import pyarrow.fs

from gristmill.udfs import reasons
from gristmill.udfs.streams.limits import READ, BrokenStream, Limits
from gristmill.udfs.streams.members import MARKS, Piece, members
from gristmill.udfs.streams.packings import HEAD, foreign, packing, promised

BLOCK = 1 << 18  # bytes handed on at a time

# byte position in the unpacked file, the line (or its head), reason when it is no good
Line = tuple[int, bytes, str | None]


def open_file(path: str) -> tuple[Any, int]:
    """A seekable binary file and its size in bytes; `path` is a plain path, `file:` or any scheme that
    pyarrow's file systems know.

    Raises OSError (FileNotFoundError, PermissionError, ...) when it cannot be opened.
    """
    scheme, colon, rest = path.partition(":")
    if colon and scheme != "file" and rest.startswith("//"):
        authority, _, key = rest[2:].partition("/")
        system, base = _file_system({"s3a": "s3", "s3n": "s3"}.get(scheme, scheme), authority)
        handle = system.open_input_file(f"{base.rstrip('/')}/{key}")
        return handle, handle.size()
    local = _local(rest if colon and scheme == "file" else path)
    return local, local.seek(0, 2) + local.seek(0)


def _local(path: str) -> BinaryIO:
    path = "/" + path.lstrip("/") if path.startswith("//") else path
    try:
        return open(path, "rb")
    except (
        FileNotFoundError
    ):  # Hadoop writes `file:/a b`, Spark's input_file_name() `file:/a%20b` for the same file
        if unquote(path) == path:
            raise
        return open(unquote(path), "rb")


@functools.cache
def _file_system(scheme: str, authority: str) -> tuple[pyarrow.fs.FileSystem, str]:
    # Only scheme and authority are parsed as a URI: a key may
    # hold blanks, `#` and `%`, which Hadoop hands on unescaped.
    return pyarrow.fs.FileSystem.from_uri(
        f"{scheme}://{authority}/" if scheme in ("hdfs", "viewfs") else f"{scheme}://{authority}"
    )


def _kind(name: str, head: bytes) -> str | None:
    """The packing of a file, None for a plain one.

    Raises BrokenStream for what is not read, and for bytes that do not keep what the name promises.
    """
    kind, other, named_packing = packing(name, head), foreign(name, head), promised(name)
    if other:
        raise BrokenStream(reasons.FOREIGN_FILE, other)
    if kind is None and named_packing:
        raise BrokenStream(
            reasons.UNREADABLE_FILE if len(head) >= 4 else reasons.TRUNCATED_FILE,
            f"named {named_packing}, and its bytes are none of {named_packing}",
        )
    return kind


def is_packed(name: str) -> bool:
    """Whether the name promises a packing; such a file is read in one piece."""
    return promised(name) is not None


def is_one_piece(name: str, head: bytes) -> bool:
    """Whether a file cannot be read in parts: packed, in UTF-16 or UTF-32, or nothing that is read at all."""
    return (
        is_packed(name)
        or packing(name, head) is not None
        or wide_encoding(head) is not None
        or foreign(name, head) is not None
    )


def wide_encoding(head: bytes) -> str | None:
    """UTF-16 or UTF-32 (with byte order) when the first four bytes are its byte order mark; such bytes
    begin no other text."""
    marks = (
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
    )
    return next(
        (name for mark, name in (*marks, (codecs.BOM_UTF16_BE, "utf-16-be")) if head.startswith(mark)), None
    )


def blocks(raw: Any, start: int = 0, size: int = 0) -> Iterator[bytes]:
    """Blocks of `size` bytes (0: BLOCK; the last of a read may be shorter) of a plain file from byte
    `start` on."""
    raw.seek(start)
    size = size or BLOCK
    while buffer := raw.read(READ):
        for at in range(0, len(buffer), size):
            yield buffer[at : at + size]


def unpacked(raw: Any, name: str, limits: Limits) -> Iterator[bytes]:
    """Blocks of UTF-8-compatible bytes of a file, unpacked as its head says.

    Raises BrokenStream after the last good block.
    """
    raw.seek(0)
    kind = _kind(name, raw.read(HEAD))
    if kind is None:
        yield from _as_utf8(blocks(raw))
        return
    pieces = _gathered(grown(raw, kind, limits))
    first = next(pieces, b"")
    if other := foreign("", first[:HEAD]):
        raise BrokenStream(reasons.FOREIGN_FILE, f"{other} inside {kind}")
    yield from _as_utf8(itertools.chain((first,), pieces))


def member_pieces(
    raw: Any, name: str, limits: Limits, begin: bytes, dictionary: Any = None
) -> Iterator[Piece]:
    """The bytes of a plain or packed file as gristmill.udfs.streams.members.members gives them, on behind
    damaged gzip members and zstd frames; of a plain file without positions.

    Bytes are as they stand, in UTF-16 and UTF-32, too. What is not read at all is one piece with its break.
    A file that begins with `begin` is a plain one whatever its name promises: some tools unpack a file and
    keep its name. `dictionary` as in `members`.
    """
    raw.seek(0)
    head = raw.read(HEAD)
    named = promised(name)
    # by its name, too: the damage may be in the first bytes
    is_named = named in MARKS and packing(name, head) is None and foreign(name, head) is None
    try:
        kind = None if head.startswith(begin) else named if is_named else _kind(name, head)
    except BrokenStream as broken:
        yield b"", None, broken
        return
    if kind is None:
        yield from ((block, None, None) for block in blocks(raw))
        return
    pieces = members(raw, kind, limits, begin, dictionary)
    first = next(pieces, (b"", None, None))
    if other := foreign("", first[0][:HEAD]):
        first, pieces = (b"", None, BrokenStream(reasons.FOREIGN_FILE, f"{other} inside {kind}")), iter(())
    yield from itertools.chain((first,), pieces)


def grown(raw: Any, kind: str, limits: Limits) -> Iterator[bytes]:
    """Every member of a packed file, unpacked; pieces of any size. Raises BrokenStream."""
    for piece, _, broken in members(raw, kind, limits):
        if broken:
            raise broken
        yield piece


def _gathered(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same bytes in blocks of BLOCK (a bomb's 32 MiB of line ends must not become one list); what
    was left at a break included."""
    buffer: list[bytes] = []
    size = 0
    try:
        for piece in pieces:
            buffer.append(piece)
            size += len(piece)
            if size >= BLOCK:
                whole = b"".join(buffer)
                for at in range(0, size - size % BLOCK, BLOCK):
                    yield whole[at : at + BLOCK]
                buffer = [whole[size - size % BLOCK :]]
                size = len(buffer[0])
    except BrokenStream:
        yield b"".join(buffer)
        raise
    yield b"".join(buffer)


def _as_utf8(plain: Iterator[bytes]) -> Iterator[bytes]:
    """UTF-16 and UTF-32 become UTF-8 as they stream: their bytes 0x0A are no line ends (U+4E0A is an everyday
    character).

    Unpaired surrogates pass as three bytes, so that only their own row is found bad; half a character at the
    end becomes 0xFF. Byte order marks stay in (as U+FEFF): taking them out here would move every position
    behind them.
    """
    first = next(plain, b"")
    wide = wide_encoding(first[:4])
    if wide is None:
        yield first
        yield from plain
        return
    decoder = codecs.getincrementaldecoder(wide)(errors="surrogatepass")
    for block in itertools.chain((first,), plain):
        try:
            yield decoder.decode(block).encode("utf-8", "surrogatepass")
        except UnicodeDecodeError:  # UTF-32 beyond U+10FFFF: no way to tell how the bytes go on
            raise BrokenStream(reasons.TRUNCATED_FILE) from None
    if decoder.getstate()[0]:
        yield b"\xff"


def lines(pieces: Iterator[bytes], limits: Limits, start: int = 0, end: int | None = None) -> Iterator[Line]:
    """Every line of a block stream, without its line end (LF or CRLF; U+2028, U+0085 and a lone CR are text).

    `start` is the position of the first block; a line belongs to the caller when its first byte stands before
    `end`. A line over `max_row_bytes` comes as its first `max_raw_bytes` bytes and `row_too_long`, never held
    whole; a stream that breaks ends with one entry of its reason, which carries the head of the line that the
    break cut off. The last line needs no line end.
    """
    line = _Line(limits, start)
    try:
        for block in pieces:
            first, *others = block.split(b"\n")
            line.add(first)
            if others:
                yield line.cut()
                for whole in others[:-1]:
                    yield line.whole(whole)
                line.add(others[-1])
            if end is not None and (line.at >= end or (line.is_long and line.at + line.size >= end)):
                break  # what follows begins behind our range
        if line.size and (end is None or line.at < end):
            yield line.cut()
    except BrokenStream as broken:
        yield line.at, line.head() or broken.seen.encode(), broken.reason


class _Line:
    """The line under way: its pieces while it may still be short enough, its head and its length from
    there on."""

    def __init__(self, limits: Limits, at: int) -> None:
        self.limits, self.at, self.size = limits, at, 0
        self.is_long = False
        self._pieces: list[bytes] = []

    def add(self, piece: bytes) -> None:
        self.size += len(piece)
        if self.is_long:
            return
        self._pieces.append(piece)
        if self.size > self.limits.max_row_bytes + 1:  # one more: a CR at the end does not count
            self._pieces, self.is_long = [self.head()], True

    def head(self) -> bytes:
        return b"".join(self._pieces)[: self.limits.max_raw_bytes]

    def cut(self) -> Line:
        """The line is complete; the next begins."""
        at, size, is_long, buffer = self.at, self.size, self.is_long, self._pieces
        self.at, self.size, self.is_long, self._pieces = at + size + 1, 0, False, []
        return (
            (at, buffer[0].rstrip(b"\r"), reasons.ROW_TOO_LONG)
            if is_long
            else self._judged(at, b"".join(buffer))
        )

    def whole(self, line: bytes) -> Line:
        """A line that one block holds from end to end."""
        at, self.at = self.at, self.at + len(line) + 1
        return self._judged(at, line)

    def _judged(self, at: int, line: bytes) -> Line:
        line = line[:-1] if line.endswith(b"\r") else line
        is_long = len(line) > self.limits.max_row_bytes
        # A head that reaches the line end loses its CR in both
        # ways here, else what it shows would depend on the blocks.
        return (
            (at, line[: self.limits.max_raw_bytes].rstrip(b"\r"), reasons.ROW_TOO_LONG)
            if is_long
            else (at, line, None)
        )


def part_lines(raw: Any, name: str, size: int, part: int, n_parts: int, limits: Limits) -> Iterator[Line]:
    """The lines of part `part` of `n_parts` of a file of `size` bytes: those whose first byte stands in its
    share of the bytes.

    Packed, UTF-16 and UTF-32 files have no lines to begin at; whatever the plan says, their first part is the
    whole file.
    """
    raw.seek(0)
    if n_parts == 1 or is_one_piece(name, raw.read(HEAD)):
        return lines(unpacked(raw, name, limits), limits) if part == 0 else iter(())
    begin, end = size * part // n_parts, size * (part + 1) // n_parts
    if begin == end:
        return iter(())
    if begin == 0:
        return _before(lines(blocks(raw), limits, 0, end), end)
    # One byte early: the line that holds byte begin - 1 is another
    # part's; when that byte is its LF, ours begins exactly at `begin`.
    return _before(itertools.islice(lines(blocks(raw, begin - 1), limits, begin - 1, end), 1, None), end)


def _before(all_lines: Iterator[Line], end: int) -> Iterator[Line]:
    return itertools.takewhile(lambda line: line[0] < end, all_lines)
