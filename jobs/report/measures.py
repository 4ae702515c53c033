"""What the report shows, as small plain values: aggregated on Spark from integers, so that the same lake
gives the same numbers.

Nothing here grows with the corpus on the driver: languages, domains, reasons and families are cut to what the
page can show, texts to what it prints. A table that no finished run has written gives an empty answer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gristmill.jobs.core.records import Record, Records
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.report.charts import Axis
from gristmill.jobs.runner.context import JobContext

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# the outcome of a document; WAITING: no verdict yet, and not in the corpus
KEPT, LEFT_OUT, WAITING = 0, 1, 2
OTHER, UNKNOWN = "other", "unknown"
# bins counted for each bin drawn: percentiles are read from the fine ones
FINE = 8
PAIR_BINS = 50  # of similarity, 0 to 1
NARROW = ("doc_id", "batch_id", "lang", "domain", "source", "outcome")


@dataclass
class Measure:
    """One measure: its axis, and for each (language, domain, outcome) how many documents stand in each fine
    bin."""

    name: str
    axis: Axis
    cells: dict[tuple[str, str, int], list[int]] = field(default_factory=dict)


def outcomes(tables: JobContext, measures: list[str]) -> DataFrame:
    """A narrow row a document, staged: NARROW, n_chars, kept_chars and the measures.

    Without a corpus, no verdict means kept so far.
    """
    from pyspark.sql import functions as F

    key = ["doc_id", "batch_id"]
    docs = with_domain(tables, tables["docs"].select(*key, "source", "domain_hint")).withColumn(
        "domain", F.coalesce("domain", F.lit(UNKNOWN))
    )
    signals, corpus = tables.get("signals"), tables.get("corpus")
    wanted = list(dict.fromkeys(["n_chars", *measures]))
    if signals is None:
        measured = docs.select(
            *key,
            F.lit(None).cast("string").alias("lang"),
            *[F.lit(None).cast("double").alias(name) for name in wanted],
        )
    else:
        measured = signals.select(*key, "lang", *wanted)
    judged = tables["verdicts"].select(*key).distinct().withColumn("is_judged", F.lit(True))
    rows = docs.join(measured, key, how="left").join(judged, key, how="left")
    if corpus is None:
        outcome = F.when(F.col("is_judged"), LEFT_OUT).otherwise(KEPT)
        rows = rows.withColumn(
            "kept_chars", F.when(F.col("is_judged").isNull(), F.col("n_chars").cast("bigint"))
        )
    else:
        rows = rows.join(corpus.select(*key, F.col("n_chars").alias("kept_chars")), key, how="left")
        outcome = (
            F.when(F.col("kept_chars").isNotNull(), KEPT)
            .when(F.col("is_judged"), LEFT_OUT)
            .otherwise(WAITING)
        )
    lang = F.coalesce("lang", F.lit(UNKNOWN)).alias("lang")
    return tables.stage(
        "outcomes",
        rows.select(*key, lang, "domain", "source", outcome.alias("outcome"), "kept_chars", *wanted),
    )


def commonest(rows: DataFrame, column: str, n: int, min_ratio: float) -> list[str]:
    """The `n` commonest values of a column that have `min_ratio` of the documents, by documents, then by
    name."""
    from pyspark.sql import functions as F

    counted = rows.groupBy(column).agg(F.count("*").alias("n"))
    top = (
        counted.where(F.col("n") >= min_ratio * rows.count()).orderBy(F.desc("n"), column).limit(n).collect()
    )
    return [row[column] for row in top]


def lumped(rows: DataFrame, langs: list[str], domains: list[str]) -> DataFrame:
    """Languages and domains that are not listed become `other`: a hostile source may name a million
    domains."""
    from pyspark.sql import functions as F

    shown = {"lang": langs, "domain": domains}
    return rows.withColumns(
        {
            name: F.when(F.col(name).isin(listed), F.col(name)).otherwise(OTHER)
            for name, listed in shown.items()
        }
    )


def cells(rows: DataFrame) -> Records:
    """Documents and characters of each language, domain and outcome."""
    from pyspark.sql import functions as F

    sums = [
        F.sum(F.coalesce(F.col(name), F.lit(0)).cast("bigint")).alias(name)
        for name in ("n_chars", "kept_chars")
    ]
    counted = rows.groupBy("lang", "domain", "outcome").agg(F.count("*").alias("n"), *sums)
    return sorted(
        (row.asDict() for row in counted.collect()),
        key=lambda row: (row["lang"], row["domain"], row["outcome"]),
    )


def distributions(rows: DataFrame, measures: list[str], bins: int) -> list[Measure]:
    """Exact histograms of the measures, two passes over narrow rows: the ends, then the bins."""
    from pyspark.sql import functions as F

    ends = rows.agg(
        *[make(name).alias(f"{make.__name__}_{name}") for name in measures for make in (F.min, F.max)]
    ).first()
    made = [
        Measure(name, axis_of(name, ends[f"min_{name}"], ends[f"max_{name}"]))
        for name in measures
        if ends[f"max_{name}"] is not None
    ]
    if not made:
        return []
    n_fine = bins * FINE
    placed = [
        F.struct(F.lit(i).alias("i"), _bin(measure, n_fine).alias("bin")) for i, measure in enumerate(made)
    ]
    counted = (
        rows.select("lang", "domain", "outcome", F.explode(F.array(*placed)).alias("at"))
        .groupBy("lang", "domain", "outcome", "at")
        .count()
    )
    for row in counted.where(F.col("at.bin").isNotNull()).collect():
        cell = made[row["at"]["i"]].cells.setdefault(
            (row["lang"], row["domain"], row["outcome"]), [0] * n_fine
        )
        cell[row["at"]["bin"]] += row["count"]
    return made


def axis_of(name: str, low: float, high: float) -> Axis:
    """Shares and scores stand on a linear axis from 0, counts and lengths on a logarithmic one."""
    if name.endswith(("_ratio", "_score")):
        return Axis(0.0, 1.0 if high > 0.5 else max(round(high * 1.05 + 0.005, 2), 0.01))
    power = 1
    while power * 10 <= low:
        power *= 10
    return Axis(power, max(float(high), power * 10), "log")


def _bin(measure: Measure, n_fine: int) -> Column:
    from pyspark.sql import functions as F

    axis, value = measure.axis, F.col(measure.name).cast("double")
    low, high = axis.warped(axis.lo), axis.warped(axis.hi)
    at = F.log10(F.greatest(value, F.lit(1.0))) if axis.kind == "log" else value
    # The last digit of a logarithm differs between machines; the nudge keeps round values on one side of
    # their edge.
    place = F.floor((at - low) / (high - low) * n_fine + 1e-9)
    return F.least(F.lit(n_fine - 1), F.greatest(F.lit(0), place)).cast("int")


def judged(tables: JobContext, rows: DataFrame) -> DataFrame:
    """The verdicts on documents that are still in the lake, with their language, domain and source;
    staged."""
    verdicts = tables["verdicts"].select("job", "doc_id", "batch_id", "reason", "value", "threshold", "rule")
    return tables.stage("judged", verdicts.join(rows.select(*NARROW), ["doc_id", "batch_id"], how="inner"))


def benchmarks(tables: JobContext) -> Records:
    """job, benchmark, parts of items looked for and never, and why, each with its number; the worst first."""
    rows = tables.get("benchmark_items")
    if rows is None:
        return []
    made: dict[tuple[str, str], Record] = {}
    for row in rows.groupBy("job", "benchmark", "reason").count().collect():
        new = {"job": row["job"], "benchmark": row["benchmark"], "n": 0, "n_never": 0, "why": []}
        of = made.setdefault((row["job"], row["benchmark"]), new)
        of["n" if row["reason"] is None else "n_never"] += row["count"]
        of["why"] += [(row["reason"], row["count"])] if row["reason"] is not None else []
    for of in made.values():
        of["why"].sort(key=lambda pair: (-pair[1], pair[0]))
    return sorted(
        made.values(), key=lambda of: (-of["n_never"] / (of["n"] + of["n_never"]), of["job"], of["benchmark"])
    )


def reasons(found: DataFrame) -> Records:
    """job, reason, n (documents), n_sole (documents with no other reason of that job), most frequent
    first within a job."""
    from pyspark.sql import functions as F

    each = found.groupBy("job", "doc_id", "batch_id").agg(F.collect_set("reason").alias("all"))
    counted = each.select(
        "job", F.explode("all").alias("reason"), (F.size("all") == 1).cast("int").alias("sole")
    ).groupBy("job", "reason")
    rows = [
        row.asDict() for row in counted.agg(F.count("*").alias("n"), F.sum("sole").alias("n_sole")).collect()
    ]
    return sorted(rows, key=lambda row: (row["job"], -row["n"], row["reason"]))


def rules(found: DataFrame) -> Records:
    """job, reason, rule, limit, lang, n: which limit of which preset failed on how many documents of a
    language."""
    from pyspark.sql import functions as F

    counted = (
        found.groupBy("job", "reason", "rule", "threshold", "lang").agg(F.count("*").alias("n")).collect()
    )
    order = ("job", "reason", "n", "rule", "lang", "threshold")
    return sorted((row.asDict() for row in counted), key=lambda row: [str(row[name]) for name in order])


def samples(found: DataFrame, n: int, seed: int) -> Records:
    """For each job and reason the `n` documents whose hash is smallest.

    dense_rank over a hash, not rand(): the choice depends on the seed and the ids only, and Spark cuts each
    partition to its first ranks before it shuffles.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    order = Window.partitionBy("job", "reason").orderBy(
        F.xxhash64(F.lit(seed), F.col("doc_id")), "doc_id", "batch_id"
    )
    chosen = found.withColumn("position", F.dense_rank().over(order)).where(F.col("position") <= n)
    rows = sorted(
        (row.asDict() for row in chosen.collect()),
        key=lambda row: (row["job"], row["reason"], row["position"], str(row["rule"])),
    )
    first: dict[Any, Record] = {}
    for row in rows:
        first.setdefault((row["job"], row["reason"], row["position"]), row)
    return list(first.values())


def beginnings(tables: JobContext, rows: Records, n_chars: int) -> dict[str, str]:
    """doc_id to the first `n_chars` code points of its text, of the documents of `rows` (doc_id, batch_id).

    One look at the texts of their batches, for whatever a page shows.
    """
    from pyspark.sql import functions as F

    if not rows:
        return {}
    keys = {(row["doc_id"], row["batch_id"]) for row in rows}
    wanted = tables.frame(sorted(keys), "doc_id string, batch_id string")
    begun = F.substring("text", 1, n_chars).alias("text")
    return dict(map(tuple, tables.documents.texts(wanted, "text").select("doc_id", begun).collect()))


def with_text(row: Record, texts: dict[str, str], n_chars: int) -> Record:
    """`row` with the first `n_chars` code points of its document."""
    return {**row, "text": texts.get(row["doc_id"], "")[:n_chars]}


def edits(tables: JobContext, rows: DataFrame) -> Records:
    """job, reason, n (spans), n_docs, n_chars (replaced) of the edits of kept documents."""
    from pyspark.sql import functions as F

    kept = rows.where(F.col("outcome") == KEPT).select("doc_id", "batch_id")
    spans = tables["edits"].join(kept, ["doc_id", "batch_id"], how="left_semi").groupBy("job", "reason")
    length = (F.col("end") - F.col("start")).cast("bigint")
    made = spans.agg(
        F.count("*").alias("n"), F.countDistinct("doc_id").alias("n_docs"), F.sum(length).alias("n_chars")
    )
    return sorted(
        (row.asDict() for row in made.collect()), key=lambda row: (row["job"], -row["n"], row["reason"])
    )


def rejects(tables: JobContext, n: int, n_chars: int, seed: int) -> tuple[dict[str, int], Records]:
    """Rows by reason, and for each reason the `n` raw rows whose hash is smallest."""
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    table = tables.get("rejects")
    if table is None:
        return {}, []
    counted = {row["reason"]: row["count"] for row in table.groupBy("reason").count().collect()}
    order = Window.partitionBy("reason").orderBy(
        F.xxhash64(F.lit(seed), F.col("batch_id"), F.col("source_location")),
        "batch_id",
        "source_location",
        "doc_id",
    )
    chosen = table.withColumn("rank", F.row_number().over(order)).where(F.col("rank") <= n)
    rows = chosen.select(
        "reason", "rank", "batch_id", "source_location", F.substring("raw", 1, n_chars + 1).alias("raw")
    ).collect()
    shown = sorted((row.asDict() for row in rows), key=lambda row: (row["reason"], row["rank"]))
    return dict(sorted(counted.items(), key=lambda item: (-item[1], item[0]))), shown


def main_reasons(tables: JobContext, found: DataFrame, ranked: Records) -> dict[str, dict[str, int]]:
    """Job to reason to documents, each document once: under the commonest of its reasons (the order of
    `ranked`)."""
    from pyspark.sql import functions as F

    order = tables.frame(
        [(row["job"], row["reason"], i) for i, row in enumerate(ranked)],
        "job string, reason string, rank int",
    )
    placed = found.select("job", "reason", "doc_id", "batch_id").join(
        F.broadcast(order), ["job", "reason"], how="inner"
    )
    first = (
        placed.groupBy("job", "doc_id", "batch_id").agg(F.min("rank").alias("rank")).groupBy("rank").count()
    )
    counted = {row["rank"]: row["count"] for row in first.collect()}
    made: dict[str, dict[str, int]] = {}
    for i, row in enumerate(ranked):
        if counted.get(i):
            made.setdefault(row["job"], {})[row["reason"]] = counted[i]
    return made
