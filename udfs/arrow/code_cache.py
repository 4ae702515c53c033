"""The cache of compiled kernels: a cluster compiles each kernel once, not once in every Python worker.

numba's own cache compares the time and path of a source file. A zip on `--py-files` has no times and an
unpacked archive has other paths, so that cache never fits shipped code. This one compares the content of the
source file. Machine code in `__pycache__` next to a source (`python -m gristmill.jobs.lake.ship --compile`
writes it, and so does any run) is valid wherever both are copied, inside a zip and on read-only disks too.

Missing code is compiled and saved in the first of these folders that can be written: NUMBA_CACHE_DIR,
`__pycache__` next to the source, the user's cache folder, a folder of this user in the temporary folder.
Machine code fits one processor model; another one compiles its own.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import io
import os
import pickle
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache, _CacheLocator
from numba.misc.appdirs import AppDirs

# in the folder of the sources: numba's own default
CACHE_FOLDER = "__pycache__"
# numba's suffixes of an index and of machine code
SUFFIXES = (".nbi", ".nbc")
# Called before a kernel is compiled, with the folder that will keep it
# ("" where none can be written). A list of callbacks, since compiling
# starts deep inside numba and no caller of a kernel sees it.
BEFORE_COMPILING: list[Callable[[str], None]] = []


def stamp_of(source: bytes) -> str:
    """24 hex digits that identify the content of a source file."""
    return hashlib.blake2b(source, digest_size=12).hexdigest()


def is_current(index: Path) -> bool:
    """Whether an index (`.nbi` in CACHE_FOLDER) fits the present source file and the installed numba."""
    # numba names an index `module.function-line.python.nbi`:
    # the module is the part before the first dot
    source = index.parent.parent / f"{index.name.split('.', 1)[0]}.py"
    with contextlib.suppress(OSError, EOFError, pickle.UnpicklingError), index.open("rb") as stream:
        # an index holds two pickles: numba's version, then (stamp, overloads)
        is_same_numba = pickle.load(stream) == numba.__version__
        return is_same_numba and pickle.load(stream)[0] == stamp_of(source.read_bytes())
    return False


class Locator(_CacheLocator):  # type: ignore[misc]
    """Answers numba's question where the code of a function is cached."""

    def __init__(self, function: Callable[..., Any], path: str) -> None:
        self._function, self._path = function, path
        self._stamp = stamp_of(read_sibling(function, Path(path).name))
        self._folder = writable_folder(str(Path(path).parent), self._stamp)

    def get_cache_path(self) -> str:
        """The folder for new code; "" where none can be written."""
        return self._folder

    def ensure_cache_path(self) -> None:
        """Nothing to do: `writable_folder` has created the folder."""

    def get_source_stamp(self) -> str:
        """See `stamp_of`."""
        return self._stamp

    def get_disambiguator(self) -> str:
        """Tells functions of one name in a file apart: the line of the definition."""
        return str(self._function.__code__.co_firstlineno)

    @classmethod
    def from_function(cls, function: Callable[..., Any], path: str) -> Locator:
        """The constructor that numba calls. Raises OSError where the source cannot be read."""
        return cls(function, path)


class _Impl(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (Locator,)


class KernelCache(FunctionCache):  # type: ignore[misc]
    """numba's cache of one function: first the writable folder, then code shipped next to the source."""

    _impl_class = _Impl

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        code = super()._load_overload(sig, target_context)
        if code is None:
            data = self._shipped_code(self._index_key(sig, target_context.codegen()))
            code = None if data is None else self._impl.rebuild(target_context, data)
        if code is None:
            for callback in BEFORE_COMPILING:
                callback(self.cache_path)
        return code

    def save_overload(self, sig: Any, data: Any) -> None:
        """Save the code, where a folder can be written."""
        if self.cache_path:
            super().save_overload(sig, data)

    def _shipped_code(self, key: Any) -> Any:
        """The code next to the source for a signature and processor (`key`); None where there is none."""
        # by the module's loader, since inside a zip there is no path that numba could open
        with contextlib.suppress(OSError):
            index = io.BytesIO(read_sibling(self._py_func, f"{CACHE_FOLDER}/{self._impl.filename_base}.nbi"))
            if pickle.load(index) == numba.__version__:
                stamp, overloads = pickle.load(index)
                if stamp == self._impl.locator.get_source_stamp() and key in overloads:
                    return pickle.loads(read_sibling(self._py_func, f"{CACHE_FOLDER}/{overloads[key]}"))
        return None


class Record:
    """A file that records that all kernels of `gristmill.udfs.warm_up` are compiled.

    It holds a digest of all sources, numba's version and the processor: another of these makes it invalid.
    One read replaces a look at every kernel's index, for which all modules would have to be imported.
    """

    def __init__(self) -> None:
        folder = Path(__file__).parent
        digest = hashlib.blake2b(digest_size=12)
        # sorted: the order of a directory differs from machine to machine
        for path in sorted(folder.parent.rglob("*.py")):
            digest.update(path.read_bytes())
        # code may be compiled for another processor than this one, which these two variables name
        target = [os.environ.get(name, "") for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")]
        digest.update(repr((numba.__version__, llvmlite.binding.get_host_cpu_name(), target)).encode())
        self.digest = digest.hexdigest()
        self.folder = writable_folder(str(folder), "")

    def is_complete(self) -> bool:
        """Whether nothing is left to compile; True, too, where compiled code could not be saved."""
        with contextlib.suppress(OSError):
            return not self.folder or Path(self.folder, "compiled.txt").read_text() == self.digest
        return False

    def write(self) -> None:
        """Record that all kernels are compiled."""
        if self.folder:
            Path(self.folder, "compiled.txt").write_text(self.digest)


def read_sibling(function: Callable[..., Any], name: str) -> bytes:
    """A file in the folder of a function's source, also inside a zip. Raises OSError when it is missing."""
    loader = getattr(sys.modules.get(function.__module__), "__loader__", None)
    archive = getattr(loader, "archive", None)
    # by the module's name: the file name in the code object may be relative to another folder
    if archive is not None:
        inside = "/".join([*function.__module__.split(".")[:-1], name])
        return bytes(loader.get_data(f"{archive}{os.sep}{inside}"))  # type: ignore[union-attr]
    return (Path(inspect.getfile(function)).parent / name).read_bytes()


def writable_folder(sources: str, stamp: str) -> str:
    """The folder for code compiled from a source file in `sources`; "" where none can be written.

    All folders but the one next to the sources are shared by all versions of the package, so each version
    has a folder below them, named by `stamp`.
    """
    chosen = numba.config.CACHE_DIR
    user = AppDirs(appname="gristmill", appauthor=False).user_cache_dir
    own = f"{tempfile.gettempdir()}/gristmill-kernels-{os.getuid()}"
    candidates = [(f"{sources}/{CACHE_FOLDER}", ""), (f"{user}/kernels", stamp), (own, stamp)]
    for parent, below in [(chosen, stamp)] if chosen else candidates:
        # Machine code is loaded from these folders. Anybody may create a name in the
        # temporary folder, so that one counts only if no other user can write there.
        if _can_write(parent) and (parent != own or _is_private(parent)):
            with contextlib.suppress(OSError):
                folder = Path(parent, below)
                folder.mkdir(exist_ok=True)
                return str(folder)
    return ""


@functools.lru_cache(maxsize=64)
def _can_write(folder: str) -> bool:
    """Whether a folder exists, or can be created, and takes files."""
    # by writing a file: permission bits do not show a full, read-only or network disk
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _is_private(folder: str) -> bool:
    """Whether a folder belongs to this user and nobody else may write there."""
    # lstat: a symbolic link of another user must not pass for the folder that it names
    status = os.lstat(folder)
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
