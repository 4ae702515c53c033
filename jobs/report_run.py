"""Write one HTML page about the lake: funnel, measures, reasons with examples, duplicates, rejects, runs.

reads   docs; where they exist: rejects, signals, verdicts, benchmark_items, edits, boilerplate, passages,
        pairs, semantic_pairs, duplicates, quality, corpus, samples, segments, sample_verdicts
writes  no table; the page is LAKE/_report/index.html, one file that needs no network
run     spark-submit jobs/report_run.py --recipe conf/jobs/report_run.yaml --lake lakes/demo

rows in   verdicts  a  filter_rules  too_few_words  value 14  threshold 20
page out  reasons   too_few_words: 1 document, with the beginning of its text; a bar of the funnel

Histograms are counted on Spark from integers and examples are chosen by a hash, so the same lake gives the
same page except for the line with the time. Text of documents is untrusted input of a page: it is escaped,
and invisible characters are shown by name.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator

from gristmill.jobs.core.concurrency import at_once
from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.records import Record, Records
from gristmill.jobs.core.version import code_version
from gristmill.jobs.curation import crawl_steps
from gristmill.jobs.lake import hadoop_files
from gristmill.jobs.report import duplicates as dups
from gristmill.jobs.report import lists, page, quality, samples
from gristmill.jobs.report import measures as data
from gristmill.jobs.report.ask import funnel_of
from gristmill.jobs.report.passages import removed_passages
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.job import Job, Outputs
from gristmill.jobs.runner.main import main
from gristmill.jobs.runner.run_log import now
from gristmill.jobs.schema import catalog
from gristmill.udfs.rules.limits import LIMITS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

OUTPUT = "_report/index.html"


class Params(Strict):
    """See conf/jobs/report_run.yaml."""

    # rejected documents (of rejects: raw rows) shown for each reason
    samples_per_reason: PositiveInt
    sample_chars: PositiveInt  # characters shown of each
    # columns of signals whose distributions are drawn
    measures: list[str]
    bins: PositiveInt  # bars of a histogram
    # languages with rows of their own, the commonest; the others are summed
    languages: PositiveInt
    domains: PositiveInt  # domains likewise
    # of the documents; rarer languages and domains are summed with the others
    min_ratio: float = Field(ge=0, le=1)
    # duplicate families shown for each job
    largest_families: PositiveInt
    # characters of the two members that are compared with each other
    compared_chars: PositiveInt
    family_chars: PositiveInt  # characters shown of each
    # synthetic samples shown next to their source
    synthetic_samples: NonNegativeInt
    runs: PositiveInt  # latest runs listed
    seed: NonNegativeInt  # which samples are shown

    @field_validator("measures")
    @classmethod
    def _known(cls, measures: list[str]) -> list[str]:
        numbers = [
            column.name for column in catalog.table("signals").columns if column.type in ("bigint", "double")
        ]
        unknown = sorted(set(measures) - set(numbers))
        if unknown:
            raise ValueError(f"unknown measures {', '.join(unknown)}; known: {', '.join(numbers)}")
        return measures


def write_page(tables: JobContext, params: Params) -> Outputs:
    """Query what each section shows, render the page and write it. Returns no table."""
    rows = data.outcomes(tables, params.measures)
    # Two rounds of concurrent queries: the second needs
    # languages, domains and verdicts of the first.
    first = at_once(
        langs=lambda: data.most_frequent(rows, "lang", params.languages, params.min_ratio),
        domains=lambda: data.most_frequent(rows, "domain", params.domains, params.min_ratio),
        verdicts=lambda: data.verdict_rows(tables, rows),
        rejects=lambda: data.rejects(tables, params.samples_per_reason, params.sample_chars, params.seed),
        brought=lambda: data.brought(tables),
    )
    shown, verdicts, rejects = (first["langs"], first["domains"]), first["verdicts"], first["rejects"]
    brought = first["brought"]
    counted = data.with_other(rows, *shown)
    parts = at_once(
        cells=lambda: data.cells(counted),
        reasons=lambda: with_main(tables, verdicts),
        rules=lambda: data.rules(verdicts),
        samples=lambda: data.samples(verdicts, params.samples_per_reason, params.seed),
        edits=lambda: data.edits(tables, rows),
        passages=lambda: removed_passages(tables, params.samples_per_reason, params.family_chars),
        boilerplate=lambda: data.boilerplate(tables, params.samples_per_reason, params.sample_chars),
        benchmarks=lambda: data.benchmarks(tables),
        duplicates=lambda: duplicates(tables, rows, params),
        distributions=lambda: (
            data.distributions(counted, params.measures, params.bins) if "signals" in tables.versions else []
        ),
        quality=lambda: bins(tables, *shown),
        crawl=lambda: of_crawl(tables, verdicts, brought),
        synthetic=lambda: samples.sample_rows(
            tables, params.synthetic_samples, params.family_chars, params.seed
        ),
    )
    cells, (reasons, mains), tables_of = parts["cells"], parts["reasons"], writers(tables)
    # After all examples are chosen: their texts are read in one query over docs.
    fill_in_texts(tables, params, parts)
    funnel, late = samples.split(funnel_of(tables.history.runs), tables_of)
    sections = {
        "lake": about_lake(tables, params),
        "opening": page.summary(
            cells,
            mains,
            sum(row["rows_in"] for row in funnel if row["job"] in brought),
            sum(sum(by_reason.values()) for by_reason, _ in brought.values()),
            "corpus" in tables.versions,
        ),
        "stages": page.stages(funnel, mains, tables_of, brought),
        "crawl": parts["crawl"],
        "kept": page.kept_table(cells, *shown),
        "measures": measures(parts["distributions"], parts["rules"], shown),
        "reasons": lists.reason_groups(
            [row["job"] for row in funnel], reasons, parts["rules"], parts["samples"]
        ),
        "edits": parts["edits"],
        "boilerplate": parts["boilerplate"],
        "passages": parts["passages"],
        "benchmarks": parts["benchmarks"],
        "quality": parts["quality"],
        "late": page.stages(late, {row["job"]: row["reasons"] for row in late}, {}, {}),
        "synthetic": parts["synthetic"],
        "duplicates": parts["duplicates"],
        "rejects": lists.reject_groups(rejects[0], rejects[1]),
        "params": params,
    }
    hadoop_files.write_text(tables.lake.spark, f"{tables.lake.root}/{OUTPUT}", page.render(sections))
    return {}


def about_lake(tables: JobContext, params: Params) -> Outputs:
    """The lake's path, time, versions of code and tables, and its latest runs.

    Without runs of this job, which would make every page differ from the last.
    """
    mine = [row for row in tables.history.runs.rows if row["job"] != tables.job.name]
    done = {row["run_id"] for row in mine if row["status"] == "finished"}
    # A started row is listed only where no finished row followed: the run died or is still going.
    listed = [row.asDict() for row in mine if row["status"] == "finished" or row["run_id"] not in done]
    return {
        "where": tables.lake.where,
        "at": now(),
        "code": code_version(),
        "spark": tables.lake.spark.version,
        "batches": tables.batches,
        "versions": dict(sorted(tables.versions.items())),
        "runs": list(reversed(listed))[: params.runs],
        "n_runs": len(listed),
    }


def writers(tables: JobContext) -> dict[str, set[str]]:
    """Job -> the tables that its finished runs wrote."""
    tables_of: dict[str, set[str]] = {}
    for row in tables.history.runs.finished():
        tables_of.setdefault(row["job"], set()).update(row["versions_written"] or {})
    return tables_of


def with_main(tables: JobContext, verdicts: DataFrame) -> tuple[Records, dict[str, dict[str, int]]]:
    """The reasons with their counts; and job -> reason -> documents, each under its most frequent reason."""
    reasons = data.reasons(verdicts)
    return reasons, data.main_reasons(tables, verdicts, reasons)


def of_crawl(
    tables: JobContext, verdicts: DataFrame, brought: dict[str, tuple[dict[str, int], int]]
) -> Record | None:
    """What each step removed of the pages of the crawl; None where there was none."""
    if crawl_steps.ENTRY not in brought:
        return None
    batches = [batch for batch, job in data.readers_of(tables).items() if job == crawl_steps.ENTRY]
    own = verdicts.where(verdicts.batch_id.isin(batches))
    mains = data.main_reasons(tables, own, data.reasons(own))
    return {"source": crawl_steps.SOURCE, "steps": crawl_steps.steps(*brought[crawl_steps.ENTRY], mains)}


def measures(
    distributions: list[data.Measure], rules: Records, shown: tuple[list[str], list[str]]
) -> Records:
    """The distribution of each measure, with the limits that some document of the language failed."""
    # By language: routes give each language presets of its own.
    limits: dict[tuple[str, str], set[float]] = {}
    for row in rules:
        # `gopher.min_words`: the preset goes, the key of LIMITS names the measure.
        rule = LIMITS.get(str(row["rule"]).rsplit(".", 1)[-1])
        if rule and row["threshold"] is not None:
            limits.setdefault((rule.column, row["lang"]), set()).add(row["threshold"])
    about = {column.name: column.comment for column in catalog.table("signals").columns}
    return page.measure_cards(distributions, about, limits, *shown)


def fill_in_texts(tables: JobContext, params: Params, parts: Record) -> None:
    """Puts the beginnings of all texts that the page shows into samples, examples and families of `parts`."""
    families = parts["duplicates"]["largest"]
    shown = [*parts["samples"], *parts["quality"]["examples"]]
    linked = parts["duplicates"]["semantic"]["pairs"]
    compared = [each[side] for each in (*families, *linked) for side in ("left", "right")]
    # One character more than is shown, so that the page can mark a text as cut.
    n_chars, n_compared = params.sample_chars + 1, params.compared_chars
    texts = data.beginnings(tables, [*shown, *compared], max(n_chars, n_compared))
    parts["samples"] = [data.with_text(row, texts, n_chars) for row in parts["samples"]]
    examples = [data.with_text(row, texts, n_chars) for row in parts["quality"]["examples"]]
    parts["quality"] = {**parts["quality"], "examples": examples}

    def with_texts(each: Record) -> Record:
        sides = {side: data.with_text(each[side], texts, n_compared) for side in ("left", "right")}
        return {**each, **sides}

    cards = lists.family_cards([with_texts(each) for each in families], params.family_chars)
    pairs = lists.pair_cards([with_texts(each) for each in linked], params.family_chars)
    semantic = {**parts["duplicates"]["semantic"], "pairs": pairs}
    parts["duplicates"] = {**parts["duplicates"], "largest": cards, "semantic": semantic}


def bins(tables: JobContext, langs: list[str], domains: list[str]) -> Record:
    """The quality bins, and a good, a middling and a bad document of each language."""
    rows = quality.binned_documents(tables)
    if rows is None:
        return {"rows": [], "examples": []}
    return {
        "rows": quality.bin_rows(quality.cells(rows), langs, domains),
        "examples": quality.examples(rows, langs),
    }


def duplicates(tables: JobContext, rows: DataFrame, params: Params) -> Record:
    """The banding with the similarities of its candidate pairs; methods, sizes and the largest families."""
    # `pairs` may hold those of older recipes: the
    # threshold of the last run says which ones are shown.
    recipe, families = dups.banding(tables), dups.families_of(tables)
    pairs = dups.pairs(tables, recipe["min_similarity"]) if recipe else []
    largest = dups.largest_families(tables, families, rows, params.largest_families)
    return {
        "banding": lists.banding_picture(recipe, pairs),
        "capped": dups.oversized_buckets(tables),
        "methods": dups.methods(tables),
        "sizes": lists.size_rows(dups.family_sizes(families)),
        "largest": largest,
        "semantic": dups.semantic(tables, rows, params.largest_families),
    }


JOB = Job(
    "report_run",
    Params,
    # All other tables are optional: a lake that was only ingested has a page, too.
    reads=("docs",),
    writes=(),
    steps=(write_page,),
    scope="lake",
    about=__doc__,
    output=OUTPUT,
    looks_at=(
        "rejects",
        "domains",
        "signals",
        "verdicts",
        "benchmark_items",
        "edits",
        "boilerplate",
        "passages",
        "pairs",
        "hot_buckets",
        "semantic_pairs",
        "duplicates",
        "quality",
        "corpus",
        "samples",
        "segments",
        "sample_verdicts",
    ),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
