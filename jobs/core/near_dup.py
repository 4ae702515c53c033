"""The steps of near-duplicate removal, whatever the fingerprint: sketch documents, pair classes, choose who stays.

1. sketch: each kept document that has no sketch yet gets one; documents of equal shingle sets form one class.
2. pair: classes that share a band key are candidates; sketches decide what they can, texts the rest.
3. choose: survivors are the lexicographically first maximal independent set under the ranking, so no two survivors are
   verified duplicates and a chain of pairs never makes a family.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from jobs.core import small_pairs
from jobs.core.background import in_background
from jobs.core.families import choose_survivors
from jobs.core.job import BROADCAST, Delete, Tables, Writes
from jobs.core.near_dup_params import NearDupParams
from jobs.core.pairs import candidates, sides_of, verified
from udfs.neardup import COMPARED, SKETCHED, compare_sketches

COMPARED_AT_ONCE = 8_192  # pairs of an Arrow batch: two sketches of 256 bytes each

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def forget(tables: Tables, params: NearDupParams) -> dict[str, Any]:
    """Drop sketches and pairs of documents whose text was replaced since."""
    if not tables.owns("sketches"):
        return {}
    sketches = tables.own("sketches").select("kernel", "doc_id", "content_hash", "set_hash")
    gone = sketches.join(tables["docs"].select("doc_id", "content_hash"), ["doc_id", "content_hash"], how="left_anti")
    if gone.isEmpty():
        return {}
    # A class may lose the document that stands for it, so the whole class is sketched again.
    classes = gone.select("kernel", "set_hash").distinct()
    stale = sketches.join(classes, ["kernel", "set_hash"], how="left_semi").unionByName(gone.select(*sketches.columns)).select("doc_id").distinct()
    stale = tables.stage("stale", stale)
    first, second = (stale.select(stale.doc_id.alias(name)) for name in ("doc_a", "doc_b"))
    return {"pairs": [Delete(first, ("doc_a",)), Delete(second, ("doc_b",))], "sketches": Delete(stale, ("doc_id",))}


def sketch(tables: Tables, params: NearDupParams) -> dict[str, Any]:
    """`sketches` of the kept documents that have none of this kernel yet: one pass over their text."""
    if tables.n_documents() <= small_pairs.DOCUMENTS:
        return sketch_small(tables, params)
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    known = tables.own("sketches").where(F.col("kernel") == params.kernel())
    texts = tables.slice("docs")
    if params.heeds or tables.owns("sketches"):
        todo = tables.kept(params.heeds).join(known.select("doc_id", "batch_id"), ["doc_id", "batch_id"], how="left_anti")
        texts = tables.texts(todo, "content_hash", "text")
    made = sketched(tables, params, texts)
    group = Window.partitionBy("set_hash").orderBy("doc_id")
    classes = known.where("is_first").select("set_hash", F.lit(True).alias("is_known"))
    narrow = made.select("doc_id", "set_hash", "n_shingles").join(classes, ["set_hash"], how="left")
    first = (F.row_number().over(group) == 1) & F.col("is_known").isNull() & (F.col("n_shingles") > 0)
    others = tables.stage("others", narrow.withColumn("is_first", first).where(~F.col("is_first")).select("doc_id", "is_first"))
    few = F.broadcast(others) if others.count() <= BROADCAST else others  # sketches are wide: they travel only where they must
    rows = made.join(few, "doc_id", how="left").withColumn("is_first", F.coalesce("is_first", F.lit(True)))
    return {"sketches": as_sketches(rows, params)}


def sketched(tables: Tables, params: NearDupParams, texts: DataFrame) -> DataFrame:
    """The kernel's columns (udfs.neardup.SKETCHED) of doc_id, batch_id, content_hash, text."""
    return tables.stage("sketched", texts.select("doc_id", "batch_id", "content_hash", "text").mapInArrow(params.sketcher(), SKETCHED))


def as_sketches(rows: DataFrame, params: NearDupParams) -> DataFrame:
    """The columns of `sketches`: only the first of a class carries its sketch and bands."""
    from pyspark.sql import functions as F

    return rows.select(
        "doc_id", "batch_id", F.lit(params.kernel()).alias("kernel"), "content_hash", "n_shingles", "set_hash", "is_first",
        F.when(F.col("is_first"), F.col("sketch")).alias("sketch"), F.when(F.col("is_first"), F.col("bands")).alias("bands"),
    )  # fmt: skip


def sketch_small(tables: Tables, params: NearDupParams) -> dict[str, Any]:
    """As `sketch`, for a lake whose sketches fit the driver, where they stay for the next steps; pairs are looked for while they are committed."""
    import pandas as pd
    from pyspark.sql import functions as F

    at_hand = in_background(lambda: small_pairs.documents_at_hand(tables, params.heeds, params.ranking))
    is_first_run = not tables.owns("sketches")
    known = small_pairs.no_sketches() if is_first_run else small_pairs.on_driver(tables.own("sketches").where(F.col("kernel") == params.kernel()))
    texts = tables.slice("docs")
    if params.heeds or not is_first_run:
        documents, _ = at_hand.result()
        todo = small_pairs.without(documents[documents.is_kept], known, ["doc_id", "batch_id"])
        texts = tables.texts(tables.frame(todo[["doc_id", "batch_id"]], "doc_id string, batch_id string"), "content_hash", "text") if len(todo) else None
    found: dict[str, Any] = {}
    if texts is not None:
        made = sketched(tables, params, texts)
        fresh = small_pairs.mark_first(small_pairs.on_driver(made), known)
        others = tables.frame(fresh.loc[~fresh.is_first, ["doc_id"]].assign(is_first=False), "doc_id string, is_first boolean")
        rows = made.join(F.broadcast(others), "doc_id", how="left").withColumn("is_first", F.coalesce("is_first", F.lit(True)))
        found = {"sketches": as_sketches(rows, params)}
        known = pd.concat([known, fresh], ignore_index=True) if len(known) else fresh
    documents, order = at_hand.result()
    held = tables.held = small_pairs.Held(documents, order, known)
    held.pairing = in_background(lambda: pair_small(tables, params, held))
    return found


def pair(tables: Tables, params: NearDupParams) -> dict[str, Any]:
    """`pairs` between the classes that the last run of this pairing had not seen and all classes; the buckets that were too full to take whole."""
    from pyspark.sql import functions as F

    if tables.held and (small := tables.held.pairing.result()) is not None:
        return {"pairs": small, **hot_buckets(tables, params, small_pairs.hot_buckets(tables, tables.held))}
    tables.held = None
    sketches = tables.own("sketches").where((F.col("kernel") == params.kernel()) & F.col("is_first"))
    met = candidates(tables, sketches.select("doc_id", "set_hash", "bands"), paired_before(tables, params), params.max_bucket)
    both = sides_of(met.where("class_a IS NOT NULL").select("class_a", "class_b").distinct(), sketches)
    if tables.owns("pairs"):  # an earlier run may have died between its pairs and its end
        both = both.join(tables.own("pairs").where(F.col("kernel") == params.pairing()).select("doc_a", "doc_b"), ["doc_a", "doc_b"], how="left_anti")
    kernel, (measure, limit), (method, _) = functools.partial(compare_sketches, judge=params.judge()), params.by_text(), params.by_sketch()
    compared = tables.stage("compared", both.select("doc_a", "doc_b", "n_a", "n_b", "sketch_a", "sketch_b").mapInArrow(kernel, COMPARED), COMPARED_AT_ONCE)
    exact = verified(tables, compared.where("verdict = 0").select("doc_a", "doc_b"), params.shingles(), measure)
    by_sketch = compared.where("verdict <> 0").select("doc_a", "doc_b", "similarity", F.lit(method).alias("method"), (F.col("verdict") == 1).alias("is_accepted"))
    by_text = exact.select("doc_a", "doc_b", "similarity", F.lit("exact").alias("method"), (F.col("similarity") >= limit).alias("is_accepted"))
    hot = met.where("hot_key IS NOT NULL").select(F.col("hot_key").alias("band_key"), "n_classes")
    return {"pairs": as_pairs(by_sketch.unionByName(by_text), params), **hot_buckets(tables, params, hot)}


def hot_buckets(tables: Tables, params: NearDupParams, hot: DataFrame) -> dict[str, Any]:
    """`hot_buckets` from band_key, n_classes; nothing to write where there are and were none."""
    from pyspark.sql import functions as F

    if not tables.owns("hot_buckets") and hot.isEmpty():
        return {}
    n = F.col("n_classes")
    taken, all_pairs = 2 * n - 3, (n * (n - 1) / 2).cast("bigint")
    kernel = F.lit(tables.job.name).alias("job"), F.lit(params.pairing()).alias("kernel")
    return {"hot_buckets": hot.select(*kernel, "band_key", n, taken.alias("n_compared"), (all_pairs - taken).alias("n_uncompared"))}


def paired_before(tables: Tables, params: NearDupParams) -> DataFrame | None:
    """doc_id of the classes that the last finished run of this pairing had seen; None without one."""
    from pyspark.sql import functions as F

    done = tables.before("sketches", lambda recipe: type(params).model_validate_json(recipe).pairing() == params.pairing())
    return done.where((F.col("kernel") == params.kernel()) & F.col("is_first")).select("doc_id") if done else None


def as_pairs(rows: DataFrame, params: NearDupParams) -> DataFrame:
    """The columns of `pairs`, without the rejected ones where the recipe says so."""
    from pyspark.sql import functions as F

    rows = rows.where(F.col("is_accepted") | F.lit(params.keep_rejected))
    return rows.select(F.lit(params.pairing()).alias("kernel"), "doc_a", "doc_b", "similarity", "method", "is_accepted")


def pair_small(tables: Tables, params: NearDupParams, held: small_pairs.Held) -> DataFrame | None:
    """New rows of `pairs` from what is held, which then holds the old ones too; None when the buckets hold more pairs than the driver should."""
    import pandas as pd
    from pyspark.sql import functions as F

    if tables.owns("pairs"):
        held.pairs = tables.own("pairs").where(F.col("kernel") == params.pairing()).select(*small_pairs.PAIRED).toPandas()
    old = paired_before(tables, params)
    seen = set(old.toPandas().doc_id) if old else set()
    rule = small_pairs.Rule(params.judge(), params.by_sketch()[0], params.shingles(), *params.by_text())
    made = small_pairs.pair_classes(tables, held, seen, rule, params.max_bucket)
    if made is None:
        return None
    held.pairs = pd.concat([held.pairs, made], ignore_index=True) if len(held.pairs) else made
    schema = "doc_a string, doc_b string, similarity double, method string, is_accepted boolean"
    return as_pairs(tables.frame(made, schema), params)


def choose(tables: Tables, params: NearDupParams) -> dict[str, Any]:
    """`duplicates` and `verdicts` of all batches, from the accepted pairs among the documents that are kept now."""
    from pyspark.sql import functions as F

    out = small_pairs.survivors_of(tables, tables.held, params.families) if tables.held else choose_large(tables, params)
    own = F.lit(tables.job.name).alias("job")
    duplicates = out.select(own, "doc_id", "batch_id", "dup_of", "method", "similarity", "family_id")
    verdicts = out.select(
        own, "doc_id", "batch_id", F.lit("near_duplicate").alias("reason"), F.col("similarity").alias("value"),
        limit_of(params).alias("limit"), F.concat(F.lit(f"{tables.job.name}."), "method").alias("rule"),
        F.lit(tables.recipe_hash).alias("recipe_hash"),
    )  # fmt: skip
    return {"duplicates": duplicates, "verdicts": verdicts}


def limit_of(params: NearDupParams) -> Column:
    """What the similarity of a left-out document was compared with, by its `method`."""
    from pyspark.sql import functions as F

    method, limit = params.by_sketch()
    return F.when(F.col("method") == method, F.lit(limit)).otherwise(F.lit(params.by_text()[1]))


def choose_large(tables: Tables, params: NearDupParams) -> DataFrame:
    """Who is left out, by tables beyond the driver's bound."""
    from pyspark.sql import functions as F

    sketches = tables.own("sketches").where((F.col("kernel") == params.kernel()) & (F.col("n_shingles") > 0))
    kept = tables.stage("at_hand", tables.kept(params.heeds).join(sketches.select("doc_id", "batch_id", "set_hash", "is_first"), ["doc_id", "batch_id"], how="inner"))
    firsts = sketches.where("is_first").select("doc_id", "set_hash")
    pairs = tables.own("pairs").where((F.col("kernel") == params.pairing()) & F.col("is_accepted"))
    return tables.stage("survivors", choose_survivors(tables, kept, firsts, pairs, params.ranking, params.families))


STEPS = (forget, sketch, pair, choose)
WRITES = (Writes("sketches", "append"), Writes("pairs", "append"), Writes("hot_buckets", "job"), Writes("duplicates", "job"), Writes("verdicts", "job"))
