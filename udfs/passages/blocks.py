"""Blocks of runs: one row of the table `passage_runs` holds up to 8,192 documents of one batch as columns of
bytes. Scattered, together with the ranks of the documents, they become the rows that are compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.dedup.blocks import by_block, bytes_of
from gristmill.udfs.dedup.doc_ids import doc_ids, halves_of, ids_in
from gristmill.udfs.dedup.messages import (
    ROW_BITS,
    ROWS,
    message_batch,
    partition_values,
)
from gristmill.udfs.passages.anchors import Runs, WindowParams, runs_of
from gristmill.udfs.passages.borders import parts_of
from gristmill.udfs.passages.rows import (
    IS_MULTIPLE,
    LENGTH_SHIFT,
    MEMBER,
    PIECE_ROW,
    PLACES,
    RANGE_SHIFT,
    RANK_BITS,
    RANK_ROW,
    RANKS,
    RUN_ROW,
    RUNS,
    pack_places,
    unpack_places,
)

BLOCK = (
    "block bigint, batch_id string, n int, n_bytes bigint, n_rows bigint, ids binary, n_runs binary, "
    "anchors binary, runs binary, begins binary, "
    "chars binary, windows binary, offsets binary, is_multiple binary"
)
DOCUMENT_ROWS = "doc_id string, batch_id string, rank bigint, data binary"
ROWS_NAMES = [column.split()[0] for column in DOCUMENT_ROWS.split(", ")]
_ARRAYS = ("anchors", "runs", "begins", "chars", "windows", "offsets", "is_multiple")
_TYPES = ("<u8", "<u8", "<i4", "<i4", "<u2", "<u2", "u1")
# ids (documents, 2), bytes of text and runs of some rows of one block
Part = tuple[npt.NDArray[np.uint64], int, Runs]
DOCUMENT = "doc_id string, batch_id string, number int, indexed_at timestamp, node bigint"


def run_blocks(
    batches: Iterator[pa.RecordBatch], params: WindowParams, number: int
) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, text, task -> BLOCK, those of the generation `number`.

    `task`: the number of the Spark task, the same in all rows. A block ends where the batch changes or ROWS
    documents are reached.
    """

    def part_of(rows: pa.RecordBatch) -> Part:
        texts = rows.column("text")
        return halves_of(rows.column("doc_id")), bytes_of(texts), runs_of(texts, params)

    for block, batch_id, parts in by_block(batches, number, part_of):
        yield _block(block, batch_id, parts)


def _block(number: int, batch_id: str, parts: list[Part]) -> pa.RecordBatch:
    ids = np.concatenate([part[0] for part in parts])
    counts = np.concatenate([np.bincount(runs.document, minlength=len(some)) for some, _, runs in parts])
    columns = [np.concatenate(column) for column in zip(*(part[2][1:] for part in parts), strict=True)]
    arrays = [column.astype(kind).tobytes() for column, kind in zip(columns, _TYPES, strict=True)]
    n_bytes = sum(part[1] for part in parts)
    n_rows = int(counts.sum())
    values: list[Any] = [
        number,
        batch_id,
        len(ids),
        n_bytes,
        n_rows,
        ids.tobytes(),
        counts.astype("<i4").tobytes(),
        *arrays,
    ]
    kinds = [pa.int64(), pa.string(), pa.int32(), pa.int64(), pa.int64(), *[pa.binary()] * 9]
    names = [column.split()[0] for column in BLOCK.split(", ")]
    return pa.record_batch(
        [pa.array([value], kind) for value, kind in zip(values, kinds, strict=True)], names=names
    )


def documents_of(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """mapInArrow: block, batch_id, number, indexed_at, ids of blocks -> DOCUMENT, a row for each document."""
    for batch in batches:
        for i, ids in enumerate(batch.column("ids").to_pylist()):
            halves = ids_in(ids)
            node = batch.column("block")[i].as_py() << ROW_BITS | np.arange(len(halves))
            same = [
                pa.repeat(batch.column(name)[i], len(halves)) for name in ("batch_id", "number", "indexed_at")
            ]
            names = doc_ids(halves[:, 0], halves[:, 1]).cast(pa.string())
            yield pa.record_batch(
                [names, *same, pa.array(node)], names=[column.split()[0] for column in DOCUMENT.split(", ")]
            )


def without_documents(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """mapInArrow: rows of `passage_runs` and `gone` (list of positions in the block) -> the same rows without
    these documents and without `gone`."""
    for batch in batches:
        gone = batch.column("gone").to_pylist()
        columns = {name: batch.column(name).to_pylist() for name in batch.schema.names if name != "gone"}
        for i, rows in enumerate(gone):
            n, n_runs = columns["n"][i], np.frombuffer(columns["n_runs"][i], "<i4")
            stays = np.ones(n, bool)
            stays[rows] = False
            columns["n"][i], columns["n_rows"][i] = int(stays.sum()), int(n_runs[stays].sum())
            columns["ids"][i] = ids_in(columns["ids"][i])[stays].tobytes()
            columns["n_runs"][i] = n_runs[stays].tobytes()
            of_run = np.repeat(stays, n_runs)
            for name, kind in zip(_ARRAYS, _TYPES, strict=True):
                columns[name][i] = np.frombuffer(columns[name][i], kind)[of_run].tobytes()
        kinds = [batch.schema.field(name).type for name in columns]
        arrays = [pa.array(column, kind) for column, kind in zip(columns.values(), kinds, strict=True)]
        yield pa.record_batch(arrays, names=list(columns))


def pack_ranks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, number, node, flags, source (hash), range of documents, best first ->
    MESSAGE: RANKS by number and block ("0/40960"), PLACES by chunk.

    `number`: position of the window length in the recipe's lengths; `range`: the number of the Spark task. A
    document's rank is its position in the range, after those of all lower ranges.
    """
    seen = 0
    for batch in _chunks(batches, 1 << RANK_BITS):
        rank = (batch.column("range")[0].as_py() << RANGE_SHIFT) + seen
        seen += 1 << RANK_BITS
        number, node = (np.asarray(batch.column(name)).astype(np.int64) for name in ("number", "node"))
        rows = np.zeros(len(node), RANK_ROW)
        rows["row"], rows["rank"] = node & (ROWS - 1), rank + np.arange(len(node))
        rows["flags"], rows["source"] = np.asarray(batch.column("flags")), np.asarray(batch.column("source"))
        block = node >> ROW_BITS
        order = np.lexsort((block, number))
        rows, block, number = rows[order], block[order], number[order]
        is_first = (block[1:] != block[:-1]) | (number[1:] != number[:-1])
        starts = np.flatnonzero(np.concatenate([[True], is_first]))
        messages = [
            (0, RANKS, f"{number[start]}/{block[start]}", rows[start:end].tobytes())
            for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(block)], strict=True)
        ]
        names = batch.column("batch_id").dictionary_encode()
        index = names.indices.to_numpy().astype(np.uint16)
        ids = halves_of(batch.column("doc_id")).tobytes()
        places = pack_places(names.dictionary.to_pylist(), index, ids)
        messages.append((0, PLACES, str(rank >> RANK_BITS), places))
        yield message_batch(messages)


def rows_by_document(batches: Iterator[pa.RecordBatch], kind: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow: name (chunk), rows (data of its messages of `kind`, MEMBER or PIECE) and places (data of
    its PLACES message) -> DOCUMENT_ROWS, a row for each document with rows."""
    dtype = RUN_ROW if kind == MEMBER else PIECE_ROW
    for batch in batches:
        for chunk, data, places in zip(
            *(batch.column(name).to_pylist() for name in ("name", "rows", "places")), strict=True
        ):
            rows = np.concatenate([np.frombuffer(each, dtype) for each in data])
            row = (rows["rank"] & (1 << RANK_BITS) - 1 if kind == MEMBER else rows["row"]).astype(np.int64)
            order = np.argsort(row, kind="stable")
            rows, row = rows[order], row[order]
            starts = np.flatnonzero(np.concatenate([[True], row[1:] != row[:-1]]))
            ends = [*starts[1:].tolist(), len(row)]
            batch_ids, ids = unpack_places(places)
            of = row[starts]
            names = doc_ids(ids[of, 0], ids[of, 1]).cast(pa.string())
            packed = [rows[start:end].tobytes() for start, end in zip(starts.tolist(), ends, strict=True)]
            batches_of = pa.array([batch_ids[i] for i in of.tolist()], pa.string())
            ranks = pa.array((int(chunk) << RANK_BITS) + of)
            yield pa.record_batch([names, batches_of, ranks, pa.array(packed, pa.binary())], names=ROWS_NAMES)


def documents_of_ranks(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """mapInArrow: ranks (list) of one chunk and places (data of its PLACES message) -> kept_rank,
    kept_doc_id."""
    for batch in batches:
        for ranks, places in zip(
            batch.column("ranks").to_pylist(), batch.column("places").to_pylist(), strict=True
        ):
            ids = unpack_places(places)[1][np.array(ranks) & (1 << RANK_BITS) - 1]
            names = doc_ids(ids[:, 0], ids[:, 1]).cast(pa.string())
            yield pa.record_batch([pa.array(ranks, pa.int64()), names], names=["kept_rank", "kept_doc_id"])


def _chunks(batches: Iterator[pa.RecordBatch], n: int) -> Iterator[pa.RecordBatch]:
    """The rows in batches of exactly `n`, the last one shorter."""
    held: list[pa.RecordBatch] = []
    size = 0
    for batch in batches:
        while batch.num_rows:
            part = batch.slice(0, n - size)
            batch = batch.slice(part.num_rows)
            held.append(part)
            size += part.num_rows
            if size == n:
                yield pa.Table.from_batches(held).combine_chunks().to_batches()[0]
                held, size = [], 0
    if size:
        yield pa.Table.from_batches(held).combine_chunks().to_batches()[0]


def scatter_runs(batches: Iterator[pa.RecordBatch], parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow: number and arrays of blocks, and `ranks`, the data of their RANKS messages -> MESSAGE:
    RUNS to the part of each anchor."""
    targets = partition_values(parts)
    for batch in batches:
        names = ("number", "n", "n_runs", *_ARRAYS, "ranks")
        for number, n, counts, *arrays, ranks in zip(
            *(batch.column(name).to_pylist() for name in names), strict=True
        ):
            rows = _run_rows(n, counts, arrays, ranks, number)
            part = parts_of(rows["anchor"], parts)
            order = np.argsort(part, kind="stable")
            rows, ends = rows[order], np.searchsorted(part[order], np.arange(parts + 1))
            yield message_batch(
                [
                    (int(targets[to]), RUNS, "", rows[ends[to] : ends[to + 1]].tobytes())
                    for to in np.flatnonzero(np.diff(ends)).tolist()
                ]
            )


def _run_rows(n: int, counts: bytes, arrays: list[bytes], ranks: list[bytes], number: int) -> Any:
    """RUN_ROW rows of one block."""
    columns = [np.frombuffer(data, kind) for data, kind in zip(arrays, _TYPES, strict=True)]
    document = np.repeat(np.arange(n), np.frombuffer(counts, "<i4"))
    of_document = np.zeros(n, RANK_ROW)
    of_document["rank"] = -1
    for data in ranks:
        some = np.frombuffer(data, RANK_ROW)
        of_document[some["row"]] = some
    rows = np.zeros(len(document), RUN_ROW)
    for name, column in zip(("anchor", "run", "begin", "chars", "windows", "offset"), columns, strict=False):
        rows[name] = column
    rows["rank"], rows["source"] = of_document["rank"][document], of_document["source"][document]
    flags = of_document["flags"][document]
    rows["flags"] = flags | columns[-1] * IS_MULTIPLE | number << LENGTH_SHIFT
    return rows[rows["rank"] >= 0]
