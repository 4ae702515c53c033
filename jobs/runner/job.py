"""What a job is: a name, its parameters, the tables it reads and writes, and the steps between them. No
registry, no base class.

A step is a function of (tables, params) that returns named frames; each frame is committed to the table of
its name before the next step runs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeAlias

from typing_extensions import TypeVar

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.params import Filtered, LeavesOut, ReadsInput, check_params
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
# of (gristmill.jobs.runner.context.JobContext, the job's parameters)
Step = Callable[..., Outputs]
# what the steps of one run hand on: a dataclass of the job's own, made empty when the run begins
State = TypeVar("State", default=Any)


@dataclass(frozen=True)
class Job(Generic[State]):
    """One job. `scope`: input (reads files), batch (batch by batch), lake (looks at all batches at once)."""

    name: str
    params: type[Strict]
    reads: tuple[str, ...]
    writes: tuple[Writes, ...]
    steps: tuple[Step, ...]
    scope: Literal["input", "batch", "lake"] = "batch"
    count: Callable[..., Counts] | None = None  # of the same two
    # what one step hands to the next, and to `count` (JobContext.state)
    state: type[State] | None = None
    about: str = ""
    # tables that it also reads where a finished run has written them (TableReader.get)
    looks_at: tuple[str, ...] = ()
    # jobs whose models it reads; those of others make nothing stale; (): all
    models_of: tuple[str, ...] = ()
    # Whether what it says of a document hangs on the document and the recipe alone. Where only the verdicts
    # of filters in its skip_rejected_by have changed since it looked at a batch, it then looks at what these
    # let in (Documents.to_look_at), and no more.
    by_document: bool = False
    # a file below the lake's root (of these parameters) that it writes beside the tables; while that is
    # missing, nothing is covered
    output: str | Callable[[Any], str] = ""

    def __post_init__(self) -> None:
        """Raises TypeError for parameters that lack what such a job needs, or have it under a wrong name."""
        needs: list[type[Strict]] = [Filtered] if self.by_document else []
        needs += [LeavesOut] if "verdicts" in [write.table for write in self.writes] else []
        needs += [ReadsInput] if self.scope == "input" else []
        check_params(self.params, *needs)
