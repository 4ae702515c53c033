"""Rows that Python made, as Arrow."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa


def as_batch(rows: Sequence[Sequence[Any]], schema: pa.Schema) -> pa.RecordBatch:
    """Rows, in the order of the columns of `schema`; none give a batch without rows."""
    columns = zip(*rows, strict=True) if rows else ((),) * len(schema)
    return pa.record_batch([pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)], schema=schema)
