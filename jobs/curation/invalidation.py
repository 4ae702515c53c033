"""For jobs that look at each document once: what they know of a batch that was ingested again is
forgotten first."""

from __future__ import annotations

from gristmill.jobs.core.config import Strict
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.job import Delete, Outputs
from gristmill.jobs.schema.catalog import table


def drop_replaced(tables: JobContext, params: Strict) -> Outputs:
    """A first step: delete this job's rows of the batches whose text may be another than the one it saw."""
    from pyspark.sql import functions as F

    stale = [(batch,) for batch in tables.history.replaced()]
    if not stale:
        return {}
    keys = tables.frame(stale, "batch_id string").withColumn("job", F.lit(tables.job.name))
    # What is replaced whole by every run needs no forgetting.
    added_to = [write.table for write in tables.job.writes if write.replaces == "append"]
    owned = [name for name in added_to if tables.output_exists(name)]
    return {
        name: Delete(keys, ("job", "batch_id") if "job" in table(name).names else ("batch_id",))
        for name in owned
    }
