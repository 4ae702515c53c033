"""The types of columns as Arrow's, and as Delta's own schemas name them, from their names in Spark SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from gristmill.jobs.core.records import Record
from gristmill.udfs.arrow.types import ARROW

if TYPE_CHECKING:
    from gristmill.jobs.schema.table import Table

DELTA = {"bigint": "long", "int": "integer"}  # others have one name


def delta_type(spark: str) -> str | Record:
    """A Spark SQL type as Delta's schema writes it."""
    if "<" not in spark:
        return DELTA.get(spark, spark)
    outer, inner = spark[:-1].split("<", 1)
    if outer == "array":
        return {"type": "array", "elementType": delta_type(inner), "containsNull": True}
    if outer == "map":
        key, value = inner.split(",")
        return {
            "type": "map",
            "keyType": delta_type(key),
            "valueType": delta_type(value),
            "valueContainsNull": True,
        }
    fields = [part.split(":") for part in inner.split(",")]
    return {
        "type": "struct",
        "fields": [
            {"name": name, "type": delta_type(kind), "nullable": True, "metadata": {}}
            for name, kind in fields
        ],
    }


def arrow_schema(table: Table, names: Sequence[str] | None = None) -> pa.Schema:
    """The declared columns (of these `names`) as Arrow types.

    Raises KeyError for a type that no row made on the driver has.
    """
    columns = [column for column in table.columns if names is None or column.name in names]
    return pa.schema([pa.field(column.name, ARROW[column.type], column.nullable) for column in columns])
