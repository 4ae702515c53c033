"""The bookkeeping of one run: its started row, what its steps commit, its finished row."""

from __future__ import annotations

import datetime as dt
import functools
import json
import uuid
from typing import TYPE_CHECKING

import pyarrow as pa

from gristmill.jobs.connect.settings import refused
from gristmill.jobs.core import config
from gristmill.jobs.core.concurrency import at_once
from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.errors import DataError, RetryLater
from gristmill.jobs.core.params import LeavesOut, filters_of
from gristmill.jobs.core.version import code_version
from gristmill.jobs.lake.lake import Lake, quoted
from gristmill.jobs.lake.session import SMALL_BYTES, SMALL_DOCUMENTS
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import batches_that_differ, counted
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.job import Change, Delete, Insert, Job, Output, Outputs, Writes
from gristmill.jobs.runner.pins import describe_commit
from gristmill.jobs.runner.run_log import Runs, log, now
from gristmill.jobs.schema import catalog
from gristmill.jobs.schema.table import Table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

    from gristmill.jobs.lake.listing import Listing


class Run:
    """The bookkeeping of one run: the started row, versions written, the finished row."""

    def __init__(
        self,
        job: Job,
        params: Strict,
        lake: Lake,
        runs: Runs,
        digest: str,
        batches: tuple[str, ...],
        listing: Listing | None,
        opened: dt.datetime,
    ) -> None:
        self.job, self.params, self.lake, self.opened = job, params, lake, opened
        self.run_id, self.listing, self.runs = uuid.uuid4().hex, listing, runs
        self.note = json.dumps({"run_id": self.run_id, "job": job.name})  # userMetadata of each commit
        self.written: dict[str, int] = {}
        self.batches_changed: dict[str, list[str]] = {}  # see runs.batches_changed
        self.tables = JobContext(lake, runs, job, digest, batches, listing, self.run_id, opened)
        # The newest version of each table that this process has seen. A commit by others after
        # it is detected when the next commit of this run gets a higher number than expected.
        states = {write.table: runs.state(write.table) for write in job.writes}
        self.known = {name: state.version for name, state in states.items() if state is not None}
        self.opened_versions = {**self.known, **self.tables.versions}
        self.is_announced = False

    def is_large(self) -> bool:
        """Whether the input exceeds SMALL_BYTES of files, or SMALL_DOCUMENTS by the counts of the ingests."""
        if self.listing is not None:
            return sum(each.size for each in self.listing.files) > SMALL_BYTES
        return self.tables.history.n_documents() > SMALL_DOCUMENTS

    def through_steps(self) -> None:
        """Run the steps and commit the frames of each before the next one runs.

        In the order of the mapping; frames that each replace a whole slice are committed in parallel.
        """
        work = self.tables.documents.work
        for step in self.job.steps if not work.is_nothing() else ():
            outputs = step(self.tables, self.params)
            if work.is_part_of(self.tables.batches):
                for name, frame in outputs.items():
                    self._commit_changed_documents(catalog.table(name), frame)
                continue
            # Not in a catalog: Spark's own confuses two tables that are created at the
            # same time. Not with merges, which share the name of one temporary view.
            if (
                len(outputs) > 1
                and not self.lake.is_catalog
                and not any(
                    isinstance(change, Delete | Insert | Change | list) for change in outputs.values()
                )
            ):
                self._commit_together(outputs)
                continue
            # One after the other: a merge may rely on the
            # rows that the change before it has written.
            for name, changes in outputs.items():
                for change in changes if isinstance(changes, list) else [changes]:
                    self._commit(catalog.table(name), change)

    def clear_invalid_rows(self) -> None:
        """Delete the job's own rows from tables that it appends to and that others have changed.

        It would otherwise append to an incomplete set of rows as if it were complete.
        """
        # Requests and answers (SENT_OUT) are never deleted: workers may be processing them.
        added_to = [
            write.table
            for write in self.job.writes
            if write.replaces == "append" and write.table not in catalog.SENT_OUT
        ]
        standing = {name: self.runs.pin(name).runs for name in added_to}
        last = {
            batch: row
            for row in self.runs.finished(self.job.name)
            for batch in row["batches"]
            if batch in self.tables.batches
        }
        # By run, not by version: a version number says
        # nothing about a table that was created again.
        undone = any(
            row["run_id"] not in runs
            for row in last.values()
            for name, runs in standing.items()
            if self._concerns(row, name)
        )
        for name in added_to if undone else []:
            if self.runs.state(name) is not None:
                table = catalog.table(name)
                self.announce()
                slice_ = Writes(name, "batch" if "batch_id" in table.names else "job").where(
                    self.job.name, self.tables.batches
                )
                self._wrote(table, self.lake.clear(table, slice_ or "true", self.note))

    @staticmethod
    def _concerns(row: Row, name: str) -> bool:
        return name in (row["table_ids"] or {}) or name in (row["versions_written"] or {})

    def _wrote(self, table: Table, version: int) -> None:
        """Record a commit of this run.

        Raises RetryLater when another writer changed rows of the table since the run began.
        """
        before = self.known.get(table.name)
        # Only a gap in the version numbers can hide a commit by others; its log files are read
        # only then. The worker appends answers at any time, which is legal for its tables.
        if before is not None and version > before + 1 and table.name not in catalog.BY_WORKER:
            between = self.lake.commits(table, before + 1, version - 1)
            foreign = [commit for commit in between if commit.changes_rows and commit.run_id is None]
            if foreign:
                raise RetryLater(
                    f"{table.name}: {describe_commit(foreign[-1])} while {self.job.name} was at it; "
                    "the run is not finished and nobody reads what it wrote. Run the same command again"
                )
        self.known[table.name] = self.written[table.name] = version

    def _commit_together(self, outputs: Outputs) -> None:
        """The tables differ, so the commits cannot conflict.

        Planning a commit keeps one core busy; in parallel, half of the time overlaps.
        """
        frames = {
            name: self._guarded(frame) if name == "verdicts" else frame for name, frame in outputs.items()
        }
        self.announce()
        at_once(
            **{
                name: functools.partial(self._write, catalog.table(name), frame)
                for name, frame in frames.items()
            }
        )

    def _commit(self, table: Table, change: Output) -> None:
        if isinstance(change, Delete):
            self.announce()
            self._wrote(table, self.lake.delete(table, change.keys, change.on, self.note))
            return
        if isinstance(change, Insert):
            self.announce()
            self._wrote(table, self.lake.insert(table, change.frame, change.on, self.note))
            return
        if isinstance(change, Change):
            self.announce()
            self._wrote(table, self.lake.change(table, change.frame, change.deleted, change.on, self.note))
            return
        frame = self._guarded(change) if table.name == "verdicts" else change
        self.announce()
        self._write(table, frame)

    def _commit_changed_documents(self, table: Table, frame: DataFrame | pa.Table) -> None:
        """Commit the frame of a run that reprocesses only some documents of its batches.

        Rows that are no longer valid are deleted and the new ones appended; the others are not rewritten.
        """
        declared = next(write for write in self.job.writes if write.table == table.name)
        if declared.replaces != "batch":
            self._commit(table, frame)
            return
        frame = self._guarded(frame) if table.name == "verdicts" else frame
        self.announce()
        whole, left = self.tables.documents.work.whole, self.tables.documents.work.left
        # Batches that the job processes whole: delete what an
        # earlier run wrote. A new batch has nothing to delete.
        again = tuple(batch for batch in whole if self.runs.last(self.job.name, batch) is not None)
        if again:
            self._wrote(
                table, self.lake.clear(table, declared.where(self.job.name, again) or "true", self.note)
            )
        if left is not None:
            keys = left.selectExpr(f"'{self.job.name}' AS job", "doc_id", "batch_id")
            others = ", ".join(quoted(batch) for batch in self.tables.batches if batch not in whole)
            # A condition on partitions: without it the merge
            # would read the table's files of every job.
            within = f"t.job = {quoted(self.job.name)} AND t.batch_id IN ({others})"
            self._wrote(
                table, self.lake.delete(table, keys, ("job", "doc_id", "batch_id"), self.note, within)
            )
        # Delete before append: a run killed in between leaves too few rows and is
        # repeated whole, while the other order would delete what was just written.
        self._wrote(table, self.lake.write(table, frame, None, self.note))

    def _write(self, table: Table, frame: DataFrame | pa.Table) -> None:
        declared = next(write for write in self.job.writes if write.table == table.name)
        where = declared.where(self.job.name, self.tables.batches)
        # Fewer changed batches mean fewer batches that later jobs have to process again.
        changed = self._changed(declared, table, frame)
        if changed is not None:
            self.batches_changed[table.name] = changed
            if not changed:
                return
            frame = frame.where(frame.batch_id.isin(changed))
            where = f"{where} AND batch_id IN ({', '.join(map(quoted, changed))})"
        # An append costs half as much as replaceWhere, and is
        # equivalent where no file has a row that is replaced.
        if where is not None and self.lake.is_without(
            table, declared.replaced(self.job.name, self.tables.batches)
        ):
            where = None
        self._wrote(table, self.lake.write(table, frame, where, self.note))

    def _changed(self, declared: Writes, table: Table, frame: DataFrame | pa.Table) -> list[str] | None:
        """The batches in which `frame` differs from the job's present rows; None: write all batches.

        A job over the whole lake returns the same rows as before for most batches. A batch that is not
        written stays fresh for the later jobs.
        """
        pin = self.runs.pin(table.name)
        # A run that died may have written a newer version than the one that readers open.
        # Comparing with its rows would skip batches that no finished run has written.
        is_known = pin.version is not None and pin.version == self.known.get(table.name) and not pin.trouble
        if declared.replaces != "job" or not {"job", "batch_id"} <= set(table.partitions) or not is_known:
            return None
        if isinstance(frame, pa.Table):
            return None
        standing = self.lake.read(table, pin.version)
        return batches_that_differ(standing.where(standing.job == self.job.name), frame.select(*table.names))

    def _guarded(self, verdicts: DataFrame | pa.Table) -> DataFrame | pa.Table:
        """The verdicts, staged if their step did not count them.

        Raises DataError, before they are written, when fewer than min_kept documents would be kept.
        """
        staged = verdicts
        if self.tables.verdict_counts is None:
            # Counting and writing are two queries; staged, the verdicts are computed once.
            staged = self.tables.stage("verdicts", verdicts)
            # min_kept is about all documents of the batches,
            # so verdicts that are not rewritten count as well.
            is_part = self.tables.documents.work.is_part_of(self.tables.batches)
            every = self.tables.documents.standing("verdicts").unionByName(staged) if is_part else staged
            documents = self.tables.documents.kept(filters_of(self.params))
            self.tables.note_verdicts(counted(documents, every))
        counts = self.tables.verdict_counts
        assert counts is not None
        min_kept = self.params.min_kept if isinstance(self.params, LeavesOut) else 0
        if counts.rows_in and counts.rows_kept < min_kept:
            raise DataError(
                f"{self.job.name}: would keep {counts.rows_kept:,} of {counts.rows_in:,} documents; "
                "nothing written. "
                f"If that is meant, lower min_kept (it is {min_kept})"
            )
        return staged

    def announce(self) -> None:
        """Write the started row, once, before the first commit: a started row without a finished one marks a
        run that died."""
        if not self.is_announced:
            self._log("started", self.opened, None, None)
            self.is_announced = True

    def finish(self, counts: Counts | None, seconds: float) -> None:
        """Write the finished row."""
        self.announce()
        self._log("finished", now(), counts, seconds)

    def _ids(self, status: str) -> dict[str, str]:
        """The Delta ids of the tables that the job writes, as the run leaves them."""
        if status != "finished":
            return {}
        states = {
            name: self.runs.state(name) or self.lake.state(catalog.table(name))
            for name in {write.table for write in self.job.writes}
        }
        # Ids, since a table that is dropped and created again counts its versions from 0.
        return {name: state.id for name, state in sorted(states.items()) if state is not None}

    def _log(self, status: str, at: dt.datetime, counts: Counts | None, seconds: float | None) -> None:
        row = (
            self.run_id,
            self.job.name,
            status,
            at,
            seconds,
            list(self.tables.batches),
            self.tables.recipe_hash,
            config.canonical(self.params),
            self.listing.fingerprint if self.listing else None,
            dict(self.opened_versions),
            dict(self.written),
            self._ids(status),
            counts.rows_in if counts else None,
            counts.rows_kept if counts else None,
            counts.rows_left_out if counts else None,
            counts.reasons if counts else None,
            code_version(),
            self.lake.spark.version,
            refused(self.lake.spark) or None,
            dict(self.batches_changed) if status == "finished" else None,
        )
        log(self.lake, row, json.dumps({"run_id": self.run_id, "job": self.job.name, "status": status}))
