"""Keep the best of all documents whose normalised text, or whose URL, is the same.

reads   docs, signals, verdicts; scores, quality, models where the ranking names them
writes  text_hashes, duplicates, verdicts
run     spark-submit jobs/dedup_exact.py --recipe conf/jobs/dedup_exact.yaml --lake lakes/demo

Text first, then URLs among the survivors; so each left-out document is itself equal to the one it names. The
text of a document is read once; the next batch meets its hash.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.params import Filtered, LeavesOut
from gristmill.jobs.core.routes import Label
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.curation.invalidation import drop_replaced
from gristmill.jobs.dedup.params import digest
from gristmill.jobs.dedup.ranking import EARLIER, Rank, ranked, unused_tables
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_verdicts
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.columns import text_hash
from gristmill.udfs.text.urls import ADDRESS

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


class Normalise(Strict):
    """What counts as the same text."""

    # typographic forms (full-width letters, ligatures), never powers, fractions, circled letters
    nfkc: bool
    casefold: bool
    # runs of white space count as one space, none at the ends
    collapse_whitespace: bool
    # Traditional characters count as Simplified (OpenCC)
    traditional_to_simplified: bool


class Params(Filtered, LeavesOut):
    """See conf/jobs/dedup_exact.yaml."""

    normalise: Normalise
    # domains in which one URL is one document, so that an equal URL is a duplicate too; [any], or [] for none
    url_domains: list[Label]
    # the first difference decides who stays; doc_id breaks the last tie
    ranking: list[Rank]

    def unused_tables(self) -> frozenset[str]:
        """JobContext that only other rankings look at."""
        return unused_tables(self.ranking)


def known(tables: JobContext, params: Params) -> DataFrame:
    """doc_id, batch_id, text_hash of the documents that were read before, under this normalisation."""
    from pyspark.sql import functions as F

    rows = tables.own("text_hashes").where(F.col("config_hash") == digest(params.normalise))
    return rows.select("doc_id", "batch_id", "text_hash")


def hash_texts(tables: JobContext, params: Params) -> Outputs:
    """`text_hashes` of the documents that earlier filters kept and that have none yet; one pass over
    their text."""
    from pyspark.sql import functions as F

    texts = tables.documents.kept(params.skip_rejected_by, "text")
    if tables.output_exists("text_hashes"):
        kept = tables.documents.kept(params.skip_rejected_by)
        todo = tables.documents.not_done_yet(kept, "text_hashes", config_hash=digest(params.normalise))
        todo = tables.stage("todo", todo)
        if todo.isEmpty():
            return {}
        texts = tables.documents.texts(todo, "text")
    hash_of = text_hash(**params.normalise.model_dump())
    named = F.lit(digest(params.normalise)).alias("config_hash")
    return {"text_hashes": texts.select(named, "doc_id", "batch_id", hash_of("text").alias("text_hash"))}


def keyed(tables: JobContext, params: Params) -> DataFrame:
    """doc_id, batch_id, text_hash, url_key of the documents that earlier filters kept: narrow rows only."""
    from pyspark.sql import functions as F

    keys = ["doc_id", "batch_id"]
    counts = F.lit(True) if params.url_domains == ["any"] else F.col("domain").isin(params.url_domains)
    docs = with_domain(tables, tables.documents.kept(params.skip_rejected_by, "url", "domain_hint"))
    urls = docs.select(*keys, F.when(counts, url_key(F.col("url"))).alias("url_key"))
    return known(tables, params).join(urls, keys, how="inner")


def url_key(url: Column) -> Column:
    """A URL without scheme, `www.`, fragment and closing slash, host in lower case and escapes (`%e4`)
    in upper; null when it has no host."""
    from pyspark.sql import functions as F

    bare = F.regexp_replace(
        F.regexp_replace(F.trim(url), "#.*$", ""), "(?i)^(?:(?:[a-z][a-z0-9+.-]*:)?//)?(www\\.)?", ""
    )
    bare = F.regexp_replace(bare, "/+$", "")
    host = F.lower(F.regexp_extract(bare, "^[^/?]*", 0))
    # each begins with its escape, but for the first
    pieces = F.split(F.regexp_extract(bare, "^[^/?]*(.*)$", 1), "(?=%[0-9A-Fa-f]{2})")
    rest = F.concat_ws(
        "",
        F.transform(
            pieces,
            lambda piece: F.when(
                piece.startswith("%"), F.concat(F.upper(piece.substr(1, 3)), F.substring(piece, 4, 1 << 30))
            ).otherwise(piece),
        ),
    )
    return F.when(url.rlike(ADDRESS) & (F.length(bare) > 0), F.concat(host, rest))


def copies_of(rows: DataFrame, key: str, order: list[str], method: str) -> DataFrame:
    """Every row of `rows` with survivor and family of its group by `key`; `is_out` where it is not the
    survivor itself."""
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    group = (
        Window.partitionBy(key)
        .orderBy(*order)
        .rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    )
    best = F.when(F.col(key).isNotNull(), F.first("doc_id").over(group)).otherwise(F.col("doc_id"))
    family = F.when(F.col(key).isNotNull(), F.min("doc_id").over(group)).otherwise(F.col("doc_id"))
    return rows.select(
        "*", best.alias("dup_of"), family.alias("family_id"), F.lit(method).alias("method")
    ).withColumn("is_out", F.col("dup_of") != F.col("doc_id"))


def find_copies(tables: JobContext, params: Params) -> Outputs:
    """`duplicates` and `verdicts` of all batches."""
    from pyspark.sql import functions as F

    rows, order = ranked(tables, keyed(tables, params), params.ranking)
    rows = tables.stage("hashes", rows)
    by_text = copies_of(rows, "text_hash", order, "content")
    out = by_text.where("is_out").select("doc_id", "batch_id", "dup_of", "family_id", "method")
    if params.url_domains:
        stay = by_text.where(~F.col("is_out")).select(*rows.columns)
        by_url = copies_of(stay.where(F.col("url_key").isNotNull()), "url_key", order, "url")
        out = out.unionByName(
            by_url.where("is_out").select("doc_id", "batch_id", "dup_of", "family_id", "method")
        )
    out = tables.stage("copies", out)
    own = F.lit(tables.job.name).alias("job")
    duplicates = out.select(
        own, "doc_id", "batch_id", "dup_of", "method", F.lit(1.0).alias("similarity"), "family_id"
    )
    verdicts = out.select(
        own,
        "doc_id",
        "batch_id",
        F.when(F.col("method") == "url", "same_url").otherwise("same_text").alias("reason"),
        F.lit(1.0).alias("value"),
        F.lit(1.0).alias("threshold"),
        F.concat(F.lit("dedup_exact."), "method").alias("rule"),
        F.lit(tables.recipe_hash).alias("recipe_hash"),
    )
    return {"duplicates": duplicates, "verdicts": verdicts}


JOB = Job(
    "dedup_exact",
    Params,
    reads=("docs", "signals", "verdicts"),
    writes=(Writes("text_hashes", "append"), Writes("duplicates", "job"), Writes("verdicts", "job")),
    steps=(drop_replaced, hash_texts, find_copies),
    scope="lake",
    count=count_verdicts,
    about=__doc__,
    looks_at=("domains", *EARLIER),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
