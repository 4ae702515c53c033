"""Delta tables on this machine's disk without the JVM: make one, append a few rows, read narrow columns, list
the files of a version.

A local session spends more on the planning of such small commits than on a demo's documents
(benchmarks/near_dup.md). delta-rs does them in milliseconds, on the same tables. On an object store, in a
catalog, on several machines or without delta-rs Spark does all of it.
"""

from __future__ import annotations

import json
import os
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

import pyarrow as pa
import pyarrow.fs as fs

from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.core.records import Record, Records, naive
from gristmill.jobs.lake.history import Description
from gristmill.jobs.schema.types import arrow_schema, delta_type

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from gristmill.jobs.schema.table import Table

# Writer version 3 of Delta's protocol: CHECK constraints,
# which our tables have, and no later feature.
PLAIN_WRITER = 3


@dataclass(frozen=True)
class DataFile:
    """One Parquet file of a version: absolute path, and the values of the partition it belongs to."""

    path: str
    partition: Record


def is_installed() -> bool:
    """Whether delta-rs is installed."""
    try:
        import deltalake  # noqa: F401
    except ImportError:  # a platform without it
        return False
    return True


def create(table: Table, folder: Path, properties: dict[str, str]) -> None:
    """The first commit of an empty table, and its checksum, as Spark's CREATE TABLE writes it, unless there
    is one.

    The actions are written by hand, following Delta's protocol. delta-rs's own CREATE leaves the writer
    version in the properties of a table with a CHECK constraint, which Spark then refuses to alter.
    """
    fields = [
        {
            "name": c.name,
            "type": delta_type(c.type),
            "nullable": c.nullable,
            "metadata": {"comment": c.comment},
        }
        for c in table.columns
    ]
    now = int(time.time() * 1000)
    constraint = {"delta.constraints.promise": table.check} if table.check else {}
    metadata = {
        "id": str(uuid.uuid4()),
        "description": table.comment,
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": fields}),
        "partitionColumns": list(table.partitions),
        "configuration": {**properties, **constraint},
        "createdTime": now,
    }
    actions = [
        {
            "commitInfo": {
                "timestamp": now,
                "operation": "CREATE TABLE",
                "operationParameters": {},
                "isBlindAppend": True,
                "engineInfo": "Gristmill",
            }
        },
        {"metaData": metadata},
        {"protocol": _protocol(table)},
    ]
    log = folder / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    if _place(log / f"{0:020}.json", actions):
        # Only beside our own commit, whose id it has. Without it, Spark's first
        # commit to the table would begin with three queries of its log.
        _place(log / f"{0:020}.crc", [_checksum(metadata, _protocol(table))])


def _place(file: Path, lines: Records) -> bool:
    """Write a file of JSON lines as a whole, unless it exists; whether it was written."""
    draft = file.with_name(f".{uuid.uuid4().hex}.tmp")
    draft.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    try:
        # A hard link is atomic and fails where the file exists: the
        # first of two processes wins, and no reader sees half a commit.
        os.link(draft, file)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def _checksum(metadata: Record, protocol: Record) -> Record:
    """The version checksum of a table without files, by Delta's protocol."""
    return {
        "tableSizeBytes": 0,
        "numFiles": 0,
        "numMetadata": 1,
        "numProtocol": 1,
        "setTransactions": [],
        "domainMetadata": [],
        "metadata": metadata,
        "protocol": protocol,
        "allFiles": [],
    }


def _protocol(table: Table) -> Record:
    # The lowest versions that the table's features need, so that most readers can open it.
    if not table.marks_deleted:
        return {"minReaderVersion": 1, "minWriterVersion": 3 if table.check else 2}
    features = ["appendOnly", "invariants", *(["checkConstraints"] if table.check else [])]
    named = {"readerFeatures": ["deletionVectors"], "writerFeatures": ["deletionVectors", *features]}
    return {"minReaderVersion": 3, "minWriterVersion": 7, **named}


def open_metadata(folder: Path) -> DeltaTable:
    """The newest version of a table for its id, version and properties; opens tables with most features.

    Raises ContractError for a table whose features only a catalog, or newer readers, can open.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        # Without the list of files, which is the expensive part of opening a large table.
        return DeltaTable(str(folder), without_files=True)
    except DeltaError as error:
        if not re.search(r"catalog-managed|feature", str(error), re.I):
            raise
        raise ContractError(
            f"{folder.name}: cannot be opened by its path: {str(error).splitlines()[0]}; if a catalog "
            "manages its commits (catalogManaged), name the lake by its schema (--lake catalog.schema); "
            f"otherwise take the feature off (ALTER TABLE delta.`{folder}` DROP FEATURE ...)"
        ) from error


def described(folder: Path) -> tuple[int, Description]:
    """The newest version of a table, and what its log says. Raises as `open_metadata`."""
    table = open_metadata(folder)
    about, protocol = table.metadata(), table.protocol()
    features = frozenset(protocol.writer_features or ())
    return int(table.version()), Description(
        str(about.id), about.configuration, tuple(about.partition_columns), features
    )


def remove_missing_files(folder: Path) -> None:
    """Commit the removal of missing data files from the table's log."""
    from deltalake import DeltaTable

    DeltaTable(str(folder)).repair()


def open_table(folder: Path, version: int | None) -> DeltaTable | None:
    """The table at `version` (None: newest); None where reading it needs deletion vectors, column mapping or
    another feature beyond reader version 1."""
    from deltalake import DeltaTable

    table = DeltaTable(str(folder), version=version)
    return table if table.protocol().min_reader_version == 1 else None


def takes_appends(folder: Path) -> bool:
    """Whether delta-rs may append: the table has no feature that every writer must support (row tracking,
    column mapping)."""
    return bool(open_metadata(folder).protocol().min_writer_version <= PLAIN_WRITER)


def rows_of(
    table: DeltaTable,
    columns: Sequence[str] | None = None,
    filters: list[tuple[str, str, object]] | None = None,
) -> pa.Table:
    """Rows of a table from `open_table`, read through Arrow's own file system.

    delta-rs's file system is a Python object: Arrow's threads close its files late and can abort a process
    that is ending (seen in the worker).
    """
    root = unquote(urlparse(table.table_uri).path).rstrip("/")
    files = fs.SubTreeFileSystem(root, fs.LocalFileSystem())
    return table.to_pyarrow_table(
        columns=None if columns is None else list(columns), filters=filters, filesystem=files
    )


def records_of(
    delta_table: DeltaTable, table: Table, names: Sequence[str], only: tuple[str, object] | None = None
) -> Records:
    """The columns `names` of a table as Spark's `collect` returns them; `only`: (column, value) of the
    rows."""
    present = [name for name in names if name in {field.name for field in delta_table.schema().fields}]
    rows = rows_of(delta_table, present, None if only is None else [(only[0], "=", only[1])])
    schema = arrow_schema(table, names)
    for name in set(names) - set(present):  # an older lake lacks newer columns
        rows = rows.append_column(name, pa.nulls(len(rows), schema.field(name).type))
    maps = {field.name for field in schema if pa.types.is_map(field.type)}
    times = {field.name for field in schema if pa.types.is_timestamp(field.type)}

    def value(name: str, value: Any) -> Any:
        if value is None:
            return None
        return dict(value) if name in maps else naive(value) if name in times else value

    return [{name: value(name, row[name]) for name in names} for row in rows.select(list(names)).to_pylist()]


def as_table(rows: Records, table: Table) -> pa.Table:
    """Rows of the driver as an Arrow table with the declared schema."""
    plain = [
        {name: list(value.items()) if isinstance(value, dict) else value for name, value in row.items()}
        for row in rows
    ]
    # Arrow takes a map as a list of pairs.
    return pa.Table.from_pylist(plain, arrow_schema(table))


def append(folder: Path, rows: pa.Table, note: str) -> None:
    """Commit `rows`.

    Raises deltalake.exceptions.DeltaError where they break the table's CHECK constraint or NOT NULL.
    """
    from deltalake import CommitProperties, WriterProperties, write_deltalake

    # The key by which Spark's DESCRIBE HISTORY shows the note.
    properties = CommitProperties(custom_metadata={"userMetadata": note})
    write_deltalake(
        str(folder),
        rows,
        mode="append",
        commit_properties=properties,
        writer_properties=WriterProperties(compression="ZSTD"),
    )


def data_files(folder: Path, table: Table, version: int | None) -> list[DataFile] | None:
    """The files at `version` (None: newest); None where Spark has to read the table: it has other columns or
    partitions, features beyond reader version 1, or nothing that delta-rs can open."""
    from deltalake.exceptions import DeltaError

    try:
        delta_table = open_table(folder, version)
    except DeltaError:
        return None
    if delta_table is None or not _has_declared_columns(delta_table, table):
        return None
    if tuple(delta_table.metadata().partition_columns) != table.partitions:  # made by others, with clusters
        return None
    prefix = "partition."
    return [
        DataFile(
            f"{folder}/{unquote(row['path'])}",
            {key.removeprefix(prefix): row[key] for key in row if key.startswith(prefix)},
        )
        for row in pa.table(delta_table.get_add_actions(flatten=True)).to_pylist()
    ]


def _has_declared_columns(delta_table: DeltaTable, table: Table) -> bool:
    found = {field.name: json.loads(field.type.to_json()) for field in delta_table.schema().fields}
    return found == {column.name: delta_type(column.type) for column in table.columns}
