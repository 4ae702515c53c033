"""Candidate pairs judged by their sketches, each sketch sent once to where its family is compared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.udfs.dedup.doc_ids import doc_ids, ids_in
from gristmill.udfs.dedup.grouping import labels_of
from gristmill.udfs.dedup.messages import (
    BUCKET,
    COMPARED,
    DECIDED,
    MEMBER,
    MEMBERS,
    NAMED,
    PAIR,
    PAIRS,
    ROW_BITS,
    SKETCH,
    TWO,
    WANTED,
    Message,
    message_batch,
    messages_of,
    packed_arrays,
    unpacked,
)
from gristmill.udfs.dedup.verdicts import PairDecision

Ints = npt.NDArray[np.int64]
# pairs that are judged together: two sketches of 256 bytes each
AT_ONCE = 50_000


def send(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """mapInArrow: block, batch_id, ids, n_shingles, n_times, sketch of blocks, and the data of their
    LABELs, `labels` -> MESSAGE: MEMBER, SKETCH, NAMED."""
    names = ("block", "batch_id", "ids", "n_shingles", "n_times", "sketch", "labels")
    for batch in batches:
        for block in zip(*(batch.column(name).to_pylist() for name in names), strict=True):
            yield from _sent(block)


def _sent(found: tuple[Any, ...]) -> Iterator[pa.RecordBatch]:
    block, batch_id, ids, n_shingles, n_times, sketch, labels = found
    row, is_sketch, is_member, target = (
        np.concatenate(each) for each in zip(*map(labels_of, labels), strict=True)
    )
    high, low = ids_in(ids)[row].T
    node, sizes = block << ROW_BITS | row, np.frombuffer(n_shingles, np.int32)
    sketches = np.frombuffer(sketch, np.uint8).reshape(len(sizes), -1)
    made: list[Message] = []
    for to in np.unique(target).tolist():
        here = (target == to) & is_member
        if here.any():
            made.append((to, MEMBER, batch_id, packed_arrays(MEMBERS, node[here], high[here], low[here])))
        wide = (target == to) & is_sketch
        if wide.any():
            data = packed_arrays(COMPARED, node[wide], high[wide], low[wide], sizes[row[wide]])
            made.append((to, SKETCH, batch_id, data + sketches[row[wide]].tobytes()))
    yield message_batch(made)
    times = np.frombuffer(n_times, np.uint8)[row[is_member]]
    yield named(NAMED, target[is_member], node[is_member], high[is_member], low[is_member], batch_id, times)


def named(
    kind: int,
    target: Any,
    node: Ints,
    high: Any,
    low: Any,
    batch_id: str | npt.NDArray[Any],
    times: Any = None,
) -> pa.RecordBatch:
    """A message for each document: doc_id and batch as its name; its node, and its n_times where they
    are given, as its data."""
    batches = batch_id if not isinstance(batch_id, str) else np.full(len(node), batch_id, object)
    names = [
        f"{doc}{batch}" for doc, batch in zip(doc_ids(high, low).to_pylist(), batches.tolist(), strict=True)
    ]
    data = [value.to_bytes(8, "little") for value in node.tolist()]
    if times is not None:
        data = [each + value.to_bytes(1) for each, value in zip(data, times.tolist(), strict=True)]
    return message_batch(list(zip(np.asarray(target).tolist(), [kind] * len(node), names, data, strict=True)))


class Sketches:
    """The sketches of some SKETCH messages by node."""

    def __init__(self, messages: list[tuple[int, str, bytes]], width: int) -> None:
        """`width`: bytes of a sketch."""
        head = sum(np.dtype(kind).itemsize for kind in COMPARED)
        counts = [len(data) // (head + width) for _, _, data in messages]
        columns = [
            unpacked(COMPARED, data[: head * n]) for (_, _, data), n in zip(messages, counts, strict=True)
        ]
        parts = [
            np.frombuffer(data, np.uint8, n * width, head * n).reshape(n, width)
            for (_, _, data), n in zip(messages, counts, strict=True)
        ]
        self.batches = np.repeat(np.array([name for _, name, _ in messages], object), counts)
        none = [np.zeros(0, kind) for kind in COMPARED]
        node, high, low, n_shingles = (
            np.concatenate([none[i], *(part[i] for part in columns)]) for i in range(4)
        )
        sketches = np.concatenate([np.zeros((0, width), np.uint8), *parts])
        order = np.argsort(node)
        self.node, self.high, self.low, self.batches = (
            node[order],
            high[order],
            low[order],
            self.batches[order],
        )
        self.n_shingles, self.sketches = n_shingles[order].astype(np.int64), sketches[order]

    def decided(
        self, a: Ints, b: Ints, decide: PairDecision
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int8]]:
        """Similarity and verdict (1 accepted, -1 rejected, 0 open) of pairs of nodes."""
        left, right = np.searchsorted(self.node, a), np.searchsorted(self.node, b)
        found, verdict = np.zeros(len(a)), np.zeros(len(a), np.int8)
        for start in range(0, len(a), AT_ONCE):
            some = slice(start, start + AT_ONCE)
            one, other = left[some], right[some]
            sides = self.n_shingles[one], self.n_shingles[other], self.sketches[one], self.sketches[other]
            found[some], verdict[some] = decide(*sides)
        return found, verdict

    def wanted(self, target: int, nodes: Ints) -> pa.RecordBatch:
        """WANTED messages for the texts of `nodes`."""
        at = np.searchsorted(self.node, nodes)
        return named(WANTED, np.full(len(at), target), nodes, self.high[at], self.low[at], self.batches[at])


def compare(batches: Iterator[pa.RecordBatch], decide: PairDecision, width: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over all messages of some parts: PAIR, SKETCH -> DECIDED and WANTED, to the home of each
    family; the others as they are.

    The sketches of a part that is home to a bucket over the cap are handed on.
    """
    held: dict[int, list[tuple[int, str, bytes]]] = {PAIR: [], SKETCH: []}
    parts_with_hot_buckets: set[int] = set()
    for batch in batches:
        is_ours = pc.is_in(batch.column("kind"), pa.array([PAIR, SKETCH], pa.int32()))
        for part, kind, name, data in messages_of(iter([batch.filter(is_ours)])):
            held[kind].append((part, name, data))
        rest = batch.filter(pc.invert(is_ours))
        parts_with_hot_buckets |= set(
            rest.filter(pc.equal(rest.column("kind"), BUCKET)).column("part").to_pylist()
        )
        # as it came: a batch for each of many documents would cost more than all else
        yield rest
    pairs, sketches = held[PAIR], held[SKETCH]
    for part in sorted({part for part, _, _ in sketches}):
        mine = [message for message in sketches if message[0] == part]
        if part in parts_with_hot_buckets:
            yield message_batch([(part, SKETCH, name, data) for _, name, data in mine])
        index = Sketches(mine, width)
        for home, data in ((int(name), data) for at, name, data in pairs if at == part):
            a, b = unpacked(TWO, data)
            found, verdict = index.decided(a, b, decide)
            yield message_batch([(home, DECIDED, "", packed_arrays(PAIRS, a, b, found, verdict))])
            is_open = verdict == 0
            if is_open.any():
                yield index.wanted(home, np.unique(np.concatenate([a[is_open], b[is_open]])))
