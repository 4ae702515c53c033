"""The filters that compare samples with each other, in their order; and what a sample can be limited by."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from pydantic import Field, PositiveFloat, PositiveInt

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.records import Records
from gristmill.jobs.dedup.questions import NearDuplicates, alike_questions
from gristmill.jobs.synthesis.diversity import Diversity, crowded
from gristmill.jobs.synthesis.quotas import Buckets, beyond_quota, same_opening
from gristmill.jobs.synthesis.ranks import Feature, with_value
from gristmill.udfs.samples import selection

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from gristmill.jobs.runner.context import JobContext

# parameter -> (measure, reason); min_: fails below, max_: fails above
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
# of rows and their number: a row of `_lost` for each that is left out
Filter: TypeAlias = "Callable[[DataFrame, int], DataFrame]"
# dimensions of sample_scores, 0 to 1
EVALUATED = ("pass_rate", "instruction_complexity", "response_quality", "reasoning_depth", "safety")


class Comparing(Strict):
    """Parameters of the filters, in their order, and of what ranks and measures samples."""

    near_duplicates: NearDuplicates | None
    # samples whose questions open with the same words
    max_same_opening: PositiveInt | None
    buckets: Buckets | None
    diversity: Diversity | None
    # weights of the features that rank samples
    style: dict[Feature, PositiveFloat] = Field(min_length=1)
    self_bleu_texts: PositiveInt
    seed: int


def chosen(tables: JobContext, rows: DataFrame, n: int, params: Comparing, steps: Records) -> list[DataFrame]:
    """sample_id, reason, value, limit, rule, dup_of of what each filter leaves out, staged.

    `rows`: the columns of filter_samples.measured, of `n` samples; `steps` is told each filter's counts. On
    the driver are `self_bleu_texts` questions, and what gristmill.jobs.synthesis.diversity holds.
    """
    rows = tables.stage("ranked", ranked(tables, rows, params))
    before, losses = self_bleu(tables, "before", rows, params), []
    for name, lost_of in filters(tables, params).items():
        if not n:
            break
        lost = tables.stage(f"lost_by_{name}", lost_of(rows, n))
        n_lost = lost.count()
        steps.append({"filter": name, "in": n, "out": n - n_lost})
        losses.append(lost)
        rows, n = rows.join(lost.select("sample_id"), ["sample_id"], how="left_anti"), n - n_lost
    after = self_bleu(tables, "after", rows, params)
    told = {"self_bleu_before": round(before, 4), "self_bleu_after": round(after, 4)}
    steps.append({**told, "texts": params.self_bleu_texts})
    return losses


def filters(tables: JobContext, params: Comparing) -> dict[str, Filter]:
    """The filters that the recipe asks for, in their order, each under the name of its parameter."""
    made: dict[str, Filter] = {}
    if params.near_duplicates is not None:
        made["near_duplicates"] = functools.partial(near, tables, params.near_duplicates, params.seed)
    if params.max_same_opening is not None:
        made["max_same_opening"] = functools.partial(opened, tables, params.max_same_opening)
    if params.buckets is not None:
        made["buckets"] = functools.partial(filled, tables, params.buckets, params.seed)
    if params.diversity is not None:
        made["diversity"] = functools.partial(thinned, tables, params.diversity, params.seed)
    return made


def ranked(tables: JobContext, rows: DataFrame, params: Comparing) -> DataFrame:
    """sample_id, key, lang, domain, question, cot_units, pass_rate, value; `key`: the id as
    gristmill.jobs.dedup wants it."""
    from pyspark.sql import functions as F

    known = rows.withColumns({name: F.coalesce(name, F.lit("")) for name in ("lang", "domain")})
    known = with_value(tables, known, params.style).withColumn("key", F.md5("sample_id"))
    return known.select("sample_id", "key", "lang", "domain", "question", "cot_units", "pass_rate", "value")


def self_bleu(tables: JobContext, when: str, rows: DataFrame, params: Comparing) -> float:
    """Of `self_bleu_texts` questions, the lowest by a seeded hash."""
    from gristmill.udfs.columns import seeded_hash

    n, seeded = params.self_bleu_texts, seeded_hash(params.seed)("question").alias("seeded")
    # Staged, and so brought together by a task: to the driver each task would send as many.
    few = rows.select("question", seeded).orderBy("seeded").limit(n).select("question")
    few = tables.stage(f"questions_{when}", few)
    return selection.self_bleu([row["question"] for row in few.collect()], n, params.seed)


def near(tables: JobContext, spec: NearDuplicates, seed: int, rows: DataFrame, n: int) -> DataFrame:
    """See _lost: questions like one that is better."""
    from pyspark.sql import functions as F

    found = alike_questions(tables, rows, spec, seed)
    value, dup_of = F.col("similarity"), F.col("dup_of")
    return _lost(found, "near_duplicate", value, spec.min_similarity, "near_duplicates", dup_of)


def opened(tables: JobContext, cap: int, rows: DataFrame, n: int) -> DataFrame:
    """See _lost: questions that open as `cap` better ones of their language do."""
    return _lost(same_opening(tables, rows, cap), "same_opening", None, cap, "max_same_opening")


def filled(tables: JobContext, spec: Buckets, seed: int, rows: DataFrame, n: int) -> DataFrame:
    """See _lost: samples beyond their bucket's quota."""
    found = beyond_quota(tables, rows, spec, seed)
    return _lost(found, "over_quota", None, spec.max_samples, "buckets")


def thinned(tables: JobContext, spec: Diversity, seed: int, rows: DataFrame, n: int) -> DataFrame:
    """See _lost: samples that others of their cluster stand for."""
    found = crowded(tables, rows, n, spec, seed)
    return _lost(found, "crowded", None, spec.share, "diversity")


def _lost(
    found: DataFrame, reason: str, value: Column | None, limit: float, rule: str, dup_of: Column | None = None
) -> DataFrame:
    """sample_id, reason, value, limit, rule, dup_of of the samples `found`."""
    from pyspark.sql import functions as F

    value, dup_of = (F.lit(None) if each is None else each for each in (value, dup_of))
    return found.select(
        "sample_id",
        F.lit(reason).alias("reason"),
        value.cast("double").alias("value"),
        F.lit(float(limit)).alias("threshold"),
        F.lit(rule).alias("rule"),
        dup_of.cast("string").alias("dup_of"),
    )
