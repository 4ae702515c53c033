"""Candidate pairs compared by their sketches, each sketch sent once to every part that compares it."""

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
    MEMBER,
    MEMBER_COLUMNS,
    NODE_PAIR,
    PAIR,
    RANK_REQUEST,
    ROW_BITS,
    SKETCH,
    SKETCH_COLUMNS,
    TEXT_REQUEST,
    VERDICT,
    VERDICT_COLUMNS,
    Body,
    Message,
    message_batch,
    messages_of,
    pack_columns,
    unpack_columns,
)
from gristmill.udfs.dedup.verdicts import PairDecision

Ints = npt.NDArray[np.int64]
# pairs decided in one call: two sketches of 256 bytes each, 25 MB
PAIRS_PER_CALL = 50_000


def send(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """mapInArrow: block, batch_id, ids, n_shingles, n_times, sketch of blocks, and `labels`, the data of
    their LABEL messages -> MESSAGE: MEMBER, SKETCH, RANK_REQUEST."""
    names = ("block", "batch_id", "ids", "n_shingles", "n_times", "sketch", "labels")
    for batch in batches:
        for block in zip(*(batch.column(name).to_pylist() for name in names), strict=True):
            yield from _block_messages(block)


def _block_messages(values: tuple[Any, ...]) -> Iterator[pa.RecordBatch]:
    block, batch_id, ids, n_shingles, n_times, sketch, labels = values
    row, is_sketch, is_member, target = (
        np.concatenate(each) for each in zip(*map(labels_of, labels), strict=True)
    )
    high, low = ids_in(ids)[row].T
    node, sizes = block << ROW_BITS | row, np.frombuffer(n_shingles, np.int32)
    sketches = np.frombuffer(sketch, np.uint8).reshape(len(sizes), -1)
    messages: list[Message] = []
    for to in np.unique(target).tolist():
        member = (target == to) & is_member
        if member.any():
            data = pack_columns(MEMBER_COLUMNS, node[member], high[member], low[member])
            messages.append((to, MEMBER, batch_id, data))
        compared = (target == to) & is_sketch
        if compared.any():
            columns = node[compared], high[compared], low[compared], sizes[row[compared]]
            data = pack_columns(SKETCH_COLUMNS, *columns)
            messages.append((to, SKETCH, batch_id, data + sketches[row[compared]].tobytes()))
    yield message_batch(messages)
    # The ranking is a join in Spark, which needs a row a document; everything else travels packed.
    times = np.frombuffer(n_times, np.uint8)[row[is_member]]
    ids_of_members = high[is_member], low[is_member]
    yield requests(RANK_REQUEST, target[is_member], node[is_member], *ids_of_members, batch_id, times)


def requests(
    kind: int,
    target: Any,
    node: Ints,
    high: Any,
    low: Any,
    batch_id: str | npt.NDArray[Any],
    times: Any = None,
) -> pa.RecordBatch:
    """One message for each document, RANK_REQUEST or TEXT_REQUEST.

    `name` is doc_id and batch_id, one after the other; `data` the node (8 bytes, little-endian), and n_times
    (1 byte) where `times` is passed. `batch_id`: one for all, or one for each document.
    """
    batches = batch_id if not isinstance(batch_id, str) else np.full(len(node), batch_id, object)
    names = [
        f"{doc}{batch}" for doc, batch in zip(doc_ids(high, low).to_pylist(), batches.tolist(), strict=True)
    ]
    data = [value.to_bytes(8, "little") for value in node.tolist()]
    if times is not None:
        data = [each + value.to_bytes(1) for each, value in zip(data, times.tolist(), strict=True)]
    return message_batch(list(zip(np.asarray(target).tolist(), [kind] * len(node), names, data, strict=True)))


class SketchIndex:
    """The documents of some SKETCH messages, sorted by node: ids, batches, set sizes and sketches."""

    def __init__(self, messages: list[Body], width: int) -> None:
        """`width`: bytes of a sketch."""
        # A document takes the bytes of SKETCH_COLUMNS and
        # `width` more, which gives the count of a message.
        head = sum(np.dtype(kind).itemsize for kind in SKETCH_COLUMNS)
        counts = [len(data) // (head + width) for _, _, data in messages]
        columns = [
            unpack_columns(SKETCH_COLUMNS, data[: head * n])
            for (_, _, data), n in zip(messages, counts, strict=True)
        ]
        parts = [
            np.frombuffer(data, np.uint8, n * width, head * n).reshape(n, width)
            for (_, _, data), n in zip(messages, counts, strict=True)
        ]
        self.batches = np.repeat(np.array([name for _, name, _ in messages], object), counts)
        empty = [np.zeros(0, kind) for kind in SKETCH_COLUMNS]
        node, high, low, n_shingles = (
            np.concatenate([empty[i], *(part[i] for part in columns)]) for i in range(4)
        )
        sketches = np.concatenate([np.zeros((0, width), np.uint8), *parts])
        # Sorted by node, so that a lookup is a binary search.
        order = np.argsort(node)
        self.node, self.high, self.low, self.batches = (
            node[order],
            high[order],
            low[order],
            self.batches[order],
        )
        self.n_shingles, self.sketches = n_shingles[order].astype(np.int64), sketches[order]

    def verdicts(
        self, a: Ints, b: Ints, decide: PairDecision
    ) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int8]]:
        """Similarity (0 to 1) and verdict (1 accepted, -1 rejected, 0 open) of pairs of nodes in the
        index."""
        left, right = np.searchsorted(self.node, a), np.searchsorted(self.node, b)
        similarity, verdict = np.zeros(len(a)), np.zeros(len(a), np.int8)
        # Gathering both sides of all pairs at once would copy each sketch as often as it has pairs.
        for start in range(0, len(a), PAIRS_PER_CALL):
            rows = slice(start, start + PAIRS_PER_CALL)
            one, other = left[rows], right[rows]
            sides = self.n_shingles[one], self.n_shingles[other], self.sketches[one], self.sketches[other]
            similarity[rows], verdict[rows] = decide(*sides)
        return similarity, verdict

    def text_requests(self, target: int, nodes: Ints) -> pa.RecordBatch:
        """TEXT_REQUEST messages for `nodes`, whose texts go to the part `target`."""
        at = np.searchsorted(self.node, nodes)
        parts = np.full(len(at), target)
        return requests(TEXT_REQUEST, parts, nodes, self.high[at], self.low[at], self.batches[at])


def compare(batches: Iterator[pa.RecordBatch], decide: PairDecision, width: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over all messages of some parts: PAIR, SKETCH -> VERDICT and TEXT_REQUEST, to the part of
    each family; all other messages unchanged.

    `decide`: from set sizes and sketches; `width`: bytes of a sketch. Sketches of a part with a bucket over
    the cap are passed on, as its pairs are chosen there.

        PAIR (1, 2), (1, 5)   ->   VERDICT (1, 2, .93, 1), (1, 5, .71, 0), and TEXT_REQUEST of 1 and 5
    """
    messages: dict[int, list[Body]] = {PAIR: [], SKETCH: []}
    parts_with_hot_buckets: set[int] = set()
    for batch in batches:
        is_used = pc.is_in(batch.column("kind"), pa.array([PAIR, SKETCH], pa.int32()))
        for part, kind, name, data in messages_of(iter([batch.filter(is_used)])):
            messages[kind].append((part, name, data))
        rest = batch.filter(pc.invert(is_used))
        parts_with_hot_buckets |= set(
            rest.filter(pc.equal(rest.column("kind"), BUCKET)).column("part").to_pylist()
        )
        # In the batches in which they came: RANK_REQUEST is a row a
        # document, and a batch for each row would cost more than all else.
        yield rest
    pairs, sketches = messages[PAIR], messages[SKETCH]
    # One part after the other: the index of a part is released before the next is built.
    for part in sorted({part for part, _, _ in sketches}):
        own_sketches = [message for message in sketches if message[0] == part]
        if part in parts_with_hot_buckets:
            yield message_batch([(part, SKETCH, name, data) for _, name, data in own_sketches])
        index = SketchIndex(own_sketches, width)
        for family_part, data in ((int(name), data) for at, name, data in pairs if at == part):
            a, b = unpack_columns(NODE_PAIR, data)
            similarity, verdict = index.verdicts(a, b, decide)
            packed = pack_columns(VERDICT_COLUMNS, a, b, similarity, verdict)
            yield message_batch([(family_part, VERDICT, "", packed)])
            is_open = verdict == 0
            if is_open.any():
                nodes = np.unique(np.concatenate([a[is_open], b[is_open]]))
                yield index.text_requests(family_part, nodes)
