"""Lists what an ingest reads, and reads and writes small files, on any Hadoop file system.

By the session's JVM; for a client of Spark Connect, which has none, by gristmill.jobs.connect.files. Files of
this machine, and volumes, need neither.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from gristmill.jobs.connect import files
from gristmill.jobs.core.errors import ConfigError, ContractError
from gristmill.jobs.lake import listing as lists
from gristmill.jobs.lake.listing import Folder, Left, Listing, NoSuchInput, input_path
from gristmill.jobs.lake.names import local_path
from gristmill.jobs.lake.session import is_remote

if TYPE_CHECKING:
    from py4j.java_gateway import JavaObject
    from pyspark.sql import SparkSession


def listing(spark: SparkSession, where: str | None) -> Listing:
    """Files below `where`, without hidden ones (names that begin with `_` or `.`).

    Raises ConfigError when nothing is named, NoSuchInput when nothing is there.
    """
    if not where:
        raise ConfigError("ingest: no input; give --input PATH or write `input:` in the recipe")
    if input_path(where) is not None:
        return lists.local_listing(where)
    if is_remote(spark):
        _need_input(files.exists(where), where)
        return lists.arrow_listing(where, files.entries(where, is_deep=True))
    system, path = _hadoop(spark, where)
    # EtagSource is an interface that S3A's and ABFS's
    # statuses implement; py4j needs Java's own isInstance.
    kind = spark._jvm.java.lang.Class.forName("org.apache.hadoop.fs.EtagSource")
    return lists.hadoop_listing(system, path, kind.isInstance)


def folders(spark: SparkSession, where: str) -> tuple[list[Folder], list[Left]]:
    """The folders directly below `where`, one batch each, and the entries that are not read.

    Raises ConfigError when there is no folder.
    """
    if input_path(where) is not None:
        return lists.local_folders(where)
    if is_remote(spark):
        _need_input(files.exists(where), where)
        return lists.arrow_folders(where, files.entries(where, is_deep=False))
    return lists.hadoop_folders(where, *_hadoop(spark, where))


def _hadoop(spark: SparkSession, where: str) -> tuple[JavaObject, JavaObject]:
    """The file system of an existing input, and its path. Raises NoSuchInput."""
    system, path = system_of(spark, where)
    _need_input(system.exists(path), where)
    return system, path


def _need_input(is_there: bool, where: str) -> None:
    if not is_there:
        raise NoSuchInput(f"{where}: no such file or folder; name what to ingest")


def system_of(spark: SparkSession, where: str) -> tuple[JavaObject, JavaObject]:
    """Hadoop's file system of a path or URL, and the path, as JVM objects; the file need not exist."""
    path = spark._jvm.org.apache.hadoop.fs.Path(where)
    return path.getFileSystem(spark._jsc.hadoopConfiguration()), path


def to_bytes(spark: SparkSession) -> Callable[[JavaObject], bytes]:
    """A function that reads a Hadoop stream to its end."""
    # Looked up once: py4j asks the JVM about each part
    # of a dotted class name, five calls for this one.
    read = spark._jvm.org.apache.commons.io.IOUtils.toByteArray
    return lambda stream: bytes(read(stream))


def exists(spark: SparkSession, where: str) -> bool:
    """Whether a file exists, on any Hadoop file system."""
    # Local files are read without the JVM, which costs a round trip for each call.
    local = local_path(where)
    if local is not None:
        return local.is_file()
    if is_remote(spark):
        return files.is_file(where)
    system, path = system_of(spark, where)
    return bool(system.exists(path))


def remove(spark: SparkSession, where: str) -> None:
    """Delete a file or a folder with its contents, on any Hadoop file system; a missing one is no error."""
    local = local_path(where)
    if local is not None:
        shutil.rmtree(local) if local.is_dir() else local.unlink(missing_ok=True)
        return
    if is_remote(spark):
        files.remove(where)
        return
    system, path = system_of(spark, where)
    system.delete(path, True)


def remove_old(spark: SparkSession, folder: str, prefix: str, seconds: float) -> None:
    """Delete the folders PREFIX-RUN in `folder` whose first file was written more than `seconds` ago."""
    if is_remote(spark):
        files.remove_old(folder, prefix, seconds)
        return
    system, path = system_of(spark, folder)
    oldest = (time.time() - seconds) * 1000
    for each in system.listStatus(path) if system.exists(path) else []:
        # By a file's time, since a folder on an object store has none.
        walk = system.listFiles(each.getPath(), True)
        is_meant = each.getPath().getName().rsplit("-", 1)[0] == prefix
        if is_meant and walk.hasNext() and walk.next().getModificationTime() < oldest:
            system.delete(each.getPath(), True)


def write_text(spark: SparkSession, where: str, text: str) -> None:
    """`write_bytes` of a text in UTF-8."""
    write_bytes(spark, where, text.encode())


def write_bytes(spark: SparkSession, where: str, data: bytes) -> None:
    """Write a file, whole or not at all on a local disk, on any Hadoop file system; folders are made, an
    older file is replaced."""
    target = local_path(where)
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        # Written next to the target and renamed, which is
        # atomic on one disk: a killed run leaves no half file.
        part = target.with_name(target.name + ".part")
        part.write_bytes(data)
        part.replace(target)
        return
    if is_remote(spark):
        files.write(where, data)
        return
    system, path = system_of(spark, where)
    stream = system.create(path, True)
    try:
        stream.write(bytearray(data))
    finally:
        stream.close()


def read_bytes(spark: SparkSession, where: str) -> bytes:
    """A whole file, on any Hadoop file system. Raises ContractError when it does not exist."""
    if not exists(spark, where):
        raise ContractError(
            f"{where}: no such file, though a table names it; run the job that writes it again"
        )
    local = local_path(where)
    if local is not None:
        return local.read_bytes()
    if is_remote(spark):
        return files.read(where)
    # By Spark, since reading a stream through py4j copies each byte array through a socket as text.
    row = spark.read.format("binaryFile").load(where).select("content").first()
    return bytes(row["content"]) if row else b""
