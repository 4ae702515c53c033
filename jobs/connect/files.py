"""Files of a URL (s3a://, gs://, hdfs://) without a JVM, by pyarrow: for a client of Spark Connect.

The client needs its own credentials for the store, in its environment. Paths of this machine, volumes among
them, are no URLs and are opened as usual.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gristmill.jobs.core.errors import ConfigError
from gristmill.udfs.edit.shards import file_system_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyarrow import fs


@dataclass(frozen=True)
class Entry:
    """A file or folder: its name below the place that was listed ("": that itself), bytes, and milliseconds
    since 1970 (0: unknown)."""

    name: str
    is_folder: bool
    size: int
    modified: int


def system_of(where: str) -> tuple[fs.FileSystem, str]:
    """The file system of a URL, and the path in it. Raises ConfigError for a scheme that pyarrow does not
    know."""
    try:
        return file_system_of(where)
    except ValueError as error:
        raise ConfigError(
            f"{error}. Through Spark Connect files are opened by this client, not by the server; name a "
            "volume (/Volumes/...), a folder that both see, or a URL of s3a, gs, abfs or hdfs"
        ) from error


def exists(where: str) -> bool:
    """Whether a file or a folder is there."""
    from pyarrow import fs

    system, path = system_of(where)
    return bool(system.get_file_info(path).type != fs.FileType.NotFound)


def is_file(where: str) -> bool:
    """Whether a file is there."""
    system, path = system_of(where)
    return bool(system.get_file_info(path).is_file)


def entries(where: str, is_deep: bool) -> Iterator[Entry]:
    """What is in a folder, or with `is_deep` all files below it; the file itself, where it is one; nothing
    where nothing is."""
    from pyarrow import fs

    system, path = system_of(where)
    base = path.rstrip("/")
    info = system.get_file_info(base)
    below = fs.FileSelector(base, allow_not_found=True, recursive=is_deep)
    for each in [info] if info.is_file else system.get_file_info(below):
        is_folder = each.type == fs.FileType.Directory
        if not (is_deep and is_folder):
            name = each.path[len(base) + 1 :]
            modified = each.mtime_ns // 1_000_000 if each.mtime_ns is not None else 0
            yield Entry(name, is_folder, each.size or 0, modified)


def read(where: str) -> bytes:
    """A whole file; empty for a missing one."""
    system, path = system_of(where)
    try:
        with system.open_input_file(path) as stream:
            return bytes(stream.read())
    except FileNotFoundError:
        return b""


def write(where: str, data: bytes) -> None:
    """Write a file, and the folders above it; an older one is replaced."""
    system, path = system_of(where)
    system.create_dir(path.rpartition("/")[0], recursive=True)
    with system.open_output_stream(path) as stream:
        stream.write(data)


def remove(where: str) -> None:
    """Delete a file, or a folder with its contents; a missing one is no error."""
    from pyarrow import fs

    system, path = system_of(where)
    kind = system.get_file_info(path).type
    if kind == fs.FileType.File:
        system.delete_file(path)
    elif kind == fs.FileType.Directory:
        system.delete_dir(path)


def remove_old(folder: str, prefix: str, seconds: float) -> None:
    """Delete the folders PREFIX-RUN in `folder` whose newest file was written more than `seconds` ago."""
    oldest = (time.time() - seconds) * 1000
    for each in entries(folder, is_deep=False):
        if each.is_folder and each.name.rsplit("-", 1)[0] == prefix:
            times = [file.modified for file in entries(f"{folder}/{each.name}", is_deep=True)]
            if times and max(times) < oldest:
                remove(f"{folder}/{each.name}")


class ArrowFiles:
    """A folder behind a URL, as gristmill.jobs.lake.log_files reads the log of a table."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Names of the files; none for a missing folder."""
        return [each.name for each in entries(self.folder, is_deep=False)]

    def read(self, name: str) -> bytes:
        """A file's bytes; empty for a missing one."""
        return read(f"{self.folder}/{name}")
