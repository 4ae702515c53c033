"""The identity and history of a Delta table: its id, its newest version, the commits after a version.

A version number alone identifies nothing: a table that was dropped and created again counts from 0. So a run
records the table's id with the version, and the commits since then show whether the rows are still the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gristmill.jobs.core.records import Record

# Operations of Delta and of platforms' automatic maintenance that change
# no row, by the names in DESCRIBE HISTORY. An operation that is not listed
# counts as a change: a needless repeat is safe, a missed one is not.
NO_CHANGE = (
    "OPTIMIZE",
    "VACUUM START",
    "VACUUM END",
    "REORG",
    "ANALYZE",
    "COMPUTE STATS",
    "SET TBLPROPERTIES",
    "UNSET TBLPROPERTIES",
    "ADD CONSTRAINT",
    "DROP CONSTRAINT",
    "CHANGE COLUMN",
    "ADD COLUMNS",
    "UPDATE SCHEMA",
    "UPGRADE PROTOCOL",
    "ADD FEATURE",
    "DROP FEATURE",
    "CLUSTER BY",
    "FSCK",
    "CREATE TABLE",
    "UPDATE COLUMN METADATA",
    "ROW TRACKING BACKFILL",
    "FILE_SYSTEM_CHECK",
)
# the key of a note that names the operation of the commit after it
ANNOUNCES = "next"


@dataclass(frozen=True)
class Description:
    """What the log says of a table at a version, besides its files."""

    id: str
    properties: Mapping[str, str]
    partitions: tuple[str, ...]
    features: frozenset[str]


@dataclass(frozen=True)
class TableState:
    """The present state of a Delta table: its id, newest version, properties, newest commit, partitions, and
    the features that its protocol names (none for a table that old readers and writers take)."""

    id: str
    version: int
    properties: Mapping[str, str]
    head: Commit
    partitions: tuple[str, ...] = ()
    features: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Commit:
    """One commit of a table. `run_id`: of the Gristmill run that made it; None for other writers."""

    version: int
    operation: str
    who: str  # user and time, as far as they are in the log
    run_id: str | None
    changes_rows: bool
    is_known: bool = True  # False: its log file was cleaned up
    # the operation of the run's next commit, which could carry no note of its own (see with_announced)
    announces: str | None = None


def commit_of(
    version: int, operation: str | None, note: str | None, who: str, data_change: bool | None
) -> Commit:
    """A commit from the columns of DESCRIBE HISTORY; `data_change`: from its actions, None if they were not
    read."""
    is_known = operation is not None
    operation = operation or "an unknown operation"
    changes = not operation.upper().startswith(NO_CHANGE) if data_change is None else data_change
    values = _values(note)
    return Commit(version, operation, who, values.get("run_id"), changes, is_known, values.get(ANNOUNCES))


def announcement(note: str, operation: str) -> str:
    """The note of an empty commit before one by `operation`, which will have none."""
    return json.dumps({**_values(note), ANNOUNCES: operation})


def with_announced(commits: Sequence[Commit]) -> list[Commit]:
    """`commits`, oldest first, with the run of each that has no note and that the commit before it
    announces."""
    told: list[Commit] = []
    for commit in commits:
        before = told[-1] if told else None
        is_announced = before is not None and before.announces == commit.operation
        if before is not None and is_announced and commit.run_id is None:
            commit = replace(commit, run_id=before.run_id)
        told.append(commit)
    return told


def run_id_of(note: str | None) -> str | None:
    """The run id in a commit's userMetadata; None for a commit that is not Gristmill's."""
    run_id: str | None = _values(note).get("run_id")
    return run_id


def _values(note: str | None) -> Record:
    try:
        values = json.loads(note or "null")
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def commit_from_actions(version: int, actions: Iterable[Record]) -> Commit:
    """A commit from the actions of its log file."""
    actions = list(actions)
    info: Record = next((action["commitInfo"] for action in actions if action.get("commitInfo")), {})
    files = [action[kind] for action in actions for kind in ("add", "remove") if action.get(kind)]
    # OPTIMIZE adds and removes files with dataChange false. Without the flag a change is assumed.
    changes = any(file.get("dataChange", True) for file in files) if actions else None
    who = " ".join(str(info[key]) for key in ("userName", "timestamp") if info.get(key) is not None)
    return commit_of(version, info.get("operation"), info.get("userMetadata"), who, changes)
