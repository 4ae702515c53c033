"""How a run's rows are counted for the funnel: one small aggregation over narrow tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from jobs.core.inputs import is_spark
from jobs.core.job import Counts, Tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def count_verdicts(tables: Tables, params: Any) -> Counts:
    """A judge: in = documents that the judges it heeds kept; left out = those with a verdict of this job, by reason."""
    from pyspark.sql import functions as F

    if tables.judged is not None:  # counted when the verdicts were staged, which are what was committed
        return tables.judged
    mine = tables.own("verdicts").where((F.col("job") == tables.job.name) & F.col("batch_id").isin(list(tables.batches)))
    return counted(tables.kept(getattr(params, "heeds", ())), mine)


def count_kept(tables: Tables, params: Any) -> Counts:
    """A job that measures, or finds edits: every document that the judges it heeds kept; none is left out."""
    keys = tables.kept_keys(params.heeds)
    n = keys.count() if is_spark(keys) else len(keys)
    return Counts(n, n, {})


def by_one_reason(found: Mapping[str | None, int]) -> Counts:
    """Of rows that have one reason each (None: kept): the commonest reason first; a reason without a row is not told."""
    kept = found.get(None, 0)
    reasons = {reason: n for reason, n in found.items() if reason is not None and n}
    return Counts(kept + sum(reasons.values()), kept, dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))))


def count_reasons(rows: DataFrame) -> Counts:
    """Rows whose column `reason` says why each is left out (null: kept)."""
    from pyspark.sql import functions as F

    return by_one_reason({row["reason"]: row["n"] for row in rows.groupBy("reason").agg(F.count("*").alias("n")).collect()})


def counted(looked_at: DataFrame, verdicts: DataFrame) -> Counts:
    """Of the documents `looked_at` (doc_id, batch_id): how many have no row in `verdicts`, and for what reasons the others do."""
    from pyspark.sql import functions as F

    sets = verdicts.groupBy("doc_id", "batch_id").agg(F.array_sort(F.collect_set("reason")).alias("reasons")).groupBy("reasons").agg(F.count("*").alias("n"))
    whole = looked_at.agg(F.lit(None).cast("array<string>").alias("reasons"), F.count("*").alias("n"))
    rows = whole.unionByName(sets).collect()
    rows_in = sum(row["n"] for row in rows if row["reasons"] is None)
    return Counts(rows_in, rows_in - sum(row["n"] for row in rows if row["reasons"] is not None), by_reason(rows))


def by_reason(rows: list[Any]) -> dict[str, int]:
    """Documents by reason, the commonest first, from rows of (reasons, n)."""
    found: Counter[str] = Counter()
    for row in rows:
        for reason in row["reasons"] or ():
            found[reason] += row["n"]
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
