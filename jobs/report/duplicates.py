"""Duplicates in the report: compared pairs, families by size, two members of the largest ones; and for
`gristmill why` the boilerplate of a document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gristmill.jobs.core.reasons import BOILERPLATE, EDITS, in_words
from gristmill.jobs.core.records import Record, Records
from gristmill.jobs.report.measures import PAIR_BINS
from gristmill.jobs.runner.context import JobContext

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pyspark.sql import DataFrame, Row

    OpenTable: TypeAlias = Callable[[str], DataFrame | None]

# characters of a removed block that are shown
SHOWN_CHARS = 120


def banding(tables: JobContext) -> Record | None:
    """Parameters of the last finished run of near-duplicates; None where it used no bands (SimHash)."""
    for row in reversed(tables.history.runs.finished()):
        if "pairs" in (row["versions_written"] or {}) or "sketches" in (row["versions_written"] or {}):
            recipe: Record = json.loads(row["recipe"])
            return recipe if {"bands", "rows", "min_similarity"} <= set(recipe) else None
    return None


def pairs(tables: JobContext, limit: float) -> Records:
    """is_accepted, method, bin, n of the pairs compared under the current recipe.

    `pairs` may have rows of older recipes too. The current recipe is taken to be the config_hash whose
    accepted pairs all reach `limit` and whose rejected ones do not; of several, the one with the most pairs.
    """
    from pyspark.sql import functions as F

    table = tables.get("pairs")
    if table is None:
        return []
    # The addend keeps a similarity on the edge of a bin
    # in the bin above it: .58 * 50 is 28.999999999999996.
    position = F.least(F.lit(PAIR_BINS - 1), F.floor(F.col("similarity") * PAIR_BINS + 1e-9)).cast("int")
    counted = table.groupBy("config_hash", "is_accepted", "method", position.alias("bin")).agg(
        F.count("*").alias("n"), F.min("similarity").alias("low"), F.max("similarity").alias("high")
    )
    rows = [row.asDict() for row in counted.collect()]
    n_pairs: dict[str, int] = {}
    for config_hash in sorted({row["config_hash"] for row in rows}):
        of_recipe = [row for row in rows if row["config_hash"] == config_hash]
        # Only compared texts are exact; an estimate by
        # sketches may lie on either side of the limit.
        exact = [row for row in of_recipe if row["method"] == "exact"]
        wrong = [row for row in exact if (row["low"] < limit if row["is_accepted"] else row["high"] >= limit)]
        n_pairs[config_hash] = sum(row["n"] for row in of_recipe) if not wrong else 0
    current = max(n_pairs, key=lambda config_hash: n_pairs[config_hash], default=None)
    return sorted(
        (row for row in rows if row["config_hash"] == current),
        key=lambda row: (row["is_accepted"], row["method"], row["bin"]),
    )


def oversized_buckets(tables: JobContext) -> Records:
    """job, n, n_classes (of the largest), n_uncompared (pairs): buckets over max_bucket."""
    from pyspark.sql import functions as F

    table = tables.get("hot_buckets")
    if table is None:
        return []
    sums = (
        F.count("*").alias("n"),
        F.max("n_classes").alias("n_classes"),
        F.sum("n_uncompared").alias("n_uncompared"),
    )
    return [row.asDict() for row in table.groupBy("job").agg(*sums).orderBy("job").collect()]


def semantic(tables: JobContext, rows: DataFrame, n: int) -> Record:
    """The pairs of dedup_semantic: `counts` (method, failed, n), and `pairs`: of each method the `n` accepted
    ones with the lowest cosine, with `left` and `right` as in `largest_families`."""
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    table = tables.get("semantic_pairs")
    if table is None:
        return {"counts": [], "pairs": []}
    counted = table.groupBy("method", "failed").count().collect()
    counts = [{"method": row["method"], "failed": row["failed"], "n": row["count"]} for row in counted]
    order = Window.partitionBy("method").orderBy("cosine", "doc_a", "doc_b")
    columns = ("method", "cosine", "doc_a", "doc_b", "order_ratio", "extra_ratio", "is_exchange")
    top = table.where("is_accepted").select(*columns, F.row_number().over(order).alias("position"))
    shown = [row.asDict() for row in top.where(F.col("position") <= n).collect()]
    ids = sorted({row[side] for row in shown for side in ("doc_a", "doc_b")})
    known = rows.where(F.col("doc_id").isin(ids)) if ids else None
    facts = (
        {}
        if known is None
        else {
            row["doc_id"]: row.asDict()
            for row in known.select("doc_id", "batch_id", "source", "lang", "domain").collect()
        }
    )
    pairs = [{**row, "left": facts.get(row["doc_a"]), "right": facts.get(row["doc_b"])} for row in shown]
    return {
        "counts": sorted(counts, key=lambda row: (row["method"], row["failed"] or "", row["n"])),
        "pairs": sorted(
            (pair for pair in pairs if pair["left"] and pair["right"]),
            key=lambda pair: (pair["method"], pair["position"]),
        ),
    }


def methods(tables: JobContext) -> Records:
    """job, method, n: removed duplicates by the method that decided them."""
    counted = tables["duplicates"].groupBy("job", "method").count().collect()
    rows = [{"job": row["job"], "method": row["method"], "n": row["count"]} for row in counted]
    return sorted(rows, key=lambda row: (row["job"], -row["n"], row["method"]))


def families_of(tables: JobContext) -> DataFrame:
    """job, family_id, size, n_out: documents of each family, survivors included, and how many are removed.

    Staged, since sizes and the largest families are both computed from it.
    """
    from pyspark.sql import functions as F

    # A survivor has no row of its own in `duplicates`;
    # it is found on the right side of its duplicates.
    sides = F.array(
        F.struct(F.col("doc_id").alias("id"), F.lit(1).alias("is_out")),
        F.struct(F.col("dup_of").alias("id"), F.lit(0).alias("is_out")),
    )
    members = tables["duplicates"].select("job", "family_id", F.explode(sides).alias("member"))
    # A document may be on both sides: removed, and the
    # survivor of another. It counts once, as removed.
    distinct = members.groupBy("job", "family_id", F.col("member.id").alias("id")).agg(
        F.max("member.is_out").alias("is_out")
    )
    return tables.stage(
        "families",
        distinct.groupBy("job", "family_id").agg(F.count("*").alias("size"), F.sum("is_out").alias("n_out")),
    )


def family_sizes(families: DataFrame) -> Records:
    """job, power, n, n_docs, n_out: families of 2 ** (power - 1) + 1 to 2 ** power documents."""
    from pyspark.sql import functions as F

    # The bit length of size - 1: a logarithm may be off
    # in its last digit and move a family by a class.
    power = F.length(F.bin(F.col("size") - 1)).alias("power")
    rows = (
        families.groupBy("job", power)
        .agg(F.count("*").alias("n"), F.sum("size").alias("n_docs"), F.sum("n_out").alias("n_out"))
        .collect()
    )
    return sorted((row.asDict() for row in rows), key=lambda row: (row["job"], row["power"]))


def largest_families(tables: JobContext, families: DataFrame, rows: DataFrame, n: int) -> Records:
    """The `n` largest families of each job, with their similarities and two members.

    `right` is the member that is least similar to the survivor it names, `left` that survivor. `rows`:
    doc_id, batch_id, source, lang, domain of the documents in the lake.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    order = Window.partitionBy("job").orderBy(F.desc("size"), "family_id")
    top = families.withColumn("position", F.row_number().over(order)).where(F.col("position") <= n)
    # 2.0 is above every similarity: a pair without one is taken only where no other is left.
    least = F.min(
        F.struct(F.coalesce("similarity", F.lit(2.0)).alias("s"), "doc_id", "dup_of", "method", "similarity")
    ).alias("least")
    grouped = (
        tables["duplicates"]
        .join(F.broadcast(top), ["job", "family_id"], how="inner")
        .groupBy("job", "family_id", "size", "position")
        .agg(
            least,
            F.count("*").alias("n_left_out"),
            F.countDistinct("dup_of").alias("n_survivors"),
            F.min("similarity").alias("low"),
            F.max("similarity").alias("high"),
        )
    )
    largest = [
        row.asDict(recursive=True)
        for row in sorted(grouped.collect(), key=lambda row: (row["job"], row["position"]))
    ]
    ids = sorted({family["least"][side] for family in largest for side in ("doc_id", "dup_of")})
    known = (
        rows.where(F.col("doc_id").isin(ids))
        .select("doc_id", "batch_id", "source", "lang", "domain")
        .collect()
        if ids
        else []
    )
    facts = {row["doc_id"]: row.asDict() for row in known}
    for family in largest:
        family["left"], family["right"] = (facts.get(family["least"][side]) for side in ("dup_of", "doc_id"))
    # A batch may have been deleted since; a family without both members cannot be shown.
    return [family for family in largest if family["left"] and family["right"]]


def boilerplate_lines(table: OpenTable, doc: Row) -> list[str]:
    """Lines of text about each removed block of a document; [] where nothing was removed.

    `table`: opens a table at its finished version, or gives None; `doc`: doc_id, batch_id, url, source.
    """
    from pyspark.sql import functions as F

    edits, docs = table("edits"), table("docs")
    if edits is None or docs is None:
        return []
    is_doc = (F.col("doc_id") == doc["doc_id"]) & (F.col("batch_id") == doc["batch_id"])
    reasons = [code for code, reason in EDITS.items() if reason.by == BOILERPLATE]
    blocks = edits.where(is_doc & F.col("reason").isin(reasons)).orderBy("start").collect()
    if not blocks:
        return []
    text = docs.where(is_doc).select("text").collect()[0]["text"]
    lines = []
    for block in blocks:
        removed = [line.strip() for line in text[block["start"] : block["end"]].split("\n") if line.strip()]
        shown = " / ".join(removed)
        cut = "..." if len(shown) > SHOWN_CHARS else ""
        place = f"{block['start']:,} to {block['end']:,}"
        lines.append(f"  removed by {block['job']}, characters {place}: {shown[:SHOWN_CHARS]}{cut}")
        words = in_words("edits.reason", block["reason"])
        lines += [f"    {block['reason']}: {words}", *_how_common(table, doc, removed)]
    return lines


def _how_common(table: OpenTable, doc: Row, removed: list[str]) -> list[str]:
    """One line: on how many documents of the site the removed lines are; [] where the table lacks them."""
    from pyspark.sql import functions as F

    known = table("boilerplate")
    if known is None:
        return []
    # Lines are equal up to case; those whose digits were folded are not found by their text.
    wanted = sorted({line[:SHOWN_CHARS].lower() for line in removed})
    rows = known.where(F.lower(F.substring("line_text", 1, SHOWN_CHARS)).isin(wanted)).collect()
    of_site = [row for row in rows if row["n_pages"] is not None and _is_site_of(row["site"], doc)]
    if not of_site:
        return []
    few, many = min(row["n"] for row in of_site), max(row["n"] for row in of_site)
    n = f"{few:,}" if few == many else f"{few:,} to {many:,}"
    return [f"    its lines are on {n} of {of_site[0]['n_pages']:,} documents of {of_site[0]['site']}"]


def _is_site_of(site: str, doc: Row) -> bool:
    kind, _, name = site.partition(":")
    return name in (doc["url"] or "").lower() if kind == "host" else name in ("", doc["source"])
