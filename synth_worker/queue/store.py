"""The lake as the worker uses it, through delta-rs: parts, leases, and one commit for each part, never two.

The answers of a part are committed with a Delta application transaction named by the part (not by the worker
or the run). It is looked up and committed through the same table handle, so a second worker either sees it or
gets a conflict. `leases` is no lock: it only avoids that two workers answer the same part.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.fs as fs
from deltalake import CommitProperties, DeltaTable, Transaction, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError

from gristmill.synth_worker.errors import RecipeError, RetryLater, TableError
from gristmill.synth_worker.queue.schemas import ANSWERS, LEASES, REQUESTS, RUNS
from gristmill.synth_worker.recipe import USERINFO

MASKED = r"\g<1>***@"
_PART = re.compile(r"\w[\w.-]*")
MAX_ATTEMPTS = 20  # of a commit that conflicts with those of other workers
# Features of Delta's protocol that delta-rs 1.6 reads with Arrow, and those with which it
# writes (tried one by one). It reports others as a conflict, after the answers were paid for.
READ = frozenset({"timestampNtz"})
WRITTEN = READ | {"appendOnly", "invariants", "checkConstraints", "changeDataFeed", "generatedColumns"}


@dataclass(frozen=True)
class Lease:
    """A part that this worker may work on until expires_at (UTC)."""

    part: str
    expires_at: dt.datetime


def now() -> dt.datetime:
    """The current time, UTC."""
    return dt.datetime.now(dt.UTC)


def local_path(root: str) -> Path | None:
    """The folder of a path or a `file:` URI, as jobs/lake/names.py reads it; None for any other URL."""
    # Duplicated, since the worker imports nothing of
    # jobs/; tests/lake/test_names.py compares the two.
    if root.startswith("file:"):
        return Path("/" + unquote(root.removeprefix("file://localhost").removeprefix("file:")).lstrip("/"))
    return None if "://" in root else Path(root).expanduser()


class Store:
    """The tables of the lake at `root`: a local path, or a URL that delta-rs opens with credentials from the
    environment. `worker`: the name under which this worker leases parts."""

    def __init__(self, root: str, worker: str) -> None:
        if USERINFO.search(root):
            raise RecipeError(
                f"lake {USERINFO.sub(MASKED, root)}: a URL with a user's name and password; write it "
                "without: credentials come from the environment"
            )
        self.local = local_path(root)
        self.root, self.worker = str(self.local) if self.local else root.rstrip("/"), worker

    def table(self, name: str, schema: pa.Schema) -> DeltaTable:
        """A new handle, at the newest version of the table.

        Raises TableError when the table is missing or lacks a column of `schema`.
        """
        try:
            handle = DeltaTable(f"{self.root}/{name}")
        except TableNotFoundError:
            raise TableError(
                f"{self.root}/{name}: no such table; run export_candidates on this lake first"
            ) from None
        except DeltaError as error:
            if "catalog" not in str(error) and "eature" not in str(error):
                raise
            raise TableError(
                f"{self.root}/{name}: cannot be opened by its path ({str(error).splitlines()[0]}); keep the "
                "queue's tables in a folder, not under a catalog that manages their commits"
            ) from error
        self._check_features(name, handle)
        # Checked at each handle: a lake may be upgraded
        # while the worker runs. Further columns are ignored.
        missing = [field for field in schema.names if field not in {f.name for f in handle.schema().fields}]
        if missing:
            raise TableError(
                f"{self.root}/{name}: lacks the columns {', '.join(missing)}; worker and jobs are of "
                "different versions"
            )
        return handle

    def _check_features(self, name: str, handle: DeltaTable) -> None:
        """Raises TableError for a table that a platform has given a feature that delta-rs does not know."""
        protocol, is_written = handle.protocol(), name != "synth_requests"
        unknown = set(protocol.reader_features or ()) - READ
        if is_written:
            unknown |= set(protocol.writer_features or ()) - WRITTEN
        # Before features had names, column mapping was reader version 2, identity columns writer version 6.
        if protocol.min_reader_version == 2 or (is_written and protocol.min_writer_version in (5, 6)):
            unknown.add("columnMapping")
        if unknown:
            raise TableError(
                f"{self.root}/{name}: has the Delta features {', '.join(sorted(unknown))}, with which the "
                f"worker cannot {'write' if is_written else 'read'} it; by Spark, for each of them: ALTER "
                f"TABLE delta.`{self.root}/{name}` DROP FEATURE NAME (docs/platforms.md has the properties)"
            )

    def check(self) -> None:
        """Raises TableError where the worker cannot use a table: before a model is loaded."""
        names = ("synth_requests", "synth_answers", "leases", "runs")
        for name, schema in zip(names, (REQUESTS, ANSWERS, LEASES, RUNS), strict=True):
            self.table(name, schema)

    def rows(self, name: str, table: DeltaTable, columns: list[str], **options: Any) -> list[dict[str, Any]]:
        """The rows of the table `name` at the version of the handle `table`, with these `columns`."""
        # A local table is read by Arrow's own file system. That of delta-rs is
        # written in Python, and Arrow's threads, which close files late, abort a
        # process that is ending ("terminate called without an active exception").
        files = (
            fs.SubTreeFileSystem(str((self.local / name).resolve()), fs.LocalFileSystem())
            if self.local
            else None
        )
        return list(table.to_pyarrow_table(columns=columns, filesystem=files, **options).to_pylist())

    def parts(self) -> list[str]:
        """The parts of the queue whose answers are not committed yet, sorted by name.

        Raises TableError for a part whose name would lead out of the worker's folder.
        """
        # From the file list and the transaction log alone: no data is read.
        # A part names its journal, which must not lie elsewhere.
        queued = sorted(
            {each["part"] for each in self.table("synth_requests", REQUESTS).partitions() if each["part"]}
        )
        strange = next((part for part in queued if not _PART.fullmatch(part)), None)
        if strange is not None:
            raise TableError(
                f"{self.root}/synth_requests: part {strange!r} is no name that export_candidates gives; find "
                "out who has written it, and delete its rows"
            )
        answers = self.table("synth_answers", ANSWERS)
        return [part for part in queued if answers.transaction_version(app_id(part)) is None]

    def requests(self, part: str) -> list[dict[str, Any]]:
        """The requests of a part, sorted by request_id."""
        rows = self.rows(
            "synth_requests",
            self.table("synth_requests", REQUESTS),
            REQUESTS.names,
            partitions=[("part", "=", part)],
        )
        return sorted(rows, key=lambda row: row["request_id"])

    def commit(self, part: str, rows: list[dict[str, Any]]) -> bool:
        """Commit the answers of a part; returns False when another worker has committed it already.

        Raises RetryLater after MAX_ATTEMPTS conflicts.
        """
        data = pa.Table.from_pylist(rows, schema=ANSWERS)
        for _ in range(MAX_ATTEMPTS):
            with self._lock("synth_answers"):
                # A new handle in each attempt: the commit that
                # overtook this one may be of the same part.
                answers = self.table("synth_answers", ANSWERS)
                if answers.transaction_version(app_id(part)) is not None:
                    return False
                with contextlib.suppress(CommitFailedError), self._writing("synth_answers"):
                    write_deltalake(
                        answers, data, mode="append", commit_properties=_transaction(app_id(part), 1)
                    )
                    return True
        raise RetryLater(
            f"synth_answers: {MAX_ATTEMPTS} commits of part {part} were overtaken; run the same command "
            "again, nothing is lost"
        )

    def take(self, seconds: float, working: set[str]) -> Lease | None:
        """Lease the first part for `seconds` that is not committed, not among those this worker is `working`
        on and not leased by another worker; None where there is no such part."""
        uncommitted = self.parts()
        leased: list[str] = []

        def change(rows: dict[str, dict[str, Any]], at: dt.datetime) -> bool:
            # A lease in this worker's name is of a former process: a name runs once, by its lock.
            free = {
                part
                for part in uncommitted
                if part not in rows or rows[part]["expires_at"] <= at or rows[part]["worker"] == self.worker
            }
            own = [part for part in uncommitted if part in free - working]
            if not own:
                return False
            before = rows.get(own[0], {"attempt": 0})
            leased[:] = own[:1]
            rows[own[0]] = self._lease(
                own[0], at + dt.timedelta(seconds=seconds), before["attempt"] + 1, "held"
            )
            return True

        taken = self._change_leases(change)
        return Lease(leased[0], now() + dt.timedelta(seconds=seconds)) if taken and leased else None

    def renew(self, parts: list[str], seconds: float) -> None:
        """Extend the leases of `parts` to `seconds` from now, except those that another worker has taken."""

        def change(rows: dict[str, dict[str, Any]], at: dt.datetime) -> bool:
            own = [part for part in parts if rows.get(part, {}).get("worker") == self.worker]
            for part in own:
                rows[part] = {**rows[part], "expires_at": at + dt.timedelta(seconds=seconds)}
            return bool(own)

        self._change_leases(change)

    def close(self, parts: list[str], status: str) -> None:
        """Set the leases of `parts` to `status` and let them expire now: done, or held for a part that is
        released.

        A committed part is marked done whoever has the lease; a release touches this worker's leases only.
        """

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
        """Read, change and rewrite the small table `leases`; returns whether `change` had anything to write.

        Every write carries the next number of one application transaction, so that two writers conflict
        instead of overwriting each other.
        """
        for _ in range(MAX_ATTEMPTS):
            with self._lock("leases"):
                table = self.table("leases", LEASES)
                rows = {row["part"]: row for row in self.rows("leases", table, LEASES.names)}
                if not change(rows, now()):
                    return False
                # Rewritten whole: one row a part, and a merge would need a query engine.
                data = pa.Table.from_pylist(sorted(rows.values(), key=lambda row: row["part"]), schema=LEASES)
                number = (table.transaction_version("leases") or 0) + 1
                with contextlib.suppress(CommitFailedError), self._writing("leases"):
                    write_deltalake(
                        table, data, mode="overwrite", commit_properties=_transaction("leases", number)
                    )
                    return True
        raise RetryLater(
            f"leases: {MAX_ATTEMPTS} commits were overtaken by other workers; run the same command again"
        )

    def log_run(self, row: dict[str, Any]) -> None:
        """Append the finished row of this run to `runs`, with the version of synth_answers that readers may
        open from now on."""
        answers = self.table("synth_answers", ANSWERS)
        versions = {
            "versions_written": [("synth_answers", answers.version())],
            "table_ids": [("synth_answers", answers.metadata().id)],
        }
        data = pa.Table.from_pylist([{**row, **versions}], schema=RUNS)
        with self._lock("runs"), self._writing("runs"):
            write_deltalake(self.table("runs", RUNS), data, mode="append")

    def is_logged(self) -> bool:
        """Whether a finished run in `runs` already has the newest version of synth_answers."""
        answers = self.table("synth_answers", ANSWERS)
        newest, own_id = answers.version(), answers.metadata().id
        # Versions count for the same table only: a table
        # that was dropped and made again begins at 0.
        rows = self.rows("runs", self.table("runs", RUNS), ["status", "versions_written", "table_ids"])
        logged = [row for row in rows if dict(row["table_ids"] or []).get("synth_answers", own_id) == own_id]
        return any(
            row["status"] == "finished"
            and dict(row["versions_written"] or []).get("synth_answers", -1) >= newest
            for row in logged
        )

    @contextlib.contextmanager
    def _writing(self, table: str) -> Iterator[None]:
        """Context of a write; raises RetryLater when the storage refuses it, mostly because the disk is full.

        A Delta commit is atomic, so nothing is written in part.
        """
        try:
            yield
        # A conflict is no fault of the storage; the caller tries again.
        except CommitFailedError:
            raise
        except (OSError, DeltaError) as error:
            raise RetryLater(
                f"{self.root}/{table}: cannot write ({str(error).splitlines()[0]}); make room and run "
                "the same command again, nothing is lost"
            ) from error

    @contextlib.contextmanager
    def _lock(self, table: str) -> Iterator[None]:
        """The lock that jobs take at a commit as well: on a local disk Spark's commits are not exclusive
        between processes. Nothing to lock on an object store."""
        # Stores with conditional writes need no lock: a commit file that exists is not overwritten.
        if self.local is None:
            yield
            return
        (self.local / "_locks").mkdir(parents=True, exist_ok=True)
        with (self.local / "_locks" / f"table-{table}").open("a+") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield


def app_id(part: str) -> str:
    """The application id of the only commit of a part."""
    return f"synth-{part}"


def _transaction(name: str, number: int) -> CommitProperties:
    """Commit properties with an application transaction, for which Delta refuses a concurrent commit of the
    same name."""
    return CommitProperties(app_transactions=[Transaction(name, number)], max_commit_retries=3)
