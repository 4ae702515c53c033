"""A job is a name, its parameters, the tables it reads and writes, and the steps between them. There is no
registry and no base class.

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

    batch: the rows of the run's batches (and of this job, where the table has a job column); job: every row
    of this job; all: every row; append: none.
    """

    table: str
    replaces: Slice

    def where(self, job: str, batches: tuple[str, ...]) -> str | None:
        """The SQL condition of the rows that are replaced; None for an append."""
        if self.replaces == "append":
            return None
        replaced = self.replaced(job, batches)
        conditions = [f"job = {quoted(job)}"] if "job" in replaced else []
        if "batch_id" in replaced:
            conditions.append(f"batch_id IN ({', '.join(map(quoted, batches))})")
        return " AND ".join(conditions) or "true"

    def replaced(self, job: str, batches: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """Column -> its values in the rows that are replaced; empty where all rows are (or none)."""
        # Tables that several jobs share have a job column; without
        # this condition a run would delete the others' rows.
        is_shared = self.replaces in ("job", "batch") and "job" in catalog.table(self.table).names
        of_job: dict[str, tuple[str, ...]] = {"job": (job,)} if is_shared else {}
        return {**of_job, "batch_id": batches} if self.replaces == "batch" else of_job


@dataclass(frozen=True)
class Delete:
    """Output of a step instead of a frame: delete the rows of the table whose `on` columns appear in
    `keys`."""

    keys: DataFrame
    on: tuple[str, ...]


@dataclass(frozen=True)
class Insert:
    """Output of a step instead of a frame: insert the rows of `frame` whose `on` columns are not in the table
    yet."""

    frame: DataFrame
    on: tuple[str, ...]


@dataclass(frozen=True)
class Change:
    """Output of a step instead of a frame, in one commit: upsert the rows of `frame` by their `on` columns,
    and delete the rows whose `on` columns appear in `deleted`."""

    frame: DataFrame
    deleted: DataFrame
    on: tuple[str, ...]


Output: TypeAlias = "DataFrame | pa.Table | Delete | Insert | Change"
# What a step returns: for each table one output, or several that are committed in that order.
Outputs: TypeAlias = "Mapping[str, Output | Sequence[Output]]"
# of (gristmill.jobs.runner.context.JobContext, the job's parameters)
Step = Callable[..., Outputs]
# What the steps of one run pass on: a dataclass of the job, created empty when the run begins.
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
    count: Callable[..., Counts] | None = None  # of (tables, params), as a step
    # what one step passes to the next, and to `count` (JobContext.state)
    state: type[State] | None = None
    about: str = ""
    # optional inputs: read where a finished run has written them (TableReader.get)
    looks_at: tuple[str, ...] = ()
    # jobs whose models it reads (empty: all); models of other jobs do not make its output stale
    models_of: tuple[str, ...] = ()
    # Whether its output for a document depends on that document and the recipe alone. Where
    # only verdicts of its skip_rejected_by have changed since it processed a batch, such a
    # job then processes only the documents that these admit now (Documents.to_look_at).
    by_document: bool = False
    # A file below the lake's root that it writes besides tables (or a function of the
    # parameters that returns its path). While the file is missing, no batch counts as covered.
    output: str | Callable[[Any], str] = ""

    def __post_init__(self) -> None:
        """Raises TypeError for parameters that lack a field such a job needs, or have a misspelled one."""
        # Checked when the module is imported, so that a missing
        # field is an error of every test, not of one run.
        needs: list[type[Strict]] = [Filtered] if self.by_document else []
        needs += [LeavesOut] if "verdicts" in [write.table for write in self.writes] else []
        needs += [ReadsInput] if self.scope == "input" else []
        check_params(self.params, *needs)
