"""What is said of a pair of documents: by their sketches as far as these can tell, else by the shingle
sets of their texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.dedup.minhash import (
    ACCEPT,
    NEEDS_TEXT,
    REJECT,
    MinHashParams,
    Sketches,
    containment_from_jaccard,
    decide,
    estimate_jaccard,
    sigma_at,
)
from gristmill.udfs.dedup.shingles import ShingleParams, jaccard_pairs, shingle_sets, similarity
from gristmill.udfs.dedup.simhash import hamming

# Set sizes and sketches of both sides -> similarity, verdict.
PairDecision = Callable[..., tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]]


@dataclass(frozen=True)
class PairRule:
    """When two documents are duplicates: `measure` (jaccard or containment) of their shingle sets reaches
    `limit`.

    A sketch decides only beyond `n_sigma` standard errors of the limit; with `exact_only` it never does.
    """

    measure: str
    limit: float
    n_sigma: float
    exact_only: bool


def decide_by_sketches(
    n_a: npt.NDArray[np.int64],
    n_b: npt.NDArray[np.int64],
    left: Sketches,
    right: Sketches,
    params: MinHashParams,
    rule: PairRule,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    """Similarity and verdict (1 accepted, -1 rejected, 0 the text must decide) of pairs, from set sizes
    and sketches `(pairs, bytes)`."""
    estimate, _ = estimate_jaccard(left, right, params.bits)
    limit = rule.limit if rule.measure == "jaccard" else jaccard_at(rule.limit, n_a, n_b)
    sigma = sigma_at(limit, params.num_perm, params.bits)
    verdict = decide(estimate, sigma, limit, rule.n_sigma).astype(np.int32)  # type: ignore[arg-type]
    if rule.exact_only:
        verdict[:] = NEEDS_TEXT
    # |A n B| <= the smaller set: sizes alone may rule a pair out, and that is exact.
    highest = np.minimum(n_a, n_b) / np.maximum(n_a, n_b)
    verdict[(highest < rule.limit) & (rule.measure == "jaccard")] = REJECT
    found = np.clip(np.minimum(estimate, highest), 0, 1)
    if rule.measure == "containment":
        found = containment_from_jaccard(found, n_a, n_b)
    # An estimate may cross the limit that its verdict stands on only by the margin decide() left; keep the
    # two consistent.
    found = np.where(
        verdict == ACCEPT,
        np.maximum(found, rule.limit),
        np.where(verdict == REJECT, np.minimum(found, rule.limit - 1e-9), found),
    )
    return found, verdict


def decide_by_simhashes(
    n_a: npt.NDArray[np.int64],
    n_b: npt.NDArray[np.int64],
    left: Sketches,
    right: Sketches,
    max_hamming: int,
    by_text: bool,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    """As `decide_by_sketches`: the share of equal bits, and whether the two are within `max_hamming` of 64
    bits, which the text decides if it is asked."""
    prints = (np.ascontiguousarray(side).view("<u8").ravel() for side in (left, right))
    apart = hamming(*prints)
    return 1 - apart / 64, np.where(apart <= max_hamming, NEEDS_TEXT if by_text else ACCEPT, REJECT).astype(
        np.int32
    )


def jaccard_at(
    containment: float, n_a: npt.NDArray[np.int64], n_b: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The Jaccard of two sets of these sizes that have this containment."""
    shared = containment * np.minimum(n_a, n_b)
    return shared / np.maximum(n_a + n_b - shared, 1)


def similarities(
    texts: pa.Array | pa.ChunkedArray,
    left: npt.NDArray[np.int64],
    right: npt.NDArray[np.int64],
    params: ShingleParams,
    measure: str,
) -> npt.NDArray[np.float64]:
    """The similarity of each pair of `texts` (places of the two sides), by their shingle sets."""
    sets = shingle_sets(texts, params)
    shared, union = jaccard_pairs(sets, left, right)
    return similarity(shared, union, np.minimum(sets.sizes[left], sets.sizes[right]), measure)
