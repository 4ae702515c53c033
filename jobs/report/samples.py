"""The second half of the report: from candidate documents to synthetic samples, with the losses of each
job, and samples next to their source."""

from __future__ import annotations

from gristmill.jobs.core.records import Records
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.schema.catalog import SYNTHESIS
from gristmill.jobs.synthesis.samples import kept_samples

# the jobs that write these decide the outcome of a document
JUDGED = {"docs", "verdicts", "corpus"}


def split(funnel: Records, writers: dict[str, set[str]]) -> tuple[Records, Records]:
    """The funnel of documents, and that of requests and samples: whoever writes a table of the synthesis
    belongs to the second.

    A job that leaves documents out of a table of its own only, such as a sample that gets vectors, is no step
    of the first.
    """
    late = [row for row in funnel if writers.get(row["job"], set()) & SYNTHESIS]
    early = [
        row
        for row in funnel
        if row not in late and (row["rows_left_out"] == 0 or writers.get(row["job"], set()) & JUDGED)
    ]
    return early, late


def shown(tables: JobContext, n: int, n_chars: int, seed: int) -> Records:
    """The `n` kept samples whose hash is smallest, each with the beginning of its source and the status
    of its segments."""
    from pyspark.sql import functions as F

    rows = kept_samples(tables)
    if rows is None:
        return []
    texts = [
        F.substring(name, 1, n_chars + 1).alias(name) for name in ("question", "cot", "answer", "source_text")
    ]
    chosen = rows.orderBy(F.xxhash64(F.lit(seed), "sample_id"), "sample_id").limit(n)
    found = [
        row.asDict()
        for row in chosen.select(
            "sample_id", "request_id", "recipe", "doc_id", "lang", "domain", "model", "n_segments", *texts
        ).collect()
    ]
    statuses = _statuses(tables, [row["request_id"] for row in found])
    return [{**row, "statuses": statuses.get(row["request_id"], "")} for row in found]


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
    return {request: ", ".join(found) for request, found in by_request.items()}
