"""Plain text: a document a line, or a document a file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

from gristmill.udfs import reasons
from gristmill.udfs.read.rows import Mapper, ReadParams, Row
from gristmill.udfs.read.units import MARK, Format, Unit, encoding_of, mapper_of, opened
from gristmill.udfs.streams.encodings import BadEncoding, decode
from gristmill.udfs.streams.streams import BrokenStream, part_lines, unpacked


def read_lines(unit: Unit, params: ReadParams) -> Iterator[Row]:
    """A document a line."""
    mapper, path = mapper_of(unit, params), unit["path"]
    for location, line, reason, encoding in _lines(unit, params):
        yield (
            mapper.reject(location, path, reason, line)
            if reason
            else _text_row(mapper, location, path, line, encoding)
        )


def _lines(unit: Unit, params: ReadParams) -> Iterator[tuple[str, bytes, str | None, str]]:
    """Place, line, reason and encoding of every line that is not blank."""
    name = unit["name"]
    raw, size = opened(unit)
    with closing(raw):
        # Every part looks at the beginning of the file: its mark decides for all parts.
        encoding = encoding_of(raw.read(3), params)
        for at, line, reason in part_lines(raw, name, size, unit["part"], unit["n_parts"], params.limits):
            # packed files and UTF-16 show their mark only here
            if not at:
                encoding = encoding_of(line[:3], params) if reason is None else encoding
            if reason or (line and not line.isspace()):
                yield f"{name}:{at}", line, reason, encoding


def _text_row(mapper: Mapper, location: str, path: str, data: bytes, encoding: str) -> Row:
    try:
        text = decode(data, encoding)
    except BadEncoding as bad:
        return mapper.reject(location, path, bad.reason, data)
    # Only at position 0 is U+FEFF a mark; anywhere else it is a character of the text.
    text = text.removeprefix(MARK) if location.endswith(":0") else text
    return mapper.row(location, path, {"text": text, "file": location.rpartition(":")[0]}, text)


def read(unit: Unit, params: ReadParams) -> Iterator[Row]:
    """A document a file; the column `file` (path below root) may be mapped as its key."""
    path, mapper = unit["path"], mapper_of(unit, params)
    location, blocks, size = f"{unit['name']}:0", [], 0
    if unit["part"]:
        return
    raw, _ = opened(unit)
    with closing(raw):
        try:
            # Block by block: a file over the limit is given up before it is in memory.
            for block in unpacked(raw, unit["name"], params.limits):
                blocks.append(block)
                size += len(block)
                if size > params.max_row_bytes + 4:  # a mark does not count
                    yield mapper.reject(location, path, reasons.ROW_TOO_LONG, blocks[0])
                    return
        except BrokenStream as broken:
            yield mapper.reject(location, path, broken.reason, b"".join(blocks) or broken.seen)
            return
    data = b"".join(blocks)
    yield _text_row(mapper, location, path, data, encoding_of(data[:3], params))


TEXT = Format(read, columns={"text": "text"})
TEXT_LINES = Format(read_lines, splits=True, columns={"text": "text"})
