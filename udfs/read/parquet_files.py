"""Parquet files, a row group at a time."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.udfs import reasons
from gristmill.udfs.read import arrow_rows
from gristmill.udfs.read.rows import Mapper, ReadParams, Row
from gristmill.udfs.read.survey import MAX_NAMES
from gristmill.udfs.read.units import Format, Unit, mapper_of
from gristmill.udfs.streams.packings import HEAD, foreign, packing
from gristmill.udfs.streams.streams import open_file


def read(unit: Unit, params: ReadParams) -> Iterator[pa.RecordBatch | Row]:
    """Row groups `part`, `part` + `n_parts`, ... of a Parquet file, a batch at a time."""
    path, mapper = unit["path"], mapper_of(unit, params)
    # Not `opened`: pyarrow reads the footer and single
    # columns, so no hash in passing covers all bytes.
    raw, _ = open_file(path)
    with closing(raw):
        try:
            file = pq.ParquetFile(_native(raw), pre_buffer=True)
        except (pa.ArrowException, OSError, ValueError):
            _raise_if_unfetched(raw)
            if unit["part"] == 0:
                yield mapper.reject(f"{unit['name']}:0", path, *_no_parquet(raw))
            return
        # From the footer: only mapped columns are read, and a complaint should list the others too.
        mapper.survey.names.update(dict.fromkeys(file.schema_arrow.names[:MAX_NAMES]))
        # Pages may unpack without bound; the limit holds for each unit, which one task reads.
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
    file: pq.ParquetFile, group: int, unit: Unit, mapper: Mapper, raw: Any
) -> Iterator[pa.RecordBatch | Row]:
    meta, path, name = file.metadata, unit["path"], unit["name"]
    # Positions count over the whole file, so that a row has the same one in any plan of units.
    at = sum(meta.row_group(i).num_rows for i in range(group))
    # The footer knows the size of a group, not of a row: batches are sized by the mean.
    mean = max(1, meta.row_group(group).total_byte_size // max(1, meta.row_group(group).num_rows))
    size = min(mapper.params.batch_rows, max(1, mapper.params.batch_bytes // mean))
    # A dotted name is a column of that name, or a path into the column before the first dot.
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


PARQUET = Format(read, splits=True, is_columnar=True)
