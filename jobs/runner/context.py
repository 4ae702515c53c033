"""The argument `tables` of a step: tables, documents, the run log, and staging of frames."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Generic, cast

import pyarrow as pa

from gristmill.jobs.connect.settings import set_within
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.documents import Documents
from gristmill.jobs.runner.job import Job, State
from gristmill.jobs.runner.run_log import History, Runs, now
from gristmill.jobs.runner.table_reader import TableReader
from gristmill.jobs.schema import catalog
from gristmill.jobs.schema.types import arrow_schema

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from pyspark.sql import Column, DataFrame

    from gristmill.jobs.lake.listing import Listing
    from gristmill.jobs.runner.counts import Counts

# Staged files are read by this run only, after all of them are written. So
# tasks may commit their files directly (a second rename is a copy on an object
# store), and the folder needs no _SUCCESS marker. No dictionary encoding:
# texts and ids hardly repeat, and every value would be hashed for nothing.
STAGING = {
    "mapreduce.fileoutputcommitter.algorithm.version": "2",
    "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    "parquet.enable.dictionary": "false",
}
BATCH_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"


class JobContext(TableReader, Generic[State]):
    """The context of a run. A step calls it `tables` and reads its inputs from it: `tables["docs"]`.

    `documents`: the documents to process, and their texts; `history`: what earlier runs did; `state`: the
    job's own dataclass, filled by its earlier steps.
    """

    def __init__(
        self,
        lake: Lake,
        runs: Runs,
        job: Job[State],
        recipe_hash: str,
        batches: tuple[str, ...],
        inputs: Listing | None = None,
        run_id: str = "0",
        started_at: dt.datetime | None = None,
    ) -> None:
        super().__init__(lake, runs, job, batches)
        self.run = f"{job.name}-{run_id}"  # the name of this run's staging folder
        self.recipe_hash, self._inputs, self.started_at = recipe_hash, inputs, started_at or now()
        self.history = History(runs, job, batches)
        self.documents = Documents(self, self.history)
        # The cast is safe: steps of a job without a state
        # class have no type by which to read `state`.
        self.state = cast(State, job.state() if job.state is not None else None)
        self.verdict_counts: Counts | None = None

    @property
    def inputs(self) -> Listing:
        """The files that an ingest reads. Raises KeyError for a job that reads none."""
        if self._inputs is None:
            raise KeyError(f"{self.job.name} reads tables, no files")
        return self._inputs

    def note_verdicts(self, counts: Counts) -> None:
        """Set the counts of this run's verdicts.

        By the step that makes them if it knows them, which saves a query; otherwise when they are staged.
        """
        self.verdict_counts = counts

    def verdicts(
        self,
        rows: DataFrame,
        *,
        reason: Column | str = "reason",
        value: Column | str = "value",
        threshold: Column | str = "threshold",
        rule: Column | str = "rule",
    ) -> DataFrame:
        """Rows of the table `verdicts` by this job: one for each of `rows` (doc_id, batch_id, ...).

        A string is the name of a column of `rows`.
        """
        from pyspark.sql import functions as F

        named = {"reason": reason, "value": value, "threshold": threshold, "rule": rule}
        columns = [
            (F.col(given) if isinstance(given, str) else given).alias(name) for name, given in named.items()
        ]
        job, recipe_hash = F.lit(self.job.name).alias("job"), F.lit(self.recipe_hash).alias("recipe_hash")
        return rows.select(job, "doc_id", "batch_id", *columns, recipe_hash)

    def stage(self, name: str, frame: DataFrame, batch_rows: int | None = None) -> DataFrame:
        """Compute `frame` once into the lake's staging folder and read it back; deleted when the job
        ends.

        `batch_rows`: rows of an Arrow batch passed to Python, for narrow rows; the session's own limit is set
        for whole texts.
        """
        path = f"{self.lake.staging(self.run)}/{name}"
        with set_within(self.lake.spark, BATCH_ROWS, str(batch_rows) if batch_rows else None):
            frame.write.mode("overwrite").options(**STAGING).parquet(path)
        return self.lake.staged(path, frame.schema)

    def rows(self, name: str, rows: pa.Table, **constants: str) -> pa.Table:
        """Rows of the driver with the declared columns of the table `name`, cast to its types.

        `constants`: columns with the same value in every row.
        """
        schema = arrow_schema(catalog.table(name))
        for column, value in constants.items():
            rows = rows.append_column(column, pa.repeat(value, len(rows)))
        return rows.select(schema.names).cast(schema)

    def frame(self, rows: Sequence[tuple[object, ...]] | pd.DataFrame, schema: str) -> DataFrame:
        """Driver rows as a frame; Spark itself refuses a pandas frame without rows."""
        return self.lake.spark.createDataFrame(rows if len(rows) else [], schema)


def bucket_of(column: str, buckets: int) -> Column:
    """The text bucket of a doc_id: its first 7 hex digits modulo the lake's number of buckets (an int
    column)."""
    from pyspark.sql import functions as F

    # 7 hex digits are 28 bits: conv(...) stays positive
    # as an int, where 8 digits would overflow one.
    return (F.conv(F.substring(F.col(column), 1, 7), 16, 10).cast("int") % F.lit(buckets)).cast("int")
