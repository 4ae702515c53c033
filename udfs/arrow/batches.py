"""Rows that Python made, or kernels by a key, as Arrow."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def as_batch(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows, in the order of the columns of `schema`; none give a batch without rows."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    return pa.record_batch(
        [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema
    )


def by_key(
    columns: Sequence[pa.Array],
    keys: pa.Array,
    kernels: Mapping[str, Callable[..., pa.RecordBatch]],
    schema: pa.Schema,
    what: str,
) -> pa.RecordBatch:
    """A row of `schema` for each row: what the kernel of its key makes of its columns; nulls without a key.

    Raises ValueError, `what` and the keys that are known, for a key without a kernel.
    """
    unknown = sorted(set(keys.drop_null().to_pylist()) - set(kernels))
    if unknown:
        known = ", ".join(sorted(kernels)) or "none"
        raise ValueError(f"{what} {', '.join(map(repr, unknown))}; there are: {known}")
    parts, row_of, n = [as_batch([], schema)], np.full(len(keys), -1, np.int64), 0
    for key, kernel in kernels.items():
        mine = np.flatnonzero(pc.fill_null(pc.equal(keys, key), False).to_numpy(zero_copy_only=False))
        if len(mine):
            at = pa.array(mine)
            parts.append(kernel(*(column.take(at) for column in columns)))
            row_of[mine] = np.arange(n, n + len(mine))
            n += len(mine)
    found = pa.Table.from_batches(parts).combine_chunks().take(pa.array(row_of, mask=row_of < 0))
    return pa.record_batch([column.combine_chunks() for column in found.columns], schema=schema)
