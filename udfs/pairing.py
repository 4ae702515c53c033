"""Which documents of an index that fits one machine's memory meet: all pairs that share a band key, as arrays.

The same pairs as jobs.core.pairs.candidate_pairs finds with Spark, where a join over half a million band keys costs more than their text.
"""

import numpy as np
import numpy.typing as npt

from udfs.kernels import kernel

Ints = npt.NDArray[np.int64]


@kernel
def _meet(order, keys, is_old, most, out):  # type: ignore[no-untyped-def]
    """Write `a * n + b` (a < b) of each pair in each run of equal keys, or only count when `out` is empty; how many."""
    n, count, start = len(order), 0, 0
    while start < n:
        stop = start + 1
        while stop < n and keys[order[stop]] == keys[order[start]]:
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


def meeting_pairs(bands: Ints, is_old: npt.NDArray[np.bool_], max_bucket: int, most_pairs: int) -> tuple[Ints, Ints] | None:
    """Left and right (left < right) of every two rows of `bands` (documents x bands, in doc_id order) that share a key, each pair once.

    Two rows that are both old are not paired. In a bucket of more than `max_bucket` rows only neighbours, and everyone with the
    first, are. None when the buckets hold more than `most_pairs` pairs in all: then they do not belong in one memory.
    """
    n = len(bands)
    none, columns = np.zeros(0, np.int64), [np.ascontiguousarray(bands[:, band]) for band in range(bands.shape[1])]
    orders = [np.argsort(keys, kind="stable") for keys in columns]
    counts = [_meet(order, keys, is_old, max_bucket, none) for order, keys in zip(orders, columns, strict=True)]
    if sum(counts) > most_pairs:
        return None
    found = []
    for order, keys, count in zip(orders, columns, counts, strict=True):
        if count:
            found.append(np.empty(count, np.int64))
            _meet(order, keys, is_old, max_bucket, found[-1])
    pairs = np.unique(np.concatenate(found)) if found else none
    return pairs // max(n, 1), pairs % max(n, 1)
