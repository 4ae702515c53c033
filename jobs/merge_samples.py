"""Merge the worker's answers: samples and segments, each once, and every failed request counted by reason.

reads   synth_requests, synth_answers
writes  samples, segments
run     spark-submit jobs/merge_samples.py --recipe conf/jobs/merge_samples.yaml --lake lakes/demo

rows in   synth_answers  r1  ordinal 0  parsed {"question": "Q", "cot": "C", "answer": "A"}
                         r2  ordinal 0  parsed null  error "malformed: ..."
rows out  samples        sha256(r1|0)  request_id r1  question Q  cot C  answer A   (r2: counted as malformed)

The worker closes each request with rows of step `result`: one a sample (ordinal 0, 1, ...), or one with the
error. A request without such a row is pending. Only new rows are merged; rows of `samples` are not changed.
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
# How the start of a segment was found; `merged` and `fallback` do not count as aligned.
ALIGNED = ("start", "exact", "folded", "fuzzy")
# Code points of an error that become its reason: an engine's message can be a page long.
MAX_REASON_CHARS = 120


class Params(Strict):
    """See conf/jobs/merge_samples.yaml."""

    recipes: list[str]  # whose results are samples
    max_failed: NonNegativeInt | None  # requests; with more failures the job stops and merges nothing


def results(tables: JobContext, params: Params) -> DataFrame:
    """The `result` rows of the requests of `recipes`: `sample` (a struct of RESULT; null for an error),
    error, model, and the columns of the request."""
    from pyspark.sql import functions as F

    # `part` comes from the answer: both tables have it,
    # and a second column of the name would be ambiguous.
    requests = tables["synth_requests"].where(F.col("recipe").isin(params.recipes)).drop("part")
    closed = (
        tables["synth_answers"]
        .where("step = 'result'")
        .select("request_id", "part", "ordinal", "parsed", "error", "model")
    )
    sample = F.from_json("parsed", RESULT)
    return closed.withColumn("sample", sample).join(requests, ["request_id"], how="inner")


def with_tokens(rows: DataFrame, tables: JobContext) -> DataFrame:
    """Adds prompt_tokens and completion_tokens: those of all steps of a request for its first sample, 0 for
    its others, so that a sum over samples counts each token once."""
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
    """`samples` and `segments` that were not merged before.

    Raises ContractError for a result that is neither sample nor error, and for more than max_failed failures.
    """
    from pyspark.sql import functions as F

    rows = tables.stage("results", with_tokens(results(tables, params), tables))
    usable = rows.where("error IS NULL")
    # Such a row would become a sample without a question, which no later merge corrects.
    incomplete = [
        row["request_id"]
        for row in usable.where(F.col("sample.question").isNull()).select("request_id").limit(3).collect()
    ]
    if incomplete:
        raise ContractError(
            f"synth_answers: result without question and without error (requests {', '.join(incomplete)}); "
            "the worker that wrote it is of another version"
        )
    _check_failures(rows, params)
    # All samples of a request share its segments: they are taken from the first.
    segments = (
        usable.where("ordinal = 0")
        .select("request_id", "part", F.posexplode("sample.segments").alias("segment", "span"))
        .select(
            "request_id",
            "part",
            "segment",
            "span.start",
            "span.end",
            "span.status",
            "span.marker",
            "span.summary",
        )
    )
    # From the request and the ordinal, not the content:
    # the same answer merged again has the same id.
    identity = F.substring(
        F.sha2(F.concat_ws("|", "request_id", F.col("ordinal").cast("string")), 256), 1, 32
    )
    n_aligned = F.size(F.filter("sample.segments", lambda each: each["status"].isin(*ALIGNED)))
    # size() of null is -1 or null, depending on a setting of Spark.
    n_segments = F.when(F.col("sample.segments").isNotNull(), F.size("sample.segments"))
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
        "sample.question",
        "sample.cot",
        "sample.answer",
        F.col("text").alias("source_text"),
        n_segments.alias("n_segments"),
        (n_aligned / n_segments).alias("aligned_ratio"),
        "model",
        "prompt_tokens",
        "completion_tokens",
    )
    # Segments first: a run that dies between the two commits leaves no sample without its segments.
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
    """In: requests of `recipes`; kept: those with a sample; left out: failed, by reason, and pending."""
    from pyspark.sql import functions as F

    requests = tables["synth_requests"].where(F.col("recipe").isin(params.recipes)).select("request_id")
    # A request with a sample is kept, even if another of its samples failed.
    closed = (
        tables["synth_answers"]
        .where("step = 'result'")
        .groupBy("request_id")
        .agg(F.max(F.col("error").isNull()).alias("has_sample"), F.min("error").alias("error"))
    )
    # Up to the first colon: what follows differs from request to request.
    reason = F.when(F.col("has_sample").isNull(), "pending").when(
        ~F.col("has_sample"), F.substring(F.element_at(F.split("error", ":"), 1), 1, MAX_REASON_CHARS)
    )
    return count_reasons(requests.join(closed, ["request_id"], how="left").select(reason.alias("reason")))


JOB = Job(
    "merge_samples",
    Params,
    reads=("synth_requests", "synth_answers"),
    writes=(Writes("segments", "append"), Writes("samples", "append")),
    steps=(merge,),
    # The answers are of requests, not of batches.
    scope="lake",
    count=count,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
