"""What repair and upgrade do to whole tables: look at their files and columns, alter, drop, write anew."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from jobs.core.errors import ContractError
from jobs.core.records import Records
from jobs.lake import delta_rs, hadoop_files
from jobs.lake.lake import conflicts_as_retry
from jobs.schema.table import Table

if TYPE_CHECKING:
    from jobs.lake.lake import Lake


def columns_of(lake: Lake, table: Table) -> dict[str, tuple[str, bool]]:
    """Column -> (Spark SQL type, whether null is allowed) of the table as it is."""
    fields = lake.spark.sql(f"SELECT * FROM {lake.ref(table)} LIMIT 0").schema.fields
    return {field.name: (field.dataType.simpleString(), field.nullable) for field in fields}


def partitions_of(lake: Lake, table: Table) -> tuple[str, ...]:
    """The columns by which the table is partitioned."""
    row = lake.spark.sql(f"DESCRIBE DETAIL {lake.ref(table)}").select("partitionColumns").first()
    return tuple(row["partitionColumns"]) if row else ()


def alter(lake: Lake, table: Table, statements: Sequence[str], note: str) -> None:
    """Run ALTER TABLE statements, {table} standing for the table's name.

    Raises RetryLater when another writer came first.
    """
    with lake.noted(note), lake.commit_lock(table), conflicts_as_retry(table.name):
        for statement in statements:
            lake.spark.sql(statement.replace("{table}", lake.ref(table)))


def drop(lake: Lake, table: Table) -> None:
    """Drop the table, its log first: one whose files are half gone is not there, and not broken."""
    with lake.commit_lock(table):
        if lake.is_catalog:
            lake.spark.sql(f"DROP TABLE IF EXISTS {lake.ref(table)}")
        elif lake.local_root is not None:
            shutil.rmtree(lake.folder(table) / "_delta_log")
            shutil.rmtree(lake.folder(table))
        else:
            for path in (f"{lake.root}/{table.name}/_delta_log", f"{lake.root}/{table.name}"):
                hadoop_files.remove(lake.spark, path)


def overwrite(lake: Lake, table: Table, rows: Records, note: str) -> None:
    """Replace all rows of a small table by rows of the driver (times with their zone)."""
    lake.write(
        table,
        lake.spark.createDataFrame([tuple(row[name] for name in table.names) for row in rows], table.schema),
        "true",
        note,
    )


def first_missing_file(lake: Lake, table: Table, version: int | None) -> str | None:
    """The first data file that `version` (None: the newest) names and that is not there; None when all are.

    Raises what the reader raises where the version itself cannot be made out any more.
    """
    return next(
        (
            name
            for name in lake.frame(table, version).inputFiles()
            if not hadoop_files.exists(lake.spark, unquote(name))
        ),
        None,
    )


def remove_missing_files(lake: Lake, table: Table) -> None:
    """Take files that are gone out of the table's log, so that what is left can be read again.

    Raises ContractError where the table is not on this machine's disk or delta-rs is not installed: Delta
    itself has no such command.
    """
    if not lake.is_direct:
        raise ContractError(
            f"{table.name}: files of its newest version are gone; restore the table's folder from a backup"
        )
    with lake.commit_lock(table):
        delta_rs.remove_missing_files(lake.folder(table))
