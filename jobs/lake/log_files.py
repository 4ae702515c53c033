"""Reads Delta's log from its files: which versions exist, and what a commit did.

That takes one listing and one read on any file system, where DESCRIBE HISTORY plans three queries (a third of
a second each, and more on an object store). A catalog, whose files may not be opened, has only DESCRIBE
HISTORY.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gristmill.jobs.connect.files import ArrowFiles
from gristmill.jobs.core.records import Records
from gristmill.jobs.lake.hadoop_files import system_of, to_bytes
from gristmill.jobs.lake.history import Commit, Description, commit_from_actions
from gristmill.jobs.lake.session import is_remote

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

COMMIT = re.compile(r"(\d{20})\.json")
# how many commits by others may come between one of ours and the search for it
LOOK_BACK = 20


class Files(Protocol):
    """The log's folder: its file names, and the bytes of a file; both are empty for a missing folder or
    file."""

    def names(self) -> list[str]: ...  # noqa: D102

    def read(self, name: str) -> bytes: ...  # noqa: D102


class LocalFiles:
    """A folder on this machine's disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Names of the files."""
        return [path.name for path in self.folder.glob("*.json")]

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        path = self.folder / name
        return path.read_bytes() if path.is_file() else b""


class HadoopFiles:
    """A folder on any Hadoop file system, by the session's JVM.

    A missing file is caught as an error: asking for its existence first would double the requests to an
    object store.
    """

    def __init__(self, spark: SparkSession, folder: str) -> None:
        self.system, self.folder = system_of(spark, folder)
        self.to_bytes = to_bytes(spark)

    def names(self) -> list[str]:
        """Names of the files; on an object store an empty folder does not exist."""
        with _missing_is_fine():
            return [status.getPath().getName() for status in self.system.listStatus(self.folder)]
        return []

    def read(self, name: str) -> bytes:
        """A file's bytes."""
        with _missing_is_fine():
            stream = self.system.open(self.folder.suffix(f"/{name}"))
            try:
                return self.to_bytes(stream)
            finally:
                stream.close()
        return b""


@contextlib.contextmanager
def _missing_is_fine() -> Iterator[None]:
    """A context that ignores Java's FileNotFoundException and no other error."""
    from py4j.protocol import Py4JJavaError

    try:
        yield
    except Py4JJavaError as error:
        if not error.java_exception.getClass().getName().endswith("FileNotFoundException"):
            raise


class LogFiles:
    """The log of one table."""

    def __init__(self, files: Files) -> None:
        self.files = files

    def newest(self) -> int | None:
        """The newest version; None where there is no table (or another process is just making its first
        commit)."""
        matches = [COMMIT.fullmatch(name) for name in self.files.names()]
        return max((int(match[1]) for match in matches if match), default=None)

    def commits(self, first: int, last: int) -> list[Commit]:
        """Commits `first` to `last`, oldest first. One whose file was cleaned up counts as a change of
        rows."""
        return [commit_from_actions(version, self._actions(version)) for version in range(first, last + 1)]

    def described(self, version: int) -> Description | None:
        """The table at `version`; None where neither the version checksum nor the commit contains its
        metadata and its protocol.

        By Delta's protocol a checksum file contains both of its version, but writers may omit it.
        """
        # The checksum first: it has the metadata of any
        # version, a commit only where it changed them.
        for records, key in ((self._checksum(version), "metadata"), (self._actions(version), "metaData")):
            metadata = next((each[key] for each in records if each.get(key)), None)
            protocol = next((each["protocol"] for each in records if each.get("protocol")), None)
            if metadata is not None and protocol is not None:
                features = frozenset(protocol.get("writerFeatures") or ())
                partitions = tuple(metadata.get("partitionColumns") or ())
                return Description(metadata["id"], metadata.get("configuration") or {}, partitions, features)
        return None

    def _checksum(self, version: int) -> Records:
        return [json.loads(line) for line in self.files.read(f"{version:020}.crc").splitlines()]

    def version_noted(self, note: str) -> int | None:
        """The newest of the last LOOK_BACK commits whose userMetadata is `note`."""
        newest = self.newest()
        # Newest first, since our own commit is at most a few versions back.
        for version in range(newest, max(newest - LOOK_BACK, -1), -1) if newest is not None else []:
            infos = [action["commitInfo"] for action in self._actions(version) if action.get("commitInfo")]
            if any(info.get("userMetadata") == note for info in infos):
                return version
        return None

    def _actions(self, version: int) -> Records:
        return [json.loads(line) for line in self.files.read(f"{version:020}.json").splitlines()]


def log_of(spark: SparkSession, folder: str, local: Path | None) -> LogFiles:
    """The log of the table in `folder` (`local`: where that is on this machine's disk)."""
    log = f"{folder}/_delta_log"
    if local is not None:
        return LogFiles(LocalFiles(local / "_delta_log"))
    return LogFiles(ArrowFiles(log) if is_remote(spark) else HadoopFiles(spark, log))
