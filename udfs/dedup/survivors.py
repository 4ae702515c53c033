"""The survivors of each family of duplicates, from the accepted pairs and one ranking of all documents.

`independent` (recipes: independent_set) is the default rule: the lexicographically first maximal independent
set. In the order of the ranking, a document survives unless a better survivor is its duplicate. So no two
survivors are duplicates of each other, and every other document is a duplicate of the survivor it names.
`components` (recipes: connected_components) is the rule of datatrove and others: the best of each connected
component survives, however long the chain of pairs that leads to it. Both take time linear in documents and
pairs.

    ranking 0 1 2, pairs (0, 1), (1, 2)   ->   independent: survivor [0, 0, 2]; components: survivor [0, 0, 0]
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import compiled

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Survivors:
    """One entry for each document, by its index.

    `survivor`: the document that survives for it, itself where it survives (else the best-ranked of the
    survivors it is a duplicate of). `similarity`: to that survivor; 1 for itself, NaN where no accepted pair
    joins the two (`components` only). `family`: the best-ranked document of its connected component, which
    always survives; the same under both rules.
    """

    survivor: Ints
    similarity: Floats
    family: Ints

    @property
    def left_out(self) -> npt.NDArray[np.bool_]:
        """True for each document that does not survive."""
        return self.survivor != np.arange(len(self.survivor))


@compiled
def _neighbours(left, right, n):  # type: ignore[no-untyped-def]
    """Both directions of every pair as rows of a sparse matrix (CSR): starts, neighbours."""
    starts = np.zeros(n + 1, np.int64)
    for i in range(len(left)):
        starts[left[i] + 1] += 1
        starts[right[i] + 1] += 1
    for node in range(n):
        starts[node + 1] += starts[node]
    at = starts[:-1].copy()
    others = np.empty(2 * len(left), np.int64)
    for i in range(len(left)):
        others[at[left[i]]] = right[i]
        at[left[i]] += 1
        others[at[right[i]]] = left[i]
        at[right[i]] += 1
    return starts, others


@compiled
def _independent(order, starts, others):  # type: ignore[no-untyped-def]
    survivor = np.full(len(order), -1)
    # In the order of the ranking a node without a survivor has no better survivor next
    # to it. The first survivor to reach a neighbour is therefore the best one for it.
    for node in order:
        if survivor[node] >= 0:
            continue
        survivor[node] = node
        for i in range(starts[node], starts[node + 1]):
            if survivor[others[i]] < 0:
                survivor[others[i]] = node
    return survivor


@compiled
def _families(order, starts, others):  # type: ignore[no-untyped-def]
    """The best-ranked node of each component, which is the first of it in the order of the ranking."""
    family = np.full(len(order), -1)
    # A stack of its own: a recursion would be as deep as the longest chain of pairs.
    waiting = np.empty(len(order), np.int64)
    for best in order:
        if family[best] >= 0:
            continue
        family[best] = best
        waiting[0], count = best, 1
        while count:
            count -= 1
            node = waiting[count]
            for i in range(starts[node], starts[node + 1]):
                if family[others[i]] < 0:
                    family[others[i]] = best
                    waiting[count] = others[i]
                    count += 1
    return family


@compiled
def _to_survivor(left, right, similarity, survivor):  # type: ignore[no-untyped-def]
    values = np.full(len(survivor), np.nan)
    for node in range(len(survivor)):
        if survivor[node] == node:
            values[node] = 1.0
    for i in range(len(left)):
        for one, two in ((left[i], right[i]), (right[i], left[i])):
            # A pair may come twice: the higher similarity counts, so that the order
            # of rows does not matter. The negated comparison is true for NaN as well.
            if survivor[one] == two and not values[one] >= similarity[i]:
                values[one] = similarity[i]
    return values


def _checked(
    left: Ints, right: Ints, similarity: Floats, rank: npt.NDArray[np.generic]
) -> tuple[Ints, Ints, Floats, Ints]:
    left, right = np.ascontiguousarray(left, np.int64), np.ascontiguousarray(right, np.int64)
    similarity = np.ascontiguousarray(similarity, np.float64)
    if not len(left) == len(right) == len(similarity):
        raise ValueError(
            f"a pair has two sides and a similarity, not {len(left)}, {len(right)} and {len(similarity)}"
        )
    if len(left) and (min(left.min(), right.min()) < 0 or max(left.max(), right.max()) >= len(rank)):
        raise IndexError(f"pairs name documents outside 0 to {len(rank) - 1}")
    # Ties are refused below, so any sort gives the same order.
    order = np.argsort(rank, kind="stable").astype(np.int64)
    ranked = np.asarray(rank)[order]
    if len(ranked) > 1 and (ranked[1:] == ranked[:-1]).any():
        raise ValueError(
            "two documents share a rank; break ties by doc_id, or the result depends on the order of rows"
        )
    return left, right, similarity, order


def independent(left: Ints, right: Ints, similarity: Floats, rank: npt.NDArray[np.generic]) -> Survivors:
    """The lexicographically first maximal independent set under `rank` (one value for each document, all
    different, lower is better).

    `left`, `right`: indices of the documents of accepted pairs, `similarity`: of each pair, 0 to 1. Pairs may
    come in any order, twice, and from a document to itself (ignored). Raises ValueError for shared
    ranks or columns of different lengths, IndexError for a document without a rank.
    """
    left, right, similarity, order = _checked(left, right, similarity, rank)
    starts, others = _neighbours(left, right, len(order))
    survivor = _independent(order, starts, others)
    return Survivors(
        survivor, _to_survivor(left, right, similarity, survivor), _families(order, starts, others)
    )


def components(left: Ints, right: Ints, similarity: Floats, rank: npt.NDArray[np.generic]) -> Survivors:
    """The best-ranked document of each connected component survives. Arguments and errors as
    `independent`."""
    left, right, similarity, order = _checked(left, right, similarity, rank)
    family = _families(order, *_neighbours(left, right, len(order)))
    return Survivors(family, _to_survivor(left, right, similarity, family), family)
