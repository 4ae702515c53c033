"""Exact ranks of samples without a sort of all: distinct values are counted, summed up and looked up again.

A window over all samples of a language would be one task of the lake's size. Distinct values are few: of
lengths and of keyword counts by length, and the pass rates of a handful of tries.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from gristmill.jobs.runner.documents import BROADCAST

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from gristmill.jobs.runner.context import JobContext

# by which samples are ranked (LIMO, arXiv 2502.03387)
Feature: TypeAlias = Literal["cot_units", "n_verification", "n_exploration", "n_connectives"]
# of a value: nine decimals, so that last bits decide nothing
DIGITS = 1e9


def places(rows: DataFrame, by: list[str], measure: str) -> DataFrame:
    """by, measure, n_same, n_below, n_all: how many rows of a group have each value, have less, are there."""
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    counts = rows.groupBy(*by, measure).agg(F.count("*").alias("n_same"))
    group = Window.partitionBy(*by)
    before = group.orderBy(measure).rowsBetween(Window.unboundedPreceding, -1)
    below = F.coalesce(F.sum("n_same").over(before), F.lit(0))
    return counts.select(
        *by, measure, "n_same", below.alias("n_below"), F.sum("n_same").over(group).alias("n_all")
    )


def percent() -> Column:
    """The rank of a value of `places` as a share of its group, 0 to 1; of equal values the mean."""
    from pyspark.sql import functions as F

    return (F.col("n_below") + (F.col("n_same") + 1) / 2) / F.col("n_all")


def with_value(tables: JobContext, rows: DataFrame, style: Mapping[Feature, float]) -> DataFrame:
    """`rows` (cot_units, features, lang without nulls) with `value`: weighted ranks, 0 to 1 in a language.

    The features (LIMO's, arXiv 2502.03387) are those of `style` with their weights; keyword counts go by the
    chain's length.
    """
    from pyspark.sql import functions as F

    length, value = F.greatest("cot_units", F.lit(1)), F.lit(0.0)
    measures = {name: F.col(name) if name == "cot_units" else F.col(name) / length for name in style}
    rows = rows.withColumns({_of(name): measure.cast("double") for name, measure in measures.items()})
    ranks = tables.stage("ranks", _ranks(rows, list(style)))
    near = ranks.count() <= BROADCAST  # of all features together
    for name, weight in style.items():
        mine = ranks.where(F.col("feature") == name)
        mine = mine.select("lang", F.col("measure").alias(_of(name)), F.col("rank").alias(f"rank_{name}"))
        rows = rows.join(F.broadcast(mine) if near else mine, ["lang", _of(name)], how="inner")
        value = value + F.lit(float(weight)) * F.col(f"rank_{name}")
    value = value / F.lit(float(sum(style.values())))
    return rows.withColumn("value", F.rint(value * F.lit(DIGITS)) / F.lit(DIGITS))


def _of(feature: str) -> str:
    return f"of_{feature}"


def _ranks(rows: DataFrame, features: list[str]) -> DataFrame:
    """feature, lang, measure, rank: one row a distinct value."""
    from pyspark.sql import functions as F

    each = [F.struct(F.lit(name).alias("feature"), F.col(_of(name)).alias("measure")) for name in features]
    told = rows.select("lang", F.explode(F.array(*each)).alias("told")).select(
        "lang", "told.feature", "told.measure"
    )
    return places(told, ["feature", "lang"], "measure").select(
        "feature", "lang", "measure", percent().alias("rank")
    )
