"""Lists the files of an input: each file once, by its identity and not by the links to it, with one name
relative to the input.

Plain Python: the walk over a local disk, and the reading of answers of Hadoop's file systems and pyarrow's.
`gristmill.jobs.lake.hadoop_files` chooses between them.
"""

from __future__ import annotations

import errno
import hashlib
import heapq
import json
import os
import re
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from gristmill.jobs.core.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from py4j.java_gateway import JavaObject

    from gristmill.jobs.connect.files import Entry

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
LOG = "_delta_log"
SHOWN = 5  # names that a message lists
LINK_TO_NOTHING = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR)

# A name relative to the input, as path components. As
# tuples `a/x` sorts before `a-b/x`, by component.
Parts = tuple[str, ...]
# the name of an entry that is not read, and the reason
Left = tuple[str, str]


class NoSuchInput(ConfigError):
    """The input does not exist."""


class NoFiles(ConfigError):
    """The input contains no file to read."""


@dataclass(frozen=True)
class File:
    """One file: the path to open, its name relative to the input, its size in bytes, its modification time in
    microseconds, and the store's etag."""

    path: str
    name: str
    size: int
    modified: int
    etag: str | None = None


@dataclass(frozen=True)
class Listing:
    """The files of one ingest, sorted by name. `root`: the input's real path or URI; `batch`: its batch name.

    `commit`: the newest log entry if the input is a Delta table, which can lose rows without a new file.
    """

    root: str
    batch: str
    files: tuple[File, ...]
    left: tuple[Left, ...]  # entries that are not read
    commit: str = ""

    @property
    def fingerprint(self) -> str:
        """32 hex digits that change with the root and with the name, size, time or etag of any file."""
        listed = [
            self.root,
            self.commit,
            [(each.name, each.size, each.modified, each.etag) for each in self.files],
        ]
        return hashlib.blake2b(json.dumps(listed).encode(), digest_size=16).hexdigest()

    @property
    def remark(self) -> str | None:
        """One line about the entries that are not read; None when there are none."""
        return "not read: " + summed_up(self.left) if self.left else None


@dataclass(frozen=True)
class Folder:
    """A folder that is a batch of its own: the path to open, its real path (the batch's root), and its
    name."""

    where: str
    root: str
    name: str


def summed_up(left: Iterable[Left]) -> str:
    """Entries grouped by the reason that they are not read: the number of each, and the first few names."""
    reasons: dict[str, list[str]] = {}
    for name, why in left:
        reasons.setdefault(why, []).append(name)
    return "; ".join(
        f"{len(names):,} {why} ({_some(sorted(names))})" for why, names in sorted(reasons.items())
    )


def _some(names: list[str]) -> str:
    return ", ".join(map(repr, names[:SHOWN])) + (", ..." if len(names) > SHOWN else "")


def is_hidden(name: str) -> bool:
    """Whether a name begins with `_` or `.`, which Hadoop and Spark do not read either."""
    return name[0] in "_."


def input_path(where: str) -> str | None:
    """The absolute path on this machine that a path or `file:` URI means; None for another file system.

    A URI is percent-decoded; `#` and `?` are taken literally, as characters of a file name. Raises
    ConfigError for another machine's `file:`.
    """
    scheme = SCHEME.match(where)
    if scheme is None:
        path = where if os.path.lexists(where) else os.path.expanduser(where)
    elif scheme[1].lower() == "file":
        path = where[len("file:") :]
        if path.startswith("//"):
            # file://HOST/path: only this host's files can be read here.
            host, slash, rest = path[2:].partition("/")
            if host not in ("", "localhost"):
                raise ConfigError(f"{where}: a file: URI of the machine {host}; write file:///PATH or a path")
            path = slash + rest
        path = unquote(path)
    else:
        return None
    return re.sub(
        r"^/+", "/", os.path.abspath(path) if ".." not in path.split("/") else os.path.realpath(path)
    )


def local_listing(where: str) -> Listing:
    """The files below a local path or `file:` URI.

    Raises NoSuchInput, or ConfigError for an entry that can be neither read nor skipped.
    """
    path = input_path(where)
    if path is None or not os.path.exists(path):
        raise NoSuchInput(f"{where}: no such file or folder; name what to ingest")
    root = os.path.realpath(path)
    batch = os.path.basename(path)
    if os.path.isdir(root):
        files, left = _walk(root)
    else:
        status = os.stat(root)
        if not stat.S_ISREG(status.st_mode):
            raise ConfigError(f"{where}: neither a file nor a folder; name what to ingest")
        files, left = [_file(root, (batch,), status)], []
    _refuse_odd(where, files)
    # A Delta table can lose rows by a commit that adds
    # no file, which sizes and times would not show.
    log = f"{root}/{LOG}"
    commit = _last_commit(os.listdir(log)) if os.path.isdir(log) else ""
    # Sorted, so that the fingerprint does not depend on the order of the directory entries.
    return Listing(root, batch, tuple(sorted(files, key=lambda file: file.name)), tuple(left), commit)


def _walk(root: str) -> tuple[list[File], list[Left]]:
    """The files below a folder, and the entries that are not read.

    Folders are visited once each, in the order of (reached by a link, name).
    """
    above = {_identity(str(folder)) for folder in Path(root).parents}
    # A priority queue with links last: a folder that is also linked
    # keeps its real name, whatever the order of the directory entries.
    waiting: list[tuple[bool, Parts, str]] = [(False, (), root)]
    folders: dict[tuple[int, int] | str, Parts] = {}
    entries: list[tuple[bool, Parts, str, os.stat_result]] = []
    left: list[Left] = []
    while waiting:
        is_linked, parts, path = heapq.heappop(waiting)
        identity = _identity(path)
        # By device and inode, which catches cycles of links that differ in their paths.
        if identity in folders or identity in above or _leads_up(path):
            left.append(
                (
                    "/".join(parts),
                    _link_to(folders[identity]) if identity in folders else "linked to a folder around it",
                )
            )
            continue
        folders[identity] = parts
        for name in _entries(path):
            below, full = (*parts, name), f"{path.rstrip('/')}/{name}"
            why, status = _seen(full) if not is_hidden(name) else ("hidden", None)
            link = is_linked or os.path.islink(full)
            if status is None:
                left.append(("/".join(below), str(why)))
            elif stat.S_ISDIR(status.st_mode):
                heapq.heappush(waiting, (link, below, full))
            else:
                entries.append((link, below, full, status))
    return _once(entries, left), left


def _leads_up(path: str) -> bool:
    """Whether a folder is a link to one of its own parents."""
    if not os.path.islink(path):
        return False
    return (os.path.realpath(os.path.dirname(path)) + "/").startswith(
        os.path.realpath(path).rstrip("/") + "/"
    )


def _once(entries: list[tuple[bool, Parts, str, os.stat_result]], left: list[Left]) -> list[File]:
    """Each file under the first of its names; the other names are added to `left`."""
    # Entries that no link leads to come first, so a file
    # keeps its real name and its links are skipped.
    names: dict[tuple[int, int] | str, Parts] = {}
    files = []
    for is_linked, parts, path, status in sorted(entries, key=lambda entry: entry[:2]):
        identity = (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)
        if identity in names:
            left.append(("/".join(parts), _link_to(names[identity])))
            continue
        names[identity] = parts
        files.append(_file(os.path.realpath(path) if is_linked else path, parts, status))
    return files


def _link_to(parts: Parts) -> str:
    return f"linked to what is read as {'/'.join(parts)!r}" if parts else "linked to the input itself"


def _identity(path: str) -> tuple[int, int] | str:
    # Some file systems report inode 0 for every file; there the real path is the identity.
    status = os.stat(path)
    return (status.st_dev, status.st_ino) if status.st_ino else os.path.realpath(path)


def _entries(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot be listed ({error.strerror}); give the right to read it, or ingest "
            "another folder"
        ) from error


def _seen(path: str) -> tuple[str | None, os.stat_result | None]:
    """The status of a file or folder, or the reason that the entry is neither."""
    try:
        status = os.stat(path)
    except OSError as error:
        if os.path.islink(path) and error.errno in LINK_TO_NOTHING:
            return "linked to nothing", None
        # Deleted between the listing and the look: no reason to fail a large ingest.
        if error.errno == errno.ENOENT:
            return "gone while the folder was listed", None
        raise ConfigError(
            f"{path}: cannot be looked at ({error.strerror}); give the right to, or take it away"
        ) from error
    if stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode):
        return None, status
    return "no regular file (socket, pipe or device)", None


def _file(path: str, parts: Parts, status: os.stat_result) -> File:
    return File(path, "/".join(parts), status.st_size, status.st_mtime_ns // 1000)


def _refuse_odd(where: str, files: list[File]) -> None:
    """Raises ConfigError naming the files that could not be read later, before anything is written."""
    # Spark's columns are UTF-8, so a name that is not cannot be recorded in batch_files.
    unnamed = [
        each.name.encode("utf-8", "backslashreplace").decode()
        for each in files
        if not _is_text(each.path + each.name)
    ]
    if unnamed:
        raise ConfigError(
            f"{where}: {len(unnamed):,} file names are no UTF-8 ({_some(unnamed)}); rename them"
        )
    # Checked now: an unreadable file would otherwise fail the ingest only when its turn comes.
    closed = [each.name for each in files if not os.access(each.path, os.R_OK)]
    if closed:
        raise ConfigError(
            f"{where}: {len(closed):,} files may not be read ({_some(closed)}); give the right to, "
            "or take them away"
        )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def local_folders(where: str) -> tuple[list[Folder], list[Left]]:
    """The folders directly below a local path, each once, and the entries that are not read.

    Raises ConfigError when there is no folder, or a file next to the folders: it would belong to no batch.
    """
    path = input_path(where)
    if path is None or not os.path.exists(path):
        raise NoSuchInput(f"{where}: no such file or folder; name what to ingest")
    root = os.path.realpath(path)
    taken = {_identity(str(folder)): () for folder in (Path(root), *Path(root).parents)}
    candidates, loose, left = [], [], []
    # A file as input has no folders; the empty list makes refuse_loose explain that.
    for name in _entries(root) if os.path.isdir(root) else []:
        full = f"{root.rstrip('/')}/{name}"
        why, status = _seen(full) if not is_hidden(name) else ("hidden", None)
        if status is None:
            left.append((name, str(why)))
        elif stat.S_ISDIR(status.st_mode):
            candidates.append((os.path.islink(full), name, full))
        else:
            loose.append(name)
    refuse_loose(where, loose, [name for _, name, _ in candidates])
    folders: dict[tuple[int, int] | str, Folder] = {}
    for _, name, full in sorted(candidates):
        identity = _identity(full)
        if identity in folders or identity in taken:
            left.append(
                (
                    name,
                    _link_to((folders[identity].name,))
                    if identity in folders
                    else "linked to a folder around it",
                )
            )
        else:
            folders[identity] = Folder(f"{path.rstrip('/')}/{name}", os.path.realpath(full), name)
    return sorted(folders.values(), key=lambda folder: folder.name), left


def refuse_loose(where: str, loose: list[str], folders: list[str]) -> None:
    """Raises ConfigError when an input whose folders are batches has none, or has files next to them."""
    if not folders:
        raise ConfigError(
            f"{where}: no folders below it, and batch_per_folder takes each folder as a batch; set "
            "it to false or name another input"
        )
    if loose:
        raise ConfigError(
            f"{where}: {len(loose):,} files beside the folders belong to no batch ({_some(sorted(loose))}), "
            "for batch_per_folder takes each "
            "folder as a batch; move them into a folder, hide them (_NAME), or set it to false. "
            "Nothing was read"
        )


def hadoop_listing(system: JavaObject, path: JavaObject, has_etags: Callable[[JavaObject], bool]) -> Listing:
    """As `local_listing`, of what Hadoop's `system.listFiles` answers below `path`; `has_etags(status)` tells
    whether it names contents.

    Names are cut from the path components of qualified paths, so it does not matter if only one of the two
    URIs has an authority (host).
    """
    whole = system.makeQualified(path)
    root, base = str(whole.toString()).rstrip("/"), str(whole.toUri().getPath()).rstrip("/")
    files, left, walk = [], [], system.listFiles(whole, True)
    while walk.hasNext():
        status = walk.next()
        at = status.getPath()
        name = name_below(base, str(at.toUri().getPath()))
        # A hidden folder hides all that is in it: _delta_log
        # and _temporary contain files with plain names.
        if any(is_hidden(part) for part in name.split("/")):
            left.append((name, "hidden"))
            continue
        # Object stores name contents by an etag; HDFS has none, and there size and time must do.
        etag = status.getEtag() if has_etags(status) else None
        files.append(
            File(
                str(at.toString()), name, int(status.getLen()), int(status.getModificationTime()) * 1000, etag
            )
        )
    commit = _last_commit([name.rpartition("/")[2] for name, _ in left if name.startswith(f"{LOG}/")])
    return Listing(
        root, root.rsplit("/", 1)[-1], tuple(sorted(files, key=lambda file: file.name)), tuple(left), commit
    )


def arrow_listing(where: str, entries: Iterable[Entry]) -> Listing:
    """As `hadoop_listing`, of the files below a URL as pyarrow lists them, which tells no etags."""
    root = where.rstrip("/")
    files, left = [], []
    for each in entries:
        if any(is_hidden(part) for part in each.name.split("/") if part):
            left.append((each.name, "hidden"))
        else:
            at = f"{root}/{each.name}" if each.name else root
            name = each.name or root.rsplit("/", 1)[-1]
            files.append(File(at, name, each.size, each.modified * 1000))
    commit = _last_commit([name.rpartition("/")[2] for name, _ in left if name.startswith(f"{LOG}/")])
    return Listing(
        root, root.rsplit("/", 1)[-1], tuple(sorted(files, key=lambda file: file.name)), tuple(left), commit
    )


def arrow_folders(where: str, entries: Iterable[Entry]) -> tuple[list[Folder], list[Left]]:
    """As `hadoop_folders`, of what pyarrow lists in a URL."""
    folders, loose, left = [], [], []
    for each in entries:
        if is_hidden(each.name):
            left.append((each.name, "hidden"))
        elif each.is_folder:
            at = f"{where.rstrip('/')}/{each.name}"
            folders.append(Folder(at, at, each.name))
        else:
            loose.append(each.name)
    refuse_loose(where, loose, [folder.name for folder in folders])
    return sorted(folders, key=lambda folder: folder.name), left


def hadoop_folders(where: str, system: JavaObject, path: JavaObject) -> tuple[list[Folder], list[Left]]:
    """As `local_folders`, of what Hadoop's `system.listStatus` answers for `path`."""
    folders, loose, left = [], [], []
    for status in system.listStatus(system.makeQualified(path)):
        at, name = str(status.getPath().toString()), str(status.getPath().getName())
        if is_hidden(name):
            left.append((name, "hidden"))
        elif status.isDirectory():
            folders.append(
                Folder(at, str(system.makeQualified(status.getPath()).toString()).rstrip("/"), name)
            )
        else:
            loose.append(name)
    refuse_loose(where, loose, [folder.name for folder in folders])
    return sorted(folders, key=lambda folder: folder.name), left


def _last_commit(names: Iterable[str]) -> str:
    # Log entries are numbers of 20 digits, so the greatest name is the newest commit.
    return max((name for name in names if name.endswith(".json") and name[:-5].isdigit()), default="")


def name_below(base: str, path: str) -> str:
    """The name of `path` below the folder `base`; of the input itself, when it is a file, its own.

    Raises ConfigError outside of it.
    """
    if path == base:
        return path.rsplit("/", 1)[-1]
    if not path.startswith(base + "/"):
        raise ConfigError(
            f"{path}: listed below {base}, where it does not stand; name the input as its file system does"
        )
    return path[len(base) + 1 :]
