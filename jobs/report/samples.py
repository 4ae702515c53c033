"""Synthesis in the report: the funnel of requests and samples, and samples with their source."""

from __future__ import annotations

from gristmill.jobs.core.records import Records
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.schema.catalog import SYNTHESIS
from gristmill.jobs.synthesis.samples import kept_samples

# A job that writes one of these tables decides the outcome of documents.
JUDGED = {"docs", "verdicts", "corpus"}


def split(funnel: Records, writers: dict[str, set[str]]) -> tuple[Records, Records]:
    """The funnel of documents, and the funnel of requests and samples.

    `writers`: job -> tables that it wrote. A job that writes a table of the synthesis belongs to the second.
    """
    late = [row for row in funnel if writers.get(row["job"], set()) & SYNTHESIS]
    # A job that leaves documents out of a table of its own only, such as embeddings of a
    # sample of documents, removes nothing from the corpus and is no step of the first funnel.
    early = [
        row
        for row in funnel
        if row not in late and (row["rows_left_out"] == 0 or writers.get(row["job"], set()) & JUDGED)
    ]
    return early, late


def sample_rows(tables: JobContext, n: int, n_chars: int, seed: int) -> Records:
    """The `n` kept samples with the smallest seeded hash.

    Texts are cut to `n_chars` + 1 code points (the one more tells the page that a text is cut); `statuses`:
    those of the sample's segments.
    """
    from pyspark.sql import functions as F

    rows = kept_samples(tables)
    if rows is None:
        return []
    texts = [
        F.substring(name, 1, n_chars + 1).alias(name) for name in ("question", "cot", "answer", "source_text")
    ]
    # A hash and not rand(), so that the same lake shows the same samples.
    chosen = rows.orderBy(F.xxhash64(F.lit(seed), "sample_id"), "sample_id").limit(n)
    sampled = [
        row.asDict()
        for row in chosen.select(
            "sample_id", "request_id", "recipe", "doc_id", "lang", "domain", "model", "n_segments", *texts
        ).collect()
    ]
    statuses = _statuses(tables, [row["request_id"] for row in sampled])
    return [{**row, "statuses": statuses.get(row["request_id"], "")} for row in sampled]


def _statuses(tables: JobContext, requests: list[str]) -> dict[str, str]:
    segments = tables.get("segments")
    if segments is None or not requests:
        return {}
    rows = (
        segments.where(segments.request_id.isin(requests)).select("request_id", "segment", "status").collect()
    )
    by_request: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: (row["request_id"], row["segment"])):
        by_request.setdefault(row["request_id"], []).append(row["status"])
    return {request: ", ".join(statuses) for request, statuses in by_request.items()}
