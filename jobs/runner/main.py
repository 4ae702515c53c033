"""The command line of one job, which every job file calls."""

from __future__ import annotations

import argparse
import threading
from typing import TYPE_CHECKING

from gristmill.jobs.core import config
from gristmill.jobs.core.concurrency import in_background
from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.packages import need_packages
from gristmill.jobs.core.params import Preloads, WarmsUp
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.lake.session import cores_of, is_local, open_session
from gristmill.jobs.lake.spark_errors import exit_code_of
from gristmill.jobs.runner.job import Job
from gristmill.jobs.runner.run import Outcome, run_job

if TYPE_CHECKING:
    from gristmill.jobs.core.params import BatchFunction


def open_lake(recipe: config.Recipe, where: str | None, app: str) -> Lake:
    """A session and the lake that the command line or the recipe names.

    Raises ConfigError when neither does.
    """
    path = where or (recipe.lake.path if recipe.lake else None)
    if path is None:
        raise ConfigError(
            f"{recipe.path}: lake: missing; write `lake: {{path: ..., buckets: 1}}` or give --lake"
        )
    buckets = recipe.lake.buckets if recipe.lake else 1
    return Lake(open_session(app, recipe.spark), path, buckets)


def run_from_files(
    job: Job, recipe_file: str, where: str | None, inputs: str | None, batch: str | None
) -> Outcome:
    """Load the recipe, open the lake and run the job, as its command line does. Raises GristmillError."""
    recipe = config.load_recipe(recipe_file)
    params = recipe.params(job.name, job.params)
    # Before Spark starts: a missing package is then
    # reported in a second instead of after the JVM's start.
    need_packages([(job.name, params)], str(recipe.path))
    preload([params])
    lake = open_lake(recipe, where, job.name)
    if isinstance(params, WarmsUp):
        _warm(lake, params.warm_up_pass())
    return run_job(job, params, lake, inputs=inputs, batch=batch)


def _warm(lake: Lake, kernel: BatchFunction) -> None:
    """Start a Python worker on each core of this machine and load what `kernel` (mapInArrow over ids) needs.

    In the background, while the driver reads the run log. Does nothing on a cluster.
    """

    def started() -> None:
        cores = cores_of(lake.spark)
        lake.spark.range(cores, numPartitions=cores).mapInArrow(kernel, "id bigint").write.format(
            "noop"
        ).mode("overwrite").save()

    if is_local(lake.spark):
        # Its result is ignored: if it fails, the first batch loads what it needs itself.
        in_background(started)


def main(job: Job, argv: list[str] | None = None) -> int:
    """The command line of one job file; returns the exit code (see gristmill.jobs.core.errors)."""
    parser = argparse.ArgumentParser(
        prog=job.name, description=job.about, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--recipe",
        required=True,
        help=f"YAML file with a section jobs.{job.name} (ships as conf/jobs/{job.name}.yaml)",
    )
    where = "path (./lake, s3a://bucket/lake) or catalog.schema; overrides the recipe's lake.path"
    parser.add_argument("--lake", help=where)
    parser.add_argument("--input", help="what to ingest: a file or folder (ingest jobs only)")
    parser.add_argument("--batch", help="work on this batch only (ingest jobs: the batch's name)")
    args = parser.parse_args(argv)

    def run() -> None:
        run_from_files(job, args.recipe, args.lake, args.input, args.batch)

    return exit_code_of(run)


def preload(sections: list[Strict]) -> None:
    """Load in the background, while the JVM starts, what the jobs with these parameters will import."""
    for params in sections:
        if isinstance(params, Preloads):
            # A daemon thread: an import that is still
            # running must not keep a finished command alive.
            threading.Thread(target=params.preload, daemon=True).start()
