"""Arrow batches from rows of Python values, and one kernel per key over the rows of a batch."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def as_batch(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    """One batch of `rows`, each with a value for every column of `schema`, in its order.

        as_batch([("a", 1), ("b", 2)], schema)  ->  key: a, b   n: 1, 2

    Raises ValueError when a row has another number of values than `schema` has columns.
    """
    # zip(*[]) yields no columns at all, so an empty batch needs its empty columns written out
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
    """Run for each row the kernel of its key; one row of `schema` per input row, in the same order.

    `columns` and `keys` have one length; `kernels` maps a key to a function of `columns`. A row with a null
    key is a row of nulls. `what` opens the error message.

        keys: a, null, b, a  ->  kernel a on rows 0 and 3, kernel b on row 2, nulls in row 1

    Raises ValueError, with the known keys, for a key without a kernel.
    """
    unknown = sorted(set(keys.drop_null().to_pylist()) - set(kernels))
    if unknown:
        known = ", ".join(sorted(kernels)) or "none"
        raise ValueError(f"{what} {', '.join(map(repr, unknown))}; there are: {known}")
    parts, row_of, n = [as_batch([], schema)], np.full(len(keys), -1, np.int64), 0
    for key, kernel in kernels.items():
        positions = np.flatnonzero(pc.fill_null(pc.equal(keys, key), False).to_numpy(zero_copy_only=False))
        # a kernel may load a model: it is not called for a key that no row has
        if len(positions):
            taken = pa.array(positions)
            parts.append(kernel(*(column.take(taken) for column in columns)))
            row_of[positions] = np.arange(n, n + len(positions))
            n += len(positions)
    # results lie grouped by key; one take brings them into
    # input order, and a masked index is a row of nulls
    rows = pa.Table.from_batches(parts).combine_chunks().take(pa.array(row_of, mask=row_of < 0))
    return pa.record_batch([column.combine_chunks() for column in rows.columns], schema=schema)
