"""Queue samples for an evaluator: to be judged against their source, or solved again to measure difficulty.

reads   samples; sample_verdicts where it exists
writes  synth_requests (and creates synth_answers and leases, empty)
run     spark-submit jobs/queue_samples.py --recipe conf/jobs/queue_samples.yaml --lake lakes/demo

rows in   samples         s1  question "How many wheels?"  answer "12"              (prompt: solve)
rows out  synth_requests  s1  recipe solve  text {"question": "How many wheels?", "answer": "12"}

The prompt file decides which: `judge_sample`, or `solve` (the share of right tries is the difficulty). Only
an answer that ends in a number can be checked when it is solved; for a chain without an answer its last line
is taken. A queued sample is never removed, and never queued twice with the same prompt.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import PositiveInt, model_validator

from gristmill.jobs.dedup.ranking import by_seed
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_reasons
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.jobs.synthesis.requests import (
    Prompted,
    beyond_limit,
    first_reason,
    request_rows,
)

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

EVALUATOR_RECIPES = ("judge_sample", "solve")
# A digit, then at most 20 characters that are no digit: a unit, a full stop, brackets of a formula.
NUMBER_AT_END = r"(?s).*\d[^\d]{0,20}$"


class Params(Prompted):
    """See conf/jobs/queue_samples.yaml."""

    recipes: list[str]  # whose samples
    max_samples: PositiveInt | None  # by a seeded hash; null: all
    seed: int

    @model_validator(mode="after")
    def _evaluates(self) -> Params:
        if self.recipe not in EVALUATOR_RECIPES:
            raise ValueError(
                f"prompt: {self.prompt} is of the recipe {self.recipe}; samples go to "
                f"{' or '.join(EVALUATOR_RECIPES)}"
            )
        return self


@dataclass
class State:
    """What `queue` hands to `count`."""

    samples: DataFrame = field(init=False)  # with `reason`; null: queued


def reference_answer() -> Column:
    """The answer of a sample; where it is null, the last line of its chain."""
    from pyspark.sql import functions as F

    return F.coalesce("answer", F.element_at(F.split(F.trim("cot"), r"\R"), -1))


def text_for(recipe: str) -> Column:
    """The text of a request: JSON of question and answer for `solve`, else source, question and reasoning."""
    from pyspark.sql import functions as F

    if recipe == "solve":
        return F.to_json(F.struct("question", reference_answer().alias("answer")))
    # concat_ws skips a null answer; concat would make the whole text null.
    reasoning = F.concat_ws("\n\n", "cot", "answer")
    return F.concat(
        F.lit("[source]\n"),
        "source_text",
        F.lit("\n\n[question]\n"),
        "question",
        F.lit("\n\n[reasoning]\n"),
        reasoning,
    )


def queue(tables: JobContext[State], params: Params) -> Outputs:
    """Requests for the chosen samples, as far as they are not in the queue yet."""
    from pyspark.sql import functions as F

    # distinct: a sample with two verdicts would be queued twice.
    rejected = tables["sample_verdicts"].select("sample_id").distinct().withColumn("is_rejected", F.lit(True))
    samples = tables["samples"].join(rejected, ["sample_id"], how="left")
    # In this order: a sample that fails several conditions is counted under the first.
    fails = [
        (~F.col("recipe").isin(params.recipes), "other_recipe"),
        (F.col("is_rejected").isNotNull(), "left_out"),
    ]
    if params.recipe == "solve":
        fails.append(
            (F.coalesce(~reference_answer().rlike(NUMBER_AT_END), F.lit(True)), "no_answer_to_check")
        )
    # Reasons first, then the limit: max_samples counts samples that can be queued.
    reasons = samples.select(
        "*", first_reason(fails).alias("reason"), by_seed(params.seed, "sample_id").alias("rank")
    )
    if params.max_samples is not None:
        reasons = beyond_limit(reasons, params.max_samples, [], ["rank", "sample_id"])
    reasons = tables.state.samples = tables.stage("judged", reasons)
    # Sample, recipe and prompt version: the same sample with a changed prompt is a new request.
    identity = F.substring(
        F.sha2(F.concat_ws("|", "sample_id", F.lit(params.recipe), F.lit(params.recipe_version)), 256), 1, 32
    )
    text = text_for(params.recipe)
    requests = reasons.where("reason IS NULL").select(
        identity.alias("request_id"),
        "doc_id",
        "batch_id",
        "sample_id",
        "chunk",
        F.lit(0).alias("start"),
        F.length(text).alias("end"),
        "lang",
        "domain",
        text.alias("text"),
    )
    return request_rows(tables, params, requests)


def count(tables: JobContext[State], params: Params) -> Counts:
    """In: samples; kept: queued, now or before; left out: by first reason."""
    return count_reasons(tables.state.samples)


JOB = Job(
    "queue_samples",
    Params,
    reads=("samples",),
    looks_at=("sample_verdicts",),
    # Append only: the worker may be answering requests of the queue while this job runs.
    writes=(
        Writes("synth_requests", "append"),
        Writes("synth_answers", "append"),
        Writes("leases", "append"),
    ),
    steps=(queue,),
    # max_samples is of the whole lake.
    scope="lake",
    count=count,
    state=State,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
