"""Send samples to an evaluator: to be judged beside their source, or solved again, so that the share of right
tries is their difficulty.

reads   samples; sample_verdicts where they are there
writes  synth_requests (and creates synth_answers and leases, empty)
run     spark-submit jobs/queue_samples.py --recipe conf/jobs/queue_samples.yaml --lake lakes/demo

The prompt file says which: `judge_sample` or `solve`. Only a sample whose answer ends in a number can be
checked when it is solved; a chain without an answer of its own is taken by its last line. A sample that is
queued with a prompt stays queued, and is never queued twice.
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

EVALUATES = ("judge_sample", "solve")
NUMBER_AT_END = r"(?s).*\d[^\d]{0,20}$"


class Params(Prompted):
    """See conf/jobs/queue_samples.yaml."""

    recipes: list[str]  # whose samples
    max_samples: PositiveInt | None  # by a seeded hash; null: all
    seed: int

    @model_validator(mode="after")
    def _evaluates(self) -> Params:
        if self.recipe not in EVALUATES:
            raise ValueError(
                f"prompt: {self.prompt} is of the recipe {self.recipe}; samples go to "
                f"{' or '.join(EVALUATES)}"
            )
        return self


@dataclass
class State:
    """What `queue` leaves for the count."""

    samples: DataFrame = field(init=False)  # with `reason`; null: queued


def known_answer() -> Column:
    """The answer, else the last line of the chain."""
    from pyspark.sql import functions as F

    return F.coalesce("answer", F.element_at(F.split(F.trim("cot"), r"\R"), -1))


def text_for(recipe: str) -> Column:
    """What the evaluator is given of a sample."""
    from pyspark.sql import functions as F

    if recipe == "solve":
        return F.to_json(F.struct("question", known_answer().alias("answer")))
    said = F.concat_ws("\n\n", "cot", "answer")
    return F.concat(
        F.lit("[source]\n"),
        "source_text",
        F.lit("\n\n[question]\n"),
        "question",
        F.lit("\n\n[reasoning]\n"),
        said,
    )


def queue(tables: JobContext[State], params: Params) -> Outputs:
    """The requests that are not in the queue yet."""
    from pyspark.sql import functions as F

    gone = tables["sample_verdicts"].select("sample_id").distinct().withColumn("is_gone", F.lit(True))
    samples = tables["samples"].join(gone, ["sample_id"], how="left")
    fails = [
        (~F.col("recipe").isin(params.recipes), "other_recipe"),
        (F.col("is_gone").isNotNull(), "left_out"),
    ]
    if params.recipe == "solve":
        fails.append((F.coalesce(~known_answer().rlike(NUMBER_AT_END), F.lit(True)), "no_answer_to_check"))
    judged = samples.select(
        "*", first_reason(fails).alias("reason"), by_seed(params.seed, "sample_id").alias("rank")
    )
    if params.max_samples is not None:
        judged = beyond_limit(judged, params.max_samples, [], ["rank", "sample_id"])
    judged = tables.state.samples = tables.stage("judged", judged)
    identity = F.substring(
        F.sha2(F.concat_ws("|", "sample_id", F.lit(params.recipe), F.lit(params.recipe_version)), 256), 1, 32
    )
    text = text_for(params.recipe)
    asked = judged.where("reason IS NULL").select(
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
    return request_rows(tables, params, asked)


def count(tables: JobContext[State], params: Params) -> Counts:
    """Samples; kept: queued (now or before); left out: by the first reason."""
    return count_reasons(tables.state.samples)


JOB = Job(
    "queue_samples",
    Params,
    reads=("samples",),
    looks_at=("sample_verdicts",),
    writes=(
        Writes("synth_requests", "append"),
        Writes("synth_answers", "append"),
        Writes("leases", "append"),
    ),
    steps=(queue,),
    scope="lake",
    count=count,
    state=State,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
