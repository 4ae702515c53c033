"""What a Delta table is and what was done to it: its id, its newest version, the commits behind a version.

A version number alone names nothing: a table that was dropped and made anew counts from 0 again. So a run
keeps the table's id beside the version, and the commits since that version say whether the rows are still the
same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gristmill.jobs.core.records import Record

# Operations of Delta and of platforms' automatic care that leave every row as it is (names as DESCRIBE
# HISTORY gives them).
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


@dataclass(frozen=True)
class TableState:
    """A Delta table as it stands: the id that it was made with, its newest version, its properties, its
    newest commit."""

    id: str
    version: int
    properties: Mapping[str, str]
    head: Commit


@dataclass(frozen=True)
class Commit:
    """One commit of a table. `run_id` is that of the run of ours that made it, None for everybody else's."""

    version: int
    operation: str
    who: str  # user and time, as far as the log tells
    run_id: str | None
    changes_rows: bool
    is_known: bool = True  # False: its log file was cleaned up


def commit_of(
    version: int, operation: str | None, note: str | None, who: str, data_change: bool | None
) -> Commit:
    """A commit as history tells it. `data_change`: what its actions say, None where they were not read."""
    is_known = operation is not None
    operation = operation or "an unknown operation"
    changes = not operation.upper().startswith(NO_CHANGE) if data_change is None else data_change
    return Commit(version, operation, who, _run_id(note), changes, is_known)


def _run_id(note: str | None) -> str | None:
    """The run that a commit's userMetadata names; None where it is nobody's of ours."""
    try:
        told = json.loads(note or "null")
    except ValueError:
        return None
    return told.get("run_id") if isinstance(told, dict) else None


def commit_from_actions(version: int, actions: Iterable[Record]) -> Commit:
    """A commit from the actions of its log file."""
    actions = list(actions)
    info: Record = next((action["commitInfo"] for action in actions if action.get("commitInfo")), {})
    files = [action[kind] for action in actions for kind in ("add", "remove") if action.get(kind)]
    changes = any(file.get("dataChange", True) for file in files) if actions else None
    who = " ".join(str(info[key]) for key in ("userName", "timestamp") if info.get(key) is not None)
    return commit_of(version, info.get("operation"), info.get("userMetadata"), who, changes)
