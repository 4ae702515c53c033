"""Exact ranks of samples without sorting all: distinct values are counted, summed up and joined again.

A window over all samples of a language would be one task over the whole lake. Distinct values are few:
lengths, keyword counts per length, and pass rates of a handful of attempts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypeAlias

from gristmill.jobs.runner.documents import BROADCAST

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from gristmill.jobs.runner.context import JobContext

# features by which samples are ranked (LIMO, arXiv 2502.03387)
Feature: TypeAlias = Literal["cot_units", "n_verification", "n_exploration", "n_connectives"]
# Values are rounded to nine decimals, so that the last bits of a sum of floats decide no tie.
DIGITS = 1e9


def value_counts(rows: DataFrame, by: list[str], measure: str) -> DataFrame:
    """by, measure, n_same, n_below, n_all: rows of a group with a value, with less, and in all.

    rows: lang  cot_units      result: lang  cot_units  n_same  n_below  n_all
          en    10                     en    10         2       0        3
          en    10                     en    40         1       2        3
          en    40
    """
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    # The windows below run over distinct values, not over rows.
    counts = rows.groupBy(*by, measure).agg(F.count("*").alias("n_same"))
    group = Window.partitionBy(*by)
    before = group.orderBy(measure).rowsBetween(Window.unboundedPreceding, -1)
    below = F.coalesce(F.sum("n_same").over(before), F.lit(0))
    return counts.select(
        *by, measure, "n_same", below.alias("n_below"), F.sum("n_same").over(group).alias("n_all")
    )


def rank_ratio() -> Column:
    """Rank of a row of `value_counts` over the size of its group, to 1; equal values get their mean rank."""
    from pyspark.sql import functions as F

    return (F.col("n_below") + (F.col("n_same") + 1) / 2) / F.col("n_all")


def with_value(tables: JobContext, rows: DataFrame, style: Mapping[Feature, float]) -> DataFrame:
    """`rows` with `value`, 0 to 1: the weighted mean of a sample's ranks within its language.

    `rows`: lang (not null), cot_units and the features. `style`: the features (LIMO's, arXiv 2502.03387) with
    their weights; keyword counts are divided by the chain's length, so that long chains are not preferred.
    """
    from pyspark.sql import functions as F

    length, value = F.greatest("cot_units", F.lit(1)), F.lit(0.0)
    measures = {name: F.col(name) if name == "cot_units" else F.col(name) / length for name in style}
    rows = rows.withColumns({_measure_of(name): measure.cast("double") for name, measure in measures.items()})
    ranks = tables.stage("ranks", _ranks(rows, list(style)))
    # One count for all features: each of them is at most as large, and so fits too.
    is_small = ranks.count() <= BROADCAST
    for name, weight in style.items():
        of_feature = ranks.where(F.col("feature") == name)
        of_feature = of_feature.select(
            "lang", F.col("measure").alias(_measure_of(name)), F.col("rank").alias(f"rank_{name}")
        )
        rows = rows.join(
            F.broadcast(of_feature) if is_small else of_feature, ["lang", _measure_of(name)], how="inner"
        )
        value = value + F.lit(float(weight)) * F.col(f"rank_{name}")
    value = value / F.lit(float(sum(style.values())))
    return rows.withColumn("value", F.rint(value * F.lit(DIGITS)) / F.lit(DIGITS))


def _measure_of(feature: str) -> str:
    return f"of_{feature}"


def _ranks(rows: DataFrame, features: list[str]) -> DataFrame:
    """feature, lang, measure, rank: one row for each distinct value of a feature in a language."""
    from pyspark.sql import functions as F

    each = [
        F.struct(F.lit(name).alias("feature"), F.col(_measure_of(name)).alias("measure")) for name in features
    ]
    # All features in one pass: a query each would read the samples once a feature.
    measures = rows.select("lang", F.explode(F.array(*each)).alias("each")).select(
        "lang", "each.feature", "each.measure"
    )
    return value_counts(measures, ["feature", "lang"], "measure").select(
        "feature", "lang", "measure", rank_ratio().alias("rank")
    )
