"""Count the sensitive words of the documents that earlier filters kept, by lists of the recipe; each document
once by each version of a list.

reads   docs, verdicts
writes  scores
run     spark-submit jobs/score_words.py --recipe conf/jobs/score_words.yaml --lake lakes/demo

This job only counts; filter_scores compares the ratio with the recipe's threshold.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from gristmill.jobs.core.params import Filtered
from gristmill.jobs.curation.invalidation import drop_replaced
from gristmill.jobs.curation.word_lists import ListFile, load_list
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_kept
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.columns import word_score

if TYPE_CHECKING:
    pass


class Params(Filtered):
    """See conf/jobs/score_words.yaml."""

    lists: list[ListFile] = Field(min_length=1)

    @model_validator(mode="before")
    @classmethod
    def _load(cls, given: object) -> object:
        """`lists` names files; their content becomes part of the recipe and of its hash."""
        if isinstance(given, dict) and isinstance(given.get("lists"), list):
            lists = [load_list(each) if isinstance(each, str) else each for each in given["lists"]]
            given = {**given, "lists": lists}
        return given

    def modules(self) -> set[str]:
        """See gristmill.jobs.core.packages."""
        return {"ahocorasick"}


def score(tables: JobContext, params: Params) -> Outputs:
    """New rows of `scores` for the batches of this run, a row for each document and list."""
    from pyspark.sql import functions as F

    keys, frames = ["doc_id", "batch_id"], []
    kept = tables.stage("kept", tables.documents.kept(params.skip_rejected_by))
    for words in (each.words() for each in params.lists):
        todo = tables.documents.not_done_yet(kept, "scores", version=words.version)
        # Each list by itself, as a new version of one list must not score by the other lists again.
        scored = tables.documents.texts(todo, "text").select(*keys, word_score(words)("text").alias("count"))
        scorer = F.lit(words.name).alias("scorer"), F.lit(words.version).alias("version")
        frames.append(scored.select(*keys, *scorer, "count.raw", "count.score", "count.detail"))
    rows = functools.reduce(lambda one, other: one.unionByName(other), frames)
    return {
        "scores": rows.select(
            F.lit(tables.job.name).alias("job"), *keys, "scorer", "version", "raw", "score", "detail"
        )
    }


JOB = Job(
    "score_words",
    Params,
    reads=("docs", "verdicts"),
    writes=(Writes("scores", "append"),),
    steps=(drop_replaced, score),
    count=count_kept,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
