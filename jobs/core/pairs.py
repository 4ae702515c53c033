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
from udfs.pairing import BLOCKS, MET, meet_in_partition, packed, scatter_keys
from udfs.shingles import ShingleParams

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

SKETCHES = 16_384  # documents of an Arrow batch of band keys
ROWS = 4_000_000  # band keys of a part: 25 bytes each, twice while they are sorted
OPEN_PAIRS = 2_000_000  # that texts decide in one pass; some 300 bytes each on the driver
GROUP_BYTES = 8 << 20  # text of one group that is compared as a whole


def candidates(tables: Tables, sketches: DataFrame, old: DataFrame | None, max_bucket: int) -> DataFrame:
    """MET of every two classes that share a band key, at least one of them not in `old` (doc_id); and the buckets over `max_bucket`.

    `sketches`: doc_id, set_hash, bands of the classes. All pairs of a bucket are taken: star edges lose one duplicate in ten
    (shared/research/neardup_feasibility.md). In a hot bucket only neighbours in doc_id order, and everyone with the first, are.
    """
    from pyspark.sql import functions as F

    marked = sketches.withColumn("is_old", F.lit(False))
    if old is not None:
        marked = sketches.join(old.select("doc_id", F.lit(True).alias("is_old")), "doc_id", how="left").withColumn("is_old", F.coalesce("is_old", F.lit(False)))
    place = F.conv(F.substring("doc_id", 1, 15), 16, 10).cast("bigint")  # 60 of 128 bits: order enough
    rows = marked.select(F.col("set_hash").alias("class"), place.alias("place"), "is_old", "bands")
    one = sketches.select(F.length("bands")).first()
    parts = sketches.count() * (one[0] if one else 0) // 8 // ROWS + 1
    blocks = rows.mapInArrow(functools.partial(scatter_keys, parts=parts), BLOCKS).repartition(parts, "part")
    return tables.stage("met", blocks.mapInArrow(functools.partial(meet_in_partition, max_bucket=max_bucket), MET), SKETCHES)


def sides_of(pairs: DataFrame, sketches: DataFrame) -> DataFrame:
    """doc_a < doc_b of `pairs` (class_a, class_b), and n_a, n_b, sketch_a, sketch_b of the two, which side is which left open: a comparison has none."""
    from pyspark.sql import functions as F

    side = sketches.select("set_hash", "doc_id", "n_shingles", "sketch")
    both = pairs.join(side.toDF("class_a", "id_a", "n_a", "sketch_a"), "class_a", how="inner").join(side.toDF("class_b", "id_b", "n_b", "sketch_b"), "class_b", how="inner")
    return both.withColumn("doc_a", F.least("id_a", "id_b")).withColumn("doc_b", F.greatest("id_a", "id_b"))


def verified(tables: Tables, open_pairs: DataFrame, shingles: ShingleParams, measure: str) -> DataFrame:
    """VERIFIED of `open_pairs` (doc_a, doc_b), no more than OPEN_PAIRS of them on the driver at a time."""
    from pyspark.sql import functions as F

    slices = open_pairs.count() // OPEN_PAIRS + 1
    made = [tables.frame([], VERIFIED)]
    for number in range(slices):
        here = open_pairs.where(F.pmod(F.xxhash64("doc_a"), F.lit(slices)) == number).select("doc_a", "doc_b").toPandas()
        documents = documents_in(tables, here) if len(here) else here
        made.append(tables.stage(f"verified-{number}", verified_by_text(tables, here, documents, shingles, measure)))
    return functools.reduce(lambda one, other: one.unionByName(other), made)


def documents_in(tables: Tables, pairs: pd.DataFrame) -> pd.DataFrame:
    """doc_id, batch_id, n_bytes of the documents that `pairs` (doc_a, doc_b) name."""
    from pyspark.sql import functions as F

    ids = np.unique(np.concatenate([pairs.doc_a.to_numpy(str), pairs.doc_b.to_numpy(str)]))
    keys = tables.stage("open_ids", tables.frame([(doc_id,) for doc_id in ids.tolist()], "doc_id string"))
    return tables.slice("docs").join(F.broadcast(keys), "doc_id", how="left_semi").select("doc_id", "batch_id", "n_bytes").toPandas()


def verified_by_text(tables: Tables, pairs: pd.DataFrame, documents: pd.DataFrame, shingles: ShingleParams, measure: str) -> DataFrame:
    """doc_a, doc_b, similarity of `pairs` (doc_a, doc_b), by the shingle sets of their texts; `documents`: doc_id, batch_id, n_bytes."""
    from pyspark.sql import functions as F

    if pairs.empty:
        return tables.frame([], VERIFIED)
    ids = np.unique(np.concatenate([pairs.doc_a.to_numpy(str), pairs.doc_b.to_numpy(str)]))
    left, right = np.searchsorted(ids, pairs.doc_a.to_numpy(str)), np.searchsorted(ids, pairs.doc_b.to_numpy(str))
    found = documents[documents.doc_id.isin(ids)].sort_values("doc_id")
    held, group, asked_in = packed(left, right, found.n_bytes.to_numpy(np.int64), GROUP_BYTES)
    members = _frame(tables, found[["doc_id", "batch_id"]].iloc[held].assign(grp=group))
    texts = tables.texts(members, "text", carry=("grp",), n_keys=len(held))
    null = F.lit(None).cast("string")
    rows = texts.select("grp", "doc_id", "text", null.alias("doc_a"), null.alias("doc_b"))
    asked = _frame(tables, pairs.assign(grp=asked_in)[["grp", "doc_a", "doc_b"]])
    rows = rows.unionByName(asked.select("grp", null.alias("doc_id"), null.alias("text"), "doc_a", "doc_b"))
    return rows.repartition(int(group.max()) + 1, "grp").sortWithinPartitions("grp").mapInArrow(
        functools.partial(compare_texts, params=shingles, measure=measure), VERIFIED
    )


def _frame(tables: Tables, rows: pd.DataFrame) -> DataFrame:
    return tables.lake.spark.createDataFrame(rows)
