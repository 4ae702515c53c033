"""What a job is: a name, its parameters, the tables it reads and writes, and the steps between them. No registry, no base class.

A step is a function of (tables, params) that returns named frames; each frame is committed to the table of its name before
the next step runs. `main` is what every job file ends in.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from jobs.core import tables as promised
from jobs.core.config import Strict
from jobs.core.errors import ContractError, GristmillError
from jobs.core.lake import Lake, quoted

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

    from jobs.core.runs import Runs

BROADCAST = 1_000_000  # ids of documents, some 100 bytes each on driver and executors
BATCH_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"
Slice = Literal["batch", "job", "all", "append"]


@dataclass(frozen=True)
class Writes:
    """A table that a job writes, and which of its rows one run replaces.

    batch: the rows of the batches at hand (and of this job, where the table has a job column); job: every row of this job;
    all: every row; append: none.
    """

    table: str
    replaces: Slice

    def where(self, job: str, batches: tuple[str, ...]) -> str | None:
        """The SQL condition of the rows that are replaced; None for an append."""
        names = promised.table(self.table).names
        mine = f"job = {quoted(job)}" if "job" in names else "true"
        if self.replaces == "append":
            return None
        if self.replaces == "all":
            return "true"
        if self.replaces == "job":
            return mine
        inside = f"batch_id IN ({', '.join(quoted(batch) for batch in batches)})"
        return inside if mine == "true" else f"{mine} AND {inside}"


@dataclass(frozen=True)
class Delete:
    """What a step returns in a frame's place: delete the rows of the table whose `on` columns appear in `keys`."""

    keys: DataFrame
    on: tuple[str, ...]


@dataclass(frozen=True)
class Insert:
    """What a step returns in a frame's place: MERGE the rows of `frame` whose `on` columns are not in the table yet."""

    frame: DataFrame
    on: tuple[str, ...]


@dataclass(frozen=True)
class Counts:
    """What a run looked at and did with it; `reasons` may count a document twice, rows_in = rows_kept + rows_left_out."""

    rows_in: int
    rows_kept: int
    reasons: dict[str, int]

    @property
    def rows_left_out(self) -> int:
        """rows_in - rows_kept."""
        return self.rows_in - self.rows_kept


# A frame, a Delete, an Insert, or a list of them for each table, committed in that order.
Step = Callable[["Tables", Any], dict[str, Any]]


@dataclass(frozen=True)
class Job:
    """One job. `scope`: input (reads files), batch (batch by batch), lake (looks at all batches at once)."""

    name: str
    params: type[Strict]
    reads: tuple[str, ...]
    writes: tuple[Writes, ...]
    steps: tuple[Step, ...]
    scope: Literal["input", "batch", "lake"] = "batch"
    count: Callable[[Tables, Any], Counts] | None = None
    about: str = ""
    looks_at: tuple[str, ...] = ()  # tables that it also reads where a finished run has written them (Tables.get)
    output: str | Callable[[Any], str] = ""  # a file below the lake's root (of these parameters) that it writes beside the tables; while that is missing, nothing is covered


class Tables:
    """What a step sees: its input tables at the versions of the last finished runs, its own tables, and the batches at hand."""

    def __init__(self, lake: Lake, runs: Runs, job: Job, recipe_hash: str, batches: tuple[str, ...], inputs: Any = None) -> None:
        self.lake, self.job, self.runs = lake, job, runs
        self.recipe_hash, self.batches, self.inputs = recipe_hash, batches, inputs
        self.versions = {name: version for name, version in runs.versions().items() if name in (*job.reads, *job.looks_at)}
        self.started_at: Any = None
        self.n_staged = 0  # keys of texts, by bucket
        self.held: Any = None  # what one step keeps on the driver for the next steps of the same run
        self.judged: Counts | None = None  # what the verdicts of this run came to, once they are staged

    def __getitem__(self, name: str) -> DataFrame:
        """An input table at its finished version. Raises ContractError when no finished run has written it."""
        if name not in (*self.job.reads, *self.job.looks_at):
            raise KeyError(f"{self.job.name} does not declare that it reads {name}")
        if name not in self.versions:
            if name in promised.SHARED:
                return self.empty(name)
            raise ContractError(f"{name}: no finished run has written it on lake {self.lake.where}; run the job that does (see `gristmill list`)")
        return self.lake.read(promised.table(name), self.versions[name])

    def get(self, name: str) -> DataFrame | None:
        """As `tables[name]`, but None when no finished run has written the table."""
        return self[name] if name in self.versions else None

    def own(self, name: str) -> DataFrame:
        """A table that this job writes, as it stands now; empty when it was never written."""
        table = promised.table(name)
        return self.lake.read(table) if self.lake.exists(table) else self.empty(name)

    def owns(self, name: str) -> bool:
        """Whether the table was ever created: a look at a folder, where `own` of a missing table costs a query."""
        return self.lake.exists(promised.table(name))

    def n_documents(self) -> int:
        """Documents of the batches at hand as their ingest counted them, without a query; more than there are after a replacement."""
        latest = {batch: row for row in self.runs.finished() if "docs" in (row["versions_written"] or {}) for batch in row["batches"]}
        return sum(latest[batch]["rows_kept"] or 0 for batch in self.batches)

    def before(self, name: str, is_ours: Callable[[str], bool]) -> DataFrame | None:
        """A table of this job as its last finished run left it whose recipe (JSON) `is_ours`; None without such a run."""
        for row in reversed(self.runs.finished(self.job.name)):
            if is_ours(row["recipe"]) and name in row["versions_written"]:
                return self.lake.read(promised.table(name), row["versions_written"][name])
        return None

    def slice(self, name: str) -> DataFrame:
        """The rows of an input table that belong to the batches at hand."""
        from pyspark.sql import functions as F

        return self[name].where(F.col("batch_id").isin(list(self.batches)))

    def kept(self, heeds: tuple[str, ...] | list[str]) -> DataFrame:
        """doc_id, batch_id of the documents of the batches at hand that no job in `heeds` left out."""
        from pyspark.sql import functions as F

        docs = self.slice("docs").select("doc_id", "batch_id")
        if not heeds:
            return docs
        left_out = self.slice("verdicts").where(F.col("job").isin(list(heeds))).select("doc_id", "batch_id").distinct()
        return docs.join(left_out, ["doc_id", "batch_id"], how="left_anti")

    def texts(self, keys: DataFrame, *columns: str, carry: tuple[str, ...] = (), table: str = "docs", n_keys: int | None = None) -> DataFrame:
        """The named columns of docs (or corpus) of the documents in `keys` (doc_id, batch_id), and of `keys` those in `carry`.

        Text is not shuffled: keys travel, bucket by bucket, or at once where `n_keys` says that they are no more than BROADCAST.
        """
        from pyspark.sql import functions as F

        docs, how = self.slice(table).select("doc_id", "batch_id", "bucket", *columns), "inner" if carry else "left_semi"
        if self.lake.buckets == 1 or (n_keys is not None and n_keys <= BROADCAST):
            return docs.join(F.broadcast(keys.select("doc_id", "batch_id", *carry)), ["doc_id", "batch_id"], how=how).drop("bucket")
        narrow = self._by_bucket(keys.select("doc_id", "batch_id", bucket_of("doc_id", self.lake.buckets).alias("bucket"), *carry))
        parts = [
            docs.where(F.col("bucket") == b).join(F.broadcast(narrow.where(F.col("bucket") == b)), ["doc_id", "batch_id", "bucket"], how=how)
            for b in range(self.lake.buckets)
        ]
        whole = parts[0]
        for part in parts[1:]:
            whole = whole.unionByName(part)
        return whole.drop("bucket")

    def stage(self, name: str, frame: DataFrame, batch_rows: int | None = None) -> DataFrame:
        """Compute `frame` once into the lake's staging folder and read it back; gone when the job ends.

        `batch_rows`: of an Arrow batch on its way to Python, where rows are narrow; the session's own bound is for whole texts.
        """
        path, conf = f"{self.lake.staging(self.job.name)}/{name}", self.lake.spark.conf
        usual = conf.get(BATCH_ROWS)
        conf.set(BATCH_ROWS, str(batch_rows or usual))
        try:
            frame.write.mode("overwrite").parquet(path)
        finally:
            conf.set(BATCH_ROWS, str(usual))
        return self.lake.spark.read.schema(frame.schema).parquet(path)

    def narrow(self, name: str, frame: DataFrame) -> DataFrame:
        """As `stage`, marked to be sent to every executor where it has no more than BROADCAST rows: then what it is joined with stays in place."""
        from pyspark.sql import functions as F

        rows = self.stage(name, frame)
        return F.broadcast(rows) if rows.count() <= BROADCAST else rows

    def _by_bucket(self, keys: DataFrame) -> DataFrame:
        """`keys` computed once, so that each bucket reads its own and no other."""
        self.n_staged += 1
        path = f"{self.lake.staging(self.job.name)}/keys-{self.n_staged}"
        keys.repartition("bucket").write.mode("overwrite").partitionBy("bucket").parquet(path)
        return self.lake.spark.read.schema(keys.schema).parquet(path)

    def frame(self, rows: list[Any] | pd.DataFrame, schema: str) -> DataFrame:
        """Driver rows as a frame; Spark itself refuses a pandas frame without rows."""
        return self.lake.spark.createDataFrame(rows if len(rows) else [], schema)

    def empty(self, name: str) -> DataFrame:
        """A frame with the columns of a table and no rows."""
        return self.frame([], promised.table(name).schema)


def bucket_of(column: str, buckets: int) -> Any:
    """The text bucket of a doc_id: its first 7 hex digits modulo the lake's number of buckets (an int column)."""
    from pyspark.sql import functions as F

    return (F.conv(F.substring(F.col(column), 1, 7), 16, 10).cast("int") % F.lit(buckets)).cast("int")


def main(job: Job, argv: list[str] | None = None) -> int:
    """The command line of one job file; returns the exit code (see jobs.core.errors)."""
    from jobs.core.run import run_from_files

    parser = argparse.ArgumentParser(prog=job.name, description=job.about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", required=True, help=f"YAML file with a section jobs.{job.name} (ships as conf/{job.name}.yaml)")
    parser.add_argument("--lake", help="path or catalog.schema; overrides the recipe's lake.path")
    parser.add_argument("--input", help="what to ingest: a file or folder (ingest jobs only)")
    parser.add_argument("--batch", help="work on this batch only (ingest jobs: the batch's name)")
    given = parser.parse_args(argv)
    try:
        run_from_files(job, given.recipe, given.lake, given.input, given.batch)
    except GristmillError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0
