"""The outcome of each document of a family: whether it is left out, for which survivor, and by which
method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gristmill.udfs.dedup import survivors

Ints = npt.NDArray[np.int64]
# How pairs are decided. In alphabetical order, because the first of two
# methods on one pair counts: a decision by text (exact) before one by sketch.
METHODS = ("chain", "exact", "set", "simhash", "sketch")


@dataclass(frozen=True)
class Outcomes:
    """One entry for each document of a family, in the order in which the documents were passed."""

    is_out: npt.NDArray[np.bool_]
    # position of the document that survives for it; its own where it survives
    dup_of: Ints
    method: Ints  # position in METHODS
    similarity: npt.NDArray[np.float64]  # NaN for the method chain
    # position of the document with the smallest doc_id of its family
    family: Ints


def outcomes(
    classes: Ints,
    rank: Ints,
    left: Ints,
    right: Ints,
    similarity: npt.NDArray[np.float64],
    method: Ints,
    rule: str,
) -> Outcomes:
    """The outcomes of documents that are passed best first.

    `classes`: the class (equal shingle sets) of each document; `rank`: its place in the order of doc_ids.
    `left`, `right`, `similarity`, `method`: accepted pairs of classes. Pairs with a class of which no
    document was passed are ignored; of two decisions on one pair the method counts that comes first in
    METHODS. `rule`: independent_set or connected_components, see gristmill.udfs.dedup.survivors.

    Documents of one class have the same neighbours. So the graph of classes is solved, each with the rank of
    its best document, which gives the rows that the graph of documents would:

        documents 0 1 2, classes [7, 9, 7], pair (7, 9)   ->   dup_of [0, 0, 0], method [-, exact, set]
    """
    present, first_at, number = np.unique(classes, return_index=True, return_inverse=True)
    # searchsorted may return the end; the clipped value fails the comparison below.
    sides = [np.minimum(np.searchsorted(present, side), max(len(present) - 1, 0)) for side in (left, right)]
    is_present = (
        (present[sides[0]] == left) & (present[sides[1]] == right)
        if len(present)
        else np.zeros(len(left), bool)
    )
    a, b = sides[0][is_present], sides[1][is_present]
    solve = survivors.independent if rule == "independent_set" else survivors.components
    # Documents come best first, so the first position of a class is the rank of its best document.
    solved = solve(a, b, similarity[is_present], first_at)
    survivor = solved.survivor[number]
    is_same, dup_of = survivor == number, first_at[survivor]
    methods = np.where(is_same, METHODS.index("set"), _methods(a, b, method[is_present], number, survivor))
    values = np.where(is_same, 1.0, solved.similarity[number])
    return Outcomes(
        dup_of != np.arange(len(classes)), dup_of, methods, values, _smallest(rank, solved.family[number])
    )


def _smallest(rank: Ints, family: Ints) -> Ints:
    """For each document the position of the lowest rank in its family.

    A family is named by its smallest doc_id: its best document may change with the ranking.
    """
    order = np.argsort(rank)
    _, first, inverse = np.unique(family[order], return_index=True, return_inverse=True)
    smallest = np.empty(len(rank), np.int64)
    smallest[order] = order[first][inverse]
    return smallest


def _methods(left: Ints, right: Ints, method: Ints, number: Ints, survivor: Ints) -> Ints:
    """The method by which each pair (number, survivor) was accepted; `chain` where there is no such pair
    (connected_components only)."""
    if not len(left):
        return np.full(len(number), METHODS.index("chain"))
    # Both orders of a pair, as one number each, sorted by
    # pair and then method: the first hit is the answer.
    width = int(max(left.max(), right.max(), number.max(initial=0), survivor.max(initial=0))) + 1
    keys, names = (
        np.concatenate([left * width + right, right * width + left]),
        np.concatenate([method, method]),
    )
    order = np.lexsort((names, keys))
    queries = number * width + survivor
    at = np.minimum(np.searchsorted(keys[order], queries), len(order) - 1)
    return np.where(keys[order][at] == queries, names[order][at], METHODS.index("chain"))
