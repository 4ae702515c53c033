"""Which documents meet: band keys of blocks go to where equal keys are together, and all pairs of a bucket
are taken.

Of documents of equal shingle sets one stands for the set, the first that was sketched (the lowest node). A
bucket of more than `max_bucket` sets is handed on as it is: its pairs are taken where its whole family and
their ranking are at hand (gristmill.udfs.dedup.survivors).
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
    KEY,
    KEYS,
    LINK,
    PAIR,
    ROW_BITS,
    TWO,
    Message,
    bucket_message,
    message_batch,
    messages_of,
    packed_arrays,
    places,
    unpacked,
)

Ints = npt.NDArray[np.int64]
# rows of a run that are sorted where they stand
SHORT = 64
# that a partition holds before it hands them on; a bucket may hold max_bucket ** 2 / 2
PAIRS_AT_ONCE = 4_000_000


def scatter(batches: Iterator[pa.RecordBatch], parts: int, bands: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow: block, n_shingles, set_hash, bands of blocks -> MESSAGE: KEYS to the part of each key,
    LINK within the block."""
    names = ("block", "n_shingles", "set_hash", "bands")
    for batch in batches:
        for block in zip(*(batch.column(name).to_pylist() for name in names), strict=True):
            yield message_batch(_scattered(block, parts, bands))


def _scattered(row: tuple[int, bytes, bytes, bytes], parts: int, n_bands: int) -> list[Message]:
    block, n_shingles, set_hash, bands = row
    sets, rows = np.frombuffer(set_hash, np.int64), np.flatnonzero(np.frombuffer(n_shingles, np.int32))
    _, first, inverse = np.unique(sets[rows], return_index=True, return_inverse=True)
    stands = rows[first][inverse]
    copies = np.flatnonzero(rows != stands)
    few, targets = np.sort(rows[first]), places(parts)
    keys = np.frombuffer(bands, np.int64).reshape(-1, n_bands)
    starts, keys, at, is_first = _by_part(np.ascontiguousarray(keys[few]), parts)
    classes = sets[few[at]]
    tagged = (few[at] | is_first.astype(np.int64) * FIRST_BAND).astype(np.uint16)
    made: list[Message] = []
    for to in np.flatnonzero(np.diff(starts)).tolist():
        some = slice(starts[to], starts[to + 1])
        data = block.to_bytes(8, "little") + packed_arrays(KEY, keys[some], classes[some], tagged[some])
        made.append((int(targets[to]), KEYS, "", data))
    if len(copies):
        base = block << ROW_BITS
        made.append(
            (int(targets[0]), LINK, "", packed_arrays(TWO, base | stands[copies], base | rows[copies]))
        )
    return made


@compiled
def _by_part(keys, parts):  # type: ignore[no-untyped-def]
    """Rows and keys of `keys` (rows x bands) by part: where each begins, the keys, the row of each,
    whether of the first band."""
    rows, bands = keys.shape
    starts = np.zeros(parts + 1, np.int64)
    part = np.empty(rows * bands, np.int32)
    for row in range(rows):
        for band in range(bands):
            # The upper 32 bits times the parts, above 2 ** 32: as even as a remainder, without a division.
            to = np.int64((np.uint64(keys[row, band]) >> np.uint64(32)) * np.uint64(parts) >> np.uint64(32))
            part[row * bands + band] = to
            starts[to + 1] += 1
    for i in range(parts):
        starts[i + 1] += starts[i]
    at = starts[:-1].copy()
    out, of_row, is_first = (
        np.empty(rows * bands, np.int64),
        np.empty(rows * bands, np.int32),
        np.empty(rows * bands, np.uint8),
    )
    for row in range(rows):
        for band in range(bands):
            to = part[row * bands + band]
            place = at[to]
            at[to] += 1
            out[place], of_row[place], is_first[place] = keys[row, band], row, band == 0
    return starts, out, of_row, is_first


def candidate_pairs(batches: Iterator[pa.RecordBatch], max_bucket: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over all KEYS of some parts: MESSAGE -> MESSAGE, to part 0: PAIR (a < b), LINK, BUCKET.

    A pair that meets under keys of several parts comes once from each.
    """
    target = int(places(1)[0])
    held: list[tuple[int, list[npt.NDArray[Any]]]] = []
    links: list[Message] = []
    for _, kind, _, data in messages_of(batches):
        if kind == KEYS:
            held.append((int.from_bytes(data[:8], "little"), unpacked(KEY, data[8:])))
        else:
            links.append((target, kind, "", data))
    yield message_batch(links)
    if not held:
        return
    keys, classes, tagged = (np.concatenate([columns[i] for _, columns in held]) for i in range(3))
    blocks = np.array([block for block, _ in held], np.int64)
    nodes = np.repeat(blocks << ROW_BITS, [len(columns[0]) for _, columns in held])
    nodes |= (tagged & (FIRST_BAND - 1)).astype(np.int64)
    held.clear()
    order, copies = one_of_each_set(seen_twice(keys), keys, classes, nodes, (tagged & FIRST_BAND) > 0)
    yield message_batch(_in_parts(target, LINK, *copies))
    keys, nodes = keys[order], nodes[order]
    starts, sizes = runs_of(keys)
    is_hot = sizes > max_bucket
    hot = [nodes[start : start + size] for start, size in zip(starts[is_hot], sizes[is_hot], strict=True)]
    for key, bucket in zip(keys[starts[is_hot]], hot, strict=True):
        yield message_batch([bucket_message(target, key, bucket)])
    within = ~np.repeat(is_hot, sizes)
    for a, b in pairs_of(keys[within], nodes[within]):
        yield message_batch(_in_parts(target, PAIR, a, b))


def _in_parts(target: int, kind: int, a: Ints, b: Ints) -> list[Message]:
    some = [slice(start, start + ARRAY_ROWS) for start in range(0, len(a), ARRAY_ROWS)]
    return [(target, kind, "", packed_arrays(TWO, a[each], b[each])) for each in some]


def pairs_of(keys: Ints, nodes: Ints) -> Iterator[tuple[Ints, Ints]]:
    """All pairs (a < b) of nodes under one key, `keys` sorted and the nodes of a key ascending; each
    once in what is yielded together."""
    starts, sizes = runs_of(keys)
    part = np.cumsum(sizes * (sizes - 1) // 2) // PAIRS_AT_ONCE
    cuts = [0, *(np.flatnonzero(np.diff(part)) + 1).tolist(), len(starts)]
    for first, last in itertools.pairwise(cuts):
        if first == last:
            continue
        rows = slice(starts[first], starts[last - 1] + sizes[last - 1])
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
    """Where each run of equal keys starts, and how long it is; `keys` are sorted."""
    starts = (
        np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
        if len(keys)
        else np.zeros(0, np.int64)
    )
    return starts, np.diff(np.append(starts, len(keys)))


@compiled
def _seen_often(keys, slots):  # type: ignore[no-untyped-def]
    """Where the keys stand whose slot is taken more than once: all that come again, and a few others."""
    taken = np.zeros(slots, np.uint8)
    mask = np.uint64(slots - 1)
    for key in keys:
        slot = np.uint64(key) & mask
        taken[slot] = min(taken[slot] + 1, 2)
    count = 0
    for key in keys:
        count += taken[np.uint64(key) & mask] > 1
    found, at = np.empty(count, np.int64), 0
    for i in range(len(keys)):
        if taken[np.uint64(keys[i]) & mask] > 1:
            found[at] = i
            at += 1
    return found


def seen_twice(keys: Ints) -> Ints:
    """Where the keys stand that come more than once, by key, those of one key in no order; most come
    once, and need none."""
    often = _seen_often(keys, 1 << max(int(4 * len(keys)).bit_length(), 4))
    order = often[np.argsort(keys[often])]
    _, sizes = runs_of(keys[order])
    return order[np.repeat(sizes > 1, sizes)]


def one_of_each_set(
    order: Ints, keys: Ints, classes: Ints, nodes: Ints, is_first: npt.NDArray[np.bool_]
) -> tuple[Ints, tuple[Ints, Ints]]:
    """`order` (rows by key), of each key and class the row of the lowest node, by node; and links to that of
    the others.

    Rows of one class share all their keys, so their links are told under the key of the first band alone.
    Runs of one row that are left are left out.
    """
    starts, sizes = runs_of(keys[order])
    links = np.empty((2, len(order)), np.int64)
    left, told = _tidy_short(order, starts, sizes, classes, nodes, is_first, links, SHORT)
    ones, others = [links[0, :told]], [links[1, :told]]
    for run in np.flatnonzero(sizes > SHORT).tolist():
        rows = order[starts[run] : starts[run] + sizes[run]]
        rows = rows[np.lexsort((nodes[rows], classes[rows]))]
        is_new = np.concatenate([[True], classes[rows][1:] != classes[rows][:-1]])
        stands = rows[np.maximum.accumulate(np.where(is_new, np.arange(len(rows)), 0))]
        again = ~is_new & is_first[rows]
        ones.append(nodes[stands[again]])
        others.append(nodes[rows[again]])
        rows = rows[is_new]
        left[run] = len(rows)
        order[starts[run] : starts[run] + left[run]] = rows[np.argsort(nodes[rows])]
    within = np.arange(len(order)) - np.repeat(starts, sizes)
    kept = order[(within < np.repeat(left, sizes)) & np.repeat(left > 1, sizes)]
    return kept, (np.concatenate(ones), np.concatenate(others))


@compiled
def _tidy_short(order, starts, sizes, classes, nodes, is_first, links, short):  # type: ignore[no-untyped-def]
    """Sort each run of at most `short` rows by node and keep one row of each class; the new sizes, and
    how many links were told."""
    left, told = sizes.copy(), 0
    for run in range(len(starts)):
        if sizes[run] > short:
            continue
        first, last = starts[run], starts[run] + sizes[run]
        for i in range(first + 1, last):
            row, j = order[i], i
            while j > first and nodes[order[j - 1]] > nodes[row]:
                order[j] = order[j - 1]
                j -= 1
            order[j] = row
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
                links[0, told], links[1, told] = nodes[same], nodes[row]
                told += 1
        left[run] = kept - first
    return left, told
