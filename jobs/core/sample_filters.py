"""The filters that compare samples with each other, on the driver, over narrow rows; and the list of what a sample can be limited by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from udfs import selection
from udfs.embedding import vectors

if TYPE_CHECKING:
    import pandas as pd

LIMITS = {  # parameter -> (measure, reason); min_: fails below, max_: fails above
    "min_numbers_found": ("numbers_found", "ungrounded_numbers"), "min_names_found": ("names_found", "ungrounded_names"),
    "max_copied_share": ("copied_share", "copied"), "max_repeated_share": ("repeated_share", "repetitive"), "max_leaks": ("n_leaks", "speaks_of_the_source"),
    "min_question": ("n_question", "question_too_short"), "max_question": ("n_question", "question_too_long"), "min_cot": ("n_cot", "cot_too_short"),
    "max_cot": ("n_cot", "cot_too_long"), "min_cot_ratio": ("cot_ratio", "cot_too_short_for_source"), "max_cot_ratio": ("cot_ratio", "cot_too_long_for_source"),
    "min_subgoals": ("n_subgoals", "too_few_steps"), "min_aligned_share": ("aligned_share", "not_segmented_by_markers"),
    "min_pass_rate": ("pass_rate", "too_hard"), "max_pass_rate": ("pass_rate", "too_easy"), "min_complexity": ("instruction_complexity", "too_simple"),
    "min_quality": ("response_quality", "low_quality"), "min_depth": ("reasoning_depth", "shallow"), "min_safety": ("safety", "unsafe"),
}  # fmt: skip
EVALUATED = ("pass_rate", "instruction_complexity", "response_quality", "reasoning_depth", "safety")  # dimensions of sample_scores, 0 to 1


def chosen(table: pd.DataFrame, params: Any, steps: list[dict[str, Any]]) -> tuple[list[tuple[Any, ...]], pd.DataFrame]:
    """(verdict rows, what stays) of the filters that compare samples with each other; `steps` is told each one's counts."""
    table = ranked(table, params)
    losses: list[tuple[Any, ...]] = []
    before = selection.self_bleu(list(table["question"]), params.self_bleu_texts, params.seed)
    for name, way in (("near_duplicates", near), ("max_same_opening", same_opening), ("buckets", beyond_quota), ("diversity", crowded)):
        if getattr(params, name) is None or not len(table):
            continue
        found = way(table, params)
        steps.append({"filter": name, "in": len(table), "out": len(table) - len(found)})
        losses += found
        table = table[~table["sample_id"].isin({row[0] for row in found})].reset_index(drop=True)
    after = selection.self_bleu(list(table["question"]), params.self_bleu_texts, params.seed)
    steps.append({"self_bleu_before": round(before, 4), "self_bleu_after": round(after, 4), "texts": params.self_bleu_texts})
    return losses, table


def ranked(table: pd.DataFrame, params: Any) -> pd.DataFrame:
    """Best first, with `value`: the weighted ranks (0 to 1, within the language) of LIMO's features, keyword counts by length."""
    length = table["n_cot"].clip(lower=1)
    value = 0.0 * length
    for name, weight in params.style.items():
        measure = table[name] if name == "n_cot" else table[name] / length
        value = value + weight * measure.groupby(table["lang"].fillna("")).rank(method="average", pct=True)
    table = table.assign(value=(value / sum(params.style.values())).round(9))
    return table.sort_values(["value", "sample_id"], ascending=[False, True], kind="stable").reset_index(drop=True)


def near(table: pd.DataFrame, params: Any) -> list[tuple[Any, ...]]:
    """Questions like one that is better."""
    spec = params.near_duplicates
    found = selection.near_duplicates(list(table["sample_id"]), list(table["question"]), spec.min_similarity, spec.characters, spec.permutations)
    return [(out, "near_duplicate", similarity, spec.min_similarity, "near_duplicates", stays) for out, (stays, similarity) in found.items()]


def same_opening(table: pd.DataFrame, params: Any) -> list[tuple[Any, ...]]:
    """Questions that open as `max_same_opening` better ones of their language do."""
    cap = params.max_same_opening
    groups = [(lang, *selection.opening(question)) for lang, question in zip(table["lang"].fillna(""), table["question"], strict=True)]
    return [(out, "same_opening", None, float(cap), "max_same_opening", None) for out, is_over in zip(table["sample_id"], selection.over_cap(groups, cap), strict=True) if is_over]


def beyond_quota(table: pd.DataFrame, params: Any) -> list[tuple[Any, ...]]:
    """Samples beyond their bucket's quota in the order of a seeded hash."""
    spec = params.buckets
    groups = list(zip(table["lang"].fillna(""), table["domain"].fillna(""), strict=True))
    hard = (1 - table["pass_rate"].astype(float)).fillna(table["n_cot"].rank(pct=True))
    bins = selection.quantile_bins(groups, list(hard), spec.difficulty_bins)
    order = selection.hash_order(list(table["sample_id"]), params.seed)
    over = selection.over_cap([(*groups[i], bins[i]) for i in order], spec.max_samples)
    return [(table["sample_id"][i], "over_quota", None, float(spec.max_samples), "buckets", None) for i, is_over in zip(order, over, strict=True) if is_over]


def crowded(table: pd.DataFrame, params: Any) -> list[tuple[Any, ...]]:
    """Samples that others of their cluster stand for."""
    import numpy as np

    spec = params.diversity
    found = vectors(list(table["question"])).astype(np.float64)
    weight = spec.mmr_weight if spec.method == "mmr" else None
    stays = selection.thin(found, table["value"].to_numpy(), spec.clusters, spec.share, weight)
    return [(out, "crowded", None, spec.share, "diversity", None) for out, kept in zip(table["sample_id"], stays, strict=True) if not kept]
