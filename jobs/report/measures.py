"""The numbers of the report, as small plain values.

They are aggregated on Spark from integers, so that the same lake gives the same numbers: sums of floats
depend on the order of the rows. Nothing on the driver grows with the corpus: languages, domains, reasons and
families are cut to what the page can show, texts to what it prints. A table that no finished run has written
gives an empty result.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from gristmill.jobs.core.records import Record, Records
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.report.charts import Axis
from gristmill.jobs.runner.batches import NO_LONGER
from gristmill.jobs.runner.context import JobContext

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# outcome of a document; WAITING: not in the corpus, and without a verdict
KEPT, LEFT_OUT, WAITING = 0, 1, 2
OTHER, UNKNOWN = "other", "unknown"
# Bins that are counted for each bin that is drawn: percentiles are read from the fine ones.
FINE = 8
# bins of similarity, 0 to 1
PAIR_BINS = 50
# columns of `outcomes` that verdicts are joined with; texts and measures stay out of that join
NARROW = ("doc_id", "batch_id", "lang", "domain", "source", "outcome")


@dataclass
class Measure:
    """One measure: its axis, and documents in each fine bin by (language, domain, outcome)."""

    name: str
    axis: Axis
    cells: dict[tuple[str, str, int], list[int]] = field(default_factory=dict)


def outcomes(tables: JobContext, measures: list[str]) -> DataFrame:
    """One row a document, staged: NARROW, n_chars, kept_chars (null where it is not kept) and the measures.

    In a lake without corpus, documents without a verdict count as kept.
    """
    from pyspark.sql import functions as F

    key = ["doc_id", "batch_id"]
    docs = with_domain(tables, tables["docs"].select(*key, "source", "domain_hint")).withColumn(
        "domain", F.coalesce("domain", F.lit(UNKNOWN))
    )
    signals, corpus = tables.get("signals"), tables.get("corpus")
    # n_chars may be among the measures; a column must not come twice.
    columns = list(dict.fromkeys(["n_chars", *measures]))
    if signals is None:
        measured = docs.select(
            *key,
            F.lit(None).cast("string").alias("lang"),
            *[F.lit(None).cast("double").alias(name) for name in columns],
        )
    else:
        measured = signals.select(*key, "lang", *columns)
    # Distinct, as a document may have verdicts of several jobs and must not be counted for each.
    rejected = tables["verdicts"].select(*key).distinct().withColumn("is_rejected", F.lit(True))
    rows = docs.join(measured, key, how="left").join(rejected, key, how="left")
    if corpus is None:
        outcome = F.when(F.col("is_rejected"), LEFT_OUT).otherwise(KEPT)
        rows = rows.withColumn(
            "kept_chars", F.when(F.col("is_rejected").isNull(), F.col("n_chars").cast("bigint"))
        )
    else:
        rows = rows.join(corpus.select(*key, F.col("n_chars").alias("kept_chars")), key, how="left")
        # The corpus decides, not the verdicts: verdicts of a later run may not have reached it yet.
        outcome = (
            F.when(F.col("kept_chars").isNotNull(), KEPT)
            .when(F.col("is_rejected"), LEFT_OUT)
            .otherwise(WAITING)
        )
    lang = F.coalesce("lang", F.lit(UNKNOWN)).alias("lang")
    return tables.stage(
        "outcomes",
        rows.select(*key, lang, "domain", "source", outcome.alias("outcome"), "kept_chars", *columns),
    )


def most_frequent(rows: DataFrame, column: str, n: int, min_ratio: float) -> list[str]:
    """The at most `n` most frequent values of `column` that at least `min_ratio` of the rows have.

    Ordered by number of rows, then by name.
    """
    from pyspark.sql import functions as F

    counted = rows.groupBy(column).agg(F.count("*").alias("n"))
    top = (
        counted.where(F.col("n") >= min_ratio * rows.count()).orderBy(F.desc("n"), column).limit(n).collect()
    )
    return [row[column] for row in top]


def with_other(rows: DataFrame, langs: list[str], domains: list[str]) -> DataFrame:
    """`rows` with OTHER in place of languages and domains that are not listed."""
    # A source may name a million domains, each of which
    # would be a row on the driver and on the page.
    from pyspark.sql import functions as F

    shown = {"lang": langs, "domain": domains}
    return rows.withColumns(
        {
            name: F.when(F.col(name).isin(listed), F.col(name)).otherwise(OTHER)
            for name, listed in shown.items()
        }
    )


def cells(rows: DataFrame) -> Records:
    """lang, domain, outcome, n (documents), n_chars and kept_chars of each combination, sorted."""
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
    """Exact histograms of the measures, each of bins * FINE bins; measures without a value are left out.

    Two passes over `rows`: minimum and maximum, then the bins.
    """
    from pyspark.sql import functions as F

    ends = rows.agg(
        *[make(name).alias(f"{make.__name__}_{name}") for name in measures for make in (F.min, F.max)]
    ).first()
    histograms = [
        Measure(name, axis_of(name, ends[f"min_{name}"], ends[f"max_{name}"]))
        for name in measures
        if ends[f"max_{name}"] is not None
    ]
    if not histograms:
        return []
    n_fine = bins * FINE
    # All measures in one aggregation: an array of (measure, bin) is
    # exploded, where a query each would read the rows once a measure.
    binned = [
        F.struct(F.lit(i).alias("i"), _bin(measure, n_fine).alias("bin"))
        for i, measure in enumerate(histograms)
    ]
    counted = (
        rows.select("lang", "domain", "outcome", F.explode(F.array(*binned)).alias("at"))
        .groupBy("lang", "domain", "outcome", "at")
        .count()
    )
    for row in counted.where(F.col("at.bin").isNotNull()).collect():
        cell = histograms[row["at"]["i"]].cells.setdefault(
            (row["lang"], row["domain"], row["outcome"]), [0] * n_fine
        )
        cell[row["at"]["bin"]] += row["count"]
    return histograms


def axis_of(name: str, low: float, high: float) -> Axis:
    """A linear axis from 0 for ratios and scores, a logarithmic one for counts and lengths.

    `low`, `high`: least and largest value of the measure.
    """
    if name.endswith(("_ratio", "_score")):
        # Most ratios are far below 1; an axis to 1 would put all of them into the first bins.
        return Axis(0.0, 1.0 if high > 0.5 else max(round(high * 1.05 + 0.005, 2), 0.01))
    power = 1
    while power * 10 <= low:
        power *= 10
    return Axis(power, max(float(high), power * 10), "log")


def _bin(measure: Measure, n_fine: int) -> Column:
    from pyspark.sql import functions as F

    axis, value = measure.axis, F.col(measure.name).cast("double")
    low, high = axis.warped(axis.lo), axis.warped(axis.hi)
    scaled = F.log10(F.greatest(value, F.lit(1.0))) if axis.kind == "log" else value
    # The last digit of a logarithm differs between machines; the
    # addend keeps values that lie on an edge in the bin above it.
    position = F.floor((scaled - low) / (high - low) * n_fine + 1e-9)
    return F.least(F.lit(n_fine - 1), F.greatest(F.lit(0), position)).cast("int")


def verdict_rows(tables: JobContext, rows: DataFrame) -> DataFrame:
    """Verdicts on documents of the lake with NARROW; staged, as several sections read them."""
    # Inner: a verdict may be on a document of a batch that was deleted since.
    verdicts = tables["verdicts"].select("job", "doc_id", "batch_id", "reason", "value", "threshold", "rule")
    return tables.stage("judged", verdicts.join(rows.select(*NARROW), ["doc_id", "batch_id"], how="inner"))


def benchmarks(tables: JobContext) -> Records:
    """job, benchmark, n (items searched for), n_never (items not searched for) and why: (reason, number).

    Benchmarks with the largest share of items that were not searched for come first.
    """
    rows = tables.get("benchmark_items")
    if rows is None:
        return []
    by_benchmark: dict[tuple[str, str], Record] = {}
    for row in rows.groupBy("job", "benchmark", "reason").count().collect():
        new = {"job": row["job"], "benchmark": row["benchmark"], "n": 0, "n_never": 0, "why": []}
        entry = by_benchmark.setdefault((row["job"], row["benchmark"]), new)
        entry["n" if row["reason"] is None else "n_never"] += row["count"]
        entry["why"] += [(row["reason"], row["count"])] if row["reason"] is not None else []
    for entry in by_benchmark.values():
        entry["why"].sort(key=lambda pair: (-pair[1], pair[0]))
    return sorted(
        by_benchmark.values(),
        key=lambda entry: (
            -entry["n_never"] / (entry["n"] + entry["n_never"]),
            entry["job"],
            entry["benchmark"],
        ),
    )


def reasons(verdicts: DataFrame) -> Records:
    """job, reason, n (documents), n_sole (documents with no other reason of that job).

    Sorted by job, then by n, descending.
    """
    from pyspark.sql import functions as F

    # A set, as one reason may fail by several rules of a document.
    each = verdicts.groupBy("job", "doc_id", "batch_id").agg(F.collect_set("reason").alias("all"))
    counted = each.select(
        "job", F.explode("all").alias("reason"), (F.size("all") == 1).cast("int").alias("sole")
    ).groupBy("job", "reason")
    rows = [
        row.asDict() for row in counted.agg(F.count("*").alias("n"), F.sum("sole").alias("n_sole")).collect()
    ]
    return sorted(rows, key=lambda row: (row["job"], -row["n"], row["reason"]))


def rules(verdicts: DataFrame) -> Records:
    """job, reason, rule (preset and limit), threshold, lang, n: documents that failed it, by language."""
    from pyspark.sql import functions as F

    counted = (
        verdicts.groupBy("job", "reason", "rule", "threshold", "lang").agg(F.count("*").alias("n")).collect()
    )
    order = ("job", "reason", "n", "rule", "lang", "threshold")
    return sorted((row.asDict() for row in counted), key=lambda row: [str(row[name]) for name in order])


def samples(verdicts: DataFrame, n: int, seed: int) -> Records:
    """Verdict rows of the `n` documents with the smallest seeded hash of each job and reason."""
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    # A hash and not rand(): the choice depends on the seed and the
    # ids only. dense_rank, as a document may have several rows; Spark
    # cuts each partition to its first ranks before the shuffle.
    order = Window.partitionBy("job", "reason").orderBy(
        F.xxhash64(F.lit(seed), F.col("doc_id")), "doc_id", "batch_id"
    )
    chosen = verdicts.withColumn("position", F.dense_rank().over(order)).where(F.col("position") <= n)
    rows = sorted(
        (row.asDict() for row in chosen.collect()),
        key=lambda row: (row["job"], row["reason"], row["position"], str(row["rule"])),
    )
    # Of a document with several failed rules the first one is shown.
    first: dict[Any, Record] = {}
    for row in rows:
        first.setdefault((row["job"], row["reason"], row["position"]), row)
    return list(first.values())


def beginnings(tables: JobContext, rows: Records, n_chars: int) -> dict[str, str]:
    """doc_id -> the first `n_chars` code points of its text, for `rows` of doc_id and batch_id."""
    from pyspark.sql import functions as F

    if not rows:
        return {}
    # One pass over the texts of their batches for all sections of the page.
    keys = {(row["doc_id"], row["batch_id"]) for row in rows}
    documents = tables.frame(sorted(keys), "doc_id string, batch_id string")
    beginning = F.substring("text", 1, n_chars).alias("text")
    return dict(map(tuple, tables.documents.texts(documents, "text").select("doc_id", beginning).collect()))


def with_text(row: Record, texts: dict[str, str], n_chars: int) -> Record:
    """`row` with `text`: the first `n_chars` code points of its document, "" where `texts` lacks it."""
    return {**row, "text": texts.get(row["doc_id"], "")[:n_chars]}


def edits(tables: JobContext, rows: DataFrame) -> Records:
    """job, reason, n (spans), n_docs, n_chars (replaced code points) of the edits of kept documents."""
    from pyspark.sql import functions as F

    kept = rows.where(F.col("outcome") == KEPT).select("doc_id", "batch_id")
    spans = tables["edits"].join(kept, ["doc_id", "batch_id"], how="left_semi").groupBy("job", "reason")
    length = (F.col("end") - F.col("start")).cast("bigint")
    counted = spans.agg(
        F.count("*").alias("n"), F.countDistinct("doc_id").alias("n_docs"), F.sum(length).alias("n_chars")
    )
    return sorted(
        (row.asDict() for row in counted.collect()), key=lambda row: (row["job"], -row["n"], row["reason"])
    )


def boilerplate(tables: JobContext, n: int, n_chars: int) -> Records:
    """site, n_lines, n_pages (null: documents of all sites) and lines of the `n` sites with most lines.

    `lines`: of each site the `n` most common ones, with line_text (cut to `n_chars`), n, share and example.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    table = tables.get("boilerplate")
    if table is None:
        return []
    sites = table.groupBy("site").agg(F.count("*").alias("n_lines"), F.max("n_pages").alias("n_pages"))
    sites = sites.orderBy(F.desc("n_lines"), "site").limit(n)
    order = Window.partitionBy("site").orderBy(F.desc("n"), "line_text", "line")
    lines = table.withColumn("rank", F.row_number().over(order)).where(F.col("rank") <= n)
    text, example = F.substring("line_text", 1, n_chars).alias("line_text"), F.col("example_doc_id")
    chosen = lines.join(sites.select("site"), ["site"], how="left_semi").select(
        "site", "rank", text, "n", "share", example.alias("example")
    )
    of_site: dict[str, Records] = {}
    for row in sorted((row.asDict() for row in chosen.collect()), key=lambda row: row["rank"]):
        of_site.setdefault(row["site"], []).append(row)
    return [{**row.asDict(), "lines": of_site.get(row["site"], [])} for row in sites.collect()]


def rejects(tables: JobContext, n: int, n_chars: int, seed: int) -> tuple[dict[str, int], Records]:
    """Rows by reason, most frequent first; and of each reason the `n` rows with the smallest seeded hash.

    `raw` has one code point more than `n_chars`, so that the page can tell whether it is cut.
    """
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


def readers_of(tables: JobContext) -> dict[str, str]:
    """Batch -> the job that has read it."""
    return {
        batch: row["job"]
        for row in tables.history.runs.finished()
        if row["inputs"] is not None
        for batch in row["batches"]
    }


def brought(tables: JobContext) -> dict[str, tuple[dict[str, int], int]]:
    """Job that reads files -> rejects by reason (most frequent first) and documents of its batches.

    Without rejects of documents that an earlier version of a batch contained, which are no input rows.
    """
    readers = readers_of(tables)
    rejects = tables.get("rejects")
    rows = [] if rejects is None else rejects.groupBy("batch_id", "reason").count().collect()
    documents = tables["docs"].groupBy("batch_id").count().collect()
    found: dict[str, tuple[dict[str, int], int]] = {}
    for job in dict.fromkeys(readers.values()):
        counted: dict[str, int] = {}
        for row in rows:
            if readers.get(row["batch_id"]) == job and row["reason"] != NO_LONGER:
                counted[row["reason"]] = counted.get(row["reason"], 0) + row["count"]
        ordered = dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
        found[job] = ordered, sum(row["count"] for row in documents if readers.get(row["batch_id"]) == job)
    return found


def main_reasons(tables: JobContext, verdicts: DataFrame, ranked: Records) -> dict[str, dict[str, int]]:
    """Job -> reason -> documents. A document counts once a job, under its most frequent reason.

    `ranked`: the result of `reasons`, whose order within a job decides which reason is more frequent.
    """
    from pyspark.sql import functions as F

    # Positions are joined, so that the minimum of a document is its most frequent reason.
    order = tables.frame(
        [(row["job"], row["reason"], i) for i, row in enumerate(ranked)],
        "job string, reason string, position int",
    )
    numbered = verdicts.select("job", "reason", "doc_id", "batch_id").join(
        F.broadcast(order), ["job", "reason"], how="inner"
    )
    first = (
        numbered.groupBy("job", "doc_id", "batch_id")
        .agg(F.min("position").alias("position"))
        .groupBy("position")
        .count()
    )
    counted = {row["position"]: row["count"] for row in first.collect()}
    by_job: dict[str, dict[str, int]] = {}
    for i, row in enumerate(ranked):
        if counted.get(i):
            by_job.setdefault(row["job"], {})[row["reason"]] = counted[i]
    return by_job
