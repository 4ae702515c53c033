"""The domain of a document: the label of label_domain where that job has run, else the hint of the source."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gristmill.jobs.core.routes import folded_column
from gristmill.jobs.runner.context import JobContext

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def hint_label(hints: Column) -> Column:
    """The label that a source gives, folded; null for a blank one."""
    from pyspark.sql import functions as F

    label = folded_column(hints)
    return F.when(label != "", label)


def with_domain(tables: JobContext, docs: DataFrame) -> DataFrame:
    """`docs` (doc_id, batch_id, domain_hint and others) with `domain` instead of domain_hint.

    Null where neither the source nor label_domain gives one. Labels are folded, so each domain has one
    spelling. The job must have `domains` in its `looks_at`.

        doc_id  domain_hint     domains (method)      doc_id  domain
        a       Web                               ->  a       web
        b       null            b, maths (model)      b       maths
    """
    from pyspark.sql import functions as F

    labels, hint = tables.get("domains"), hint_label(F.col("domain_hint"))
    # label_domain is optional: without it the hint is all there is.
    if labels is None:
        return docs.withColumn("domain", hint).drop("domain_hint")
    # Rows of method hint repeat the hint; without them the joined side is usually small.
    other = labels.where("method <> 'hint'").select("doc_id", "batch_id", "domain")
    domain = F.coalesce(folded_column(F.col("domain")), hint)
    return (
        docs.join(other, ["doc_id", "batch_id"], how="left").withColumn("domain", domain).drop("domain_hint")
    )
