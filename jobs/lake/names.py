"""The one parser of a lake's name, and of what a path or URL means on this machine.

/data/lake  ./lake  lakes/demo  ~/lake  file:///data/my%20lake      a folder on this machine's disk
s3a://bucket/lake  hdfs:///lake  abfss://...                        a folder of another file system
gm  spark_catalog.gm  main.`my-team`.gold                           a schema of a catalog
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote

from gristmill.jobs.core.errors import ConfigError, ContractError
from gristmill.jobs.core.secrets import has_userinfo, masked

SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):/")
_PART = r"(?:`(?:[^`]|``)+`|[\w-]+)"
_SCHEMA = re.compile(rf"{_PART}(?:\.{_PART}){{0,2}}")
SPELLINGS = (
    "a folder is written with a slash or a dot in front (./gm, lakes/gm, /data/gm), "
    "a schema as spark_catalog.gm, what is no plain word in backticks"
)


@dataclass(frozen=True)
class LakeName:
    """A parsed lake name: the `parts` of a schema's name (empty for a path), or the `root` of a path.

    `root`: an absolute path on this machine's disk, never percent-encoded, or a URL, as Spark takes it.
    `local`: the same as a Path, None for a URL.
    """

    given: str
    parts: tuple[str, ...]
    root: str
    local: Path | None

    @property
    def sql(self) -> str:
        """The schema's name as SQL writes it."""
        return ".".join(map(quoted_name, self.parts))


def lake_name(given: str) -> LakeName:
    """Read a lake's name.

    Raises ConfigError, which gives both spellings, where it is neither a path nor a schema's name of one to
    three parts, and for a folder that one of the engines that open a lake would not find.
    """
    if is_path(given):
        local = local_path(given, "lake")
        if local is not None:
            _need_plain(local)
        return LakeName(given, (), str(local) if local else _clean(given.rstrip("/"), "lake"), local)
    if not _SCHEMA.fullmatch(given):
        spelling = (
            f"for a folder write ./{given}, for a schema spark_catalog.{quoted_name(given)}"
            if given.strip()
            else "name one"
        )
        raise ConfigError(
            f"lake {given!r}: neither a path nor the name of a schema (one to three parts); {spelling}. In "
            f"general {SPELLINGS}"
        )
    # Two backticks inside a quoted name mean one, as in SQL.
    parts = tuple(
        part[1:-1].replace("``", "`") if part[0] == "`" else part for part in re.findall(_PART, given)
    )
    return LakeName(given, parts, "", None)


# Tried with delta-rs 1.6, which the worker and small commits use: it
# reads `%41` as `A` and a backslash as a slash, and its writer fails on
# the others. All other characters work: tests/lake/test_hostile_paths.py.
_UNWRITABLE = re.compile(r"[\\\[\]^|]|%[0-9A-Fa-f]{2}")


def _need_plain(path: Path) -> None:
    """Raises ConfigError for a folder name that one of the engines would read as another name."""
    match = _UNWRITABLE.search(str(path))
    if match:
        raise ConfigError(
            f"lake {path}: {match.group(0)!r} in a lake's path is not what it seems to delta-rs; rename "
            f"the folder"
        )


def is_path(given: str) -> bool:
    """Whether a lake's name is a path or a URL: it holds a `/`, or begins with `.` or `~`."""
    return "/" in given or given.startswith((".", "~"))


def local_path(given: str, what: str = "path") -> Path | None:
    """The absolute path on this machine's disk that a path or a `file:` URI (which is decoded) names; None
    for another URL.

    A plain path is taken literally, `#`, `?` and `%` included. Links are followed, `~`
    is the user's home. Raises ConfigError for a control character, and for a `file:` URI of another host.
    """
    _clean(given, what)
    if given.startswith("file:"):
        return _of_uri(given, what)
    if SCHEME.match(given):
        return None
    try:
        # Resolved, because locks and caches go by the
        # path: two spellings of one lake must be one lake.
        return Path(given).expanduser().resolve()
    except RuntimeError as error:  # ~nobody
        raise ConfigError(f"{what} {given}: {error}; write the home folder out, or ./{given}") from None


def _of_uri(given: str, what: str) -> Path:
    host, path = "", given.removeprefix("file:")
    if path.startswith("//"):
        host, slash, below = path[2:].partition("/")
        path = slash + below
    if host not in ("", "localhost") or not path.startswith("/"):
        raise ConfigError(
            f"{what} {given}: wanted file:///absolute/path of this machine; a relative path is written "
            f"without file:"
        )
    return Path(_clean(unquote(path), what)).resolve()


def _clean(given: str, what: str) -> str:
    """`given`, unless it holds what Hadoop's paths or Delta's log cannot keep."""
    if has_userinfo(given):
        raise ConfigError(
            f"{what} {masked(given)}: a URL with a user's name and password; write it without: credentials "
            "come from the environment (docs/security.md)"
        )
    # Delta's log is JSON with percent-encoded paths, and
    # Hadoop's Path is a URI: both lose such characters.
    if any(ord(char) < 32 or ord(char) == 127 or 0xD800 <= ord(char) < 0xE000 for char in given):
        raise ConfigError(
            f"{what} {given!r}: a control character, or a byte that is no UTF-8, in a path; rename the folder"
        )
    return given


_OUT = "find out who has written it, and run the job that writes it again"


def inside(root: str, local: Path | None, path: str) -> str:
    """The file or folder `path`, as a table of the lake at `root` names it, in full; `local`: the root on
    this machine's disk, or None.

    Raises ContractError where it leads out of the lake: it is absolute or a URL, climbs by `..`, or passes
    through a symbolic link to elsewhere.
    """
    parts = path.split("/")
    if (
        path.startswith(("/", "~"))
        or re.match(r"[A-Za-z][\w+.-]*:", path)
        or not {"", ".", ".."}.isdisjoint(parts)
    ):
        raise ContractError(f"{root}: a table names the path {path!r}, which leads out of the lake; {_OUT}")
    if local is not None and not (local / path).resolve().is_relative_to(local.resolve()):
        raise ContractError(
            f"{root}: a table names the path {path!r}, a symbolic link on which leads out of the lake; {_OUT}"
        )
    return f"{root}/{path}"


def volume_of(parts: tuple[str, ...], mounts: Path = Path("/Volumes")) -> Path | None:
    """The volume `gristmill` of a schema (catalog, schema) of Unity Catalog, for files that are no tables;
    None where there is none."""
    volume = mounts.joinpath(*parts, "gristmill")
    return volume if len(parts) == 2 and volume.is_dir() else None


def quoted_name(text: str) -> str:
    """A SQL identifier in backticks."""
    return "`" + text.replace("`", "``") + "`"


def folder_of(parts: tuple[str, ...]) -> str:
    """The name of a folder that belongs to one schema alone, where several lakes share a parent folder."""
    return ".".join(quote(part, safe="").replace(".", "%2E") for part in parts)
