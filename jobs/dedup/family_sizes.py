"""How many duplicates each survivor represents, directly and through chains of survivors.

A chain arises where a survivor of one job is a duplicate for the next:

    duplicates: job            doc_id  dup_of      result: doc_id  n_duplicates  family_size
                dedup_exact    a       b                   c       1             3
                dedup_minhash  b       c
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from gristmill.jobs.runner.context import JobContext

# Each round doubles the hops that are followed: 64 in
# all. One dedup job adds at most two (text, then URL).
ROUNDS = 6


def count_duplicates(tables: JobContext, jobs: list[str]) -> DataFrame:
    """doc_id, n_duplicates, family_size of the survivors of the duplicates that `jobs` left out.

    n_duplicates: documents that name this one as their survivor. family_size: this document, its duplicates,
    their duplicates and so on. A document that several jobs left out counts once, for the job whose name
    sorts first. Two documents that name each other as survivor count for no document; this does not happen
    between jobs of which one skips what the other rejected.
    """
    from pyspark.sql import functions as F

    # One edge a document. With one for each job, a family
    # would count it once for each of its survivors.
    rows = tables["duplicates"].where(F.col("job").isin(jobs))
    edges = rows.groupBy("doc_id").agg(F.min(F.struct("job", "dup_of"))["dup_of"].alias("root"))
    edges = roots = tables.stage("left_for", edges)
    # Pointer doubling: every root is replaced by its own
    # root, until no document has a root with a root.
    for number in range(ROUNDS):
        next_roots = roots.select(F.col("doc_id").alias("root"), F.col("root").alias("next_root"))
        joined = roots.join(next_roots, ["root"], how="left")
        if joined.where("next_root != root").isEmpty():
            break
        # Staged, since the plan of a round would otherwise hold the plans of all rounds before it.
        roots = tables.stage(
            f"left_for_{number}", joined.select("doc_id", F.coalesce("next_root", "root").alias("root"))
        )
    direct = edges.groupBy(F.col("root").alias("doc_id")).agg(F.count("*").alias("n_duplicates"))
    whole = roots.groupBy(F.col("root").alias("doc_id")).agg((F.count("*") + 1).alias("family_size"))
    # Inner: a document in the middle of a chain has direct duplicates but is itself no root of any.
    return whole.join(direct, ["doc_id"], how="inner").select("doc_id", "n_duplicates", "family_size")
