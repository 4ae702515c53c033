"""Filters that compare samples with each other, in their order; and the limits on a single sample."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from pydantic import Field, PositiveFloat, PositiveInt

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.records import Records
from gristmill.jobs.dedup.questions import NearDuplicates, near_duplicate_questions
from gristmill.jobs.synthesis.diversity import Diversity, redundant_samples
from gristmill.jobs.synthesis.quotas import Buckets, over_quota, same_opening
from gristmill.jobs.synthesis.ranks import Feature, with_value
from gristmill.udfs.samples import selection

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from gristmill.jobs.runner.context import JobContext

# parameter -> (measure, reason); a sample fails min_ below the value, max_ above it
LIMITS = {
    "min_numbers_found_ratio": ("numbers_found_ratio", "ungrounded_numbers"),
    "min_names_found_ratio": ("names_found_ratio", "ungrounded_names"),
    "max_copied_ratio": ("copied_ratio", "copied"),
    "max_repeated_ratio": ("repeated_ratio", "repetitive"),
    "max_leaks": ("n_leaks", "speaks_of_the_source"),
    "min_question_units": ("question_units", "question_too_short"),
    "max_question_units": ("question_units", "question_too_long"),
    "min_cot_units": ("cot_units", "cot_too_short"),
    "max_cot_units": ("cot_units", "cot_too_long"),
    "min_cot_ratio": ("cot_ratio", "cot_too_short_for_source"),
    "max_cot_ratio": ("cot_ratio", "cot_too_long_for_source"),
    "min_subgoals": ("n_subgoals", "too_few_steps"),
    "min_aligned_ratio": ("aligned_ratio", "not_segmented_by_markers"),
    "min_pass_rate": ("pass_rate", "too_hard"),
    "max_pass_rate": ("pass_rate", "too_easy"),
    "min_complexity": ("instruction_complexity", "too_simple"),
    "min_quality": ("response_quality", "low_response_quality"),
    "min_depth": ("reasoning_depth", "shallow"),
    "min_safety": ("safety", "unsafe"),
}
# from rows and their number to the rows that are left out, in the columns of `_lost`
Filter: TypeAlias = "Callable[[DataFrame, int], DataFrame]"
# dimensions of sample_scores, 0 to 1
EVALUATED = ("pass_rate", "instruction_complexity", "response_quality", "reasoning_depth", "safety")


class Comparing(Strict):
    """Parameters of the filters, in their order, and of ranking and measuring samples."""

    near_duplicates: NearDuplicates | None
    # most samples of a language whose questions open with the same words
    max_same_opening: PositiveInt | None
    buckets: Buckets | None
    diversity: Diversity | None
    # weights of the features by which samples are ranked
    style: dict[Feature, PositiveFloat] = Field(min_length=1)
    # questions whose self-BLEU is reported; they are collected on the driver
    self_bleu_texts: PositiveInt
    seed: int


def compare_samples(
    tables: JobContext, rows: DataFrame, n: int, params: Comparing, steps: Records
) -> list[DataFrame]:
    """What each filter leaves out, staged: sample_id, reason, value, threshold, rule, dup_of.

    `rows`: the columns of filter_samples.sample_measures, of `n` samples; `steps` gets each filter's counts.
    On the driver are `self_bleu_texts` questions, and what gristmill.jobs.synthesis.diversity holds.
    """
    rows = tables.stage("ranked", ranked(tables, rows, params))
    before, losses = self_bleu(tables, "before", rows, params), []
    # Each filter sees only what the filters before it have
    # kept, so a near-duplicate does not count towards a quota.
    for name, lost_of in filters(tables, params).items():
        if not n:
            break
        lost = tables.stage(f"lost_by_{name}", lost_of(rows, n))
        n_lost = lost.count()
        steps.append({"filter": name, "in": n, "out": n - n_lost})
        losses.append(lost)
        rows, n = rows.join(lost.select("sample_id"), ["sample_id"], how="left_anti"), n - n_lost
    after = self_bleu(tables, "after", rows, params)
    measures = {"self_bleu_before": round(before, 4), "self_bleu_after": round(after, 4)}
    steps.append({**measures, "texts": params.self_bleu_texts})
    return losses


def filters(tables: JobContext, params: Comparing) -> dict[str, Filter]:
    """Parameter -> filter, for those that the recipe has, in their order."""
    # Near-duplicates are removed before they could fill a
    # quota; the thinning, which is quadratic, comes last.
    enabled: dict[str, Filter] = {}
    if params.near_duplicates is not None:
        enabled["near_duplicates"] = functools.partial(
            drop_near_duplicates, tables, params.near_duplicates, params.seed
        )
    if params.max_same_opening is not None:
        enabled["max_same_opening"] = functools.partial(drop_same_opening, tables, params.max_same_opening)
    if params.buckets is not None:
        enabled["buckets"] = functools.partial(drop_over_quota, tables, params.buckets, params.seed)
    if params.diversity is not None:
        enabled["diversity"] = functools.partial(drop_redundant, tables, params.diversity, params.seed)
    return enabled


def ranked(tables: JobContext, rows: DataFrame, params: Comparing) -> DataFrame:
    """sample_id, key, lang, domain, question, cot_units, pass_rate, value (0 to 1) of the samples.

    `key`: 32 hexadecimal digits, the form of a doc_id, which the engine of near-duplicates packs into 16
    bytes.
    """
    from pyspark.sql import functions as F

    # A join by language would drop the samples without one; "" is a value like any other.
    known = rows.withColumns({name: F.coalesce(name, F.lit("")) for name in ("lang", "domain")})
    known = with_value(tables, known, params.style).withColumn("key", F.md5("sample_id"))
    return known.select("sample_id", "key", "lang", "domain", "question", "cot_units", "pass_rate", "value")


def self_bleu(tables: JobContext, when: str, rows: DataFrame, params: Comparing) -> float:
    """Self-BLEU, 0 (diverse) to 1, of the `self_bleu_texts` questions with the lowest seeded hash."""
    from gristmill.udfs.columns import seeded_hash

    n, seeded = params.self_bleu_texts, seeded_hash(params.seed)("question").alias("seeded")
    # Staged, so that one task merges the candidates: collect() would send n questions of each task.
    few = rows.select("question", seeded).orderBy("seeded").limit(n).select("question")
    few = tables.stage(f"questions_{when}", few)
    return selection.self_bleu([row["question"] for row in few.collect()], n, params.seed)


def drop_near_duplicates(
    tables: JobContext, spec: NearDuplicates, seed: int, rows: DataFrame, n: int
) -> DataFrame:
    """See _lost: near-duplicates of a better question."""
    from pyspark.sql import functions as F

    pairs = near_duplicate_questions(tables, rows, spec, seed)
    value, dup_of = F.col("similarity"), F.col("dup_of")
    return _lost(pairs, "near_duplicate", value, spec.min_similarity, "near_duplicates", dup_of)


def drop_same_opening(tables: JobContext, cap: int, rows: DataFrame, n: int) -> DataFrame:
    """See _lost: questions that share their opening with `cap` better ones of their language."""
    return _lost(same_opening(tables, rows, cap), "same_opening", None, cap, "max_same_opening")


def drop_over_quota(tables: JobContext, spec: Buckets, seed: int, rows: DataFrame, n: int) -> DataFrame:
    """See _lost: samples over the quota of their bucket."""
    over = over_quota(tables, rows, spec, seed)
    return _lost(over, "over_quota", None, spec.max_samples, "buckets")


def drop_redundant(tables: JobContext, spec: Diversity, seed: int, rows: DataFrame, n: int) -> DataFrame:
    """See _lost: samples that the thinning of their cluster leaves out."""
    redundant = redundant_samples(tables, rows, n, spec, seed)
    return _lost(redundant, "crowded", None, spec.share, "diversity")


def _lost(
    samples: DataFrame,
    reason: str,
    value: Column | None,
    limit: float,
    rule: str,
    dup_of: Column | None = None,
) -> DataFrame:
    """sample_id, reason, value, threshold, rule, dup_of of `samples`, which a filter leaves out."""
    from pyspark.sql import functions as F

    value, dup_of = (F.lit(None) if each is None else each for each in (value, dup_of))
    return samples.select(
        "sample_id",
        F.lit(reason).alias("reason"),
        value.cast("double").alias("value"),
        F.lit(float(limit)).alias("threshold"),
        F.lit(rule).alias("rule"),
        dup_of.cast("string").alias("dup_of"),
    )
