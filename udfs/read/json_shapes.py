"""The rows of a JSON file, whatever its shape: a row a line, rows that end with CR alone, an array, or
objects written over several lines.

The head of a file decides on its shape, so that all parts of the file agree. Only a file with a row a line is
read in parts.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

from gristmill.udfs import reasons
from gristmill.udfs.read import json_lines
from gristmill.udfs.read.rows import ReadParams, Row
from gristmill.udfs.read.units import MARK, Format, Unit, mapper_of, opened
from gristmill.udfs.read.values import Reject
from gristmill.udfs.streams.encodings import BadEncoding, codec_of, decode
from gristmill.udfs.streams.json_values import values
from gristmill.udfs.streams.streams import (
    BrokenStream,
    Limits,
    Line,
    blocks,
    is_one_piece,
    lines,
    part_lines,
    unpacked,
)

BOM = codecs.BOM_UTF8
# bytes of the head that decide on the shape; up to the
# second number while the first line has not ended
PROBE, MAX_PROBE = 1 << 16, 1 << 20
_SPACE = b" \t\r\n"


def json_rows(
    raw: Any, name: str, size: int, part: int, n_parts: int, limits: Limits, encoding: str
) -> tuple[Iterator[Line], str]:
    """Position, bytes and reason (as `streams.lines`) of the rows in part `part` of `n_parts` of a file,
    and the encoding that they are in."""
    raw.seek(0)
    head = raw.read(PROBE)
    # A stream without random access is peeked at through its unpacked bytes and then read on.
    if is_one_piece(name, head):
        if part:
            return iter(()), encoding
        head, pieces = _peeked(unpacked(raw, name, limits))
    else:
        # A first line that is longer than the probe would look like an object over several lines.
        head += raw.read(MAX_PROBE - PROBE) if b"\n" not in head and len(head) == PROBE else b""
        pieces = None
    # The byte order mark outranks the recipe.
    encoding = "utf-8" if head.startswith(BOM) else encoding
    shape = shape_of(head.removeprefix(BOM), encoding)
    if shape == "lines":
        return (
            part_lines(raw, name, size, part, n_parts, limits) if pieces is None else lines(pieces, limits)
        ), encoding
    # Rows of these shapes may begin anywhere in a line:
    # only a reader from the beginning finds them.
    if part:
        return iter(()), encoding
    pieces = blocks(raw) if pieces is None else pieces
    if shape == "cr":
        return lines(_as_lf(pieces), limits), encoding
    codec = codec_of(head, encoding)
    return values(
        pieces if codec is None else _as_utf8(pieces, codec), limits
    ), encoding if codec is None else "utf-8"


def _peeked(pieces: Iterator[bytes]) -> tuple[bytes, Iterator[bytes]]:
    """The first PROBE bytes, and all of the stream; a break of the stream is raised where it occurred."""
    head_blocks, size, broken = [], 0, None
    try:
        while size < PROBE and (piece := next(pieces, None)) is not None:
            head_blocks.append(piece)
            size += len(piece)
    except BrokenStream as error:
        broken = error

    def whole() -> Iterator[bytes]:
        yield from head_blocks
        if broken:
            raise broken
        yield from pieces

    return b"".join(head_blocks)[:PROBE], whole()


def shape_of(head: bytes, encoding: str) -> str:
    """`lines`, `cr` or `values` for the head of a JSON file without its mark."""
    text = head.lstrip(_SPACE)
    line = text.partition(b"\n")[0]
    first, cr, rest = line.rstrip(b"\r").partition(b"\r")
    # CR first: such a file has no LF, and its first line would be the whole file.
    if text[:1] == b"{":
        if cr and any(_is_whole(piece, encoding) for piece in (first, *rest.split(b"\r", 8)[:8])):
            return "cr"
        if _is_whole(line, encoding):
            return "lines"
        return "values" if first.strip() == b"{" or _is_spread(text, encoding) else "lines"
    if text[:1] == b"[":
        if _is_whole(line, encoding):
            # an array of one line, or lines that are lists
            return "lines" if text[len(line) :].strip() else "values"
        return "values" if first.strip() == b"[" or text[1:].lstrip(_SPACE)[:1] in (b"{", b"]") else "lines"
    return "lines"


def _is_spread(text: bytes, encoding: str) -> bool:
    """Whether the head begins with a whole object that goes over several lines."""
    _, row, reason = next(values(iter([text]), Limits(len(text), 1, len(text) + 1, 1.0)))
    return reason is None and b"\n" in row.strip() and _is_whole(row, encoding)


def _is_whole(line: bytes, encoding: str) -> bool:
    """Whether a line is a JSON object or list from end to end."""
    try:
        json_lines.parse(decode(line, encoding))
    except BadEncoding:
        return False
    except Reject as bad:
        return bad.reason in (reasons.DUPLICATE_KEY, reasons.NOT_AN_OBJECT)
    return True


def _as_lf(pieces: Iterable[bytes]) -> Iterator[bytes]:
    return (piece.replace(b"\r", b"\n") for piece in pieces)


def _as_utf8(pieces: Iterable[bytes], codec: str) -> Iterator[bytes]:
    """Recoded as it streams, since brackets and backslashes can be halves of characters; what is no text
    passes as the bytes that it was."""
    decoder = codecs.getincrementaldecoder(codec)(errors="surrogateescape")
    for piece in pieces:
        yield decoder.decode(piece).encode("utf-8", "surrogateescape")
    yield decoder.decode(b"", True).encode("utf-8", "surrogateescape")


# where it stands, the object, the row as it stood in the file, the reason for which there is no object
Parsed = tuple[str, dict[str, Any], str | bytes, str | None]


def parsed_rows(unit: Unit, limits: Limits, encoding: str) -> Iterator[Parsed]:
    """Every row of a unit that is not blank, as an object or with its reason; `encoding` of
    gristmill.udfs.streams.encodings.ENCODINGS."""
    name = unit["name"]
    raw, size = opened(unit)
    with closing(raw):
        rows, encoding = json_rows(raw, name, size, unit["part"], unit["n_parts"], limits, encoding)
        for at, line, reason in rows:
            if not reason and (not line or line.isspace()):
                continue
            location = f"{name}:{at}"
            text: str | bytes = line
            if reason:
                yield location, {}, line, reason
                continue
            try:
                # `text` is what a reject shows: the decoded
                # row where decoding succeeded, else the bytes.
                text = row = decode(line, encoding).removeprefix(MARK)
                record = json_lines.parse(row) if row and not row.isspace() else None
            except (Reject, BadEncoding) as bad:
                yield location, {}, text, bad.reason
                continue
            if record is not None:
                yield location, record, row, None


def read(unit: Unit, params: ReadParams) -> Iterator[Row]:
    """The rows of JSON Lines, and of the other shapes that files of that name have."""
    mapper, path = mapper_of(unit, params), unit["path"]
    for location, record, row, reason in parsed_rows(unit, params.limits, params.encoding):
        if reason:
            yield mapper.reject(location, path, reason, row)
        else:
            yield mapper.row(location, path, record, row)


JSONL = Format(read, splits=True)
