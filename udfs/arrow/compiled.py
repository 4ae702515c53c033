"""What every compiled kernel here shares: how it is compiled, how it sees an Arrow column, one mixing
function.

A kernel takes offsets and bytes, never Python strings. `text_buffers` gives both for any string column;
`slices` cuts a batch into runs of about a megabyte, so that what lies between two kernels stays in the cache
and the memory of a stage does not grow with the batch.
"""

import contextlib
import fcntl
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import llvmlite.binding
import numba
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba.core.compiler_lock import global_compiler_lock

from gristmill.udfs.arrow.code_cache import KernelCache

# text that goes through the kernels at once; a longer document goes alone
SLICE_BYTES = 1 << 20

Bytes = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.uint32]
Hashes = npt.NDArray[np.uint64]
Offsets = npt.NDArray[np.int64]


def _whole_vectors() -> str | None:
    """Features of the processor by which LLVM takes all 512 bits of its vectors, where that costs no clock
    (Ice Lake and Zen 4 on); else None: its own choice.

    LLVM halves them on all Intel processors, because the first that had them ran slower then. Signatures take
    two thirds of the time this way.
    """
    features = llvmlite.binding.get_host_cpu_features()
    return f"{features.flatten()},-prefer-256-bit" if features.get("avx512vbmi2") else None


# (a user may have named another processor, to share a cache)
if numba.config.CPU_NAME is None and numba.config.CPU_FEATURES is None:
    # read at the first compilation, part of the key of numba's cache
    numba.config.CPU_FEATURES = _whole_vectors()


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile `function` at its first call, or take the machine code that is there: see
    gristmill.udfs.arrow.code_cache.

    Nothing is compiled at import. Only where no folder at all can be written, and no code came with the
    package, is it compiled again in each process, which takes seconds.

    A change is noticed of the kernel's own file only: a kernel that calls one of another file would go on
    with the old one. So kernels meet across files in arrays, and `mix64` is the one exception, which never
    changes.
    """
    compiled = numba.njit(nogil=True, error_model="numpy")(function)
    compiled._cache = KernelCache(function)
    if compiled._cache.cache_path:
        lock = Path(compiled._cache.cache_path, f"{function.__module__}.{function.__qualname__}.lock")
        compiled.compile = functools.partial(_one_at_a_time, compiled.compile, lock)
    return compiled


def _one_at_a_time(compile_: Callable[..., Any], lock: Path, signature: Any) -> Any:
    """What numba calls for a new signature: of the workers of a machine, which all meet a kernel at once, one
    compiles and the others load.

    numba's own lock is taken first, so that no thread of this process waits for the file while another waits
    for numba.
    """
    with global_compiler_lock, lock.open("a") as stream:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(stream, fcntl.LOCK_EX)
        return compile_(signature)


@compiled
def mix64(x: np.uint64) -> np.uint64:
    """Spread every bit of `x` over all 64: the finalizer of MurmurHash3, a bijection (Appleby, public
    domain)."""
    x ^= x >> np.uint64(33)
    x *= np.uint64(0xFF51AFD7ED558CCD)
    x ^= x >> np.uint64(33)
    x *= np.uint64(0xC4CEB9FE1A85EC53)
    return x ^ (x >> np.uint64(33))


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The same array, read-only: Arrow's buffers are, and numba compiles a kernel once for each mix of
    the two."""
    view = array.view()
    view.flags.writeable = False
    return view


def text_buffers(texts: pa.Array | pa.ChunkedArray) -> tuple[Bytes, Offsets]:
    """The UTF-8 bytes of a string column and its `n + 1` offsets; a null is an empty text. Both are
    read-only.

    Raises TypeError when the column holds anything but strings.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
        # pyarrow keeps what does not fit 32-bit offsets in several chunks
        if isinstance(texts, pa.ChunkedArray):
            texts = pa.concat_arrays([chunk.cast(pa.large_string()) for chunk in texts.chunks])
    if pa.types.is_null(texts.type):
        texts = texts.cast(pa.large_string())
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        raise TypeError(f"a column of texts is string or large_string, not {texts.type}")
    if texts.null_count:
        texts = pc.fill_null(texts, "")
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    _, offsets, data = texts.buffers()
    if not len(texts) or offsets is None:
        return frozen(np.zeros(0, np.uint8)), frozen(np.zeros(len(texts) + 1, np.int64))
    ends = np.frombuffer(offsets, width)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    return frozen(np.frombuffer(data if data is not None else b"", np.uint8)), frozen(ends)


def slices(offsets: Offsets, limit: int = SLICE_BYTES) -> Iterator[tuple[int, int]]:
    """Cut rows into runs `[first, last)` whose offsets span at most `limit`, or one row when that row
    alone spans more."""
    first, rows = 0, len(offsets) - 1
    while first < rows:
        last = int(np.searchsorted(offsets, offsets[first] + limit, side="right")) - 1
        last = min(max(last, first + 1), rows)
        yield first, last
        first = last
