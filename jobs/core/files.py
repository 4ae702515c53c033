"""Lists what an ingest reads, on any Hadoop file system, and gives the listing a fingerprint."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

from jobs.core.errors import ConfigError, ContractError
from jobs.lake.names import local_path

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Listing:
    """The files of one ingest, sorted by path: (path, bytes); `batch` is the default name, `fingerprint` changes when a file does."""

    root: str
    files: tuple[tuple[str, int], ...]
    fingerprint: str

    @property
    def batch(self) -> str:
        """Default batch name: the last part of the input path."""
        return self.root.rstrip("/").rsplit("/", 1)[-1]


def listing(spark: SparkSession, where: str | None, params: Any) -> Listing:
    """Files below `where`, without hidden ones (names that begin with `_` or `.`).

    Raises ConfigError when nothing is named, nothing is there, or the folder is empty.
    """
    if not where:
        raise ConfigError("ingest: no input; give --input PATH or write `input:` in the recipe")
    found = _local(where) if urlparse(where).scheme in ("", "file") else _hadoop(spark, where)
    seen = sorted((path, size, stamp) for path, size, stamp in found if not any(part[0] in "_." for part in path[len(where):].split("/") if part))
    if not seen:
        raise ConfigError(f"{where}: no files to ingest (seen: {len(found)} hidden ones); name a file or a folder that holds some")
    text = "\n".join(f"{path[len(where):]}\t{size}\t{stamp}" for path, size, stamp in seen)
    digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
    return Listing(where, tuple((path, size) for path, size, _ in seen), digest)


def _local(where: str) -> list[tuple[str, int, int]]:
    root = Path(urlparse(where).path if where.startswith("file:") else where)
    if not root.exists():
        raise ConfigError(f"{where}: no such file or folder; name what to ingest")
    paths = [root] if root.is_file() else [path for path in root.rglob("*") if path.is_file()]
    base = root.resolve()
    prefix = where.rstrip("/")
    return [(prefix + str(p.resolve())[len(str(base)):], p.stat().st_size, p.stat().st_mtime_ns // 1_000_000) for p in paths]


def _hadoop(spark: SparkSession, where: str) -> list[tuple[str, int, int]]:
    path = spark._jvm.org.apache.hadoop.fs.Path(where)
    system = path.getFileSystem(spark._jsc.hadoopConfiguration())
    if not system.exists(path):
        raise ConfigError(f"{where}: no such file or folder; name what to ingest")
    found, walk = [], system.listFiles(path, True)
    while walk.hasNext():
        status = walk.next()
        found.append((status.getPath().toString(), status.getLen(), status.getModificationTime()))
    return found


def folders(where: str) -> list[str | None]:
    """The folders directly below a local path, sorted: one batch each. Raises ConfigError when there is none."""
    root = Path(urlparse(where).path if where.startswith("file:") else where)
    found = sorted(str(path) for path in root.iterdir() if path.is_dir() and path.name[0] not in "._") if root.is_dir() else []
    if not found:
        raise ConfigError(f"{where}: no folders below it, and batch_per_folder takes each folder as a batch; set it to false or name another input")
    return list(found)


def exists(spark: SparkSession, where: str) -> bool:
    """Whether a file is there, on any Hadoop file system."""
    local = local_path(where)
    if local is not None:
        return local.is_file()
    path = spark._jvm.org.apache.hadoop.fs.Path(where)
    return bool(path.getFileSystem(spark._jsc.hadoopConfiguration()).exists(path))


def write_text(spark: SparkSession, where: str, text: str) -> None:
    """`write_bytes` of a text in UTF-8."""
    write_bytes(spark, where, text.encode())


def write_bytes(spark: SparkSession, where: str, data: bytes) -> None:
    """Write a file, whole or not at all on a local disk, on any Hadoop file system; folders are made, an older file is replaced."""
    target = local_path(where)
    if target is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        part.write_bytes(data)
        part.replace(target)
        return
    path = spark._jvm.org.apache.hadoop.fs.Path(where)
    stream = path.getFileSystem(spark._jsc.hadoopConfiguration()).create(path, True)
    try:
        stream.write(bytearray(data))
    finally:
        stream.close()


def read_bytes(spark: SparkSession, where: str) -> bytes:
    """A whole file, on any Hadoop file system. Raises ContractError when it is not there."""
    if not exists(spark, where):
        raise ContractError(f"{where}: no such file, though a table names it; run the job that writes it again")
    local = local_path(where)
    if local is not None:
        return local.read_bytes()
    row = spark.read.format("binaryFile").load(where).select("content").first()
    return bytes(row["content"]) if row else b""
