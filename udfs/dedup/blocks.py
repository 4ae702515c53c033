"""Blocks of sketches: one row of the table `sketches` holds up to 8,192 documents of one batch as columns of
bytes.

A row for each document would cost the JVM more than the kernel that makes it, whenever the index is written
or read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.udfs.dedup.doc_ids import doc_ids, halves_of, ids_in
from gristmill.udfs.dedup.messages import ORDINAL_BITS, ROWS, TASK_BITS
from gristmill.udfs.dedup.minhash import Fingerprints

BLOCK = (
    "block bigint, batch_id string, n int, n_bytes bigint, ids binary, n_shingles binary, n_times binary, "
    "set_hash binary, sketch binary, bands binary, edits binary"
)
# sketch generations that block numbers have room for: 63 bits (Spark's
# bigint is signed) less those of the task, the block and the row
ROUNDS = 1 << 63 - TASK_BITS - ORDINAL_BITS - 13

Fingerprinter = Callable[[pa.Array], Fingerprints]
# ids (documents, 2), bytes of text, fingerprints of some rows of one block, hashes of their edits
Part = tuple[npt.NDArray[np.uint64], int, Fingerprints, npt.NDArray[np.int64] | None]
Batches = Iterator[pa.RecordBatch]
Made = TypeVar("Made")
# binary columns of a block with an equal part for each document
PACKED = ("ids", "n_shingles", "n_times", "set_hash", "sketch", "bands", "edits")


def sketch_blocks(
    batches: Batches,
    fingerprinter: Fingerprinter,
    number: int,
    prepare: Callable[[Batches], Batches] | None = None,
) -> Batches:
    """mapInArrow: doc_id, batch_id, text, task -> BLOCK, those of the sketch generation `number`.

    `task`: the number of the Spark task, the same in all rows. A block ends where the batch changes or ROWS
    documents are reached. `prepare`: what is done to the texts first; the rows then have `edits_hash`, too
    (null: none).

        doc_id  batch_id  text  task        block  batch_id  n  ids       ...
        1f..    2026-01   ...   3      ->   49152  2026-01   2  32 bytes  ...
        9a..    2026-01   ...   3
    """

    def part_of(rows: pa.RecordBatch) -> Part:
        texts = rows.column("text")
        edits = None if prepare is None else pc.fill_null(rows.column("edits_hash"), 0).to_numpy()
        return halves_of(rows.column("doc_id")), bytes_of(texts), fingerprinter(texts), edits

    for block, batch_id, parts in by_block(batches if prepare is None else prepare(batches), number, part_of):
        yield _block(block, batch_id, parts)


def by_block(
    batches: Batches, number: int, part_of: Callable[[pa.RecordBatch], Made]
) -> Iterator[tuple[int, str, list[Made]]]:
    """Number of the block, batch_id, and what `part_of` makes of its rows, for each block of documents.

    `batches`: batch_id, task and others; `number`: the generation of the blocks.
    """
    parts: list[Made] = []
    block_batch, n, first, ordinal = "", 0, 0, 0
    for batch in batches:
        if batch.num_rows:
            # The number of a block is its generation, task and position in the
            # task, from the highest bits: tasks make unique numbers without
            # knowing of each other, and a later generation has the higher ones.
            first = (number << TASK_BITS | batch.column("task")[0].as_py()) << ORDINAL_BITS
        for batch_id, rows in _by_batch(batch):
            if parts and (batch_id != block_batch or n + rows.num_rows > ROWS):
                yield first + ordinal, block_batch, parts
                parts, n, ordinal = [], 0, ordinal + 1
            parts.append(part_of(rows))
            block_batch, n = batch_id, n + rows.num_rows
    if parts:
        yield first + ordinal, block_batch, parts


def bytes_of(texts: pa.Array) -> int:
    """Size of a column of texts in UTF-8."""
    return int(pc.sum(pc.binary_length(texts)).as_py() or 0)


def _by_batch(batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
    """Consecutive rows of the same batch_id, at most ROWS together.

    A file holds rows of one batch, so most record batches come out whole.
    """
    # Compared as dictionary codes: one Python string a run instead of one a row.
    names = batch.column("batch_id").dictionary_encode()
    codes = names.indices.to_numpy()
    starts = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]])) if len(codes) else codes
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(codes)], strict=False):
        for at in range(start, stop, ROWS):
            yield names.dictionary[int(codes[start])].as_py(), batch.slice(at, min(ROWS, stop - at))


def _block(number: int, batch_id: str, parts: list[Part]) -> pa.RecordBatch:
    ids = np.concatenate([part[0] for part in parts])
    # One value a column and block: Spark and Delta see a row, whatever the number of documents.
    fields = ("n_shingles", "n_times", "set_hash", "sketch", "bands")
    columns = [np.concatenate([getattr(part[2], name) for part in parts]).tobytes() for name in fields]
    hashes = [part[3] for part in parts if part[3] is not None]
    edits = np.concatenate(hashes).tobytes() if hashes else None
    size = sum(part[1] for part in parts)
    values: list[Any] = [number, batch_id, len(ids), size, ids.tobytes(), *columns, edits]
    kinds = [pa.int64(), pa.string(), pa.int32(), pa.int64(), *[pa.binary()] * 7]
    names = [column.split()[0] for column in BLOCK.split(", ")]
    return pa.record_batch(
        [pa.array([value], kind) for value, kind in zip(values, kinds, strict=True)], names=names
    )


def documents_in(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """mapInArrow: batch_id, ids of blocks -> doc_id, batch_id, one row for each document."""
    for batch in batches:
        for batch_id, data in zip(
            batch.column("batch_id").to_pylist(), batch.column("ids").to_pylist(), strict=True
        ):
            ids = ids_in(data)
            names = doc_ids(ids[:, 0], ids[:, 1]).cast(pa.string())
            yield pa.record_batch(
                [names, pa.repeat(batch_id, len(ids)).cast(pa.string())], names=["doc_id", "batch_id"]
            )


def edits_in(batches: Batches) -> Batches:
    """mapInArrow: block, batch_id, ids, edits of blocks -> block, position, doc_id, batch_id, old_hash.

    One row for each document; old_hash is the hash of its edits in the block, null in blocks without edits.
    """
    names = ["block", "position", "doc_id", "batch_id", "old_hash"]
    for batch in batches:
        for row in batch.to_pylist():
            ids = ids_in(row["ids"])
            n = len(ids)
            columns = [
                pa.repeat(pa.scalar(row["block"], pa.int64()), n),
                pa.array(np.arange(n, dtype=np.int32)),
                doc_ids(ids[:, 0], ids[:, 1]).cast(pa.string()),
                pa.repeat(row["batch_id"], n).cast(pa.string()),
                pa.nulls(n, pa.int64())
                if row["edits"] is None
                else pa.array(np.frombuffer(row["edits"], np.int64)),
            ]
            yield pa.record_batch(columns, names=names)


def without_documents(batches: Batches) -> Batches:
    """mapInArrow: columns of `sketches`, positions (those of the documents that go, sorted) -> the same
    columns.

    A block without documents is dropped. n_bytes shrinks with the number of documents: it is an estimate.
    """
    for batch in batches:
        rows = [_without(row, row.pop("positions")) for row in batch.to_pylist()]
        schema = pa.schema([batch.schema.field(name) for name in batch.schema.names if name != "positions"])
        yield pa.RecordBatch.from_pylist([row for row in rows if row["n"]], schema=schema)


def _without(row: dict[str, Any], positions: list[int]) -> dict[str, Any]:
    n = row["n"]
    kept = np.delete(np.arange(n), positions)
    packed = {
        name: np.frombuffer(row[name], np.uint8).reshape(n, -1)[kept].tobytes()
        for name in PACKED
        if row[name] is not None
    }
    return {**row, **packed, "n": len(kept), "n_bytes": row["n_bytes"] * len(kept) // n}


def warm_up(batches: Iterator[pa.RecordBatch], fingerprinter: Fingerprinter) -> Iterator[pa.RecordBatch]:
    """mapInArrow: id -> id, after one text of words and one of characters went through `fingerprinter`.

    Called once on each Python worker, it loads or compiles the kernels before documents need them.
    """
    for batch in batches:
        fingerprinter(pa.array(["one two three four five six", "一二三四五六七八"]))
        yield batch
