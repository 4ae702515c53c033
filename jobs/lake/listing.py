"""Lists the files of an input: each once, by what it is and not by what leads to it, under one name below the
input.

Plain Python: the walk over a local disk, and what an answer of Hadoop's file systems says.
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

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):/")
LOG = "_delta_log"
SHOWN = 5  # names that a message lists
LINK_TO_NOTHING = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR)

# a name below the input, in parts: folders sort before what only begins like them
Parts = tuple[str, ...]
# name of an entry that is not read, and why
Left = tuple[str, str]


class NoSuchInput(ConfigError):
    """The input is not there."""


class NoFiles(ConfigError):
    """The input holds no file that is read."""


@dataclass(frozen=True)
class File:
    """One file: what is opened, its name below the input, bytes, microseconds of its last change, the
    store's name of its content."""

    path: str
    name: str
    size: int
    modified: int
    etag: str | None = None


@dataclass(frozen=True)
class Listing:
    """The files of one ingest, by name. `root` is the input's real path or URI, `batch` the name that it
    gives a batch.

    `commit`: the last entry in the log of a Delta table, which can lose files and rows without a new file.
    """

    root: str
    batch: str
    files: tuple[File, ...]
    left: tuple[Left, ...]  # entries that are not read
    commit: str = ""

    @property
    def fingerprint(self) -> str:
        """Changes with the root and with the name, size, time or etag of any file; equal ones need not
        be read again."""
        listed = [
            self.root,
            self.commit,
            [(each.name, each.size, each.modified, each.etag) for each in self.files],
        ]
        return hashlib.blake2b(json.dumps(listed).encode(), digest_size=16).hexdigest()

    @property
    def remark(self) -> str | None:
        """One line that names what is not read; None when everything is."""
        return "not read: " + summed_up(self.left) if self.left else None


@dataclass(frozen=True)
class Folder:
    """A folder that is a batch of its own: how it is opened, the root that it stands for, and what it is
    called."""

    where: str
    root: str
    name: str


def summed_up(left: Iterable[Left]) -> str:
    """Entries by why they are not read: how many, and the first few by name."""
    reasons: dict[str, list[str]] = {}
    for name, why in left:
        reasons.setdefault(why, []).append(name)
    return "; ".join(
        f"{len(names):,} {why} ({_some(sorted(names))})" for why, names in sorted(reasons.items())
    )


def _some(names: list[str]) -> str:
    return ", ".join(map(repr, names[:SHOWN])) + (", ..." if len(names) > SHOWN else "")


def is_hidden(name: str) -> bool:
    """Names that begin with `_` or `.`, as every reader of such folders takes them."""
    return name[0] in "_."


def input_path(where: str) -> str | None:
    """The absolute path on this machine that a path or `file:` URI means; None for another file system.

    A URI is decoded, but for `#` and `?`: in the name of an input they are themselves. Raises ConfigError for
    another machine's `file:`.
    """
    scheme = SCHEME.match(where)
    if scheme is None:
        path = where if os.path.lexists(where) else os.path.expanduser(where)
    elif scheme[1].lower() == "file":
        path = where[len("file:") :]
        if path.startswith("//"):
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

    Raises NoSuchInput, or ConfigError for what can be neither read nor passed over.
    """
    given = input_path(where)
    if given is None or not os.path.exists(given):
        raise NoSuchInput(f"{where}: no such file or folder; name what to ingest")
    root = os.path.realpath(given)
    batch = os.path.basename(given)
    if os.path.isdir(root):
        files, left = _walk(root)
    else:
        found = os.stat(root)
        if not stat.S_ISREG(found.st_mode):
            raise ConfigError(f"{where}: neither a file nor a folder; name what to ingest")
        files, left = [_file(root, (batch,), found)], []
    _refuse_odd(where, files)
    log = f"{root}/{LOG}"
    commit = _last_commit(os.listdir(log)) if os.path.isdir(log) else ""
    return Listing(root, batch, tuple(sorted(files, key=lambda file: file.name)), tuple(left), commit)


def _walk(root: str) -> tuple[list[File], list[Left]]:
    """The files below a folder, and what is not read: folders in the order of (reached by a link?,
    name), each once."""
    above = {_identity(str(folder)) for folder in Path(root).parents}
    waiting: list[tuple[bool, Parts, str]] = [(False, (), root)]
    folders: dict[tuple[int, int] | str, Parts] = {}
    found: list[tuple[bool, Parts, str, os.stat_result]] = []
    left: list[Left] = []
    while waiting:
        is_linked, parts, path = heapq.heappop(waiting)
        identity = _identity(path)
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
                found.append((link, below, full, status))
    return _once(found, left), left


def _leads_up(path: str) -> bool:
    """Whether a folder is a link to one that holds it."""
    if not os.path.islink(path):
        return False
    return (os.path.realpath(os.path.dirname(path)) + "/").startswith(
        os.path.realpath(path).rstrip("/") + "/"
    )


def _once(found: list[tuple[bool, Parts, str, os.stat_result]], left: list[Left]) -> list[File]:
    """Each file under the first of its names; the others are told in `left`."""
    names: dict[tuple[int, int] | str, Parts] = {}
    files = []
    for is_linked, parts, path, status in sorted(found, key=lambda entry: entry[:2]):
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
    """What a file or folder is; or why it is neither."""
    try:
        status = os.stat(path)
    except OSError as error:
        if os.path.islink(path) and error.errno in LINK_TO_NOTHING:
            return "linked to nothing", None
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
    """Raises ConfigError naming the files that nobody could read later, before anything is written."""
    unnamed = [
        each.name.encode("utf-8", "backslashreplace").decode()
        for each in files
        if not _is_text(each.path + each.name)
    ]
    if unnamed:
        raise ConfigError(
            f"{where}: {len(unnamed):,} file names are no UTF-8 ({_some(unnamed)}); rename them"
        )
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
    """The folders directly below a local path, each once, and what beside them is not read.

    Raises ConfigError when there is none, or when a file lies beside them: it would belong to no batch.
    """
    given = input_path(where)
    if given is None or not os.path.exists(given):
        raise NoSuchInput(f"{where}: no such file or folder; name what to ingest")
    root = os.path.realpath(given)
    taken = {_identity(str(folder)): () for folder in (Path(root), *Path(root).parents)}
    found, loose, left = [], [], []
    for name in _entries(root) if os.path.isdir(root) else []:
        full = f"{root.rstrip('/')}/{name}"
        why, status = _seen(full) if not is_hidden(name) else ("hidden", None)
        if status is None:
            left.append((name, str(why)))
        elif stat.S_ISDIR(status.st_mode):
            found.append((os.path.islink(full), name, full))
        else:
            loose.append(name)
    refuse_loose(where, loose, [name for _, name, _ in found])
    folders: dict[tuple[int, int] | str, Folder] = {}
    for _, name, full in sorted(found):
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
            folders[identity] = Folder(f"{given.rstrip('/')}/{name}", os.path.realpath(full), name)
    return sorted(folders.values(), key=lambda folder: folder.name), left


def refuse_loose(where: str, loose: list[str], folders: list[str]) -> None:
    """Raises ConfigError when an input whose folders are batches has none, or has files beside them."""
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

    Names are cut from the path parts of qualified paths: an authority that only one of the two spells out
    does not move the cut.
    """
    whole = system.makeQualified(path)
    root, base = str(whole.toString()).rstrip("/"), str(whole.toUri().getPath()).rstrip("/")
    files, left, walk = [], [], system.listFiles(whole, True)
    while walk.hasNext():
        status = walk.next()
        at = status.getPath()
        name = name_below(base, str(at.toUri().getPath()))
        if any(is_hidden(part) for part in name.split("/")):
            left.append((name, "hidden"))
            continue
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


def hadoop_folders(where: str, system: JavaObject, path: JavaObject) -> tuple[list[Folder], list[Left]]:
    """As `local_folders`, of what Hadoop's `system.listStatus` answers for `path`."""
    found, loose, left = [], [], []
    for status in system.listStatus(system.makeQualified(path)):
        at, name = str(status.getPath().toString()), str(status.getPath().getName())
        if is_hidden(name):
            left.append((name, "hidden"))
        elif status.isDirectory():
            found.append(Folder(at, str(system.makeQualified(status.getPath()).toString()).rstrip("/"), name))
        else:
            loose.append(name)
    refuse_loose(where, loose, [folder.name for folder in found])
    return sorted(found, key=lambda folder: folder.name), left


def _last_commit(names: Iterable[str]) -> str:
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
