"""Documents (doc_id, batch) as arrays: 20 bytes each and no Python object, so that millions of them are sorted and matched on the driver in a second."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from udfs.files import Ids, ids_of
from udfs.kernels import Hashes, frozen, kernel

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DocKeys:
    """The two halves of each doc_id as numbers, and the place of its batch in a list of batches (-1: in none)."""

    high: Hashes
    low: Hashes
    batch: npt.NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.high)

    @functools.cached_property
    def order(self) -> Ints:
        """Where the documents stand in the order of (doc_id, batch)."""
        order = np.argsort(self.high)
        high = self.high[order]
        if (high[1:] == high[:-1]).any():  # one document in several batches; else half of an id is order enough
            return np.lexsort((self.batch, self.low, self.high))
        return order

    @functools.cached_property
    def rank(self) -> Ints:
        """The place of each document in `order`."""
        rank = np.empty(len(self), np.int64)
        rank[self.order] = np.arange(len(self))
        return rank

    def doc_ids(self) -> pa.Array:
        """The doc_ids as text."""
        digits = pa.py_buffer(_digits(self.high, self.low))
        return pa.Array.from_buffers(pa.large_string(), len(self), [None, pa.py_buffer(np.arange(0, 32 * len(self) + 1, 32)), digits])

    def among(self, rows: npt.NDArray[np.generic]) -> DocKeys:
        """Those of `rows` (places or a mask), in that order."""
        return DocKeys(self.high[rows], self.low[rows], self.batch[rows])

    def found_in(self, others: DocKeys) -> Ints:
        """Where each stands in `others`, which were made with the same list of batches; -1: nowhere."""
        sides = (frozen(side) for keys in (self, others) for side in (keys.high, keys.low, keys.batch, keys.order))
        return _matched(*sides)


@kernel
def _halves(digits):  # type: ignore[no-untyped-def]
    halves = np.zeros((2, len(digits)), np.uint64)
    for row in range(len(digits)):
        for i in range(32):
            digit = digits[row, i]
            halves[i // 16, row] = halves[i // 16, row] << np.uint64(4) | np.uint64(digit - 48 if digit < 58 else digit - 87)
    return halves


@kernel
def _digits(high, low):  # type: ignore[no-untyped-def]
    digits = np.empty((len(high), 32), np.uint8)
    for row in range(len(high)):
        for i in range(32):
            half = high[row] if i < 16 else low[row]
            digit = np.uint8(half >> np.uint64(60 - 4 * (i % 16)) & np.uint64(15))
            digits[row, i] = digit + (48 if digit < 10 else 87)
    return digits


@kernel
def _matched(high, low, batch, order, other_high, other_low, other_batch, other_order):  # type: ignore[no-untyped-def]
    at, j = np.full(len(high), -1), 0
    for row in order:
        while j < len(other_order):
            other = other_order[j]
            if (other_high[other], other_low[other], other_batch[other]) >= (high[row], low[row], batch[row]):
                if other_high[other] == high[row] and other_low[other] == low[row] and other_batch[other] == batch[row]:
                    at[row] = other
                break
            j += 1
    return at


def halves(doc_ids: Ids) -> npt.NDArray[np.uint64]:
    """The two halves of ids of 32 hexadecimal digits (lower case) as numbers, `(2, documents)`."""
    return np.asarray(_halves(frozen(doc_ids.view(np.uint8).reshape(-1, 32))))


def doc_keys(doc_ids: pa.Array | pa.ChunkedArray, batch_ids: pa.Array | pa.ChunkedArray | None = None, batches: Sequence[str] = ()) -> DocKeys:
    """The keys of documents; without `batch_ids` by doc_id alone. Raises ValueError for a doc_id that is not 32 characters."""
    high, low = halves(ids_of(doc_ids))
    if batch_ids is None:
        return DocKeys(high, low, np.zeros(len(high), np.int32))
    codes = pc.fill_null(pc.index_in(batch_ids, pa.array(batches, batch_ids.type)), -1)
    return DocKeys(high, low, np.asarray(codes, np.int32))


def joined(parts: Sequence[DocKeys]) -> DocKeys:
    """The keys of all parts, one part after the other."""
    none = DocKeys(np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros(0, np.int32))
    return DocKeys(*(np.concatenate([getattr(keys, name) for keys in (none, *parts)]) for name in ("high", "low", "batch")))
