"""Bring the evaluators' answers home: scores of documents and of samples, each evaluator beside the others.

reads   synth_requests, synth_answers
writes  scores (documents: judge, judge_additive, judge_aspects), sample_scores (samples: judge_sample, solve)
run     spark-submit jobs/merge_scores.py --recipe conf/jobs/merge_scores.yaml --lake lakes/demo

A judgement that failed, or gave a number beyond the scale, is no row: the document or sample stays unscored,
and the run counts it by its reason. A prompt that asks for one `score` is a scorer by its recipe's name; each
number of one that asks for several is a scorer such as judge_aspects_safety.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import PositiveFloat

from gristmill.jobs.core.config import Strict
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_reasons
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.job import Insert, Job, Writes
from gristmill.jobs.runner.main import main

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OF_DOCUMENTS = ("judge", "judge_additive", "judge_aspects")
OF_SAMPLES = ("judge_sample", "solve")
RATE = "pass_rate"  # the only result that is a share already


class Params(Strict):
    """See conf/jobs/merge_scores.yaml."""

    highest: PositiveFloat  # of what a judge may give


@dataclass
class State:
    """What `merge` leaves for the count."""

    results: DataFrame = field(init=False)  # the rows of `results`


def results(tables: JobContext, params: Params) -> DataFrame:
    """The evaluators' requests with what they gave: `numbers` (by dimension, as text) and `why`;
    `reason`: null, or why it is no score."""
    from pyspark.sql import functions as F

    asked = tables["synth_requests"].where(F.col("recipe").isin(*OF_DOCUMENTS, *OF_SAMPLES))
    asked = asked.select("request_id", "recipe", "recipe_version", "doc_id", "batch_id", "sample_id")
    closed = tables["synth_answers"].where("step = 'result'").select("request_id", "parsed", "error", "model")
    rows = asked.join(closed, ["request_id"], how="left").withColumn(
        "given", F.from_json("parsed", "map<string,string>")
    )
    wanted = f"(recipe <> 'solve' OR name = '{RATE}') AND name <> 'reason'"
    rows = rows.withColumn("numbers", F.expr(f"map_filter(given, (name, said) -> {wanted})"))
    most = f"IF(recipe = 'solve', 1.0, {params.highest})"
    is_whole = F.expr(
        "size(numbers) > 0 AND forall(map_values(numbers), said -> try_cast(said AS double) BETWEEN "
        f"0.0 AND {most})"
    )
    reason = F.when(F.col("error").isNotNull(), F.element_at(F.split("error", ":"), 1)).when(
        F.col("parsed").isNull(), "pending"
    )
    return rows.select(
        "*",
        F.col("given")["reason"].alias("why"),
        reason.when(F.coalesce(is_whole, F.lit(False)), None).otherwise("malformed").alias("reason"),
    )


def of_documents(rows: DataFrame, params: Params) -> DataFrame:
    """Rows of `scores`: of a document in chunks the mean of those that were judged, as soon as none is
    pending."""
    from pyspark.sql import functions as F

    whole = ["doc_id", "batch_id", "recipe", "recipe_version"]
    rows = rows.where(F.col("recipe").isin(*OF_DOCUMENTS) & F.col("sample_id").isNull())
    known = rows.join(rows.where("reason = 'pending'").select(*whole).distinct(), whole, how="left_anti")
    asked = known.groupBy(*whole).agg(F.count("*").alias("chunks"))
    each = known.where("reason IS NULL").select(
        *whole, "model", "why", F.explode("numbers").alias("dimension", "said")
    )
    judged = each.groupBy(*whole, "model", "dimension").agg(
        F.avg(F.col("said").cast("double")).alias("raw"),
        F.min("why").alias("reason"),
        F.count("*").alias("judged"),
    )
    scorer = F.when(F.col("dimension") == "score", F.col("recipe")).otherwise(
        F.concat_ws("_", "recipe", "dimension")
    )
    return judged.join(asked, whole, how="inner").select(
        F.lit(JOB.name).alias("job"),
        "doc_id",
        "batch_id",
        scorer.alias("scorer"),
        F.concat_ws(" ", "model", "recipe_version").alias("version"),
        "raw",
        (F.col("raw") / params.highest).alias("score"),
        F.to_json(F.struct("reason", "judged", "chunks")).alias("detail"),
    )


def of_samples(rows: DataFrame, params: Params) -> DataFrame:
    """Rows of `sample_scores`."""
    from pyspark.sql import functions as F

    each = rows.where("reason IS NULL AND sample_id IS NOT NULL").select(
        "*", F.explode("numbers").alias("dimension", "said")
    )
    value = F.col("said").cast("double")
    return each.select(
        "sample_id",
        F.col("model").alias("evaluator"),
        "recipe",
        "recipe_version",
        "dimension",
        value.alias("raw"),
        F.when(F.col("dimension") == RATE, value).otherwise(value / params.highest).alias("score"),
        F.col("why").alias("reason"),
    )


def merge(tables: JobContext[State], params: Params) -> dict[str, Insert]:
    """`scores` and `sample_scores` that are not there yet."""
    rows = tables.state.results = tables.stage("results", results(tables, params))
    return {
        "scores": Insert(of_documents(rows, params), ("job", "doc_id", "batch_id", "scorer", "version")),
        "sample_scores": Insert(
            of_samples(rows, params), ("sample_id", "evaluator", "recipe_version", "dimension")
        ),
    }


def count(tables: JobContext[State], params: Params) -> Counts:
    """Requests to evaluators; left out: failed, by reason (malformed: no number of the scale came), and
    pending."""
    return count_reasons(tables.state.results.select("reason"))


JOB = Job(
    "merge_scores",
    Params,
    reads=("synth_requests", "synth_answers"),
    writes=(Writes("scores", "append"), Writes("sample_scores", "append")),
    steps=(merge,),
    scope="lake",
    count=count,
    state=State,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
