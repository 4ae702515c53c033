"""Blocks of sketches: one row of the table `sketches` holds up to 8,192 documents of one batch as columns of
bytes.

A row a document would cost the JVM more than the kernel that makes it, each time the index is written or
read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.udfs.dedup.doc_ids import doc_ids, halves_of, ids_in
from gristmill.udfs.dedup.messages import ORDINAL_BITS, ROWS, TASK_BITS
from gristmill.udfs.dedup.minhash import Fingerprints

BLOCK = (
    "block bigint, batch_id string, n int, n_bytes bigint, ids binary, n_shingles binary, n_times binary, "
    "set_hash binary, sketch binary, bands binary"
)
ROUNDS = 1 << 63 - TASK_BITS - ORDINAL_BITS - 13  # that block numbers can tell apart

Fingerprinter = Callable[[pa.Array], Fingerprints]
# ids (documents, 2), bytes of text, fingerprints
Part = tuple[npt.NDArray[np.uint64], int, Fingerprints]


def sketch_blocks(
    batches: Iterator[pa.RecordBatch], fingerprinter: Fingerprinter, number: int
) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, text, task -> BLOCK, those of the round `number`.

    `task`: the number of the Spark task, the same in all rows. A block begins where the batch changes.
    """
    held: list[Part] = []
    home, n, first, ordinal = "", 0, 0, 0
    for batch in batches:
        if batch.num_rows:
            first = (number << TASK_BITS | batch.column("task")[0].as_py()) << ORDINAL_BITS
        for batch_id, rows in _by_batch(batch):
            if held and (batch_id != home or n + rows.num_rows > ROWS):
                yield _block(first + ordinal, home, held)
                held, n, ordinal = [], 0, ordinal + 1
            ids = halves_of(rows.column("doc_id"))
            texts = rows.column("text")
            held.append((ids, int(pc.sum(pc.binary_length(texts)).as_py() or 0), fingerprinter(texts)))
            home, n = batch_id, n + rows.num_rows
    if held:
        yield _block(first + ordinal, home, held)


def _by_batch(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Runs of rows of one batch, of at most ROWS rows: a file holds rows of one batch, so mostly the
    whole of it."""
    names = batch.column("batch_id").dictionary_encode()
    codes = names.indices.to_numpy()
    starts = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]])) if len(codes) else codes
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(codes)], strict=False):
        for at in range(start, stop, ROWS):
            yield names.dictionary[int(codes[start])].as_py(), batch.slice(at, min(ROWS, stop - at))


def _block(number: int, batch_id: str, parts: list[Part]) -> pa.RecordBatch:
    ids = np.concatenate([part[0] for part in parts])
    fields = ("n_shingles", "n_times", "set_hash", "sketch", "bands")
    columns = [np.concatenate([getattr(part[2], name) for part in parts]).tobytes() for name in fields]
    values: list[Any] = [number, batch_id, len(ids), sum(part[1] for part in parts), ids.tobytes(), *columns]
    kinds = [pa.int64(), pa.string(), pa.int32(), pa.int64(), *[pa.binary()] * 6]
    names = [column.split()[0] for column in BLOCK.split(", ")]
    return pa.record_batch(
        [pa.array([value], kind) for value, kind in zip(values, kinds, strict=True)], names=names
    )


def documents_in(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """mapInArrow: batch_id, ids of blocks -> doc_id, batch_id, a row a document."""
    for batch in batches:
        for batch_id, data in zip(
            batch.column("batch_id").to_pylist(), batch.column("ids").to_pylist(), strict=True
        ):
            ids = ids_in(data)
            names = doc_ids(ids[:, 0], ids[:, 1]).cast(pa.string())
            yield pa.record_batch(
                [names, pa.repeat(batch_id, len(ids)).cast(pa.string())], names=["doc_id", "batch_id"]
            )


def warm_up(batches: Iterator[pa.RecordBatch], fingerprinter: Fingerprinter) -> Iterator[pa.RecordBatch]:
    """id -> id, when a text of each unit has been through, so that kernels and tables are loaded."""
    for batch in batches:
        fingerprinter(pa.array(["one two three four five six", "一二三四五六七八"]))
        yield batch
