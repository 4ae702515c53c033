"""Pairs of near-duplicate removal: candidates from shared bands, verification by text.

Narrow rows (ids, similarities) come to the driver up to a bound; text never does, and only the text of documents in pairs that
the sketches leave open is moved, once, to where their group is compared.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from jobs.core.job import Tables
from jobs.core.near_dup_params import NearDupParams
from jobs.core.tables import table
from jobs.core.text_pass import over_files
from udfs.neardup import COMPARED, VERIFIED, compare_sketches, compare_texts, keep_holding
from udfs.pairing import BLOCKS, MET, meet_in_partition, packed, scatter_index, scatter_keys
from udfs.shingles import ShingleParams

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

SKETCHES = 16_384  # documents of an Arrow batch of band keys
ROWS = 4_000_000  # band keys of a part: 25 bytes each, twice while they are sorted
OPEN_PAIRS = 2_000_000  # that texts decide in one pass; some 300 bytes each on the driver
COMPARED_AT_ONCE = 8_192  # pairs of an Arrow batch: two sketches of 256 bytes each
SIDES = ("class_a", "place_a", "class_b", "place_b")
GROUP_BYTES = 8 << 20  # text of one group that is compared as a whole


@dataclass
class Spread:
    """What a run beyond the driver's bound hands from step to step."""

    met: DataFrame  # udfs.pairing.MET of all classes: pairs, hot buckets, classes of several documents


def indexed(tables: Tables, params: NearDupParams) -> DataFrame:
    """doc_id, batch_id, set_hash, n_shingles, place (the order inside a bucket), round, sketch, bands of the documents with shingles."""
    from pyspark.sql import functions as F

    place = F.conv(F.substring("doc_id", 1, 15), 16, 10).cast("bigint")  # 60 of 128 bits: order enough
    rows = tables.own("sketches").where((F.col("kernel") == params.kernel()) & (F.col("n_shingles") > 0))
    return rows.select("doc_id", "batch_id", "set_hash", "n_shingles", place.alias("place"), "round", "sketch", "bands")


def candidates(tables: Tables, name: str, sketches: DataFrame, last_round: int, params: NearDupParams) -> DataFrame:
    """MET, staged, of every two classes that share a band key, at least one of them sketched after `last_round`; and the buckets over max_bucket.

    `sketches`: rows of `indexed`. All pairs of a bucket are taken: star edges lose one duplicate in ten.
    In a hot bucket only neighbours in doc_id order, and everyone with the first, are.
    """
    from pyspark.sql import functions as F

    parts = parts_of(tables, params)
    rows = sketches.select(F.col("set_hash").alias("class"), "place", "round", (F.col("round") <= last_round).alias("is_old"), "bands")
    return met_in(tables, name, rows.mapInArrow(functools.partial(scatter_keys, parts=parts), BLOCKS), parts, params)


def all_candidates(tables: Tables, name: str, last_round: int, params: NearDupParams) -> DataFrame:
    """`candidates` among all rows of `indexed`, of files that workers open themselves where they can."""
    files = tables.lake.data_files(table("sketches"), None)
    if files is None:
        return candidates(tables, name, indexed(tables, params), last_round, params)
    parts = parts_of(tables, params)
    kernel = functools.partial(scatter_index, kernel=params.kernel(), last_round=last_round, parts=parts)
    blocks = over_files(tables.lake.spark, files, kernel, BLOCKS, ("doc_id", "kernel", "set_hash", "round", "bands"), batch_rows=SKETCHES)
    return met_in(tables, name, blocks, parts, params)


def parts_of(tables: Tables, params: NearDupParams) -> int:
    """Into how many parts the band keys of all documents go."""
    return tables.n_documents() * params.n_keys() // ROWS + 1


def met_in(tables: Tables, name: str, blocks: DataFrame, parts: int, params: NearDupParams) -> DataFrame:
    """MET, staged, of BLOCKS."""
    kernel = functools.partial(meet_in_partition, max_bucket=params.max_bucket)
    return tables.stage(name, blocks.repartition(parts, "part").mapInArrow(kernel, MET), SKETCHES)


def holding(tables: Tables, sketches: DataFrame, keys: list[int]) -> DataFrame:
    """The rows of `indexed` that have a band key among `keys`, staged."""
    import pyspark.sql.types as T

    kernel = functools.partial(keep_holding, keys=np.sort(np.array(keys, np.int64)))
    return tables.stage("crowd", sketches.mapInArrow(kernel, T.StructType(sketches.schema.fields)), SKETCHES)


def decided(tables: Tables, tag: str, met: DataFrame, sketches: DataFrame, known: DataFrame | None, params: NearDupParams) -> DataFrame:
    """doc_a, doc_b, similarity, method, is_accepted of the pairs of `met` that are not in `known` (doc_a, doc_b): by sketch, or where that is open by text."""
    from pyspark.sql import functions as F

    both = sides_of(tables, met.where("class_b IS NOT NULL").select(*SIDES).distinct(), sketches, tag)
    if known is not None:
        both = both.join(known, ["doc_a", "doc_b"], how="left_anti")
    kernel, (measure, limit), (method, _) = functools.partial(compare_sketches, judge=params.judge()), params.by_text(), params.by_sketch()
    compared = tables.stage(f"compared{tag}", both.select("doc_a", "doc_b", "n_a", "n_b", "sketch_a", "sketch_b").mapInArrow(kernel, COMPARED), COMPARED_AT_ONCE)
    exact = verified(tables, compared.where("verdict = 0").select("doc_a", "doc_b"), params.shingles(), measure, tag)
    by_sketch = compared.where("verdict <> 0").select("doc_a", "doc_b", "similarity", F.lit(method).alias("method"), (F.col("verdict") == 1).alias("is_accepted"))
    by_text = exact.select("doc_a", "doc_b", "similarity", F.lit("exact").alias("method"), (F.col("similarity") >= limit).alias("is_accepted"))
    return by_sketch.unionByName(by_text)


def sides_of(tables: Tables, pairs: DataFrame, sketches: DataFrame, tag: str) -> DataFrame:
    """doc_a < doc_b of `pairs` (SIDES), and n_a, n_b, sketch_a, sketch_b of the two, which side is which left open: a comparison has none."""
    from pyspark.sql import functions as F

    keys = ["set_hash", "place"]
    named = [pairs.select(F.col(f"class_{side}").alias("set_hash"), F.col(f"place_{side}").alias("place")) for side in "ab"]
    meeting = tables.narrow(f"sides{tag}", named[0].unionByName(named[1]).distinct())  # sketches are wide: those of the others stay where they are
    side = sketches.select(*keys, "doc_id", "n_shingles", "sketch").join(meeting, keys, how="left_semi")
    both = pairs
    for one in "ab":
        both = both.join(side.toDF(f"class_{one}", f"place_{one}", f"id_{one}", f"n_{one}", f"sketch_{one}"), [f"class_{one}", f"place_{one}"], how="inner")
    return both.withColumn("doc_a", F.least("id_a", "id_b")).withColumn("doc_b", F.greatest("id_a", "id_b"))


def verified(tables: Tables, open_pairs: DataFrame, shingles: ShingleParams, measure: str, tag: str) -> DataFrame:
    """VERIFIED of `open_pairs` (doc_a, doc_b), no more than OPEN_PAIRS of them on the driver at a time."""
    from pyspark.sql import functions as F

    slices = open_pairs.count() // OPEN_PAIRS + 1
    made = [tables.frame([], VERIFIED)]
    for number in range(slices):
        here = open_pairs.where(F.pmod(F.xxhash64("doc_a"), F.lit(slices)) == number).select("doc_a", "doc_b").toPandas()
        documents = documents_in(tables, here) if len(here) else here
        made.append(tables.stage(f"verified{tag}-{number}", verified_by_text(tables, here, documents, shingles, measure)))
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
    texts = tables.texts(found[["doc_id", "batch_id"]].iloc[held].assign(grp=group), "text", carry=("grp",))
    null = F.lit(None).cast("string")
    rows = texts.select("grp", "doc_id", "text", null.alias("doc_a"), null.alias("doc_b"))
    asked = _frame(tables, pairs.assign(grp=asked_in)[["grp", "doc_a", "doc_b"]])
    rows = rows.unionByName(asked.select("grp", null.alias("doc_id"), null.alias("text"), "doc_a", "doc_b"))
    return rows.repartition(int(group.max()) + 1, "grp").sortWithinPartitions("grp").mapInArrow(
        functools.partial(compare_texts, params=shingles, measure=measure), VERIFIED
    )


def _frame(tables: Tables, rows: pd.DataFrame) -> DataFrame:
    return tables.lake.spark.createDataFrame(rows)
