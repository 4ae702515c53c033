"""How many documents each one stands for: those that left for it, and those that had left for these."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from gristmill.jobs.runner.context import JobContext

# each doubles the hops that are followed: 64, where a dedup makes two at most (text, then URL)
ROUNDS = 6


def stood_for(tables: JobContext, jobs: list[str]) -> DataFrame:
    """doc_id, n_duplicates, family_size of the documents in whose favour one of `jobs` left others out.

    n_duplicates: documents that name it as their survivor. family_size: these, those whose survivors they
    were (of an earlier job, or of a step before), and itself. A document that several jobs left out counts
    once, by the job whose name comes first; those that left for each other (jobs that heed each other have
    none) for nobody.
    """
    from pyspark.sql import functions as F

    rows = tables["duplicates"].where(F.col("job").isin(jobs))
    edges = rows.groupBy("doc_id").agg(F.min(F.struct("job", "dup_of"))["dup_of"].alias("root"))
    edges = roots = tables.stage("left_for", edges)
    for number in range(ROUNDS):
        further = roots.select(F.col("doc_id").alias("root"), F.col("root").alias("beyond"))
        joined = roots.join(further, ["root"], how="left")
        if joined.where("beyond != root").isEmpty():
            break
        roots = tables.stage(
            f"left_for_{number}", joined.select("doc_id", F.coalesce("beyond", "root").alias("root"))
        )
    direct = edges.groupBy(F.col("root").alias("doc_id")).agg(F.count("*").alias("n_duplicates"))
    whole = roots.groupBy(F.col("root").alias("doc_id")).agg((F.count("*") + 1).alias("family_size"))
    return whole.join(direct, ["doc_id"], how="inner").select("doc_id", "n_duplicates", "family_size")
