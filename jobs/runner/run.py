"""Runs one job: lock, open inputs at finished versions, step, commit, count, and write the `runs` row
last."""

from __future__ import annotations

import functools
import sys
import time
import uuid
from dataclasses import dataclass

from gristmill.jobs.core import config
from gristmill.jobs.core.concurrency import at_once
from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.errors import ConfigError, ContractError, DataError
from gristmill.jobs.core.params import ReadsInput, depends_on, unused_by
from gristmill.jobs.lake import hadoop_files
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.lake.listing import NoFiles
from gristmill.jobs.lake.missing_files import missing_files_named
from gristmill.jobs.lake.session import compiled
from gristmill.jobs.runner import batches
from gristmill.jobs.runner.commit import Run
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.job import Job
from gristmill.jobs.runner.pins import FOREIGN
from gristmill.jobs.runner.progress import Progress
from gristmill.jobs.runner.run_log import Runs, log_event, now
from gristmill.jobs.runner.verdict_changes import work_of
from gristmill.jobs.schema import catalog
from gristmill.jobs.schema.runs import RUNS


@dataclass(frozen=True)
class Outcome:
    """The result of a run; counts is None when there was nothing to do, or the job has no count."""

    job: str
    batches: tuple[str, ...]
    counts: Counts | None
    seconds: float


def run_job(
    job: Job, params: Strict, lake: Lake, *, inputs: str | None = None, batch: str | None = None
) -> Outcome:
    """Run `job` on the batches that are not covered yet (or on `batch`).

    Raises GristmillError. A run that was killed is repeated by the same call.
    """
    began = time.monotonic()
    with lake.job_lock(job.name), Progress(lake.spark, job.name) as progress:
        # The log is read inside the lock: a run that has just ended is seen.
        runs = with_foreign_noted(lake, job)
        # Taken before the inputs are opened. A table that is written
        # after this moment makes the result stale, even when it was read
        # at its new version: repeating is safe, missing a change is not.
        opened = now()
        # Before any work: the mismatch would otherwise
        # appear at the commit, after the whole computation.
        check_schemas(job, runs)
        digest = config.recipe_hash(job.name, params)
        listing = (
            hadoop_files.listing(
                lake.spark, inputs or (params.input if isinstance(params, ReadsInput) else None)
            )
            if job.scope == "input"
            else None
        )
        if listing is not None and listing.remark:
            progress.note(listing.remark)
        try:
            todo = _todo(job, params, runs, digest, batch, listing)
        except NoFiles:  # expected where each folder is a batch and one is empty
            progress.done("no files")
            raise
        output = job.output(params) if callable(job.output) else job.output
        # A deleted output file is the job's result as well, so its run counts as incomplete.
        if not todo and output and not hadoop_files.exists(lake.spark, f"{lake.root}/{output}"):
            todo = tuple(runs.batches())
        if not todo:
            progress.done("nothing to do: every batch is covered")
            return Outcome(job.name, (), None, time.monotonic() - began)
        run = Run(job, params, lake, runs, digest, todo, listing, opened)
        try:
            with missing_files_named(lake.where):
                run.clear_invalid_rows()
                with compiled(lake.spark, run.is_large()):
                    # Verdicts are compared inside the block that explains
                    # missing files: an old version may be vacuumed.
                    run.tables.documents.work = work_of(run.tables, params)
                    run.through_steps()
                    counts = job.count(run.tables, params) if job.count else None
            # Before the finished row: readers open only what a
            # finished run wrote, so a wrong count publishes nothing.
            check_counts(job.name, counts)
            seconds = time.monotonic() - began
            run.finish(counts, seconds)
        except Exception:
            lake.drop_staging(run.tables.run)
            raise
        lake.drop_staging(run.tables.run)
        progress.done(f"{lake.root}/{output}" if output else _line(counts))
        return Outcome(job.name, todo, counts, seconds)


def _todo(
    job: Job, params: Strict, runs: Runs, digest: str, batch: str | None, listing: hadoop_files.Listing | None
) -> tuple[str, ...]:
    """The batches to process; empty when all are covered."""
    if listing is not None:
        return batches.to_ingest(
            runs,
            job.name,
            digest,
            listing,
            batch,
            isinstance(params, ReadsInput) and params.replace_other_root,
        )
    known = runs.batches()
    _refuse_lost_batches(runs, job)
    if batch is not None and batch not in known:
        raise ConfigError(
            f"--batch {batch}: no such batch in the lake (it has: {', '.join(known) or 'none'}); "
            "ingest it first"
        )
    # Filters whose verdicts count, and jobs whose edits are applied.
    skip_rejected_by = tuple(dict.fromkeys(name for names in depends_on(params).values() for name in names))
    _need_coverage(job, runs, skip_rejected_by, known)
    stale = [
        b
        for b in known
        if batch in (None, b) and not runs.is_fresh(job, b, digest, skip_rejected_by, unused_by(params))
    ]
    if not known:
        raise ContractError("docs: the lake has no batch yet; run an ingest first")
    # A job over the whole lake compares documents across
    # batches, so one stale batch means all of them.
    return tuple(known) if stale and job.scope == "lake" else tuple(stale)


def _refuse_lost_batches(runs: Runs, job: Job) -> None:
    """Raises ContractError while docs may lack documents of an ingested batch: the job would treat the rest
    as complete."""
    lost = runs.lost_batches()
    if lost:
        raise ContractError(
            f"docs: {runs.pin('docs').trouble}, so that {job.name} cannot know whether all documents "
            f"are there of the batches {', '.join(lost)}; "
            "ingest them again (the same command and input), or see what `gristmill repair --lake "
            f"{runs.lake.where}` would do"
        )


def with_foreign_noted(lake: Lake, job: Job) -> Runs:
    """The run log, after a `foreign` row was added for each table of the job that another writer has changed.

    Earlier runs that wrote such a table no longer cover their batches.
    """
    runs = Runs(lake)
    names = dict.fromkeys([*job.reads, *job.looks_at, *(write.table for write in job.writes)])
    # Two requests for each table, which take a round trip each on an object store: in parallel.
    if runs.rows:
        at_once(**{name: functools.partial(runs.state, name) for name in names})
    changed_pins = {name: pin for name in names if (pin := runs.pin(name)).is_unnoted}
    for name, pin in changed_pins.items():
        state, words = runs.state(name), pin.trouble
        print(
            f"{name}: {words}: what earlier runs wrote there no longer counts as done",
            file=sys.stderr,
            flush=True,
        )
        # Recorded once: Delta cleans its log after 30
        # days by default, and the change must stay known.
        columns = {"versions_written": {name: state.version}, "table_ids": {name: state.id}} if state else {}
        recipe = {"table": name, "told": words, "standing": sorted(pin.runs)}
        log_event(lake, uuid.uuid4().hex, "foreign", recipe, status=FOREIGN, **columns)
    return Runs(lake) if changed_pins else runs


def check_schemas(job: Job, runs: Runs) -> None:
    """Raises ContractError, before anything is written, where a table that the job writes has other columns
    than declared."""
    for name in dict.fromkeys([*(write.table for write in job.writes), RUNS.name]):
        state = runs.state(name)
        if state is not None:
            runs.lake.check_schema(catalog.table(name), state)


def check_counts(job: str, counts: Counts | None) -> None:
    """Raises DataError unless rows_in = rows_kept + rows_left_out; the run then has no finished row."""
    if counts is not None and counts.rows_in != counts.rows_kept + counts.rows_left_out:
        raise DataError(
            f"{job}: {counts.rows_in:,} rows came in, but {counts.rows_kept:,} were kept and "
            f"{counts.rows_left_out:,} left out "
            f"({', '.join(f'{reason} {n:,}' for reason, n in counts.reasons.items()) or 'no reason'}); "
            "the run is not finished and nobody reads "
            "what it wrote. Run it again; if it stays so, this is a fault of Gristmill: please report "
            "it with this line"
        )


def _need_coverage(job: Job, runs: Runs, skip_rejected_by: tuple[str, ...], batches: list[str]) -> None:
    """Raises ContractError unless every job in `skip_rejected_by` covered every batch with one and the same
    recipe, that of its last run."""
    gaps = []
    for name in skip_rejected_by:
        # Batches that were filtered with different thresholds would not be comparable.
        latest = runs.finished(name)[-1]["recipe_hash"] if runs.finished(name) else None
        gaps += [f"{name} on batch {b}" for b in batches if not runs.covers(name, b, latest)]
    if gaps:
        raise ContractError(
            f"{job.name}: documents were never judged: no finished run of {', '.join(gaps)}; run "
            f"{gaps[0].split(' ')[0]} first"
        )


def _line(counts: Counts | None) -> str:
    if counts is None:
        return "done"
    return f"in {counts.rows_in:,}  kept {counts.rows_kept:,}  left out {counts.rows_left_out:,}"
