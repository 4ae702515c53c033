"""Whether two documents are duplicates: by their sketches where these are certain enough, else by the shingle
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

# n_a, n_b, sketches a, sketches b (one row a pair) ->
# similarity, verdict (ACCEPT, REJECT, NEEDS_TEXT)
PairDecision = Callable[..., tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]]


@dataclass(frozen=True)
class PairRule:
    """Two documents are duplicates where `measure` (jaccard or containment) of their shingle sets is at least
    `limit` (0 to 1).

    A sketch decides only where its estimate is `n_sigma` standard errors or more from the limit; with
    `exact_only` it never accepts, and rejects only what the set sizes rule out.
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
    """Similarity (0 to 1) and verdict (1 accepted, -1 rejected, 0 the text must decide) of pairs.

    `n_a`, `n_b`: sizes of the shingle sets, at least 1; `left`, `right`: sketches `(pairs, bytes)`. With
    Jaccard at a limit of .7, 4 errors and 256 minima of 8 bits (sigma .029):

        estimate .95   ->   accepted
        estimate .75   ->   open: .05 from the limit is less than 4 * .029
        sizes 10, 20   ->   rejected: the Jaccard is at most .5
    """
    # A limit on containment corresponds to a different
    # Jaccard, with its own error, for each pair of sizes.
    estimate, _ = estimate_jaccard(left, right, params.bits)
    limit = rule.limit if rule.measure == "jaccard" else jaccard_at(rule.limit, n_a, n_b)
    sigma = sigma_at(limit, params.num_perm, params.bits)
    verdict = decide(estimate, sigma, limit, rule.n_sigma).astype(np.int32)  # type: ignore[arg-type]
    if rule.exact_only:
        verdict[:] = NEEDS_TEXT
    # The intersection is at most the smaller set: sizes
    # alone may rule a pair out, and that is exact.
    highest = np.minimum(n_a, n_b) / np.maximum(n_a, n_b)
    verdict[(highest < rule.limit) & (rule.measure == "jaccard")] = REJECT
    values = np.clip(np.minimum(estimate, highest), 0, 1)
    if rule.measure == "containment":
        values = containment_from_jaccard(values, n_a, n_b)
    # A stored similarity must not contradict its own verdict: the conversions
    # above may carry an estimate that lies close to the limit across it.
    values = np.where(
        verdict == ACCEPT,
        np.maximum(values, rule.limit),
        np.where(verdict == REJECT, np.minimum(values, rule.limit - 1e-9), values),
    )
    return values, verdict


def decide_by_simhashes(
    n_a: npt.NDArray[np.int64],
    n_b: npt.NDArray[np.int64],
    left: Sketches,
    right: Sketches,
    max_hamming: int,
    by_text: bool,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    """Similarity and verdict of pairs, as `decide_by_sketches`, by SimHash.

    The similarity is the share of equal bits of 64. Pairs within `max_hamming` bits are accepted, or with
    `by_text` left to their texts; all others are rejected.
    """
    prints = (np.ascontiguousarray(side).view("<u8").ravel() for side in (left, right))
    apart = hamming(*prints)
    return 1 - apart / 64, np.where(apart <= max_hamming, NEEDS_TEXT if by_text else ACCEPT, REJECT).astype(
        np.int32
    )


def jaccard_at(
    containment: float, n_a: npt.NDArray[np.int64], n_b: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """The Jaccard of two sets of these sizes that have this containment (share of the smaller set)."""
    shared = containment * np.minimum(n_a, n_b)
    return shared / np.maximum(n_a + n_b - shared, 1)


def similarities(
    texts: pa.Array | pa.ChunkedArray,
    left: npt.NDArray[np.int64],
    right: npt.NDArray[np.int64],
    params: ShingleParams,
    measure: str,
) -> npt.NDArray[np.float64]:
    """The similarity (0 to 1) of each pair, by the shingle sets of its texts.

    `left`, `right`: positions in `texts`; `measure`: jaccard or containment. Raises IndexError for a position
    outside `texts`, ValueError for another measure.
    """
    # One set for each text, however many pairs it is in.
    sets = shingle_sets(texts, params)
    shared, union = jaccard_pairs(sets, left, right)
    return similarity(shared, union, np.minimum(sets.sizes[left], sets.sizes[right]), measure)
