"""Candidate pairs: band keys of blocks are sent to the part of their key, and all pairs of a bucket are
taken.

Of documents with equal shingle sets one is the representative: the first that was sketched (the lowest node);
the others become LINKs. A bucket of more than `max_bucket` sets is passed on whole as a BUCKET: its pairs are
taken later, where its family and the ranking of its documents are together (gristmill.udfs.dedup.choosing).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.arrow.compiled import compiled
from gristmill.udfs.dedup.messages import (
    ARRAY_ROWS,
    FIRST_BAND,
    KEY_COLUMNS,
    KEYS,
    LINK,
    NODE_PAIR,
    PAIR,
    ROW_BITS,
    Message,
    bucket_message,
    message_batch,
    messages_of,
    pack_columns,
    partition_values,
    unpack_columns,
)

Ints = npt.NDArray[np.int64]
# rows of a run of equal keys that the compiled code
# sorts by insertion; longer runs are sorted by NumPy
SHORT_RUN = 64
# pairs that a partition makes before it passes them
# on; one bucket alone may give max_bucket ** 2 / 2
PAIRS_AT_ONCE = 4_000_000


def scatter(batches: Iterator[pa.RecordBatch], parts: int, bands: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow: block, n_shingles, set_hash, bands of blocks -> MESSAGE: KEYS to the part of each key, LINK
    within the block.

    `bands`: band keys of a document.
    """
    names = ("block", "n_shingles", "set_hash", "bands")
    for batch in batches:
        for block in zip(*(batch.column(name).to_pylist() for name in names), strict=True):
            yield message_batch(_key_messages(block, parts, bands))


def _key_messages(row: tuple[int, bytes, bytes, bytes], parts: int, n_bands: int) -> list[Message]:
    block, n_shingles, set_hash, bands = row
    # Documents without shingles have no keys: all of them would share every band.
    sets, rows = np.frombuffer(set_hash, np.int64), np.flatnonzero(np.frombuffer(n_shingles, np.int32))
    # Copies within a block become links before the
    # exchange, so that their keys are not sent at all.
    _, first, inverse = np.unique(sets[rows], return_index=True, return_inverse=True)
    representative = rows[first][inverse]
    copies = np.flatnonzero(rows != representative)
    distinct, targets = np.sort(rows[first]), partition_values(parts)
    keys = np.frombuffer(bands, np.int64).reshape(-1, n_bands)
    starts, keys, at, is_first = _by_part(np.ascontiguousarray(keys[distinct]), parts)
    classes = sets[distinct[at]]
    tagged = (distinct[at] | is_first.astype(np.int64) * FIRST_BAND).astype(np.uint16)
    messages: list[Message] = []
    for to in np.flatnonzero(np.diff(starts)).tolist():
        rows_of_part = slice(starts[to], starts[to + 1])
        columns = keys[rows_of_part], classes[rows_of_part], tagged[rows_of_part]
        data = block.to_bytes(8, "little") + pack_columns(KEY_COLUMNS, *columns)
        messages.append((int(targets[to]), KEYS, "", data))
    if len(copies):
        # Links only pass through the exchange, so any part will do.
        base = block << ROW_BITS
        data = pack_columns(NODE_PAIR, base | representative[copies], base | rows[copies])
        messages.append((int(targets[0]), LINK, "", data))
    return messages


@compiled
def _by_part(keys, parts):  # type: ignore[no-untyped-def]
    """The entries of `keys` (rows x bands), sorted by part: where each part starts, the keys, the row of
    each, whether of the first band.

    A counting sort: one pass counts, one writes; a comparison sort of the keys would cost several.
    """
    rows, bands = keys.shape
    starts = np.zeros(parts + 1, np.int64)
    part = np.empty(rows * bands, np.int32)
    for row in range(rows):
        for band in range(bands):
            # The upper 32 bits times the parts, above 2 **
            # 32: as even as a remainder, without a division.
            to = np.int64((np.uint64(keys[row, band]) >> np.uint64(32)) * np.uint64(parts) >> np.uint64(32))
            part[row * bands + band] = to
            starts[to + 1] += 1
    for i in range(parts):
        starts[i + 1] += starts[i]
    # The next free position of each part; `starts` itself is returned.
    at = starts[:-1].copy()
    out, of_row, is_first = (
        np.empty(rows * bands, np.int64),
        np.empty(rows * bands, np.int32),
        np.empty(rows * bands, np.uint8),
    )
    for row in range(rows):
        for band in range(bands):
            to = part[row * bands + band]
            slot = at[to]
            at[to] += 1
            out[slot], of_row[slot], is_first[slot] = keys[row, band], row, band == 0
    return starts, out, of_row, is_first


def candidate_pairs(batches: Iterator[pa.RecordBatch], max_bucket: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over all KEYS of some parts: MESSAGE -> MESSAGE, to part 0: PAIR (a < b), LINK, BUCKET.

    A pair that shares keys of several parts is returned by each of them. With max_bucket 2:

        key  set  node           PAIR (1, 2)   the two sets of key k
        k    A    1         ->   LINK (1, 4)   node 4 has the shingle set of node 1
        k    B    2
        k    A    4
    """
    target = int(partition_values(1)[0])
    key_columns: list[tuple[int, list[npt.NDArray[Any]]]] = []
    links: list[Message] = []
    for _, kind, _, data in messages_of(batches):
        if kind == KEYS:
            key_columns.append((int.from_bytes(data[:8], "little"), unpack_columns(KEY_COLUMNS, data[8:])))
        else:
            links.append((target, kind, "", data))
    yield message_batch(links)
    if not key_columns:
        return
    keys, classes, tagged = (np.concatenate([columns[i] for _, columns in key_columns]) for i in range(3))
    blocks = np.array([block for block, _ in key_columns], np.int64)
    nodes = np.repeat(blocks << ROW_BITS, [len(columns[0]) for _, columns in key_columns])
    nodes |= (tagged & (FIRST_BAND - 1)).astype(np.int64)
    # The messages are copied by now; a part holds some two million keys, so their bytes are let go.
    key_columns.clear()
    order, copies = one_of_each_set(seen_twice(keys), keys, classes, nodes, (tagged & FIRST_BAND) > 0)
    yield message_batch(_pair_messages(target, LINK, *copies))
    keys, nodes = keys[order], nodes[order]
    starts, sizes = runs_of(keys)
    # Copies are links already, so the cap counts sets,
    # and a bucket of copies alone is never over it.
    is_hot = sizes > max_bucket
    hot = [nodes[start : start + size] for start, size in zip(starts[is_hot], sizes[is_hot], strict=True)]
    for key, bucket in zip(keys[starts[is_hot]], hot, strict=True):
        yield message_batch([bucket_message(target, key, bucket)])
    is_paired = ~np.repeat(is_hot, sizes)
    for a, b in pairs_of(keys[is_paired], nodes[is_paired]):
        yield message_batch(_pair_messages(target, PAIR, a, b))


def _pair_messages(target: int, kind: int, a: Ints, b: Ints) -> list[Message]:
    """Pairs of nodes as messages of at most ARRAY_ROWS."""
    slices = [slice(start, start + ARRAY_ROWS) for start in range(0, len(a), ARRAY_ROWS)]
    return [(target, kind, "", pack_columns(NODE_PAIR, a[each], b[each])) for each in slices]


def pairs_of(keys: Ints, nodes: Ints) -> Iterator[tuple[Ints, Ints]]:
    """All pairs (a < b) of nodes under one key; `keys` sorted, the nodes of a key ascending.

    Some PAIRS_AT_ONCE are yielded together; among these each pair is there once.
    """
    starts, sizes = runs_of(keys)
    part = np.cumsum(sizes * (sizes - 1) // 2) // PAIRS_AT_ONCE
    cuts = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(starts)]
    for first, last in itertools.pairwise(cuts):
        if first == last:
            continue
        rows = slice(starts[first], starts[last - 1] + sizes[last - 1])
        # Nodes become numbers below n, so that a pair is one int64 and duplicates go by one sort.
        names, number = np.unique(nodes[rows], return_inverse=True)
        pairs = np.unique(_pairs(number, starts[first:last] - starts[first], sizes[first:last], len(names)))
        yield names[pairs // len(names)], names[pairs % len(names)]


@compiled
def _pairs(number, starts, sizes, n):  # type: ignore[no-untyped-def]
    """`a * n + b` of all pairs of each run."""
    count = 0
    for run in range(len(starts)):
        count += sizes[run] * (sizes[run] - 1) // 2
    out, at = np.empty(count, np.int64), 0
    for run in range(len(starts)):
        for j in range(starts[run] + 1, starts[run] + sizes[run]):
            for i in range(starts[run], j):
                out[at] = number[i] * n + number[j]
                at += 1
    return out


def runs_of(keys: Ints) -> tuple[Ints, Ints]:
    """Position of the first of each run of equal keys, and the length of each run; `keys` are sorted."""
    starts = (
        np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        if len(keys)
        else np.zeros(0, np.int64)
    )
    return starts, np.diff(np.append(starts, len(keys)))


@compiled
def _possible_repeats(keys, slots):  # type: ignore[no-untyped-def]
    """Positions of the keys whose slot is used more than once: all repeated keys, and a few others.

    A filter in front of the sort: most keys occur once, and with four slots a key or more, few of these share
    a slot.
    """
    uses = np.zeros(slots, np.uint8)
    mask = np.uint64(slots - 1)
    for key in keys:
        slot = np.uint64(key) & mask
        # Saturates at 2: a byte would overflow under a key that a million documents share.
        uses[slot] = min(uses[slot] + 1, 2)
    count = 0
    for key in keys:
        count += uses[np.uint64(key) & mask] > 1
    positions, at = np.empty(count, np.int64), 0
    for i in range(len(keys)):
        if uses[np.uint64(keys[i]) & mask] > 1:
            positions[at] = i
            at += 1
    return positions


def seen_twice(keys: Ints) -> Ints:
    """Positions of the keys that occur more than once, sorted by key; those of one key in no defined
    order."""
    repeats = _possible_repeats(keys, 1 << max(int(4 * len(keys)).bit_length(), 4))
    order = repeats[np.argsort(keys[repeats])]
    _, sizes = runs_of(keys[order])
    # What shared a slot by chance is a run of one.
    return order[np.repeat(sizes > 1, sizes)]


def one_of_each_set(
    order: Ints, keys: Ints, classes: Ints, nodes: Ints, is_first: npt.NDArray[np.bool_]
) -> tuple[Ints, tuple[Ints, Ints]]:
    """Of each key and class the row of the lowest node, sorted by key and node; and (representative, copy)
    links of the other rows.

    `order`: rows sorted by key; it is overwritten. `keys`, `classes` (set hashes), `nodes`, `is_first` (of
    the first band): one value a row. Rows of one class share all their keys, so a link is returned under the
    key of the first band alone. Keys that a single class is left of are dropped.
    """
    starts, sizes = runs_of(keys[order])
    links = np.empty((2, len(order)), np.int64)
    # Nearly all runs are short; one call of the compiled code does them all, in place.
    left, n_links = _reduce_runs(order, starts, sizes, classes, nodes, is_first, links, SHORT_RUN)
    representatives, copies = [links[0, :n_links]], [links[1, :n_links]]
    # Insertion sort takes the square of a run's length, so the long ones are sorted one by one.
    for run in np.flatnonzero(sizes > SHORT_RUN).tolist():
        rows = order[starts[run] : starts[run] + sizes[run]]
        rows = rows[np.lexsort((nodes[rows], classes[rows]))]
        is_new = np.concatenate([[True], classes[rows][1:] != classes[rows][:-1]])
        of_class = rows[np.maximum.accumulate(np.where(is_new, np.arange(len(rows)), 0))]
        is_link = ~is_new & is_first[rows]
        representatives.append(nodes[of_class[is_link]])
        copies.append(nodes[rows[is_link]])
        rows = rows[is_new]
        left[run] = len(rows)
        order[starts[run] : starts[run] + left[run]] = rows[np.argsort(nodes[rows])]
    # The rows that are left lie at the front of each run.
    within = np.arange(len(order)) - np.repeat(starts, sizes)
    kept = order[(within < np.repeat(left, sizes)) & np.repeat(left > 1, sizes)]
    return kept, (np.concatenate(representatives), np.concatenate(copies))


@compiled
def _reduce_runs(order, starts, sizes, classes, nodes, is_first, links, most):  # type: ignore[no-untyped-def]
    """Sort each run of at most `most` rows by node and keep one row of each class; the new sizes, and the
    number of links written."""
    left, n_links = sizes.copy(), 0
    for run in range(len(starts)):
        if sizes[run] > most:
            continue
        first, last = starts[run], starts[run] + sizes[run]
        # Insertion sort by node.
        for i in range(first + 1, last):
            row, j = order[i], i
            while j > first and nodes[order[j - 1]] > nodes[row]:
                order[j] = order[j - 1]
                j -= 1
            order[j] = row
        # The first row of a class has its lowest node, so it is the one to keep.
        kept = first
        for i in range(first, last):
            row, same = order[i], -1
            for j in range(first, kept):
                if classes[order[j]] == classes[row]:
                    same = order[j]
                    break
            if same < 0:
                order[kept] = row
                kept += 1
            elif is_first[row]:
                links[0, n_links], links[1, n_links] = nodes[same], nodes[row]
                n_links += 1
        left[run] = kept - first
    return left, n_links
