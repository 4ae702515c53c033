"""Caps on samples: of one opening of the question, and of one language, domain and difficulty."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import PositiveInt

from gristmill.jobs.core.config import Strict
from gristmill.jobs.runner.documents import broadcast_while_few
from gristmill.jobs.synthesis.ranks import rank_ratio, value_counts

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from gristmill.jobs.runner.context import JobContext

# parts of a group that are sorted separately, so that the most common opening is not one task
PARTS = 64


class Buckets(Strict):
    """At most `max_samples` of each language, domain and bin of difficulty, chosen by a seeded hash."""

    # Number of quantile bins within language and domain; see with_difficulty.
    difficulty_bins: PositiveInt
    max_samples: PositiveInt


def same_opening(tables: JobContext, rows: DataFrame, cap: int) -> DataFrame:
    """sample_id of questions that share their opening with `cap` better ones of their language.

    `rows`: sample_id, lang, value, question.
    """
    from pyspark.sql import functions as F

    from gristmill.udfs.columns import question_opening

    opened = rows.select("sample_id", "lang", "value", question_opening()("question").alias("opening"))
    return over_cap(tables, "openings", opened, ["lang", "opening"], [F.desc("value"), "sample_id"], cap)


def over_quota(tables: JobContext, rows: DataFrame, spec: Buckets, seed: int) -> DataFrame:
    """sample_id of samples over the cap of their bucket, in the order of a seeded hash of sample_id."""
    from pyspark.sql import functions as F

    from gristmill.udfs.columns import seeded_hash

    bucket = ["lang", "domain"]
    graded = tables.stage("difficulty", with_difficulty(tables, rows))
    # Distinct difficulties are few, so they are counted and joined: a quantile
    # window would sort each bucket in one task. Equal difficulties are in one bin.
    bins = broadcast_while_few(tables.stage("difficulties", value_counts(graded, bucket, "difficulty")))
    position = F.expr(f"least({spec.difficulty_bins - 1}, n_below * {spec.difficulty_bins} div n_all)")
    binned = graded.join(bins, [*bucket, "difficulty"], how="inner").withColumn("bin", position)
    seeded = binned.withColumn("seeded", seeded_hash(seed)("sample_id"))
    return over_cap(tables, "buckets", seeded, [*bucket, "bin"], ["seeded", "sample_id"], spec.max_samples)


def with_difficulty(tables: JobContext, rows: DataFrame) -> DataFrame:
    """sample_id, lang, domain, difficulty: 0 (easy) to 1.

    Difficulty is 1 - pass_rate; where that is null, the rank of cot_units among all samples.
    """
    from pyspark.sql import functions as F

    # Ranked over all languages and domains: a constant column makes them one group.
    ranks = value_counts(rows.withColumn("whole", F.lit(0)), ["whole"], "cot_units")
    ranks = ranks.select("cot_units", rank_ratio().alias("rank"))
    lengths = broadcast_while_few(tables.stage("lengths", ranks))
    difficulty = F.coalesce(F.lit(1.0) - F.col("pass_rate"), F.col("rank")).alias("difficulty")
    return rows.join(lengths, ["cot_units"], how="inner").select("sample_id", "lang", "domain", difficulty)


def over_cap(
    tables: JobContext, name: str, rows: DataFrame, by: list[str], order: list[Column | str], cap: int
) -> DataFrame:
    """sample_id of the rows with at least `cap` rows of their group (columns `by`) before them in `order`.

    The cap is applied within PARTS parts of each group first: a row over the cap of its part is over the cap
    of the whole group. So a task sorts one part, or what is left of all parts: at most PARTS * cap rows.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    def is_over(*within: str) -> Column:
        return F.row_number().over(Window.partitionBy(*within).orderBy(*order)) > cap

    parted = rows.withColumn("part", F.pmod(F.xxhash64("sample_id"), F.lit(PARTS)))
    # Staged, as both halves of the union read it, and the window of the parts is the costly one.
    first = tables.stage(name, parted.withColumn("is_over", is_over(*by, "part")))
    left = first.where(~F.col("is_over")).withColumn("is_over", is_over(*by))
    return first.unionByName(left).where("is_over").select("sample_id")
