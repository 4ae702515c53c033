"""Runs one job: lock, open inputs at finished versions, step, commit, count, and write the `runs` row last."""

from __future__ import annotations

import functools
import json
import time
import uuid
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from jobs.core import config, files
from jobs.core import tables as promised
from jobs.core.background import at_once, in_background
from jobs.core.contract import preload
from jobs.core.counts import counted
from jobs.core.errors import ConfigError, ContractError, DataError
from jobs.core.job import Counts, Delete, Insert, Job, Tables
from jobs.core.lake import Lake
from jobs.core.progress import Progress
from jobs.core.runs import Runs, log, now
from jobs.core.session import is_local, open_session
from jobs.runner import batches

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Outcome:
    """What became of a run: counts is None when there was nothing to do."""

    job: str
    batches: tuple[str, ...]
    counts: Counts | None
    seconds: float


def code_version() -> str:
    """Version of the installed package, or `source` when run from --py-files."""
    try:
        return metadata.version("gristmill")
    except metadata.PackageNotFoundError:
        return "source"


def open_lake(recipe: config.Recipe, where: str | None, app: str) -> Lake:
    """A session and the lake that the command line or the recipe names. Raises ConfigError when neither does."""
    if where is None and recipe.lake is None:
        raise ConfigError(f"{recipe.path}: lake: missing; write `lake: {{path: ..., buckets: 1}}` or give --lake")
    buckets = recipe.lake.buckets if recipe.lake else 1
    return Lake(open_session(app, recipe.spark), where or recipe.lake.path, buckets)  # type: ignore[union-attr]


def run_from_files(job: Job, recipe_file: str, where: str | None, inputs: str | None, batch: str | None) -> Outcome:
    """What the command line of a job does. Raises GristmillError."""
    recipe = config.load_recipe(recipe_file)
    params = recipe.params(job.name, job.params)
    preload([params])
    lake = open_lake(recipe, where, job.name)
    if hasattr(params, "warming"):
        _warm(lake, params.warming())
    return run_job(job, params, lake, inputs=inputs, batch=batch)


def _warm(lake: Lake, kernel: Any) -> None:
    """Start a worker on each core of this machine, and have it load what `kernel` (mapInArrow over ids) needs, while the driver reads the run log."""

    def started() -> None:
        cores = lake.spark.sparkContext.defaultParallelism
        lake.spark.range(cores, numPartitions=cores).mapInArrow(kernel, "id bigint").write.format("noop").mode("overwrite").save()

    if is_local():
        in_background(started)  # nobody asks how it went: without it the first batch waits a little longer


def run_job(job: Job, params: Any, lake: Lake, *, inputs: str | None = None, batch: str | None = None) -> Outcome:
    """Run `job` on what is not covered yet (or on `batch`). Raises GristmillError; a killed run is simply run again."""
    began = time.monotonic()
    with lake.job_lock(job.name), Progress(lake.spark, job.name) as progress:
        opened, runs = now(), Runs(lake)
        digest = config.recipe_hash(job.name, params)
        listing = files.listing(lake.spark, inputs or getattr(params, "input", None), params) if job.scope == "input" else None
        if listing is not None and listing.remark:
            progress.note(listing.remark)
        todo = _todo(job, params, runs, digest, batch, listing)
        output = job.output(params) if callable(job.output) else job.output
        if not todo and output and not files.exists(lake.spark, f"{lake.root}/{output}"):
            todo = tuple(runs.batches())
        if not todo:
            progress.done("nothing to do: every batch is covered")
            return Outcome(job.name, (), None, time.monotonic() - began)
        run = _Run(job, params, lake, runs, digest, todo, listing, opened)
        run.through_steps()
        counts = job.count(run.tables, params) if job.count else None
        seconds = time.monotonic() - began
        run.finish(counts, seconds)
        lake.drop_staging(job.name)
        progress.done(f"{lake.root}/{output}" if output else _line(counts))
        return Outcome(job.name, todo, counts, seconds)


def _todo(job: Job, params: Any, runs: Runs, digest: str, batch: str | None, listing: files.Listing | None) -> tuple[str, ...]:
    """The batches to work on; empty when all is covered."""
    if listing is not None:
        return batches.to_ingest(runs, job.name, digest, listing, batch, params.replace_other_root)
    known = runs.batches()
    if batch is not None and batch not in known:
        raise ConfigError(f"--batch {batch}: no such batch in the lake (it has: {', '.join(known) or 'none'}); ingest it first")
    heeds = tuple(getattr(params, "heeds", ()))
    _need_coverage(job, runs, heeds, known)
    stale = [b for b in known if batch in (None, b) and not runs.is_fresh(job, b, digest, heeds)]
    if not known:
        raise ContractError("docs: the lake has no batch yet; run an ingest first")
    return tuple(known) if stale and job.scope == "lake" else tuple(stale)


def _need_coverage(job: Job, runs: Runs, heeds: tuple[str, ...], batches: list[str]) -> None:
    """Raises ContractError unless every job in `heeds` covered every batch, all with the recipe of its last run."""
    gaps = []
    for judge in heeds:
        latest = runs.finished(judge)[-1]["recipe_hash"] if runs.finished(judge) else None
        gaps += [f"{judge} on batch {b}" for b in batches if not runs.covers(judge, b, latest)]
    if gaps:
        raise ContractError(f"{job.name}: documents were never judged: no finished run of {', '.join(gaps)}; run {gaps[0].split(' ')[0]} first")


class _Run:
    """The bookkeeping of one run: the started row, versions written, the finished row."""

    def __init__(self, job: Job, params: Any, lake: Lake, runs: Runs, digest: str, batches: tuple[str, ...], listing: Any, opened: Any) -> None:
        self.job, self.params, self.lake, self.opened = job, params, lake, opened
        self.run_id, self.listing = uuid.uuid4().hex, listing
        self.note = json.dumps({"run_id": self.run_id, "job": job.name})  # in Delta's history of each table
        self.written: dict[str, int] = {}
        self.tables = Tables(lake, runs, job, digest, batches, listing)
        self.tables.started_at = opened
        self.is_announced = False

    def through_steps(self) -> None:
        """Each step's frames are committed before the next step runs: in order, but those that only write whole slices at once."""
        for step in self.job.steps:
            made = step(self.tables, self.params)
            # (Spark's own catalog does not keep two tables apart that are made at the same time.)
            if len(made) > 1 and not self.lake.is_catalog and not any(isinstance(change, Delete | Insert | list) for change in made.values()):
                self._commit_together(made)
                continue
            for name, changes in made.items():
                for change in changes if isinstance(changes, list) else [changes]:
                    self._commit(promised.table(name), change)

    def _commit_together(self, made: dict[str, Any]) -> None:
        """Tables are apart, and planning a commit keeps one core busy: half of their seconds lie beside each other."""
        frames = {name: self._guarded(frame) if name == "verdicts" else frame for name, frame in made.items()}
        self.announce()
        at_once(**{name: functools.partial(self._write, promised.table(name), frame) for name, frame in frames.items()})

    def _commit(self, table: promised.Table, change: Any) -> None:
        if isinstance(change, Delete):
            self.announce()
            self.written[table.name] = self.lake.delete(table, change.keys, change.on, self.note)
            return
        if isinstance(change, Insert):
            self.announce()
            self.written[table.name] = self.lake.insert(table, change.frame, change.on, self.note)
            return
        frame = self._guarded(change) if table.name == "verdicts" else change
        self.announce()
        self._write(table, frame)

    def _write(self, table: promised.Table, frame: DataFrame | pa.Table) -> None:
        where = next(write for write in self.job.writes if write.table == table.name).where(self.job.name, self.tables.batches)
        self.written[table.name] = self.lake.write(table, frame, where, self.note)

    def _guarded(self, verdicts: DataFrame | pa.Table) -> DataFrame | pa.Table:
        """The verdicts, staged where their step did not count them; raises DataError, before they are written, when fewer than min_kept documents would stay."""
        staged = verdicts
        if self.tables.judged is None:
            staged = self.tables.stage("verdicts", verdicts)
            self.tables.judged = counted(self.tables.kept(getattr(self.params, "heeds", ())), staged)
        found = self.tables.judged
        floor = getattr(self.params, "min_kept", 0)
        if found.rows_in and found.rows_kept < floor:
            raise DataError(
                f"{self.job.name}: would keep {found.rows_kept:,} of {found.rows_in:,} documents; nothing written. "
                f"If that is meant, lower min_kept (it is {floor})"
            )
        return staged

    def announce(self) -> None:
        """Write the started row, once, before the first table: a run without its finished row died on the way."""
        if not self.is_announced:
            self._log("started", self.opened, None, None)
            self.is_announced = True

    def finish(self, counts: Counts | None, seconds: float) -> None:
        """Write the finished row."""
        self.announce()
        self._log("finished", now(), counts, seconds)

    def _log(self, status: str, at: Any, counts: Counts | None, seconds: float | None) -> None:
        row = (
            self.run_id, self.job.name, status, at, seconds, list(self.tables.batches), self.tables.recipe_hash, config.canonical(self.params),
            self.listing.fingerprint if self.listing else None, dict(self.tables.versions), dict(self.written),
            counts.rows_in if counts else None, counts.rows_kept if counts else None, counts.rows_left_out if counts else None,
            counts.reasons if counts else None, code_version(), self.lake.spark.version,
        )  # fmt: skip
        log(self.lake, row, json.dumps({"run_id": self.run_id, "job": self.job.name, "status": status}))


def _line(counts: Counts | None) -> str:
    if counts is None:
        return "done"
    return f"in {counts.rows_in:,}  kept {counts.rows_kept:,}  left out {counts.rows_left_out:,}"
