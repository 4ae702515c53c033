"""Score the documents that earlier filters kept with the trained classifiers; each document at most once by
each version.

reads   docs, signals, verdicts, models
writes  scores
run     spark-submit jobs/score_classifier.py --recipe conf/jobs/score_classifier.yaml --lake lakes/demo

A classifier whose inputs are columns of signals reads no text. Documents are not scored again when only
thresholds change.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

from gristmill.jobs.core.params import Filtered
from gristmill.jobs.curation.invalidation import drop_replaced
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_kept
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.jobs.scoring.models import find_models, load_model
from gristmill.udfs.columns import quality
from gristmill.udfs.scoring.classifiers import from_bytes
from gristmill.udfs.scoring.trees import MEASURES

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from gristmill.udfs.scoring.classifiers import Classifier


class Params(Filtered):
    """See conf/jobs/score_classifier.yaml."""

    classifiers: list[str]  # names of train_classifier's models


def rows_by_model(rows: DataFrame, scores: list[tuple[Classifier, Column]]) -> DataFrame:
    """doc_id, batch_id, scorer, version, raw, score: a row for each of `rows` and each model.

    `scores`: models, each with the column (struct of raw and score) that it computes over `rows`.
    """
    from pyspark.sql import functions as F

    keys, each = ["doc_id", "batch_id"], []
    # All models in one pass over the texts, then one row
    # each: a union would read the texts once a model.
    by_column = rows.select(*keys, *[column.alias(f"by_{i}") for i, (_, column) in enumerate(scores)])
    for i, (model, _) in enumerate(scores):
        scorer = F.lit(model.name).alias("scorer"), F.lit(model.version).alias("version")
        # Named, since Spark Connect does not name a field of a struct after its column.
        values = [F.col(f"by_{i}.{name}").alias(name) for name in ("raw", "score")]
        each.append(F.struct(*scorer, *values))
    return by_column.select(*keys, F.explode(F.array(*each)).alias("row")).select(*keys, "row.*")


def score(tables: JobContext, params: Params) -> Outputs:
    """New rows of `scores` for the batches of this run."""
    from pyspark.sql import functions as F

    models = [
        load_model(tables.lake, row, from_bytes)
        for row in find_models(tables, params.classifiers, "train_classifier")
    ]
    keys, versions = ["doc_id", "batch_id"], [model.version for model in models]

    # A document is done when all models have scored it:
    # after another model was added, all are read again.
    def by_all(done: DataFrame) -> DataFrame:
        n = done.groupBy(*keys).agg(F.count("*").alias("n"))
        return n.where(F.col("n") == len(models))

    kept, documents = tables.documents.kept(params.skip_rejected_by), tables.documents
    todo = documents.not_done_yet(kept, "scores", by_all, version=versions)
    by_text, by_measures = [m for m in models if m.wants_text], [m for m in models if not m.wants_text]
    frames = []
    if by_text:
        carry = ("lang",) if any(model.wants_lang for model in by_text) else ()
        texts_of = (
            todo.join(tables.slice("signals").select(*keys, "lang"), keys, how="left") if carry else todo
        )
        scores = [
            (model, quality(model)("text", *(["lang"] if model.wants_lang else []))) for model in by_text
        ]
        frames.append(rows_by_model(documents.texts(texts_of, "text", carry=carry), scores))
    if by_measures:
        rows = tables.slice("signals").join(todo, keys, how="left_semi").select(*keys, *MEASURES)
        frames.append(
            rows_by_model(rows, [(model, quality(model)(F.struct(*MEASURES))) for model in by_measures])
        )
    rows = functools.reduce(lambda one, other: one.unionByName(other), frames)
    # Documents that some of the models had scored come out
    # with all of them; the rows that exist are dropped.
    fresh = documents.not_done_yet(rows, "scores", on=(*keys, "version"), version=versions)
    own = F.lit(tables.job.name).alias("job")
    return {
        "scores": fresh.select(
            own, *keys, "scorer", "version", "raw", "score", F.lit(None).cast("string").alias("detail")
        )
    }


JOB = Job(
    "score_classifier",
    Params,
    reads=("docs", "signals", "verdicts", "models"),
    writes=(Writes("scores", "append"),),
    steps=(
        drop_replaced,
        score,
    ),
    count=count_kept,
    about=__doc__,
    models_of=("train_classifier",),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
