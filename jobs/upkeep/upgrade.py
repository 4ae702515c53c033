"""`gristmill upgrade`: bring the tables of a lake that another version made to the columns that this code
writes.

Rows that no job could make again keep what they hold and get the new columns, empty. All other tables are
dropped, which ends what their jobs had covered, so that the next `gristmill run curate` writes them anew.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.core.renames import new_columns
from gristmill.jobs.lake import maintenance
from gristmill.jobs.lake.lake import SCHEMA_VERSION, Lake, quoted
from gristmill.jobs.runner.run_log import KNOWN, log_event, rows_of
from gristmill.jobs.schema import catalog
from gristmill.jobs.schema.runs import RUNS
from gristmill.jobs.schema.table import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

UPGRADE = "upgrade"


@dataclass(frozen=True)
class Change:
    """What an upgrade does to one table."""

    table: str
    # columns: added or relaxed; renamed: written again under other names; anew: dropped; mark: only the
    # schema version is written down
    kind: Literal["columns", "renamed", "anew", "mark"]
    detail: str
    statements: tuple[str, ...] = ()  # SQL, {table} for its name
    renamed: tuple[tuple[str, str], ...] = ()  # (old, new) columns


def changes(lake: Lake) -> list[Change]:
    """What stands in the way of this code, table by table; empty when nothing does. Reads the lake, writes
    nothing.

    Raises ContractError, naming all of them, for tables whose rows must be kept and whose columns cannot be
    brought to today's.
    """
    found, refused = [], []
    for table in catalog.ALL:
        state = lake.state(table)
        is_begun = state is not None and maintenance.NEW_NAMES in state.properties
        if state is None or (state.properties.get(SCHEMA_VERSION) == table.schema_version and not is_begun):
            continue
        try:
            found.append(_change(lake, table, state.properties))
        except ContractError as error:
            refused.append(str(error))
    if refused:
        raise ContractError("\n".join(refused))
    # the run log first: the others are noted in it
    return sorted(found, key=lambda change: change.table != RUNS.name)


def upgrade(lake: Lake, found: list[Change]) -> None:
    """Make the `changes` and note them in `runs`. A run that is killed is simply run again."""
    run_id = uuid.uuid4().hex
    note = json.dumps({"run_id": run_id, "job": UPGRADE})
    for change in found:
        table = catalog.table(change.table)
        if change.kind == "anew":
            maintenance.drop(lake, table)
        elif change.kind == "renamed":
            before = maintenance.write_under_new_names(lake, table, dict(change.renamed), note)
            _move_ids(lake, table, before, note)
            maintenance.finish_new_names(lake, table, note)
        else:
            marked = (
                f"ALTER TABLE {{table}} SET TBLPROPERTIES ('{SCHEMA_VERSION}' = '{table.schema_version}')"
            )
            maintenance.alter(lake, table, [*change.statements, marked], note)
        if table is RUNS:
            _with_ids(lake, note)
    # Readers go on to the versions in which the rows stand under their new names.
    written = [catalog.table(change.table) for change in found if change.kind == "renamed"]
    states = {table.name: state for table in written if (state := lake.state(table)) is not None}
    log_event(
        lake,
        run_id,
        UPGRADE,
        {change.table: change.detail for change in found},
        seconds=0.0,
        versions_written={name: state.version for name, state in states.items()},
        table_ids={name: state.id for name, state in states.items()},
    )


def _change(lake: Lake, table: Table, properties: Mapping[str, str]) -> Change:
    """The change of one table that was made with another declaration.

    Raises ContractError where its rows must stay and cannot.
    """
    there = maintenance.columns_of(lake, table)
    renamed = {
        old: new
        for old, new in new_columns(table.name).items()
        if old in there and old not in table.names and new in table.names and new not in there
    }
    is_begun = maintenance.NEW_NAMES in properties  # a run that was killed between its commits
    there = {renamed.get(name, name): kind for name, kind in there.items()}
    same = [c for c in table.columns if there.get(c.name, ("", True))[0] == c.type]
    missing = [c for c in table.columns if c.name not in there]
    other = [c for c in table.columns if c.name in there and c not in same]
    extra = [name for name in there if name not in table.names]
    if (
        not (missing or other or extra or renamed or is_begun)
        and maintenance.partitions_of(lake, table) == table.partitions
    ):
        return Change(
            table.name,
            "mark",
            "its columns are those of today",
            _relaxed(table, there) + _checked(table, properties),
        )
    what = "; ".join(
        part
        for part in (
            f"lacks {', '.join(c.name for c in missing)}" if missing else "",
            f"of another type: {', '.join(f'{c.name} ({there[c.name][0]}, now {c.type})' for c in other)}"
            if other
            else "",
            f"no longer used: {', '.join(extra)}" if extra else "",
            f"renamed: {', '.join(f'{old} to {new}' for old, new in renamed.items())}" if renamed else "",
            "its rows are half written under new names" if is_begun else "",
        )
        if part
    )
    if not table.keeps_rows:
        return Change(
            table.name,
            "anew",
            f"{what or 'other partitions'}: it is dropped, and its jobs write it anew with the next run",
        )
    stuck = [*(c.name for c in missing if not c.nullable), *(c.name for c in other)]
    if stuck or maintenance.partitions_of(lake, table) != table.partitions:
        raise ContractError(
            f"{table.name}: {what or 'other partitions'}: its rows cannot be made again, and no row "
            f"has a value for {', '.join(stuck) or 'them'}; "
            "copy the lake's input into a new lake"
        )
    if renamed or is_begun:
        return Change(
            table.name, "renamed", f"{what}: the rows stay, written again", renamed=tuple(renamed.items())
        )
    added = [
        f"ALTER TABLE {{table}} ADD COLUMNS (`{c.name}` {c.type} COMMENT {quoted(c.comment)})"
        for c in missing
    ]
    free = [
        f"ALTER TABLE {{table}} ALTER COLUMN `{name}` DROP NOT NULL" for name in extra if not there[name][1]
    ]
    return Change(
        table.name,
        "columns",
        f"{what}: the rows stay",
        (*added, *free, *_relaxed(table, there), *_checked(table, properties)),
    )


def _relaxed(table: Table, there: dict[str, tuple[str, bool]]) -> tuple[str, ...]:
    """Columns that may be null today and could not be."""
    names = [c.name for c in table.columns if c.nullable and not there.get(c.name, ("", True))[1]]
    return tuple(f"ALTER TABLE {{table}} ALTER COLUMN `{name}` DROP NOT NULL" for name in names)


def _checked(table: Table, properties: Mapping[str, str]) -> tuple[str, ...]:
    """The CHECK constraint, where another stood."""
    before = properties.get("delta.constraints.promise")
    if before == table.check:
        return ()
    dropped = ("ALTER TABLE {table} DROP CONSTRAINT promise",) if before else ()
    return (
        (*dropped, f"ALTER TABLE {{table}} ADD CONSTRAINT promise CHECK ({table.check})")
        if table.check
        else dropped
    )


def _move_ids(lake: Lake, table: Table, before: str, note: str) -> None:
    """Rows of `runs` that name the table by its id `before` name it as it stands, so that what they cover
    stays covered."""
    state = lake.state(table)
    assert state is not None
    moved = []
    for row in rows_of(lake):
        values = row.asDict()
        ids = values["table_ids"] or {}
        if ids.get(table.name) == before:
            values["table_ids"] = {**ids, table.name: state.id}
        moved.append(values)
    maintenance.overwrite(lake, RUNS, moved, note)


def _with_ids(lake: Lake, note: str) -> None:
    """Rows of `runs` from before table ids were kept get those of the tables as they are, so that a
    table made anew ends what they cover."""
    rows, ids = rows_of(lake), {}
    for name in {name for row in rows for name in row["versions_written"] or {}}:
        state = lake.state(catalog.table(name)) if name in KNOWN else None
        if state is not None:
            ids[name] = state.id
    filled = []
    for row in rows:
        values = row.asDict()
        if values["table_ids"] is None and values["status"] == "finished":
            values["table_ids"] = {
                name: ids[name] for name in values["versions_written"] or {} if name in ids
            }
        filled.append(values)
    maintenance.overwrite(lake, RUNS, filled, note)
