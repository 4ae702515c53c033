"""What a job's parameters may have that is read by whoever runs the job: fields of the base classes below,
methods of the protocols.

A field or method whose name nearly is one of these is an error when the job is made: nobody would read it,
and the job would run as if the recipe did not say so.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol, TypeAlias, runtime_checkable

from pydantic import NonNegativeInt

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.packages import NeedsPackages

if TYPE_CHECKING:
    import pyarrow as pa

    # of mapInArrow
    BatchFunction: TypeAlias = Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]

# alike enough (difflib's ratio) to be taken for a misspelling
NEARLY = 0.8


class Filtered(Strict):
    """Of a job that looks only at documents which others kept."""

    # jobs whose left-out documents are not looked at; each must have covered every batch
    skip_rejected_by: list[str]


class LeavesOut(Strict):
    """Of a job that leaves documents or samples out."""

    # documents (or samples) that have to stay; fewer, and nothing is written
    min_kept: NonNegativeInt


class AppliesEdits(Strict):
    """Of a job that gives texts out as they stand after their edits."""

    edits: list[str]  # jobs whose edits are applied


class ReadsInput(Strict):
    """Of a job that reads files."""

    input: str | None  # file or folder; --input overrides it
    # curate ingests each folder of the input as a batch of its own
    batch_per_folder: bool
    # whether a batch may be replaced by one of its name that is read from another root
    replace_other_root: bool = False


@runtime_checkable
class Preloads(Protocol):
    """What the driver may load while the JVM starts."""

    def preload(self) -> None:
        """Import or compute it; runs in a thread of its own."""
        ...


@runtime_checkable
class WarmsUp(Protocol):
    """What Python workers may load before there are documents."""

    def warm_up_pass(self) -> BatchFunction:
        """A function for mapInArrow, over ids."""
        ...


@runtime_checkable
class HasNotes(Protocol):
    """What `gristmill check` prints beside the hash of the recipe."""

    def notes(self) -> list[str]:
        """A line each."""
        ...


@runtime_checkable
class LeavesUnread(Protocol):
    """That some of the tables a job looks at are read by other recipes only."""

    def unused_tables(self) -> frozenset[str]:
        """These, which therefore make nothing stale."""
        ...


BASES: tuple[type[Strict], ...] = (Filtered, LeavesOut, AppliesEdits, ReadsInput)
PROTOCOLS: tuple[type, ...] = (NeedsPackages, Preloads, WarmsUp, HasNotes, LeavesUnread)
FIELDS = {name: base for base in BASES for name in base.model_fields}
METHODS = {name: each for each in PROTOCOLS for name in vars(each) if name[0] != "_"}


def check_params(kind: type[Strict], *needs: type[Strict]) -> None:
    """Raises TypeError unless `kind` has what it has under its right name, and derives from all that it
    `needs`."""
    where = f"{kind.__module__}.{kind.__qualname__}"
    for base in needs:
        if not issubclass(kind, base):
            raise TypeError(f"{where}: needs {', '.join(base.model_fields)}: derive it from {base.__name__}")
    named = [name for each in kind.__mro__ if issubclass(each, Strict) for name in vars(each)]
    methods = {name for name in named if name[0] != "_" and callable(getattr(kind, name, None))}
    for name in sorted({*kind.model_fields, *methods} - {"model_config"}):
        if name in FIELDS and not (name in kind.model_fields and issubclass(kind, FIELDS[name])):
            raise TypeError(f"{where}.{name}: declared by {FIELDS[name].__name__}: derive from it")
        if name in METHODS and name not in methods:
            raise TypeError(f"{where}.{name}: wanted a method (see {METHODS[name].__name__})")
        near = difflib.get_close_matches(name, [*FIELDS, *METHODS], n=1, cutoff=NEARLY)
        if near and near[0] != name:
            raise TypeError(f"{where}.{name}: nobody reads it; did you mean {near[0]}?")


def heeded(params: Strict) -> tuple[str, ...]:
    """The jobs whose left-out documents a job does not look at."""
    return tuple(params.skip_rejected_by) if isinstance(params, Filtered) else ()


def depends_on(params: Strict) -> dict[str, tuple[str, ...]]:
    """By field of the recipe, the jobs that must have covered every batch before this one."""
    applied = tuple(params.edits) if isinstance(params, AppliesEdits) else ()
    [skip_rejected_by], [edits] = Filtered.model_fields, AppliesEdits.model_fields
    return {skip_rejected_by: heeded(params), edits: applied}


def unused_by(params: Strict) -> frozenset[str]:
    """Tables that a job looks at by other recipes than `params`."""
    return params.unused_tables() if isinstance(params, LeavesUnread) else frozenset()
