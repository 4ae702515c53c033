"""Runs one job: lock, open inputs at finished versions, step, commit, count, and write the `runs` row last."""

from __future__ import annotations

import functools
import json
import sys
import time
import uuid
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from jobs.core import config
from jobs.core.concurrency import at_once, in_background
from jobs.core.errors import ConfigError, ContractError, DataError, RetryLater
from jobs.core.packages import need_packages
from jobs.lake import hadoop_files
from jobs.lake.lake import Lake, quoted
from jobs.lake.listing import NoFiles
from jobs.lake.missing_files import missing_files_named
from jobs.lake.session import SMALL_BYTES, SMALL_DOCUMENTS, compiled, is_local, open_session
from jobs.runner import batches
from jobs.runner.counts import counted
from jobs.runner.expectations import preload
from jobs.runner.job import Change, Counts, Delete, Insert, Job, Tables, Writes
from jobs.runner.pins import FOREIGN, told
from jobs.runner.progress import Progress
from jobs.runner.run_log import Runs, log, now
from jobs.runner.work import unused_by, work_of
from jobs.schema import documents as promised

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
    need_packages([(job.name, params)], str(recipe.path))
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

    if is_local(lake.spark):
        in_background(started)  # nobody asks how it went: without it the first batch waits a little longer


def run_job(job: Job, params: Any, lake: Lake, *, inputs: str | None = None, batch: str | None = None) -> Outcome:
    """Run `job` on what is not covered yet (or on `batch`). Raises GristmillError; a killed run is simply run again."""
    began = time.monotonic()
    with lake.job_lock(job.name), Progress(lake.spark, job.name) as progress:
        runs = with_foreign_noted(lake, job)
        opened = now()
        check_schemas(job, runs)
        digest = config.recipe_hash(job.name, params)
        listing = hadoop_files.listing(lake.spark, inputs or getattr(params, "input", None), params) if job.scope == "input" else None
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
        run = _Run(job, params, lake, runs, digest, todo, listing, opened)
        try:
            with missing_files_named(lake.where):
                run.clear_what_no_longer_stands()
                with compiled(lake.spark, run.is_large()):
                    run.tables.work = work_of(run.tables, params)
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


def _todo(job: Job, params: Any, runs: Runs, digest: str, batch: str | None, listing: hadoop_files.Listing | None) -> tuple[str, ...]:
    """The batches to work on; empty when all is covered."""
    if listing is not None:
        return batches.to_ingest(runs, job.name, digest, listing, batch, getattr(params, "replace_other_root", False))
    known = runs.batches()
    _refuse_lost_batches(runs, job)
    if batch is not None and batch not in known:
        raise ConfigError(f"--batch {batch}: no such batch in the lake (it has: {', '.join(known) or 'none'}); ingest it first")
    # Judges whose verdicts count, and jobs whose edits are applied.
    heeds = tuple(dict.fromkeys([*getattr(params, "heeds", ()), *getattr(params, "edits", ())]))
    _need_coverage(job, runs, heeds, known)
    stale = [b for b in known if batch in (None, b) and not runs.is_fresh(job, b, digest, heeds, unused_by(params))]
    if not known:
        raise ContractError("docs: the lake has no batch yet; run an ingest first")
    return tuple(known) if stale and job.scope == "lake" else tuple(stale)


def _refuse_lost_batches(runs: Runs, job: Job) -> None:
    """Raises ContractError while docs may lack a batch that was ingested: a job would take what is left for the whole."""
    lost = runs.lost_batches()
    if lost:
        raise ContractError(
            f"docs: {runs.pin('docs').trouble}, so that {job.name} cannot know whether all documents are there of the batches {', '.join(lost)}; "
            f"ingest them again (the same command and input), or see what `gristmill repair --lake {runs.lake.where}` would do"
        )


def with_foreign_noted(lake: Lake, job: Job) -> Runs:
    """The run log, after a row for each table of the job whose rows somebody else has changed: what runs wrote there before covers nothing."""
    runs = Runs(lake)
    names = dict.fromkeys([*job.reads, *job.looks_at, *(write.table for write in job.writes)])
    if not lake.is_direct and runs.rows:  # two queries a table: beside each other
        at_once(**{name: functools.partial(runs.state, name) for name in names})
    found = {name: pin for name in names if (pin := runs.pin(name)).is_unnoted}
    for name, pin in found.items():
        state, words = runs.state(name), pin.trouble
        print(f"{name}: {words}: what earlier runs wrote there no longer counts as done", file=sys.stderr, flush=True)
        columns = {"versions_written": {name: state.version}, "table_ids": {name: state.id}} if state else {}
        recipe = {"table": name, "told": words, "standing": sorted(pin.runs)}
        log_event(lake, uuid.uuid4().hex, "foreign", recipe, status=FOREIGN, **columns)
    return Runs(lake) if found else runs


def log_event(lake: Lake, run_id: str, job: str, recipe: dict[str, Any], **columns: Any) -> None:
    """A row of `runs` for what is no run of a job: `recipe` says what it was; `columns` are others than the usual."""
    row = {
        "run_id": run_id, "job": job, "status": "finished", "at": now(), "batches": [], "recipe_hash": "", "recipe": json.dumps(recipe),
        "code_version": code_version(), "spark_version": lake.spark.version, **columns,
    }  # fmt: skip
    log(lake, tuple(row.get(name) for name in promised.RUNS.names), json.dumps({"run_id": run_id, "job": job}))


def check_schemas(job: Job, runs: Runs) -> None:
    """Raises ContractError, before anything is written, where a table of the job was made with other columns than this code writes."""
    for name in dict.fromkeys([*(write.table for write in job.writes), promised.RUNS.name]):
        state = runs.state(name)
        if state is not None:
            runs.lake.check_schema(promised.table(name), state)


def check_counts(job: str, counts: Counts | None) -> None:
    """Raises DataError unless what came in is what was kept and what was left out; the run stays without its finished row then."""
    if counts is not None and counts.rows_in != counts.rows_kept + counts.rows_left_out:
        raise DataError(
            f"{job}: {counts.rows_in:,} rows came in, but {counts.rows_kept:,} were kept and {counts.rows_left_out:,} left out "
            f"({', '.join(f'{reason} {n:,}' for reason, n in counts.reasons.items()) or 'no reason'}); the run is not finished and nobody reads "
            "what it wrote. Run it again; if it stays so, this is a fault of Gristmill: please report it with this line"
        )


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
        self.run_id, self.listing, self.runs = uuid.uuid4().hex, listing, runs
        self.note = json.dumps({"run_id": self.run_id, "job": job.name})  # in Delta's history of each table
        self.written: dict[str, int] = {}
        self.tables = Tables(lake, runs, job, digest, batches, listing, self.run_id)
        # The newest version of each table of the job that is known to be ours.
        states = {write.table: runs.state(write.table) for write in job.writes}
        self.known = {name: state.version for name, state in states.items() if state is not None}
        self.opened_versions = {**self.known, **self.tables.versions}
        self.tables.started_at = opened
        self.is_announced = False

    def is_large(self) -> bool:
        """Whether what is at hand is, by the sizes of files or by what their ingests counted."""
        if self.listing is not None:
            return sum(each.size for each in self.listing.files) > SMALL_BYTES
        return self.tables.n_documents() > SMALL_DOCUMENTS

    def through_steps(self) -> None:
        """Each step's frames are committed before the next step runs: in order, but those that only write whole slices at once."""
        work = self.tables.work
        for step in self.job.steps if not work.is_nothing() else ():
            made = step(self.tables, self.params)
            if work.is_part_of(self.tables.batches):
                for name, frame in made.items():
                    self._commit_part(promised.table(name), frame)
                continue
            # (Spark's own catalog does not keep two tables apart that are made at the same time.)
            if len(made) > 1 and not self.lake.is_catalog and not any(isinstance(change, Delete | Insert | Change | list) for change in made.values()):
                self._commit_together(made)
                continue
            for name, changes in made.items():
                for change in changes if isinstance(changes, list) else [changes]:
                    self._commit(promised.table(name), change)

    def clear_what_no_longer_stands(self) -> None:
        """Where a table that this job adds to was changed by others: take out its own rows, since it would add to them as if they were whole."""
        added_to = [write.table for write in self.job.writes if write.replaces == "append" and write.table not in promised.SENT_OUT]
        standing = {name: self.runs.pin(name).runs for name in added_to}
        last = {batch: row for row in self.runs.finished(self.job.name) for batch in row["batches"] if batch in self.tables.batches}
        undone = any(row["run_id"] not in runs for row in last.values() for name, runs in standing.items() if self._concerns(row, name))
        for name in added_to if undone else []:
            if self.runs.state(name) is not None:
                table = promised.table(name)
                self.announce()
                slice_ = Writes(name, "batch" if "batch_id" in table.names else "job").where(self.job.name, self.tables.batches)
                self._wrote(table, self.lake.clear(table, slice_ or "true", self.note))

    @staticmethod
    def _concerns(row: Any, name: str) -> bool:
        return name in (row["table_ids"] or {}) or name in (row["versions_written"] or {})

    def _wrote(self, table: promised.Table, version: int) -> None:
        """Note a commit of ours. Raises RetryLater when somebody else changed rows of the table since the run began."""
        before = self.known.get(table.name)
        if before is not None and version > before + 1 and table.name not in promised.BY_WORKER:
            between = self.lake.commits(table, before + 1, version - 1)
            foreign = [commit for commit in between if commit.changes_rows and commit.run_id is None]
            if foreign:
                raise RetryLater(
                    f"{table.name}: {told(foreign[-1])} while {self.job.name} was at it; the run is not finished and nobody reads what it "
                    "wrote. Run the same command again"
                )
        self.known[table.name] = self.written[table.name] = version

    def _commit_together(self, made: dict[str, Any]) -> None:
        """Tables are apart, and planning a commit keeps one core busy: half of their seconds lie beside each other."""
        frames = {name: self._guarded(frame) if name == "verdicts" else frame for name, frame in made.items()}
        self.announce()
        at_once(**{name: functools.partial(self._write, promised.table(name), frame) for name, frame in frames.items()})

    def _commit(self, table: promised.Table, change: Any) -> None:
        if isinstance(change, Delete):
            self.announce()
            self._wrote(table, self.lake.delete(table, change.keys, change.on, self.note))
            return
        if isinstance(change, Insert):
            self.announce()
            self._wrote(table, self.lake.insert(table, change.frame, change.on, self.note))
            return
        if isinstance(change, Change):
            self.announce()
            self._wrote(table, self.lake.change(table, change.frame, change.gone, change.on, self.note))
            return
        frame = self._guarded(change) if table.name == "verdicts" else change
        self.announce()
        self._write(table, frame)

    def _commit_part(self, table: promised.Table, frame: DataFrame | pa.Table) -> None:
        """Of a run that leaves rows of batches at hand as they are: what no longer stands goes, and what was made is added."""
        declared = next(write for write in self.job.writes if write.table == table.name)
        if declared.replaces != "batch":
            self._commit(table, frame)
            return
        frame = self._guarded(frame) if table.name == "verdicts" else frame
        self.announce()
        whole, left = self.tables.work.whole, self.tables.work.left
        again = tuple(batch for batch in whole if self.runs.last(self.job.name, batch) is not None)
        if again:
            self._wrote(table, self.lake.clear(table, declared.where(self.job.name, again) or "true", self.note))
        if left is not None:
            keys = left.selectExpr(f"'{self.job.name}' AS job", "doc_id", "batch_id")
            others = ", ".join(quoted(batch) for batch in self.tables.batches if batch not in whole)
            within = f"t.job = {quoted(self.job.name)} AND t.batch_id IN ({others})"
            self._wrote(table, self.lake.delete(table, keys, ("job", "doc_id", "batch_id"), self.note, within))
        self._wrote(table, self.lake.write(table, frame, None, self.note))

    def _write(self, table: promised.Table, frame: DataFrame | pa.Table) -> None:
        declared = next(write for write in self.job.writes if write.table == table.name)
        where = declared.where(self.job.name, self.tables.batches)
        # An append costs half of a replaceWhere, where the table itself shows that it has nothing of these batches to replace.
        if declared.replaces == "batch" and "batch_id" in table.partitions and self.lake.is_direct and self.lake.exists(table):
            where = None if self.lake.data_files(table, None, self.tables.batches) == [] else where
        self._wrote(table, self.lake.write(table, frame, where, self.note))

    def _guarded(self, verdicts: DataFrame | pa.Table) -> DataFrame | pa.Table:
        """The verdicts, staged where their step did not count them; raises DataError, before they are written, when fewer than min_kept documents would stay."""
        staged = verdicts
        if self.tables.judged is None:
            staged = self.tables.stage("verdicts", verdicts)
            is_part = self.tables.work.is_part_of(self.tables.batches)
            every = self.tables.standing("verdicts").unionByName(staged) if is_part else staged
            self.tables.judged = counted(self.tables.kept(getattr(self.params, "heeds", ())), every)
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

    def _ids(self, status: str) -> dict[str, str]:
        """The Delta ids of the tables that the job writes, as the run leaves them."""
        if status != "finished":
            return {}
        states = {name: self.runs.state(name) or self.lake.state(promised.table(name)) for name in {write.table for write in self.job.writes}}
        return {name: state.id for name, state in sorted(states.items()) if state is not None}

    def _log(self, status: str, at: Any, counts: Counts | None, seconds: float | None) -> None:
        row = (
            self.run_id, self.job.name, status, at, seconds, list(self.tables.batches), self.tables.recipe_hash, config.canonical(self.params),
            self.listing.fingerprint if self.listing else None, dict(self.opened_versions), dict(self.written), self._ids(status),
            counts.rows_in if counts else None, counts.rows_kept if counts else None, counts.rows_left_out if counts else None,
            counts.reasons if counts else None, code_version(), self.lake.spark.version,
        )  # fmt: skip
        log(self.lake, row, json.dumps({"run_id": self.run_id, "job": self.job.name, "status": status}))


def _line(counts: Counts | None) -> str:
    if counts is None:
        return "done"
    return f"in {counts.rows_in:,}  kept {counts.rows_kept:,}  left out {counts.rows_left_out:,}"
