"""`gristmill upgrade`: changes the tables of a lake from another version to the columns that this code
declares.

Tables with rows that no job can derive again keep them and get the new columns, null. All other tables are
dropped; their jobs then cover nothing, and the next `gristmill run curate` writes them again.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.core.records import Record
from gristmill.jobs.core.renames import new_columns
from gristmill.jobs.lake import hadoop_files, maintenance
from gristmill.jobs.lake.lake import SCHEMA_VERSION, Lake, quoted
from gristmill.jobs.runner.run_log import KNOWN, log_event, rows_of
from gristmill.jobs.schema import catalog
from gristmill.jobs.schema.runs import RUNS
from gristmill.jobs.schema.scores import MODELS
from gristmill.jobs.schema.table import Table
from gristmill.jobs.scoring.models import sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

UPGRADE = "upgrade"


@dataclass(frozen=True)
class Change:
    """What an upgrade does to one table."""

    table: str
    # columns: added or made nullable; renamed: rewritten under other
    # names; anew: dropped; mark: only the recorded schema version changes
    kind: Literal["columns", "renamed", "anew", "mark"]
    detail: str
    statements: tuple[str, ...] = ()  # SQL, {table} for its name
    renamed: tuple[tuple[str, str], ...] = ()  # (old, new) columns


def changes(lake: Lake) -> list[Change]:
    """The changes that the lake needs, table by table; empty when it needs none. Reads only.

    Raises ContractError, naming all of them, for tables whose rows must be kept and whose columns cannot be
    changed to the declared ones.
    """
    needed, refused = [], []
    for table in catalog.ALL:
        state = lake.state(table)
        if state is None or (
            state.properties.get(SCHEMA_VERSION) == table.schema_version
            and state.partitions == table.partitions
        ):
            continue
        try:
            needed.append(_change(lake, table, state.properties))
        except ContractError as error:
            refused.append(str(error))
    if refused:
        raise ContractError("\n".join(refused))
    # The run log first, since the changes of the other tables are recorded in it.
    return sorted(needed, key=lambda change: change.table != RUNS.name)


def upgrade(lake: Lake, planned: list[Change]) -> None:
    """Make the `changes` and note them in `runs`. An upgrade that was killed is repeated by the same
    command."""
    run_id = uuid.uuid4().hex
    note = json.dumps({"run_id": run_id, "job": UPGRADE})
    old_ids: dict[str, str] = {}
    # with new commits of rows; to be marked as upgraded when `runs` names these
    written: list[Table] = []
    late: list[Table] = []
    for change in planned:
        table = catalog.table(change.table)
        if table is MODELS and change.kind in ("columns", "mark"):
            maintenance.alter(lake, table, change.statements, note)
            hashed = _with_hashes(lake, note)
            late.append(table)
            written += [table] if hashed else []
        elif change.kind == "anew":
            maintenance.drop(lake, table)
        elif change.kind == "renamed":
            old_ids[table.name] = maintenance.write_under_new_names(lake, table, dict(change.renamed), note)
        else:
            maintenance.alter(lake, table, [*change.statements, _marked(table)], note)
        # Only now has the table the column for ids.
        if table is RUNS:
            _with_ids(lake, note)
    renamed = [catalog.table(name) for name in old_ids]
    written += renamed
    if renamed:
        _move_ids(lake, old_ids, note)
    # A commit of this run in each table, since the rows may be
    # those of a run that was killed: the log names version and run.
    for table in renamed:
        maintenance.mark_new_names(lake, table, run_id, note)
    states = {table.name: state for table in written if (state := lake.state(table)) is not None}
    # With this row readers open the versions that have the rows under their new names.
    log_event(
        lake,
        run_id,
        UPGRADE,
        {change.table: change.detail for change in planned},
        seconds=0.0,
        versions_written={name: state.version for name, state in states.items()},
        table_ids={name: state.id for name, state in states.items()},
    )
    # Last: until then the table is among the changes, and a run that was killed is repeated.
    for table in renamed:
        maintenance.finish_new_names(lake, table, note)
    for table in late:
        maintenance.alter(lake, table, [_marked(table)], note)


def _marked(table: Table) -> str:
    return f"ALTER TABLE {{table}} SET TBLPROPERTIES ('{SCHEMA_VERSION}' = '{table.schema_version}')"


def _with_hashes(lake: Lake, note: str) -> bool:
    """Fill `models.sha256` of older rows from their files; returns whether rows were written.

    The files are taken as they are: nothing says what they were when they were trained.
    """
    rows = [row.asDict() for row in lake.read(MODELS).collect()]
    for row in rows:
        # A file that is gone, or lies elsewhere, stays without a hash, and so unused.
        if row["sha256"] is None:
            with contextlib.suppress(ContractError):
                row["sha256"] = sha256(hadoop_files.read_bytes(lake.spark, lake.inside(row["path"])))
    if not any(row["sha256"] for row in rows):
        return False
    maintenance.overwrite(lake, MODELS, rows, note)
    return True


def _change(lake: Lake, table: Table, properties: Mapping[str, str]) -> Change:
    """The change of one table that was created with another declaration.

    Raises ContractError where its rows must be kept and cannot be.
    """
    present = maintenance.columns_of(lake, table)
    renamed = {
        old: new
        for old, new in new_columns(table.name).items()
        if old in present and old not in table.names and new in table.names and new not in present
    }
    is_begun = maintenance.NEW_NAMES in properties  # a run that was killed between its commits
    present = {renamed.get(name, name): kind for name, kind in present.items()}
    same = [c for c in table.columns if present.get(c.name, ("", True))[0] == c.type]
    missing = [c for c in table.columns if c.name not in present]
    other = [c for c in table.columns if c.name in present and c not in same]
    extra = [name for name in present if name not in table.names]
    if (
        not (missing or other or extra or renamed or is_begun)
        and maintenance.partitions_of(lake, table) == table.partitions
    ):
        return Change(
            table.name,
            "mark",
            "its columns are those of today",
            _relaxed(table, present) + _checked(table, properties),
        )
    what = "; ".join(
        part
        for part in (
            f"lacks {', '.join(c.name for c in missing)}" if missing else "",
            f"of another type: {', '.join(f'{c.name} ({present[c.name][0]}, now {c.type})' for c in other)}"
            if other
            else "",
            f"no longer used: {', '.join(extra)}" if extra else "",
            f"renamed: {', '.join(f'{old} to {new}' for old, new in renamed.items())}" if renamed else "",
            "its rows are half written under new names" if is_begun else "",
        )
        if part
    )
    # Altering is not enough here: a measure that is null in old rows would pass every threshold.
    if not table.keeps_rows:
        return Change(
            table.name,
            "anew",
            f"{what or 'other partitions'}: it is dropped, and its jobs write it anew with the next run",
        )
    # No value can be invented for a column that may not be null, nor for another type.
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
    # Columns that are not declared any more stay in the table, and new rows leave them null.
    free = [
        f"ALTER TABLE {{table}} ALTER COLUMN `{name}` DROP NOT NULL" for name in extra if not present[name][1]
    ]
    return Change(
        table.name,
        "columns",
        f"{what}: the rows stay",
        (*added, *free, *_relaxed(table, present), *_checked(table, properties)),
    )


def _relaxed(table: Table, present: dict[str, tuple[str, bool]]) -> tuple[str, ...]:
    """Statements for columns that are nullable now and were not."""
    names = [c.name for c in table.columns if c.nullable and not present.get(c.name, ("", True))[1]]
    return tuple(f"ALTER TABLE {{table}} ALTER COLUMN `{name}` DROP NOT NULL" for name in names)


def _checked(table: Table, properties: Mapping[str, str]) -> tuple[str, ...]:
    """Statements that replace the CHECK constraint where it has changed."""
    before = properties.get("delta.constraints.promise")
    if before == table.check:
        return ()
    dropped = ("ALTER TABLE {table} DROP CONSTRAINT promise",) if before else ()
    return (
        (*dropped, f"ALTER TABLE {{table}} ADD CONSTRAINT promise CHECK ({table.check})")
        if table.check
        else dropped
    )


def _move_ids(lake: Lake, old_ids: Mapping[str, str], note: str) -> None:
    """Replace old ids of tables (by name) by the present ones in the rows of `runs`, so that these runs still
    count."""
    present = _table_ids(lake, old_ids)

    def moved(row: Record) -> Record:
        ids = row["table_ids"] or {}
        new = {name: present[name] for name, old in old_ids.items() if ids.get(name) == old}
        return {**row, "table_ids": {**ids, **new}} if new else row

    _rewrite_runs(lake, moved, note)


def _with_ids(lake: Lake, note: str) -> None:
    """Add the present table ids to rows of `runs` that have none, so that they stop counting when a table is
    created again."""
    written = {name for row in rows_of(lake) for name in row["versions_written"] or {}}
    present = _table_ids(lake, written & KNOWN)

    def filled(row: Record) -> Record:
        if row["table_ids"] is not None or row["status"] != "finished":
            return row
        ids = {name: present[name] for name in row["versions_written"] or {} if name in present}
        return {**row, "table_ids": ids}

    _rewrite_runs(lake, filled, note)


def _table_ids(lake: Lake, names: Iterable[str]) -> dict[str, str]:
    """The present ids of those tables that exist."""
    return {name: state.id for name in names if (state := lake.state(catalog.table(name))) is not None}


def _rewrite_runs(lake: Lake, changed: Callable[[Record], Record], note: str) -> None:
    maintenance.overwrite(lake, RUNS, [changed(row.asDict()) for row in rows_of(lake)], note)
