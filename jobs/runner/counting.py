"""Counts a run's documents for the funnel: one aggregation over narrow tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.params import Filtered, filters_of
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counts import Counts, by_one_reason, by_reason

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def count_verdicts(tables: JobContext, params: Strict) -> Counts:
    """Counts of a filter: in = documents that the filters in its skip_rejected_by kept; left out = those with
    a verdict of this job, by reason."""
    from pyspark.sql import functions as F

    # Counted when the verdicts were staged; the committed rows are the same.
    if tables.verdict_counts is not None:
        return tables.verdict_counts
    verdicts = tables.own("verdicts").where(
        (F.col("job") == tables.job.name) & F.col("batch_id").isin(list(tables.batches))
    )
    return counted(tables.documents.kept(filters_of(params)), verdicts)


def count_kept(tables: JobContext, params: Filtered) -> Counts:
    """Counts of a job that writes edits: in = kept = the documents that its skip_rejected_by kept; none is
    left out."""
    n = tables.documents.kept(params.skip_rejected_by).count()
    return Counts(n, n, 0, {})


def count_output(looked_at: DataFrame, output: DataFrame, reason: str) -> Counts:
    """Counts of a job that writes a row for each document.

    In = `looked_at` (doc_id, batch_id), kept = documents in `output`, left out (under `reason`) = documents
    without a row. An output row of a document that is not in `looked_at` makes in differ from kept + left
    out, which fails the run.

        looked_at a, b, c;  output a, b  ->  Counts(3, 2, 1, {reason: 1})
    """
    from pyspark.sql import functions as F

    keys = ["doc_id", "batch_id"]
    # A union and a sum of bits instead of a full outer
    # join: one shuffle. 1 is only in, 2 only out, 3 both.
    both = looked_at.select(*keys, F.lit(1).alias("i")).unionByName(
        output.select(*keys).distinct().select(*keys, F.lit(2).alias("i"))
    )
    sides = both.groupBy(*keys).agg(F.sum("i").alias("i")).groupBy("i").agg(F.count("*").alias("n"))
    n_by_side = {row["i"]: row["n"] for row in sides.collect()}
    only_in, only_out, in_both = n_by_side.get(1, 0), n_by_side.get(2, 0), n_by_side.get(3, 0)
    return Counts(only_in + in_both, only_out + in_both, only_in, {reason: only_in} if only_in else {})


def count_reasons(rows: DataFrame) -> Counts:
    """Counts of `rows` by their column `reason` (null: kept)."""
    from pyspark.sql import functions as F

    return by_one_reason(
        {row["reason"]: row["n"] for row in rows.groupBy("reason").agg(F.count("*").alias("n")).collect()}
    )


def counted(looked_at: DataFrame, verdicts: DataFrame) -> Counts:
    """Counts of the documents `looked_at` (doc_id, batch_id) by their rows in `verdicts`.

    A document with several verdicts is left out once and counted under each of its reasons.
    """
    from pyspark.sql import functions as F

    keys = ["doc_id", "batch_id"]
    inputs = looked_at.select(*keys, F.lit(1).alias("n_in"), F.lit(None).cast("string").alias("reason"))
    judged = verdicts.select(*keys, F.lit(0).alias("n_in"), "reason")
    documents = (
        inputs.unionByName(judged)
        .groupBy(*keys)
        .agg(F.sum("n_in").alias("n_in"), F.array_sort(F.collect_set("reason")).alias("reasons"))
    )
    rows = documents.groupBy("reasons").agg(F.count("*").alias("n"), F.sum("n_in").alias("n_in")).collect()
    # n_in is summed apart from n: a verdict about a document that is
    # not an input raises n only, and the run fails in check_counts.
    rows_in = sum(row["n_in"] for row in rows)
    left_out = sum(row["n"] for row in rows if row["reasons"])
    return Counts(rows_in, sum(row["n_in"] for row in rows if not row["reasons"]), left_out, by_reason(rows))


def batches_that_differ(standing: DataFrame, rows: DataFrame) -> list[str]:
    """The batches whose rows differ between two frames, as multisets.

    Compares the count, the sum and the exclusive or of a 64-bit hash of the rows: one pass, and one row for
    each batch and side on the driver.
    """
    from pyspark.sql import functions as F

    def marked(frame: DataFrame, side: int) -> DataFrame:
        # Sorted columns: the hash depends on their order,
        # and the two frames may have different ones.
        hashed = F.xxhash64(*sorted(frame.columns))
        return frame.select("batch_id", F.lit(side).alias("side"), hashed.alias("hash"))

    # The sum as a decimal: one of bigints overflows, which is an error under
    # ANSI. The exclusive or alone would miss a row that was added twice.
    both = marked(standing, 0).unionByName(marked(rows, 1)).groupBy("batch_id", "side")
    sums = both.agg(
        F.count("*").alias("n"), F.sum(F.col("hash").cast("decimal(38,0)")).alias("s"), F.bit_xor("hash")
    )
    totals_by_batch: dict[str, list[tuple[object, ...]]] = {}
    for batch, _, *totals in sums.collect():
        totals_by_batch.setdefault(batch, []).append(tuple(totals))
    return sorted(batch for batch, sides in totals_by_batch.items() if len(sides) < 2 or sides[0] != sides[1])
