"""Reject documents that contain benchmark items (questions, answers, passages), verbatim or edited.

reads   docs, verdicts
writes  contamination, benchmark_items, verdicts
run     spark-submit jobs/decontaminate.py --recipe conf/jobs/decontaminate.yaml --lake lakes/demo

rows in   docs           a  "... text with question q1 of gsm8k, a word changed ..."
rows out  contamination  a  gsm8k  q1  question  score 0.92  is_copy true  start 120  end 310  (an item a row)
          verdicts       a  contaminated  value 0.92  threshold 0.6  rule gsm8k.max_score  (a benchmark a row)

The driver builds one index of all items, which Spark sends to the executors with the kernel; text is read
once and not shuffled. Items that are too short to search for are reported on standard error and have a row
with the reason in `benchmark_items`.
"""

from __future__ import annotations

import functools
import sys

from gristmill.jobs.core.params import Filtered, LeavesOut
from gristmill.jobs.curation.contamination import MATCH_COLUMNS, Against, as_verdict, best_match, find_batches
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_verdicts
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main


class Params(Against, Filtered, LeavesOut):
    """See conf/jobs/decontaminate.yaml for every number and its source."""


def decontaminate(tables: JobContext, params: Params) -> Outputs:
    """`contamination` and `verdicts` of this run's batches, and all `benchmark_items`.

    Raises ConfigError when no item can be searched for.
    """
    from pyspark.sql import functions as F

    # One index, sent with the kernel: a join with the items would shuffle the text of the lake.
    index, names = params.index(tables.job.name)
    params.announce(tables.job.name)
    kernel = functools.partial(find_batches, keys=("doc_id", "batch_id"), index=index, names=names)
    texts = tables.documents.to_look_at(params.skip_rejected_by, "text")
    # Staged: both tables are made of the matches, and the texts must not be searched twice.
    matches = tables.stage(
        "found", texts.mapInArrow(kernel, f"doc_id string, batch_id string, {MATCH_COLUMNS}")
    )
    own = F.lit(tables.job.name).alias("job")
    contamination = matches.select(
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
    # One verdict for each benchmark, by its best match: the key of `verdicts` holds rule, not item.
    best = matches.groupBy("doc_id", "batch_id", "benchmark").agg(best_match())
    verdicts = tables.verdicts(best.select("doc_id", "batch_id", *as_verdict()))
    items = params.benchmark_items(tables.job.name)
    return {"contamination": contamination, "benchmark_items": items, "verdicts": verdicts}


def count_by_benchmark(tables: JobContext, params: Params) -> Counts:
    """As every filter; and as `contaminated.NAME` the documents that contain an item of benchmark NAME."""
    from pyspark.sql import functions as F

    counts = count_verdicts(tables, params)
    mine = tables.own("contamination").where(
        (F.col("job") == tables.job.name) & F.col("batch_id").isin(list(tables.batches))
    )
    # Distinct documents: one with many items of a benchmark counts once.
    rows = mine.groupBy("benchmark").agg(F.countDistinct("doc_id", "batch_id").alias("n")).collect()
    by_benchmark = {
        f"contaminated.{row['benchmark']}": row["n"]
        for row in sorted(rows, key=lambda row: (-row["n"], row["benchmark"]))
    }
    return Counts(counts.rows_in, counts.rows_kept, counts.rows_left_out, {**counts.reasons, **by_benchmark})


JOB = Job(
    "decontaminate",
    Params,
    reads=("docs", "verdicts"),
    writes=(Writes("contamination", "batch"), Writes("benchmark_items", "job"), Writes("verdicts", "batch")),
    steps=(decontaminate,),
    count=count_by_benchmark,
    about=__doc__,
    # What it finds depends on the document alone: only those whose verdicts changed are read again.
    by_document=True,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
