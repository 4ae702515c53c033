"""Where the machine code of kernels is kept, so that a cluster compiles each once and not each Python worker.

numba's own cache goes by the time and path of a source file, which neither a zip on `--py-files` nor an
unpacked archive keeps. Here it goes by the source's content: what `python -m gristmill.jobs.lake.ship
--compile` or any run has put beside the sources is found wherever they are brought, in a zip too and where
nothing can be written. What is missing is compiled and kept in the first of these that can be written:
NUMBA_CACHE_DIR, `__pycache__` beside the source, the user's cache folder, the temporary folder (in a folder
of this user alone, as code is loaded from it). Code is of one processor: for another one nothing is found,
and it is compiled.
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

# in the folder of the sources, as numba has it
BESIDE = "__pycache__"
SUFFIXES = (".nbi", ".nbc")  # indexes, and code
# called before a kernel is compiled, with the folder that keeps it ("" where none can be written)
BEFORE_COMPILING: list[Callable[[str], None]] = []


def stamp_of(source: bytes) -> str:
    """Names the content of a source file."""
    return hashlib.blake2b(source, digest_size=12).hexdigest()


def is_current(index: Path) -> bool:
    """Whether an index beside the sources was made of the source as it stands, by the numba that is here."""
    source = index.parent.parent / f"{index.name.split('.', 1)[0]}.py"
    with contextlib.suppress(OSError, EOFError, pickle.UnpicklingError), index.open("rb") as stream:
        is_same_numba = pickle.load(stream) == numba.__version__
        return is_same_numba and pickle.load(stream)[0] == stamp_of(source.read_bytes())
    return False


class Locator(_CacheLocator):  # type: ignore[misc]
    """numba's question where the code of a function belongs."""

    def __init__(self, function: Callable[..., Any], path: str) -> None:
        self._function, self._path = function, path
        self._stamp = stamp_of(read_beside(function, Path(path).name))
        self._folder = writable_folder(str(Path(path).parent), self._stamp)

    def get_cache_path(self) -> str:
        """The folder that can be written; "" where there is none."""
        return self._folder

    def ensure_cache_path(self) -> None:
        """Nothing: the folder was tried."""

    def get_source_stamp(self) -> str:
        """See `stamp_of`."""
        return self._stamp

    def get_disambiguator(self) -> str:
        """Of functions of one name in a file."""
        return str(self._function.__code__.co_firstlineno)

    @classmethod
    def from_function(cls, function: Callable[..., Any], path: str) -> Locator:
        """What numba calls. Raises OSError where the source cannot be read."""
        return cls(function, path)


class _Impl(CompileResultCacheImpl):  # type: ignore[misc]
    _locator_classes = (Locator,)


class KernelCache(FunctionCache):  # type: ignore[misc]
    """numba's cache of a function by its source's content, and behind it what came with the package."""

    _impl_class = _Impl

    def _load_overload(self, sig: Any, target_context: Any) -> Any:
        found = super()._load_overload(sig, target_context)
        if found is None:
            data = self._brought(self._index_key(sig, target_context.codegen()))
            found = None if data is None else self._impl.rebuild(target_context, data)
        if found is None:
            for tell in BEFORE_COMPILING:
                tell(self.cache_path)
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code, where it can be kept."""
        if self.cache_path:
            super().save_overload(sig, data)

    def _brought(self, key: Any) -> Any:
        """What lies beside the source under the key; None where nothing does."""
        with contextlib.suppress(OSError):
            index = io.BytesIO(read_beside(self._py_func, f"{BESIDE}/{self._impl.filename_base}.nbi"))
            if pickle.load(index) == numba.__version__:
                stamp, overloads = pickle.load(index)
                if stamp == self._impl.locator.get_source_stamp() and key in overloads:
                    return pickle.loads(read_beside(self._py_func, f"{BESIDE}/{overloads[key]}"))
        return None


class Record:
    """The file that says that the kernels of `gristmill.udfs.warm_up` are there, for this source and
    this processor."""

    def __init__(self) -> None:
        here = Path(__file__).parent
        seen = hashlib.blake2b(digest_size=12)
        for path in sorted(here.parent.rglob("*.py")):
            seen.update(path.read_bytes())
        named = [os.environ.get(name, "") for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")]
        seen.update(repr((numba.__version__, llvmlite.binding.get_host_cpu_name(), named)).encode())
        self.digest = seen.hexdigest()
        self.folder = writable_folder(str(here), "")

    def is_there(self) -> bool:
        """Whether nothing is left to compile; True, too, where nothing that is compiled could be kept."""
        with contextlib.suppress(OSError):
            return not self.folder or Path(self.folder, "compiled.txt").read_text() == self.digest
        return False

    def write(self) -> None:
        """Say so from now on."""
        if self.folder:
            Path(self.folder, "compiled.txt").write_text(self.digest)


def read_beside(function: Callable[..., Any], name: str) -> bytes:
    """A file in the folder of a function's source, out of a zip too. Raises OSError when it is not there."""
    loader = getattr(sys.modules.get(function.__module__), "__loader__", None)
    archive = getattr(loader, "archive", None)
    # by the module's name: what the code says of its file may be relative to another folder
    if archive is not None:
        inside = "/".join([*function.__module__.split(".")[:-1], name])
        return bytes(loader.get_data(f"{archive}{os.sep}{inside}"))  # type: ignore[union-attr]
    return (Path(inspect.getfile(function)).parent / name).read_bytes()


def writable_folder(sources: str, stamp: str) -> str:
    """The folder for what is compiled of a source file below `sources`; "" where none can be written.

    Other than the one beside the sources, a folder is shared by all versions of the package, so by `stamp`.
    """
    named = numba.config.CACHE_DIR
    user = AppDirs(appname="gristmill", appauthor=False).user_cache_dir
    own = f"{tempfile.gettempdir()}/gristmill-kernels-{os.getuid()}"
    places = [(f"{sources}/{BESIDE}", ""), (f"{user}/kernels", stamp), (own, stamp)]
    for place, below in [(named, stamp)] if named else places:
        if _can_write(place) and (place != own or _is_private(place)):
            with contextlib.suppress(OSError):
                folder = Path(place, below)
                folder.mkdir(exist_ok=True)
                return str(folder)
    return ""


@functools.lru_cache(maxsize=64)
def _can_write(folder: str) -> bool:
    """Whether a folder is there, or can be made, and takes files."""
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _is_private(folder: str) -> bool:
    """Whether a folder, where anybody could have made it, is this user's and nobody else may write there."""
    found = os.lstat(folder)
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o022
