"""Pairs of near-duplicate removal: candidates from shared bands, verification by text.

Narrow rows (ids, similarities) come to the driver up to a bound; text never does, and only the text of documents in pairs that
the sketches leave open is moved, once, to where their group is compared.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import numpy as np

from jobs.core.job import Tables
from udfs.neardup import VERIFIED, compare_texts
from udfs.shingles import ShingleParams

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

GROUP_BYTES = 8 << 20  # text of one group that is compared as a whole


def candidate_pairs(sketches: DataFrame, old: DataFrame | None, max_bucket: int) -> DataFrame:
    """doc_a < doc_b of every two classes that share a band key, at least one of them not in `old` (doc_id).

    All pairs of a bucket are taken: star edges lose one duplicate in ten (shared/research/neardup_feasibility.md). In a bucket
    of more than `max_bucket` classes only neighbours in doc_id order, and everyone with the first, are paired.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    bands = sketches.select("doc_id", F.explode("bands").alias("band_key"))
    bucket = Window.partitionBy("band_key")
    whole = bucket.rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    ordered = bucket.orderBy("doc_id")
    sized = bands.select("*", F.count("*").over(whole).alias("n")).where("n > 1")
    small = sized.where(F.col("n") <= max_bucket)
    pairs = small.select(F.col("doc_id").alias("doc_a"), "band_key").join(small.select(F.col("doc_id").alias("doc_b"), "band_key"), "band_key", how="inner")
    hot = sized.where(F.col("n") > max_bucket).select(
        "doc_id", F.lag("doc_id").over(ordered).alias("before"), F.min("doc_id").over(whole).alias("first")
    )
    hot_pairs = hot.select(F.explode(F.array("before", "first")).alias("doc_a"), F.col("doc_id").alias("doc_b"))
    pairs = pairs.select("doc_a", "doc_b").unionByName(hot_pairs).where(F.col("doc_a") < F.col("doc_b")).distinct()
    if old is None:
        return pairs
    known = old.select(F.col("doc_id").alias("doc_a"), F.lit(True).alias("a_known")), old.select(F.col("doc_id").alias("doc_b"), F.lit(True).alias("b_known"))
    marked = pairs.join(known[0], "doc_a", how="left").join(known[1], "doc_b", how="left")
    return marked.where(F.col("a_known").isNull() | F.col("b_known").isNull()).select("doc_a", "doc_b")


def documents_in(tables: Tables, pairs: pd.DataFrame) -> pd.DataFrame:
    """doc_id, batch_id, n_bytes of the documents that `pairs` (doc_a, doc_b) name."""
    from pyspark.sql import functions as F

    ids = np.unique(np.concatenate([pairs.doc_a.to_numpy(str), pairs.doc_b.to_numpy(str)]))
    keys = tables.stage("open_ids", tables.frame([(doc_id,) for doc_id in ids.tolist()], "doc_id string"))
    return tables.slice("docs").join(F.broadcast(keys), "doc_id", how="left_semi").select("doc_id", "batch_id", "n_bytes").toPandas()


def verified_by_text(tables: Tables, pairs: pd.DataFrame, documents: pd.DataFrame, shingles: ShingleParams, measure: str) -> DataFrame:
    """doc_a, doc_b, similarity of `pairs` (doc_a, doc_b), by the shingle sets of their texts; `documents`: doc_id, batch_id, n_bytes."""
    from pyspark.sql import functions as F

    from udfs.survivors import components

    if pairs.empty:
        return tables.frame([], VERIFIED)
    ids = np.unique(np.concatenate([pairs.doc_a.to_numpy(str), pairs.doc_b.to_numpy(str)]))
    left, right = np.searchsorted(ids, pairs.doc_a.to_numpy(str)), np.searchsorted(ids, pairs.doc_b.to_numpy(str))
    found = documents[documents.doc_id.isin(ids)].sort_values("doc_id")
    linked = components(left, right, np.ones(len(left)), np.arange(len(ids))).family
    groups = _packed(linked, found.n_bytes.to_numpy(np.int64))
    members = _frame(tables, found[["doc_id", "batch_id"]].assign(grp=groups))
    texts = tables.texts(members, "text", carry=("grp",))
    null = F.lit(None).cast("string")
    rows = texts.select("grp", "doc_id", "text", null.alias("doc_a"), null.alias("doc_b"))
    asked = _frame(tables, pairs.assign(grp=groups[left])[["grp", "doc_a", "doc_b"]])
    rows = rows.unionByName(asked.select("grp", null.alias("doc_id"), null.alias("text"), "doc_a", "doc_b"))
    return rows.repartition(int(groups.max()) + 1, "grp").sortWithinPartitions("grp").mapInArrow(
        functools.partial(compare_texts, params=shingles, measure=measure), VERIFIED
    )


def _packed(component: np.ndarray, n_bytes: np.ndarray) -> np.ndarray:
    """Group of each document: whole components, one after the other, until GROUP_BYTES of text are together."""
    labels, inverse = np.unique(component, return_inverse=True)
    sizes = np.bincount(inverse, weights=n_bytes, minlength=len(labels))
    return ((np.cumsum(sizes) - sizes) // GROUP_BYTES).astype(np.int32)[inverse]


def _frame(tables: Tables, rows: pd.DataFrame) -> DataFrame:
    return tables.lake.spark.createDataFrame(rows)
