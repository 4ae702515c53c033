"""At most so many samples of a kind: whose questions open alike; of a language, domain and difficulty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import PositiveInt

from gristmill.jobs.core.config import Strict
from gristmill.jobs.runner.documents import broadcast_while_few
from gristmill.jobs.synthesis.ranks import percent, places

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from gristmill.jobs.runner.context import JobContext

SPREAD = 64  # parts of a group that are sorted apart


class Buckets(Strict):
    """At most so many samples of each language, domain and difficulty; which ones, a seeded hash says."""

    # quantiles, within language and domain, of 1 - pass rate (where it is known), else of the chain's length
    difficulty_bins: PositiveInt
    max_samples: PositiveInt


def same_opening(tables: JobContext, rows: DataFrame, cap: int) -> DataFrame:
    """sample_id of questions that open as `cap` better ones of their language do."""
    from pyspark.sql import functions as F

    from gristmill.udfs.columns import question_opening

    opened = rows.select("sample_id", "lang", "value", question_opening()("question").alias("opening"))
    return beyond(tables, "openings", opened, ["lang", "opening"], [F.desc("value"), "sample_id"], cap)


def beyond_quota(tables: JobContext, rows: DataFrame, spec: Buckets, seed: int) -> DataFrame:
    """sample_id of those beyond their bucket's quota in the order of a seeded
    hash."""
    from pyspark.sql import functions as F

    from gristmill.udfs.columns import seeded_hash

    bucket = ["lang", "domain"]
    graded = tables.stage("difficulty", with_difficulty(tables, rows))
    bins = broadcast_while_few(tables.stage("difficulties", places(graded, bucket, "difficulty")))
    place = F.expr(f"least({spec.difficulty_bins - 1}, n_below * {spec.difficulty_bins} div n_all)")
    binned = graded.join(bins, [*bucket, "difficulty"], how="inner").withColumn("bin", place)
    seeded = binned.withColumn("seeded", seeded_hash(seed)("sample_id"))
    return beyond(tables, "buckets", seeded, [*bucket, "bin"], ["seeded", "sample_id"], spec.max_samples)


def with_difficulty(tables: JobContext, rows: DataFrame) -> DataFrame:
    """sample_id, lang, domain, difficulty (0 to 1): 1 - pass rate; if unknown, the rank of the chain's
    length."""
    from pyspark.sql import functions as F

    ranks = places(rows.withColumn("whole", F.lit(0)), ["whole"], "cot_units")
    ranks = ranks.select("cot_units", percent().alias("rank"))
    lengths = broadcast_while_few(tables.stage("lengths", ranks))
    difficulty = F.coalesce(F.lit(1.0) - F.col("pass_rate"), F.col("rank")).alias("difficulty")
    return rows.join(lengths, ["cot_units"], how="inner").select("sample_id", "lang", "domain", difficulty)


def beyond(
    tables: JobContext, name: str, rows: DataFrame, by: list[str], order: list[Column | str], cap: int
) -> DataFrame:
    """sample_id of the rows before which, in `order`, stand `cap` others of their group.

    First within SPREAD parts of each group: who is beyond the cap there is so in the whole. So a task sorts
    such a part of a group, or what the parts leave of it: at most SPREAD times the cap.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    def is_over(*within: str) -> Column:
        return F.row_number().over(Window.partitionBy(*within).orderBy(*order)) > cap

    parted = rows.withColumn("part", F.pmod(F.xxhash64("sample_id"), F.lit(SPREAD)))
    first = tables.stage(name, parted.withColumn("is_over", is_over(*by, "part")))
    left = first.where(~F.col("is_over")).withColumn("is_over", is_over(*by))
    return first.unionByName(left).where("is_over").select("sample_id")
