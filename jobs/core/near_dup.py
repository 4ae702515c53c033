"""The steps of near-duplicate removal, whatever the fingerprint: sketch documents, pair classes, choose who stays.

1. sketch: each kept document that has no sketch yet gets one. Documents of equal shingle sets form one class; the one of the lowest round,
   then doc_id, stands for it.
2. pair: classes that share a band key are candidates; sketches decide what they can, texts the rest.
3. settle: of a hot bucket only some pairs were taken, so those that would stay are paired again until no two of them turn out alike.
4. choose: survivors are the lexicographically first maximal independent set under the ranking, so no two survivors are
   verified duplicates and a chain of pairs never makes a family.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from jobs.core import held
from jobs.core.background import in_background
from jobs.core.families import METHODS, choose_survivors
from jobs.core.inputs import Keyed
from jobs.core.job import Counts, Delete, Tables, Writes
from jobs.core.local_delta import Written, from_pandas, rows_of
from jobs.core.near_dup_params import NearDupParams
from jobs.core.pairs import Spread, all_candidates, candidates, decided, holding, indexed
from jobs.core.tables import table
from udfs.neardup import SKETCHED

ROUNDS = 16  # of settling; each leaves a few in a hundred of the alike in a hot bucket, so three or four are enough
HOT_KEYS = 1_000_000  # of hot buckets that settling looks at, the fullest first; 8 bytes each in every worker

SKETCHED_FROM = ("doc_id", "batch_id", "content_hash", "text")

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def forget(tables: Tables, params: NearDupParams) -> dict[str, Any]:
    """Drop sketches and pairs of documents that are gone, or whose text or batch is another since."""
    if not tables.owns("sketches"):
        return {}
    keys = ["doc_id", "batch_id", "content_hash"]
    sketches = tables.own("sketches").select("kernel", *keys, "set_hash")
    gone = sketches.join(tables["docs"].select(*keys), keys, how="left_anti")
    if gone.isEmpty():
        return {}
    # A class may lose the document that stands for it, so the whole class is sketched again.
    classes = gone.select("kernel", "set_hash").distinct()
    stale = sketches.join(classes, ["kernel", "set_hash"], how="left_semi").unionByName(gone.select(*sketches.columns)).select("doc_id").distinct()
    stale = tables.stage("stale", stale)
    first, second = (stale.select(stale.doc_id.alias(name)) for name in ("doc_a", "doc_b"))
    return {"pairs": [Delete(first, ("doc_a",)), Delete(second, ("doc_b",))], "sketches": Delete(stale, ("doc_id",))}


def sketch(tables: Tables, params: NearDupParams) -> dict[str, Any]:
    """`sketches` of the kept documents that have none of this kernel yet: one pass over their text, written once."""
    if tables.n_documents() <= held.most_documents(tables.lake):
        return sketch_here(tables, params)
    from pyspark.sql import functions as F

    known, todo = tables.own("sketches").where(F.col("kernel") == params.kernel()), None
    if params.heeds or tables.owns("sketches"):
        todo = tables.kept(params.heeds).join(known.select("doc_id", "batch_id"), ["doc_id", "batch_id"], how="left_anti")
    last = known.agg(F.max("round")).first()[0] if tables.owns("sketches") else None
    number = 0 if last is None else last + 1
    made = by_workers(tables, params, todo, number)
    return {"sketches": as_sketches(fingerprints(tables, params, todo), params, number) if made is None else made}


def fingerprints(tables: Tables, params: NearDupParams, todo: Keyed | None) -> DataFrame:
    """The kernel's columns (udfs.neardup.SKETCHED) of the documents in `todo` (None: of all)."""
    return tables.mapped(params.sketcher(), SKETCHED, *SKETCHED_FROM, keys=todo)


def by_workers(tables: Tables, params: NearDupParams, todo: Keyed | None, number: int) -> Written | None:
    """`sketches` of the documents in `todo` (None: of all) for the round `number`, as files; None where workers cannot write them."""
    constants = {"kernel": params.kernel(), "round": number}
    return tables.written("sketches", params.sketcher(), *SKETCHED_FROM, keys=todo, constants=constants, plain=("sketch", "bands", "set_hash"))


def as_sketches(rows: DataFrame, params: NearDupParams, number: int) -> DataFrame:
    """The columns of `sketches` of the rows that the round `number` made."""
    from pyspark.sql import functions as F

    kernel, made_in = F.lit(params.kernel()).alias("kernel"), F.lit(number).alias("round")
    return rows.select("doc_id", "batch_id", kernel, "content_hash", "n_shingles", "set_hash", made_in, "sketch", "bands")


def sketch_here(tables: Tables, params: NearDupParams) -> dict[str, Any]:
    """As `sketch`, for a lake whose sketches fit the driver, where they stay for the next steps; pairs are looked for while they are committed."""
    at_hand = in_background(lambda: held.documents_at_hand(tables, params.heeds, params.ranking))
    is_first_run, found, todo = not tables.owns("sketches"), {}, None
    parts = [] if is_first_run else held.known_sketches(tables, params.kernel())
    known, last = held.keys_and_round(tables, parts)
    if params.heeds or not is_first_run:
        documents = at_hand.result()
        todo = tables.named(documents.keys.among(documents.is_kept & (documents.keys.found_in(known) < 0)))
    if todo is None or len(todo):
        found["sketches"], made = sketched(tables, params, todo, last + 1)
        parts += made
    threads = tables.lake.spark.sparkContext.defaultParallelism
    here = tables.held = held.Held(at_hand.result(), held.index_of(parts, tables.runs.batches(), threads), threads)
    here.pairing = in_background(lambda: pair_here(tables, params, here))
    return found


def sketched(tables: Tables, params: NearDupParams, todo: pa.Table | None, number: int) -> tuple[Any, list[held.Part]]:
    """Of the documents in `todo` (None: of all): what is committed to `sketches` for the round `number`, and what the driver holds of it."""
    made = by_workers(tables, params, todo, number)
    if made is not None:
        return made, held.from_files(made.paths(), params.kernel())
    rows = as_sketches(tables.stage("sketched", fingerprints(tables, params, todo)), params, number)
    return rows, [held.from_spark(rows.select(*held.PART))]


def pair(tables: Tables, params: NearDupParams) -> dict[str, Any]:
    """`pairs` between the classes that the last run of this pairing had not seen and all classes (on the driver they wait for `choose`)."""
    if tables.held and tables.held.pairing.result():
        return {}
    met = all_candidates(tables, "met", last_round(tables, params), params)
    tables.held = Spread(met)
    return {"pairs": as_pairs(decided(tables, "", met, indexed(tables, params), known_pairs(tables, params), params), params)}


def known_pairs(tables: Tables, params: NearDupParams) -> DataFrame | None:
    """doc_a, doc_b of this pairing in the table: an earlier run may have died between its pairs and its end."""
    from pyspark.sql import functions as F

    return tables.own("pairs").where(F.col("kernel") == params.pairing()).select("doc_a", "doc_b") if tables.owns("pairs") else None


def last_round(tables: Tables, params: NearDupParams) -> int:
    """The last round whose sketches the last finished run of this pairing had seen; -1 without one."""
    from pyspark.sql import functions as F

    done = tables.before("sketches", lambda recipe: type(params).model_validate_json(recipe).pairing() == params.pairing())
    last = done.where(F.col("kernel") == params.kernel()).agg(F.max("round")).first()[0] if done else None
    return -1 if last is None else last


def as_pairs(rows: DataFrame, params: NearDupParams) -> DataFrame:
    """The columns of `pairs`, without the rejected ones where the recipe says so."""
    from pyspark.sql import functions as F

    rows = rows.where(F.col("is_accepted") | F.lit(params.keep_rejected))
    return rows.select(F.lit(params.pairing()).alias("kernel"), "doc_a", "doc_b", "similarity", "method", "is_accepted")


def pair_here(tables: Tables, params: NearDupParams, here: held.Held) -> bool:
    """New pairs into what is held, beside those that the table has; False when the buckets hold more pairs than the driver should."""
    from pyspark.sql import functions as F

    if tables.owns("pairs"):
        rows = tables.lake.opened(table("pairs"), None)
        columns = ["doc_a", "doc_b", "similarity", "method", "is_accepted"]
        if rows is not None:
            known = rows_of(rows, columns, [("kernel", "=", params.pairing())])
        else:
            known = from_pandas(table("pairs"), tables.own("pairs").where(F.col("kernel") == params.pairing()).select(*columns).toPandas(), columns)
        here.known = held.known_pairs(here.index, known)
    return held.pair_classes(tables, here, last_round(tables, params), rule_of(params), params.max_bucket)


def rule_of(params: NearDupParams) -> held.Rule:
    """How pairs are decided on the driver."""
    return held.Rule(params.judge(), params.by_sketch()[0], params.shingles(), *params.by_text())


def settle(tables: Tables, params: NearDupParams) -> dict[str, Any]:
    """`pairs` among those that would stay of hot buckets, until no more of them turn out alike; and `hot_buckets`, with what is left uncompared."""
    from pyspark.sql import functions as F

    if isinstance(tables.held, held.Held):
        held.settle(tables, tables.held, rule_of(params), params.max_bucket, params.families, ROUNDS)
        return {}
    hot = tables.held.met.where("hot_key IS NOT NULL").select("hot_key", "n_classes")
    keys = [row["hot_key"] for row in hot.orderBy(F.desc("n_classes"), "hot_key").limit(HOT_KEYS).collect()]
    if not keys:
        return hot_buckets(tables, params, tables.frame([], held.HOT))
    crowd, made, number = holding(tables, indexed(tables, params), keys), None, 0
    while True:
        stay = staying(tables, params, made, number).select("set_hash").distinct()
        met = candidates(tables, f"met_again_{number}", crowd.join(stay, "set_hash", how="left_semi"), -1, params)
        known = [rows for rows in (known_pairs(tables, params), made.select("doc_a", "doc_b") if made else None) if rows]
        every = functools.reduce(lambda one, other: one.unionByName(other), known) if known else None
        found = tables.stage(f"settled_{number}", decided(tables, f"_{number}", met, crowd, every, params))
        made, number = found if made is None else made.unionByName(found), number + 1
        if number == ROUNDS or found.where("is_accepted").isEmpty():
            break
    still = met.where("hot_key IS NOT NULL").select("hot_key", F.col("n_classes").alias("n_staying"))
    return {"pairs": as_pairs(made, params), **hot_buckets(tables, params, hot.join(still, "hot_key", how="left"))}


def staying(tables: Tables, params: NearDupParams, more: DataFrame | None, number: int) -> DataFrame:
    """doc_id, batch_id, set_hash of the documents that would stay by the pairs in the table and `more`."""
    kept = kept_sketches(tables, params)
    out = tables.stage(f"out_{number}", left_out_of(tables, params, more).select("doc_id", "batch_id"))
    return kept.join(out, ["doc_id", "batch_id"], how="left_anti")


def hot_buckets(tables: Tables, params: NearDupParams, hot: DataFrame) -> dict[str, Any]:
    """`hot_buckets` from hot_key, n_classes, n_staying (null: no more than max_bucket); nothing to write where there are and were none."""
    from pyspark.sql import functions as F

    if not tables.owns("hot_buckets") and hot.isEmpty():
        return {}
    n = F.col("n_staying")
    uncompared = F.coalesce((n * (n - 1) / 2).cast("bigint") - (2 * n - 3), F.lit(0))
    kernel = F.lit(tables.job.name).alias("job"), F.lit(params.pairing()).alias("kernel"), F.col("hot_key").alias("band_key")
    return {"hot_buckets": hot.select(*kernel, "n_classes", "n_staying", uncompared.cast("bigint").alias("n_uncompared"))}


def choose(tables: Tables, params: NearDupParams) -> dict[str, Any]:
    """`duplicates` and `verdicts` of all batches, from the accepted pairs among the documents that are kept now."""
    from pyspark.sql import functions as F

    if isinstance(tables.held, held.Held):
        return choose_here(tables, params, tables.held)
    out = tables.stage("survivors", left_out_of(tables, params, None))
    own = F.lit(tables.job.name).alias("job")
    duplicates = out.select(own, "doc_id", "batch_id", "dup_of", "method", "similarity", "family_id")
    verdicts = out.select(
        own, "doc_id", "batch_id", F.lit("near_duplicate").alias("reason"), F.col("similarity").alias("value"),
        limit_of(params).alias("limit"), F.concat(F.lit(f"{tables.job.name}."), "method").alias("rule"),
        F.lit(tables.recipe_hash).alias("recipe_hash"),
    )  # fmt: skip
    return {"duplicates": duplicates, "verdicts": verdicts}


def choose_here(tables: Tables, params: NearDupParams, here: held.Held) -> dict[str, Any]:
    """As `choose`, from what is held; and what is held of `pairs` and `hot_buckets`."""
    found: dict[str, Any] = {}
    index, methods = here.index, pa.array(METHODS)
    if len(here.made.left) or not tables.owns("pairs"):
        told = here.made if params.keep_rejected else here.made.among(here.made.is_accepted)
        sides = {side: index.ids_of(index.firsts[classes]) for side, classes in (("doc_a", told.left), ("doc_b", told.right))}
        rows = pa.table({**sides, "similarity": told.similarity, "method": methods.take(pa.array(told.method)), "is_accepted": told.is_accepted})
        found["pairs"] = tables.rows("pairs", rows, kernel=params.pairing())
    if here.hot or tables.owns("hot_buckets"):
        found |= hot_buckets(tables, params, tables.frame(here.hot, held.HOT))
    members, fates = held.survivors(here, params.families)
    out, n = fates.is_out, int(here.documents.is_kept.sum())
    tables.judged = Counts(n, n - int(out.sum()), int(out.sum()), {"near_duplicate": int(out.sum())} if out.any() else {})
    gone, (by_sketch, limit) = tables.named(index.keys.among(members[out])), params.by_sketch()
    similarity, method = pa.array(fates.similarity[out], from_pandas=True), fates.method[out]
    which = {
        "doc_id": gone["doc_id"], "batch_id": gone["batch_id"], "similarity": similarity, "value": similarity,
        "method": methods.take(pa.array(method)), "dup_of": index.ids_of(members[fates.dup_of[out]]), "family_id": index.ids_of(members[fates.family[out]]),
        "limit": np.where(method == METHODS.index(by_sketch), limit, params.by_text()[1]),
        "rule": pa.array([f"{tables.job.name}.{name}" for name in METHODS]).take(pa.array(method)),
    }  # fmt: skip
    told = pa.table(which)
    verdicts = tables.rows("verdicts", told, job=tables.job.name, reason="near_duplicate", recipe_hash=tables.recipe_hash)
    return {**found, "duplicates": tables.rows("duplicates", told, job=tables.job.name), "verdicts": verdicts}


def limit_of(params: NearDupParams) -> Column:
    """What the similarity of a left-out document was compared with, by its `method`."""
    from pyspark.sql import functions as F

    method, limit = params.by_sketch()
    return F.when(F.col("method") == method, F.lit(limit)).otherwise(F.lit(params.by_text()[1]))


def left_out_of(tables: Tables, params: NearDupParams, more: DataFrame | None) -> DataFrame:
    """Who is left out by the accepted pairs in the table and in `more`, by tables beyond the driver's bound."""
    from pyspark.sql import functions as F

    pairs = tables.own("pairs").where(F.col("kernel") == params.pairing()).drop("kernel")
    pairs = (pairs if more is None else pairs.unionByName(more)).where("is_accepted")
    crowded = tables.held.met.where("class_b IS NULL AND hot_key IS NULL").select(F.col("class_a").alias("set_hash")).distinct()
    return choose_survivors(tables, kept_sketches(tables, params), indexed(tables, params), crowded, pairs, params.ranking, params.families)


def kept_sketches(tables: Tables, params: NearDupParams) -> DataFrame:
    """doc_id, batch_id, set_hash of the documents with shingles that are kept now."""
    from pyspark.sql import functions as F

    rows = indexed(tables, params).select("doc_id", "batch_id", "set_hash")
    if not params.heeds:  # `forget` dropped what is no document any more
        return rows
    gone = tables.slice("verdicts").where(F.col("job").isin(list(params.heeds))).select("doc_id", "batch_id").distinct()
    return rows.join(gone, ["doc_id", "batch_id"], how="left_anti")


STEPS = (forget, sketch, pair, settle, choose)
WRITES = (Writes("sketches", "append"), Writes("pairs", "append"), Writes("hot_buckets", "job"), Writes("duplicates", "job"), Writes("verdicts", "job"))
