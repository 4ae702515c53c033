"""Who stays of each family of near-duplicates: on the driver up to a bound of pairs, by Spark alone beyond it, with the same rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from jobs.core import pair_graph
from jobs.core.job import Tables
from jobs.core.ranking import Rank, ranked

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

Ints = npt.NDArray[np.int64]
EDGES = 20_000_000  # accepted pairs (and documents in them) that the driver solves, some 150 bytes each while it does
METHODS = ("chain", "exact", "set", "simhash", "sketch")  # how pairs are decided, in alphabetical order
LEFT_OUT = "doc_id string, batch_id string, dup_of string, method string, similarity double, family_id string"


def choose_survivors(
    tables: Tables, kept: DataFrame, classes: DataFrame, crowded: DataFrame, pairs: DataFrame, ranking: list[Rank], rule: str
) -> DataFrame:
    """LEFT_OUT: the left-out documents among `kept` (doc_id, batch_id, set_hash), by `rule` (see udfs.survivors).

    `classes`: doc_id, set_hash of all documents in `pairs` (doc_a, doc_b, similarity, method), kept or not; `crowded`: set_hash of the classes of
    several documents.

    Documents of one class (equal shingle sets) have the same neighbours, so the graph is solved by class with the rank of its
    best member, which gives the rows that the graph of documents would. On the driver up to EDGES pairs and as many documents, by Spark beyond.
    """
    from pyspark.sql import functions as F

    edges = tables.narrow("accepted", pairs.select("doc_a", "doc_b", "similarity", "method"))
    for side in "ab":
        named = classes.select(F.col("doc_id").alias(f"doc_{side}"), F.col("set_hash").alias(f"class_{side}"))
        edges = tables.narrow(f"edges-{side}", edges.join(named, f"doc_{side}", how="inner").drop(f"doc_{side}"))
    meeting = tables.narrow("meeting", edges.select(F.explode(F.array("class_a", "class_b")).alias("set_hash")).unionByName(crowded).distinct())
    members = tables.narrow("members", kept.join(meeting, "set_hash", how="left_semi").select("doc_id", "batch_id", "set_hash"))
    rows, order = ranked(tables, members, ranking, is_staged=True)
    if edges.count() > EDGES or members.count() > EDGES:
        return spread(tables, rows.select("doc_id", "batch_id", "set_hash", F.struct(*order).alias("rank")), edges, rule)
    best_first = rows.orderBy(*order).select("doc_id", "batch_id", "set_hash").toPandas()
    return tables.frame(left_out(best_first, edges.toPandas(), rule), LEFT_OUT)


def spread(tables: Tables, members: DataFrame, edges: DataFrame, rule: str) -> DataFrame:
    """As `left_out`, without the driver: `members` has the column `rank` in place of an order (a struct that ends with doc_id)."""
    from pyspark.sql import functions as F

    members = tables.stage("ranked", members)
    for side in ("class_a", "class_b"):  # of a class perhaps no document is kept
        edges = edges.join(members.select(F.col("set_hash").alias(side)).distinct(), side, how="left_semi")
    pair = F.least("class_a", "class_b").alias("class_a"), F.greatest("class_a", "class_b").alias("class_b")
    edges = tables.stage("classes", edges.groupBy(*pair).agg(F.max("similarity").alias("similarity"), F.min("method").alias("method")))
    ranks = tables.stage("ranks", members.groupBy(F.col("set_hash").alias("node")).agg(F.min("rank").alias("rank")))
    found = pair_graph.components(tables, edges)
    nodes = tables.stage("nodes", ranks.join(found, "node", how="left").withColumn("component", F.coalesce("component", "node")))
    if rule == "components":
        best = nodes.groupBy("component").agg(F.min_by("node", "rank").alias("survivor"))
        fates = nodes.join(best, "component", how="inner").select("node", "survivor")
    else:
        fates = beside_survivors(nodes, edges, pair_graph.independent(tables, ranks, edges, EDGES))
    named = ranks.select(F.col("node").alias("survivor"), F.col("rank.doc_id").alias("dup_of"))
    joined = pair_graph.both_ways(edges).withColumnRenamed("other", "survivor")
    told = fates.join(named, "survivor", how="inner").join(joined, ["node", "survivor"], how="left")
    homes = members.join(nodes.select(F.col("node").alias("set_hash"), "component"), "set_hash", how="inner")
    smallest = homes.groupBy("component").agg(F.min("doc_id").alias("family_id"))
    out = homes.join(smallest, "component", how="inner").join(told.withColumnRenamed("node", "set_hash"), "set_hash", how="inner")
    is_same = F.col("set_hash") == F.col("survivor")
    return out.where(F.col("doc_id") != F.col("dup_of")).select(
        "doc_id", "batch_id", "dup_of", F.when(is_same, "set").otherwise(F.coalesce("method", F.lit("chain"))).alias("method"),
        F.when(is_same, 1.0).otherwise(F.col("similarity")).alias("similarity"), "family_id",
    )  # fmt: skip


def beside_survivors(nodes: DataFrame, edges: DataFrame, staying: DataFrame) -> DataFrame:
    """node, survivor of all `nodes` (node, rank): itself where it stays or has no edge, else the best-ranked survivor beside it."""
    from pyspark.sql import functions as F

    ranks = staying.join(nodes.select("node", "rank"), "node", how="inner").toDF("other", "rank")
    chosen = pair_graph.both_ways(edges).join(ranks, "other", how="inner").groupBy("node").agg(F.min_by("other", "rank").alias("survivor"))
    return nodes.select("node").join(chosen, "node", how="left").select("node", F.coalesce("survivor", "node").alias("survivor"))


@dataclass(frozen=True)
class Fates:
    """One entry for each document that is not alone: whether it goes, and for whom."""

    is_out: npt.NDArray[np.bool_]
    dup_of: Ints  # place of the document that stays for it; its own where it stays
    method: Ints  # place in METHODS
    similarity: npt.NDArray[np.float64]  # NaN for the method chain
    family: Ints  # place of the document of the smallest doc_id in its family


def fates(classes: Ints, rank: Ints, left: Ints, right: Ints, similarity: npt.NDArray[np.float64], method: Ints, rule: str) -> Fates:
    """What becomes of documents, best first, of which `classes` and `rank` (the order of doc_ids) are known, by the pairs of classes (left, right).

    Pairs with a class of which no document is given are left aside; of two decisions on one pair that method counts which comes first in METHODS.
    """
    from udfs import survivors

    present, first_at, number = np.unique(classes, return_index=True, return_inverse=True)
    sides = [np.minimum(np.searchsorted(present, side), max(len(present) - 1, 0)) for side in (left, right)]
    is_here = (present[sides[0]] == left) & (present[sides[1]] == right) if len(present) else np.zeros(len(left), bool)
    a, b = sides[0][is_here], sides[1][is_here]
    solve = survivors.independent if rule == "independent_set" else survivors.components
    solved = solve(a, b, similarity[is_here], first_at)  # a class ranks as its best member
    survivor = solved.survivor[number]
    is_same, dup_of = survivor == number, first_at[survivor]
    how = np.where(is_same, METHODS.index("set"), _methods(a, b, method[is_here], number, survivor))
    alike = np.where(is_same, 1.0, solved.similarity[number])
    return Fates(dup_of != np.arange(len(classes)), dup_of, how, alike, _smallest(rank, solved.family[number]))


def left_out(members: pd.DataFrame, edges: pd.DataFrame, rule: str) -> pd.DataFrame:
    """The left-out rows of `members` (best first: doc_id, batch_id, set_hash) by the pairs of classes `edges`; columns LEFT_OUT."""
    import pandas as pd

    doc_ids = members.doc_id.to_numpy(str)
    rank = np.empty(len(doc_ids), np.int64)
    rank[np.argsort(doc_ids, kind="stable")] = np.arange(len(doc_ids))
    left, right = (edges[name].to_numpy(np.int64) for name in ("class_a", "class_b"))
    method = np.searchsorted(METHODS, edges.method.to_numpy(str))
    found = fates(members.set_hash.to_numpy(np.int64), rank, left, right, edges.similarity.to_numpy(np.float64), method, rule)
    named = {"dup_of": doc_ids[found.dup_of], "method": np.array(METHODS)[found.method], "similarity": found.similarity, "family_id": doc_ids[found.family]}
    return pd.DataFrame({"doc_id": doc_ids, "batch_id": members.batch_id, **named})[found.is_out]


def _smallest(rank: Ints, family: Ints) -> Ints:
    """The place of the lowest rank in each one's family."""
    order = np.argsort(rank)
    _, first, inverse = np.unique(family[order], return_index=True, return_inverse=True)
    smallest = np.empty(len(rank), np.int64)
    smallest[order] = order[first][inverse]
    return smallest


def _methods(left: Ints, right: Ints, method: Ints, number: Ints, survivor: Ints) -> Ints:
    """How the pair (number, survivor) was decided; `chain` where no pair joins the two (families: components)."""
    if not len(left):
        return np.full(len(number), METHODS.index("chain"))
    width = int(max(left.max(), right.max(), number.max(initial=0), survivor.max(initial=0))) + 1
    keys, names = np.concatenate([left * width + right, right * width + left]), np.concatenate([method, method])
    order = np.lexsort((names, keys))
    asked = number * width + survivor
    at = np.minimum(np.searchsorted(keys[order], asked), len(order) - 1)
    return np.where(keys[order][at] == asked, names[order][at], METHODS.index("chain"))
