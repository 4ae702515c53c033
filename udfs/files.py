"""Rows of a table's Parquet files, read by the worker that works on them: text that the JVM reads costs it several times what the kernels cost.

`through_files` binds a kernel of mapInArrow's shape to the rows of UNITS in place of those of a frame. A unit is every `n_parts`th row group of a file.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

UNITS = "path string, part int, n_parts int, partition string"  # partition: JSON, values of the columns that stand in the file's path
Kernel = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]
Ids = npt.NDArray[np.bytes_]


@dataclass(frozen=True)
class Keys:
    """Which rows are wanted: the Parquet files in `folder` (doc_id, batch_id, `carry`), below `bucket=N` where the lake has buckets."""

    folder: str
    is_bucketed: bool
    carry: tuple[str, ...] = ()


@dataclass(frozen=True)
class Wanted:
    """The keys of one batch, sorted by doc_id, and what they carry."""

    doc_ids: Ids
    heads: npt.NDArray[np.uint64]  # of the ids, see `heads_of`
    carried: pa.Table


def through_files(batches: Iterator[pa.RecordBatch], kernel: Kernel, columns: tuple[str, ...], batch_rows: int, keys: Keys | None = None) -> Iterator[pa.RecordBatch]:
    """mapInArrow over UNITS: what `kernel` makes of `columns` (and those that `keys` carry) of the rows, in batches of at most `batch_rows`.

    Raises KeyError for a column that is neither in the file nor in its path.
    """
    return kernel(_rows(batches, columns, batch_rows, keys))


def _rows(batches: Iterator[pa.RecordBatch], columns: tuple[str, ...], batch_rows: int, keys: Keys | None) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for unit in batch.to_pylist():
            partition = json.loads(unit["partition"])
            wanted = _wanted(keys, partition["batch_id"], partition["bucket"] if keys.is_bucketed else None) if keys else None
            if wanted is None or len(wanted.doc_ids):
                yield from _unit(unit, partition, columns, batch_rows, wanted)


def _unit(unit: dict[str, Any], partition: dict[str, Any], columns: tuple[str, ...], batch_rows: int, wanted: Wanted | None) -> Iterator[pa.RecordBatch]:
    with pq.ParquetFile(unit["path"]) as file:
        stored = set(file.schema_arrow.names)
        read = [name for name in dict.fromkeys([*columns, "doc_id"] if wanted else columns) if name in stored]
        for group in range(unit["part"], file.num_row_groups, unit["n_parts"]):
            for batch in file.iter_batches(batch_rows, [group], read, use_threads=False):
                carried: dict[str, pa.Array] = {}
                if wanted:
                    rows, which = _places(ids_of(batch.column("doc_id")), wanted)
                    batch, carried = batch.take(rows), {name: wanted.carried[name].take(which).combine_chunks() for name in wanted.carried.column_names}
                if batch.num_rows:
                    made = [batch.column(name) if name in stored else pa.repeat(partition[name], batch.num_rows) for name in columns]
                    yield pa.record_batch([*made, *carried.values()], names=[*columns, *carried])


def ids_of(doc_ids: pa.Array | pa.ChunkedArray) -> Ids:
    """Ids of 32 characters as numpy's bytes, which sort and compare without Python objects. Raises ValueError for null or another length."""
    from udfs.kernels import text_buffers

    data, ends = text_buffers(doc_ids)
    if (np.diff(ends) != 32).any():
        raise ValueError("a doc_id is 32 hexadecimal digits")
    return data[ends[0] : ends[-1]].view("S32")


def heads_of(doc_ids: Ids) -> npt.NDArray[np.uint64]:
    """The first eight characters of each id as a number, in the order of the ids: numbers are searched ten times as fast."""
    return doc_ids.view(">u8").reshape(-1, 4)[:, 0].astype(np.uint64)


def _places(doc_ids: Ids, wanted: Wanted) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Of each pair of a row and a key of equal ids: where the row stands, and where the key."""
    heads = heads_of(doc_ids)
    first = np.searchsorted(wanted.heads, heads)
    hits = np.flatnonzero(wanted.heads[np.minimum(first, len(wanted.heads) - 1)] == heads)
    first, last = first[hits], np.searchsorted(wanted.heads, heads[hits], "right")
    times = last - first
    rows = np.repeat(hits, times)
    which = np.repeat(first, times) + np.arange(len(rows)) - np.repeat(np.cumsum(times) - times, times)
    is_same = wanted.doc_ids[which] == doc_ids[rows]
    return rows[is_same], which[is_same]


@functools.lru_cache(maxsize=4)  # a worker reads the files of one bucket after those of another
def _wanted(keys: Keys, batch_id: str, bucket: int | None) -> Wanted:
    folder = Path(keys.folder, f"bucket={bucket}") if keys.is_bucketed else Path(keys.folder)
    files = sorted(folder.glob("*.parquet"))
    if not files:
        return Wanted(np.zeros(0, "S32"), np.zeros(0, np.uint64), pa.table({}))
    rows = pa.concat_tables(pq.read_table(path, columns=["doc_id", "batch_id", *keys.carry], partitioning=None) for path in files)
    rows = rows.filter(pc.equal(rows["batch_id"], batch_id))
    rows = rows.take(pc.sort_indices(rows["doc_id"]))
    doc_ids = ids_of(rows["doc_id"])
    return Wanted(doc_ids, heads_of(doc_ids), rows.select(keys.carry))
