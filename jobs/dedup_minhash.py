"""Keep the best of every family of near-duplicates; every left-out document is itself alike to the one it names.

reads   docs, signals, verdicts
writes  sketches, pairs, duplicates, verdicts
run     spark-submit jobs/dedup_minhash.py --recipe conf/dedup_minhash.yaml --lake lakes/demo

1. sketch: each kept document that has no sketch yet gets one; documents of equal shingle sets form one class.
2. pair: classes that share a band are candidates; sketches decide what is far from the limit, texts the rest.
3. choose: survivors are the lexicographically first maximal independent set under the ranking, so no two survivors are
   verified duplicates and a chain of pairs never makes a family.
"""

from __future__ import annotations

import functools
import hashlib
import sys
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from jobs.core import small_pairs
from jobs.core.background import in_background
from jobs.core.config import Strict
from jobs.core.counts import count_verdicts
from jobs.core.families import choose_survivors
from jobs.core.job import Delete, Job, Tables, Writes, main
from jobs.core.pairs import candidate_pairs, documents_in, verified_by_text
from jobs.core.ranking import Rank
from udfs.folding import FoldParams
from udfs.minhash import MinHashParams, meeting_probability, permutations
from udfs.neardup import COMPARED, SKETCHED, PairRule, compare_sketches, sketch_documents
from udfs.shingles import ShingleParams

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Params(Strict):
    """See conf/dedup_minhash.yaml for every number and its source."""

    heeds: list[str]  # judges whose left-out documents are not looked at
    unit: Literal["auto", "words", "characters"]  # auto: characters where min_unspaced_share of them are Han, Kana, Thai, ...
    words: PositiveInt  # words in a word shingle
    characters: PositiveInt  # characters in a character shingle
    min_unspaced_share: float = Field(ge=0, le=1)
    nfkc: bool
    casefold: bool
    simplify: bool  # Traditional characters count as Simplified
    permutations: PositiveInt
    bands: PositiveInt
    rows: PositiveInt  # permutations in one band; pairs start to meet near Jaccard (1/bands) ** (1/rows)
    seed: NonNegativeInt
    bits: Literal[1, 2, 4, 8, 16]  # of each minimum that the sketch keeps
    measure: Literal["jaccard", "containment"]
    min_similarity: float = Field(gt=0, le=1)  # at least this alike: a duplicate
    n_sigma: PositiveFloat  # a sketch decides only this many standard errors from the limit
    exact_only: bool  # compare every candidate by text
    max_bucket: PositiveInt  # classes that share one band key; beyond, only neighbours in doc_id order and the first are paired
    keep_rejected: bool  # whether rejected pairs are kept in `pairs`
    families: Literal["independent_set", "components"]
    ranking: list[Rank]  # the first difference decides who stays; doc_id breaks the last tie
    min_kept: NonNegativeInt  # documents

    @model_validator(mode="after")
    def _bands_fit(self) -> Params:
        self.minhash()
        return self

    def minhash(self) -> MinHashParams:
        """The kernel's parameters."""
        fold = FoldParams(nfkc=self.nfkc, casefold=self.casefold, simplify=self.simplify)
        shingles = ShingleParams(self.words, self.characters, self.unit, self.min_unspaced_share, fold)
        return MinHashParams(shingles, self.permutations, self.bands, self.rows, self.seed, self.bits)

    def rule(self) -> PairRule:
        """When a pair is accepted."""
        return PairRule(self.measure, self.min_similarity, self.n_sigma, self.exact_only)

    def kernel(self) -> str:
        """Hash of what makes a sketch; sketches of equal kernels compare."""
        return _digest(self.minhash())

    def pairing(self) -> str:
        """Hash of what makes a pair: the kernel, the rule, the cap."""
        return _digest((self.minhash(), self.rule(), self.max_bucket))

    def preload(self) -> None:
        """datasketch, pandas and numba take the driver two seconds, which the JVM needs to start anyway."""
        import pandas  # noqa: F401

        from udfs import pairing, survivors  # noqa: F401

        permutations(self.permutations, self.seed)

    def notes(self) -> list[str]:
        """The S-curve, for `gristmill check`."""
        points = ", ".join(f"{j:.2f}: {float(meeting_probability(j, self.bands, self.rows)):.4f}" for j in (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9))
        return [f"probability that a pair of this Jaccard shares a band ({self.bands} x {self.rows}): {points}"]


def _digest(value: Any) -> str:
    return hashlib.blake2b(repr(value).encode(), digest_size=8).hexdigest()


def forget(tables: Tables, params: Params) -> dict[str, Any]:
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


def sketch(tables: Tables, params: Params) -> dict[str, Any]:
    """`sketches` of the kept documents that have none of this kernel yet: one pass over their text."""
    if tables.n_documents() <= small_pairs.DOCUMENTS:
        return sketch_small(tables, params)
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    known = tables.own("sketches").where(F.col("kernel") == params.kernel())
    todo = tables.kept(params.heeds).join(known.select("doc_id", "batch_id"), ["doc_id", "batch_id"], how="left_anti")
    texts = tables.texts(todo, "content_hash", "text").select("doc_id", "batch_id", "content_hash", "text")
    made = sketched(tables, params, texts)
    group = Window.partitionBy("set_hash").orderBy("doc_id")
    classes = known.where("is_first").select("set_hash", F.lit(True).alias("is_known"))
    first = (F.row_number().over(group) == 1) & F.col("is_known").isNull() & (F.col("n_shingles") > 0)
    rows = made.join(classes, ["set_hash"], how="left").withColumn("is_first", first)
    return {"sketches": as_sketches(rows, params)}


def sketched(tables: Tables, params: Params, texts: DataFrame) -> DataFrame:
    """The kernel's columns (udfs.neardup.SKETCHED) of doc_id, batch_id, content_hash, text."""
    kernel = functools.partial(sketch_documents, params=params.minhash(), permuted=permutations(params.permutations, params.seed))
    return tables.stage("sketched", texts.select("doc_id", "batch_id", "content_hash", "text").mapInArrow(kernel, SKETCHED))


def as_sketches(rows: DataFrame, params: Params) -> DataFrame:
    """The columns of `sketches`: only the first of a class carries its sketch and bands."""
    from pyspark.sql import functions as F

    return rows.select(
        "doc_id", "batch_id", F.lit(params.kernel()).alias("kernel"), "content_hash", "n_shingles", "set_hash", "is_first",
        F.when(F.col("is_first"), F.col("sketch")).alias("sketch"), F.when(F.col("is_first"), F.col("bands")).alias("bands"),
    )  # fmt: skip


def sketch_small(tables: Tables, params: Params) -> dict[str, Any]:
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


def pair(tables: Tables, params: Params) -> dict[str, Any]:
    """`pairs` between the classes that the last run of this pairing had not seen and all classes."""
    from pyspark.sql import functions as F

    if tables.held and (small := tables.held.pairing.result()) is not None:
        return {"pairs": small}
    tables.held = None
    sketches = tables.own("sketches").where((F.col("kernel") == params.kernel()) & F.col("is_first"))
    old = paired_before(tables, params)
    known = tables.own("pairs").where(F.col("kernel") == params.pairing()).select("doc_a", "doc_b")
    candidates = candidate_pairs(sketches, old, params.max_bucket).join(known, ["doc_a", "doc_b"], how="left_anti")
    side = sketches.select("doc_id", "n_shingles", "sketch")
    both = candidates.join(side.toDF("doc_a", "n_a", "sketch_a"), "doc_a", how="inner").join(side.toDF("doc_b", "n_b", "sketch_b"), "doc_b", how="inner")
    kernel = functools.partial(compare_sketches, params=params.minhash(), rule=params.rule())
    compared = tables.stage("compared", both.select("doc_a", "doc_b", "n_a", "n_b", "sketch_a", "sketch_b").mapInArrow(kernel, COMPARED))
    unsure = compared.where("verdict = 0").select("doc_a", "doc_b").toPandas()
    documents = documents_in(tables, unsure) if len(unsure) else unsure
    exact = verified_by_text(tables, unsure, documents, params.minhash().shingles, params.measure)
    by_sketch = compared.where("verdict <> 0").select("doc_a", "doc_b", "similarity", F.lit("sketch").alias("method"), (F.col("verdict") == 1).alias("is_accepted"))
    by_text = exact.select("doc_a", "doc_b", "similarity", F.lit("exact").alias("method"), (F.col("similarity") >= params.min_similarity).alias("is_accepted"))
    return {"pairs": as_pairs(by_sketch.unionByName(by_text), params)}


def paired_before(tables: Tables, params: Params) -> DataFrame | None:
    """doc_id of the classes that the last finished run of this pairing had seen; None without one."""
    from pyspark.sql import functions as F

    done = tables.before("sketches", lambda recipe: Params.model_validate_json(recipe).pairing() == params.pairing())
    return done.where((F.col("kernel") == params.kernel()) & F.col("is_first")).select("doc_id") if done else None


def as_pairs(rows: DataFrame, params: Params) -> DataFrame:
    """The columns of `pairs`, without the rejected ones where the recipe says so."""
    from pyspark.sql import functions as F

    rows = rows.where(F.col("is_accepted") | F.lit(params.keep_rejected))
    return rows.select(F.lit(params.pairing()).alias("kernel"), "doc_a", "doc_b", "similarity", "method", "is_accepted")


def pair_small(tables: Tables, params: Params, held: small_pairs.Held) -> DataFrame | None:
    """New rows of `pairs` from what is held, which then holds the old ones too; None when the buckets hold more pairs than the driver should."""
    import pandas as pd
    from pyspark.sql import functions as F

    if tables.owns("pairs"):
        held.pairs = tables.own("pairs").where(F.col("kernel") == params.pairing()).select(*small_pairs.PAIRED).toPandas()
    old = paired_before(tables, params)
    seen = set(old.toPandas().doc_id) if old else set()
    made = small_pairs.pair_classes(tables, held, seen, params.minhash(), params.rule(), params.max_bucket)
    if made is None:
        return None
    held.pairs = pd.concat([held.pairs, made], ignore_index=True) if len(held.pairs) else made
    schema = "doc_a string, doc_b string, similarity double, method string, is_accepted boolean"
    return as_pairs(tables.frame(made, schema), params)


def choose(tables: Tables, params: Params) -> dict[str, Any]:
    """`duplicates` and `verdicts` of all batches, from the accepted pairs among the documents that are kept now."""
    from pyspark.sql import functions as F

    out = small_pairs.survivors_of(tables, tables.held, params.families) if tables.held else choose_large(tables, params)
    own = F.lit(tables.job.name).alias("job")
    duplicates = out.select(own, "doc_id", "batch_id", "dup_of", "method", "similarity", "family_id")
    verdicts = out.select(
        own, "doc_id", "batch_id", F.lit("near_duplicate").alias("reason"), F.col("similarity").alias("value"),
        F.lit(params.min_similarity).alias("limit"), F.concat(F.lit("dedup_minhash."), "method").alias("rule"),
        F.lit(tables.recipe_hash).alias("recipe_hash"),
    )  # fmt: skip
    return {"duplicates": duplicates, "verdicts": verdicts}


def choose_large(tables: Tables, params: Params) -> DataFrame:
    """Who is left out, by tables beyond the driver's bound."""
    from pyspark.sql import functions as F

    sketches = tables.own("sketches").where((F.col("kernel") == params.kernel()) & (F.col("n_shingles") > 0))
    kept = tables.kept(params.heeds).join(sketches.select("doc_id", "batch_id", "set_hash"), ["doc_id", "batch_id"], how="inner")
    firsts = sketches.where("is_first").select("doc_id", "set_hash")
    pairs = tables.own("pairs").where((F.col("kernel") == params.pairing()) & F.col("is_accepted"))
    return tables.stage("survivors", choose_survivors(tables, kept, firsts, pairs, params.ranking, params.families))


JOB = Job(
    "dedup_minhash", Params, reads=("docs", "signals", "verdicts"),
    writes=(Writes("sketches", "append"), Writes("pairs", "append"), Writes("duplicates", "job"), Writes("verdicts", "job")),
    steps=(forget, sketch, pair, choose), scope="lake", count=count_verdicts, about=__doc__,
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(JOB))
