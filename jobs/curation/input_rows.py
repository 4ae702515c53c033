"""The files of an input as rows: read once by their formats, counted and hashed by the readers, or found
to be unchanged."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from gristmill.jobs.core.errors import ConfigError, ContractError, RetryLater
from gristmill.jobs.core.records import Record, Records
from gristmill.jobs.lake.listing import File, Listing
from gristmill.jobs.runner import batches
from gristmill.jobs.runner.context import JobContext
from gristmill.udfs.arrow.batches import as_batch
from gristmill.udfs.arrow.types import sql_of
from gristmill.udfs.read import counted, readers, survey
from gristmill.udfs.read.part_hash import whole_hash

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FILES = pa.schema(
    [
        ("name", pa.string()),
        ("size", pa.int64()),
        ("modified", pa.int64()),
        ("etag", pa.string()),
        ("content_hash", pa.string()),
        ("n_rows", pa.int64()),
    ]
)


@dataclass(frozen=True)
class Source:
    """Files that are read alike: their format, how, and in parts of how many bytes."""

    format: str
    how: readers.ReadParams
    files: list[File]
    split_bytes: int

    def units(self, names: set[str] | None = None) -> pa.Table:
        """The reader's units (gristmill.udfs.read.readers.UNITS) for all files, or those of these names."""
        files = [file for file in self.files if names is None or file.name in names]
        return readers.plan_units(
            [(file.path, file.size) for file in files],
            self.format,
            self.split_bytes,
            {file.path: file.name for file in files},
        )


def read(tables: JobContext, sources: list[Source]) -> tuple[DataFrame, pa.Table]:
    """Every input row, good or not, staged once (the columns of gristmill.udfs.read.readers.ROWS), and the
    files that they came from (FILES).

    Raises RetryLater when a file was written to meanwhile, and as `refuse_misread`.
    """
    spark = tables.lake.spark
    frames = [
        _table_rows(tables, source) if source.format == "delta" else _file_rows(tables, source)
        for source in sources
    ]
    whole = frames[0] if frames else spark.createDataFrame([], sql_of(counted.COUNTED))
    for frame in frames[1:]:
        whole = whole.unionByName(frame)
    staged = tables.stage("rows", whole)
    units = tables.lake.staged_records(staged, counted.SUMMARY.names, "unit_name")
    refuse_misread(tables.inputs.root, units)
    return staged.where("unit_name IS NULL").select(*readers.ROWS.names), files_read(tables.inputs, units)


def refuse_misread(root: str, units: Records) -> None:
    """Raises ConfigError for files that are none of their format, and ContractError for mapped columns
    that no row of a format has."""
    reports = [(unit["unit_name"], unit["unit_report"]) for unit in units if unit["unit_report"]]
    if files := survey.foreign_files(reports):
        raise ConfigError(
            f"{root}: files that are not what the recipe's formats say ({len(files):,}); nothing was "
            "written:\n  "
            + "\n  ".join(files[:10])
            + "\nunpack or convert them, give them a format that reads them, or keep them out of the input"
        )
    if missing := survey.complaints(report for _, report in reports):
        raise ContractError(
            f"ingest_docs: {root}: columns that the recipe maps are in no row; nothing was written:\n  "
            + "\n  ".join(missing)
            + "\nmend `columns` of that format, or name the field in its `optional` where it may be "
            "missing (text and source may not)"
        )


def _table_rows(tables: JobContext, source: Source) -> DataFrame:
    kernel = functools.partial(counted.table_counted, params=source.how)
    # A row of a table has no position; file and block make its place, so that equal rows stay apart.
    place = ("*", "_metadata.file_path AS _path", "_metadata.file_block_start AS _block")
    return (
        tables.lake.spark.read.format("delta")
        .load(tables.inputs.root)
        .selectExpr(*place)
        .mapInArrow(kernel, sql_of(counted.COUNTED))
    )


def _file_rows(tables: JobContext, source: Source) -> DataFrame:
    unhashed = ("parquet",) if all(file.etag for file in source.files) else ()
    units = source.units()
    # Small files share a task: starting one costs as much as reading some MB. Packed ones unfold to four
    # times their size or so.
    n_tasks = max(
        1, min(units.num_rows, -(-4 * sum(file.size for file in source.files) // source.split_bytes))
    )
    kernel = functools.partial(counted.read_counted, params=source.how, unhashed=unhashed)
    return _unit_frame(tables, units, n_tasks).mapInArrow(kernel, sql_of(counted.COUNTED))


def _unit_frame(tables: JobContext, units: pa.Table, n_tasks: int) -> DataFrame:
    rows = [tuple(unit.values()) for unit in units.to_pylist()]
    return tables.lake.spark.createDataFrame(rows, sql_of(readers.UNITS)).repartition(n_tasks)


def files_read(listing: Listing, units: Records) -> pa.Table:
    """The files (FILES) of what the readers say of their units.

    Raises RetryLater when one was written to while it was read.
    """
    of_file: dict[str, Records] = {}
    for unit in units:
        of_file.setdefault(unit["unit_name"], []).append(unit)
    grown = [
        file.name
        for file in listing.files
        for unit in of_file.get(file.name, ())
        if unit["unit_bytes"] not in (None, file.size)
    ]
    if grown:
        raise RetryLater(
            f"{listing.root}: {grown[0]} changed while it was read, and nothing was written; run the "
            "same command when it is complete"
        )
    rows = []
    for file in listing.files:
        parts = sorted(of_file.get(file.name, []), key=lambda unit: unit["unit_part"])
        hashes = [unit["unit_hash"] for unit in parts if unit["unit_hash"]]
        whole = whole_hash(hashes) if hashes and len(hashes) == len(parts) else None
        rows.append(
            (file.name, file.size, file.modified, file.etag, whole, sum(unit["unit_rows"] for unit in parts))
        )
    # of a Delta table whose files stand elsewhere
    others = sorted(of_file.keys() - {file.name for file in listing.files})
    rows += [(name, 0, 0, None, None, sum(unit["unit_rows"] for unit in of_file[name])) for name in others]
    return pa.Table.from_batches([as_batch(rows, FILES)])


def total(files: pa.Table) -> int:
    """Rows that the reader gave out for files (FILES)."""
    return int(pc.sum(files["n_rows"]).as_py() or 0)


def unchanged(tables: JobContext, sources: list[Source]) -> pa.Table | None:
    """The files (FILES) of the batch with their new times, when they differ in nothing else from those
    that this recipe read; else None."""
    listing, runs, batch = tables.inputs, tables.history.runs, tables.batches[0]
    known = {row["name"]: row for row in batches.files_of(runs, batch)}
    if (
        not known
        or listing.commit
        or not runs.covers(tables.job.name, batch, tables.recipe_hash)
        or batch in batches.waiting(runs)
    ):
        return None
    sizes = {file.name: file.size for file in listing.files}
    if {row["root"] for row in known.values()} != {listing.root} or {
        name: row["size"] for name, row in known.items()
    } != sizes:
        return None
    moved = {file.name for file in listing.files if not _is_known(file, known[file.name])}
    hashes = {name: known[name]["content_hash"] for name in moved}
    if None in hashes.values() or hashes_of(tables, sources, moved) != hashes:
        return None
    rows = [
        (f.name, f.size, f.modified, f.etag, known[f.name]["content_hash"], known[f.name]["n_rows"])
        for f in listing.files
    ]
    return pa.Table.from_batches([as_batch(rows, FILES)])


def _is_known(file: File, row: Record) -> bool:
    """Whether a file has the etag that it had, or without one the time."""
    return (
        file.etag == row["etag"]
        if file.etag
        else file.modified == round(row["modified"].timestamp() * 1_000_000)
    )


def hashes_of(tables: JobContext, sources: list[Source], names: set[str]) -> dict[str, str]:
    """The hash of each of the named files, as `read` would find it."""
    if not names:
        return {}
    units = pa.concat_tables([source.units(names) for source in sources if source.format != "delta"])
    rows = (
        _unit_frame(tables, units, min(units.num_rows, 1000))
        .mapInArrow(counted.hash_units, sql_of(counted.HASHES))
        .collect()
    )
    parts: dict[str, list[str]] = {}
    for row in sorted(rows, key=lambda row: row["unit_part"]):
        parts.setdefault(row["unit_name"], []).append(row["unit_hash"])
    return {name: whole_hash(hashes) for name, hashes in parts.items()}
