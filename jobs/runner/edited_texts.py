"""Texts with the edits of earlier jobs applied, for a job that compares or writes them so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.documents import broadcast_while_few

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pyspark.sql import DataFrame

KEYS = ["doc_id", "batch_id"]


def edit_spans(tables: JobContext, jobs: Sequence[str]) -> DataFrame:
    """doc_id, batch_id, edits (JSON), edits_hash of the run's documents that `jobs` edit; no text is read.

    a  one  [{"start":0,"end":4,"replacement":""}]  -31..
    """
    from pyspark.sql import functions as F

    span = F.struct("start", "end", "replacement")
    spans = tables.slice("edits").where(F.col("job").isin(list(jobs))).groupBy(*KEYS)
    # Sorted, so the hash changes with the edits and not with the order in which jobs wrote them.
    edits = spans.agg(F.to_json(F.array_sort(F.collect_list(span))).alias("edits"))
    return edits.select(*KEYS, "edits", F.xxhash64("edits").alias("edits_hash"))


def with_edits(tables: JobContext, texts: DataFrame, jobs: Sequence[str]) -> DataFrame:
    """`texts` (doc_id, batch_id, text, ...) with edits and edits_hash of `edit_spans`; null without edits.

    The spans move to the texts, which stay where they are.
    """
    spans = broadcast_while_few(tables.stage("edit_spans", edit_spans(tables, jobs)))
    return texts.join(spans, KEYS, how="left")
