"""`gristmill repair`: finds differences between the run log and the tables of a lake, and resolves them.

Tables that jobs derive are written again by the next run of these jobs. Tables that cannot be derived
(documents, requests to the worker) are accepted in their present state, and lost rows are reported. Every
change is printed before it is made.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gristmill.jobs.lake import maintenance
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.lake.missing_files import missing_file
from gristmill.jobs.runner.batches import DELETED, REJECT, as_rejects
from gristmill.jobs.runner.pins import REPAIR, describe_commit
from gristmill.jobs.runner.run_log import Runs, log_event
from gristmill.jobs.schema import catalog
from gristmill.jobs.schema.documents import REJECTS
from gristmill.jobs.schema.runs import RUNS

if TYPE_CHECKING:
    from gristmill.jobs.schema.table import Table

ACCEPTED = frozenset({"docs", *catalog.SENT_OUT})  # tables that no job can derive again


@dataclass(frozen=True)
class Finding:
    """One table that differs from the run log: what is wrong and what repair will do.

    `accepts`: batches whose runs count again after the repair.
    """

    table: str
    trouble: str
    action: str
    # the version to accept as the newest finished one (None: no row is written for this table)
    version: int | None = None
    accepts: tuple[str, ...] = ()
    # missing files are removed from the table's log first
    removes_missing: bool = False
    # of docs: a version that still contains the documents that others have deleted
    before: int | None = None
    # the table is dropped, so that its jobs write it again
    drops: bool = False


def findings(lake: Lake) -> list[Finding]:
    """Every table in trouble, in the order of gristmill.jobs.schema.documents.

    Reads the lake, writes nothing.
    """
    runs = Runs(lake)
    problems = [_finding(lake, runs, table) for table in catalog.ALL if table is not RUNS]
    return [each for each in problems if each is not None]


def repair(lake: Lake, problems: list[Finding]) -> None:
    """Make the changes of `findings`; adds a row to `runs` for each table that is accepted."""
    for each in problems:
        table = catalog.table(each.table)
        if each.drops:
            maintenance.drop(lake, table)
        if each.version is None:
            continue
        # The files first: the accepted version must be readable.
        if each.removes_missing:
            maintenance.remove_missing_files(lake, table)
        _accept(lake, each)


def _finding(lake: Lake, runs: Runs, table: Table) -> Finding | None:
    """The problem of one table; None where there is none."""
    pin, name = runs.pin(table.name), table.name
    # Only tables that a job has written are checked; the
    # row of a repair accepts a table, it writes none.
    writers = sorted(
        {row["job"] for row in runs.finished() if name in (row["versions_written"] or {})} - {REPAIR}
    )
    if not writers:
        return None
    state = runs.state(name)
    # Only the last run of each job matters: an earlier one was replaced by it anyway.
    broken_runs = [row for job in writers for row in runs.finished(job)[-1:] if not runs.is_intact(row)]
    trouble = describe_commit(pin.foreign) if pin.foreign else pin.trouble if broken_runs else None
    again = (
        f"nothing to do here: {', '.join(writers)} will run again with the next `gristmill run "
        "curate` and write it anew"
    )
    if state is None:
        return _dropped(runs, name, again) if trouble else None
    missing = _first_missing_file(lake, table, pin.version)
    if trouble is None and missing is None:
        return None
    trouble = trouble or f"a file that version {pin.version} needs is gone: {missing}"
    # After a foreign change the pinned version is given
    # up anyway, so its missing files do not matter.
    if missing is not None and pin.foreign is None:
        return _without_files(lake, runs, table, trouble, state.version)
    # A derived table costs computing time only, and
    # accepting foreign rows would mix them with ours.
    if name not in ACCEPTED:
        return Finding(name, trouble, again)
    return _accepted(lake, runs, table, trouble, state.version)


def _dropped(runs: Runs, name: str, again: str) -> Finding:
    if name != "docs":
        return Finding(name, "it was dropped", again)
    lost = ", ".join(runs.lost_batches()) or "none"
    return Finding(
        name, "it was dropped", f"ingest the batches again ({lost}): nothing else can bring their text back"
    )


def _first_missing_file(lake: Lake, table: Table, version: int | None) -> str | None:
    """The first missing file of `version` (None: the newest); None when all exist."""
    try:
        return maintenance.first_missing_file(lake, table, version)
    except Exception as error:
        missing = missing_file(error)
        if missing is None:
            raise
        return missing


def _without_files(lake: Lake, runs: Runs, table: Table, trouble: str, newest: int) -> Finding:
    """For a pinned version that cannot be read any more: use the newest one, or the rest of it."""
    batches = tuple(dict.fromkeys(b for row in runs.finished() for b in row["batches"]))
    # VACUUM deletes files of old versions, so the newest one is usually complete.
    broken = _first_missing_file(lake, table, None)
    if broken is None:
        action = (
            f"version {newest}, whose files are all there, becomes the one that readers open; "
            "runs that died and wrote to it are repeated"
        )
        return Finding(table.name, trouble, action, newest, batches)
    # Dropping it would lose the rows whose files still exist.
    if table.name in ACCEPTED:
        action = (
            "the files that are gone are taken out of the table's log; batches with fewer "
            "documents than they had are accepted as they are"
        )
        return Finding(table.name, trouble, action, newest, batches, removes_missing=True)
    action = (
        f"its newest version cannot be read either ({broken}): it is dropped, and its jobs write "
        "it anew with the next `gristmill run curate`"
    )
    return Finding(table.name, trouble, action, drops=True)


def _accepted(lake: Lake, runs: Runs, table: Table, trouble: str, newest: int) -> Finding:
    """For a table that cannot be derived again: accept its newest version and list the batches that lost
    rows."""
    n_now = {row["batch_id"]: row["count"] for row in lake.read(table).groupBy("batch_id").count().collect()}
    n_before = {
        b: row["rows_kept"] or 0
        for row in runs.finished()
        if table.name in (row["versions_written"] or {})
        for b in row["batches"]
    }
    # A batch without any row left is not accepted: it must be ingested again.
    accepted = tuple(batch for batch in n_before if n_now.get(batch))
    fewer = [
        f"{batch} ({n_now.get(batch, 0):,} rows, had {n:,})"
        for batch, n in n_before.items()
        if n_now.get(batch, 0) < n
    ]
    lost = (
        f"; with fewer rows than were ingested: {', '.join(fewer)}" if fewer and table.name == "docs" else ""
    )
    action, before = (
        f"version {newest} is accepted as it stands, with the batches {', '.join(accepted) or 'none'}{lost}",
        None,
    )
    if table.name == "docs" and fewer:
        before = _readable_before(lake, runs, table, newest)
        note = (
            "no version still holds the missing documents, so that they get none"
            if before is None
            else "each missing document gets one"
        )
        action += (
            f". (Rows of rejects, {DELETED}: {note}. To bring back what is missing, ingest these "
            "batches again instead.)"
        )
    return Finding(table.name, trouble, action, newest, accepted, before=before)


def _readable_before(lake: Lake, runs: Runs, table: Table, newest: int) -> int | None:
    """The newest version of a finished run before `newest` with all its files; None where there is none."""
    state = runs.state(table.name)
    # Versions of a table with another id count differently and may not be compared.
    wrote = [row for row in runs.finished() if state and (row["table_ids"] or {}).get(table.name) == state.id]
    version = max((row["versions_written"].get(table.name, -1) for row in wrote), default=-1)
    return version if 0 <= version < newest and _first_missing_file(lake, table, version) is None else None


def _with_deleted(lake: Lake, finding: Finding, note: str) -> None:
    """Insert a row into rejects for each document that others have deleted."""
    present = lake.read(catalog.table(finding.table)).select("doc_id", "batch_id")
    deleted = lake.read(catalog.table(finding.table), finding.before).join(
        present, ["doc_id", "batch_id"], how="left_anti"
    )
    # An insert by key: a repair that was killed and repeated adds no row twice.
    lake.insert(REJECTS, as_rejects(deleted, deleted["batch_id"], DELETED), REJECT, note)


def _accept(lake: Lake, finding: Finding) -> None:
    run_id, names = uuid.uuid4().hex, [finding.table]
    if finding.before is not None:
        _with_deleted(lake, finding, json.dumps({"run_id": run_id, "job": REPAIR}))
        names.append(REJECTS.name)
    # The state after the changes: the repair's row names the versions that readers are to open.
    states = {name: state for name in names if (state := lake.state(catalog.table(name))) is not None}
    recipe = {"table": finding.table, "trouble": finding.trouble, "action": finding.action}
    versions, ids = (
        {name: getattr(state, what) for name, state in states.items()} for what in ("version", "id")
    )
    log_event(
        lake,
        run_id,
        REPAIR,
        recipe,
        seconds=0.0,
        batches=list(finding.accepts),
        versions_written=versions,
        table_ids=ids,
    )
