"""What all compiled kernels share: the decorator, Arrow columns as NumPy arrays, one mixing function.

A kernel takes bytes and offsets, never Python strings. `text_buffers` gives both for any string column.
`slices` cuts a batch into runs of about a megabyte: intermediate arrays between two kernels fit the
processor's cache, and memory does not grow with the batch.
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

# bytes of text in one slice; a longer document is a slice of its own
SLICE_BYTES = 1 << 20

Bytes = npt.NDArray[np.uint8]
Codes = npt.NDArray[np.uint32]
Hashes = npt.NDArray[np.uint64]
Offsets = npt.NDArray[np.int64]


def _full_width_features() -> str | None:
    """The processor's features without LLVM's preference for 256-bit vectors; None: LLVM's own choice.

    LLVM halves 512-bit vectors on all Intel processors, since the first that had them lowered their clock.
    Ice Lake and Zen 4 and later do not. MinHash signatures take two thirds of the time with full vectors.
    """
    # avx512vbmi2 came with Ice Lake and Zen 4: the older processors that lower their clock lack it
    features = llvmlite.binding.get_host_cpu_features()
    return f"{features.flatten()},-prefer-256-bit" if features.get("avx512vbmi2") else None


# not where a user has named a processor, to share one cache between machines
if numba.config.CPU_NAME is None and numba.config.CPU_FEATURES is None:
    # at import: numba reads it at the first compilation, and it is part of the key of its cache
    numba.config.CPU_FEATURES = _full_width_features()


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: compile `function` at its first call, or load its code from the cache (`code_cache`).

    Nothing is compiled at import. A process compiles again, for some seconds a kernel, only where no folder
    can be written and no code was shipped with the package.

    The cache notices a change in the kernel's own file only: a kernel that called one of another file would
    keep the old code of that one. So kernels of different files exchange arrays and do not call each other.
    `mix64`, which never changes, is the one exception.
    """
    # nogil: threads of one worker may run kernels side by
    # side; "numpy": a division by zero is no exception
    compiled = numba.njit(nogil=True, error_model="numpy")(function)
    compiled._cache = KernelCache(function)
    if compiled._cache.cache_path:
        lock = Path(compiled._cache.cache_path, f"{function.__module__}.{function.__qualname__}.lock")
        compiled.compile = functools.partial(_one_at_a_time, compiled.compile, lock)
    return compiled


def _one_at_a_time(compile_: Callable[..., Any], lock: Path, signature: Any) -> Any:
    """Compile for a new signature under a file lock, in the place of numba's `compile`.

    All workers of a machine need a new kernel at the same moment: one compiles, the others wait and load.
    """
    # numba's own lock first: taken in the other order,
    # two threads of a process could wait for each other
    with global_compiler_lock, lock.open("a") as stream:
        # a file system without locks: each worker compiles, and the result is the same
        with contextlib.suppress(OSError):
            fcntl.flock(stream, fcntl.LOCK_EX)
        return compile_(signature)


@compiled
def mix64(x: np.uint64) -> np.uint64:
    """Mix all 64 bits of `x`: the finalizer of MurmurHash3 (Appleby, public domain), a bijection."""
    x ^= x >> np.uint64(33)
    x *= np.uint64(0xFF51AFD7ED558CCD)
    x ^= x >> np.uint64(33)
    x *= np.uint64(0xC4CEB9FE1A85EC53)
    return x ^ (x >> np.uint64(33))


def frozen(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A read-only view of `array`.

    Arrow's buffers are read-only, and numba compiles a kernel again for each mix of read-only and writable
    arguments: with all inputs frozen there is one version.
    """
    view = array.view()
    view.flags.writeable = False
    return view


def text_buffers(texts: pa.Array | pa.ChunkedArray) -> tuple[Bytes, Offsets]:
    """UTF-8 bytes (uint8) of a column of `n` texts and `n + 1` offsets into them (int64), both read-only.

        ["ab", null, "c"]  ->  bytes: a b c   offsets: 0, 2, 2, 3

    A null is an empty text. The first offset is not 0 when the column is a slice of a longer one. No bytes
    are copied, unless chunks have to be joined or nulls filled.

    Raises TypeError for a column that is neither string, large_string nor null.
    """
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
        # pyarrow leaves several chunks when their bytes do not fit 32-bit offsets
        if isinstance(texts, pa.ChunkedArray):
            texts = pa.concat_arrays([chunk.cast(pa.large_string()) for chunk in texts.chunks])
    if pa.types.is_null(texts.type):
        texts = texts.cast(pa.large_string())
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        raise TypeError(f"a column of texts is string or large_string, not {texts.type}")
    # Arrow leaves undefined what lies between the offsets of a null
    if texts.null_count:
        texts = pc.fill_null(texts, "")
    width = np.int64 if pa.types.is_large_string(texts.type) else np.int32
    _, offsets, data = texts.buffers()
    # an empty column may come without buffers
    if not len(texts) or offsets is None:
        return frozen(np.zeros(0, np.uint8)), frozen(np.zeros(len(texts) + 1, np.int64))
    ends = np.frombuffer(offsets, width)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    return frozen(np.frombuffer(data if data is not None else b"", np.uint8)), frozen(ends)


def slices(offsets: Offsets, limit: int = SLICE_BYTES) -> Iterator[tuple[int, int]]:
    """Runs of rows `[first, last)` that span at most `limit` bytes each; a row that spans more is a run.

    offsets 0, 4, 9, 10 and limit 8  ->  (0, 1), (1, 3)
    """
    first, rows = 0, len(offsets) - 1
    while first < rows:
        last = int(np.searchsorted(offsets, offsets[first] + limit, side="right")) - 1
        last = min(max(last, first + 1), rows)
        yield first, last
        first = last
