"""What a lake knows of its batches: the root and the files that each was read from, and which must be
read again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.records import Records
from gristmill.jobs.lake.listing import Listing, NoFiles
from gristmill.jobs.schema import catalog

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from gristmill.jobs.runner.run_log import Runs


# The reason of a row that was left out for a copy in another batch, once that copy is gone: its batch has to
# be read again.
READ_AGAIN = "copy_is_gone"
# Of a document that the batch held before it was read again: the one row of rejects that is no input row.
NO_LONGER = "no_longer_in_batch"
# Of a document that was deleted from docs by others, which `gristmill repair` has accepted.
DELETED = "deleted_by_others"
REJECT = ("batch_id", "source_location", "reason", "doc_id")  # key of rejects


def as_rejects(rows: DataFrame, batch: Column, reason: str) -> DataFrame:
    """Rows of `rejects` for documents (doc_id, place) of a batch (a column)."""
    from pyspark.sql import functions as F

    return rows.select(
        batch,
        "source_location",
        F.lit(reason).alias("reason"),
        "doc_id",
        F.lit(None).cast("string").alias("raw"),
    )


def to_ingest(
    runs: Runs, job: str, digest: str, listing: Listing, batch: str | None, replaces: bool
) -> tuple[str, ...]:
    """The batch to read from `listing`: none when it was read from the same root, with the same files, by the
    same recipe.

    `batch`: the name that the user gives it; `replaces`: the recipe's word that another root's batch may be
    replaced. Raises NoFiles, and ConfigError when another root's batch has the name.
    """
    name = batch or listing.batch
    if not name:
        raise ConfigError(f"{listing.root}: gives its batch no name; add --batch NAME")
    last = runs.last(job, name)
    same = runs.covers(job, name, digest) and last is not None and last["inputs"] == listing.fingerprint
    if same and name not in waiting(runs):
        return ()
    if not listing.files and name not in runs.batches():
        raise NoFiles(
            f"{listing.root}: no files to ingest ({listing.remark or 'it is empty'}); name a file or "
            "a folder that holds some"
        )
    known = None if batch or replaces else roots(runs).get(name)
    if known not in (None, listing.root):
        raise ConfigError(
            f"{listing.root}: batch {name} was read from another root, {known}, and would be replaced; "
            "give it another name (--batch NAME), "
            f"or say that it replaces (--batch {name}, or replace_other_root: true in the recipe)"
        )
    return (name,)


def roots(runs: Runs) -> dict[str, str]:
    """The root of each batch that holds files."""
    return {row["batch_id"]: row["root"] for row in _rows(runs, "batch_files", ("batch_id", "root"), None)}


def files_of(runs: Runs, batch: str) -> Records:
    """The rows of `batch_files` of one batch."""
    names = catalog.table("batch_files").names
    return _rows(runs, "batch_files", names, ("batch_id", batch))


def waiting(runs: Runs) -> list[str]:
    """Batches that must be read again, since copies for which rows of theirs were left out are gone; in
    the order of first ingest."""
    found = {row["batch_id"] for row in _rows(runs, "rejects", ("batch_id",), ("reason", READ_AGAIN))}
    return [batch for batch in runs.batches() if batch in found]


def _rows(runs: Runs, name: str, columns: tuple[str, ...], only: tuple[str, str] | None) -> Records:
    """The distinct values of some columns of a table at its finished version, of the rows that have the
    value that `only` says."""
    version = runs.versions().get(name)
    if version is None:
        return []
    return runs.lake.records(catalog.table(name), version, columns, only)


def own_name(root: str, where: str, taken: dict[str, str]) -> str:
    """The batch of a folder among batches of other roots (`taken`: batch -> root): its own, else the first
    free of its name, its parent's and its own (`parent-name`), and so on up the path; the same again whenever
    it is asked for a root that has one.
    """
    parts = [part for part in where.rstrip("/").split("/") if part]
    names = ["-".join(parts[-n:]) for n in range(1, len(parts) + 1)]
    names.append(f"{parts[-1]}-{hashlib.blake2b(root.encode(), digest_size=4).hexdigest()}")
    return next((name for name in names if taken.get(name) == root), None) or next(
        name for name in names if name not in taken
    )
