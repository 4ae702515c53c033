"""Groups of documents whose texts are compared together, so that their shingle sets are made once and
memory is bounded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from gristmill.udfs.dedup.survivors import components

Ints = npt.NDArray[np.int64]


def text_groups(left: Ints, right: Ints, n_bytes: Ints, group_bytes: int) -> Iterator[tuple[Ints, Ints]]:
    """Documents (ascending) and pairs of each group; every pair is in one, and finds both its documents
    there."""
    members, group_of, asked_in = packed(left, right, n_bytes, group_bytes)
    by_group, pairs_by_group = np.argsort(group_of, kind="stable"), np.argsort(asked_in, kind="stable")
    groups = np.arange(int(group_of.max(initial=-1)) + 2)
    ends, pair_ends = (
        np.searchsorted(group_of[by_group], groups),
        np.searchsorted(asked_in[pairs_by_group], groups),
    )
    for group in range(len(groups) - 1):
        pairs = pairs_by_group[pair_ends[group] : pair_ends[group + 1]]
        if len(pairs):
            yield np.sort(members[by_group[ends[group] : ends[group + 1]]]), pairs


def packed(left: Ints, right: Ints, n_bytes: Ints, group_bytes: int) -> tuple[Ints, Ints, Ints]:
    """Member documents of groups, the group of each, the group of each pair.

    Whole components one after the other, until `group_bytes` of text are together. A component of more than
    four times that is cut into blocks in the order of its documents, and a group holds the two blocks of its
    pairs: no group outgrows the memory, whatever the graph.
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
