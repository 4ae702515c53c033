"""What a job is: a name, its parameters, the tables it reads and writes, and the steps between them. No
registry, no base class.

A step is a function of (tables, params) that returns named frames; each frame is committed to the table of
its name before the next step runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from gristmill.jobs.core.config import Strict
from gristmill.jobs.lake.lake import quoted
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.schema import catalog

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

Slice = Literal["batch", "job", "all", "append"]


@dataclass(frozen=True)
class Writes:
    """A table that a job writes, and which of its rows one run replaces.

    batch: the rows of the batches at hand (and of this job, where the table has a job column); job: every row
    of this job; all: every row; append: none.
    """

    table: str
    replaces: Slice

    def where(self, job: str, batches: tuple[str, ...]) -> str | None:
        """The SQL condition of the rows that are replaced; None for an append."""
        names = catalog.table(self.table).names
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
    """What a step returns in a frame's place: delete the rows of the table whose `on` columns appear in
    `keys`."""

    keys: DataFrame
    on: tuple[str, ...]


@dataclass(frozen=True)
class Insert:
    """What a step returns in a frame's place: MERGE the rows of `frame` whose `on` columns are not in
    the table yet."""

    frame: DataFrame
    on: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """What a step returns in a frame's place, in one commit: rows of `frame` go where those of the same `on`
    columns stand, or are added; rows whose `on` columns appear in `gone` are deleted."""

    frame: DataFrame
    gone: DataFrame
    on: tuple[str, ...]


Output: TypeAlias = "DataFrame | pa.Table | Delete | Insert | Change"
# What a step returns: for each table one of them, or several, committed in that order.
Outputs: TypeAlias = "Mapping[str, Output | Sequence[Output]]"
# of (gristmill.jobs.runner.context.Tables, the job's parameters)
Step = Callable[..., Outputs]


@dataclass(frozen=True)
class Job:
    """One job. `scope`: input (reads files), batch (batch by batch), lake (looks at all batches at once)."""

    name: str
    params: type[Strict]
    reads: tuple[str, ...]
    writes: tuple[Writes, ...]
    steps: tuple[Step, ...]
    scope: Literal["input", "batch", "lake"] = "batch"
    count: Callable[..., Counts] | None = None  # of the same two
    about: str = ""
    # tables that it also reads where a finished run has written them (Tables.get)
    looks_at: tuple[str, ...] = ()
    # jobs whose models it reads; those of others make nothing stale; (): all
    models_of: tuple[str, ...] = ()
    # Whether what it says of a document hangs on the document and the recipe alone. Where only the verdicts
    # of filters in its skip_rejected_by have changed since it looked at a batch, it then looks at what these
    # let in (Tables.to_look_at), and no more.
    by_document: bool = False
    # a file below the lake's root (of these parameters) that it writes beside the tables; while that is
    # missing, nothing is covered
    output: str | Callable[[Any], str] = ""
