"""Parameters that the runner reads, not the job itself: fields of the base classes below, methods of the
protocols.

A field or method whose name is almost one of these is an error when the job is declared. The runner would
not read it, and the job would run as if the recipe did not contain it.
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

# difflib's ratio from which a name counts as a misspelling
NEARLY = 0.8


class Filtered(Strict):
    """Of a job that processes only documents which other filters kept."""

    # Filters whose rejected documents this job ignores. Each must have
    # covered every batch, since a document without a verdict counts as kept.
    skip_rejected_by: list[str]


class LeavesOut(Strict):
    """Of a job that leaves documents or samples out."""

    # The least number of documents (or samples) to
    # keep; with fewer the run fails and writes nothing.
    min_kept: NonNegativeInt


class AppliesEdits(Strict):
    """Of a job that outputs texts with edits applied."""

    edits: list[str]  # jobs whose edits are applied


class ReadsInput(Strict):
    """Of a job that reads files."""

    input: str | None  # file or folder; --input overrides it
    # curate ingests each folder of the input as a batch of its own
    batch_per_folder: bool
    # Whether files of another root may replace a batch of the same name. False by default:
    # two folders that happen to share a name would otherwise delete each other's documents.
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
    """What `gristmill check` prints below the hash of the recipe."""

    def notes(self) -> list[str]:
        """A line each."""
        ...


@runtime_checkable
class LeavesUnread(Protocol):
    """Parameters with which the job does not read some of the tables in its `looks_at`."""

    def unused_tables(self) -> frozenset[str]:
        """Names of these tables; a new version of them does not make the job's output stale."""
        ...


BASES: tuple[type[Strict], ...] = (Filtered, LeavesOut, AppliesEdits, ReadsInput)
PROTOCOLS: tuple[type, ...] = (NeedsPackages, Preloads, WarmsUp, HasNotes, LeavesUnread)
FIELDS = {name: base for base in BASES for name in base.model_fields}
METHODS = {name: each for each in PROTOCOLS for name in vars(each) if name[0] != "_"}


def check_params(kind: type[Strict], *needs: type[Strict]) -> None:
    """Raises TypeError where the parameters `kind` do not derive from a class of `needs`, declare a field of
    BASES themselves, or have a name close to one that the runner reads."""
    where = f"{kind.__module__}.{kind.__qualname__}"
    for base in needs:
        if not issubclass(kind, base):
            raise TypeError(f"{where}: needs {', '.join(base.model_fields)}: derive it from {base.__name__}")
    # Every class of the hierarchy: a mixin can misspell a name as well as the class itself.
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


def filters_of(params: Strict) -> tuple[str, ...]:
    """The filters whose rejected documents a job ignores: its skip_rejected_by, or none."""
    return tuple(params.skip_rejected_by) if isinstance(params, Filtered) else ()


def depends_on(params: Strict) -> dict[str, tuple[str, ...]]:
    """By field of the recipe, the jobs that must have covered every batch before this one."""
    applied = tuple(params.edits) if isinstance(params, AppliesEdits) else ()
    # The field names come from the classes, so that an error message follows a rename.
    [skip_rejected_by], [edits] = Filtered.model_fields, AppliesEdits.model_fields
    return {skip_rejected_by: filters_of(params), edits: applied}


def unused_by(params: Strict) -> frozenset[str]:
    """Tables in the job's `looks_at` that it does not read with these parameters."""
    return params.unused_tables() if isinstance(params, LeavesUnread) else frozenset()
