"""How a run's rows are counted for the funnel: small aggregations over narrow tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.core.job import Counts, Tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def count_verdicts(tables: Tables, params: Any) -> Counts:
    """A judge: in = documents that the judges it heeds kept; left out = those with a verdict of this job, by reason."""
    from pyspark.sql import functions as F

    mine = tables.own("verdicts").where((F.col("job") == tables.job.name) & F.col("batch_id").isin(list(tables.batches)))
    reasons = reasons_of(mine)
    left_out = mine.select("doc_id", "batch_id").distinct().count() if reasons else 0
    rows_in = tables.kept(getattr(params, "heeds", ())).count()
    return Counts(rows_in, rows_in - left_out, reasons)


def reasons_of(rows: DataFrame) -> dict[str, int]:
    """Documents by reason."""
    from pyspark.sql import functions as F

    counted = rows.groupBy("reason").agg(F.countDistinct("doc_id", "batch_id").alias("n")).collect()
    return {row["reason"]: row["n"] for row in sorted(counted, key=lambda row: (-row["n"], row["reason"]))}
