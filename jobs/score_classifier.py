"""Score the documents that earlier judges kept with the trained classifiers; each document at most once by each version.

reads   docs, signals, verdicts, models
writes  scores
run     spark-submit jobs/score_classifier.py --recipe conf/score_classifier.yaml --lake lakes/demo

A scorer that reads measures only does not touch the text. What is already scored is not scored again, whatever the limits do.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from jobs.core.config import Strict
from jobs.core.counts import count_kept
from jobs.core.job import Job, Tables, Writes, main
from jobs.core.models import find_models, load_model
from jobs.core.once import forget_replaced
from udfs.classifiers import MEASURES, Classifier, from_bytes, logits, probability

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

SCORED = "doc_id string, batch_id string, scorer string, version string, raw double, score double"


class Params(Strict):
    """See conf/score_classifier.yaml."""

    heeds: list[str]  # judges whose left-out documents are not scored
    classifiers: list[str]  # names of train_classifier's models


def score_batches(batches: Iterator[pa.RecordBatch], models: list[Classifier]) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id and text, and lang where a model wants it (or MEASURES) -> SCORED, a row for each document and model."""
    import numpy as np
    import pyarrow as pa

    for batch in batches:
        for model in models:
            raw = np.round(logits(model, batch), 6)  # the last bits of a double are not the same on every machine
            names, versions = pa.array([model.name] * len(raw), pa.string()), pa.array([model.version] * len(raw), pa.string())
            columns = [batch["doc_id"], batch["batch_id"], names, versions, pa.array(raw), pa.array(probability(raw))]
            yield pa.record_batch(columns, names=[part.split()[0] for part in SCORED.split(", ")])


def score(tables: Tables, params: Params) -> dict[str, DataFrame]:
    """New rows of `scores` for the batches at hand."""
    from pyspark.sql import functions as F

    models = [from_bytes(load_model(tables, row)) for row in find_models(tables, params.classifiers, "train_classifier")]
    keys, versions = ["doc_id", "batch_id"], [model.version for model in models]
    done = tables.own("scores").where(F.col("batch_id").isin(list(tables.batches)) & F.col("version").isin(versions)).select(*keys, "version")
    full = done.groupBy(*keys).agg(F.count("*").alias("n")).where(F.col("n") == len(models)).select(*keys)
    is_first = not tables.owns("scores")
    todo = tables.kept(params.heeds) if is_first else tables.kept(params.heeds).join(full, keys, how="left_anti")
    frames = []
    if any(model.wants_text for model in models):
        kernel = functools.partial(score_batches, models=[model for model in models if model.wants_text])
        carry = ("lang",) if any(model.wants_lang for model in models) else ()
        asked = todo.join(tables.slice("signals").select(*keys, "lang"), keys, how="left") if carry else todo
        frames.append(tables.mapped(kernel, SCORED, *keys, "text", keys=asked, carry=carry))
    if not all(model.wants_text for model in models):
        kernel = functools.partial(score_batches, models=[model for model in models if not model.wants_text])
        frames.append(tables.slice("signals").join(todo, keys, how="left_semi").select(*keys, *MEASURES).mapInArrow(kernel, SCORED))
    rows = functools.reduce(lambda one, other: one.unionByName(other), frames)
    fresh = rows if is_first else rows.join(done, [*keys, "version"], how="left_anti")
    own = F.lit(tables.job.name).alias("job")
    return {"scores": fresh.select(own, *keys, "scorer", "version", "raw", "score", F.lit(None).cast("string").alias("detail"))}


JOB = Job(
    "score_classifier", Params, reads=("docs", "signals", "verdicts", "models"), writes=(Writes("scores", "append"),), steps=(forget_replaced, score,), count=count_kept,
    about=__doc__,
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(JOB))
