"""The domain of a document, wherever one is asked for: as label_domain says where it has run, else as
the source states it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gristmill.jobs.core.routes import folded_column
from gristmill.jobs.runner.context import JobContext

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def hint_label(hints: Column) -> Column:
    """The label that a source states; null for a blank one."""
    from pyspark.sql import functions as F

    label = folded_column(hints)
    return F.when(label != "", label)


def with_domain(tables: JobContext, docs: DataFrame) -> DataFrame:
    """`docs` (doc_id, batch_id, domain_hint and others) with `domain` in the place of domain_hint; null where
    nobody knows.

    Labels are folded: each domain has one spelling. The job declares that it looks at `domains`.
    """
    from pyspark.sql import functions as F

    labels, hint = tables.get("domains"), hint_label(F.col("domain_hint"))
    if labels is None:
        return docs.withColumn("domain", hint).drop("domain_hint")
    # few, as a rule: what was labelled otherwise
    other = labels.where("method <> 'hint'").select("doc_id", "batch_id", "domain")
    domain = F.coalesce(folded_column(F.col("domain")), hint)
    return (
        docs.join(other, ["doc_id", "batch_id"], how="left").withColumn("domain", domain).drop("domain_hint")
    )
