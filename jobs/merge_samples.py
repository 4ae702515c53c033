"""Bring the worker's answers home: samples and segments, each once, and every failed request counted by its
reason.

reads   synth_requests, synth_answers
writes  samples, segments
run     spark-submit jobs/merge_samples.py --recipe conf/jobs/merge_samples.yaml --lake lakes/demo

The worker closes each request with rows of step `result`, one a sample (ordinal 0, 1, ...) or one with the
error. A request without such a row is pending. Only what is new is merged: what is in `samples` stays as it
is.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pydantic import NonNegativeInt

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_reasons
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.job import Insert, Job, Writes
from gristmill.jobs.runner.main import main

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

RESULT = (
    "question string, cot string, answer string, "
    "segments array<struct<start:int, end:int, status:string, marker:string, summary:string>>"
)
ALIGNED = ("start", "exact", "folded", "fuzzy")
# characters of an error that count as its reason
WORDS_PER_REASON = 120


class Params(Strict):
    """See conf/jobs/merge_samples.yaml."""

    recipes: list[str]  # whose results are samples
    max_failed: NonNegativeInt | None  # requests; more and nothing is merged


def results(tables: JobContext, params: Params) -> DataFrame:
    """The closing rows of the requests of `recipes`, parsed, with the request's columns."""
    from pyspark.sql import functions as F

    asked = tables["synth_requests"].where(F.col("recipe").isin(params.recipes)).drop("part")
    closed = (
        tables["synth_answers"]
        .where("step = 'result'")
        .select("request_id", "part", "ordinal", "parsed", "error", "model")
    )
    made = F.from_json("parsed", RESULT)
    return closed.withColumn("made", made).join(asked, ["request_id"], how="inner")


def with_tokens(rows: DataFrame, tables: JobContext) -> DataFrame:
    """Adds the tokens of all steps of the request to its first sample and 0 to the others, so that sums
    are true."""
    from pyspark.sql import functions as F

    spent = (
        tables["synth_answers"]
        .groupBy("request_id")
        .agg(
            F.sum("prompt_tokens").alias("prompt_tokens"),
            F.sum("completion_tokens").alias("completion_tokens"),
        )
    )
    joined = rows.join(spent, ["request_id"], how="left")
    for name in ("prompt_tokens", "completion_tokens"):
        joined = joined.withColumn(
            name, F.when(F.col("ordinal") == 0, F.coalesce(name, F.lit(0))).otherwise(F.lit(0)).cast("bigint")
        )
    return joined


def merge(tables: JobContext, params: Params) -> dict[str, Insert]:
    """`samples` and `segments` that are not there yet.

    Raises ContractError for a result that is neither sample nor error.
    """
    from pyspark.sql import functions as F

    rows = tables.stage("results", with_tokens(results(tables, params), tables))
    usable = rows.where("error IS NULL")
    odd = [
        row["request_id"]
        for row in usable.where("made.question IS NULL").select("request_id").limit(3).collect()
    ]
    if odd:
        raise ContractError(
            f"synth_answers: result without question and without error (requests {', '.join(odd)}); "
            "the worker that wrote it is of another version"
        )
    _check_failures(rows, params)
    segments = (
        usable.where("ordinal = 0")
        .select("request_id", "part", F.posexplode("made.segments").alias("segment", "found"))
        .select(
            "request_id",
            "part",
            "segment",
            "found.start",
            "found.end",
            "found.status",
            "found.marker",
            "found.summary",
        )
    )
    identity = F.substring(
        F.sha2(F.concat_ws("|", "request_id", F.col("ordinal").cast("string")), 256), 1, 32
    )
    n_aligned = F.size(F.filter("made.segments", lambda each: each["status"].isin(*ALIGNED)))
    n_segments = F.when(F.col("made.segments").isNotNull(), F.size("made.segments"))
    samples = usable.select(
        identity.alias("sample_id"),
        "request_id",
        "ordinal",
        "recipe",
        "recipe_version",
        "doc_id",
        "batch_id",
        "chunk",
        "start",
        "end",
        "lang",
        "domain",
        "made.question",
        "made.cot",
        "made.answer",
        F.col("text").alias("source_text"),
        n_segments.alias("n_segments"),
        (n_aligned / n_segments).alias("aligned_ratio"),
        "model",
        "prompt_tokens",
        "completion_tokens",
    )
    return {
        "segments": Insert(segments, ("request_id", "segment")),
        "samples": Insert(samples, ("sample_id",)),
    }


def _check_failures(rows: DataFrame, params: Params) -> None:
    if params.max_failed is None:
        return
    n = rows.where("error IS NOT NULL").select("request_id").distinct().count()
    if n > params.max_failed:
        raise ContractError(
            f"merge_samples: {n:,} requests failed, max_failed is {params.max_failed:,}; nothing "
            "merged. Look at synth_answers.error, or raise it"
        )


def count(tables: JobContext, params: Params) -> Counts:
    """Requests of `recipes`: kept: with a sample; left out: failed, by reason, and pending."""
    from pyspark.sql import functions as F

    asked = tables["synth_requests"].where(F.col("recipe").isin(params.recipes)).select("request_id")
    closed = (
        tables["synth_answers"]
        .where("step = 'result'")
        .groupBy("request_id")
        .agg(F.max(F.col("error").isNull()).alias("is_made"), F.min("error").alias("error"))
    )
    reason = F.when(F.col("is_made").isNull(), "pending").when(
        ~F.col("is_made"), F.substring(F.element_at(F.split("error", ":"), 1), 1, WORDS_PER_REASON)
    )
    return count_reasons(asked.join(closed, ["request_id"], how="left").select(reason.alias("reason")))


JOB = Job(
    "merge_samples",
    Params,
    reads=("synth_requests", "synth_answers"),
    writes=(Writes("segments", "append"), Writes("samples", "append")),
    steps=(merge,),
    scope="lake",
    count=count,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
