"""The quality bins of the report: documents of each language and domain by bin, and examples.

Examples are from the top, the middle and the bottom of each language.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from gristmill.jobs.core.records import Records
from gristmill.jobs.report import charts
from gristmill.jobs.report import measures as data
from gristmill.jobs.runner.context import JobContext

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# bins of the table `quality`
BINS = 20
# Quantiles of a language at which a document is shown. Not 0 and 1, as the two ends are outliers.
QUANTILES = (("good", 0.98), ("medium", 0.5), ("bad", 0.02))


def binned_documents(tables: JobContext) -> DataFrame | None:
    """doc_id, batch_id, lang, domain, bin, tier, quality of the documents of the corpus that have a bin.

    None where no finished run has written both tables.
    """
    from pyspark.sql import functions as F

    quality, corpus = tables.get("quality"), tables.get("corpus")
    if quality is None or corpus is None:
        return None
    # Nulls become UNKNOWN, so that each document is in a row of the table.
    documents = corpus.select(
        "doc_id",
        "batch_id",
        *[F.coalesce(name, F.lit(data.UNKNOWN)).alias(name) for name in ("lang", "domain")],
    )
    # Inner: bins are of all scored documents, and the report shows those of the corpus.
    return quality.select("doc_id", "batch_id", "bin", "tier", "quality").join(
        documents, ["doc_id", "batch_id"], how="inner"
    )


def cells(rows: DataFrame) -> Records:
    """lang, domain, bin, tier, n (documents): at most a row for each combination, whatever the corpus."""
    from pyspark.sql import functions as F

    return [
        row.asDict()
        for row in rows.groupBy("lang", "domain", "bin", "tier").agg(F.count("*").alias("n")).collect()
    ]


def examples(rows: DataFrame, langs: list[str]) -> Records:
    """The documents at QUANTILES of each language, in the order of quality, then doc_id.

    `rows`: those of binned_documents. Each result has `which`, a name of QUANTILES.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    order = (
        Window.partitionBy("lang")
        .orderBy("quality", "doc_id", "batch_id")
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    # The size of the language, over all rows of the partition.
    whole = (
        Window.partitionBy("lang")
        .orderBy(F.lit(0))
        .rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    )
    numbered = rows.where(F.col("lang").isin(langs)).select(
        "*", F.row_number().over(order).alias("at"), F.count("*").over(whole).alias("of")
    )
    # In a language of few documents one may be at several
    # quantiles; it is shown once, as the best of them.
    which = F.coalesce(
        *[F.when(F.col("at") == F.ceil(F.col("of") * share), name) for name, share in QUANTILES]
    )
    shown = [row.asDict() for row in numbered.withColumn("which", which).where("which IS NOT NULL").collect()]
    rank = {name: i for i, (name, _) in enumerate(QUANTILES)}
    return sorted(shown, key=lambda row: (langs.index(row["lang"]), rank[row["which"]]))


def bin_rows(counted: Records, langs: list[str], domains: list[str]) -> Records:
    """A row a language and a row for each of `domains`: documents, documents by tier, the strip of bins."""
    rows = []
    for lang in langs:
        for domain in [None, *domains]:
            matching = [cell for cell in counted if cell["lang"] == lang and domain in (None, cell["domain"])]
            n = sum(cell["n"] for cell in matching)
            if not n:
                continue
            by_bin = [sum(cell["n"] for cell in matching if cell["bin"] == i) for i in range(BINS)]
            tiers = {
                tier: sum(cell["n"] for cell in matching if cell["tier"] == tier)
                for tier in ("head", "middle", "tail")
            }
            rows.append(
                {
                    "lang": lang,
                    "domain": domain,
                    "n": n,
                    "tiers": tiers,
                    "strip": strip(by_bin, f"{lang} {domain or 'all'}"),
                }
            )
    return rows


def strip(by_bin: list[int], label: str) -> Markup:
    """Twenty bars, one a bin, worst to best; the tallest fills the height. `by_bin`: documents."""
    top = max(by_bin)
    bars = [
        charts.rect(50 * i + 3, 10 - 10 * n / top, 44, 10 * n / top, "kept", f"bin {i}: {n:,}")
        for i, n in enumerate(by_bin)
        if n
    ]
    return Markup(
        '<svg class="bins" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" '
        f'aria-label="{Markup.escape(label)}: documents in bins 0 to 19">'
        f"{''.join(bars)}</svg>"
    )
