"""Reads files of any sort into rows of one shape, in streams, and never loses a good row because of a bad
neighbour.

`plan_units` cuts the work on the driver, `read_units` does it inside `mapInArrow` (bind `params` with
functools.partial), `as_rows` takes frames that Spark has read itself (Delta). Every input row comes out once:
as a document (`reason` null) or as a reject with one of REASONS. Line ends that stand alone (blank lines) and
WARC records that hold no text are no input rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Protocol

import pyarrow as pa

from gristmill.udfs import reasons
from gristmill.udfs.arrow.batches import as_batch
from gristmill.udfs.read import arrow_rows, json_shapes, parquet_files, text_files, warc
from gristmill.udfs.read.rows import ROWS, Mapper, ReadParams, Row, batched, hash128
from gristmill.udfs.read.survey import Survey
from gristmill.udfs.read.units import UNITS, Format, Unit
from gristmill.udfs.streams.streams import is_packed

REASONS = reasons.READ
__all__ = ["FORMATS", "REASONS", "ROWS", "UNITS", "ReadParams", "as_rows", "plan_units", "read_units"]

# `format` of a recipe -> how its files are read
FORMATS: dict[str, Format] = {
    "jsonl": json_shapes.JSONL,
    "text": text_files.TEXT,
    "text_lines": text_files.TEXT_LINES,
    "parquet": parquet_files.PARQUET,
    "wet": warc.WET,
}


class Planned(Protocol):
    """What a plan asks of a format, as gristmill.udfs.read.units.Format has it."""

    @property
    def splits(self) -> bool: ...
    @property
    def is_columnar(self) -> bool: ...


def plan_units(
    files: Iterable[tuple[str, int]],
    format: str,
    split_bytes: int,
    names: Mapping[str, str] | None = None,
    formats: Mapping[str, Planned] = FORMATS,
) -> pa.Table:
    """The units (schema UNITS) that together read `files` (path, bytes), in the order of the paths; raises
    ValueError on an unknown format.

    `names`: what each path is called in `source_location`; the bare file name where it is not given.
    `formats`: those that there are. Plain
    files of lines fall into parts of about `split_bytes`, Parquet files into as many (a part takes every n-th
    row group); packed files, WET and whole texts are one unit each.
    """
    if format not in formats:
        raise ValueError(f"format: {format!r} is none of {', '.join(formats)}")
    how, rows = formats[format], []
    for path, size in sorted(files):
        name = (names or {}).get(path) or path.rsplit("/", 1)[-1]
        # A packed stream has no beginning of a line that a task could find in its middle.
        is_whole = not how.splits or (is_packed(name) and not how.is_columnar)
        n_parts = 1 if is_whole else max(1, -(-size // split_bytes))
        # Sorted by path: the plan does not depend on the order in which a store lists files.
        rows += [(path, name, format, part, n_parts) for part in range(n_parts)]
    return pa.Table.from_batches([as_batch(rows, UNITS)])


def read_units(batches: Iterable[pa.RecordBatch], params: ReadParams) -> Iterator[pa.RecordBatch]:
    """Units in (UNITS), rows out (ROWS), in batches that keep to params.batch_rows and params.batch_bytes.

    Raises OSError when a file cannot be fetched (as opposed to: holds rubbish), so that the task is tried
    again.
    """
    # Units are read one after another, lazily: a task holds one file open and one batch of rows.
    units = (unit for batch in batches for unit in batch.to_pylist())
    return batched((row for unit in units for row in rows_of_unit(unit, params)), params)


def rows_of_unit(unit: Unit, params: ReadParams) -> Iterator[pa.RecordBatch | Row]:
    """The rows of one unit (UNITS); it may carry a gristmill.udfs.streams.part_hash.PartHash of its bytes
    (`digest`) and a Survey of its columns (`survey`)."""
    return FORMATS[unit["format"]].read(unit, params)


def as_rows(
    batches: Iterable[pa.RecordBatch], params: ReadParams, survey: Survey | None = None
) -> Iterator[pa.RecordBatch]:
    """Frames that Spark has read (Delta, views): columns mapped and checked as for Parquet files; rows out in
    ROWS.

    A frame's rows have no position of their own, so three more columns may say where they stood: `_path`
    (`_metadata.file_path`) with `_row` (`_metadata.row_index`; Parquet only, Delta 3.3 does not have it) or
    with `_block` (`_metadata.file_block_start`; rows are then counted within their block, which one task
    reads whole and in order). Without `_path`, the location is a hash of the row and a count within this
    task: equal rows of different tasks then share a location.
    """
    return batched(_frame_rows(batches, Mapper(params, survey=survey)), params)


def _frame_rows(batches: Iterable[pa.RecordBatch], mapper: Mapper) -> Iterator[pa.RecordBatch | Row]:
    seen: Counter[str] = Counter()
    for batch in batches:
        paths, prefixes = _location_prefixes(batch, mapper.params)
        # Parquet gives the position of each row; otherwise
        # rows are counted per file or block in this task.
        if "_row" in batch.schema.names:
            locations = [
                f"{prefix}{row}"
                for prefix, row in zip(prefixes, batch.column("_row").to_pylist(), strict=True)
            ]
        else:
            locations = []
            for prefix in prefixes:
                locations.append(f"{prefix}{seen[prefix]}")
                seen[prefix] += 1
        yield from arrow_rows.rows_of(batch, mapper, pa.array(locations, pa.string()), paths)


def _location_prefixes(batch: pa.RecordBatch, params: ReadParams) -> tuple[pa.Array, list[str]]:
    """Path of each row, and the beginning of its location, which the number of the row follows."""
    if "_path" in batch.schema.names:
        paths = batch.column("_path").cast(pa.string())
        names = [params.name(path) for path in paths.to_pylist()]
        if "_block" in batch.schema.names:
            return paths, [
                f"{name}:{block}+"
                for name, block in zip(names, batch.column("_block").to_pylist(), strict=True)
            ]
        return paths, [f"{name}:" for name in names]
    # Without a path a hash of the row is its location, which no partitioning changes.
    name = params.name(params.root)
    # Not to_pylist(): a string that is not UTF-8 would raise there.
    rows = ([arrow_rows.value_at(column, i) for column in batch.columns] for i in range(batch.num_rows))
    hashes = (hash128(repr(row).encode("utf-8", "backslashreplace")) for row in rows)
    return pa.repeat(pa.scalar(params.root), batch.num_rows), [f"{name}:{digest}." for digest in hashes]
