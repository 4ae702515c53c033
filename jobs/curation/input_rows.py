"""The files of an input as rows: read once, counted and hashed by the readers; or recognised as unchanged."""

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
from gristmill.udfs.streams.part_hash import whole_hash

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
    """Files that are read with the same parameters: their format, these parameters, and the size of a split
    in bytes. `kind`: what they become."""

    format: str
    how: counted.Reading
    files: list[File]
    split_bytes: int
    kind: counted.RowKind = counted.DOCUMENTS

    def units(self, names: set[str] | None = None) -> pa.Table:
        """The reader's units (gristmill.udfs.read.readers.UNITS) for all files, or those of these names."""
        files = [file for file in self.files if names is None or file.name in names]
        return readers.plan_units(
            [(file.path, file.size) for file in files],
            self.format,
            self.split_bytes,
            {file.path: file.name for file in files},
            self.kind.formats,
        )


def read(
    tables: JobContext, sources: list[Source], kind: counted.RowKind = counted.DOCUMENTS
) -> tuple[DataFrame, pa.Table]:
    """All input rows, valid or not, staged once (the columns of their kind, which begin with
    gristmill.udfs.read.readers.ROWS), and the files that they came from (columns of FILES).

    Raises RetryLater when a file was changed while it was read, and as `refuse_misread`.
    """
    spark = tables.lake.spark
    frames = [
        _table_rows(tables, source) if source.format == "delta" else _file_rows(tables, source)
        for source in sources
    ]
    whole = frames[0] if frames else spark.createDataFrame([], sql_of(kind.counted))
    for frame in frames[1:]:
        whole = whole.unionByName(frame)
    # Staged: the summaries decide whether the batch is
    # accepted, and the rows must be the ones summarised.
    staged = tables.stage("rows", whole)
    units = tables.lake.staged_records(staged, counted.SUMMARY.names, "unit_name")
    refuse_misread(tables.job.name, tables.inputs.root, units)
    return staged.where("unit_name IS NULL").select(*kind.columns.names), files_read(tables.inputs, units)


def refuse_misread(job: str, root: str, units: Records) -> None:
    """Raises ConfigError for files that are not of the format in the recipe, and ContractError for mapped
    columns that no row of a format has."""
    reports = [(unit["unit_name"], unit["unit_report"]) for unit in units if unit["unit_report"]]
    # Refused as a whole: an archive read as text would give thousands of rows of garbage.
    if files := survey.foreign_files(reports):
        raise ConfigError(
            f"{root}: files that are not what the recipe's formats say ({len(files):,}); nothing was "
            "written:\n  "
            + "\n  ".join(files[:10])
            + "\nunpack or convert them, give them a format that reads them, or keep them out of the input"
        )
    if missing := survey.complaints(report for _, report in reports):
        raise ContractError(
            f"{job}: {root}: columns that the recipe maps are in no row; nothing was written:\n  "
            + "\n  ".join(missing)
            + "\nmend `columns` of that format, or name the field in its `optional` where it may be "
            "missing (text and source may not)"
        )


def _table_rows(tables: JobContext, source: Source) -> DataFrame:
    assert isinstance(source.how, readers.ReadParams)
    kernel = functools.partial(counted.table_counted, params=source.how)
    # A row of a table has no position. File and block become its
    # source_location, so that equal rows of different files stay distinct.
    columns = ("*", "_metadata.file_path AS _path", "_metadata.file_block_start AS _block")
    return (
        tables.lake.spark.read.format("delta")
        .load(tables.inputs.root)
        .selectExpr(*columns)
        .mapInArrow(kernel, sql_of(counted.DOCUMENTS.counted))
    )


def _file_rows(tables: JobContext, source: Source) -> DataFrame:
    has_etags = all(file.etag for file in source.files)
    unhashed = tuple(name for name, how in source.kind.formats.items() if how.is_columnar and has_etags)
    units = source.units()
    # Small files share a task, since starting a task costs as much as reading some MB.
    # The factor 4 is for compressed files, which unpack to about four times their size.
    n_tasks = max(
        1, min(units.num_rows, -(-4 * sum(file.size for file in source.files) // source.split_bytes))
    )
    kernel = functools.partial(counted.read_counted, params=source.how, unhashed=unhashed, kind=source.kind)
    return _unit_frame(tables, units, n_tasks).mapInArrow(kernel, sql_of(source.kind.counted))


def _unit_frame(tables: JobContext, units: pa.Table, n_tasks: int) -> DataFrame:
    rows = [tuple(unit.values()) for unit in units.to_pylist()]
    return tables.lake.spark.createDataFrame(rows, sql_of(readers.UNITS)).repartition(n_tasks)


def files_read(listing: Listing, units: Records) -> pa.Table:
    """The files (columns of FILES) from the readers' summaries of their units.

    Raises RetryLater when a file was changed while it was read.
    """
    of_file: dict[str, Records] = {}
    for unit in units:
        of_file.setdefault(unit["unit_name"], []).append(unit)
    # A file that grew in between was read in part; its
    # size in the listing would hide that in the next run.
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
        # Without the hash of one part there is none of the file;
        # it is then read again rather than taken as unchanged.
        whole = whole_hash(hashes) if hashes and len(hashes) == len(parts) else None
        rows.append(
            (file.name, file.size, file.modified, file.etag, whole, sum(unit["unit_rows"] for unit in parts))
        )
    # Files of a Delta table that are outside its folder
    # (a shallow clone): they are not in the listing.
    others = sorted(of_file.keys() - {file.name for file in listing.files})
    rows += [(name, 0, 0, None, None, sum(unit["unit_rows"] for unit in of_file[name])) for name in others]
    return pa.Table.from_batches([as_batch(rows, FILES)])


def total(files: pa.Table) -> int:
    """The number of rows that the readers returned for `files` (columns of FILES)."""
    return int(pc.sum(files["n_rows"]).as_py() or 0)


def unchanged(tables: JobContext, sources: list[Source]) -> pa.Table | None:
    """The files (columns of FILES) of the batch with their new times, when nothing but times or etags differs
    from those that this recipe has read; else None."""
    listing, runs, batch = tables.inputs, tables.history.runs, tables.batches[0]
    known = {row["name"]: row for row in batches.files_of(runs, batch)}
    if (
        not known
        or listing.commit
        or not runs.covers(tables.job.name, batch, tables.recipe_hash)
        or batch in batches.waiting(runs)
    ):
        return None
    # Sizes first, which cost nothing; only files of equal size and another time are hashed.
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
    """Whether a file has its recorded etag, or, without an etag, its recorded modification time."""
    return (
        file.etag == row["etag"]
        if file.etag
        else file.modified == round(row["modified"].timestamp() * 1_000_000)
    )


def hashes_of(tables: JobContext, sources: list[Source], names: set[str]) -> dict[str, str]:
    """File name -> content hash of the named files, equal to the one that `read` would record."""
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
