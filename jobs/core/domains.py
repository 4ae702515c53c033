"""The domain of a document, wherever one is asked for: as label_domain says where it has run, else as the source states it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jobs.core.job import Tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def with_domain(tables: Tables, docs: DataFrame) -> DataFrame:
    """`docs` (doc_id, batch_id, domain_hint and others) with `domain` in the place of domain_hint; null where nobody knows.

    The job declares that it looks at `domains`.
    """
    from pyspark.sql import functions as F

    labels = tables.get("domains")
    if labels is None:
        return docs.withColumnRenamed("domain_hint", "domain")
    other = labels.where("method <> 'hint'").select("doc_id", "batch_id", "domain")  # few, as a rule: what was labelled otherwise
    return docs.join(other, ["doc_id", "batch_id"], how="left").withColumn("domain", F.coalesce("domain", "domain_hint")).drop("domain_hint")
