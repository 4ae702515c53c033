"""Operations of repair and upgrade on whole tables: inspect files and columns, alter, drop, rewrite."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote

from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.core.records import Records
from gristmill.jobs.lake import delta_rs, hadoop_files
from gristmill.jobs.lake.lake import SCHEMA_VERSION, conflicts_as_retry
from gristmill.jobs.schema.table import Table

if TYPE_CHECKING:
    from gristmill.jobs.lake.lake import Lake

# the property of a table whose rewrite under new column
# names is unfinished: JSON with the source version
NEW_NAMES = "gristmill.new_names"


def columns_of(lake: Lake, table: Table) -> dict[str, tuple[str, bool]]:
    """Column -> (Spark SQL type, whether null is allowed) of the table in its present state."""
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


def write_under_new_names(lake: Lake, table: Table, renamed: dict[str, str], note: str) -> str:
    """Replace the table by an empty one of the present declaration and append its old rows.

    Columns that are not declared any more are dropped, new ones are null. Returns the id of the table that
    was replaced.

    Delta renames a column in place only under column mapping, which other readers of the lake may lack. The
    unfinished rewrite is recorded in a property of the new table until `finish_new_names`, and the append
    carries a transaction id, so a run that was killed at any point is repeated by the same command.
    """
    from pyspark.sql import functions as F

    state = lake.state(table)
    if state is None:
        raise ContractError(f"{table.name}: is not there")
    with lake.noted(note), lake.commit_lock(table), conflicts_as_retry(table.name):
        # Otherwise an earlier run has replaced the table
        # already: its old rows are in the recorded version.
        if NEW_NAMES not in state.properties:
            begun = json.dumps({"version": state.version, "id": state.id, "renamed": renamed})
            lake.replace(table, {NEW_NAMES: begun, SCHEMA_VERSION: "half written"})
            state = lake.state(table)
            assert state is not None
        begun = json.loads(state.properties[NEW_NAMES])
        renamed, old = begun["renamed"], lake.frame(table, begun["version"])
        for before, after in renamed.items():
            old = old.withColumnRenamed(before, after)
        columns = [
            F.col(c.name) if c.name in old.columns else F.lit(None).cast(c.type).alias(c.name)
            for c in table.columns
        ]
        writer = old.select(*columns).write.format("delta").mode("append")
        # Delta ignores an append with a transaction id that
        # it has already committed, so rows cannot come twice.
        writer = writer.option("txnAppId", f"{NEW_NAMES}-{begun['id']}").option(
            "txnVersion", begun["version"]
        )
        writer.saveAsTable(lake.ref(table)) if lake.is_catalog else writer.save(f"{lake.root}/{table.name}")
    return str(begun["id"])


def mark_new_names(lake: Lake, table: Table, run_id: str, note: str) -> None:
    """A commit that changes no row, by the run that notes the rows of `write_under_new_names` in `runs`."""
    marked = f"ALTER TABLE {{table}} SET TBLPROPERTIES ('{SCHEMA_VERSION}' = 'written, noted by {run_id}')"
    alter(lake, table, [marked], note)


def finish_new_names(lake: Lake, table: Table, note: str) -> None:
    """The last step after `write_under_new_names`, when `runs` has its row."""
    # The schema version last: until then the table counts as one that needs its upgrade.
    statements = (
        f"ALTER TABLE {{table}} UNSET TBLPROPERTIES IF EXISTS ('{NEW_NAMES}')",
        f"ALTER TABLE {{table}} SET TBLPROPERTIES ('{SCHEMA_VERSION}' = '{table.schema_version}')",
    )
    alter(lake, table, statements, note)


def drop(lake: Lake, table: Table) -> None:
    """Drop the table, its log first: a table without a log does not exist, so a kill leaves no broken one."""
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
    """The first missing data file of `version` (None: the newest); None when all exist.

    Raises the reader's error where the version itself cannot be reconstructed from the log.
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
    """Remove missing files from the table's log, so that the remaining rows can be read again.

    Raises ContractError where the table is not on this machine's disk or delta-rs is not installed: Delta
    itself has no such command.
    """
    # Delta's FSCK REPAIR TABLE exists on Databricks only.
    if not lake.is_direct:
        raise ContractError(
            f"{table.name}: files of its newest version are gone; restore the table's folder from a backup"
        )
    with lake.commit_lock(table):
        delta_rs.remove_missing_files(lake.folder(table))
