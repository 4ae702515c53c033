"""Keep the best of all documents whose normalised text, or whose URL, is the same.

reads   docs, signals, verdicts; scores, quality, models where the ranking names them
writes  text_hashes, duplicates, verdicts
run     spark-submit jobs/dedup_exact.py --recipe conf/jobs/dedup_exact.yaml --lake lakes/demo

Text first, then URLs among the survivors, so that each removed document is itself equal to the survivor it
names. The text of a document is read once; later batches are compared with its hash.
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
from gristmill.jobs.dedup.ranking import RANKING_TABLES, Rank, unused_tables, with_rank_columns
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

    # NFKC of typographic forms (full-width letters, ligatures). Powers, fractions
    # and circled letters are kept, since folding them would change the meaning.
    nfkc: bool
    casefold: bool
    # runs of white space count as one space, none at the ends
    collapse_whitespace: bool
    # Traditional characters count as Simplified (OpenCC)
    traditional_to_simplified: bool


class Params(Filtered, LeavesOut):
    """See conf/jobs/dedup_exact.yaml."""

    normalise: Normalise
    # domains in which one URL is one document, so that an
    # equal URL is a duplicate too; [any], or [] for none
    url_domains: list[Label]
    # The first criterion that differs decides which copy is kept; doc_id breaks ties.
    ranking: list[Rank]

    def unused_tables(self) -> frozenset[str]:
        """Tables of RANKING_TABLES that no criterion of this ranking reads."""
        return unused_tables(self.ranking)


def hashes_of(tables: JobContext, params: Params) -> DataFrame:
    """doc_id, batch_id, text_hash of the rows of `text_hashes` with this recipe's normalisation."""
    from pyspark.sql import functions as F

    rows = tables.own("text_hashes").where(F.col("config_hash") == digest(params.normalise))
    return rows.select("doc_id", "batch_id", "text_hash")


def hash_texts(tables: JobContext, params: Params) -> Outputs:
    """New rows of `text_hashes`, for kept documents that have none yet; one pass over their texts."""
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
    config = F.lit(digest(params.normalise)).alias("config_hash")
    return {"text_hashes": texts.select(config, "doc_id", "batch_id", hash_of("text").alias("text_hash"))}


def keys_of(tables: JobContext, params: Params) -> DataFrame:
    """doc_id, batch_id, text_hash, url_key of the documents that earlier filters kept; no text is read.

    url_key is null outside `url_domains` and for what is no URL.
    """
    from pyspark.sql import functions as F

    keys = ["doc_id", "batch_id"]
    # Outside these domains an equal URL says nothing of the text.
    is_compared = F.lit(True) if params.url_domains == ["any"] else F.col("domain").isin(params.url_domains)
    docs = with_domain(tables, tables.documents.kept(params.skip_rejected_by, "url", "domain_hint"))
    urls = docs.select(*keys, F.when(is_compared, url_key(F.col("url"))).alias("url_key"))
    return hashes_of(tables, params).join(urls, keys, how="inner")


def url_key(url: Column) -> Column:
    """A URL without scheme, `www.`, fragment and trailing slashes; null where it has no host.

    The host is in lower case and percent escapes are in upper case (RFC 3986, section 6.2.2.1).

        https://www.Example.com/a%e4/#top  ->  example.com/a%E4
    """
    from pyspark.sql import functions as F

    bare = F.regexp_replace(
        F.regexp_replace(F.trim(url), "#.*$", ""), "(?i)^(?:(?:[a-z][a-z0-9+.-]*:)?//)?(www\\.)?", ""
    )
    bare = F.regexp_replace(bare, "/+$", "")
    host = F.lower(F.regexp_extract(bare, "^[^/?]*", 0))
    # Spark's regexp_replace cannot change the case of a match, so the path
    # is split before each escape: all pieces but the first begin with one.
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


def with_survivors(rows: DataFrame, key: str, order: list[str], method: str) -> DataFrame:
    """`rows` with dup_of, family_id, method and is_out: the survivor and family of the row's group by `key`.

    dup_of: the first doc_id in `order`; family_id: the lowest doc_id; is_out: whether the row is not the
    survivor. A row whose key is null is a group of its own.

        key h, order [rank_0, doc_id]: doc_id  rank_0   result: doc_id  dup_of  family_id  is_out
                                       a       -10.0            a       b       a          true
                                       b       -12.0            b       b       a          false
    """
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    group = (
        Window.partitionBy(key)
        .orderBy(*order)
        .rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    )
    # Rows without a key share a window partition (null), so their own doc_id is taken instead.
    best = F.when(F.col(key).isNotNull(), F.first("doc_id").over(group)).otherwise(F.col("doc_id"))
    family = F.when(F.col(key).isNotNull(), F.min("doc_id").over(group)).otherwise(F.col("doc_id"))
    return rows.select(
        "*", best.alias("dup_of"), family.alias("family_id"), F.lit(method).alias("method")
    ).withColumn("is_out", F.col("dup_of") != F.col("doc_id"))


def find_copies(tables: JobContext, params: Params) -> Outputs:
    """`duplicates` and `verdicts` of all batches; a new batch may bring a better copy of an old document."""
    from pyspark.sql import functions as F

    rows, order = with_rank_columns(tables, keys_of(tables, params), params.ranking)
    rows = tables.stage("hashes", rows)
    by_text = with_survivors(rows, "text_hash", order, "content")
    out = by_text.where("is_out").select("doc_id", "batch_id", "dup_of", "family_id", "method")
    if params.url_domains:
        # Only survivors of the first step: a document
        # removed by its text must not be a survivor by URL.
        survivors = by_text.where(~F.col("is_out")).select(*rows.columns)
        by_url = with_survivors(survivors.where(F.col("url_key").isNotNull()), "url_key", order, "url")
        out = out.unionByName(
            by_url.where("is_out").select("doc_id", "batch_id", "dup_of", "family_id", "method")
        )
    # Staged: both outputs are written from it.
    out = tables.stage("copies", out)
    own = F.lit(tables.job.name).alias("job")
    duplicates = out.select(
        own, "doc_id", "batch_id", "dup_of", "method", F.lit(1.0).alias("similarity"), "family_id"
    )
    verdicts = tables.verdicts(
        out,
        reason=F.when(F.col("method") == "url", "same_url").otherwise("same_text"),
        value=F.lit(1.0),
        threshold=F.lit(1.0),
        rule=F.concat(F.lit("dedup_exact."), "method"),
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
    looks_at=("domains", *RANKING_TABLES),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
