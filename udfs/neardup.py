"""The passes of near-duplicate removal over Arrow batches: sketch documents, compare sketches, compare texts.

Each function has the shape of mapInArrow once its parameters are bound by functools.partial.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from udfs.kernels import Codes
from udfs.minhash import (
    ACCEPT,
    NEEDS_TEXT,
    REJECT,
    MinHashParams,
    Sketches,
    band_matrix,
    containment_from_jaccard,
    decide,
    estimate_jaccard,
    sigma_at,
    sketch_batch,
    sketch_matrix,
)
from udfs.shingles import ShingleParams, jaccard_pairs, shingle_sets, similarity
from udfs.simhash import SimHashParams, hamming, simhash_batch

SKETCHED = "doc_id string, batch_id string, content_hash string, n_shingles int, set_hash bigint, sketch binary, bands binary"
COMPARED = "doc_a string, doc_b string, similarity double, verdict int"
Judge = Callable[..., tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]]  # set sizes and sketches of both sides -> similarity, verdict
VERIFIED = "doc_a string, doc_b string, similarity double"


@dataclass(frozen=True)
class PairRule:
    """When two documents are duplicates: `measure` (jaccard or containment) of their shingle sets reaches `limit`.

    A sketch decides only beyond `n_sigma` standard errors of the limit; with `exact_only` it never does.
    """

    measure: str
    limit: float
    n_sigma: float
    exact_only: bool


def sketch_documents(
    batches: Iterator[pa.RecordBatch], params: MinHashParams, permuted: tuple[Codes, Codes] | None = None
) -> Iterator[pa.RecordBatch]:
    """doc_id, batch_id, content_hash, text -> SKETCHED. `permuted`: the permutations of `params`, else each worker imports datasketch."""
    for batch in batches:
        yield _sketched(batch, sketch_batch(batch.column("text"), params, permuted))


def simhash_documents(batches: Iterator[pa.RecordBatch], params: SimHashParams) -> Iterator[pa.RecordBatch]:
    """As `sketch_documents`, by SimHash."""
    for batch in batches:
        yield _sketched(batch, simhash_batch(batch.column("text"), params))


def warm_up(batches: Iterator[pa.RecordBatch], sketch: Callable[..., Iterator[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
    """id -> id, when `sketch` has seen a document of each unit, so that its kernels and tables are loaded."""
    texts = ["one two three four five six", "一二三四五六七八"]
    columns = dict.fromkeys(("doc_id", "batch_id", "content_hash", "text"), texts)
    for batch in batches:
        list(sketch(iter([pa.record_batch(columns)])))
        yield batch


def _sketched(batch: pa.RecordBatch, rows: pa.RecordBatch) -> pa.RecordBatch:
    keys, made = ("doc_id", "batch_id", "content_hash"), ("n_shingles", "set_hash", "sketch", "bands")
    return pa.record_batch([batch.column(name) for name in keys] + [rows.column(name) for name in made], names=[*keys, *made])


def compare_sketches(batches: Iterator[pa.RecordBatch], judge: Judge) -> Iterator[pa.RecordBatch]:
    """doc_a, doc_b, n_a, n_b, sketch_a, sketch_b -> COMPARED; verdict 1 accepted, -1 rejected, 0 the text must decide."""
    for batch in batches:
        if not batch.num_rows:
            continue
        n_a, n_b = (batch.column(name).to_numpy(zero_copy_only=False).astype(np.int64) for name in ("n_a", "n_b"))
        found, verdict = judge(n_a, n_b, sketch_matrix(batch.column("sketch_a")), sketch_matrix(batch.column("sketch_b")))
        yield pa.record_batch([batch.column("doc_a"), batch.column("doc_b"), pa.array(found), pa.array(verdict)], names=["doc_a", "doc_b", "similarity", "verdict"])


def keep_holding(batches: Iterator[pa.RecordBatch], keys: npt.NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
    """The rows whose `bands` hold one of `keys` (ascending)."""
    for batch in batches:
        bands = band_matrix(batch.column("bands"))
        at = np.minimum(np.searchsorted(keys, bands), len(keys) - 1)
        yield batch.filter(pa.array((keys[at] == bands).any(axis=1)))


def judge_sketches(
    n_a: npt.NDArray[np.int64], n_b: npt.NDArray[np.int64], left: Sketches, right: Sketches, params: MinHashParams, rule: PairRule
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    """Similarity and verdict (1 accepted, -1 rejected, 0 the text must decide) of pairs, from set sizes and sketches `(pairs, bytes)`."""
    estimate, _ = estimate_jaccard(left, right, params.bits)
    limit = rule.limit if rule.measure == "jaccard" else jaccard_at(rule.limit, n_a, n_b)
    verdict = decide(estimate, sigma_at(limit, params.num_perm, params.bits), limit, rule.n_sigma).astype(np.int32)  # type: ignore[arg-type]
    if rule.exact_only:
        verdict[:] = NEEDS_TEXT
    # |A n B| <= the smaller set: sizes alone may rule a pair out, and that is exact.
    highest = np.minimum(n_a, n_b) / np.maximum(n_a, n_b)
    verdict[(highest < rule.limit) & (rule.measure == "jaccard")] = REJECT
    found = np.clip(np.minimum(estimate, highest), 0, 1)
    if rule.measure == "containment":
        found = containment_from_jaccard(found, n_a, n_b)
    # An estimate may cross the limit that its verdict stands on only by the margin decide() left; keep the two consistent.
    found = np.where(verdict == ACCEPT, np.maximum(found, rule.limit), np.where(verdict == REJECT, np.minimum(found, rule.limit - 1e-9), found))
    return found, verdict


def judge_simhashes(
    n_a: npt.NDArray[np.int64], n_b: npt.NDArray[np.int64], left: Sketches, right: Sketches, max_hamming: int, by_text: bool
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]:
    """As `judge_sketches`: the share of equal bits, and whether the two are within `max_hamming` of 64 bits, which the text decides if it is asked."""
    prints = (np.ascontiguousarray(side).view("<u8").ravel() for side in (left, right))
    apart = hamming(*prints)
    return 1 - apart / 64, np.where(apart <= max_hamming, NEEDS_TEXT if by_text else ACCEPT, REJECT).astype(np.int32)


def jaccard_at(containment: float, n_a: npt.NDArray[np.int64], n_b: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """The Jaccard of two sets of these sizes that have this containment."""
    shared = containment * np.minimum(n_a, n_b)
    return shared / np.maximum(n_a + n_b - shared, 1)


def compare_texts(batches: Iterator[pa.RecordBatch], params: ShingleParams, measure: str) -> Iterator[pa.RecordBatch]:
    """grp, doc_id, text, doc_a, doc_b, sorted by grp -> VERIFIED: the similarity of every pair of every group.

    A row is a document (doc_id and text) or a pair (doc_a and doc_b); a group holds every document that its pairs name
    (KeyError otherwise) and is compared as a whole, so the groups bound the memory.
    """
    held: list[pa.RecordBatch] = []
    for batch in batches:
        groups = batch.column("grp").to_numpy()
        cuts = [0, *(np.flatnonzero(np.diff(groups)) + 1).tolist(), len(groups)]
        for start, stop in itertools.pairwise(cuts):
            if held and start < stop and held[-1].column("grp")[0] != batch.column("grp")[start]:
                yield _compare_group(pa.Table.from_batches(held), params, measure)
                held = []
            if start < stop:
                held.append(batch.slice(start, stop - start))
    if held:
        yield _compare_group(pa.Table.from_batches(held), params, measure)


def similarities(
    texts: pa.ChunkedArray, left: npt.NDArray[np.int64], right: npt.NDArray[np.int64], params: ShingleParams, measure: str
) -> npt.NDArray[np.float64]:
    """The similarity of each pair of `texts` (places of the two sides), by their shingle sets."""
    sets = shingle_sets(texts, params)
    shared, union = jaccard_pairs(sets, left, right)
    return similarity(shared, union, np.minimum(sets.sizes[left], sets.sizes[right]), measure)


def _compare_group(rows: pa.Table, params: ShingleParams, measure: str) -> pa.RecordBatch:
    is_document = pc.is_valid(rows.column("doc_id"))
    documents, pairs = rows.filter(is_document), rows.filter(pc.invert(is_document))
    place = {doc_id: i for i, doc_id in enumerate(documents.column("doc_id").to_pylist())}
    left, right = (np.array([place[d] for d in pairs.column(name).to_pylist()], np.int64) for name in ("doc_a", "doc_b"))
    found = similarities(documents.column("text"), left, right, params, measure)
    columns = [pairs.column("doc_a").combine_chunks(), pairs.column("doc_b").combine_chunks(), pa.array(found, pa.float64())]
    return pa.record_batch(columns, names=["doc_a", "doc_b", "similarity"])
