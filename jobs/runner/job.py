"""What a job is: a name, its parameters, the tables it reads and writes, and the steps between them. No registry, no base class.

A step is a function of (tables, params) that returns named frames; each frame is committed to the table of its name before
the next step runs. `main` is what every job file ends in.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from jobs.core.config import Strict
from jobs.lake.lake import quoted
from jobs.lake.spark_errors import exit_code_of
from jobs.runner.context import Tables as Tables  # steps are written against it
from jobs.schema import documents as promised

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Slice = Literal["batch", "job", "all", "append"]


@dataclass(frozen=True)
class Writes:
    """A table that a job writes, and which of its rows one run replaces.

    batch: the rows of the batches at hand (and of this job, where the table has a job column); job: every row of this job;
    all: every row; append: none.
    """

    table: str
    replaces: Slice

    def where(self, job: str, batches: tuple[str, ...]) -> str | None:
        """The SQL condition of the rows that are replaced; None for an append."""
        names = promised.table(self.table).names
        mine = f"job = {quoted(job)}" if "job" in names else "true"
        if self.replaces == "append":
            return None
        if self.replaces == "all":
            return "true"
        if self.replaces == "job":
            return mine
        inside = f"batch_id IN ({', '.join(quoted(batch) for batch in batches)})"
        return inside if mine == "true" else f"{mine} AND {inside}"


@dataclass(frozen=True)
class Delete:
    """What a step returns in a frame's place: delete the rows of the table whose `on` columns appear in `keys`."""

    keys: DataFrame
    on: tuple[str, ...]


@dataclass(frozen=True)
class Insert:
    """What a step returns in a frame's place: MERGE the rows of `frame` whose `on` columns are not in the table yet."""

    frame: DataFrame
    on: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """What a step returns in a frame's place, in one commit: rows of `frame` go where those of the same `on` columns
    stand, or are added; rows whose `on` columns appear in `gone` are deleted."""

    frame: DataFrame
    gone: DataFrame
    on: tuple[str, ...]


@dataclass(frozen=True)
class Counts:
    """What a run looked at and did with it, each number counted by itself; `reasons` may count a document twice.

    A run finishes only when rows_in = rows_kept + rows_left_out (jobs.runner.run).
    """

    rows_in: int
    rows_kept: int
    rows_left_out: int
    reasons: dict[str, int]


# A frame, a Delete, an Insert, a Change, or a list of them for each table, committed in that order.
Step = Callable[["Tables", Any], dict[str, Any]]


@dataclass(frozen=True)
class Job:
    """One job. `scope`: input (reads files), batch (batch by batch), lake (looks at all batches at once)."""

    name: str
    params: type[Strict]
    reads: tuple[str, ...]
    writes: tuple[Writes, ...]
    steps: tuple[Step, ...]
    scope: Literal["input", "batch", "lake"] = "batch"
    count: Callable[[Tables, Any], Counts] | None = None
    about: str = ""
    looks_at: tuple[str, ...] = ()  # tables that it also reads where a finished run has written them (Tables.get)
    models_of: tuple[str, ...] = ()  # jobs whose models it reads; those of others make nothing stale; (): all
    # Whether what it says of a document hangs on the document and the recipe alone. Where only the verdicts of judges that
    # it heeds have changed since it looked at a batch, it then looks at what these let in (Tables.to_look_at), and no more.
    by_document: bool = False
    output: str | Callable[[Any], str] = ""  # a file below the lake's root (of these parameters) that it writes beside the tables; while that is missing, nothing is covered


def main(job: Job, argv: list[str] | None = None) -> int:
    """The command line of one job file; returns the exit code (see jobs.core.errors)."""
    from jobs.runner.run import run_from_files

    parser = argparse.ArgumentParser(prog=job.name, description=job.about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", required=True, help=f"YAML file with a section jobs.{job.name} (ships as conf/jobs/{job.name}.yaml)")
    where = "path (./lake, s3a://bucket/lake) or catalog.schema; overrides the recipe's lake.path"
    parser.add_argument("--lake", help=where)
    parser.add_argument("--input", help="what to ingest: a file or folder (ingest jobs only)")
    parser.add_argument("--batch", help="work on this batch only (ingest jobs: the batch's name)")
    given = parser.parse_args(argv)

    def run() -> None:
        run_from_files(job, given.recipe, given.lake, given.input, given.batch)

    return exit_code_of(run)
