"""What every job file ends in: the command line of one job."""

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
    place = where or (recipe.lake.path if recipe.lake else None)
    if place is None:
        raise ConfigError(
            f"{recipe.path}: lake: missing; write `lake: {{path: ..., buckets: 1}}` or give --lake"
        )
    buckets = recipe.lake.buckets if recipe.lake else 1
    return Lake(open_session(app, recipe.spark), place, buckets)


def run_from_files(
    job: Job, recipe_file: str, where: str | None, inputs: str | None, batch: str | None
) -> Outcome:
    """What the command line of a job does. Raises GristmillError."""
    recipe = config.load_recipe(recipe_file)
    params = recipe.params(job.name, job.params)
    need_packages([(job.name, params)], str(recipe.path))
    preload([params])
    lake = open_lake(recipe, where, job.name)
    if isinstance(params, WarmsUp):
        _warm(lake, params.warm_up_pass())
    return run_job(job, params, lake, inputs=inputs, batch=batch)


def _warm(lake: Lake, kernel: BatchFunction) -> None:
    """Start a worker on each core of this machine, and have it load what `kernel` (mapInArrow over ids)
    needs, while the driver reads the run log."""

    def started() -> None:
        cores = cores_of(lake.spark)
        lake.spark.range(cores, numPartitions=cores).mapInArrow(kernel, "id bigint").write.format(
            "noop"
        ).mode("overwrite").save()

    if is_local(lake.spark):
        # nobody asks how it went: without it the first batch waits a little longer
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
    given = parser.parse_args(argv)

    def run() -> None:
        run_from_files(job, given.recipe, given.lake, given.input, given.batch)

    return exit_code_of(run)


def preload(sections: list[Strict]) -> None:
    """Load in the background, while the JVM starts, what the jobs of these parameters will ask for."""
    for params in sections:
        if isinstance(params, Preloads):
            threading.Thread(target=params.preload, daemon=True).start()
