"""What the steps of a job see: input tables at pinned versions, the job's own tables, the batches at
hand, and passes over text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.work import Work
from gristmill.jobs.schema import catalog
from gristmill.jobs.schema.types import arrow_schema

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, Row

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
# ids of documents, some 100 bytes each on driver and executors
BROADCAST = 1_000_000


class Tables:
    """What a step sees: its input tables at the versions of the last finished runs, its own tables, and
    the batches at hand."""

    def __init__(
        self,
        lake: Lake,
        runs: Runs,
        job: Job,
        recipe_hash: str,
        batches: tuple[str, ...],
        inputs: Any = None,
        run_id: str = "0",
    ) -> None:
        self.lake, self.job, self.runs = lake, job, runs
        self.run = f"{job.name}-{run_id}"  # the name of this run's staging folder
        self.recipe_hash, self.batches, self.inputs = recipe_hash, batches, inputs
        self.pins = {name: runs.pin(name) for name in (*job.reads, *job.looks_at)}
        self.versions = {name: pin.version for name, pin in self.pins.items() if pin.version is not None}
        for name in {write.table for write in job.writes} & set(self.pins) - set(self.versions):
            state = runs.state(name) if self.pins[name].trouble else None
            # this job is about to write it anew: what is there is all there is
            if state is not None:
                self.versions[name] = state.version
        self.work = Work(batches)
        self.started_at: Any = None
        # what one step keeps on the driver for the next steps of the same run
        self.held: Any = None
        # what the verdicts of this run come to: by the step that makes them, or counted once they are staged
        self.judged: Counts | None = None

    def __getitem__(self, name: str) -> DataFrame:
        """An input table at its finished version.

        Raises ContractError when no finished run has written it.
        """
        if name not in (*self.job.reads, *self.job.looks_at):
            raise KeyError(f"{self.job.name} does not declare that it reads {name}")
        if name not in self.versions:
            self._refuse_trouble(name)
            if name in catalog.SHARED:
                return self.empty(name)
            raise ContractError(
                f"{name}: no finished run has written it on lake {self.lake.where}; run the job that "
                "does (see `gristmill list`)"
            )
        return self.lake.read(catalog.table(name), self.versions[name])

    def get(self, name: str) -> DataFrame | None:
        """As `tables[name]`, but None when no finished run has written the table.

        Raises ContractError when it is no longer what a run wrote.
        """
        if name in self.versions:
            return self[name]
        self._refuse_trouble(name)
        return None

    def _refuse_trouble(self, name: str) -> None:
        """Raises ContractError where runs wrote the table and it no longer is what they wrote."""
        trouble = self.pins[name].trouble
        if trouble and name not in {write.table for write in self.job.writes}:
            raise ContractError(
                f"{name}: {trouble}, so that no finished run stands behind it on lake {self.lake.where}; "
                "run the job that writes it "
                "again (`gristmill run curate` does), or see what `gristmill repair --lake "
                f"{self.lake.where}` would do"
            )

    def own(self, name: str) -> DataFrame:
        """A table that this job writes, as it stands now; empty when it was never written."""
        table = catalog.table(name)
        return self.lake.read(table) if self.lake.exists(table) else self.empty(name)

    def own_slice(self, name: str) -> DataFrame:
        """As `own`, of the batches at hand."""
        from pyspark.sql import functions as F

        return self.own(name).where(F.col("batch_id").isin(list(self.batches)))

    def output_exists(self, name: str) -> bool:
        """Whether the table was ever created: a look at a folder, where `own` of a missing table costs a
        query."""
        return self.lake.exists(catalog.table(name))

    def n_documents(self) -> int:
        """Documents of the batches at hand as their ingest counted them, without a query; more than
        there are after a replacement."""
        return sum(row["rows_kept"] or 0 for row in self._ingests().values())

    def n_left_out(self, skip_rejected_by: tuple[str, ...] | list[str]) -> int:
        """Documents of the batches at hand that the last runs of `skip_rejected_by` left out, as they counted
        them; more where they covered other batches too."""
        rows = [row for row in self.runs.finished() if row["job"] in skip_rejected_by]
        last = {(row["job"], batch): row for row in rows for batch in row["batches"] if batch in self.batches}
        return sum(
            row["rows_left_out"] or 0 for row in {row["run_id"]: row for row in last.values()}.values()
        )

    def ingests(self) -> dict[str, str]:
        """run_id of the ingest that wrote each of the batches at hand."""
        return {batch: row["run_id"] for batch, row in self._ingests().items()}

    def _ingests(self) -> dict[str, Row]:
        """The last finished run that wrote each of the batches at hand."""
        rows = [row for row in self.runs.finished() if "docs" in (row["versions_written"] or {})]
        latest = {batch: row for row in rows for batch in row["batches"]}
        return {batch: latest[batch] for batch in self.batches}

    def slice(self, name: str, batches: tuple[str, ...] | None = None) -> DataFrame:
        """The rows of an input table that belong to `batches` (None: those at hand)."""
        from pyspark.sql import functions as F

        return self[name].where(F.col("batch_id").isin(list(self.batches if batches is None else batches)))

    def kept(
        self,
        skip_rejected_by: tuple[str, ...] | list[str],
        *columns: str,
        batches: tuple[str, ...] | None = None,
    ) -> DataFrame:
        """doc_id, batch_id, the named columns of docs, of the documents that no job in `skip_rejected_by`
        left out: one pass over docs.

        Of `batches` (None: of those at hand).
        """
        return self.without_left_out(
            self.slice("docs", batches).select("doc_id", "batch_id", *columns), skip_rejected_by
        )

    def to_look_at(self, skip_rejected_by: tuple[str, ...] | list[str], *columns: str) -> DataFrame:
        """As `kept`, of the documents that a job `by_document` has to look at in this run (see
        gristmill.jobs.runner.work)."""
        rows, entered = self.kept(skip_rejected_by, *columns, batches=self.work.whole), self.work.entered
        if entered is None:
            return rows
        return rows.unionByName(self.texts(entered, *columns) if columns else entered)

    def standing(self, name: str) -> DataFrame:
        """The job's own rows of the batches at hand that this run leaves as they are."""
        from pyspark.sql import functions as F

        mine = (F.col("job") == self.job.name) & ~F.col("batch_id").isin(list(self.work.whole))
        rows, left = self.own_slice(name).where(mine), self.work.left
        return rows if left is None else rows.join(left, ["doc_id", "batch_id"], how="left_anti")

    def without_left_out(self, rows: DataFrame, skip_rejected_by: tuple[str, ...] | list[str]) -> DataFrame:
        """Those of `rows` (doc_id, batch_id, ...) whose documents no job in `skip_rejected_by` left out.

        Where these left out at most BROADCAST, as their runs counted them, the ids go to where the rows are;
        else Spark plans the join.
        """
        from pyspark.sql import functions as F

        if not skip_rejected_by:
            return rows
        left_out = (
            self.slice("verdicts")
            .where(F.col("job").isin(list(skip_rejected_by)))
            .select("doc_id", "batch_id")
            .distinct()
        )
        left_out = F.broadcast(left_out) if self.n_left_out(skip_rejected_by) <= BROADCAST else left_out
        return rows.join(left_out, ["doc_id", "batch_id"], how="left_anti")

    def texts(
        self, keys: DataFrame | None, *columns: str, carry: tuple[str, ...] = (), table: str = "docs"
    ) -> DataFrame:
        """doc_id, batch_id, the named columns of docs (or corpus) and the columns `carry` of `keys`.

        Of the documents in `keys` (doc_id, batch_id and what they carry), or, without keys, of all at hand.
        Where there are at most BROADCAST, keys go to where the texts are, and Spark reads no batch of which
        they name no document (its dynamic pruning of partitions); else it plans the join.
        """
        from pyspark.sql import functions as F

        docs = self.slice(table).select("doc_id", "batch_id", *columns)
        if keys is None:
            return docs
        narrow = keys.select("doc_id", "batch_id", *carry)
        narrow = F.broadcast(narrow) if self.n_documents() <= BROADCAST else narrow
        return docs.join(narrow, ["doc_id", "batch_id"], how="inner" if carry else "left_semi")

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

    def rows(self, name: str, rows: pa.Table, **constants: Any) -> pa.Table:
        """Driver rows as a step returns them: the promised columns of a table, from those of `rows` and
        one value each."""
        schema = arrow_schema(catalog.table(name))
        for column, value in constants.items():
            rows = rows.append_column(column, pa.repeat(value, len(rows)))
        return rows.select(schema.names).cast(schema)

    def frame(self, rows: list[Any] | pd.DataFrame, schema: str) -> DataFrame:
        """Driver rows as a frame; Spark itself refuses a pandas frame without rows."""
        return self.lake.spark.createDataFrame(rows if len(rows) else [], schema)

    def empty(self, name: str) -> DataFrame:
        """A frame with the columns of a table and no rows."""
        columns = ", ".join(
            f"CAST(NULL AS {column.type}) AS `{column.name}`" for column in catalog.table(name).columns
        )
        # a list of no rows would start Python workers
        return self.lake.spark.sql(f"SELECT {columns} WHERE false")


def bucket_of(column: str, buckets: int) -> Any:
    """The text bucket of a doc_id: its first 7 hex digits modulo the lake's number of buckets (an int
    column)."""
    from pyspark.sql import functions as F

    return (F.conv(F.substring(F.col(column), 1, 7), 16, 10).cast("int") % F.lit(buckets)).cast("int")


def broadcast_while_few(rows: DataFrame) -> DataFrame:
    """Staged `rows`, to where others are while they are at most BROADCAST; else Spark plans the join."""
    from pyspark.sql import functions as F

    return F.broadcast(rows) if rows.count() <= BROADCAST else rows
