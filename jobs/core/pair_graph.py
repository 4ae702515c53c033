"""Families and survivors by Spark alone, for graphs beyond the driver's bound: the rows that udfs.survivors gives, whatever their size.

Every round is staged, so no plan grows with the rounds. What is left of the graph comes to the driver once it fits there, which
ends chains of pairs that would take a round for every second link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.core.errors import DataError
from jobs.core.job import Tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROUNDS = 64  # of one loop; components take about log2 of the longest path squared at worst, 5 to 10 on real families
SIDES = ["class_a", "class_b"]


def both_ways(edges: DataFrame) -> DataFrame:
    """`edges` (class_a, class_b, ...) and their reverses as node, other, ..."""
    rest = [name for name in edges.columns if name not in ("class_a", "class_b")]
    there, back = (edges.select(*sides, *rest).toDF("node", "other", *rest) for sides in (("class_a", "class_b"), ("class_b", "class_a")))
    return there.unionByName(back)


def components(tables: Tables, edges: DataFrame) -> DataFrame:
    """`node`, `component` of every node of `edges` (class_a, class_b: bigint, a <> b); a component is named by its smallest node.

    Alternating large-star and small-star steps (Kiveris et al. 2014, "Connected components in MapReduce and beyond") until every
    node hangs on the smallest of its component.
    """
    from pyspark.sql import functions as F

    held, seen = tables.stage("stars", edges.select(F.greatest(*SIDES).alias("node"), F.least(*SIDES).alias("other")).distinct()), None
    for number in range(ROUNDS):
        held = tables.stage(f"stars-{number}", small_star(large_star(held)))
        state = held.select(F.count("*"), F.sum(F.xxhash64("node", "other").cast("decimal(38,0)"))).first()
        if state == seen:
            roots = held.select(F.col("other").alias("node")).distinct()
            return held.unionByName(roots.select("node", F.col("node").alias("other"))).select("node", F.col("other").alias("component"))
        seen = state
    raise DataError(f"{tables.job.name}: the families of {edges.count()} pairs were not told apart in {ROUNDS} rounds; this is a bug, please report it")


def large_star(edges: DataFrame) -> DataFrame:
    """Each larger neighbour of a node is tied to the smallest of the node and its neighbours. `node` > `other`, here and there."""
    from pyspark.sql import functions as F

    around = edges.unionByName(edges.select(F.col("other").alias("node"), F.col("node").alias("other")))
    smallest = around.groupBy("node").agg(F.least(F.min("other"), F.col("node")).alias("smallest"))
    larger = edges.select(F.col("other").alias("node"), F.col("node").alias("larger"))  # node < larger
    return larger.join(smallest, "node", how="inner").select(F.col("larger").alias("node"), F.col("smallest").alias("other")).distinct()


def small_star(edges: DataFrame) -> DataFrame:
    """Each node and its smaller neighbours are tied to the smallest of them. `node` > `other`, here and there."""
    from pyspark.sql import functions as F

    smallest = edges.groupBy("node").agg(F.min("other").alias("smallest"))
    tied = edges.join(smallest, "node", how="inner").where(F.col("other") > F.col("smallest")).select(F.col("other").alias("node"), F.col("smallest").alias("other"))
    return tied.unionByName(smallest.select("node", F.col("smallest").alias("other"))).distinct()


def independent(tables: Tables, ranks: DataFrame, edges: DataFrame, at_most: int) -> DataFrame:
    """`node` of the survivors among the nodes of `edges` (class_a, class_b): the lexicographically first maximal independent set.

    `ranks`: node, rank (any type that sorts; all different, smaller is better). In each round a node stays that has no better
    neighbour left, and its neighbours go (Blelloch, Fineman, Shun 2012, arXiv 1202.3205: rounds grow with the longest falling
    chain). No more than `at_most` remaining edges are solved on the driver.
    """
    from pyspark.sql import functions as F

    sides = ranks.toDF("class_a", "rank_a"), ranks.toDF("class_b", "rank_b")
    told = edges.join(sides[0], "class_a", how="inner").join(sides[1], "class_b", how="inner")
    is_a = F.col("rank_a") < F.col("rank_b")
    better, worse = F.when(is_a, F.col("class_a")).otherwise(F.col("class_b")), F.when(is_a, F.col("class_b")).otherwise(F.col("class_a"))
    active = tables.stage("active", told.select(better.alias("better"), worse.alias("worse")))
    staying, number = tables.frame([], "node bigint"), 0
    while active.count() > at_most:
        stay = tables.stage(f"stay-{number}", active.select(F.col("better").alias("node")).distinct().join(active.select(F.col("worse").alias("node")), "node", how="left_anti"))
        staying = staying.unionByName(stay)
        gone = active.join(stay.withColumnRenamed("node", "better"), "better", how="left_semi").select(F.col("worse").alias("node"))
        decided = stay.unionByName(gone).distinct()
        rest = active.join(decided.withColumnRenamed("node", "better"), "better", how="left_anti")
        active = tables.stage(f"active-{number}", rest.join(decided.withColumnRenamed("node", "worse"), "worse", how="left_anti").select("better", "worse"))
        number += 1
    named = staying.unionByName(_by_driver(tables, active, ranks))
    # a node that lost its neighbours to others is in no active edge any more, and stays unless a survivor is its neighbour
    nodes = both_ways(edges.select(*SIDES))
    beside = nodes.join(named.withColumnRenamed("node", "other"), "other", how="left_semi").select("node").distinct()
    return tables.stage("staying", nodes.select("node").distinct().join(beside, "node", how="left_anti"))


def _by_driver(tables: Tables, active: DataFrame, ranks: DataFrame) -> DataFrame:
    """The survivors among the nodes of `active` (better, worse), by the kernel."""
    import numpy as np
    from pyspark.sql import functions as F

    from udfs import survivors

    rows = active.toPandas()
    if rows.empty:
        return tables.frame([], "node bigint")
    names = active.select(F.col("better").alias("node")).unionByName(active.select(F.col("worse").alias("node"))).distinct()
    nodes = names.join(ranks, "node", how="inner").orderBy("rank").select("node").toPandas().node.to_numpy(np.int64)
    place = np.argsort(nodes)
    left, right = (place[np.searchsorted(nodes, rows[side].to_numpy(np.int64), sorter=place)] for side in ("better", "worse"))
    solved = survivors.independent(left, right, np.ones(len(left)), np.arange(len(nodes)))
    return tables.frame([(int(node),) for node in nodes[~solved.left_out]], "node bigint")
