"""Write the curated corpus: every document that all filters kept, with its edits applied.

reads   docs, signals, verdicts, edits, duplicates; quality where it is there
writes  verdicts, corpus
run     spark-submit jobs/build_corpus.py --recipe conf/jobs/build_corpus.yaml --lake lakes/demo

Refuses while a judge of the recipe has not covered a batch: a document without verdict would otherwise pass
unseen. What stands beside the text is joined among narrow rows. A text is read and written again only where
its edits or what stands beside it have changed; rows that go are marked in files that stay as they are.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pydantic import PositiveInt

from gristmill.jobs.core.errors import ContractError, DataError
from gristmill.jobs.core.params import AppliesEdits, Filtered, LeavesOut
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.curation.expectations import Contracted, gate, load_contract
from gristmill.jobs.dedup.family_sizes import stood_for
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import counted
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.job import Change, Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.jobs.schema.documents import CORPUS
from gristmill.udfs.edit.edits import apply_batches

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

KEYS = ["doc_id", "batch_id"]
EDITED = (
    "doc_id string, batch_id string, text string, n_chars bigint, n_edits int, edits_hash bigint, "
    "facts string"
)
OF_TEXT = ("text", "n_chars", "n_edits", "edits_hash")
FACTS = tuple(column for column in CORPUS.columns if column.name not in (*KEYS, *OF_TEXT))


class Params(Filtered, LeavesOut, AppliesEdits, Contracted):
    """See conf/jobs/build_corpus.yaml."""

    # characters; a document that its edits leave shorter is left out as empty_after_edits
    min_chars: PositiveInt
    # whether Great Expectations writes its pages beside the lake (local lakes only)
    data_docs: bool


def wanted(tables: JobContext, params: Params) -> DataFrame:
    """doc_id, batch_id, edits (JSON; null: none), edits_hash, facts (FACTS as JSON) of the kept
    documents: narrow rows."""
    from pyspark.sql import functions as F

    span = F.struct("start", "end", "replacement")
    spans = tables.slice("edits").where(F.col("job").isin(params.edits)).groupBy(*KEYS)
    told = facts(tables, params).select(*KEYS, _as_json().alias("facts"))
    rows = tables.documents.kept(params.skip_rejected_by).join(told, KEYS, how="left")
    rows = rows.join(spans.agg(F.array_sort(F.collect_list(span)).alias("spans")), KEYS, how="left")
    edits = F.to_json("spans")
    hashed = F.when(edits.isNotNull(), F.xxhash64(edits)).alias("edits_hash")
    return rows.select(*KEYS, edits.alias("edits"), hashed, "facts")


def _as_json() -> Column:
    from pyspark.sql import functions as F

    return F.to_json(F.struct(*[column.name for column in FACTS]))


def standing(tables: JobContext, params: Params) -> DataFrame:
    """doc_id, batch_id, was_edited (edits_hash), was_told (hash of the facts) of the rows of corpus that
    may stay."""
    from pyspark.sql import functions as F

    rows = tables.own("corpus").where(F.col("n_chars") >= params.min_chars)
    return rows.select(
        *KEYS, F.col("edits_hash").alias("was_edited"), F.xxhash64(_as_json()).alias("was_told")
    )


def to_write(tables: JobContext, params: Params) -> DataFrame:
    """The rows of `wanted` that corpus does not hold as they are now, staged.

    Raises ContractError as `require_facts`.
    """
    from pyspark.sql import functions as F

    rows = wanted(tables, params)
    if tables.output_exists("corpus"):
        before = standing(tables, params).withColumn("is_there", F.lit(True))
        is_same = F.col("edits_hash").eqNullSafe(F.col("was_edited")) & (
            F.xxhash64("facts") == F.col("was_told")
        )
        rows = rows.join(before, KEYS, how="left").where(F.col("is_there").isNull() | ~is_same)
    found = tables.stage("keys", rows.select(*KEYS, "edits", "edits_hash", "facts"))
    require_facts(found)
    return found


def write_corpus(tables: JobContext, params: Params) -> Outputs:
    """`corpus`, and a verdict for each document of which the edits left nothing."""
    from pyspark.sql import functions as F

    keys = to_write(tables, params)
    # Text stands beside the keys alone: Spark plans the join by their size, and reads no batch that they do
    # not name.
    texts = tables.documents.texts(None, "text").join(keys, KEYS, how="inner")
    columns = (*KEYS, "text", "edits", "edits_hash", "facts")
    rows = tables.stage("edited", texts.select(*columns).mapInArrow(apply_batches, EDITED))
    short = rows.where(F.col("n_chars") < params.min_chars)
    verdicts = short.select(
        F.lit(tables.job.name).alias("job"),
        "doc_id",
        "batch_id",
        F.lit("empty_after_edits").alias("reason"),
        F.col("n_chars").cast("double").alias("value"),
        F.lit(float(params.min_chars)).alias("threshold"),
        F.lit("build_corpus.min_chars").alias("rule"),
        F.lit(tables.recipe_hash).alias("recipe_hash"),
    )
    n_kept = tables.documents.kept(params.skip_rejected_by).count() - short.count()
    if n_kept < params.min_kept:
        raise DataError(
            f"build_corpus: would keep {n_kept:,} documents; nothing written. If that is meant, lower "
            f"min_kept (it is {params.min_kept})"
        )
    made = with_facts(rows.where(F.col("n_chars") >= params.min_chars))
    site = (
        f"{tables.lake.local_root}/_data_docs/corpus" if params.data_docs and tables.lake.local_root else None
    )
    if not made.isEmpty():
        gate(made, load_contract(params.contract), 0.0, site)
    if not tables.output_exists("corpus"):
        return {"verdicts": verdicts, "corpus": made}
    stays = tables.documents.kept(params.skip_rejected_by).join(short.select(*KEYS), KEYS, how="left_anti")
    gone = tables.own("corpus").select(*KEYS).join(stays, KEYS, how="left_anti")
    return {"verdicts": verdicts, "corpus": Change(made, tables.stage("gone", gone), ("doc_id", "batch_id"))}


def require_facts(keys: DataFrame) -> None:
    """Raises ContractError where documents that all filters kept have no row in signals."""
    from pyspark.sql import functions as F

    batches = {
        row["batch_id"]: row["n"]
        for row in keys.where("facts IS NULL").groupBy("batch_id").agg(F.count("*").alias("n")).collect()
    }
    if not batches:
        return
    listed = ", ".join(f"{n:,} of batch {batch}" for batch, n in sorted(batches.items()))
    raise ContractError(
        f"build_corpus: {sum(batches.values()):,} documents that were kept have no row in signals "
        f"({listed}); nothing was written. "
        "Run measure_text again (`gristmill run measure_text --batch NAME`)"
    )


def facts(tables: JobContext, params: Params) -> DataFrame:
    """doc_id, batch_id and FACTS of all documents that have signals: narrow rows only."""
    from pyspark.sql import functions as F

    docs = tables.slice("docs").select(
        *KEYS, "bucket", "source", "url", "license", "domain_hint", "content_hash"
    )
    signals = tables.slice("signals").select(*KEYS, "lang", "lang_score", "n_words")
    quality = tables.get("quality")
    quality = (tables.empty("quality") if quality is None else quality).select(
        *KEYS, "quality", F.col("bin").alias("quality_bin"), "tier"
    )
    rows = (
        with_domain(tables, docs)
        .join(signals, KEYS, how="inner")
        .join(stood_for(tables, params.skip_rejected_by), ["doc_id"], how="left")
    )
    made = {
        "domain": F.coalesce("domain", F.lit("unknown")),
        "n_duplicates": F.coalesce("n_duplicates", F.lit(0)),
        "family_size": F.coalesce("family_size", F.lit(1)),
    }
    columns = [
        made.get(column.name, F.col(column.name)).cast(column.type).alias(column.name) for column in FACTS
    ]
    return rows.join(quality, KEYS, how="left").select(*KEYS, *columns)


def with_facts(rows: DataFrame) -> DataFrame:
    """The columns of `corpus` from those of EDITED."""
    from pyspark.sql import functions as F

    schema = ", ".join(f"{column.name} {column.type}" for column in FACTS)
    return (
        rows.withColumn("told", F.from_json("facts", schema))
        .select(*rows.columns, "told.*")
        .select(*CORPUS.names)
    )


def count_corpus(tables: JobContext, params: Params) -> Counts:
    """In: every document of the lake; kept: rows of corpus; left out: by the reasons of all judges."""
    from pyspark.sql import functions as F

    verdicts = tables.own("verdicts").where(F.col("job").isin([*params.skip_rejected_by, tables.job.name]))
    docs = tables.slice("docs").select("doc_id", "batch_id")
    found = counted(docs, verdicts.join(docs, ["doc_id", "batch_id"], how="left_semi"))
    return Counts(found.rows_in, tables.own("corpus").count(), found.rows_left_out, found.reasons)


JOB = Job(
    "build_corpus",
    Params,
    reads=("docs", "signals", "verdicts", "edits", "duplicates"),
    writes=(Writes("verdicts", "job"), Writes("corpus", "append")),
    steps=(write_corpus,),
    scope="lake",
    count=count_corpus,
    about=__doc__,
    looks_at=("quality", "domains"),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
