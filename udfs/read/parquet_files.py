"""Parquet files, a row group at a time."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.udfs import reasons
from gristmill.udfs.read import arrow_rows
from gristmill.udfs.read.rows import ReadParams, Row
from gristmill.udfs.read.survey import MAX_NAMES, Survey
from gristmill.udfs.read.units import Format, Unit, mapper_of
from gristmill.udfs.streams.packings import HEAD, foreign, packing
from gristmill.udfs.streams.streams import open_file


@dataclass(frozen=True)
class Bad:
    """A place of a Parquet file that gives no rows: what `Mapper.reject` takes."""

    location: str
    reason: str
    raw: bytes


# row group, position of the first row in the file, and rows
Batch = tuple[int, int, pa.RecordBatch]


def row_batches(
    unit: Unit, columns: Collection[str], batch_rows: int, batch_bytes: int, survey: Survey
) -> Iterator[Batch | Bad]:
    """Row groups `part`, `part` + `n_parts`, ... of a Parquet file, a batch of the named columns at a time;
    `a.b` is the column of that name, else the column `a`. Batches are sized by the mean row of a group."""
    name = unit["name"]
    # Not `opened`: pyarrow reads the footer and single
    # columns, so no hash in passing covers all bytes.
    raw, _ = open_file(unit["path"])
    with closing(raw):
        try:
            file = pq.ParquetFile(_native(raw), pre_buffer=True)
        except (pa.ArrowException, OSError, ValueError):
            _raise_if_unfetched(raw)
            if unit["part"] == 0:
                yield Bad(f"{name}:0", *_no_parquet(raw))
            return
        # From the footer: only mapped columns are read, and a complaint should list the others too.
        survey.names.update(dict.fromkeys(file.schema_arrow.names[:MAX_NAMES]))
        known = set(file.schema_arrow.names)
        wanted = sorted({each if each in known else each.split(".")[0] for each in columns} & known)
        for group in range(unit["part"], file.num_row_groups, unit["n_parts"]):
            # Positions count over the whole file, so that a row has the same one in any plan of units.
            at = sum(file.metadata.row_group(i).num_rows for i in range(group))
            # The footer knows the size of a group, not of a row: batches are sized by the mean.
            meta = file.metadata.row_group(group)
            mean = max(1, meta.total_byte_size // max(1, meta.num_rows))
            size = min(batch_rows, max(1, batch_bytes // mean))
            try:
                for batch in file.iter_batches(
                    batch_size=size, row_groups=[group], columns=wanted, use_threads=False
                ):
                    yield group, at, batch
                    at += batch.num_rows
            except (pa.ArrowException, OSError, ValueError):
                _raise_if_unfetched(raw)
                yield Bad(f"{name}:{at}", reasons.UNREADABLE_FILE, b"")


def read(unit: Unit, params: ReadParams) -> Iterator[pa.RecordBatch | Row]:
    """Row groups `part`, `part` + `n_parts`, ... of a Parquet file, a batch at a time."""
    path, name, mapper = unit["path"], unit["name"], mapper_of(unit, params)
    # Pages may unpack without bound; the limit holds for each unit, which one task reads.
    left = params.max_unpacked_bytes
    columns = mapper.columns.values()
    for found in row_batches(unit, columns, params.batch_rows, params.batch_bytes, mapper.survey):
        if isinstance(found, Bad):
            yield mapper.reject(found.location, path, found.reason, found.raw)
            continue
        group, at, batch = found
        locations = pa.array([f"{name}:{row}" for row in range(at, at + batch.num_rows)], pa.string())
        paths = pa.repeat(pa.scalar(path), batch.num_rows)
        for row in arrow_rows.rows_of(batch, mapper, locations, paths):
            yield row
            left -= row.nbytes if isinstance(row, pa.RecordBatch) else 0
            if left < 0:
                yield mapper.reject(f"{name}:row group {group}", path, reasons.UNPACKS_TOO_LARGE, b"")
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


PARQUET = Format(read, splits=True, is_columnar=True)
