"""For jobs that process each document once: delete their rows of batches that were ingested again."""

from __future__ import annotations

from gristmill.jobs.core.config import Strict
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.job import Delete, Outputs
from gristmill.jobs.schema.catalog import table


def drop_replaced(tables: JobContext, params: Strict) -> Outputs:
    """A first step of a job: delete its rows of the batches whose texts may have changed since it ran."""
    from pyspark.sql import functions as F

    # By batch, not by document: the rows carry no hash of the text (DECISIONS.md),
    # so a changed text cannot be distinguished from an unchanged one.
    stale = [(batch,) for batch in tables.history.replaced()]
    if not stale:
        return {}
    keys = tables.frame(stale, "batch_id string").withColumn("job", F.lit(tables.job.name))
    # Tables that a run replaces as a whole need no deletion before.
    added_to = [write.table for write in tables.job.writes if write.replaces == "append"]
    owned = [name for name in added_to if tables.output_exists(name)]
    return {
        name: Delete(keys, ("job", "batch_id") if "job" in table(name).names else ("batch_id",))
        for name in owned
    }
