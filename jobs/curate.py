"""Run the whole curation: the jobs of one recipe, in its order, each on the batches that it does not cover
yet.

reads   what the jobs of the recipe read
writes  what they write
run     gristmill run curate --recipe conf/demo.yaml       (or spark-submit jobs/curate.py --recipe ...)

A run that stops is continued by the same command: finished jobs report "nothing to do", a job that died is
repeated from its start.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

from gristmill.jobs.core import config
from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.kernels import compiled_in_background
from gristmill.jobs.core.packages import need_packages
from gristmill.jobs.core.renames import new_job
from gristmill.jobs.curation.entry import EntryParams, files_by_glob
from gristmill.jobs.lake import hadoop_files
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.lake.listing import NoFiles, NoSuchInput, summed_up
from gristmill.jobs.lake.session import is_local
from gristmill.jobs.lake.spark_errors import exit_code_of
from gristmill.jobs.runner import batches
from gristmill.jobs.runner.job import Job
from gristmill.jobs.runner.main import open_lake, preload
from gristmill.jobs.runner.order import check_order
from gristmill.jobs.runner.run import Outcome, run_job
from gristmill.jobs.runner.run_log import Runs

# Jobs that read files, in the order of the recipe, with their parameters.
Entries: TypeAlias = Sequence[tuple[Job, EntryParams]]


def job_names() -> list[str]:
    """Every job module in jobs/, by name: a module that declares a JOB."""
    modules = sorted(path.stem for path in Path(__file__).parent.glob("*.py"))
    return [name for name in modules if name not in ("__init__", "cli", "curate")]


def find_job(name: str) -> Job:
    """The job called `name`. Raises ConfigError naming the jobs there are."""
    if name not in job_names():
        new = new_job(name)
        if new:
            raise ConfigError(f"{name}: this job is called {new} now")
        raise ConfigError(
            f"{name}: no such job (jobs: {', '.join(job_names())}, and curate for all of a recipe)"
        )
    job: Job = importlib.import_module(f"gristmill.jobs.{name}").JOB
    return job


def plan(
    recipe: config.Recipe, later: tuple[Path, ...] = (), packages: bool = True
) -> list[tuple[Job, Strict]]:
    """The recipe's jobs with their checked parameters, in its order. Raises ConfigError with the complaints
    of all sections.

    `later`: the recipes that continue the lake of this one; `packages`: whether the packages that the jobs
    need must be installed.
    """
    if recipe.path in later:
        raise ConfigError(
            f"{later[0]}: after: the recipes {', '.join(map(str, later))} come after each other; leave "
            "`after` out of the first"
        )
    planned = _checked(recipe, packages)
    # A recipe of a single job reads tables that other
    # recipes have written, so it has no order to check.
    if len(planned) > 1:
        earlier = (
            plan(config.load_recipe(recipe.after), (*later, recipe.path), packages) if recipe.after else []
        )
        check_order(planned, str(recipe.path), earlier)
    return planned


def _checked(recipe: config.Recipe, packages: bool) -> list[tuple[Job, Strict]]:
    complaints, planned = [], []
    for name in recipe.jobs:
        try:
            job = find_job(name)
            planned.append((job, recipe.params(name, job.params)))
            if packages:
                need_packages([(name, planned[-1][1])], str(recipe.path))
        except ConfigError as error:
            # Collected, so that one check reports the errors of all sections.
            complaints.append(str(error))
    if complaints:
        raise ConfigError("\n".join(complaints))
    return planned


def curate(recipe: config.Recipe, where: str | None = None, inputs: str | None = None) -> list[Outcome]:
    """Run every job of the recipe on its lake. Raises GristmillError from the job that stopped."""
    # Everything is validated before the first job, which may run for hours.
    planned = plan(recipe)
    preload([params for _, params in planned])
    lake = open_lake(recipe, where, "curate")
    outcomes: list[Outcome] = []
    entries = [(job, params) for job, params in planned if isinstance(params, EntryParams)]
    # One cache of table states for all jobs, and kernels
    # compile while the first queries are planned.
    with compiled_in_background(is_local(lake.spark)), lake.cached_states():
        for job, params in planned:
            if not isinstance(params, EntryParams):
                outcomes.append(run_job(job, params, lake))
            elif job is entries[0][0]:
                outcomes += _brought_in(entries, lake, inputs)
    return outcomes


def _brought_in(entries: Entries, lake: Lake, inputs: str | None) -> list[Outcome]:
    """Read what is to be read: by each job its input, or each folder in it when every folder is a batch; then
    the batches to read again.

    Of jobs with one input, each reads the folders whose files its formats match (`_reader_of`).
    """
    outcomes = []
    # Folders are listed once, whatever the number of jobs that may read them.
    readers: dict[tuple[str | None, str | None], str] = {}
    for job, params in entries:
        where = inputs or params.input
        rivals = [each for each in entries if (inputs or each[1].input) == where]
        outcomes += _ingested(job, params, lake, where, rivals, readers)
    return outcomes + _read_again(entries, lake)


def _ingested(
    job: Job,
    params: EntryParams,
    lake: Lake,
    source: str | None,
    rivals: Entries,
    readers: dict[tuple[str | None, str | None], str],
) -> list[Outcome]:
    """Read the input, or each folder in it when every folder is a batch, but for what is a rival's.

    `readers`: input and batch -> the job that reads it, as far as it is known.
    """
    outcomes = []
    for where, batch in _sources(job, params, lake, source):
        if len(rivals) > 1:
            if (where, batch) not in readers:
                readers[where, batch] = _reader_of(rivals, lake, where, batch).name
            if readers[where, batch] != job.name:
                continue
        try:
            outcomes.append(run_job(job, params, lake, inputs=where, batch=batch))
        except NoFiles as empty:
            # One empty folder among many is no error; an empty input is.
            if not params.batch_per_folder:
                raise
            _say(job, f"{batch}: a batch of no rows. {empty}")
    return outcomes


def _reader_of(rivals: Entries, lake: Lake, where: str | None, batch: str | None) -> Job:
    """Of several jobs the first whose formats match every file below `where`; of an empty folder the one that
    has read its batch; else the first of all.

    Raises ConfigError for files of which some are one job's and some another's.
    """
    listing = hadoop_files.listing(lake.spark, where)
    files = [file.name for file in listing.files]
    if not files:
        last = [Runs(lake).last(job.name, batch or listing.batch) for job, _ in rivals]
        return next((job for (job, _), row in zip(rivals, last, strict=True) if row), rivals[0][0])
    matched = [set(files).difference(files_by_glob(listing, params.globs())[1]) for _, params in rivals]
    for (job, _), names in zip(rivals, matched, strict=True):
        if len(names) == len(files):
            return job
    some = [(job, names) for (job, _), names in zip(rivals, matched, strict=True) if names]
    if len(some) > 1:
        of = " and of ".join(f"{job.name} ({min(names)})" for job, names in some)
        raise ConfigError(
            f"{where}: files of {of}; a batch is read by one job: put them into folders of their own"
        )
    # Its error names the files that no format matches.
    return some[0][0] if some else rivals[0][0]


def _sources(
    job: Job, params: EntryParams, lake: Lake, source: str | None
) -> list[tuple[str | None, str | None]]:
    """Each input with the name of its batch (None: the name follows from the input).

    A folder whose name another root has already taken gets a longer one (batches.own_name).
    """
    if not source or not params.batch_per_folder:
        return [(source, None)]
    folders, left = hadoop_files.folders(lake.spark, source)
    if left:
        _say(job, f"{source}: not read: {summed_up(left)}")
    # With replace_other_root the name alone decides, so no name counts as taken.
    taken = {} if params.replace_other_root else batches.roots(Runs(lake))
    named: list[tuple[str | None, str | None]] = []
    for folder in folders:
        name = (
            folder.name if params.replace_other_root else batches.own_name(folder.root, folder.where, taken)
        )
        taken[name] = folder.root
        named.append((folder.where, name))
    return named


def _read_again(entries: Entries, lake: Lake) -> list[Outcome]:
    """Read again the batches with rows that were rejected for a copy that no longer exists.

    A batch whose root is missing, or that another recipe has read, is reported and left waiting.
    """
    outcomes: list[Outcome] = []
    left: set[str] = set()
    # Reading a batch leaves none of its own rows waiting, but may reject
    # copies elsewhere. The loop ends once no batch changes any more.
    while fresh := [batch for batch in batches.waiting(Runs(lake)) if batch not in left]:
        name, runs = fresh[-1], Runs(lake)
        root = batches.roots(runs).get(name)
        # Another recipe's column mapping would make other documents of the same rows.
        readers = [
            (job, params)
            for job, params in entries
            if runs.covers(job.name, name, config.recipe_hash(job.name, params))
        ]
        try:
            if root is None:
                raise NoSuchInput("its root is not known")
            if not readers:
                raise NoSuchInput("another recipe read it; run that one again")
            [(job, params)] = readers
            outcomes.append(run_job(job, params, lake, inputs=root, batch=name))
        except NoSuchInput as error:
            left.add(name)
            _say(
                (readers or entries)[0][0],
                f"batch {name} waits to be read again, for copies of documents of it are gone (rejects: "
                f"{batches.READ_AGAIN}): {error}",
            )
    return outcomes


def _say(job: Job, line: str) -> None:
    print(f"{job.name:<16}           {line}", file=sys.stderr, flush=True)


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code."""
    # Only paths on the command line: every parameter is in the recipe, whose hash names the result.
    parser = argparse.ArgumentParser(
        prog="curate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--recipe", required=True, help="YAML file with a section for each job (conf/demo.yaml)"
    )
    where = "path (./lake, s3a://bucket/lake) or catalog.schema; overrides the recipe's lake.path"
    parser.add_argument("--lake", help=where)
    parser.add_argument("--input", help="what to ingest; overrides the recipe's")
    args = parser.parse_args(argv)

    def run() -> None:
        curate(config.load_recipe(args.recipe), args.lake, args.input)

    return exit_code_of(run)


if __name__ == "__main__":
    sys.exit(main())
