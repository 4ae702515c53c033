"""Answers from the table `runs`: which versions are finished, which batches a job has covered, and whether
its output is still fresh."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

from gristmill.jobs.core.records import Record, naive
from gristmill.jobs.core.version import code_version
from gristmill.jobs.lake.history import TableState
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.job import Job
from gristmill.jobs.runner.pins import REPAIR, Pin, pinned, with_commits
from gristmill.jobs.schema.catalog import ALL, BY_WORKER, SHARED, table
from gristmill.jobs.schema.runs import RUNS
from gristmill.jobs.schema.scores import MODELS

if TYPE_CHECKING:
    from pyspark.sql import Row

KNOWN = frozenset(each.name for each in ALL)


class Runs:
    """The run log of a lake, read once when a job starts (it is small: two rows a run)."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.rows: list[Row] = sorted(rows_of(lake), key=lambda row: (row["at"], row["status"] == "finished"))
        self._pins: dict[str, Pin] = {}
        self._states: dict[str, TableState | None] = {}

    def finished(self, job: str | None = None) -> list[Row]:
        """Finished rows, oldest first."""
        return [row for row in self.rows if row["status"] == "finished" and job in (None, row["job"])]

    def pin(self, name: str) -> Pin:
        """The pin of a table (see gristmill.jobs.runner.pins), computed once for this object."""
        if name not in self._pins:
            self._pins[name] = self._pin(name)
        return self._pins[name]

    def _pin(self, name: str) -> Pin:
        names_by_row = [{*(row["versions_written"] or {}), *(row["table_ids"] or {})} for row in self.rows]
        if name not in KNOWN or not any(name in names for names in names_by_row):
            return Pin()  # no run wrote it, so its state does not matter
        state = self.state(name)
        pin = pinned(name, self.rows, state)
        # The worker commits many parts and writes its row when
        # it ends, so most of its commits have no row yet.
        if state is None or name in BY_WORKER:
            return pin
        overwritten: set[str] = set()
        while pin.last_commit is not None and not self._is_commit_of(name, *pin.last_commit):
            # The table was rolled back, and another writer used the version number again.
            # Each run that this removes may uncover an older one with the same fault.
            overwritten.add(pin.last_commit[1])
            pin = pinned(name, self.rows, state, overwritten)
        if pin.version is None or pin.version >= state.version:
            return pin
        return with_commits(pin, self.lake.commits(table(name), pin.version + 1, state.version))

    def _is_commit_of(self, name: str, version: int, run_id: str) -> bool:
        """Whether a version of the table is the run's commit; True where its log file was cleaned up."""
        state = self.state(name)
        assert state is not None
        [commit] = (
            [state.head] if state.version == version else self.lake.commits(table(name), version, version)
        )
        return commit.run_id == run_id or not commit.is_known

    def state(self, name: str) -> TableState | None:
        """The table's state at the first call; None where the table does not exist."""
        if name not in self._states:
            newest = max(
                (row["versions_written"].get(name, -1) for row in self.rows if row["versions_written"]),
                default=-1,
            )
            self._states[name] = self.lake.state_since(table(name), newest)
        return self._states[name]

    def versions(self) -> dict[str, int]:
        """Table -> the version that readers open, for each table that still contains rows of finished
        runs."""
        names = dict.fromkeys(name for row in self.finished() for name in row["versions_written"] or {})
        versions = {name: self.pin(name).version for name in names}
        return {name: version for name, version in versions.items() if version is not None}

    def troubles(self) -> dict[str, str]:
        """Table -> why it no longer contains the rows of the last run of some job that wrote it."""
        troubles = {}
        for job in dict.fromkeys(row["job"] for row in self.finished()):
            last = {batch: row for row in self.finished(job) for batch in row["batches"]}
            for row in last.values():
                for name in {*(row["table_ids"] or {}), *(row["versions_written"] or {})} & KNOWN:
                    pin = self.pin(name)
                    if pin.trouble and row["run_id"] not in pin.runs:
                        troubles[name] = pin.trouble
        return troubles

    def moved(self, name: str, version: int) -> int:
        """The newest version of a table with the same rows as `version`.

        OPTIMIZE and VACUUM after `version` may have deleted its files.
        """
        state = self.state(name)
        commits = self.lake.commits(table(name), version + 1, state.version) if state else []
        same = with_commits(
            Pin(version), [commit for commit in commits if not commit.changes_rows or commit.run_id]
        )
        return version if same.version is None else same.version

    def batches(self) -> list[str]:
        """The batches in docs, in the order of their first ingest."""
        standing = self.pin("docs").runs
        return list(
            dict.fromkeys(b for row in self._ingests() if row["run_id"] in standing for b in row["batches"])
        )

    def lost_batches(self) -> list[str]:
        """Ingested batches that docs may no longer contain in full.

        They are lost until they are ingested again, or `repair` accepts the table without them.
        """
        known, rows = set(self.batches()), self._ingests()
        last = max((i for i, row in enumerate(rows) if row["job"] == REPAIR), default=0)
        return list(dict.fromkeys(b for row in rows[last:] for b in row["batches"] if b not in known))

    def _ingests(self) -> list[Row]:
        return [row for row in self.finished() if "docs" in (row["versions_written"] or {})]

    def is_intact(self, row: Row) -> bool:
        """Whether every table that a finished run wrote still contains its rows."""
        return all(
            row["run_id"] in self.pin(name).runs
            for name in {*(row["table_ids"] or {}), *(row["versions_written"] or {})}
        )

    def last(self, job: str, batch: str) -> Row | None:
        """The job's last row about a batch; with status `started` the run died."""
        rows = [row for row in self.rows if row["job"] == job and batch in row["batches"]]
        return rows[-1] if rows else None

    def covers(self, job: str, batch: str, recipe_hash: str | None = None) -> bool:
        """Whether the job's last run on the batch has finished (with this recipe, if given) and its rows are
        still in the tables."""
        row = self.last(job, batch)
        return (
            row is not None
            and row["status"] == "finished"
            and recipe_hash in (None, row["recipe_hash"])
            and self.is_intact(row)
        )

    def replaced(self, job: str, batches: tuple[str, ...]) -> list[str]:
        """Of `batches`, those ingested since the job's last finished run opened its inputs (its first,
        when none finished)."""
        stale = []
        for batch in batches:
            job_rows = [row for row in self.rows if row["job"] == job and batch in row["batches"]]
            done = [row["run_id"] for row in job_rows if row["status"] == "finished"]
            ingested = max((row["at"] for row in self._ingests() if batch in row["batches"]), default=None)
            opened = min(
                (row["at"] for row in job_rows if not done or row["run_id"] == done[-1]), default=None
            )
            if opened is not None and ingested is not None and ingested > opened:
                stale.append(batch)
        return stale

    def is_fresh(
        self,
        job: Job,
        batch: str,
        recipe_hash: str,
        skip_rejected_by: tuple[str, ...],
        unused: frozenset[str] = frozenset(),
    ) -> bool:
        """Whether the job covers the batch, and nothing that it reads was written for the batch since it
        opened its inputs.

        Of the tables that several filters share, only the slices of the jobs in `skip_rejected_by` count (for
        a job that writes no table, all slices). Of `models`, only those of the jobs in its `models_of` count.
        `unused`: tables that the job does not read with this recipe. Optional inputs written by a job that
        has this job in its own skip_rejected_by do not count: they depend on this job's output, and the two
        would make each other stale for ever.
        """
        return self.written_since(job, batch, recipe_hash, skip_rejected_by, unused) == set()

    def written_since(
        self,
        job: Job,
        batch: str,
        recipe_hash: str,
        skip_rejected_by: tuple[str, ...],
        unused: frozenset[str] = frozenset(),
    ) -> set[str] | None:
        """The tables by which the batch is not fresh (see `is_fresh`); None where the job does not cover
        it."""
        last_row = self.last(job.name, batch)
        if last_row is None or not self.covers(job.name, batch, recipe_hash):
            return None
        # The started row's time. Compared with the finished row's time,
        # a table that was written while the job ran would be missed.
        opened = min(row["at"] for row in self.rows if row["run_id"] == last_row["run_id"])
        later = [row for row in self.finished() if row["at"] > opened and row["job"] != job.name]
        return {name for row in later for name in self._concerning(row, job, batch, skip_rejected_by, unused)}

    @staticmethod
    def _concerning(
        row: Row, job: Job, batch: str, skip_rejected_by: tuple[str, ...], unused: frozenset[str]
    ) -> set[str]:
        if job.scope == "batch" and batch not in row["batches"]:
            return set()
        # The recipe of the run that wrote, not of this one:
        # it says whether that run depends on this job.
        looks_at = (
            set() if job.name in json.loads(row["recipe"]).get("skip_rejected_by", ()) else set(job.looks_at)
        )
        written = set(row["versions_written"] or {}) & ({*job.reads, *looks_at} - unused)
        if job.scope == "batch":
            # A run over the whole lake lists all batches,
            # but may have changed the rows of only some.
            written -= {
                name for name, changed in (row["batches_changed"] or {}).items() if batch not in changed
            }
        if job.models_of and row["job"] not in (*job.models_of, REPAIR):
            written -= {MODELS.name}
        return written if row["job"] in skip_rejected_by or not job.writes else written - SHARED


class History:
    """The run log as seen by a run of one job, for the batches of that run; `runs` is the whole log."""

    def __init__(self, runs: Runs, job: Job, batches: tuple[str, ...]) -> None:
        self.runs, self.job, self.batches = runs, job, batches

    def n_documents(self) -> int:
        """The documents of the run's batches as their ingests counted them, without a query.

        An upper bound: documents that were replaced later are still counted.
        """
        return sum(row["rows_kept"] or 0 for row in self._ingests().values())

    def n_left_out(self, skip_rejected_by: tuple[str, ...] | list[str]) -> int:
        """The documents that the last runs of `skip_rejected_by` left out, by their own counts, without a
        query.

        An upper bound: runs that covered other batches as well count theirs too.
        """
        rows = [row for row in self.runs.finished() if row["job"] in skip_rejected_by]
        last = {(row["job"], batch): row for row in rows for batch in row["batches"] if batch in self.batches}
        return sum(
            row["rows_left_out"] or 0 for row in {row["run_id"]: row for row in last.values()}.values()
        )

    def ingests(self) -> dict[str, str]:
        """Batch -> run_id of the ingest that wrote it, for the batches of the run."""
        return {batch: row["run_id"] for batch, row in self._ingests().items()}

    def _ingests(self) -> dict[str, Row]:
        """Batch -> the row of the last finished run that wrote it to docs."""
        rows = [row for row in self.runs.finished() if "docs" in (row["versions_written"] or {})]
        latest = {batch: row for row in rows for batch in row["batches"]}
        return {batch: latest[batch] for batch in self.batches}

    def replaced(self) -> list[str]:
        """The batches of the run that were ingested since the job's last finished run opened its inputs (its
        first run, when none finished)."""
        return self.runs.replaced(self.job.name, self.batches)


def rows_of(lake: Lake) -> list[Row]:
    """All rows of `runs`, cached in the lake by version.

    A read costs a second with Spark, which the ten or more jobs of a curation would each spend.
    """
    if not lake.exists(RUNS):
        return []
    version = lake.latest(RUNS)
    if lake.run_rows is None or lake.run_rows[0] != version:
        lake.run_rows = version, [_row(each) for each in lake.records(RUNS, version)]
    return lake.run_rows[1]


def _row(values: Record) -> Row:
    from pyspark.sql import Row as PlainRow

    return PlainRow(*RUNS.names)(*(values[name] for name in RUNS.names))


def log(lake: Lake, values: tuple[object, ...], note: str) -> None:
    """Append one row to `runs`; `values` in the order of its columns."""
    known, row = lake.run_rows, dict(zip(RUNS.names, values, strict=True))
    version = lake.append_records(RUNS, [row], note)
    # The version before ours is the cached one, so no other
    # writer committed and the cache lacks this row only.
    at = row["at"]
    if known is not None and known[0] == version - 1 and isinstance(at, dt.datetime):
        lake.run_rows = version, [*known[1], _row({**row, "at": naive(at)})]


def now() -> dt.datetime:
    """The present time in UTC. Only rows of `runs` and ingest times depend on it."""
    return dt.datetime.now(dt.UTC)


def log_event(lake: Lake, run_id: str, job: str, recipe: Record, **columns: object) -> None:
    """Append a row to `runs` for an event that is not a run of a job (repair, upgrade, foreign commit).

    `recipe`: a description of the event; `columns`: values of further columns.
    """
    row = {
        "run_id": run_id,
        "job": job,
        "status": "finished",
        "at": now(),
        "batches": [],
        "recipe_hash": "",
        "recipe": json.dumps(recipe),
        "code_version": code_version(),
        "spark_version": lake.spark.version,
        **columns,
    }
    log(lake, tuple(row.get(name) for name in RUNS.names), json.dumps({"run_id": run_id, "job": job}))
