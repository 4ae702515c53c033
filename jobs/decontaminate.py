"""Leave out documents that hold items of benchmarks (questions, short ones with their answers, passages),
also edited.

reads   docs, verdicts
writes  contamination, benchmark_items, verdicts
run     spark-submit jobs/decontaminate.py --recipe conf/jobs/decontaminate.yaml --lake lakes/demo

The driver makes one index of all questions, which travels to the executors with the kernel (Spark broadcasts
what is that big); text is read once and nothing is shuffled. Every item found is a row of `contamination`; a
document has one verdict for each benchmark, by its best place. What is never looked for is told, and is a row
of `benchmark_items`.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

from gristmill.jobs.core.params import Filtered, LeavesOut
from gristmill.jobs.curation.contamination import MATCH_COLUMNS, Against, as_verdict, best_match, find_batches
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_verdicts
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main

if TYPE_CHECKING:
    pass


class Params(Against, Filtered, LeavesOut):
    """See conf/jobs/decontaminate.yaml for every number and its source."""


def decontaminate(tables: JobContext, params: Params) -> Outputs:
    """`contamination` and `verdicts` of the batches, all `benchmark_items`.

    Raises ConfigError when nothing is looked for.
    """
    from pyspark.sql import functions as F

    index, names = params.index(tables.job.name)
    params.announce(tables.job.name)
    kernel = functools.partial(find_batches, keys=("doc_id", "batch_id"), index=index, names=names)
    texts = tables.documents.to_look_at(params.skip_rejected_by, "text")
    found = tables.stage(
        "found", texts.mapInArrow(kernel, f"doc_id string, batch_id string, {MATCH_COLUMNS}")
    )
    own = F.lit(tables.job.name).alias("job")
    contamination = found.select(
        own,
        "doc_id",
        "batch_id",
        "benchmark",
        "item",
        "part",
        "score",
        "longest_match_words",
        "is_copy",
        "threshold",
        "start",
        "end",
    )
    best = found.groupBy("doc_id", "batch_id", "benchmark").agg(best_match())
    verdicts = best.select(
        own, "doc_id", "batch_id", *as_verdict(), F.lit(tables.recipe_hash).alias("recipe_hash")
    )
    items = params.benchmark_items(tables.job.name)
    return {"contamination": contamination, "benchmark_items": items, "verdicts": verdicts}


def count_by_benchmark(tables: JobContext, params: Params) -> Counts:
    """As every judge, and for each benchmark the documents that hold something of it, as
    `contaminated.NAME`."""
    from pyspark.sql import functions as F

    counts = count_verdicts(tables, params)
    mine = tables.own("contamination").where(
        (F.col("job") == tables.job.name) & F.col("batch_id").isin(list(tables.batches))
    )
    rows = mine.groupBy("benchmark").agg(F.countDistinct("doc_id", "batch_id").alias("n")).collect()
    held = {
        f"contaminated.{row['benchmark']}": row["n"]
        for row in sorted(rows, key=lambda row: (-row["n"], row["benchmark"]))
    }
    return Counts(counts.rows_in, counts.rows_kept, counts.rows_left_out, {**counts.reasons, **held})


JOB = Job(
    "decontaminate",
    Params,
    reads=("docs", "verdicts"),
    writes=(Writes("contamination", "batch"), Writes("benchmark_items", "job"), Writes("verdicts", "batch")),
    steps=(decontaminate,),
    count=count_by_benchmark,
    about=__doc__,
    by_document=True,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
