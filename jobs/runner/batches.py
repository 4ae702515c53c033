"""The batches of a lake: the root and the files that each was read from, and which must be read again."""

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


# Reason of a row that was rejected because another batch had a copy,
# after that copy was removed: the row's batch has to be read again.
READ_AGAIN = "copy_is_gone"
# Reason for a document that the batch contained before it was read
# again: the only kind of row in rejects that is not a row of the input.
NO_LONGER = "no_longer_in_batch"
# Reason for a document that others deleted from docs,
# once `gristmill repair` has accepted the deletion.
DELETED = "deleted_by_others"
REJECT = ("batch_id", "source_location", "reason", "doc_id")  # key of rejects


def as_rejects(rows: DataFrame, batch: Column, reason: str) -> DataFrame:
    """Rows of `rejects` for the documents `rows` (doc_id, source_location); `batch` is the column of their
    batch_id.

        doc_id  source_location     batch_id  source_location  reason                doc_id  raw
        3f..    a.jsonl:0       ->  web       a.jsonl:0        no_longer_in_batch    3f..    null
    """
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
    """The batch to read from `listing`; an empty tuple when the same recipe has read the same files.

    `batch`: the name given by --batch; `replaces`: the recipe's replace_other_root. Raises NoFiles for an
    empty input, and ConfigError when a batch of another root has the name.
    """
    name = batch or listing.batch
    if not name:
        raise ConfigError(f"{listing.root}: gives its batch no name; add --batch NAME")
    last = runs.last(job, name)
    same = runs.covers(job, name, digest) and last is not None and last["inputs"] == listing.fingerprint
    # A batch that waits is read even though its files are unchanged: a
    # copy elsewhere is gone, so its rejected rows may be accepted now.
    if same and name not in waiting(runs):
        return ()
    # An empty folder is legal for a batch that exists: its documents were removed at the source.
    if not listing.files and name not in runs.batches():
        raise NoFiles(
            f"{listing.root}: no files to ingest ({listing.remark or 'it is empty'}); name a file or "
            "a folder that holds some"
        )
    # A name that follows from the folder may clash by
    # accident; one that the user gives is a decision.
    known = None if batch or replaces else roots(runs).get(name)
    if known not in (None, listing.root):
        raise ConfigError(
            f"{listing.root}: batch {name} was read from another root, {known}, and would be replaced; "
            "give it another name (--batch NAME), "
            f"or say that it replaces (--batch {name}, or replace_other_root: true in the recipe)"
        )
    return (name,)


def roots(runs: Runs) -> dict[str, str]:
    """Root by batch, of the batches that have files."""
    return {row["batch_id"]: row["root"] for row in _rows(runs, "batch_files", ("batch_id", "root"), None)}


def files_of(runs: Runs, batch: str) -> Records:
    """The rows of `batch_files` of one batch."""
    names = catalog.table("batch_files").names
    return _rows(runs, "batch_files", names, ("batch_id", batch))


def waiting(runs: Runs) -> list[str]:
    """Batches with rejected rows whose copy in another batch is gone, in the order of their first ingest.

    They must be read again.
    """
    batches = {row["batch_id"] for row in _rows(runs, "rejects", ("batch_id",), ("reason", READ_AGAIN))}
    return [batch for batch in runs.batches() if batch in batches]


def _rows(runs: Runs, name: str, columns: tuple[str, ...], only: tuple[str, str] | None) -> Records:
    """Distinct values of `columns` in a table at its finished version; `only`: (column, value) of the
    rows."""
    version = runs.versions().get(name)
    if version is None:
        return []
    return runs.lake.records(catalog.table(name), version, columns, only)


def own_name(root: str, where: str, taken: dict[str, str]) -> str:
    """A batch name for a folder that no other root has (`taken`: batch -> root).

    The folder's name; if that is taken `parent-name`, and so on up the path. A root that has a batch keeps
    its name.

        own_name("/b/web", "/b/web", {"web": "/a/web"})   -> "b-web"
    """
    parts = [part for part in where.rstrip("/").split("/") if part]
    names = ["-".join(parts[-n:]) for n in range(1, len(parts) + 1)]
    # Two roots may end in the same path on different hosts;
    # a hash of the whole root always tells them apart.
    names.append(f"{parts[-1]}-{hashlib.blake2b(root.encode(), digest_size=4).hexdigest()}")
    return next((name for name in names if taken.get(name) == root), None) or next(
        name for name in names if name not in taken
    )
