"""doc_ids as numbers: 16 bytes each instead of a Python string of 32 characters.

"000000000000000000000000000000ff"   <->   high 0, low 255
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.arrow.compiled import compiled, frozen

Halves = npt.NDArray[np.uint64]


@compiled
def _halves(digits):  # type: ignore[no-untyped-def]
    halves = np.zeros((len(digits), 2), np.uint64)
    for row in range(len(digits)):
        for i in range(32):
            # ASCII: 0 to 9 are 48 to 57, a to f are 97 to 102
            digit = digits[row, i]
            value = np.uint64(digit - 48 if digit < 58 else digit - 87)
            halves[row, i // 16] = halves[row, i // 16] << np.uint64(4) | value
    return halves


@compiled
def _digits(high, low):  # type: ignore[no-untyped-def]
    digits = np.empty((len(high), 32), np.uint8)
    for row in range(len(high)):
        for i in range(32):
            half = high[row] if i < 16 else low[row]
            digit = np.uint8(half >> np.uint64(60 - 4 * (i % 16)) & np.uint64(15))
            digits[row, i] = digit + (48 if digit < 10 else 87)
    return digits


def halves_of(doc_ids: pa.Array) -> Halves:
    """The two halves (high, low) of ids of 32 hexadecimal digits in lower case, `(documents, 2)`.

    Raises ValueError for a null or an id of another length; the digits themselves are not checked.
    """
    text = doc_ids.cast(pa.large_string())
    if len(text) == 0:
        return np.zeros((0, 2), np.uint64)
    data, ends = (
        text.buffers()[2],
        np.frombuffer(text.buffers()[1], np.int64)[text.offset : text.offset + len(text) + 1],
    )
    if text.null_count or (np.diff(ends) != 32).any():
        raise ValueError("a doc_id has 32 hexadecimal digits")
    # All ids have 32 bytes and lie one after the other, so the buffer is a matrix.
    digits = np.frombuffer(data, np.uint8)[ends[0] : ends[-1]].reshape(-1, 32)
    return np.asarray(_halves(frozen(digits)))


def doc_ids(high: Halves, low: Halves) -> pa.Array:
    """The ids as text (large_string), from their halves (uint64, one value a document)."""
    digits = pa.py_buffer(_digits(frozen(np.ascontiguousarray(high)), frozen(np.ascontiguousarray(low))))
    ends = pa.py_buffer(np.arange(0, 32 * len(high) + 1, 32))
    return pa.Array.from_buffers(pa.large_string(), len(high), [None, ends, digits])


def ids_in(data: bytes) -> Halves:
    """The halves of the doc_ids in `ids` of a block, `(documents, 2)`."""
    return np.frombuffer(data, np.uint64).reshape(-1, 2)
