"""The messages that tasks of near-duplicate removal exchange: packed arrays, one row for many documents.

What an exchange costs the JVM is its rows, not their bytes: 4.2 million band keys through an exchange took it
3.0 s as rows and .6 s packed. A row of MESSAGE has `part` (its target partition), `kind` (the type of the
message, a constant below), `name` and `data` (little-endian columns, one after the other):

    part  kind  name     data
    7     PAIR  "12"     two columns of int64, nodes (a, b) of candidate pairs: pack_columns(NODE_PAIR, a, b)
    0     LABEL "40960"  a column of uint16 and one of int32: the documents of block 40960, and their parts
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

MESSAGE = "part int, kind int, name string, data binary"
Message = tuple[int, int, str, bytes]
# a message whose kind is known: part, name, data
Body = tuple[int, str, bytes]
ColumnTypes = tuple[Any, ...]  # NumPy types

# Kinds of messages, with the columns of `data`. A node is the position of a
# document in the table `sketches`: number of its block and row in the block
# (see ROW_BITS). number of the block, then KEY_COLUMNS: band keys of documents
KEYS = 0
PAIR = 1  # NODE_PAIR: nodes that share a band key
# NODE_PAIR: two nodes of equal shingle sets, the representative of the set first
LINK = 2
# band key, then the nodes of a bucket over the cap
BUCKET = 3
# LABEL_COLUMNS, `name` the block: the parts to which documents of the block are sent
LABEL = 4
# MEMBER_COLUMNS, `name` the batch: documents of a family
MEMBER = 5
# SKETCH_COLUMNS, then the sketches: documents that are compared
SKETCH = 6
# `name` doc_id and batch_id, `data` node and n_times: one document whose rank Spark looks up
RANK_REQUEST = 7
# `name` doc_id and batch_id, `data` the node: one document whose text Spark looks up
TEXT_REQUEST = 8
VERDICT = 9  # VERDICT_COLUMNS: compared pairs
# node (little-endian), rank (big-endian, as Spark casts it): one kept document
RANK = 10
# node, then the text in UTF-8: one document
TEXT = 11
# NODE_PAIR, of connected components in rounds: a node and a smaller one of its component
EDGE = 12
# `name` a checksum of the edges: equal in two rounds where nothing changed
STATE = 13
# NODE_PAIR: a node and the smallest node of its component
ROOT = 14

NODE_PAIR: ColumnTypes = (np.int64, np.int64)
# Band key, set hash, row in its block with FIRST_BAND. The set hash keeps its 64 bits:
# of the pairs in a bucket of a million, hundreds would agree in 32 bits by chance.
KEY_COLUMNS: ColumnTypes = (np.int64, np.int64, np.uint16)
# row in its block with SENDS_SKETCH and SENDS_MEMBER, target part
LABEL_COLUMNS: ColumnTypes = (np.uint16, np.int32)
MEMBER_COLUMNS: ColumnTypes = (np.int64, np.uint64, np.uint64)  # node, the doc_id's halves
SKETCH_COLUMNS: ColumnTypes = (
    np.int64,
    np.uint64,
    np.uint64,
    np.int32,
)  # node, the doc_id's halves, n_shingles
VERDICT_COLUMNS: ColumnTypes = (np.int64, np.int64, np.float64, np.int8)  # two nodes, similarity, verdict

ROWS = 8_192  # documents of a block: 13 bits of a node
# The bits of a node, from the lowest: row in the block, block of the task, task. The sketch
# generation takes the rest, so that nodes of an earlier run are always the lower ones.
ROW_BITS, ORDINAL_BITS, TASK_BITS = 13, 14, 20
FIRST_BAND, SENDS_SKETCH, SENDS_MEMBER = 1 << 15, 1 << 15, 1 << 14  # flags above the 13 bits of a row
ARRAY_ROWS = 1_000_000  # of one message: 16 MB of pairs


def pack_columns(types: ColumnTypes, *columns: Any) -> bytes:
    """The columns as `types`, one after the other. Raises ValueError for another number of columns."""
    return b"".join(
        np.ascontiguousarray(column, kind).tobytes() for column, kind in zip(columns, types, strict=True)
    )


def unpack_columns(types: ColumnTypes, data: bytes) -> list[npt.NDArray[Any]]:
    """The columns that `pack_columns` put into `data`, as read-only views of it."""
    n, at, columns = len(data) // sum(np.dtype(kind).itemsize for kind in types), 0, []
    for kind in types:
        columns.append(np.frombuffer(data, kind, n, at))
        at += columns[-1].nbytes
    return columns


def columns_of(types: ColumnTypes, messages: Sequence[Body]) -> list[npt.NDArray[Any]]:
    """The columns of all `messages` of one kind (as `group_by_kind` returns them), message after message."""
    parts = [unpack_columns(types, data) for _, _, data in messages]
    # np.concatenate refuses an empty list, and the types must be right without messages too
    if not parts:
        return [np.zeros(0, kind) for kind in types]
    return [np.concatenate([part[i] for part in parts]) for i in range(len(types))]


def message_batch(messages: Sequence[Message]) -> pa.RecordBatch:
    """The messages as rows of MESSAGE; no row for an empty list."""
    columns = list(zip(*messages, strict=True)) if messages else [(), (), (), ()]
    kinds = (pa.int32(), pa.int32(), pa.string(), pa.binary())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return pa.record_batch(arrays, names=["part", "kind", "name", "data"])


def messages_of(batches: Iterator[pa.RecordBatch]) -> Iterator[Message]:
    """The rows of MESSAGE, one after the other."""
    for batch in batches:
        yield from zip(*(batch.column(i).to_pylist() for i in range(4)), strict=True)


def group_by_kind(messages: Iterator[Message]) -> dict[int, list[Body]]:
    """Kind -> part, name and data of each of its messages, in their order."""
    bodies: dict[int, list[Body]] = {}
    for part, kind, name, data in messages:
        bodies.setdefault(kind, []).append((part, name, data))
    return bodies


def bucket_message(part: int, key: int, nodes: npt.NDArray[np.int64]) -> Message:
    """A BUCKET message to `part`: the band key and the nodes that share it."""
    return part, BUCKET, "", pack_columns((np.int64,), np.concatenate([[key], nodes]))


def route_rows(
    kind: int, parts: npt.NDArray[Any], targets: npt.NDArray[Any], types: ColumnTypes, *columns: Any
) -> list[Message]:
    """The rows of `columns` as messages of at most ARRAY_ROWS rows, by the part of each row.

    `parts`: of each row, 0 to len(targets) - 1; `targets`: what to write as `part` for each (see
    `partition_values`).
    """
    # A stable sort: the rows of a part keep their order, so the same rows give the same bytes.
    order = np.argsort(parts, kind="stable")
    ends = np.searchsorted(parts[order], np.arange(len(targets) + 1))
    messages = []
    for part in np.flatnonzero(np.diff(ends)).tolist():
        # One value of a binary column holds less than 2 GB in Arrow and in Spark.
        for start in range(ends[part], ends[part + 1], ARRAY_ROWS):
            rows = order[start : min(start + ARRAY_ROWS, ends[part + 1])]
            data = pack_columns(types, *(column[rows] for column in columns))
            messages.append((int(targets[part]), kind, "", data))
    return messages


@functools.lru_cache(maxsize=64)
def partition_values(parts: int) -> npt.NDArray[np.int32]:
    """For each of `parts` partitions the lowest number that Spark's hash partitioning puts there.

    The numbers 0, 1, 2, ... themselves would fall on some partitions twice and leave others without work.
    Were Spark's hash another one (Murmur3, seed 42, since 2.0), only the balance would suffer.
    """
    by_partition: dict[int, int] = {}
    value = 0
    while len(by_partition) < parts:
        by_partition.setdefault(_murmur3(value) % parts, value)
        value += 1
    return np.array([by_partition[part] for part in range(parts)], np.int32)


def _murmur3(value: int) -> int:
    """Murmur3 (32 bits, seed 42) of an int, signed, as Spark's `hash` computes it."""
    mask, mixed = 0xFFFFFFFF, value * 0xCC9E2D51 & 0xFFFFFFFF
    mixed = (mixed << 15 | mixed >> 17) * 0x1B873593 & mask
    result = 42 ^ mixed
    result = (result << 13 | result >> 19) & mask
    # An int is one block of 4 bytes: the length enters the finalizer.
    result = (result * 5 + 0xE6546B64 & mask) ^ 4
    result = (result ^ result >> 16) * 0x85EBCA6B & mask
    result = (result ^ result >> 13) * 0xC2B2AE35 & mask
    result ^= result >> 16
    # Spark's hash is signed, and its pmod of it is Python's %.
    return result - (1 << 32) if result >> 31 else result


def part_of(nodes: npt.NDArray[np.int64], parts: int) -> npt.NDArray[np.int64]:
    """A part for each node, 0 to `parts` - 1, by a hash of the node."""
    with np.errstate(over="ignore"):
        mixed = nodes.astype(np.uint64)
        # Nodes of one block differ in their low bits only; Murmur3's multiplier carries
        # them upward, and the upper 32 bits scaled by `parts` are as even as a remainder.
        mixed = (mixed ^ mixed >> np.uint64(33)) * np.uint64(0xFF51AFD7ED558CCD)
        return ((mixed >> np.uint64(32)) * np.uint64(parts) >> np.uint64(32)).astype(np.int64)
