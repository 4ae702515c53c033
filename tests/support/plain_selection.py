"""What `filter_samples` leaves out, said plainly: loops over one table, every pair of questions compared.

The reference of tests/jobs/test_samples_by_reference.py; openings, k-center and MMR are those of gristmill.udfs.samples.selection.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from gristmill.udfs.language_models.embedding import vectors
from gristmill.udfs.samples import selection
from gristmill.udfs.samples.measures import fold

Lost = tuple[str, str, float | None, float, str, str | None]  # sample_id, reason, value, limit, rule, dup_of
Floats = npt.NDArray[np.float64]


def chosen(table: pd.DataFrame, params: Any) -> list[Lost]:
    """Verdict rows of the filters that compare samples with each other, in their order."""
    table = ranked(table, params.style)
    losses: list[Lost] = []
    for name, way in (
        ("near_duplicates", near),
        ("max_same_opening", same_opening),
        ("buckets", beyond_quota),
        ("diversity", crowded),
    ):
        if getattr(params, name) is None or not len(table):
            continue
        found = way(table, params)
        losses += found
        table = table[~table["sample_id"].isin({row[0] for row in found})].reset_index(drop=True)
    return losses


def ranked(table: pd.DataFrame, style: dict[str, float]) -> pd.DataFrame:
    """Best first, with `value`: the weighted ranks (0 to 1, within the language) of LIMO's features."""
    length = table["cot_units"].clip(lower=1)
    value = 0.0 * length
    for name, weight in style.items():
        measure = table[name] if name == "cot_units" else table[name] / length
        value = value + weight * measure.groupby(table["lang"].fillna("")).rank(method="average", pct=True)
    table = table.assign(value=(value / sum(style.values())).round(9))
    return table.sort_values(["value", "sample_id"], ascending=[False, True], kind="stable").reset_index(
        drop=True
    )


def shingles(question: str, n: int) -> frozenset[str]:
    """Runs of `n` characters of the folded question (all of a shorter one)."""
    text = fold(question)
    return frozenset(text[i : i + n] for i in range(max(1, len(text) - n + 1)))


def near(table: pd.DataFrame, params: Any) -> list[Lost]:
    """Questions like a better one that stays: the best of those."""
    spec, kept = params.near_duplicates, []
    losses: list[Lost] = []
    for name, question in zip(table["sample_id"], table["question"], strict=True):
        mine = shingles(question, spec.characters)
        likeness = ((other, len(mine & theirs) / len(mine | theirs)) for other, theirs in kept)
        found = next(((other, alike) for other, alike in likeness if alike >= spec.min_similarity), None)
        if found is None:
            kept.append((name, mine))
        else:
            losses.append(
                (name, "near_duplicate", found[1], spec.min_similarity, "near_duplicates", found[0])
            )
    return losses


def same_opening(table: pd.DataFrame, params: Any) -> list[Lost]:
    """Questions that open as `max_same_opening` better ones of their language do."""
    cap = params.max_same_opening
    groups = [
        (lang, *selection.opening(question))
        for lang, question in zip(table["lang"].fillna(""), table["question"], strict=True)
    ]
    return [
        (out, "same_opening", None, float(cap), "max_same_opening", None)
        for out, is_over in zip(table["sample_id"], over_cap(groups, cap), strict=True)
        if is_over
    ]


def beyond_quota(table: pd.DataFrame, params: Any) -> list[Lost]:
    """Samples beyond their bucket's quota in the order of a seeded hash."""
    spec = params.buckets
    groups = list(zip(table["lang"].fillna(""), table["domain"].fillna(""), strict=True))
    hard = (1 - table["pass_rate"].astype(float)).fillna(table["cot_units"].rank(pct=True))
    bins = quantile_bins(groups, list(hard), spec.difficulty_bins)
    order = selection.hash_order(list(table["sample_id"]), params.seed)
    over = over_cap([(*groups[i], bins[i]) for i in order], spec.max_samples)
    return [
        (table["sample_id"][i], "over_quota", None, float(spec.max_samples), "buckets", None)
        for i, is_over in zip(order, over, strict=True)
        if is_over
    ]


def crowded(table: pd.DataFrame, params: Any) -> list[Lost]:
    """Samples that others of their cluster stand for."""
    spec = params.diversity
    found = vectors(list(table["question"])).astype(np.float64)
    weight = spec.mmr_weight if spec.method == "mmr" else None
    stays = thin(found, table["value"].to_numpy(), spec.clusters, spec.share, weight)
    return [
        (out, "crowded", None, spec.share, "diversity", None)
        for out, kept in zip(table["sample_id"], stays, strict=True)
        if not kept
    ]


def over_cap(groups: Sequence[Hashable], cap: int) -> list[bool]:
    """Whether `cap` others of the same group stand before each."""
    seen: Counter[Hashable] = Counter()
    out = []
    for group in groups:
        seen[group] += 1
        out.append(seen[group] > cap)
    return out


def quantile_bins(groups: Sequence[Hashable], values: Sequence[float], n_bins: int) -> list[int]:
    """Bin 0 to n_bins - 1 of each value within its group, by rank; equal ones share the bin of the first."""
    members: dict[Hashable, list[float]] = defaultdict(list)
    for group, value in zip(groups, values, strict=True):
        members[group].append(value)
    for found in members.values():
        found.sort()
    return [
        min(n_bins - 1, int(np.searchsorted(members[g], v, side="left")) * n_bins // len(members[g]))
        for g, v in zip(groups, values, strict=True)
    ]


def clusters(vectors: Floats, k: int) -> npt.NDArray[np.int64]:
    """Cluster of each unit vector: k-means on the sphere from centres chosen farthest first."""
    k = min(k, len(vectors))
    centres = vectors[selection.farthest_first(vectors, k, 0)]
    labels = np.zeros(len(vectors), np.int64)
    for _ in range(selection.ROUNDS):
        labels = (vectors @ centres.T).argmax(axis=1)
        sums = np.zeros_like(centres)
        np.add.at(sums, labels, vectors)
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        centres = np.where(norms > 0, sums / np.maximum(norms, 1e-12), centres)
    return labels


def thin(
    vectors: Floats, values: Floats, n_clusters: int, share: float, weight: float | None
) -> npt.NDArray[np.bool_]:
    """Whether each sample stays when every cluster keeps `share`: by k-center, or by MMR of this `weight`."""
    stays = np.zeros(len(vectors), bool)
    labels = clusters(vectors, n_clusters)
    for label in range(labels.max() + 1 if len(labels) else 0):
        members = np.flatnonzero(labels == label)
        if not len(members):
            continue
        n = max(1, math.ceil(share * len(members)))
        inside, worth = vectors[members], values[members]
        found = (
            selection.farthest_first(inside, n, int(worth.argmax()))
            if weight is None
            else selection.marginal_relevance(inside, worth, n, weight)
        )
        stays[members[found]] = True
    return stays
