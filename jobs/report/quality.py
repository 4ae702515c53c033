"""The quality bins of the report: how each language and domain spreads over them, and documents from the
top, the middle and the bottom."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from gristmill.jobs.core.records import Records
from gristmill.jobs.report import charts
from gristmill.jobs.report import measures as data
from gristmill.jobs.runner.context import JobContext

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BINS = 20  # of the table quality
# quantiles of a language at which a document is shown
PLACES = (("good", 0.98), ("medium", 0.5), ("bad", 0.02))


def scored(tables: JobContext) -> DataFrame | None:
    """doc_id, batch_id, lang, domain, bin, tier, quality of every document that has a bin; None when no
    finished run has written any."""
    from pyspark.sql import functions as F

    quality, corpus = tables.get("quality"), tables.get("corpus")
    if quality is None or corpus is None:
        return None
    named = corpus.select(
        "doc_id",
        "batch_id",
        *[F.coalesce(name, F.lit(data.UNKNOWN)).alias(name) for name in ("lang", "domain")],
    )
    return quality.select("doc_id", "batch_id", "bin", "tier", "quality").join(
        named, ["doc_id", "batch_id"], how="inner"
    )


def cells(rows: DataFrame) -> Records:
    """Documents of each language, domain, bin and tier."""
    from pyspark.sql import functions as F

    return [
        row.asDict()
        for row in rows.groupBy("lang", "domain", "bin", "tier").agg(F.count("*").alias("n")).collect()
    ]


def examples(rows: DataFrame, langs: list[str]) -> Records:
    """For each language the documents at PLACES of its order by quality (then doc_id)."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    order = (
        Window.partitionBy("lang")
        .orderBy("quality", "doc_id", "batch_id")
        .rowsBetween(Window.unboundedPreceding, Window.currentRow)
    )
    whole = (
        Window.partitionBy("lang")
        .orderBy(F.lit(0))
        .rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    )
    numbered = rows.where(F.col("lang").isin(langs)).select(
        "*", F.row_number().over(order).alias("at"), F.count("*").over(whole).alias("of")
    )
    wanted = F.coalesce(*[F.when(F.col("at") == F.ceil(F.col("of") * share), name) for name, share in PLACES])
    found = [
        row.asDict() for row in numbered.withColumn("which", wanted).where("which IS NOT NULL").collect()
    ]
    rank = {name: i for i, (name, _) in enumerate(PLACES)}
    return sorted(found, key=lambda row: (langs.index(row["lang"]), rank[row["which"]]))


def bin_rows(counted: Records, langs: list[str], domains: list[str]) -> Records:
    """A row a language, and one for each of its shown domains: documents, shares of the tiers, and the
    strip of bins."""
    made = []
    for lang in langs:
        for domain in [None, *domains]:
            mine = [cell for cell in counted if cell["lang"] == lang and domain in (None, cell["domain"])]
            n = sum(cell["n"] for cell in mine)
            if not n:
                continue
            by_bin = [sum(cell["n"] for cell in mine if cell["bin"] == i) for i in range(BINS)]
            tiers = {
                tier: sum(cell["n"] for cell in mine if cell["tier"] == tier)
                for tier in ("head", "middle", "tail")
            }
            made.append(
                {
                    "lang": lang,
                    "domain": domain,
                    "n": n,
                    "tiers": tiers,
                    "strip": strip(by_bin, f"{lang} {domain or 'all'}"),
                }
            )
    return made


def strip(by_bin: list[int], label: str) -> Markup:
    """Twenty bars, one a bin, worst to best; the highest fills the height."""
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
