"""Merge the evaluators' answers: scores of documents and of samples, one row for each evaluator.

reads   synth_requests, synth_answers
writes  scores (documents: judge, judge_additive, judge_aspects), sample_scores (samples: judge_sample, solve)
run     spark-submit jobs/merge_scores.py --recipe conf/jobs/merge_scores.yaml --lake lakes/demo

rows in   synth_answers  r1 (recipe judge, document a)  parsed {"score": "4", "reason": "clear"}  (highest 5)
rows out  scores         a  scorer judge  raw 4  score 0.8  detail {"reason": "clear", "judged": 1, ...}

A judgement that failed, or that gave a number beyond the scale, gives no row: the document or sample remains
unscored, and the run counts the request by its reason. A prompt with one `score` is a scorer by its recipe's
name; each number of a prompt with several is a scorer such as judge_aspects_safety.
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
RATE = "pass_rate"  # the only result that is 0 to 1 already


class Params(Strict):
    """See conf/jobs/merge_scores.yaml."""

    highest: PositiveFloat  # of the scale of the judge prompts, from 0


@dataclass
class State:
    """What `merge` hands to `count`."""

    results: DataFrame = field(init=False)  # the rows of `results`


def results(tables: JobContext, params: Params) -> DataFrame:
    """The evaluators' requests with their answers: `numbers` (dimension -> number as text), `why` (the stated
    reason) and `reason` (null: a score; else pending, malformed or the error)."""
    from pyspark.sql import functions as F

    requests = tables["synth_requests"].where(F.col("recipe").isin(*OF_DOCUMENTS, *OF_SAMPLES))
    requests = requests.select("request_id", "recipe", "recipe_version", "doc_id", "batch_id", "sample_id")
    closed = tables["synth_answers"].where("step = 'result'").select("request_id", "parsed", "error", "model")
    # As strings: a map has one type of values, and a
    # prompt may ask for numbers and a reason together.
    rows = requests.join(closed, ["request_id"], how="left").withColumn(
        "answer", F.from_json("parsed", "map<string,string>")
    )
    # Of `solve` only the rate is a score.
    is_score = f"(recipe <> 'solve' OR name = '{RATE}') AND name <> 'reason'"
    rows = rows.withColumn("numbers", F.expr(f"map_filter(answer, (name, number) -> {is_score})"))
    highest = f"IF(recipe = 'solve', 1.0, {params.highest})"
    # All or none: one number beyond the scale makes the whole answer malformed.
    is_whole = F.expr(
        "size(numbers) > 0 AND forall(map_values(numbers), number -> try_cast(number AS double) BETWEEN "
        f"0.0 AND {highest})"
    )
    reason = F.when(F.col("error").isNotNull(), F.element_at(F.split("error", ":"), 1)).when(
        F.col("parsed").isNull(), "pending"
    )
    return rows.select(
        "*",
        F.col("answer")["reason"].alias("why"),
        reason.when(F.coalesce(is_whole, F.lit(False)), None).otherwise("malformed").alias("reason"),
    )


def of_documents(rows: DataFrame, params: Params) -> DataFrame:
    """Rows of `scores`: raw is the mean over the judged chunks of a document, written once no chunk is
    pending; score is raw / highest, 0 to 1."""
    from pyspark.sql import functions as F

    whole = ["doc_id", "batch_id", "recipe", "recipe_version"]
    # judge of a sample carries the doc_id of its source, which must not be scored by it.
    rows = rows.where(F.col("recipe").isin(*OF_DOCUMENTS) & F.col("sample_id").isNull())
    # Scores are written once and never changed, so a document waits for the last of its chunks.
    complete = rows.join(rows.where("reason = 'pending'").select(*whole).distinct(), whole, how="left_anti")
    n_chunks = complete.groupBy(*whole).agg(F.count("*").alias("chunks"))
    each = complete.where("reason IS NULL").select(
        *whole, "model", "why", F.explode("numbers").alias("dimension", "number")
    )
    means = each.groupBy(*whole, "model", "dimension").agg(
        F.avg(F.col("number").cast("double")).alias("raw"),
        # min: one reason of several chunks, the same one on every run
        F.min("why").alias("reason"),
        F.count("*").alias("judged"),
    )
    # A prompt with several numbers gives several scorers,
    # so that filter_scores can limit each of them.
    scorer = F.when(F.col("dimension") == "score", F.col("recipe")).otherwise(
        F.concat_ws("_", "recipe", "dimension")
    )
    return means.join(n_chunks, whole, how="inner").select(
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
    """Rows of `sample_scores`: score is 0 to 1, raw as the evaluator gave it."""
    from pyspark.sql import functions as F

    each = rows.where("reason IS NULL AND sample_id IS NOT NULL").select(
        "*", F.explode("numbers").alias("dimension", "number")
    )
    value = F.col("number").cast("double")
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
    """`scores` and `sample_scores` that were not merged before."""
    # Staged once for both tables and the count.
    rows = tables.state.results = tables.stage("results", results(tables, params))
    return {
        "scores": Insert(of_documents(rows, params), ("job", "doc_id", "batch_id", "scorer", "version")),
        "sample_scores": Insert(
            of_samples(rows, params), ("sample_id", "evaluator", "recipe_version", "dimension")
        ),
    }


def count(tables: JobContext[State], params: Params) -> Counts:
    """In: requests to evaluators; kept: those with a score; left out: failed, by reason (malformed: no number
    within the scale), and pending."""
    return count_reasons(tables.state.results.select("reason"))


JOB = Job(
    "merge_scores",
    Params,
    reads=("synth_requests", "synth_answers"),
    writes=(Writes("scores", "append"), Writes("sample_scores", "append")),
    steps=(merge,),
    # The answers are of requests, not of batches.
    scope="lake",
    count=count,
    state=State,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
