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
    """What became of a run: counts is None when there was nothing to do."""

    job: str
    batches: tuple[str, ...]
    counts: Counts | None
    seconds: float


def run_job(
    job: Job, params: Strict, lake: Lake, *, inputs: str | None = None, batch: str | None = None
) -> Outcome:
    """Run `job` on what is not covered yet (or on `batch`).

    Raises GristmillError; a killed run is simply run again.
    """
    began = time.monotonic()
    with lake.job_lock(job.name), Progress(lake.spark, job.name) as progress:
        runs = with_foreign_noted(lake, job)
        opened = now()
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
        except NoFiles:  # no accident where each folder is a batch
            progress.done("no files")
            raise
        output = job.output(params) if callable(job.output) else job.output
        if not todo and output and not hadoop_files.exists(lake.spark, f"{lake.root}/{output}"):
            todo = tuple(runs.batches())
        if not todo:
            progress.done("nothing to do: every batch is covered")
            return Outcome(job.name, (), None, time.monotonic() - began)
        run = Run(job, params, lake, runs, digest, todo, listing, opened)
        try:
            with missing_files_named(lake.where):
                run.clear_what_no_longer_stands()
                with compiled(lake.spark, run.is_large()):
                    run.tables.documents.work = work_of(run.tables, params)
                    run.through_steps()
                    counts = job.count(run.tables, params) if job.count else None
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
    """The batches to work on; empty when all is covered."""
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
    # Judges whose verdicts count, and jobs whose edits are applied.
    skip_rejected_by = tuple(dict.fromkeys(name for names in depends_on(params).values() for name in names))
    _need_coverage(job, runs, skip_rejected_by, known)
    stale = [
        b
        for b in known
        if batch in (None, b) and not runs.is_fresh(job, b, digest, skip_rejected_by, unused_by(params))
    ]
    if not known:
        raise ContractError("docs: the lake has no batch yet; run an ingest first")
    return tuple(known) if stale and job.scope == "lake" else tuple(stale)


def _refuse_lost_batches(runs: Runs, job: Job) -> None:
    """Raises ContractError while docs may lack a batch that was ingested: a job would take what is left
    for the whole."""
    lost = runs.lost_batches()
    if lost:
        raise ContractError(
            f"docs: {runs.pin('docs').trouble}, so that {job.name} cannot know whether all documents "
            f"are there of the batches {', '.join(lost)}; "
            "ingest them again (the same command and input), or see what `gristmill repair --lake "
            f"{runs.lake.where}` would do"
        )


def with_foreign_noted(lake: Lake, job: Job) -> Runs:
    """The run log, after a row for each table of the job whose rows somebody else has changed: what runs
    wrote there before covers nothing."""
    runs = Runs(lake)
    names = dict.fromkeys([*job.reads, *job.looks_at, *(write.table for write in job.writes)])
    # two looks at each table, on an object store two requests: beside each other
    if runs.rows:
        at_once(**{name: functools.partial(runs.state, name) for name in names})
    found = {name: pin for name in names if (pin := runs.pin(name)).is_unnoted}
    for name, pin in found.items():
        state, words = runs.state(name), pin.trouble
        print(
            f"{name}: {words}: what earlier runs wrote there no longer counts as done",
            file=sys.stderr,
            flush=True,
        )
        columns = {"versions_written": {name: state.version}, "table_ids": {name: state.id}} if state else {}
        recipe = {"table": name, "told": words, "standing": sorted(pin.runs)}
        log_event(lake, uuid.uuid4().hex, "foreign", recipe, status=FOREIGN, **columns)
    return Runs(lake) if found else runs


def check_schemas(job: Job, runs: Runs) -> None:
    """Raises ContractError, before anything is written, where a table of the job was made with other
    columns than this code writes."""
    for name in dict.fromkeys([*(write.table for write in job.writes), RUNS.name]):
        state = runs.state(name)
        if state is not None:
            runs.lake.check_schema(catalog.table(name), state)


def check_counts(job: str, counts: Counts | None) -> None:
    """Raises DataError unless what came in is what was kept and what was left out; the run stays without
    its finished row then."""
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
    """Raises ContractError unless every job in `skip_rejected_by` covered every batch, all with the recipe of
    its last run."""
    gaps = []
    for judge in skip_rejected_by:
        latest = runs.finished(judge)[-1]["recipe_hash"] if runs.finished(judge) else None
        gaps += [f"{judge} on batch {b}" for b in batches if not runs.covers(judge, b, latest)]
    if gaps:
        raise ContractError(
            f"{job.name}: documents were never judged: no finished run of {', '.join(gaps)}; run "
            f"{gaps[0].split(' ')[0]} first"
        )


def _line(counts: Counts | None) -> str:
    if counts is None:
        return "done"
    return f"in {counts.rows_in:,}  kept {counts.rows_kept:,}  left out {counts.rows_left_out:,}"
