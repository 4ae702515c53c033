"""Which version of a table readers open, and which finished runs still stand in it.

Plain rows of `runs` in, no Spark: a table that was dropped, made anew, rolled back or changed by somebody
else no longer holds what the runs before that wrote, so these cover nothing any more.
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

# two values of runs.status; the job whose rows accept a table as it stands
FINISHED, FOREIGN, REPAIR = "finished", "foreign", "repair"


@dataclass(frozen=True)
class Pin:
    """A table as the run log knows it.

    `version`: what readers open (None: no finished run's rows are there).
    """

    version: int | None = None
    # ids of the finished runs whose rows of the table still stand
    runs: frozenset[str] = frozenset()
    trouble: str | None = None  # why other runs that wrote it do not
    # somebody else's newest commit that changed rows
    foreign: Commit | None = None
    # what ended runs cannot be seen from `runs` later, so that a row there has to say it
    is_unnoted: bool = False
    # version and run id of the newest commit by a run that stands
    last_commit: tuple[int, str] | None = field(default=None, compare=False)


def opened_at(rows: Iterable[Row]) -> dict[str, dt.datetime]:
    """Run id -> when its first row was written."""
    found: dict[str, dt.datetime] = {}
    for row in rows:
        found[row["run_id"]] = min(row["at"], found.get(row["run_id"], row["at"]))
    return found


def pinned(name: str, rows: Sequence[Row], state: TableState | None, gone: Set[str] = frozenset()) -> Pin:
    """The pin of the table `name` by the rows of `runs` (oldest first) and by the table as it stands (None:
    it is not there).

    `gone`: runs whose commit is no longer in the table's log under its number.
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
    return walk.pin(gone)


def with_commits(pin: Pin, commits: Sequence[Commit]) -> Pin:
    """`pin` after the commits behind its version: those that change no row move it; one of somebody else
    that does ends what stood."""
    foreign = [commit for commit in commits if commit.changes_rows and commit.run_id is None]
    version = pin.version
    for commit in commits:
        if commit.changes_rows:
            break
        version = commit.version
    if foreign:
        return Pin(version, frozenset(), told(foreign[-1]), foreign[-1], is_unnoted=True)
    return replace(pin, version=version)


def told(commit: Commit) -> str:
    """Somebody else's commit in words."""
    return (
        f"version {commit.version} ({commit.operation}{f', {commit.who}' if commit.who else ''}) "
        "was not written by Gristmill"
    )


class _Walk:
    """The rows of one table, oldest first: what still stands after each."""

    def __init__(self, name: str, state: TableState) -> None:
        self.name, self.state = name, state
        self.standing: list[tuple[Row, int]] = []
        # every row of this table id so far: what a repair may accept again
        self.before: list[tuple[Row, int]] = []
        self.trouble: str | None = None
        self.changed_at: dt.datetime | None = None
        self.newest = -1  # version that a row so far knows
        self.read = -1

    def take(self, row: Row, opened: Mapping[str, dt.datetime]) -> None:
        if _ids(row).get(self.name, self.state.id) != self.state.id:
            self.trouble = "it was made anew"
            return
        wrote = _written(row).get(self.name)
        version = (row["versions_read"] or {}).get(self.name, -1) if wrote is None else wrote
        if row["status"] == FOREIGN:
            note = json.loads(row["recipe"])
            self.standing = [(each, at) for each, at in self.standing if each["run_id"] in note["standing"]]
            self.trouble, self.changed_at = note["told"], row["at"]
            return
        if row["job"] == REPAIR:
            kept = set(row["batches"])
            self.standing = [(each, at) for each, at in self.before if set(each["batches"]) <= kept]
            self.trouble, self.changed_at = None, row["at"]
        elif self.newest > (opens_at := (row["versions_read"] or {}).get(self.name, version)):
            # It found an older version than runs before it had left: the table was rolled back in between.
            # (Runs that were on at the same time may end in any order.)
            began = opened[row["run_id"]]
            standing = [(each, at) for each, at in self.standing if at <= opens_at or each["at"] > began]
            self.trouble = "it was rolled back" if len(standing) < len(self.standing) else self.trouble
            self.standing, self.newest = standing, max((at for _, at in standing), default=-1)
        self.newest = max(self.newest, version)
        self.standing.append((row, version))
        self.before.append((row, version))

    def raise_to_reads(self, readers: Sequence[Row]) -> None:
        """A run that read a later version saw that only commits without changed rows lay between."""
        self.read = max(
            (
                row["versions_read"][self.name]
                for row in readers
                if self.changed_at is None or row["at"] > self.changed_at
            ),
            default=-1,
        )

    def pin(self, gone: Set[str]) -> Pin:
        first_gone = min(
            (version for row, version in self.standing if row["run_id"] in gone),
            default=self.state.version + 1,
        )
        limit = min(self.state.version, first_gone - 1)
        standing = [(row, version) for row, version in self.standing if version <= limit]
        is_back = len(standing) < len(self.standing)
        newest = max((version for row, version in standing if self.name in _written(row)), default=None)
        if newest is not None and newest < self.read <= limit and not is_back:
            newest = self.read
        commits = [(version, row["run_id"]) for row, version in standing if self._committed(row)]
        runs = frozenset(row["run_id"] for row, _ in standing)
        trouble = "it was rolled back" if is_back else self.trouble
        return Pin(newest, runs, trouble, None, bool(gone), max(commits, default=None))

    def _committed(self, row: Row) -> bool:
        """Whether the run made a commit of rows: making the table (version 0) is none, nor is to replace
        nothing by nothing."""
        read = (row["versions_read"] or {}).get(self.name, 0)
        return row["job"] != REPAIR and _written(row).get(self.name, -1) > read


def _written(row: Row) -> Mapping[str, int]:
    return row["versions_written"] or {}


def _ids(row: Row) -> Mapping[str, str]:
    return row["table_ids"] or {}
