"""Which classes of an index meet: all pairs that share a band key. On the driver as arrays, on executors one partition of the keys at a time.

In a bucket of more than `max_bucket` classes only neighbours, and everyone with the first, are paired; such buckets are told, with their
sizes, so that what the cap may have cost can be counted.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from udfs.kernels import kernel
from udfs.survivors import components

if TYPE_CHECKING:
    import pyarrow as pa

Ints = npt.NDArray[np.int64]
BLOCKS = "part int, block binary"
BLOCK = (np.int64, np.int64, np.int64, np.bool_)  # of a block, one column after the other: key, class, place (the order inside a bucket), is_old
MET = "class_a bigint, class_b bigint, hot_key bigint, n_classes bigint"  # a pair, or a hot bucket
PAIRS_AT_ONCE = 4_000_000  # that one partition holds before it hands them on; a bucket alone may hold max_bucket ** 2 / 2


@dataclass(frozen=True)
class Met:
    """Rows that share a key: `left` < `right`, each pair once; the keys of hot buckets and how many rows share each."""

    left: Ints
    right: Ints
    hot_keys: Ints
    hot_sizes: Ints


@kernel
def _meet(order, keys, is_old, most, out):  # type: ignore[no-untyped-def]
    """Write `a * n + b` (a < b) of each pair in each run of equal keys, or only count when `out` is empty; how many."""
    n, count, start, rows = len(is_old), 0, 0, len(order)
    while start < rows:
        stop = start + 1
        while stop < rows and keys[order[stop]] == keys[order[start]]:
            stop += 1
        is_hot = stop - start > most
        for j in range(start + 1, stop):
            b = order[j]
            for i in range(start, j, max(j - 1 - start, 1) if is_hot else 1):  # of a hot bucket the first and the neighbour
                a = order[i]
                if is_old[a] and is_old[b]:
                    continue
                if len(out):
                    out[count] = a * n + b
                count += 1
        start = stop
    return count


def runs_of(keys: Ints) -> tuple[Ints, Ints]:
    """Where each run of equal keys starts, and how long it is; `keys` are sorted."""
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]])) if len(keys) else np.zeros(0, np.int64)
    return starts, np.diff(np.append(starts, len(keys)))


def n_compared(sizes: Ints, max_bucket: int) -> Ints:
    """Pairs that are taken of buckets of these sizes; size * (size - 1) / 2 of one that is not hot."""
    return np.where(sizes > max_bucket, 2 * sizes - 3, sizes * (sizes - 1) // 2)


def meeting_pairs(bands: Ints, is_old: npt.NDArray[np.bool_], max_bucket: int, most_pairs: int) -> Met | None:
    """What meets among the rows of `bands` (classes x bands, in one lasting order): as rows, not as classes.

    Two rows that are both old are not paired. None when the buckets hold more than `most_pairs` pairs in all: then they do not belong
    in one memory.
    """
    n = len(bands)
    none, columns = np.zeros(0, np.int64), [np.ascontiguousarray(bands[:, band]) for band in range(bands.shape[1])]
    orders = [np.argsort(keys, kind="stable") for keys in columns]
    counts = [_meet(order, keys, is_old, max_bucket, none) for order, keys in zip(orders, columns, strict=True)]
    if sum(counts) > most_pairs:
        return None
    found, hot_keys, hot_sizes = [], [none], [none]
    for order, keys, count in zip(orders, columns, counts, strict=True):
        starts, sizes = runs_of(keys[order])
        hot_keys.append(keys[order[starts[sizes > max_bucket]]])
        hot_sizes.append(sizes[sizes > max_bucket])
        if count:
            found.append(np.empty(count, np.int64))
            _meet(order, keys, is_old, max_bucket, found[-1])
    pairs = np.unique(np.concatenate(found)) if found else none
    return Met(pairs // max(n, 1), pairs % max(n, 1), np.concatenate(hot_keys), np.concatenate(hot_sizes))


def scatter_keys(batches: Iterator[pa.RecordBatch], parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow: class, place (bigint), is_old, bands (binary) -> BLOCKS: all (key, class, place, is_old) of a batch in one row for each part.

    A row for each key would cost the JVM many times what the keys themselves cost here; a key is always in the same part.
    """
    import pyarrow as pa

    from udfs.minhash import band_matrix

    for batch in batches:
        keys = band_matrix(batch.column("bands"))
        part = (keys.ravel().view(np.uint64) % np.uint64(parts)).astype(np.uint16 if parts <= 1 << 16 else np.int32)
        order = np.argsort(part, kind="stable")  # of 16 bits: by radix
        row = order // max(keys.shape[1], 1)
        columns = [keys.ravel()[order], *(batch.column(name).to_numpy(zero_copy_only=False)[row] for name in ("class", "place", "is_old"))]
        names, starts = np.unique(part[order], return_index=True)
        cuts = [*starts.tolist(), len(order)]
        blocks = [b"".join(column[start:stop].astype(kind).tobytes() for column, kind in zip(columns, BLOCK, strict=True)) for start, stop in itertools.pairwise(cuts)]
        yield pa.record_batch([pa.array(names.astype(np.int32)), pa.array(blocks, pa.binary())], names=["part", "block"])


def from_block(block: bytes) -> list[npt.NDArray[Any]]:
    """keys, classes, places, is_old of one block."""
    n, at, columns = len(block) // sum(np.dtype(kind).itemsize for kind in BLOCK), 0, []
    for kind in BLOCK:
        columns.append(np.frombuffer(block, kind, n, at))
        at += columns[-1].nbytes
    return columns


def meet_in_partition(batches: Iterator[pa.RecordBatch], max_bucket: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over all blocks of some parts: BLOCKS -> MET. A pair that meets in several buckets of the partition may come again."""
    import pyarrow as pa

    held = [from_block(block.as_py()) for batch in batches for block in batch.column("block")]
    if not held:
        return
    keys, classes, place, is_old = (np.concatenate([part[i] for part in held]) for i in range(4))
    held.clear()
    order = _in_company(keys)
    order = order[np.lexsort((place[order], keys[order]))]
    keys, classes, is_old = keys[order], classes[order], is_old[order]
    starts, sizes = runs_of(keys)
    is_hot = sizes > max_bucket
    yield _met(pa, hot_key=keys[starts[is_hot]], n_classes=sizes[is_hot])
    part = np.cumsum(n_compared(sizes, max_bucket)) // PAIRS_AT_ONCE
    for first, last in zip(*_ends(part), strict=True):
        rows = slice(starts[first], starts[last] + sizes[last])
        here, here_old = keys[rows], is_old[rows]
        at = np.arange(len(here))
        pairs = np.empty(_meet(at, here, here_old, max_bucket, np.zeros(0, np.int64)), np.int64)
        if len(pairs):
            _meet(at, here, here_old, max_bucket, pairs)
            yield _met(pa, class_a=classes[rows][pairs // len(here)], class_b=classes[rows][pairs % len(here)])


def _in_company(keys: Ints) -> Ints:
    """Where the keys stand that come more than once; most come once, and need no order."""
    order = np.argsort(keys)
    _, sizes = runs_of(keys[order])
    return order[np.repeat(sizes > 1, sizes)]


def _ends(part: Ints) -> tuple[Ints, Ints]:
    """First and last index of each run of equal values."""
    starts, lengths = runs_of(part)
    return starts, starts + lengths - 1


def packed(left: Ints, right: Ints, n_bytes: Ints, group_bytes: int) -> tuple[Ints, Ints, Ints]:
    """Groups of documents in which every pair finds both its sides: member documents, the group of each, the group of each pair.

    Whole components one after the other, until `group_bytes` of text are together. A component of more than four times that is cut into
    blocks in the order of its documents, and a group holds the two blocks of its pairs: no group outgrows the memory, whatever the graph.
    """
    documents = np.arange(len(n_bytes))
    linked = components(left, right, np.ones(len(left)), documents).family
    sizes = np.bincount(linked, weights=n_bytes, minlength=len(n_bytes)).astype(np.int64)
    is_large = (sizes > 4 * group_bytes)[linked]
    small = np.where(sizes > 4 * group_bytes, 0, sizes)
    group = ((np.cumsum(small) - small) // group_bytes)[linked]
    if not is_large.any():
        return documents, group, group[left]
    order = np.lexsort((documents, linked))
    block = np.empty(len(n_bytes), np.int64)
    block[order] = np.cumsum(np.where(is_large, n_bytes, 0)[order]) // group_bytes
    sides = np.minimum(block[left], block[right]) * (block.max() + 1) + np.maximum(block[left], block[right])
    _, blocks = np.unique(np.where(is_large[left], sides, -1), return_inverse=True)
    of_pair = np.where(is_large[left], group.max() + 1 + blocks, group[left])
    named = np.unique(np.concatenate([of_pair * len(n_bytes) + left, of_pair * len(n_bytes) + right]))
    return named % len(n_bytes), named // len(n_bytes), of_pair


def _met(arrow: pa, **columns: Ints) -> pa.RecordBatch:
    n = len(next(iter(columns.values())))
    names = [part.split()[0] for part in MET.split(", ")]
    return arrow.record_batch([arrow.array(columns[name], arrow.int64()) if name in columns else arrow.nulls(n, arrow.int64()) for name in names], names=names)
