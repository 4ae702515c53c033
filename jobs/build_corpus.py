"""Write the curated corpus: every document that all filters kept, with its edits applied.

reads   docs, signals, verdicts, edits, duplicates; quality where it exists
writes  verdicts, corpus
run     spark-submit jobs/build_corpus.py --recipe conf/jobs/build_corpus.yaml --lake lakes/demo

Fails while a filter of the recipe has not processed a batch, since a document without verdict counts as kept.
The columns next to the text are joined before the text is read. A text is read and written again only where
its edits or those columns have changed; removed rows are marked by deletion vectors, without new files.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pydantic import PositiveInt

from gristmill.jobs.core.errors import ContractError, DataError
from gristmill.jobs.core.params import AppliesEdits, Filtered, LeavesOut
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.curation.expectations import Contracted, gate, load_contract
from gristmill.jobs.dedup.family_sizes import count_duplicates
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import counted
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.documents import edit_spans
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
# columns of CORPUS that come from the edited text; all
# others are facts, known before the text is read
OF_TEXT = ("text", "n_chars", "n_edits", "edits_hash")
FACTS = tuple(column for column in CORPUS.columns if column.name not in (*KEYS, *OF_TEXT))


class Params(Filtered, LeavesOut, AppliesEdits, Contracted):
    """See conf/jobs/build_corpus.yaml."""

    # Characters. A document that is shorter after its edits is left out as empty_after_edits.
    min_chars: PositiveInt
    # whether Great Expectations writes its pages into the lake's folder (local lakes only)
    data_docs: bool


def expected_rows(tables: JobContext, params: Params) -> DataFrame:
    """doc_id, batch_id, edits (JSON; null: none), edits_hash, facts (FACTS as JSON) of kept documents.

    No text is read.

        doc_id  batch_id  edits                                      edits_hash  facts
        a       one       [{"start":0,"end":4,"replacement":""}]     -31..       {"lang":"en",...}
        b       one       null                                       null        {"lang":"zh",...}
    """
    facts_of = facts(tables, params).select(*KEYS, _as_json().alias("facts"))
    # Left, so that require_facts can name the kept
    # documents that lack facts instead of losing them.
    rows = tables.documents.kept(params.skip_rejected_by).join(facts_of, KEYS, how="left")
    rows = rows.join(edit_spans(tables, params.edits), KEYS, how="left")
    return rows.select(*KEYS, "edits", "edits_hash", "facts")


def _as_json() -> Column:
    from pyspark.sql import functions as F

    return F.to_json(F.struct(*[column.name for column in FACTS]))


def present_rows(tables: JobContext, params: Params) -> DataFrame:
    """doc_id, batch_id, old_edits (edits_hash), old_facts (hash of the facts) of rows of corpus.

    Rows shorter than min_chars are left out, so that a raised min_chars has them written or dropped.
    """
    from pyspark.sql import functions as F

    rows = tables.own("corpus").where(F.col("n_chars") >= params.min_chars)
    return rows.select(
        *KEYS, F.col("edits_hash").alias("old_edits"), F.xxhash64(_as_json()).alias("old_facts")
    )


def changed_rows(tables: JobContext, params: Params) -> DataFrame:
    """Rows of `expected_rows` that corpus lacks or has with other edits or facts; staged.

    Raises ContractError as `require_facts`.
    """
    from pyspark.sql import functions as F

    rows = expected_rows(tables, params)
    if tables.output_exists("corpus"):
        # Hashes are compared, so that no text of the corpus is read to find out what has changed.
        present = present_rows(tables, params).withColumn("is_present", F.lit(True))
        is_same = F.col("edits_hash").eqNullSafe(F.col("old_edits")) & (
            F.xxhash64("facts") == F.col("old_facts")
        )
        rows = rows.join(present, KEYS, how="left").where(F.col("is_present").isNull() | ~is_same)
    changed = tables.stage("keys", rows.select(*KEYS, "edits", "edits_hash", "facts"))
    require_facts(changed)
    return changed


def write_corpus(tables: JobContext, params: Params) -> Outputs:
    """`corpus`, and a verdict for each document that its edits leave with fewer than min_chars characters.

    Raises DataError where fewer than min_kept documents would be kept, and ContractError where the corpus
    breaks its contract or a kept document has no signals. Nothing is written then.
    """
    from pyspark.sql import functions as F

    keys = changed_rows(tables, params)
    # Texts are joined with the keys only: Spark plans
    # the join by their size and skips all other batches.
    texts = tables.documents.texts(None, "text").join(keys, KEYS, how="inner")
    columns = (*KEYS, "text", "edits", "edits_hash", "facts")
    rows = tables.stage("edited", texts.select(*columns).mapInArrow(apply_batches, EDITED))
    short = rows.where(F.col("n_chars") < params.min_chars)
    verdicts = tables.verdicts(
        short,
        reason=F.lit("empty_after_edits"),
        value=F.col("n_chars").cast("double"),
        threshold=F.lit(float(params.min_chars)),
        rule=F.lit("build_corpus.min_chars"),
    )
    # Checked before the corpus is returned: an empty corpus is more often a wrong threshold than an
    # intention.
    n_kept = tables.documents.kept(params.skip_rejected_by).count() - short.count()
    if n_kept < params.min_kept:
        raise DataError(
            f"build_corpus: would keep {n_kept:,} documents; nothing written. If that is meant, lower "
            f"min_kept (it is {params.min_kept})"
        )
    written = with_facts(rows.where(F.col("n_chars") >= params.min_chars))
    site = (
        f"{tables.lake.local_root}/_data_docs/corpus" if params.data_docs and tables.lake.local_root else None
    )
    if not written.isEmpty():
        gate(written, load_contract(params.contract), 0.0, site)
    if not tables.output_exists("corpus"):
        return {"verdicts": verdicts, "corpus": written}
    # Removed are rows of documents that a filter rejects
    # now, that are too short now, or whose batch is gone.
    kept = tables.documents.kept(params.skip_rejected_by).join(short.select(*KEYS), KEYS, how="left_anti")
    removed = tables.own("corpus").select(*KEYS).join(kept, KEYS, how="left_anti")
    return {
        "verdicts": verdicts,
        "corpus": Change(written, tables.stage("gone", removed), ("doc_id", "batch_id")),
    }


def require_facts(keys: DataFrame) -> None:
    """Raises ContractError where documents that all filters kept have no row in signals.

    `keys`: batch_id, facts (null without signals).
    """
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
    """doc_id, batch_id and FACTS of all documents that have signals; no text is read."""
    from pyspark.sql import functions as F

    docs = tables.slice("docs").select(
        *KEYS, "bucket", "source", "url", "license", "domain_hint", "content_hash"
    )
    signals = tables.slice("signals").select(*KEYS, "lang", "lang_score", "n_words")
    # A corpus may be built before any quality is computed; its columns are null then.
    quality = tables.get("quality")
    quality = (tables.empty("quality") if quality is None else quality).select(
        *KEYS, "quality", F.col("bin").alias("quality_bin"), "tier"
    )
    rows = (
        with_domain(tables, docs)
        .join(signals, KEYS, how="inner")
        .join(count_duplicates(tables, params.skip_rejected_by), ["doc_id"], how="left")
    )
    # Columns that may not be null: a document without duplicates is its own family of one.
    defaults = {
        "domain": F.coalesce("domain", F.lit("unknown")),
        "n_duplicates": F.coalesce("n_duplicates", F.lit(0)),
        "family_size": F.coalesce("family_size", F.lit(1)),
    }
    columns = [
        defaults.get(column.name, F.col(column.name)).cast(column.type).alias(column.name) for column in FACTS
    ]
    return rows.join(quality, KEYS, how="left").select(*KEYS, *columns)


def with_facts(rows: DataFrame) -> DataFrame:
    """The columns of `corpus` from those of EDITED, whose `facts` are JSON."""
    from pyspark.sql import functions as F

    schema = ", ".join(f"{column.name} {column.type}" for column in FACTS)
    return (
        rows.withColumn("facts_of", F.from_json("facts", schema))
        .select(*rows.columns, "facts_of.*")
        .select(*CORPUS.names)
    )


def count_corpus(tables: JobContext, params: Params) -> Counts:
    """In: all documents of the lake; kept: rows of corpus; left out: by the reasons of all filters."""
    from pyspark.sql import functions as F

    verdicts = tables.own("verdicts").where(F.col("job").isin([*params.skip_rejected_by, tables.job.name]))
    docs = tables.slice("docs").select("doc_id", "batch_id")
    counts = counted(docs, verdicts.join(docs, ["doc_id", "batch_id"], how="left_semi"))
    return Counts(counts.rows_in, tables.own("corpus").count(), counts.rows_left_out, counts.reasons)


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
