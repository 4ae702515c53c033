"""Reads files of any sort into rows of one shape, in streams, and never loses a good row because of a bad
neighbour.

`plan_units` cuts the work on the driver, `read_units` does it inside `mapInArrow` (bind `params` with
functools.partial), `as_rows` takes frames that Spark has read itself (Delta). Every input row comes out once:
as a document (`reason` null) or as a reject with one of REASONS. Line ends that stand alone (blank lines) and
WARC records that hold no text are no input rows.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.udfs import reasons
from gristmill.udfs.arrow.batches import as_batch
from gristmill.udfs.read import arrow_rows, json_lines, warc
from gristmill.udfs.read.encodings import BadEncoding, decode
from gristmill.udfs.read.json_shapes import json_rows
from gristmill.udfs.read.packings import HEAD, foreign, packing
from gristmill.udfs.read.rows import ROWS, Mapper, ReadParams, Row, batched, hash128
from gristmill.udfs.read.streams import BrokenStream, is_packed, open_file, part_lines, unpacked
from gristmill.udfs.read.survey import MAX_NAMES, Survey
from gristmill.udfs.read.values import Reject

REASONS = reasons.READ
__all__ = ["FORMATS", "REASONS", "ROWS", "UNITS", "ReadParams", "as_rows", "plan_units", "read_units"]

# path: what is opened; name: what `source_location` calls the file (below the input, without which one name
# may stand for two files).
UNITS = pa.schema(
    [
        ("path", pa.string()),
        ("name", pa.string()),
        ("format", pa.string()),
        ("part", pa.int32()),
        ("n_parts", pa.int32()),
    ]
)
# text: a document a file; text_lines: a document a line
FORMATS = ("jsonl", "text", "text_lines", "parquet", "wet")
SPLITS = ("jsonl", "text_lines", "parquet")
MARK = "\ufeff"  # byte order mark: no part of a text
WET = {
    "text": "text",
    "url": "warc-target-uri",
    "native_key": "warc-record-id",
    "lang_hint": "warc-identified-content-language",
}


def plan_units(
    files: Iterable[tuple[str, int]], format: str, split_bytes: int, names: Mapping[str, str] | None = None
) -> pa.Table:
    """The units (schema UNITS) that together read `files` (path, bytes), in the order of the paths; raises
    ValueError on an unknown format.

    `names`: what each path is called in `source_location`; the bare file name where nothing is said. Plain
    files of lines fall into parts of about `split_bytes`, Parquet files into as many (a part takes every n-th
    row group); packed files, WET and whole texts are one unit each.
    """
    if format not in FORMATS:
        raise ValueError(f"format: {format!r} is none of {', '.join(FORMATS)}")
    rows = []
    for path, size in sorted(files):
        name = (names or {}).get(path) or path.rsplit("/", 1)[-1]
        n_parts = (
            max(1, -(-size // split_bytes))
            if format in SPLITS and (format == "parquet" or not is_packed(name))
            else 1
        )
        rows += [(path, name, format, part, n_parts) for part in range(n_parts)]
    return pa.Table.from_batches([as_batch(rows, UNITS)])


def read_units(batches: Iterable[pa.RecordBatch], params: ReadParams) -> Iterator[pa.RecordBatch]:
    """Units in (UNITS), rows out (ROWS), in batches that keep to params.batch_rows and params.batch_bytes.

    Raises OSError when a file cannot be fetched (as opposed to: holds rubbish), so that the task is tried
    again.
    """
    units = (unit for batch in batches for unit in batch.to_pylist())
    return batched((row for unit in units for row in rows_of_unit(unit, params)), params)


def rows_of_unit(unit: dict[str, Any], params: ReadParams) -> Iterator[pa.RecordBatch | Row]:
    """The rows of one unit (UNITS); it may carry a gristmill.udfs.read.part_hash.PartHash that sees its bytes
    (`digest`) and a Survey of its columns (`survey`)."""
    return _READERS[unit["format"]](unit, params)


def _opened(unit: dict[str, Any]) -> tuple[Any, int]:
    raw, size = open_file(unit["path"])
    return (unit["digest"].over(raw, size) if "digest" in unit else raw), size


def as_rows(
    batches: Iterable[pa.RecordBatch], params: ReadParams, survey: Survey | None = None
) -> Iterator[pa.RecordBatch]:
    """Frames that Spark has read (Delta, views): columns mapped and checked as for Parquet files; rows out in
    ROWS.

    A frame's rows have no position of their own, so three more columns may say where they stood: `_path`
    (`_metadata.file_path`) with `_row` (`_metadata.row_index`; Parquet only, Delta 3.3 does not have it) or
    with `_block` (`_metadata.file_block_start`; rows are then counted within their block, which one task
    reads whole and in order). Without `_path`, place is a hash of the row and a count within this task: equal
    rows of different tasks then share a place.
    """
    return batched(_frame_rows(batches, Mapper(params, survey=survey)), params)


def _frame_rows(batches: Iterable[pa.RecordBatch], mapper: Mapper) -> Iterator[pa.RecordBatch | Row]:
    seen: Counter[str] = Counter()
    for batch in batches:
        paths, homes = _homes(batch, mapper.params)
        if "_row" in batch.schema.names:
            locations = [
                f"{home}{row}" for home, row in zip(homes, batch.column("_row").to_pylist(), strict=True)
            ]
        else:
            locations = []
            for home in homes:
                locations.append(f"{home}{seen[home]}")
                seen[home] += 1
        yield from arrow_rows.rows_of(batch, mapper, pa.array(locations, pa.string()), paths)


def _homes(batch: pa.RecordBatch, params: ReadParams) -> tuple[pa.Array, list[str]]:
    """Path of each row, and what its place begins with: the number of the row follows."""
    if "_path" in batch.schema.names:
        paths = batch.column("_path").cast(pa.string())
        names = [params.name(path) for path in paths.to_pylist()]
        if "_block" in batch.schema.names:
            return paths, [
                f"{name}:{block}+"
                for name, block in zip(names, batch.column("_block").to_pylist(), strict=True)
            ]
        return paths, [f"{name}:" for name in names]
    name = params.name(params.root)
    # Not to_pylist(): a string that is not UTF-8 would raise there.
    rows = ([arrow_rows.value_at(column, i) for column in batch.columns] for i in range(batch.num_rows))
    hashes = (hash128(repr(row).encode("utf-8", "backslashreplace")) for row in rows)
    return pa.repeat(pa.scalar(params.root), batch.num_rows), [f"{name}:{digest}." for digest in hashes]


def _jsonl(unit: dict[str, Any], params: ReadParams) -> Iterator[Row]:
    """JSON Lines, and what else is found under that name (gristmill.udfs.read.json_shapes)."""
    mapper, path, name = _mapper(unit, params), unit["path"], unit["name"]
    raw, size = _opened(unit)
    with closing(raw):
        rows, encoding = json_rows(
            raw, name, size, unit["part"], unit["n_parts"], params.limits, params.encoding
        )
        for at, line, reason in rows:
            if not reason and (not line or line.isspace()):
                continue
            location = f"{name}:{at}"
            text: str | bytes = line
            if reason:
                yield mapper.reject(location, path, reason, line)
                continue
            try:
                text = row = decode(line, encoding).removeprefix(MARK)
                if row and not row.isspace():
                    yield mapper.row(location, path, json_lines.parse(row), row)
            except (Reject, BadEncoding) as bad:
                yield mapper.reject(location, path, bad.reason, text)


def _mapper(unit: dict[str, Any], params: ReadParams, defaults: dict[str, str] | None = None) -> Mapper:
    return Mapper(params, defaults, unit.get("survey"))


def _text_lines(unit: dict[str, Any], params: ReadParams) -> Iterator[Row]:
    """A document a line."""
    mapper, path = _mapper(unit, params), unit["path"]
    for location, line, reason, encoding in _lines(unit, params):
        yield (
            mapper.reject(location, path, reason, line)
            if reason
            else _text_row(mapper, location, path, line, encoding)
        )


def _lines(unit: dict[str, Any], params: ReadParams) -> Iterator[tuple[str, bytes, str | None, str]]:
    """Place, line, reason and encoding of every line that is not blank."""
    name = unit["name"]
    raw, size = _opened(unit)
    with closing(raw):
        encoding = _encoding(raw.read(3), params)
        for at, line, reason in part_lines(raw, name, size, unit["part"], unit["n_parts"], params.limits):
            # packed files and UTF-16 show their mark only here
            if not at:
                encoding = _encoding(line[:3], params) if reason is None else encoding
            if reason or (line and not line.isspace()):
                yield f"{name}:{at}", line, reason, encoding


def _encoding(head: bytes, params: ReadParams) -> str:
    """A file that begins with UTF-8's mark is UTF-8, whatever the recipe thinks (UTF-16 has become UTF-8
    with its mark by now)."""
    return "utf-8" if head == MARK.encode() else params.encoding


def _text_row(mapper: Mapper, location: str, path: str, data: bytes, encoding: str) -> Row:
    try:
        text = decode(data, encoding)
    except BadEncoding as bad:
        return mapper.reject(location, path, bad.reason, data)
    text = text.removeprefix(MARK) if location.endswith(":0") else text
    return mapper.row(location, path, {"text": text, "file": location.rpartition(":")[0]}, text)


def _text(unit: dict[str, Any], params: ReadParams) -> Iterator[Row]:
    """A document a file; the column `file` (path below root) may be mapped as its key."""
    path, mapper = unit["path"], _mapper(unit, params)
    location, held, size = f"{unit['name']}:0", [], 0
    if unit["part"]:
        return
    raw, _ = _opened(unit)
    with closing(raw):
        try:
            for block in unpacked(raw, unit["name"], params.limits):
                held.append(block)
                size += len(block)
                if size > params.max_row_bytes + 4:  # a mark does not count
                    yield mapper.reject(location, path, reasons.ROW_TOO_LONG, held[0])
                    return
        except BrokenStream as broken:
            yield mapper.reject(location, path, broken.reason, b"".join(held) or broken.seen)
            return
    data = b"".join(held)
    yield _text_row(mapper, location, path, data, _encoding(data[:3], params))


def _wet(unit: dict[str, Any], params: ReadParams) -> Iterator[Row]:
    """Common Crawl's WET, plain or packed; columns name header fields, in any case."""
    path, mapper = unit["path"], _mapper(unit, params, WET)
    theirs = {column.lower(): column for column in mapper.columns.values()}
    if unit["part"]:
        return
    raw, _ = _opened(unit)
    with closing(raw):
        for at, header, body, reason in warc.conversions(
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


def _parquet(unit: dict[str, Any], params: ReadParams) -> Iterator[pa.RecordBatch | Row]:
    """Row groups `part`, `part` + `n_parts`, ... of a Parquet file, a batch at a time."""
    path, mapper = unit["path"], _mapper(unit, params)
    raw, _ = open_file(path)
    with closing(raw):
        try:
            file = pq.ParquetFile(_native(raw), pre_buffer=True)
        except (pa.ArrowException, OSError, ValueError):
            _raise_if_unfetched(raw)
            if unit["part"] == 0:
                yield mapper.reject(f"{unit['name']}:0", path, *_no_parquet(raw))
            return
        mapper.survey.names.update(dict.fromkeys(file.schema_arrow.names[:MAX_NAMES]))
        left = params.max_unpacked_bytes
        for group in range(unit["part"], file.num_row_groups, unit["n_parts"]):
            for row in _row_group(file, group, unit, mapper, raw):
                yield row
                left -= row.nbytes if isinstance(row, pa.RecordBatch) else 0
                if left < 0:
                    yield mapper.reject(
                        f"{unit['name']}:row group {group}", path, reasons.UNPACKS_TOO_LARGE, b""
                    )
                    return


def _no_parquet(raw: Any) -> tuple[str, bytes]:
    """Reason and raw of a file that pyarrow does not open: what it is instead, or how it begins."""
    raw.seek(0)
    head = bytes(raw.read(HEAD))
    kind, other = packing("", head), foreign("", head)
    if other and "Parquet" in other:
        return (
            reasons.UNREADABLE_FILE,
            other.encode() if "encrypted" in other else b"a Parquet file whose end is damaged or missing",
        )
    if kind or other:
        return reasons.FOREIGN_FILE, (other or f"packed by {kind}, which Parquet files are not").encode()
    return reasons.UNREADABLE_FILE, head


def _row_group(
    file: pq.ParquetFile, group: int, unit: dict[str, Any], mapper: Mapper, raw: Any
) -> Iterator[pa.RecordBatch | Row]:
    meta, path, name = file.metadata, unit["path"], unit["name"]
    at = sum(meta.row_group(i).num_rows for i in range(group))
    mean = max(1, meta.row_group(group).total_byte_size // max(1, meta.row_group(group).num_rows))
    size = min(mapper.params.batch_rows, max(1, mapper.params.batch_bytes // mean))
    known = set(file.schema_arrow.names)
    columns = sorted(
        {theirs if theirs in known else theirs.split(".")[0] for theirs in mapper.columns.values()} & known
    )
    try:
        for batch in file.iter_batches(
            batch_size=size, row_groups=[group], columns=columns, use_threads=False
        ):
            locations = pa.array([f"{name}:{row}" for row in range(at, at + batch.num_rows)], pa.string())
            yield from arrow_rows.rows_of(
                batch, mapper, locations, pa.repeat(pa.scalar(path), batch.num_rows)
            )
            at += batch.num_rows
    except (pa.ArrowException, OSError, ValueError):
        _raise_if_unfetched(raw)
        yield mapper.reject(f"{name}:{at}", path, reasons.UNREADABLE_FILE, b"")


def _native(raw: Any) -> Any:
    """Local files without a detour over Python's file object."""
    return pa.OSFile(raw.name) if isinstance(raw, io.BufferedReader) else raw


def _raise_if_unfetched(raw: Any) -> None:
    """pyarrow raises OSError for a bad page and for a lost connection alike: what can still be read was
    not lost on the way."""
    size = raw.seek(0, 2)
    for at in (0, max(0, size - 8)):
        raw.seek(at)
        raw.read(8)


_READERS = {"jsonl": _jsonl, "text": _text, "text_lines": _text_lines, "wet": _wet, "parquet": _parquet}
