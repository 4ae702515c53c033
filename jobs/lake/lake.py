"""Tables of a lake on Delta: create, read at a version, replace a slice, append; by path or in a
catalog.

A lake is a path on any Hadoop file system (`lakes/demo`, `s3a://bucket/lake`) or a schema of a catalog
(`catalog.schema`): gristmill.jobs.lake.names reads its name.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import shutil
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlparse

import pyarrow as pa
from pyarrow.dataset import dataset, field

from gristmill.jobs.connect import settings
from gristmill.jobs.core.errors import ConfigError, ContractError, RetryLater
from gristmill.jobs.core.records import Records
from gristmill.jobs.lake import delta_rs, hadoop_files
from gristmill.jobs.lake.history import (
    Commit,
    Description,
    TableState,
    announcement,
    commit_of,
    run_id_of,
    with_announced,
)
from gristmill.jobs.lake.log_files import LOOK_BACK, LogFiles, log_of
from gristmill.jobs.lake.names import (
    SPELLINGS,
    folder_of,
    inside,
    is_path,
    lake_name,
    local_path,
    quoted_name,
    volume_of,
)
from gristmill.jobs.lake.session import default_file_system, is_local, is_remote
from gristmill.jobs.lake.spark_errors import first_line
from gristmill.jobs.leases import objects, rows
from gristmill.jobs.leases.files import file_lock
from gristmill.jobs.leases.lease import Lease
from gristmill.jobs.schema.runs import JOB_LEASES
from gristmill.jobs.schema.table import Table
from gristmill.jobs.schema.types import arrow_schema

if TYPE_CHECKING:
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, Row, SparkSession
    from pyspark.sql.types import StructType


# Part of the location of a schema whose storage Unity Catalog manages.
MANAGED = "__unitystorage"
# Parts of error names by which a lost race is recognised: delta-rs's, Delta's Java
# classes and its error conditions. py4j wraps the class, so the text is searched.
CONFLICTS = (
    "CommitFailedError",
    "ConcurrentModification",
    "ConcurrentAppend",
    "ConcurrentDelete",
    "ConcurrentWrite",
    "ConcurrentTransaction",
    "MetadataChanged",
    "ProtocolChanged",
    "DELTA_CONCURRENT",
    "DELTA_METADATA_CHANGED",
)
UPGRADE = (
    "run `gristmill upgrade --lake LAKE`, which brings a lake of another version up to date "
    "and says first what it will do"
)
# The property that ADD CONSTRAINT sets. Its name is part
# of existing lakes, so renaming it needs an upgrade.
CHECK = "delta.constraints.promise"
# The property with the version of the declaration by which a table was created.
SCHEMA_VERSION = "gristmill.schema"
# the session setting in which Delta records the version of its last commit
LAST_COMMIT = "spark.databricks.delta.lastCommitVersionInSession"
# the session setting that the demo's recipes switch off
STATISTICS = "spark.databricks.delta.stats.collect"
# the session setting with the userMetadata of commits by SQL
NOTE = "spark.databricks.delta.commitInfo.userMetadata"
# A run that staged files a week ago is taken for dead; no job runs that long.
OLD_STAGING_SECONDS = 7 * 24 * 3600
# the column of a merge's source that marks rows to delete
GONE = "gristmill_gone"
# where Databricks mounts stores as folders
MOUNTED = ("/Volumes/", "/dbfs/")
# the temporary view of a merge's source
MERGED = "gristmill_merged"
# Plain tables that delta-rs can read and write as well: no row tracking, and deletion vectors
# only where Table.marks_deleted. No column statistics either: ids are hashes and slices are
# partitions, so statistics would skip no file, and computing them is a twentieth of measure_text.
PROPERTIES = {"delta.autoOptimize.optimizeWrite": "false", "delta.dataSkippingNumIndexedCols": "0"}


def quoted(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


class Lake:
    """The tables under one path or schema. All methods take the Table, never a path."""

    def __init__(self, spark: SparkSession, where: str, buckets: int = 1, create: bool = True) -> None:
        """`create`: whether a missing schema is created (false for commands that only read).

        Raises ConfigError for a malformed name or one that the catalog refuses, and ContractError where a
        reader finds no such schema.
        """
        self.spark = spark
        self.where = where
        self.buckets = buckets
        # version of `runs` and its rows, as Runs last read them
        self.run_rows: tuple[int, list[Row]] | None = None
        self.states: dict[str, TableState] | None = None  # see cached_states
        self._commits = Alone()
        self._job_leases: list[Lease] = []
        self._logs: dict[str, LogFiles] = {}
        name = lake_name(where)
        self.is_catalog = bool(name.parts)
        # The lake's folder as Spark names it, and as a Path where it is on this machine's disk.
        self.root, self.local_root = name.root, name.local
        if self.is_catalog:
            parts = name.parts if len(name.parts) > 1 else (spark.catalog.currentCatalog(), *name.parts)
            self.schema = ".".join(map(quoted_name, parts))  # as SQL writes it
            self._need_schema(create, len(name.parts) == 1)
            self.root, self.local_root = self._files_of(parts)
        elif name.local is not None and not is_local(spark):
            self._need_same_disk(create)

    def _need_same_disk(self, may_write: bool) -> None:
        """Raises ConfigError where a path without a scheme means another file system to Spark than to this
        process."""
        default = default_file_system(self.spark)
        if default is None:  # unknown to a client of Spark Connect
            if may_write:
                self._try_same_disk()
            return
        if not default.startswith("file:"):
            raise ConfigError(
                f"lake {self.where}: to this session a path without a scheme is one of {default}, to "
                "this process one "
                "of its own disk; write the whole URL, such as hdfs:///lake"
            )

    def _try_same_disk(self) -> None:
        """Raises ConfigError where Spark does not read what this process writes below the lake's path: two
        half lakes would result."""
        assert self.local_root is not None
        mark = uuid.uuid4().hex
        probe = self.local_root / "_staging" / f"probe-{mark}"
        hadoop_files.write_text(self.spark, str(probe), mark)
        try:
            rows = self.spark.read.option("__globPaths__", "false").text(str(probe)).collect()
            is_same = [row[0] for row in rows] == [mark]
        except Exception:
            is_same = False
        finally:
            hadoop_files.remove(self.spark, str(probe))
        if not is_same:
            raise ConfigError(
                f"lake {self.where}: Spark, which runs elsewhere, does not see what this client writes to "
                f"{self.local_root}; name a schema (catalog.schema), a URL (s3a://bucket/lake) or a folder "
                "that both see"
            )

    def _need_schema(self, create: bool, is_bare: bool) -> None:
        """Create the schema if it does not exist and `create` is true."""
        try:
            if self.spark.catalog.databaseExists(self.schema):
                return
            if create and not is_bare:
                self.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {self.schema}")
                self._warn_of_memory()
                return
        except Exception as error:
            raise ConfigError(
                f"lake {self.where}: the catalog answered: {first_line(error)}; "
                f"name an existing catalog and a schema that it takes, or ./{self.where} for a folder"
            ) from error
        # Without a catalog's name a bare word may just
        # as well mean a folder, so no schema is created.
        if is_bare:
            raise ConfigError(
                f"lake {self.where}: no schema {self.schema}; for a folder write ./{self.where}, "
                f"for a schema that is to be made spark_catalog.{self.where}"
            )
        raise ContractError(
            f"lake {self.where}: no schema {self.schema}; name a lake on which a job has run, or run one. "
            f"In general {SPELLINGS}"
        )

    def _warn_of_memory(self) -> None:
        """Warn where a local session has no metastore: its schemas end with it, and the next command finds
        none."""
        kind = settings.value_of(self.spark, "spark.sql.catalogImplementation", "in-memory")
        if is_local(self.spark) and self.schema.startswith("`spark_catalog`.") and kind == "in-memory":
            print(
                f"lake {self.where}: the catalog of this session is in memory and forgets the schema "
                "at its end; "
                "name a path, or set spark.sql.catalogImplementation to hive",
                file=sys.stderr,
            )

    def _files_of(self, parts: tuple[str, ...]) -> tuple[str, Path | None]:
        """The folder of files that are not tables (staging, models, report, exports, locks).

        A folder of its own below GRISTMILL_STAGING, the schema's volume `gristmill`, or the schema's
        location. Returned as Spark names it, and as a Path where it is on this machine's disk.
        """
        shared = os.environ.get("GRISTMILL_STAGING")
        if shared:
            if not is_path(shared):
                raise ConfigError(f"GRISTMILL_STAGING: {shared!r} is no path; write one (/data/x, s3a://b/x)")
            folder, own = local_path(shared, "GRISTMILL_STAGING"), folder_of(parts)
            return (str(folder / own), folder / own) if folder else (f"{shared.rstrip('/')}/{own}", None)
        volume = volume_of(parts)
        if volume is not None:
            return str(volume), volume
        rows = self.spark.sql(f"DESCRIBE SCHEMA EXTENDED {self.schema}").collect()
        location = next((row[1] for row in rows if row[0].lower().startswith("location")), "")
        if MANAGED in location:
            return "", None  # Unity Catalog lets nobody write there but tables
        if not location.startswith("file:"):
            return location.rstrip("/"), None
        local = Path(
            "/" + location.removeprefix("file:").lstrip("/")
        )  # Hadoop's spelling, which is not encoded
        return str(local), local

    @functools.cached_property
    def is_direct(self) -> bool:
        """Whether driver and workers share the disk of the lake, so that small reads and commits need no JVM
        (see gristmill.jobs.lake.delta_rs)."""
        is_on_disk = self.local_root is not None and not self.is_catalog
        return is_on_disk and is_local(self.spark) and delta_rs.is_installed()

    def records(
        self,
        table: Table,
        version: int,
        columns: Sequence[str] | None = None,
        only: tuple[str, object] | None = None,
    ) -> Records:
        """Rows of a small table: all declared columns, or the distinct values of `columns`.

        `only`: (column, value) of the rows. Null where an older table lacks a column; timestamps are local
        times without a zone.
        """
        names = tuple(columns or table.names)
        delta_table = self.open_with_delta_rs(table, version)
        if delta_table is not None:
            # Distinct in Python: the tables are small, and a query costs more than their rows.
            rows = delta_rs.records_of(delta_table, table, names, only)
            return rows if columns is None else list({tuple(row.values()): row for row in rows}.values())
        frame = self.read_as_it_is(table, version)
        frame = (frame if only is None else frame.where(frame[only[0]] == only[1])).select(*names)
        return [row.asDict() for row in (frame if columns is None else frame.distinct()).collect()]

    def append_records(self, table: Table, rows: Records, note: str) -> int:
        """Append rows of the driver; returns the version. Raises as `write` does."""
        if self.is_direct:
            return self.write(table, delta_rs.as_table(rows, table), None, note)
        values = [tuple(row[name] for name in table.names) for row in rows]
        return self.write(table, self.spark.createDataFrame(values, table.schema).coalesce(1), None, note)

    def staged_records(self, staged: DataFrame, columns: Sequence[str], filled: str) -> Records:
        """The `columns` of the staged rows in which `filled` is not null.

        Read by Arrow where the driver has the files on its disk, which saves a query.
        """
        if not self.is_direct:
            return [row.asDict() for row in staged.where(f"{filled} IS NOT NULL").select(*columns).collect()]
        paths = [unquote(urlparse(path).path) for path in staged.inputFiles()]
        if not paths:
            return []
        rows = dataset(paths, format="parquet").to_table(list(columns), filter=field(filled).is_valid())
        return list(rows.to_pylist())

    def is_without(self, table: Table, values: Mapping[str, Sequence[str]]) -> bool:
        """Whether the table is known to have no row with these values of its columns (one of those of each),
        by the partitions of its files."""
        if not self.is_direct or not self.exists(table):
            return False
        files = delta_rs.data_files(self.folder(table), table, None)
        known = {name: allowed for name, allowed in values.items() if name in table.partitions}
        return files is not None and not any(
            all(file.partition[name] in allowed for name, allowed in known.items()) for file in files
        )

    def open_with_delta_rs(self, table: Table, version: int | None) -> DeltaTable | None:
        """The table at `version` (None: newest) opened by delta-rs; None where Spark has to read it."""
        return delta_rs.open_table(self.folder(table), version) if self.is_direct else None

    def folder(self, table: Table) -> Path:
        """The folder of a table of a local lake."""
        assert self.local_root is not None
        return self.local_root / table.name

    def inside(self, path: str) -> str:
        """A file that a table names, relative to the root. Raises ContractError where it leads out of the
        lake."""
        return inside(self.root, self.local_root, path)

    def ref(self, table: Table) -> str:
        """The table's name in SQL."""
        if self.is_catalog:
            return f"{self.schema}.{quoted_name(table.name)}"
        return f"delta.{quoted_name(f'{self.root}/{table.name}')}"

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""
        if self.is_catalog:
            return bool(self.spark.catalog.tableExists(self.ref(table)))
        # By the first commit, not the folder: another process may be about to write it.
        return self._log(table).newest() is not None

    def create(self, table: Table) -> None:
        """Create the table, with its comments and its CHECK constraint, unless it exists."""
        if self.exists(table):
            return
        properties = self.properties_of(table)
        if self.is_direct:
            delta_rs.create(table, self.folder(table), properties)
            return
        self.spark.sql(f"CREATE TABLE IF NOT EXISTS {self.ref(table)} {_declared(table, properties)}")

    def replace(self, table: Table, properties: dict[str, str]) -> None:
        """Replace the table, in one commit, by an empty one of today's columns, with `properties` besides its
        own. Older versions of it can still be read."""
        properties = {**self.properties_of(table), **properties}
        if self.is_catalog:
            self.spark.sql(f"CREATE OR REPLACE TABLE {self.ref(table)} {_declared(table, properties)}")
            return
        if is_remote(self.spark):
            raise ConfigError(
                f"lake {self.where}: {table.name} needs new columns, which Delta changes at a path only with "
                "a JVM; run this command once in a classic session (without SPARK_REMOTE)"
            )
        from delta import DeltaTable

        # SQL's REPLACE TABLE takes no new columns for a table that is named by its path.
        builder = DeltaTable.replace(self.spark).location(f"{self.root}/{table.name}").comment(table.comment)
        for c in table.columns:
            builder = builder.addColumn(c.name, c.type, nullable=c.nullable, comment=c.comment)
        properties |= {CHECK: table.check} if table.check else {}
        for key, value in properties.items():
            builder = builder.property(key, value)
        (builder.partitionedBy(*table.partitions) if table.partitions else builder).execute()

    def properties_of(self, table: Table) -> dict[str, str]:
        """The properties with which the table is created."""
        return {
            **PROPERTIES,
            # Explicit, because platforms may enable them by
            # default, and delta-rs could not read the table then.
            "delta.enableDeletionVectors": str(table.marks_deleted).lower(),
            "gristmill.buckets": str(self.buckets),
            SCHEMA_VERSION: table.schema_version,
        }

    def read(
        self, table: Table, version: int | None = None, renamed: dict[str, str] | None = None
    ) -> DataFrame:
        """The table's rows at `version` (None: newest); `renamed`: old -> new name of columns that may still
        have the old name.

        Raises ContractError when its columns are not the declared ones.
        """
        frame = self.frame(table, version)
        for old, new in (renamed or {}).items():
            frame = frame if new in frame.columns else frame.withColumnRenamed(old, new)
        at = "" if version is None else f"@{version}"
        check_columns(frame, table, f"{table.name}{at}", UPGRADE)
        return frame.select(*table.names)

    def frame(self, table: Table, version: int | None = None) -> DataFrame:
        """The table at `version` (None: newest), with whatever columns it has."""
        reader = self.spark.read.format("delta")
        reader = reader if version is None else reader.option("versionAsOf", version)
        return reader.table(self.ref(table)) if self.is_catalog else reader.load(f"{self.root}/{table.name}")

    def read_as_it_is(self, table: Table, version: int) -> DataFrame:
        """As `read`, but a column that an older table lacks is null."""
        from pyspark.sql import functions as F

        frame = self.frame(table, version)
        present = set(frame.columns)
        columns = [
            F.col(c.name) if c.name in present else F.lit(None).cast(c.type).alias(c.name)
            for c in table.columns
        ]
        return frame.select(*columns)

    def latest(self, table: Table) -> int:
        """The newest version of an existing table."""
        newest = None if self.is_catalog else self._log(table).newest()
        return int(self._history(table, 1)[0]["version"]) if newest is None else newest

    def _log(self, table: Table) -> LogFiles:
        """The log of a table that is not in a catalog, whose files may not be opened."""
        if table.name not in self._logs:
            local = None if self.local_root is None else self.local_root / table.name
            self._logs[table.name] = log_of(self.spark, f"{self.root}/{table.name}", local)
        return self._logs[table.name]

    @contextlib.contextmanager
    def _committing(self, table: Table, note: str) -> Iterator[list[int]]:
        """A context around one commit to a table, which is created first if it does not exist.

        Afterwards the list contains the commit's version, or the newest version where replacing nothing by
        nothing made no commit.
        """
        versions: list[int] = []
        with self.commit_lock(table), conflicts_as_retry(table.name), self._commits.one() as is_alone:
            self.create(table)
            if self.local_root is not None and not self.is_catalog:
                yield versions
                # No other writer can have committed, since the lock is still held.
                versions.append(self.latest(table))
            else:
                is_told = settings.is_unset(self.spark, LAST_COMMIT)
                yield versions
                # A setting of the session, so with two threads committing it
                # may be the other one's version. It is read before is_alone():
                # a commit that overlapped the reading is then noticed.
                last_commit = settings.value_of(self.spark, LAST_COMMIT) if is_told else None
                versions.append(
                    int(last_commit)
                    if last_commit is not None and is_alone()
                    else self._noted_version(table, note)
                )
        # The cached state moves on with our own commit. Without
        # a new version the entry is dropped and read again.
        if self.states is not None and table.name in self.states:
            cached = self.states.pop(table.name)
            if versions[0] > cached.version:
                head = commit_of(versions[0], "WRITE", note, "", True)
                self.states[table.name] = dataclasses.replace(cached, version=versions[0], head=head)
        self.committed(table, versions[0])

    def _noted_version(self, table: Table, note: str) -> int:
        """The version of our commit, found by its note: without file locks others may have committed
        since."""
        if not self.is_catalog:
            version = self._log(table).version_noted(note)
            return self.latest(table) if version is None else version
        rows, own = self._history(table, LOOK_BACK), run_id_of(note)
        noted = [row["version"] for row in rows if row["userMetadata"] == note]
        commits = with_announced([self._commit(row["version"], row) for row in reversed(rows)])
        of_run = [commit.version for commit in commits if own is not None and commit.run_id == own]
        return int(max(noted + of_run, default=rows[0]["version"]))

    def state(self, table: Table) -> TableState | None:
        """The table's id, newest version, properties and newest commit; None when it does not exist."""
        # The version first: a commit that comes now is
        # then seen as newer than this state, never missed.
        version = self._newest(table)
        if version is None:
            return None
        if self.is_direct:
            version, about = delta_rs.described(self.folder(table))
        else:
            about = self._described(table, version)
        [head] = self.commits(table, version, version)
        return TableState(about.id, version, about.properties, head, about.partitions, about.features)

    def _newest(self, table: Table) -> int | None:
        """The newest version; None when the table does not exist. One listing where the log may be opened."""
        if not self.is_catalog:
            return self._log(table).newest()
        return self.latest(table) if self.exists(table) else None

    def _described(self, table: Table, version: int) -> Description:
        """The table at `version`: from the log's files, else by a query, which takes a third of a second."""
        about = None if self.is_catalog else self._log(table).described(version)
        if about is None:
            columns = ("id", "properties", "partitionColumns", "tableFeatures")
            detail = self.spark.sql(f"DESCRIBE DETAIL {self.ref(table)}").select(*columns).first()
            assert detail is not None
            features = frozenset(detail["tableFeatures"] or ())
            about = Description(
                detail["id"], detail["properties"] or {}, tuple(detail["partitionColumns"]), features
            )
        return about

    @contextlib.contextmanager
    def cached_states(self) -> Iterator[None]:
        """A context for a process that runs several jobs: table states are cached between them.

        A state costs two queries, which twenty jobs would each repeat for every table. It is read again after
        our own commits and newer runs. A change by others is noticed when we write the table, or by the next
        process.
        """
        self.states = {}
        try:
            yield
        finally:
            self.states = None

    def state_since(self, table: Table, version: int) -> TableState | None:
        """As `state`, from the cache where that is at least as new as `version`, the newest one in the run
        log."""
        cached = self.states.get(table.name) if self.states is not None else None
        if cached is not None and cached.version >= version:
            return cached
        state = self.state(table)
        if self.states is not None and state is not None:
            self.states[table.name] = state
        return state

    def commits(self, table: Table, first: int, last: int) -> list[Commit]:
        """Commits `first` to `last`, oldest first."""
        if first > last:
            return []
        commits = self._commits_as_noted(table, first, last)
        if first > 0 and commits[0].changes_rows and commits[0].run_id is None:
            # The commit before it may tell whose it is.
            commits = [*self._commits_as_noted(table, first - 1, first - 1), *commits]
        return with_announced(commits)[first - last - 1 :]

    def _commits_as_noted(self, table: Table, first: int, last: int) -> list[Commit]:
        if not self.is_catalog:
            return self._log(table).commits(first, last)
        rows = {row["version"]: row for row in self._history(table, self.latest(table) - first + 1)}
        return [self._commit(version, rows.get(version)) for version in range(first, last + 1)]

    def _history(self, table: Table, n: int) -> list[Row]:
        """The newest `n` rows of Delta's history."""
        history = self.spark.sql(f"DESCRIBE HISTORY {self.ref(table)} LIMIT {n}")
        return list(history.select("version", "operation", "userMetadata", "userName", "timestamp").collect())

    def _commit(self, version: int, row: Row | None) -> Commit:
        """A commit from a row of Delta's history (None: unknown), judged by its operation alone.

        History does not record whether the operation really changed rows.
        """
        if row is None:
            return commit_of(version, None, None, "", None)
        who = " ".join(str(row[name]) for name in ("userName", "timestamp") if row[name] is not None)
        return commit_of(version, row["operation"], row["userMetadata"], who, None)

    def check_schema(self, table: Table, state: TableState) -> None:
        """Raises ContractError when the table was created with other columns or partitions than declared, and
        ConfigError where the session cannot write a feature that it has."""
        if state.partitions != table.partitions:
            found = ", ".join(state.partitions) or (
                "clusters" if "clustering" in state.features else "nothing"
            )
            raise ContractError(
                f"{table.name}: is divided by {found}, jobs/schema declares the partitions "
                f"{', '.join(table.partitions) or 'none'}, which jobs replace as a whole; {UPGRADE}"
            )
        # Of our own sessions only: serverless compute refuses to be asked for settings that it does not list.
        is_asked = "rowTracking" in state.features and is_local(self.spark)
        if is_asked and self.spark.conf.get(STATISTICS, "true") == "false":
            raise ConfigError(
                f"{table.name}: has Delta's row tracking, which counts the rows of files, and this session "
                f"has {STATISTICS} false; take that out of the recipe's section spark, or the feature off "
                f"the table (ALTER TABLE {self.ref(table)} DROP FEATURE rowTracking)"
            )
        if state.properties.get(SCHEMA_VERSION) != table.schema_version:
            # a table of an older version may still have the same columns
            self.read(table)

    def clear(self, table: Table, where: str, note: str) -> int:
        """Delete the rows that satisfy the SQL condition `where`; returns the version."""
        with self._committing(table, note) as versions:
            self._commit_by_sql(table, f"DELETE FROM {self.ref(table)} WHERE {where}", note)
        return versions[0]

    @contextlib.contextmanager
    def noted(self, note: str) -> Iterator[bool]:
        """A context in which commits by SQL carry `note` as their userMetadata; yields false where the
        session refuses the setting that says so."""
        if not settings.is_set(self.spark, NOTE, note):
            yield False
            return
        try:
            yield True
        finally:
            settings.is_unset(self.spark, NOTE)

    def _commit_by_sql(self, table: Table, statement: str, note: str) -> None:
        with self.noted(note) as is_noted:
            if not is_noted:
                # Written before, so that a kill between the two leaves no commit of ours without a note.
                announced = announcement(note, statement.split(" ", 1)[0])
                # Delta makes no commit of no rows, but one of a transaction that is newer than the last.
                mark = {"txnAppId": "gristmill-announced", "txnVersion": str(time.time_ns())}
                nothing = self.spark.createDataFrame([], table.schema)
                self._write_by_spark(table, nothing, None, announced, mark)
            self.spark.sql(statement)

    def write(self, table: Table, frame: DataFrame | pa.Table, where: str | None, note: str) -> int:
        """Commit `frame` (of Spark, or rows on the driver): replacing the rows that satisfy `where`,
        or appending when it is None; returns the version.

        Raises ContractError on other columns than declared and RetryLater when another writer came first.
        """
        if not isinstance(frame, pa.Table):
            check_columns(frame, table, f"{table.name} (to be written)", "mend the job's last select")
        with self._committing(table, note) as versions:
            # A table at version 0 was only created. With the lock held it has
            # nothing to replace, and an append costs half as much as replaceWhere.
            where = None if where and self._locks is not None and self.latest(table) == 0 else where
            is_direct = isinstance(frame, pa.Table) and self.is_direct and where is None
            if is_direct and delta_rs.takes_appends(self.folder(table)):
                delta_rs.append(self.folder(table), frame.cast(arrow_schema(table)), note)
            else:
                self._write_by_spark(table, frame, where, note)
        return versions[0]

    def _write_by_spark(
        self,
        table: Table,
        frame: DataFrame | pa.Table,
        where: str | None,
        note: str,
        options: Mapping[str, str] | None = None,
    ) -> None:
        if isinstance(frame, pa.Table):
            rows = frame.to_pandas(maps_as_pydicts="strict") if frame.num_rows else []
            frame = self.spark.createDataFrame(rows, table.schema)
        writer = (
            frame.select(*table.names)
            .write.format("delta")
            .options(userMetadata=note, **(options or {}))
            .mode("append" if where is None else "overwrite")
        )
        writer = writer.option("replaceWhere", where) if where not in (None, "true") else writer
        writer.saveAsTable(self.ref(table)) if self.is_catalog else writer.save(f"{self.root}/{table.name}")

    def delete(
        self, table: Table, keys: DataFrame, on: tuple[str, ...], note: str, within: str | None = None
    ) -> int:
        """Delete the rows whose `on` columns appear in `keys`; returns the version.

        `within`: a condition on partitions of the table (as `t`) that all of these rows satisfy; other files
        are not read.
        """
        return self._merge(table, keys.select(*on).distinct(), on, note, "WHEN MATCHED THEN DELETE", within)

    def insert(self, table: Table, frame: DataFrame, on: tuple[str, ...], note: str) -> int:
        """Insert the rows of `frame` whose `on` columns are not in the table yet; returns the version.

        Raises as `write` does.
        """
        check_columns(frame, table, f"{table.name} (to be written)", "mend the job's last select")
        return self._merge(table, frame.select(*table.names), on, note, "WHEN NOT MATCHED THEN INSERT *")

    def change(
        self, table: Table, frame: DataFrame, deleted: DataFrame, on: tuple[str, ...], note: str
    ) -> int:
        """Upsert the rows of `frame` by their `on` columns, and delete the rows with the `on` columns of
        `deleted`.

        Returns the version: all of it is one commit. Raises as `write` does.
        """
        from pyspark.sql import functions as F

        check_columns(frame, table, f"{table.name} (to be written)", "mend the job's last select")
        keys = deleted.select(*on).distinct()
        # One merge for both, since two commits would show readers a state between them.
        blank = [
            keys[c.name] if c.name in on else F.lit(None).cast(c.type).alias(c.name) for c in table.columns
        ]
        rows = frame.select(*table.names, F.lit(False).alias(GONE))
        rows = rows.unionByName(keys.select(*blank, F.lit(True).alias(GONE)))
        columns = ", ".join(f"`{name}`" for name in table.names)
        values = ", ".join(f"k.`{name}`" for name in table.names)
        assignments = ", ".join(f"t.`{name}` = k.`{name}`" for name in table.names)
        then = (
            f"WHEN MATCHED AND k.{GONE} THEN DELETE WHEN MATCHED THEN UPDATE SET {assignments} "
            f"WHEN NOT MATCHED AND NOT k.{GONE} THEN INSERT ({columns}) VALUES ({values})"
        )
        return self._merge(table, rows, on, note, then)

    def _merge(
        self,
        table: Table,
        rows: DataFrame,
        on: tuple[str, ...],
        note: str,
        then: str,
        within: str | None = None,
    ) -> int:
        condition = " AND ".join(f"t.`{name}` = k.`{name}`" for name in on)
        condition += f" AND ({within})" if within else ""
        rows.createOrReplaceTempView(MERGED)
        try:
            with self._committing(table, note) as versions:
                # SQL, because DeltaTable.forName takes no catalog before the schema, and needs a JVM.
                merge = f"MERGE INTO {self.ref(table)} t USING {MERGED} k ON {condition} {then}"
                self._commit_by_sql(table, merge, note)
        finally:
            self.spark.catalog.dropTempView(MERGED)
        return versions[0]

    def committed(self, table: Table, version: int) -> None:
        """Called after each commit; tests replace it to kill a run at that point."""

    def staging(self, run: str) -> str:
        """A folder for the intermediate Parquet files of one run (JOB-RUN_ID); not a table, deleted when
        the run ends."""
        if not self.root:
            raise ConfigError(
                f"lake {self.where}: the schema has no location to stage in; make a volume `gristmill` in "
                "it, or set GRISTMILL_STAGING to a path that Spark can write"
            )
        return f"{self.root}/_staging/{run}"

    def staged(self, path: str, schema: StructType) -> DataFrame:
        """Parquet files in staging; the path is taken literally, though the lake's folder may contain `*` or
        `{`."""
        return self.spark.read.option("__globPaths__", "false").schema(schema).parquet(path)

    def drop_staging(self, run: str) -> None:
        """Delete the staging folder of a run, and those of dead runs of the same job.

        On a local disk the job's lock proves that no other run of it is active; elsewhere a folder must be
        older than OLD_STAGING_SECONDS.
        """
        job = run.rsplit("-", 1)[0]
        if self._locks is not None:
            own_folder = Path(self.staging(run))
            for folder in [own_folder, *own_folder.parent.glob(f"{job}-" + "[0-9a-f]" * 32)]:
                shutil.rmtree(folder, ignore_errors=True)
            return
        hadoop_files.remove(self.spark, self.staging(run))
        hadoop_files.remove_old(self.spark, f"{self.root}/_staging", job, OLD_STAGING_SECONDS)

    @contextlib.contextmanager
    def job_lock(self, job: str) -> Iterator[None]:
        """One run of a job at a time: by a file lock on a local disk, which dies with its process, an object
        on S3, a row of `job_leases` elsewhere.

        Raises RetryLater when another process runs the job on this lake.
        """
        name = f"job-{job}"
        with contextlib.ExitStack() as stack:
            # With GRISTMILL_STAGING the folder says nothing of where tables and other drivers are.
            is_apart = self.is_catalog and bool(os.environ.get("GRISTMILL_STAGING"))
            if self._locks is not None and not is_apart:
                stack.enter_context(file_lock(self._locks, name, wait=False))
            else:
                lease = self._object_lease(name) if self._is_on_s3 else self._row_lease(name)
                stack.enter_context(lease.held(wait=False))
                self._job_leases.append(lease)
                stack.callback(self._job_leases.remove, lease)
            yield

    @contextlib.contextmanager
    def commit_lock(self, table: Table) -> Iterator[None]:
        """A context around one commit, where Delta does not keep two drivers apart by itself: on a local disk
        and on S3.

        Raises RetryLater where the lease of the job that commits was lost.
        """
        # Delta's log store makes commits of one JVM exclusive on a local path and on S3, not those of two
        # (tests/whole/test_concurrency.py, tests/whole/test_two_drivers.py).
        name = f"table-{table.name}"
        with contextlib.ExitStack() as stack:
            if self._locks is not None:
                stack.enter_context(file_lock(self._locks, name, wait=True))
            elif self._is_on_s3:
                stack.enter_context(self._object_lease(name).held(wait=True))
            for lease in self._job_leases:
                lease.check()
            yield

    @property
    def _locks(self) -> Path | None:
        """The folder of file locks; None where they would not keep two machines apart."""
        root = self.local_root
        # Volumes of Databricks look like folders, and their locks are of one machine.
        is_shared = root is not None and str(root).startswith(MOUNTED)
        return None if root is None or is_shared else root / "_locks"

    @property
    def _is_on_s3(self) -> bool:
        return self.root.startswith(objects.SCHEMES)

    def _object_lease(self, name: str) -> Lease:
        url = f"{self.root}/_leases/{name}"
        return Lease(self.where, name, objects.ObjectRegister(url), objects.TERMS)

    def _row_lease(self, name: str) -> Lease:
        self.create(JOB_LEASES)
        register = rows.RowRegister(self._query, self.ref(JOB_LEASES), name)
        return Lease(self.where, name, register, rows.TERMS)

    def _query(self, statement: str) -> list[Row]:
        """The rows of a statement of a lease. Raises RetryLater where its commit came second."""
        # It counts as a commit beside others, as it changes the session's LAST_COMMIT.
        with conflicts_as_retry(JOB_LEASES.name), self._commits.one():
            return list(self.spark.sql(statement).collect())


class Alone:
    """Detects whether threads overlap."""

    def __init__(self) -> None:
        self._lock, self._on, self._is_mixed = threading.Lock(), 0, False

    @contextlib.contextmanager
    def one(self) -> Iterator[Callable[[], bool]]:
        """A context for one thread; yields a function that returns whether no other has overlapped so far."""
        with self._lock:
            self._on += 1
            self._is_mixed = self._is_mixed or self._on > 1
        try:
            yield lambda: not self._is_mixed
        finally:
            with self._lock:
                self._on -= 1
                self._is_mixed = self._is_mixed and self._on > 0


def check_columns(frame: DataFrame, table: Table, place: str, advice: str) -> None:
    """Raises ContractError naming each declared column that is missing or of another type."""
    seen = dict(frame.dtypes)
    wrong = [
        f"{place}: column {c.name} is {seen.get(c.name, 'missing')}, jobs/schema declares {c.type}; {advice}"
        for c in table.columns
        if seen.get(c.name) != c.type
    ]
    if wrong:
        raise ContractError("\n".join(wrong))


@contextlib.contextmanager
def conflicts_as_retry(table: str) -> Iterator[None]:
    """A context that raises Delta's conflict errors as RetryLater; other errors pass unchanged."""
    try:
        yield
    except Exception as error:
        if any(name in f"{type(error).__name__} {error}" for name in CONFLICTS):
            raise RetryLater(
                f"{table}: another writer committed first and nothing of ours was written; run the "
                "same command again"
            ) from error
        raise


def _declared(table: Table, properties: dict[str, str]) -> str:
    """Columns, partitions, comment and properties of CREATE TABLE."""
    columns = ",\n".join(
        f"`{c.name}` {c.type}{'' if c.nullable else ' NOT NULL'} COMMENT {quoted(c.comment)}"
        for c in table.columns
    )
    partitions = f"PARTITIONED BY ({', '.join(table.partitions)})" if table.partitions else ""
    # The CHECK constraint is part of the first commit, as the property that ADD CONSTRAINT
    # would set in a second one: one commit less, and no moment without the constraint.
    properties = {**properties, **({CHECK: table.check} if table.check else {})}
    listed = ", ".join(f"{quoted(key)} = {quoted(value)}" for key, value in properties.items())
    return f"({columns}) USING delta {partitions} COMMENT {quoted(table.comment)} TBLPROPERTIES ({listed})"
