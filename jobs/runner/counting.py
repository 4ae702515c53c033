"""How a run's rows are counted for the funnel: one small aggregation over narrow tables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.params import Filtered, heeded
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counts import Counts, by_one_reason, by_reason

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def count_verdicts(tables: JobContext, params: Strict) -> Counts:
    """A judge: in = documents that the filters in its skip_rejected_by kept; left out = those with a verdict
    of this job, by reason."""
    from pyspark.sql import functions as F

    # counted when the verdicts were staged, which are what was committed
    if tables.verdict_counts is not None:
        return tables.verdict_counts
    mine = tables.own("verdicts").where(
        (F.col("job") == tables.job.name) & F.col("batch_id").isin(list(tables.batches))
    )
    return counted(tables.documents.kept(heeded(params)), mine)


def count_kept(tables: JobContext, params: Filtered) -> Counts:
    """A job that finds edits: every document that the filters in its skip_rejected_by kept; none is left
    out."""
    n = tables.documents.kept(params.skip_rejected_by).count()
    return Counts(n, n, 0, {})


def count_output(looked_at: DataFrame, output: DataFrame, reason: str) -> Counts:
    """A job that writes a row a document: in = `looked_at` (doc_id, batch_id), kept = documents in `output`;
    left out = those without a row.

    A row of a document that nobody looked at makes the three disagree.
    """
    from pyspark.sql import functions as F

    keys = ["doc_id", "batch_id"]
    both = looked_at.select(*keys, F.lit(1).alias("i")).unionByName(
        output.select(*keys).distinct().select(*keys, F.lit(2).alias("i"))
    )
    sides = both.groupBy(*keys).agg(F.sum("i").alias("i")).groupBy("i").agg(F.count("*").alias("n"))
    found = {row["i"]: row["n"] for row in sides.collect()}
    only_in, only_out, in_both = found.get(1, 0), found.get(2, 0), found.get(3, 0)
    return Counts(only_in + in_both, only_out + in_both, only_in, {reason: only_in} if only_in else {})


def count_reasons(rows: DataFrame) -> Counts:
    """Rows whose column `reason` says why each is left out (null: kept)."""
    from pyspark.sql import functions as F

    return by_one_reason(
        {row["reason"]: row["n"] for row in rows.groupBy("reason").agg(F.count("*").alias("n")).collect()}
    )


def counted(looked_at: DataFrame, verdicts: DataFrame) -> Counts:
    """Of the documents `looked_at` (doc_id, batch_id): how many have no row in `verdicts`, and for what
    reasons the others do."""
    from pyspark.sql import functions as F

    keys = ["doc_id", "batch_id"]
    given = looked_at.select(*keys, F.lit(1).alias("n_in"), F.lit(None).cast("string").alias("reason"))
    judged = verdicts.select(*keys, F.lit(0).alias("n_in"), "reason")
    documents = (
        given.unionByName(judged)
        .groupBy(*keys)
        .agg(F.sum("n_in").alias("n_in"), F.array_sort(F.collect_set("reason")).alias("reasons"))
    )
    rows = documents.groupBy("reasons").agg(F.count("*").alias("n"), F.sum("n_in").alias("n_in")).collect()
    rows_in = sum(row["n_in"] for row in rows)
    left_out = sum(row["n"] for row in rows if row["reasons"])
    return Counts(rows_in, sum(row["n_in"] for row in rows if not row["reasons"]), left_out, by_reason(rows))


def batches_that_differ(standing: DataFrame, rows: DataFrame) -> list[str]:
    """The batches whose rows (whole, in any order, however often each) are not the same in both frames.

    By count, sum and exclusive or of a hash of 64 bits of each row: one narrow pass, a row a batch to the
    driver.
    """
    from pyspark.sql import functions as F

    def marked(frame: DataFrame, side: int) -> DataFrame:
        hashed = F.xxhash64(*sorted(frame.columns))
        return frame.select("batch_id", F.lit(side).alias("side"), hashed.alias("hash"))

    # (A sum of bigints would overflow under ANSI.)
    both = marked(standing, 0).unionByName(marked(rows, 1)).groupBy("batch_id", "side")
    sums = both.agg(
        F.count("*").alias("n"), F.sum(F.col("hash").cast("decimal(38,0)")).alias("s"), F.bit_xor("hash")
    )
    found: dict[str, list[tuple[object, ...]]] = {}
    for batch, _, *told in sums.collect():
        found.setdefault(batch, []).append(tuple(told))
    return sorted(batch for batch, sides in found.items() if len(sides) < 2 or sides[0] != sides[1])
