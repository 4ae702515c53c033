"""Write the curated corpus: every document that all judges kept, with its edits applied.

reads   docs, signals, verdicts, edits, duplicates; quality where it is there
writes  verdicts, corpus
run     spark-submit jobs/build_corpus.py --recipe conf/build_corpus.yaml --lake lakes/demo

Refuses while a judge of the recipe has not covered a batch: a document without verdict would otherwise pass unseen.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pydantic import NonNegativeInt, PositiveInt

from jobs.core.config import Strict
from jobs.core.contract import gate, load_contract
from jobs.core.counts import counted
from jobs.core.domains import with_domain
from jobs.core.errors import DataError
from jobs.core.job import Counts, Job, Tables, Writes, main
from udfs.edits import apply_batches

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

EDITED = "doc_id string, batch_id string, text string, n_chars bigint, n_edits int"


class Params(Strict):
    """See conf/build_corpus.yaml."""

    heeds: list[str]  # the judges whose verdicts decide; each must have covered every batch
    edits: list[str]  # the jobs whose edits are applied
    min_chars: PositiveInt  # characters; a document that its edits leave shorter is left out as empty_after_edits
    min_kept: NonNegativeInt  # documents
    contract: str  # suite in conf/expectations that the corpus must meet
    data_docs: bool  # whether Great Expectations writes its pages beside the lake (local lakes only)


def edited(tables: Tables, params: Params) -> DataFrame:
    """doc_id, batch_id, text, n_chars, n_edits of the kept documents; text is joined with narrow rows only."""
    from pyspark.sql import functions as F

    kept = tables.kept(params.heeds)
    spans = tables.slice("edits").where(F.col("job").isin(params.edits)).groupBy("doc_id", "batch_id").agg(
        F.collect_list(F.struct("start", "end", "replacement")).alias("edits")
    )
    texts = tables.texts(kept, "text").join(F.broadcast(spans), ["doc_id", "batch_id"], how="left")
    return texts.select("doc_id", "batch_id", "text", "edits").mapInArrow(apply_batches, EDITED)


def write_corpus(tables: Tables, params: Params) -> dict[str, DataFrame]:
    """`corpus`, and a verdict for each document of which the edits left nothing."""
    from pyspark.sql import functions as F

    rows = tables.stage("edited", edited(tables, params))
    short = rows.where(F.col("n_chars") < params.min_chars)
    verdicts = short.select(
        F.lit(tables.job.name).alias("job"), "doc_id", "batch_id", F.lit("empty_after_edits").alias("reason"),
        F.col("n_chars").cast("double").alias("value"), F.lit(float(params.min_chars)).alias("limit"),
        F.lit("build_corpus.min_chars").alias("rule"), F.lit(tables.recipe_hash).alias("recipe_hash"),
    )  # fmt: skip
    corpus = tables.stage("corpus", with_facts(tables, rows.where(F.col("n_chars") >= params.min_chars)))
    n_kept = corpus.count()
    if n_kept < params.min_kept:
        raise DataError(f"build_corpus: would keep {n_kept:,} documents; nothing written. If that is meant, lower min_kept (it is {params.min_kept})")
    site = f"{tables.lake.local_root}/_data_docs/corpus" if params.data_docs and tables.lake.local_root else None
    if n_kept:
        gate(corpus, load_contract(params.contract), 0.0, site)
    return {"verdicts": verdicts, "corpus": corpus}


def with_facts(tables: Tables, rows: DataFrame) -> DataFrame:
    """The columns a trainer or analyst filters by, from docs, signals and duplicates."""
    from pyspark.sql import functions as F

    docs = with_domain(tables, tables.slice("docs").select("doc_id", "batch_id", "bucket", "source", "url", "license", "domain_hint", "content_hash"))
    signals = tables.slice("signals").select("doc_id", "batch_id", "lang", "lang_score", "n_words")
    replaced = tables["duplicates"].groupBy(F.col("dup_of").alias("doc_id")).agg(F.count("*").alias("n_duplicates"))
    quality = tables.get("quality")
    quality = tables.empty("quality") if quality is None else quality
    narrow = docs.join(signals, ["doc_id", "batch_id"], how="inner").join(replaced, ["doc_id"], how="left")
    narrow = narrow.join(quality.select("doc_id", "batch_id", "quality", F.col("bin").alias("quality_bin"), "tier"), ["doc_id", "batch_id"], how="left")
    return rows.join(F.broadcast(narrow), ["doc_id", "batch_id"], how="inner").select(
        "doc_id", "batch_id", "bucket", "source", "url", "license", "lang", F.col("lang_score").cast("double").alias("lang_score"),
        F.coalesce("domain", F.lit("unknown")).alias("domain"), "text", "n_chars", F.col("n_words").cast("bigint").alias("n_words"),
        "n_edits", "quality", "quality_bin", "tier", F.coalesce("n_duplicates", F.lit(0)).cast("bigint").alias("n_duplicates"), "content_hash",
    )  # fmt: skip


def count_corpus(tables: Tables, params: Params) -> Counts:
    """In: every document of the lake; kept: rows of corpus; left out: by the reasons of all judges."""
    from pyspark.sql import functions as F

    verdicts = tables.own("verdicts").where(F.col("job").isin([*params.heeds, tables.job.name]))
    docs = tables.slice("docs").select("doc_id", "batch_id")
    found = counted(docs, verdicts.join(docs, ["doc_id", "batch_id"], how="left_semi"))
    return Counts(found.rows_in, tables.own("corpus").count(), found.rows_left_out, found.reasons)


JOB = Job(
    "build_corpus", Params, reads=("docs", "signals", "verdicts", "edits", "duplicates"),
    writes=(Writes("verdicts", "job"), Writes("corpus", "all")), steps=(write_corpus,), scope="lake", count=count_corpus, about=__doc__,
    looks_at=("quality", "domains"),
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(JOB))
