"""Which classes of an index meet: all pairs that share a band key. On the driver as arrays, on executors one partition of the keys at a time.

In a bucket of more than `max_bucket` classes only neighbours, and everyone with the first, are paired; such buckets are told, with their
sizes, so that what the cap may have cost can be counted.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from udfs.doc_keys import halves
from udfs.files import ids_of
from udfs.kernels import frozen, kernel
from udfs.survivors import components

if TYPE_CHECKING:
    import pyarrow as pa

Ints = npt.NDArray[np.int64]
BLOCKS = "part int, block binary"
BLOCK = (np.int64, np.int64, np.int64, np.int32, np.uint8)  # of a block, one column after the other: key, class, place (the order inside a bucket), round, flags
OLD, FIRST_BAND = 1, 2  # flags: paired before; the key is that of the first band
MET = "class_a bigint, place_a bigint, class_b bigint, place_b bigint, hot_key bigint, n_classes bigint"  # a pair, a hot bucket, or (class_a alone) a class of several documents
SHORT = 64  # rows of a run that are sorted where they stand
BANDS_AT_ONCE = 8  # columns of band keys in hand: 64 bytes a document
PAIRS_AT_ONCE = 4_000_000  # that one partition holds before it hands them on; a bucket alone may hold max_bucket ** 2 / 2


@dataclass(frozen=True)
class Met:
    """Rows that share a key: `left` < `right`, each pair once; the keys of hot buckets and how many rows share each."""

    left: Ints
    right: Ints
    hot_keys: Ints
    hot_sizes: Ints
    crowd: Ints  # rows in hot buckets


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


def meeting_pairs(
    bands: Ints, is_old: npt.NDArray[np.bool_], max_bucket: int, most_pairs: int, rows: Ints | None = None, threads: int = 1
) -> Met | None:
    """What meets among `rows` of `bands` (documents x bands; None: all rows), in their order, which is a lasting one: as places among the rows.

    Two places that are both old are not paired. None when the buckets hold more than `most_pairs` pairs in all: then they do not belong
    in one memory.
    """
    rows = np.arange(len(bands)) if rows is None else rows
    n, none, total = max(len(rows), 1), np.zeros(0, np.int64), 0
    found, hot_keys, hot_sizes, crowd = [none], [none], [none], [none]
    meet = functools.partial(_meet_in_band, is_old=is_old, max_bucket=max_bucket, most_pairs=most_pairs)
    with ThreadPoolExecutor(threads) as pool:
        for first in range(0, bands.shape[1], BANDS_AT_ONCE):
            columns = _columns(frozen(bands), rows, first, min(BANDS_AT_ONCE, bands.shape[1] - first))
            for pairs, count, keys, sizes, within in pool.map(meet, columns):
                total += count
                if total > most_pairs:
                    return None
                found.append(pairs)
                hot_keys.append(keys)
                hot_sizes.append(sizes)
                crowd.append(within)
    pairs = np.unique(np.concatenate(found))
    return Met(pairs // n, pairs % n, np.concatenate(hot_keys), np.concatenate(hot_sizes), np.unique(np.concatenate(crowd)))


@kernel
def _columns(bands, rows, first, count):  # type: ignore[no-untyped-def]
    """Some columns of some rows, one after the other: a line of the cache holds eight keys of a document, so eight bands cost what one would."""
    columns = np.empty((count, len(rows)), np.int64)
    for i in range(len(rows)):
        for j in range(count):
            columns[j, i] = bands[rows[i], first + j]
    return columns


def _meet_in_band(keys: Ints, is_old: npt.NDArray[np.bool_], max_bucket: int, most_pairs: int) -> tuple[Ints, int, Ints, Ints, Ints]:
    """The pairs of one band as `a * n + b` (none where they are more than `most_pairs`), how many, its hot keys with their sizes, and the rows under these."""
    order = _in_company(keys)
    starts, sizes = runs_of(keys[order])
    _sort_short(order, starts, sizes, SHORT)
    for run in np.flatnonzero(sizes > SHORT).tolist():
        order[starts[run] : starts[run] + sizes[run]].sort()
    none, is_hot = np.zeros(0, np.int64), sizes > max_bucket
    count = _meet(order, keys, is_old, max_bucket, none)
    pairs = np.empty(count if count <= most_pairs else 0, np.int64)
    if len(pairs):
        _meet(order, keys, is_old, max_bucket, pairs)
    return pairs, count, keys[order[starts[is_hot]]], sizes[is_hot], order[np.repeat(is_hot, sizes)]


@kernel
def _sort_short(order, starts, sizes, short):  # type: ignore[no-untyped-def]
    """Sort the places in each run of at most `short` rows."""
    for run in range(len(starts)):
        if sizes[run] > short:
            continue
        for i in range(starts[run] + 1, starts[run] + sizes[run]):
            row, j = order[i], i
            while j > starts[run] and order[j - 1] > row:
                order[j] = order[j - 1]
                j -= 1
            order[j] = row


@kernel
def stand_in(order, set_hash, rounds, rank):  # type: ignore[no-untyped-def]
    """Of each row the row that stands for its class (equal set hashes, which `order` has side by side): that of the lowest round, then rank."""
    first, start = np.empty(len(order), np.int64), 0
    while start < len(order):
        best, stop = order[start], start + 1
        while stop < len(order) and set_hash[order[stop]] == set_hash[order[start]]:
            row = order[stop]
            if (rounds[row], rank[row]) < (rounds[best], rank[best]):
                best = row
            stop += 1
        for i in range(start, stop):
            first[order[i]] = best
        start = stop
    return first


@kernel
def _scatter(keys, parts):  # type: ignore[no-untyped-def]
    """Rows and keys of `keys` (rows x bands), grouped by part: where each part begins, the keys, the row of each, whether it is of the first band."""
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
    out, of_row, is_first = np.empty(rows * bands, np.int64), np.empty(rows * bands, np.int32), np.empty(rows * bands, np.uint8)
    for row in range(rows):
        for band in range(bands):
            to = part[row * bands + band]
            place = at[to]
            at[to] += 1
            out[place], of_row[place], is_first[place] = keys[row, band], row, band == 0
    return starts, out, of_row, is_first


def scatter_keys(batches: Iterator[pa.RecordBatch], parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow: class, place (bigint), round (int), is_old, bands (binary) -> BLOCKS: all keys of a batch, with what belongs to them, in one row for each part.

    A row for each key would cost the JVM many times what the keys themselves cost here; a key is always in the same part.
    """
    import pyarrow as pa

    from udfs.minhash import band_matrix

    for batch in batches:
        if not batch.num_rows:
            continue
        starts, keys, row, is_first = _scatter(np.ascontiguousarray(band_matrix(batch.column("bands"))), parts)
        classes, place, rounds, is_old = (batch.column(name).to_numpy(zero_copy_only=False) for name in ("class", "place", "round", "is_old"))
        flags = is_first * FIRST_BAND | is_old.astype(np.uint8)[row] * OLD
        columns = [keys, classes[row], place[row], rounds[row], flags]
        filled = np.flatnonzero(np.diff(starts))
        blocks = [b"".join(column[starts[to] : starts[to + 1]].astype(kind, copy=False).tobytes() for column, kind in zip(columns, BLOCK, strict=True)) for to in filled.tolist()]
        yield pa.record_batch([pa.array(filled.astype(np.int32)), pa.array(blocks, pa.binary())], names=["part", "block"])


def scatter_index(batches: Iterator[pa.RecordBatch], kernel: str, last_round: int, parts: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, kernel, set_hash, round, bands of `sketches` -> BLOCKS of the documents with shingles of that kernel; those up to `last_round` are old."""
    import pyarrow as pa
    import pyarrow.compute as pc

    def rows() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            here = batch.filter(pc.and_(pc.equal(batch.column("kernel"), kernel), pc.is_valid(batch.column("set_hash"))))
            rounds = here.column("round")
            columns = [here.column("set_hash"), pa.array(places(ids_of(here.column("doc_id")))), rounds, pc.less_equal(rounds, last_round), here.column("bands")]
            yield pa.record_batch(columns, names=["class", "place", "round", "is_old", "bands"])

    return scatter_keys(rows(), parts)


def places(doc_ids: npt.NDArray[np.bytes_]) -> Ints:
    """The first 15 of 32 hexadecimal digits (lower case) as a number: 60 of 128 bits, order enough inside a bucket."""
    return (halves(doc_ids)[0] >> np.uint64(4)).astype(np.int64)


def from_block(block: bytes) -> list[npt.NDArray[Any]]:
    """keys, classes, places, rounds, flags of one block."""
    n, at, columns = len(block) // sum(np.dtype(kind).itemsize for kind in BLOCK), 0, []
    for kind in BLOCK:
        columns.append(np.frombuffer(block, kind, n, at))
        at += columns[-1].nbytes
    return columns


def meet_in_partition(batches: Iterator[pa.RecordBatch], max_bucket: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow over all blocks of some parts: BLOCKS -> MET. A pair that meets in several buckets of the partition may come again.

    Rows of one class (equal keys, all of them) meet as one: as the one of the lowest round, then of the lowest place.
    """
    import pyarrow as pa

    held = [from_block(block.as_py()) for batch in batches for block in batch.column("block")]
    if not held:
        return
    keys, classes, place, rounds, flags = (np.concatenate([part[i] for part in held]) for i in range(len(BLOCK)))
    held.clear()
    order, crowded = _one_of_each_class(_in_company(keys), keys, classes, place, rounds, flags)
    keys, classes, place, is_old = keys[order], classes[order], place[order], flags[order] & OLD > 0
    starts, sizes = runs_of(keys)
    is_hot = sizes > max_bucket
    yield _met(pa, hot_key=keys[starts[is_hot]], n_classes=sizes[is_hot])
    yield _met(pa, class_a=crowded)
    part = np.cumsum(n_compared(sizes, max_bucket)) // PAIRS_AT_ONCE
    for first, last in zip(*_ends(part), strict=True):
        rows = slice(starts[first], starts[last] + sizes[last])
        here, here_old = keys[rows], is_old[rows]
        at = np.arange(len(here))
        pairs = np.empty(_meet(at, here, here_old, max_bucket, np.zeros(0, np.int64)), np.int64)
        if len(pairs):
            _meet(at, here, here_old, max_bucket, pairs)
            a, b = pairs // len(here), pairs % len(here)
            yield _met(pa, class_a=classes[rows][a], place_a=place[rows][a], class_b=classes[rows][b], place_b=place[rows][b])


@kernel
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


def _in_company(keys: Ints) -> Ints:
    """Where the keys stand that come more than once, by key, those of one key in no order; most come once, and need none."""
    often = _seen_often(keys, 1 << max(int(4 * len(keys)).bit_length(), 4))
    order = often[np.argsort(keys[often])]
    _, sizes = runs_of(keys[order])
    return order[np.repeat(sizes > 1, sizes)]


@kernel
def _tidy_short(order, starts, sizes, classes, place, rounds, flags, crowded, short):  # type: ignore[no-untyped-def]
    """Sort each run of at most `short` rows by place and keep one row of each class; the new sizes, and how many classes of several rows were told."""
    left, told = sizes.copy(), 0
    for run in range(len(starts)):
        if sizes[run] > short:
            continue
        first, kept = starts[run], 0
        for i in range(first, first + sizes[run]):
            row, same = order[i], -1
            for j in range(first, first + kept):
                if classes[order[j]] == classes[row]:
                    same = j
            if same >= 0:
                if flags[row] & FIRST_BAND:
                    crowded[told] = classes[row]
                    told += 1
                other = order[same]
                if (rounds[row], place[row]) >= (rounds[other], place[other]):
                    continue
                for j in range(same, first + kept - 1):  # the other goes
                    order[j] = order[j + 1]
                kept -= 1
            j = first + kept
            while j > first and place[order[j - 1]] > place[row]:
                order[j] = order[j - 1]
                j -= 1
            order[j] = row
            kept += 1
        left[run] = kept
    return left, told


def _one_of_each_class(order: Ints, keys: Ints, classes: Ints, place: Ints, rounds: Any, flags: Any) -> tuple[Ints, Ints]:
    """`order` (by key) with the rows of each key by place, and of each class the one that stands for it; and the classes of several rows."""
    starts, sizes = runs_of(keys[order])
    crowded = np.empty(len(order), np.int64)
    left, told = _tidy_short(order, starts, sizes, classes, place, rounds, flags, crowded, SHORT)
    many = [crowded[:told]]
    for run in np.flatnonzero(sizes > SHORT).tolist():
        rows = order[starts[run] : starts[run] + sizes[run]]
        rows = rows[np.lexsort((place[rows], rounds[rows], classes[rows]))]
        is_new = np.concatenate([[True], classes[rows][1:] != classes[rows][:-1]])
        again = rows[~is_new]
        many.append(classes[again[flags[again] & FIRST_BAND > 0]])
        rows = rows[is_new]
        left[run] = len(rows)
        order[starts[run] : starts[run] + left[run]] = rows[np.argsort(place[rows], kind="stable")]
    within = np.arange(len(order)) - np.repeat(starts, sizes)
    return order[(within < np.repeat(left, sizes)) & np.repeat(left > 1, sizes)], np.unique(np.concatenate(many))


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
