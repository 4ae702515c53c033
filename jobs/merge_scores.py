"""Bring the evaluators' answers home: scores of documents and of samples, each evaluator beside the others.

reads   synth_requests, synth_answers
writes  scores (documents, recipe judge), sample_scores (samples, recipes judge_sample and solve)
run     spark-submit jobs/merge_scores.py --recipe conf/merge_scores.yaml --lake lakes/demo

A judgement that failed is no row: the document or sample stays unscored, and the run counts it by its reason.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pydantic import PositiveFloat

from jobs.core.config import Strict
from jobs.core.counts import count_reasons
from jobs.core.job import Counts, Insert, Job, Tables, Writes, main

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

RECIPES = ("judge", "judge_sample", "solve")
RATE = "pass_rate"  # the only result that is a share already


class Params(Strict):
    """See conf/merge_scores.yaml."""

    highest: PositiveFloat  # of what a judge may give


def results(tables: Tables) -> DataFrame:
    """The closing rows of the evaluators' requests with the request's identity and, parsed, what they gave (null: failed)."""
    from pyspark.sql import functions as F

    asked = tables["synth_requests"].where(F.col("recipe").isin(*RECIPES)).select("request_id", "recipe", "recipe_version", "doc_id", "batch_id", "sample_id")
    closed = tables["synth_answers"].where("step = 'result'").select("request_id", "parsed", "error", "model")
    return asked.join(closed, ["request_id"], how="left").withColumn("given", F.from_json("parsed", "map<string,string>"))


def merge(tables: Tables, params: Params) -> dict[str, Insert]:
    """`scores` and `sample_scores` that are not there yet."""
    from pyspark.sql import functions as F

    rows = tables.held = tables.stage("results", results(tables))
    usable = rows.where("error IS NULL AND given IS NOT NULL")
    version = F.concat_ws(" ", "model", "recipe_version").alias("version")
    judged = usable.where("recipe = 'judge' AND sample_id IS NULL").groupBy("doc_id", "batch_id", version).agg(  # of a document in chunks the mean
        F.avg(F.col("given")["score"].cast("double")).alias("raw"), F.min(F.col("given")["reason"]).alias("reason")
    )
    documents = judged.select(
        F.lit(tables.job.name).alias("job"), "doc_id", "batch_id", F.lit("judge").alias("scorer"), "version", "raw", (F.col("raw") / params.highest).alias("score"),
        F.to_json(F.struct("reason")).alias("detail"),
    )  # fmt: skip
    each = usable.where("sample_id IS NOT NULL").select("*", F.explode("given").alias("dimension", "said"))
    wanted = each.where("(recipe = 'judge_sample' AND dimension <> 'reason') OR (recipe = 'solve' AND dimension = 'pass_rate')")
    value = F.col("said").cast("double")
    samples = wanted.select(
        "sample_id", F.col("model").alias("evaluator"), "recipe", "recipe_version", "dimension", value.alias("raw"),
        F.when(F.col("dimension") == RATE, value).otherwise(value / params.highest).alias("score"), F.col("given")["reason"].alias("reason"),
    )  # fmt: skip
    return {
        "scores": Insert(documents.dropDuplicates(["doc_id", "batch_id", "version"]), ("job", "doc_id", "batch_id", "scorer", "version")),
        "sample_scores": Insert(samples, ("sample_id", "evaluator", "recipe_version", "dimension")),
    }


def count(tables: Tables, params: Params) -> Counts:
    """Requests to evaluators; left out: failed, by reason, and pending."""
    from pyspark.sql import functions as F

    reason = F.when(F.col("parsed").isNull() & F.col("error").isNull(), "pending").when(F.col("error").isNotNull(), F.element_at(F.split("error", ":"), 1))
    return count_reasons(tables.held.select(reason.alias("reason")))


JOB = Job(
    "merge_scores", Params, reads=("synth_requests", "synth_answers"), writes=(Writes("scores", "append"), Writes("sample_scores", "append")),
    steps=(merge,), scope="lake", count=count, about=__doc__,
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(JOB))
