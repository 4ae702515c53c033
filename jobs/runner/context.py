"""What the steps of a job see: tables, documents, the run log, and where a frame is staged."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Generic, cast

import pyarrow as pa

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
    from gristmill.jobs.runner.job import Job
    from gristmill.jobs.runner.run_log import Runs

# What is staged is read by this run alone, once all of it is there: a task's file needs no second move, which
# on an object store is a copy, and the folder no marker. No dictionaries: the values are blocks, or ids that
# hardly repeat, and each would be hashed.
STAGING = {
    "mapreduce.fileoutputcommitter.algorithm.version": "2",
    "mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    "parquet.enable.dictionary": "false",
}
BATCH_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"


class JobContext(TableReader, Generic[State]):
    """What a step sees, called `tables`, since it reads them first of all: `tables["docs"]`.

    Which documents it works on, and their texts, are asked of `documents`; what earlier runs did, of
    `history`. `state` is the job's own: what its earlier steps have left there.
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
        # (a job without a state has no type that its steps could name)
        self.state = cast(State, job.state() if job.state is not None else None)
        self.verdict_counts: Counts | None = None

    @property
    def inputs(self) -> Listing:
        """The files that an ingest reads. Raises KeyError for a job that reads none."""
        if self._inputs is None:
            raise KeyError(f"{self.job.name} reads tables, no files")
        return self._inputs

    def note_verdicts(self, counts: Counts) -> None:
        """What the verdicts of this run come to: by the step that makes them, which saves a query, or else
        counted when they are staged."""
        self.verdict_counts = counts

    def stage(self, name: str, frame: DataFrame, batch_rows: int | None = None) -> DataFrame:
        """Compute `frame` once into the lake's staging folder and read it back; gone when the job ends.

        `batch_rows`: of an Arrow batch on its way to Python, where rows are narrow; the session's own bound
        is for whole texts.
        """
        path, conf = f"{self.lake.staging(self.run)}/{name}", self.lake.spark.conf
        usual = conf.get(BATCH_ROWS)
        conf.set(BATCH_ROWS, str(batch_rows or usual))
        try:
            frame.write.mode("overwrite").options(**STAGING).parquet(path)
        finally:
            conf.set(BATCH_ROWS, str(usual))
        return self.lake.staged(path, frame.schema)

    def rows(self, name: str, rows: pa.Table, **constants: str) -> pa.Table:
        """Driver rows as a step returns them: the promised columns of a table, from those of `rows` and
        one value each."""
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

    return (F.conv(F.substring(F.col(column), 1, 7), 16, 10).cast("int") % F.lit(buckets)).cast("int")
