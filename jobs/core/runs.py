"""What `runs` tells: which versions are finished, which batches a job has covered, and whether that is still fresh."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from jobs.core import local_delta
from jobs.core.job import Job
from jobs.core.lake import Lake
from jobs.core.tables import RUNS, SHARED

if TYPE_CHECKING:
    from pyspark.sql import Row



class Runs:
    """The run log of a lake, read once when a job starts (it is small: two rows a run)."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.rows: list[Row] = sorted(rows_of(lake), key=lambda row: (row["at"], row["status"] == "finished"))

    def finished(self, job: str | None = None) -> list[Row]:
        """Finished rows, oldest first."""
        return [row for row in self.rows if row["status"] == "finished" and job in (None, row["job"])]

    def versions(self) -> dict[str, int]:
        """For each table the newest version that a finished run wrote: what readers open."""
        newest: dict[str, int] = {}
        for row in self.finished():
            for table, version in (row["versions_written"] or {}).items():
                newest[table] = max(version, newest.get(table, -1))
        return newest

    def batches(self) -> list[str]:
        """Batches of documents, in the order in which they were first ingested."""
        return list(dict.fromkeys(b for row in self.finished() if "docs" in (row["versions_written"] or {}) for b in row["batches"]))

    def last(self, job: str, batch: str) -> Row | None:
        """The job's last row about a batch: `started` means that it died on the way."""
        rows = [row for row in self.rows if row["job"] == job and batch in row["batches"]]
        return rows[-1] if rows else None

    def covers(self, job: str, batch: str, recipe_hash: str | None = None) -> bool:
        """Whether the job's last word on the batch is a finished run (of this recipe, when given)."""
        row = self.last(job, batch)
        return row is not None and row["status"] == "finished" and recipe_hash in (None, row["recipe_hash"])

    def replaced(self, job: str, batches: tuple[str, ...]) -> list[str]:
        """Of `batches`, those ingested since the job's last finished run opened its inputs (its first, when none finished)."""
        stale = []
        for batch in batches:
            mine = [row for row in self.rows if row["job"] == job and batch in row["batches"]]
            done = [row["run_id"] for row in mine if row["status"] == "finished"]
            ingested = max((row["at"] for row in self.finished() if "docs" in (row["versions_written"] or {}) and batch in row["batches"]), default=None)
            opened = min((row["at"] for row in mine if not done or row["run_id"] == done[-1]), default=None)
            if opened is not None and ingested is not None and ingested > opened:
                stale.append(batch)
        return stale

    def is_fresh(self, job: Job, batch: str, recipe_hash: str, heeds: tuple[str, ...]) -> bool:
        """Whether the job covers the batch and nothing that it reads has been written for the batch since it opened its inputs.

        Of the tables that several judges share, only the slices of the jobs in `heeds` count (all of them to a job that writes no table).
        """
        mine = self.last(job.name, batch)
        if mine is None or not self.covers(job.name, batch, recipe_hash):
            return False
        opened = min(row["at"] for row in self.rows if row["run_id"] == mine["run_id"])
        later = [row for row in self.finished() if row["at"] > opened and row["job"] != job.name]
        return not any(self._concerns(row, job, batch, heeds) for row in later)

    @staticmethod
    def _concerns(row: Row, job: Job, batch: str, heeds: tuple[str, ...]) -> bool:
        if job.scope == "batch" and batch not in row["batches"]:
            return False
        written = set(row["versions_written"] or {}) & {*job.reads, *job.looks_at}
        return bool(written - SHARED) or (bool(written) and (row["job"] in heeds or not job.writes))


def rows_of(lake: Lake) -> list[Row]:
    """All rows of `runs`; read anew only when somebody has committed since (a read costs a second, the jobs of one process ten)."""
    if not lake.exists(RUNS):
        return []
    version = lake.latest(RUNS)
    if lake.run_rows is None or lake.run_rows[0] != version:
        found = lake.opened(RUNS, version)
        lake.run_rows = version, lake.read(RUNS, version).collect() if found is None else _as_rows(found)
    return lake.run_rows[1]


def _as_rows(found: Any) -> list[Row]:
    """What `collect` gives, from delta-rs: a local lake's log is read before the JVM has loaded what it needs to."""
    from pyspark.sql import Row as PlainRow

    maps = {c.name for c in RUNS.columns if c.type.startswith("map")}

    def value(name: str, value: Any) -> Any:
        if name in maps and value is not None:
            return dict(value)
        return _naive(value) if name == "at" else value

    return [PlainRow(*RUNS.names)(*(value(name, row[name]) for name in RUNS.names)) for row in local_delta.rows_of(found).to_pylist()]


def _naive(at: dt.datetime) -> dt.datetime:
    """Local time without its zone, as `collect` gives timestamps."""
    return at.astimezone().replace(tzinfo=None)


def log(lake: Lake, values: tuple[Any, ...], note: str) -> None:
    """Append one row to `runs`; `values` in the order of its columns."""
    from pyspark.sql import Row as PlainRow

    known = lake.run_rows
    if lake.is_direct:
        plain = [list(value.items()) if isinstance(value, dict) else value for value in values]
        rows = pa.Table.from_pylist([dict(zip(RUNS.names, plain, strict=True))], local_delta.arrow_schema(RUNS))
    else:
        rows = lake.spark.createDataFrame([values], RUNS.schema).coalesce(1)
    version = lake.write(RUNS, rows, None, note)
    if known is not None and known[0] == version - 1:  # nobody else wrote: what was read is still all but this row
        at = RUNS.names.index("at")
        lake.run_rows = version, [*known[1], PlainRow(*RUNS.names)(*values[:at], _naive(values[at]), *values[at + 1 :])]


def now() -> dt.datetime:
    """The clock, in UTC; only run rows and ingest times read it."""
    return dt.datetime.now(dt.UTC)
