"""The worker's side of the lake, through delta-rs: parts, leases, and one commit a part that cannot happen
twice.

A part's answers are committed with an application transaction named by the part (not by the worker or run),
looked up and committed through one and the same table handle: a worker that comes late either sees it or
conflicts. `leases` only saves double work.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.fs as fs
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from gristmill.synth_worker.errors import RetryLater, TableError
from gristmill.synth_worker.queue.schemas import ANSWERS, LEASES, REQUESTS, RUNS

TRIES = 20  # of a commit that other workers overtake


@dataclass(frozen=True)
class Lease:
    """A part that this worker may work on until expires_at (UTC)."""

    part: str
    expires_at: dt.datetime


def now() -> dt.datetime:
    """The time, UTC."""
    return dt.datetime.now(dt.UTC)


def local_path(root: str) -> Path | None:
    """The folder that a path or a `file:` URI names, as jobs/lake/names.py reads it; None for another URL."""
    if root.startswith("file:"):
        return Path("/" + unquote(root.removeprefix("file://localhost").removeprefix("file:")).lstrip("/"))
    return None if "://" in root else Path(root).expanduser()


class Store:
    """The tables below `root` (a local path or a URL that delta-rs opens; its credentials come from the
    environment)."""

    def __init__(self, root: str, worker: str) -> None:
        self.local = local_path(root)
        self.root, self.worker = str(self.local) if self.local else root.rstrip("/"), worker

    def table(self, name: str, schema: pa.Schema) -> DeltaTable:
        """A fresh handle.

        Raises TableError when the table is missing or lacks a column that the worker knows.
        """
        try:
            found = DeltaTable(f"{self.root}/{name}")
        except TableNotFoundError:
            raise TableError(
                f"{self.root}/{name}: no such table; run export_candidates on this lake first"
            ) from None
        missing = [field for field in schema.names if field not in {f.name for f in found.schema().fields}]
        if missing:
            raise TableError(
                f"{self.root}/{name}: lacks the columns {', '.join(missing)}; worker and jobs are of "
                "different versions"
            )
        return found

    def rows(self, name: str, table: DeltaTable, columns: list[str], **wanted: Any) -> list[dict[str, Any]]:
        """Rows of the table `name` as `table` sees it, of these `columns`.

        Of a local one by Arrow's own file system: delta-rs's is Python's, and Arrow's threads, which close
        files when they come to it, abort a process that has just ended ("terminate called without an active
        exception").
        """
        files = (
            fs.SubTreeFileSystem(str((self.local / name).resolve()), fs.LocalFileSystem())
            if self.local
            else None
        )
        return list(table.to_pyarrow_table(columns=columns, filesystem=files, **wanted).to_pylist())

    def parts(self) -> list[str]:
        """Parts of the queue whose answers are not committed yet, in the order of their names."""
        queued = sorted(
            {each["part"] for each in self.table("synth_requests", REQUESTS).partitions() if each["part"]}
        )
        answers = self.table("synth_answers", ANSWERS)
        return [part for part in queued if answers.transaction_version(app_id(part)) is None]

    def requests(self, part: str) -> list[dict[str, Any]]:
        """The requests of a part, by request_id."""
        rows = self.rows(
            "synth_requests",
            self.table("synth_requests", REQUESTS),
            REQUESTS.names,
            partitions=[("part", "=", part)],
        )
        return sorted(rows, key=lambda row: row["request_id"])

    def commit(self, part: str, rows: list[dict[str, Any]]) -> bool:
        """Commit a part's answers; False when somebody already has.

        Raises RetryLater after too many conflicts.
        """
        data = pa.Table.from_pylist(rows, schema=ANSWERS)
        for _ in range(TRIES):
            with self._lock("synth_answers"):
                answers = self.table("synth_answers", ANSWERS)
                if answers.transaction_version(app_id(part)) is not None:
                    return False
                with contextlib.suppress(CommitFailedError), self._writing("synth_answers"):
                    write_deltalake(answers, data, mode="append", commit_properties=_once(app_id(part), 1))
                    return True
        raise RetryLater(
            f"synth_answers: {TRIES} commits of part {part} were overtaken; run the same command "
            "again, nothing is lost"
        )

    def take(self, seconds: float, working: set[str]) -> Lease | None:
        """Lease the first part that is not done, not among those we are `working` on and not held by
        another worker; else None."""
        waiting = self.parts()
        chosen: list[str] = []

        def change(rows: dict[str, dict[str, Any]], at: dt.datetime) -> bool:
            free = {
                part
                for part in waiting
                if part not in rows or rows[part]["expires_at"] <= at or rows[part]["worker"] == self.worker
            }
            mine = [part for part in waiting if part in free - working]
            if not mine:
                return False
            before = rows.get(mine[0], {"attempt": 0})
            chosen[:] = mine[:1]
            rows[mine[0]] = self._lease(
                mine[0], at + dt.timedelta(seconds=seconds), before["attempt"] + 1, "held"
            )
            return True

        taken = self._change_leases(change)
        return Lease(chosen[0], now() + dt.timedelta(seconds=seconds)) if taken and chosen else None

    def renew(self, parts: list[str], seconds: float) -> None:
        """Hold `parts` longer, as far as they are still ours."""

        def change(rows: dict[str, dict[str, Any]], at: dt.datetime) -> bool:
            mine = [part for part in parts if rows.get(part, {}).get("worker") == self.worker]
            for part in mine:
                rows[part] = {**rows[part], "expires_at": at + dt.timedelta(seconds=seconds)}
            return bool(mine)

        self._change_leases(change)

    def close(self, parts: list[str], status: str) -> None:
        """Mark our `parts` done, or give them back (held, expired)."""

        def change(rows: dict[str, dict[str, Any]], at: dt.datetime) -> bool:
            for part in parts:
                before = rows.get(part, {"attempt": 1, "worker": self.worker})
                if before["worker"] == self.worker or status == "done":
                    rows[part] = self._lease(part, at, before["attempt"], status)
            return bool(parts)

        self._change_leases(change)

    def _lease(self, part: str, until: dt.datetime, attempt: int, status: str) -> dict[str, Any]:
        return {
            "part": part,
            "worker": self.worker,
            "expires_at": until,
            "attempt": attempt,
            "status": status,
        }

    def _change_leases(self, change: Any) -> bool:
        """Read, change and write the small table whole; every write carries the next number of one
        transaction, so two writers conflict."""
        for _ in range(TRIES):
            with self._lock("leases"):
                table = self.table("leases", LEASES)
                rows = {row["part"]: row for row in self.rows("leases", table, LEASES.names)}
                if not change(rows, now()):
                    return False
                data = pa.Table.from_pylist(sorted(rows.values(), key=lambda row: row["part"]), schema=LEASES)
                number = (table.transaction_version("leases") or 0) + 1
                with contextlib.suppress(CommitFailedError), self._writing("leases"):
                    write_deltalake(table, data, mode="overwrite", commit_properties=_once("leases", number))
                    return True
        raise RetryLater(
            f"leases: {TRIES} commits were overtaken by other workers; run the same command again"
        )

    def log_run(self, row: dict[str, Any]) -> None:
        """Append the finished row of this run to `runs`, with the version of synth_answers that readers
        may open from now on."""
        answers = self.table("synth_answers", ANSWERS)
        wrote = {
            "versions_written": [("synth_answers", answers.version())],
            "table_ids": [("synth_answers", answers.metadata().id)],
        }
        data = pa.Table.from_pylist([{**row, **wrote}], schema=RUNS)
        with self._lock("runs"), self._writing("runs"):
            write_deltalake(self.table("runs", RUNS), data, mode="append")

    def is_logged(self) -> bool:
        """Whether a finished run already tells of the newest answers."""
        answers = self.table("synth_answers", ANSWERS)
        newest, mine = answers.version(), answers.metadata().id
        rows = self.rows("runs", self.table("runs", RUNS), ["status", "versions_written", "table_ids"])
        logged = [row for row in rows if dict(row["table_ids"] or []).get("synth_answers", mine) == mine]
        return any(
            row["status"] == "finished"
            and dict(row["versions_written"] or []).get("synth_answers", -1) >= newest
            for row in logged
        )

    @contextlib.contextmanager
    def _writing(self, table: str) -> Iterator[None]:
        """Raises RetryLater when the storage refuses a write: a full disk, mostly.

        A commit is whole or not there.
        """
        try:
            yield
        except CommitFailedError:
            raise
        except (OSError, DeltaError) as error:
            raise RetryLater(
                f"{self.root}/{table}: cannot write ({str(error).splitlines()[0]}); make room and run "
                "the same command again, nothing is lost"
            ) from error

    @contextlib.contextmanager
    def _lock(self, table: str) -> Iterator[None]:
        """The lock that the jobs take at a commit too: on a local disk Spark's commits are not exclusive
        between processes."""
        if self.local is None:
            yield
            return
        (self.local / "_locks").mkdir(parents=True, exist_ok=True)
        with (self.local / "_locks" / f"table-{table}").open("a+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def app_id(part: str) -> str:
    """The application id of a part's one commit."""
    return f"synth-{part}"


def _once(name: str, number: int) -> CommitProperties:
    return CommitProperties(app_transactions=[Transaction(name, number)], max_commit_retries=3)
