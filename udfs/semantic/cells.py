"""Near vectors: k-means cells, and the pairs of each cell whose cosine reaches a limit.

Vectors have 8-bit integers from here on. Products of two of them are summed in float32, which is exact up to
1,040 dimensions (127 * 127 * 1,040 < 2**24), so cells and cosines are the same on every machine, in every
order and in every company. A cosine is off by at most some .003 (tests/udfs/dedup/test_cells.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Bytes8 = npt.NDArray[np.int8]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
# decimals of a cosine that are kept
DIGITS = 4
MAX_DIMENSIONS = 1040
# rows that are compared with all others at once
ROWS = 1024
# K-means: by then the centres of 20,000 document vectors hardly move (benchmarks/semantic.md).
ROUNDS = 8


@dataclass(frozen=True)
class Pairs:
    """Rows `left` < `right` and their cosine; `n_uncompared`: pairs of rows that were not compared, or whose
    rows had nearer ones enough."""

    left: Ints
    right: Ints
    cosine: Floats
    n_uncompared: int


@dataclass(frozen=True)
class Search:
    """How pairs are looked for. Within one language from `limit` on, across two from `across` on.

    A cell of more than `max_cell` rows is split by its own k-means. A row is paired with at most
    `max_neighbours` later rows, the nearest.
    """

    limit: float
    across: float
    max_cell: int
    max_neighbours: int
    probes: int
    seed: int


def quantised(vectors: npt.NDArray[np.floating]) -> Bytes8:
    """Rows as 8-bit integers, each by its own largest number. Raises ValueError above MAX_DIMENSIONS."""
    if vectors.shape[1] > MAX_DIMENSIONS:
        raise ValueError(f"vectors of {vectors.shape[1]} dimensions, wanted at most {MAX_DIMENSIONS}")
    largest = np.abs(vectors).max(axis=1, keepdims=True, initial=0)
    return np.rint(vectors * (127 / np.maximum(largest, 1e-12))).astype(np.int8)


def lengths(vectors: Bytes8) -> Floats:
    """The length of each row (1 for zeros, which are near to nothing)."""
    wide = vectors.astype(np.float32)
    return np.sqrt(np.maximum(np.einsum("ij,ij->i", wide, wide).astype(np.float64), 1.0))


def fit(sample: Bytes8, cells: int, seed: int) -> Bytes8:
    """The centres of `cells` k-means cells of the sample, or as many as it has different rows.

    The rows must be in an order that does not depend on partitions (by doc_id).
    """
    different = np.unique(sample, axis=0)
    if len(different) <= cells:
        return different
    start = np.random.default_rng(seed).permutation(len(different))[:cells]
    centres = different[np.sort(start)]
    for _ in range(ROUNDS):
        cell = nearest(sample, centres, 1)[:, 0]
        order = np.argsort(cell, kind="stable")
        firsts = np.flatnonzero(np.diff(cell[order], prepend=-1))
        # Sums of integers: their order does not matter.
        sums = np.add.reduceat(sample[order].astype(np.int64), firsts, axis=0)
        moved = centres.copy()
        moved[cell[order][firsts]] = quantised(sums.astype(np.float64))
        if np.array_equal(moved, centres):
            break
        centres = moved
    return centres


def nearest(vectors: Bytes8, centres: Bytes8, probes: int) -> Ints:
    """The `probes` nearest cells of each row (fewer where there are fewer), the nearest first; of equally
    near ones the lower number."""
    probes = min(probes, len(centres))
    wide, scale = centres.astype(np.float32).T, lengths(centres)
    found = np.empty((len(vectors), probes), np.int64)
    for at in range(0, len(vectors), ROWS):
        near = (vectors[at : at + ROWS].astype(np.float32) @ wide).astype(np.float64) / scale
        for probe in range(probes):
            best = near.argmax(axis=1)
            found[at : at + ROWS, probe] = best
            near[np.arange(len(best)), best] = -np.inf
    return found


def near_pairs(vectors: Bytes8, langs: Ints, is_new: npt.NDArray[np.bool_], search: Search) -> Pairs:
    """The near pairs of a cell's rows with at least one new row. `langs`: a number for each language."""
    if len(vectors) <= search.max_cell:
        return _all_pairs(vectors, langs, is_new, search)
    centres = fit(vectors, 2 * len(vectors) // search.max_cell + 1, search.seed)
    cells = nearest(vectors, centres, search.probes)
    found = []
    for cell in range(len(centres)):
        rows = np.flatnonzero((cells == cell).any(axis=1))
        # Rows that no k-means tells apart: neighbours in the order of the rows are compared.
        parts = (
            [rows[at : at + search.max_cell] for at in range(0, len(rows), search.max_cell)]
            if len(rows) > search.max_cell
            else [rows]
        )
        for part in parts:
            pairs = _all_pairs(vectors[part], langs[part], is_new[part], search)
            found.append((part[pairs.left], part[pairs.right], pairs.cosine, pairs.n_uncompared, part))
    left, right, cosine = (np.concatenate([each[i] for each in found]) for i in range(3))
    _, first = np.unique(left * len(vectors) + right, return_index=True)
    compared = _pairs_in_common([each[4] for each in found], is_new)
    every = _n_pairs(is_new)
    dropped = sum(each[3] for each in found)
    return Pairs(left[first], right[first], cosine[first], max(0, every - compared) + dropped)


def _n_pairs(is_new: npt.NDArray[np.bool_]) -> int:
    """Pairs of rows with at least one new row."""
    n, old = len(is_new), int((~is_new).sum())
    return n * (n - 1) // 2 - old * (old - 1) // 2


def _pairs_in_common(parts: list[Ints], is_new: npt.NDArray[np.bool_]) -> int:
    """Pairs of rows with a new row that are together in some part; a row is in two parts at most, so a pair
    in both of its parts is counted once."""
    total = sum(_n_pairs(is_new[part]) for part in parts)
    member: dict[int, list[int]] = {}
    for number, part in enumerate(parts):
        for row in part.tolist():
            member.setdefault(row, []).append(number)
    both: dict[tuple[int, ...], list[int]] = {}
    for row, numbers in member.items():
        if len(numbers) > 1:
            both.setdefault(tuple(numbers), []).append(row)
    return total - sum(_n_pairs(is_new[rows]) * (len(key) - 1) for key, rows in both.items())


def _all_pairs(vectors: Bytes8, langs: Ints, is_new: npt.NDArray[np.bool_], search: Search) -> Pairs:
    wide, scale = vectors.astype(np.float32), lengths(vectors)
    unit = wide / scale.astype(np.float32)[:, None]
    # In float32 a little below the limit first: few of all products are left for the exact ones.
    least = np.float32(min(search.limit, search.across) - 1e-3)
    lefts, rights = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for at in range(0, len(vectors), ROWS):
        i, j = np.nonzero(unit[at : at + ROWS] @ unit[at:].T >= least)
        later = j > i
        lefts.append(i[later] + at)
        rights.append(j[later] + at)
    left, right = np.concatenate(lefts), np.concatenate(rights)
    fresh = is_new[left] | is_new[right]
    left, right = left[fresh], right[fresh]
    products = np.concatenate(
        [np.zeros(0, np.float32)]
        + [
            np.einsum("ij,ij->i", wide[left[at : at + ROWS]], wide[right[at : at + ROWS]])
            for at in range(0, len(left), ROWS)
        ]
    )
    cosine = np.round(products.astype(np.float64) / (scale[left] * scale[right]), DIGITS)
    near = cosine >= np.where(langs[left] == langs[right], search.limit, search.across)
    left, right, cosine = left[near], right[near], cosine[near]
    # The nearest of each row first; of equally near ones the earlier.
    order = np.lexsort((right, -cosine, left))
    first = np.flatnonzero(np.diff(left[order], prepend=-1))
    place = np.arange(len(order)) - np.repeat(first, np.diff(first, append=len(order)))
    kept = np.sort(order[place < search.max_neighbours])
    return Pairs(left[kept], right[kept], cosine[kept], len(order) - len(kept))
