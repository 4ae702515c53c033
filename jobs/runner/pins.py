"""The version of a table that readers open (its pin), and the finished runs whose rows it still contains.

Computed from plain rows of `runs`, without Spark. A table that was dropped, created again, rolled back or
changed by another writer no longer contains what earlier runs wrote, so these runs no longer cover their
batches.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from gristmill.jobs.lake.history import Commit, TableState

if TYPE_CHECKING:
    import datetime as dt

    from pyspark.sql import Row

# Two values of runs.status, and the job name of rows by
# which `repair` accepts a table in its present state.
FINISHED, FOREIGN, REPAIR = "finished", "foreign", "repair"


@dataclass(frozen=True)
class Pin:
    """The state of a table by the run log.

    `version`: the version that readers open (None: it contains no rows of a finished run).
    """

    version: int | None = None
    # ids of the finished runs whose rows are still in the table
    runs: frozenset[str] = frozenset()
    trouble: str | None = None  # why the rows of other runs are not
    # the newest commit by another writer that changed rows
    foreign: Commit | None = None
    # True: the log that shows the change may be cleaned up later, so a row of `runs` must record it
    is_unnoted: bool = False
    # version and run id of the newest commit by a run in `runs`
    last_commit: tuple[int, str] | None = field(default=None, compare=False)


def opened_at(rows: Iterable[Row]) -> dict[str, dt.datetime]:
    """Run id -> the time of its first row."""
    first_at: dict[str, dt.datetime] = {}
    for row in rows:
        first_at[row["run_id"]] = min(row["at"], first_at.get(row["run_id"], row["at"]))
    return first_at


def pinned(
    name: str, rows: Sequence[Row], state: TableState | None, overwritten: Set[str] = frozenset()
) -> Pin:
    """The pin of the table `name` by the `rows` of runs, oldest first, and its `state` (None: it does not
    exist).

    `overwritten`: ids of runs whose version number now belongs to another commit.

        r1 wrote version 3, r2 wrote version 5; state.version 7   ->  Pin(5, {r1, r2})
        the same rows; state.version 4 (the table was restored)   ->  Pin(3, {r1}, "it was rolled back")
    """
    concerned = [
        row
        for row in rows
        if row["status"] in (FINISHED, FOREIGN) and (name in _written(row) or name in _ids(row))
    ]
    if not concerned:
        return Pin()
    if state is None:
        return Pin(trouble="it was dropped")
    opened, walk = opened_at(rows), _Walk(name, state)
    for row in concerned:
        walk.take(row, opened)
    walk.raise_to_reads(
        [
            row
            for row in rows
            if row["status"] == FINISHED and name in (row["versions_read"] or {}) and name not in _ids(row)
        ]
    )
    return walk.pin(overwritten)


def with_commits(pin: Pin, commits: Sequence[Commit]) -> Pin:
    """`pin` after the `commits` that follow its version.

    Commits that change no row (OPTIMIZE) move the version. After one by another writer that changes rows, no
    run's rows count any more.
    """
    foreign = [commit for commit in commits if commit.changes_rows and commit.run_id is None]
    version = pin.version
    for commit in commits:
        # By a run that did not finish, or by another writer: readers stay before it.
        if commit.changes_rows:
            break
        version = commit.version
    if foreign:
        return Pin(version, frozenset(), describe_commit(foreign[-1]), foreign[-1], is_unnoted=True)
    return replace(pin, version=version)


def describe_commit(commit: Commit) -> str:
    """A commit by another writer, for messages."""
    return (
        f"version {commit.version} ({commit.operation}{f', {commit.who}' if commit.who else ''}) "
        "was not written by Gristmill"
    )


class _Walk:
    """A walk over the rows of one table, oldest first, that keeps the runs whose rows are still in it."""

    def __init__(self, name: str, state: TableState) -> None:
        self.name, self.state = name, state
        self.standing: list[tuple[Row, int]] = []
        # every row so far with this table id: what a repair may accept again
        self.before: list[tuple[Row, int]] = []
        self.trouble: str | None = None
        self.changed_at: dt.datetime | None = None
        self.newest = -1  # the newest version in a row so far
        self.read = -1

    def take(self, row: Row, opened: Mapping[str, dt.datetime]) -> None:
        # Rows of older code have no table id; they are taken to mean the present table.
        if _ids(row).get(self.name, self.state.id) != self.state.id:
            self.trouble = "it was made anew"
            return
        wrote = _written(row).get(self.name)
        version = (row["versions_read"] or {}).get(self.name, -1) if wrote is None else wrote
        if row["status"] == FOREIGN:
            # The recorded set of runs, since the log that showed
            # the foreign commit may be cleaned up by now.
            note = json.loads(row["recipe"])
            self.standing = [(each, at) for each, at in self.standing if each["run_id"] in note["standing"]]
            self.trouble, self.changed_at = note["told"], row["at"]
            return
        if row["job"] == REPAIR:
            accepted = set(row["batches"])
            self.standing = [(each, at) for each, at in self.before if set(each["batches"]) <= accepted]
            self.trouble, self.changed_at = None, row["at"]
        elif self.newest > (opens_at := (row["versions_read"] or {}).get(self.name, version)):
            # It opened an older version than earlier runs had written:
            # the table was rolled back in between. Runs that overlapped
            # with it are no evidence, since they may end in any order.
            began = opened[row["run_id"]]
            standing = [(each, at) for each, at in self.standing if at <= opens_at or each["at"] > began]
            self.trouble = "it was rolled back" if len(standing) < len(self.standing) else self.trouble
            self.standing, self.newest = standing, max((at for _, at in standing), default=-1)
        self.newest = max(self.newest, version)
        self.standing.append((row, version))
        self.before.append((row, version))

    def raise_to_reads(self, readers: Sequence[Row]) -> None:
        """Take the newest version that a finished run has read.

        When it opened that version, only commits without changed rows were after the pinned one.
        """
        self.read = max(
            (
                row["versions_read"][self.name]
                for row in readers
                if self.changed_at is None or row["at"] > self.changed_at
            ),
            default=-1,
        )

    def pin(self, overwritten: Set[str]) -> Pin:
        first_overwritten = min(
            (version for row, version in self.standing if row["run_id"] in overwritten),
            default=self.state.version + 1,
        )
        # Versions above the table's newest one do not exist any more, and a number
        # that another commit uses again invalidates everything from there on.
        limit = min(self.state.version, first_overwritten - 1)
        standing = [(row, version) for row, version in self.standing if version <= limit]
        is_rolled_back = len(standing) < len(self.standing)
        newest = max((version for row, version in standing if self.name in _written(row)), default=None)
        # Not after a rollback: the version that was read then may have other rows today.
        if newest is not None and newest < self.read <= limit and not is_rolled_back:
            newest = self.read
        commits = [(version, row["run_id"]) for row, version in standing if self._committed(row)]
        runs = frozenset(row["run_id"] for row, _ in standing)
        trouble = "it was rolled back" if is_rolled_back else self.trouble
        return Pin(newest, runs, trouble, None, bool(overwritten), max(commits, default=None))

    def _committed(self, row: Row) -> bool:
        """Whether the run committed rows. Creating the table (version 0) does not count, and replacing
        nothing by nothing makes no commit."""
        read = (row["versions_read"] or {}).get(self.name, 0)
        return row["job"] != REPAIR and _written(row).get(self.name, -1) > read


def _written(row: Row) -> Mapping[str, int]:
    return row["versions_written"] or {}


def _ids(row: Row) -> Mapping[str, str]:
    return row["table_ids"] or {}
