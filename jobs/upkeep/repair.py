"""`gristmill repair`: what is wrong between the run log and the tables of a lake, and what can be done about
it.

Tables that jobs make are made again by the next run of their jobs. What nobody can make again (documents,
requests to the worker) is accepted as it stands, and what was lost is named. Nothing is changed before it was
said.
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
from gristmill.jobs.runner.pins import REPAIR, told
from gristmill.jobs.runner.run_log import Runs, log_event
from gristmill.jobs.schema import catalog
from gristmill.jobs.schema.documents import REJECTS
from gristmill.jobs.schema.runs import RUNS

if TYPE_CHECKING:
    from gristmill.jobs.schema.table import Table

ACCEPTED = frozenset({"docs", *catalog.SENT_OUT})  # tables that no job could make again


@dataclass(frozen=True)
class Finding:
    """One table that is not what the run log says: what is wrong and what repair will do.

    `accepts`: batches whose runs stand again.
    """

    table: str
    trouble: str
    action: str
    # to be accepted as the newest finished one (None: nothing is written for this table)
    version: int | None = None
    accepts: tuple[str, ...] = ()
    # files that are gone are taken out of the table's log first
    removes_missing: bool = False
    # of docs: a version that still holds what others have deleted since
    before: int | None = None
    # the table goes, so that its jobs write it anew
    drops: bool = False


def findings(lake: Lake) -> list[Finding]:
    """Every table in trouble, in the order of gristmill.jobs.schema.documents.

    Reads the lake, writes nothing.
    """
    runs = Runs(lake)
    found = [_finding(lake, runs, table) for table in catalog.ALL if table is not RUNS]
    return [each for each in found if each is not None]


def repair(lake: Lake, found: list[Finding]) -> None:
    """Do what `findings` said: a row of `runs` for each table that is accepted as it stands."""
    for each in found:
        table = catalog.table(each.table)
        if each.drops:
            maintenance.drop(lake, table)
        if each.version is None:
            continue
        if each.removes_missing:
            maintenance.remove_missing_files(lake, table)
        _accept(lake, each)


def _finding(lake: Lake, runs: Runs, table: Table) -> Finding | None:
    """What is wrong with one table; None where nothing is."""
    pin, name = runs.pin(table.name), table.name
    writers = sorted(
        {row["job"] for row in runs.finished() if name in (row["versions_written"] or {})} - {REPAIR}
    )
    if not writers:
        return None
    state = runs.state(name)
    standing_again = [row for job in writers for row in runs.finished(job)[-1:] if not runs.stands(row)]
    trouble = told(pin.foreign) if pin.foreign else pin.trouble if standing_again else None
    again = (
        f"nothing to do here: {', '.join(writers)} will run again with the next `gristmill run "
        "curate` and write it anew"
    )
    if state is None:
        return _dropped(runs, name, again) if trouble else None
    gone = _gone(lake, table, pin.version)
    if trouble is None and gone is None:
        return None
    trouble = trouble or f"a file that version {pin.version} needs is gone: {gone}"
    if gone is not None and pin.foreign is None:
        return _without_files(lake, runs, table, trouble, state.version)
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


def _gone(lake: Lake, table: Table, version: int | None) -> str | None:
    """The first file that `version` (None: the newest) needs and that is not there; None when all are."""
    try:
        return maintenance.first_missing_file(lake, table, version)
    except Exception as error:
        gone = missing_file(error)
        if gone is None:
            raise
        return gone


def _without_files(lake: Lake, runs: Runs, table: Table, trouble: str, newest: int) -> Finding:
    """The pinned version cannot be read any more: take the newest one, or what is left of it."""
    batches = tuple(dict.fromkeys(b for row in runs.finished() for b in row["batches"]))
    broken = _gone(lake, table, None)
    if broken is None:
        action = (
            f"version {newest}, whose files are all there, becomes the one that readers open; "
            "runs that died and wrote to it are repeated"
        )
        return Finding(table.name, trouble, action, newest, batches)
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
    """A table that cannot be made again: its newest version is accepted, and every batch with fewer rows
    than it had is named."""
    there = {row["batch_id"]: row["count"] for row in lake.read(table).groupBy("batch_id").count().collect()}
    had = {
        b: row["rows_kept"] or 0
        for row in runs.finished()
        if table.name in (row["versions_written"] or {})
        for b in row["batches"]
    }
    kept = tuple(batch for batch in had if there.get(batch))
    fewer = [
        f"{batch} ({there.get(batch, 0):,} rows, had {n:,})"
        for batch, n in had.items()
        if there.get(batch, 0) < n
    ]
    gone = (
        f"; with fewer rows than were ingested: {', '.join(fewer)}" if fewer and table.name == "docs" else ""
    )
    action, before = (
        f"version {newest} is accepted as it stands, with the batches {', '.join(kept) or 'none'}{gone}",
        None,
    )
    if table.name == "docs" and fewer:
        before = _readable_before(lake, runs, table, newest)
        told = (
            "no version still holds the missing documents, so that they get none"
            if before is None
            else "each missing document gets one"
        )
        action += (
            f". (Rows of rejects, {DELETED}: {told}. To bring back what is missing, ingest these "
            "batches again instead.)"
        )
    return Finding(table.name, trouble, action, newest, kept, before=before)


def _readable_before(lake: Lake, runs: Runs, table: Table, newest: int) -> int | None:
    """The newest version of a finished run that is older than `newest` and whose files are all there;
    None where there is none."""
    state = runs.state(table.name)
    wrote = [row for row in runs.finished() if state and (row["table_ids"] or {}).get(table.name) == state.id]
    version = max((row["versions_written"].get(table.name, -1) for row in wrote), default=-1)
    return version if 0 <= version < newest and _gone(lake, table, version) is None else None


def _with_deleted(lake: Lake, finding: Finding, note: str) -> None:
    """A row of rejects for each document that others have deleted."""
    there = lake.read(catalog.table(finding.table)).select("doc_id", "batch_id")
    gone = lake.read(catalog.table(finding.table), finding.before).join(
        there, ["doc_id", "batch_id"], how="left_anti"
    )
    lake.insert(REJECTS, as_rejects(gone, gone["batch_id"], DELETED), REJECT, note)


def _accept(lake: Lake, finding: Finding) -> None:
    run_id, names = uuid.uuid4().hex, [finding.table]
    if finding.before is not None:
        _with_deleted(lake, finding, json.dumps({"run_id": run_id, "job": REPAIR}))
        names.append(REJECTS.name)
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
