"""Opens tables for one run: its inputs at pinned versions, its own tables at their newest version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.schema import catalog

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from gristmill.jobs.runner.job import Job
    from gristmill.jobs.runner.run_log import Runs


class TableReader:
    """Input tables at the versions of the last finished runs, the job's own tables at their newest version,
    and the slices of both that belong to the run's batches."""

    def __init__(self, lake: Lake, runs: Runs, job: Job, batches: tuple[str, ...]) -> None:
        self.lake, self.job, self.batches = lake, job, batches
        self.pins = {name: runs.pin(name) for name in (*job.reads, *job.looks_at)}
        self.versions = {name: pin.version for name, pin in self.pins.items() if pin.version is not None}
        for name in {write.table for write in job.writes} & set(self.pins) - set(self.versions):
            state = runs.state(name) if self.pins[name].trouble else None
            # The job reads a table that it also writes, and whose rows it
            # is about to replace: the newest version is the best there is.
            if state is not None:
                self.versions[name] = state.version

    def __getitem__(self, name: str) -> DataFrame:
        """An input table at its finished version.

        Raises ContractError when no finished run has written it.
        """
        # A table that is not declared would be missing from
        # versions_read, and its changes would make nothing stale.
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

        Raises ContractError when runs wrote it and it has been changed since.
        """
        if name in self.versions:
            return self[name]
        self._refuse_trouble(name)
        return None

    def _refuse_trouble(self, name: str) -> None:
        """Raises ContractError where runs wrote the table and it has been changed by others since."""
        trouble = self.pins[name].trouble
        if trouble and name not in {write.table for write in self.job.writes}:
            raise ContractError(
                f"{name}: {trouble}, so that no finished run stands behind it on lake {self.lake.where}; "
                "run the job that writes it "
                "again (`gristmill run curate` does), or see what `gristmill repair --lake "
                f"{self.lake.where}` would do"
            )

    def own(self, name: str) -> DataFrame:
        """A table that this job writes, at its newest version; empty when it was never written."""
        table = catalog.table(name)
        return self.lake.read(table) if self.lake.exists(table) else self.empty(name)

    def own_slice(self, name: str) -> DataFrame:
        """The rows of `own` that belong to the run's batches."""
        from pyspark.sql import functions as F

        return self.own(name).where(F.col("batch_id").isin(list(self.batches)))

    def output_exists(self, name: str) -> bool:
        """Whether the table was ever created. Lists a folder, where `own` of a missing table costs a
        query."""
        return self.lake.exists(catalog.table(name))

    def slice(self, name: str, batches: tuple[str, ...] | None = None) -> DataFrame:
        """The rows of an input table that belong to `batches` (None: those of the run)."""
        from pyspark.sql import functions as F

        return self[name].where(F.col("batch_id").isin(list(self.batches if batches is None else batches)))

    def empty(self, name: str) -> DataFrame:
        """A frame with the columns of a table and no rows."""
        columns = ", ".join(
            f"CAST(NULL AS {column.type}) AS `{column.name}`" for column in catalog.table(name).columns
        )
        # createDataFrame of an empty list would start Python workers; a SQL query does not.
        return self.lake.spark.sql(f"SELECT {columns} WHERE false")
