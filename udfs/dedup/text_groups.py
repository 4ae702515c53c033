"""Groups of documents whose texts are compared together: shingle sets are made once a group, and memory is
bounded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from gristmill.udfs.dedup.survivors import components

Ints = npt.NDArray[np.int64]


def text_groups(left: Ints, right: Ints, n_bytes: Ints, group_bytes: int) -> Iterator[tuple[Ints, Ints]]:
    """Documents (positions, ascending) and pairs (positions in `left`) of each group.

    `left`, `right`: the pairs; `n_bytes`: of each document's text; `group_bytes`: of a group. Every pair is
    in exactly one group, with both its documents; a document may be in several groups.
    """
    members, group_of, group_of_pair = group_documents(left, right, n_bytes, group_bytes)
    by_group, pairs_by_group = np.argsort(group_of, kind="stable"), np.argsort(group_of_pair, kind="stable")
    groups = np.arange(int(group_of.max(initial=-1)) + 2)
    ends, pair_ends = (
        np.searchsorted(group_of[by_group], groups),
        np.searchsorted(group_of_pair[pairs_by_group], groups),
    )
    for group in range(len(groups) - 1):
        pairs = pairs_by_group[pair_ends[group] : pair_ends[group + 1]]
        # The numbers of groups have gaps: a text longer than a group skips some.
        if len(pairs):
            yield np.sort(members[by_group[ends[group] : ends[group + 1]]]), pairs


def group_documents(left: Ints, right: Ints, n_bytes: Ints, group_bytes: int) -> tuple[Ints, Ints, Ints]:
    """Member documents of groups, the group of each member, the group of each pair.

    Whole connected components are taken one after the other, until `group_bytes` of text are together. A
    component of more than four times that is cut into blocks in the order of its documents, and a group is
    the two blocks of its pairs: no group exceeds the memory, whatever the graph.
    """
    documents = np.arange(len(n_bytes))
    component = components(left, right, np.ones(len(left)), documents).family
    sizes = np.bincount(component, weights=n_bytes, minlength=len(n_bytes)).astype(np.int64)
    is_large = (sizes > 4 * group_bytes)[component]
    # Large components take no part in the running sum of the small ones.
    small = np.where(sizes > 4 * group_bytes, 0, sizes)
    group = ((np.cumsum(small) - small) // group_bytes)[component]
    if not is_large.any():
        return documents, group, group[left]
    # Blocks of large components, in the order of component and document.
    order = np.lexsort((documents, component))
    block = np.empty(len(n_bytes), np.int64)
    block[order] = np.cumsum(np.where(is_large, n_bytes, 0)[order]) // group_bytes
    # The group of a pair is its unordered pair of blocks, behind the groups of small components.
    sides = np.minimum(block[left], block[right]) * (block.max() + 1) + np.maximum(block[left], block[right])
    _, blocks = np.unique(np.where(is_large[left], sides, -1), return_inverse=True)
    of_pair = np.where(is_large[left], group.max() + 1 + blocks, group[left])
    # A document is a member of each group that has a pair of it, once.
    codes = np.unique(np.concatenate([of_pair * len(n_bytes) + left, of_pair * len(n_bytes) + right]))
    return codes % len(n_bytes), codes // len(n_bytes), of_pair
