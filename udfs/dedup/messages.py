"""What the tasks of near-duplicate removal send each other: packed arrays, one row for many documents.

What an exchange costs the JVM is its rows, not their bytes: 4.2 million band keys through an exchange took it
3.0 s as rows and .6 s packed. A row is `part` (where it goes), `kind` (what `data` holds), `name` and `data`:
little-endian arrays, one behind the other.
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
Arrays = tuple[Any, ...]  # NumPy types

# Kinds, with what `data` holds. A node is a document's place in the table `sketches`: number of the block,
# row in it.
# block, then KEY arrays: band keys of documents
KEYS = 0
PAIR = 1  # TWO: nodes that share a band key
# TWO: two nodes of equal shingle sets, the one that stands for the set first
LINK = 2
# band key, then the nodes of a bucket over the cap
BUCKET = 3
# LABELLED, `name` the block: which of its documents are sent where
LABEL = 4
# MEMBERS, `name` the batch: documents that are in company
MEMBER = 5
# node, doc_id's halves, n_shingles, then sketches: documents that are compared
SKETCH = 6
# `name` doc_id and batch_id, data the node and n_times: one document, for what Spark has to look up
NAMED = 7
# `name` doc_id and batch_id, data the node: a document whose text is wanted
WANTED = 8
DECIDED = 9  # PAIRS: pairs with what became of them
# node (little-endian), rank (big-endian, as Spark casts it): one kept document
RANK = 10
# node, then the text in UTF-8: one document
TEXT = 11
# TWO: components in rounds: a node and a smaller one
EDGE = 12
# `name` a checksum: whether a round changed anything
STATE = 13
# TWO: a node and the smallest of its component
ROOT = 14

TWO: Arrays = (np.int64, np.int64)
# Band key, set hash, row in its block and FIRST_BAND. (The whole hash: of the pairs in a bucket of a million,
# hundreds would have 32 bits of it in common by chance.)
KEY: Arrays = (np.int64, np.int64, np.uint16)
# row in its block with SENDS_SKETCH and SENDS_MEMBER, the part
LABELLED: Arrays = (np.uint16, np.int32)
MEMBERS: Arrays = (np.int64, np.uint64, np.uint64)  # node, the doc_id's halves
COMPARED: Arrays = (np.int64, np.uint64, np.uint64, np.int32)  # node, the doc_id's halves, n_shingles
PAIRS: Arrays = (np.int64, np.int64, np.float64, np.int8)  # two nodes, similarity, verdict: see OPEN

ROWS = 8_192  # documents of a block: 13 bits of a node
# a node: round of the run, task, block of the task, row
ROW_BITS, ORDINAL_BITS, TASK_BITS = 13, 14, 20
FIRST_BAND, SENDS_SKETCH, SENDS_MEMBER = 1 << 15, 1 << 15, 1 << 14  # flags beside 13 bits of a row
ARRAY_ROWS = 1_000_000  # of one message: 16 MB of pairs


def packed_arrays(kinds: Arrays, *columns: Any) -> bytes:
    """The columns, one behind the other, as `kinds`."""
    return b"".join(
        np.ascontiguousarray(column, kind).tobytes() for column, kind in zip(columns, kinds, strict=True)
    )


def unpacked(kinds: Arrays, data: bytes) -> list[npt.NDArray[Any]]:
    """The columns that `packed_arrays` put into `data`, read-only."""
    n, at, columns = len(data) // sum(np.dtype(kind).itemsize for kind in kinds), 0, []
    for kind in kinds:
        columns.append(np.frombuffer(data, kind, n, at))
        at += columns[-1].nbytes
    return columns


def all_of(kinds: Arrays, messages: Sequence[tuple[int, str, bytes]]) -> list[npt.NDArray[Any]]:
    """The columns of all `messages` (as `by_kind` gives them), one message behind the other."""
    parts = [unpacked(kinds, data) for _, _, data in messages]
    if not parts:
        return [np.zeros(0, kind) for kind in kinds]
    return [np.concatenate([part[i] for part in parts]) for i in range(len(kinds))]


def message_batch(messages: Sequence[Message]) -> pa.RecordBatch:
    """Rows of MESSAGE."""
    columns = list(zip(*messages, strict=True)) if messages else [(), (), (), ()]
    kinds = (pa.int32(), pa.int32(), pa.string(), pa.binary())
    arrays = [pa.array(column, kind) for column, kind in zip(columns, kinds, strict=True)]
    return pa.record_batch(arrays, names=["part", "kind", "name", "data"])


def messages_of(batches: Iterator[pa.RecordBatch]) -> Iterator[Message]:
    """The rows of MESSAGE, one after the other."""
    for batch in batches:
        yield from zip(*(batch.column(i).to_pylist() for i in range(4)), strict=True)


def by_kind(messages: Iterator[Message]) -> dict[int, list[tuple[int, str, bytes]]]:
    """Of each kind the part, name and data of all its messages."""
    held: dict[int, list[tuple[int, str, bytes]]] = {}
    for part, kind, name, data in messages:
        held.setdefault(kind, []).append((part, name, data))
    return held


def bucket_message(part: int, key: int, nodes: npt.NDArray[np.int64]) -> Message:
    """A BUCKET message."""
    return part, BUCKET, "", packed_arrays((np.int64,), np.concatenate([[key], nodes]))


def routed(
    kind: int, parts: npt.NDArray[Any], targets: npt.NDArray[Any], kinds: Arrays, *columns: Any
) -> list[Message]:
    """Messages of at most ARRAY_ROWS rows, those of part i to `targets[i]`; `parts`: of each row."""
    order = np.argsort(parts, kind="stable")
    ends = np.searchsorted(parts[order], np.arange(len(targets) + 1))
    made = []
    for part in np.flatnonzero(np.diff(ends)).tolist():
        for start in range(ends[part], ends[part + 1], ARRAY_ROWS):
            rows = order[start : min(start + ARRAY_ROWS, ends[part + 1])]
            data = packed_arrays(kinds, *(column[rows] for column in columns))
            made.append((int(targets[part]), kind, "", data))
    return made


@functools.lru_cache(maxsize=64)
def places(parts: int) -> npt.NDArray[np.int32]:
    """For each of `parts` partitions a number that Spark's hash partitioning puts there.

    Numbers from 0 would fall on some partitions twice and leave others without work. Were Spark's hash
    another one (Murmur3, seed 42, since 2.0), only the balance would suffer.
    """
    found: dict[int, int] = {}
    value = 0
    while len(found) < parts:
        found.setdefault(_murmur3(value) % parts, value)
        value += 1
    return np.array([found[part] for part in range(parts)], np.int32)


def _murmur3(value: int) -> int:
    """Murmur3 of an int as Spark's `hash` has it, signed."""
    most, mixed = 0xFFFFFFFF, value * 0xCC9E2D51 & 0xFFFFFFFF
    mixed = (mixed << 15 | mixed >> 17) * 0x1B873593 & most
    found = 42 ^ mixed
    found = (found << 13 | found >> 19) & most
    found = (found * 5 + 0xE6546B64 & most) ^ 4
    found = (found ^ found >> 16) * 0x85EBCA6B & most
    found = (found ^ found >> 13) * 0xC2B2AE35 & most
    found ^= found >> 16
    return found - (1 << 32) if found >> 31 else found


def part_of(nodes: npt.NDArray[np.int64], parts: int) -> npt.NDArray[np.int64]:
    """A part for each node, by a hash of the node."""
    with np.errstate(over="ignore"):
        mixed = nodes.astype(np.uint64)
        mixed = (mixed ^ mixed >> np.uint64(33)) * np.uint64(0xFF51AFD7ED558CCD)
        return ((mixed >> np.uint64(32)) * np.uint64(parts) >> np.uint64(32)).astype(np.int64)
