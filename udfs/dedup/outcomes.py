"""What becomes of each document of a family: whether it goes, for whom, and by which evidence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gristmill.udfs.dedup import survivors

Ints = npt.NDArray[np.int64]
# how pairs are decided, in alphabetical order
METHODS = ("chain", "exact", "set", "simhash", "sketch")


@dataclass(frozen=True)
class Outcomes:
    """One entry for each document that is not alone: whether it goes, and for whom."""

    is_out: npt.NDArray[np.bool_]
    # place of the document that stays for it; its own where it stays
    dup_of: Ints
    method: Ints  # place in METHODS
    similarity: npt.NDArray[np.float64]  # NaN for the method chain
    # place of the document of the smallest doc_id in its family
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
    """What becomes of documents, best first, of which `classes` and `rank` (the order of doc_ids) are known.

    `left`, `right`: accepted pairs of classes (equal shingle sets), which have the same neighbours; so the
    graph is solved by class, with the rank of its best member, which gives the rows that the graph of
    documents would. Pairs with a class of which no document is given are left aside; of two decisions on one
    pair that method counts which comes first in METHODS. `rule`: independent_set or components, see
    gristmill.udfs.dedup.survivors.
    """
    present, first_at, number = np.unique(classes, return_index=True, return_inverse=True)
    sides = [np.minimum(np.searchsorted(present, side), max(len(present) - 1, 0)) for side in (left, right)]
    is_here = (
        (present[sides[0]] == left) & (present[sides[1]] == right)
        if len(present)
        else np.zeros(len(left), bool)
    )
    a, b = sides[0][is_here], sides[1][is_here]
    solve = survivors.independent if rule == "independent_set" else survivors.components
    solved = solve(a, b, similarity[is_here], first_at)  # a class ranks as its best member
    survivor = solved.survivor[number]
    is_same, dup_of = survivor == number, first_at[survivor]
    how = np.where(is_same, METHODS.index("set"), _methods(a, b, method[is_here], number, survivor))
    alike = np.where(is_same, 1.0, solved.similarity[number])
    return Outcomes(
        dup_of != np.arange(len(classes)), dup_of, how, alike, _smallest(rank, solved.family[number])
    )


def _smallest(rank: Ints, family: Ints) -> Ints:
    """The place of the lowest rank in each one's family."""
    order = np.argsort(rank)
    _, first, inverse = np.unique(family[order], return_index=True, return_inverse=True)
    smallest = np.empty(len(rank), np.int64)
    smallest[order] = order[first][inverse]
    return smallest


def _methods(left: Ints, right: Ints, method: Ints, number: Ints, survivor: Ints) -> Ints:
    """How the pair (number, survivor) was decided; `chain` where no pair joins the two (rule components)."""
    if not len(left):
        return np.full(len(number), METHODS.index("chain"))
    width = int(max(left.max(), right.max(), number.max(initial=0), survivor.max(initial=0))) + 1
    keys, names = (
        np.concatenate([left * width + right, right * width + left]),
        np.concatenate([method, method]),
    )
    order = np.lexsort((names, keys))
    asked = number * width + survivor
    at = np.minimum(np.searchsorted(keys[order], asked), len(order) - 1)
    return np.where(keys[order][at] == asked, names[order][at], METHODS.index("chain"))
