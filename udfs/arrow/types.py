"""Spark SQL's names of types as Arrow's types, and back: the one map between the two."""

from __future__ import annotations

import pyarrow as pa

ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "float": pa.float32(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", "UTC"),
    "binary": pa.binary(),
    "array<string>": pa.list_(pa.string()),
    "map<string,bigint>": pa.map_(pa.string(), pa.int64()),
    "map<string,string>": pa.map_(pa.string(), pa.string()),
    "map<string,array<string>>": pa.map_(pa.string(), pa.list_(pa.string())),
}
SQL: dict[pa.DataType, str] = {kind: name for name, kind in ARROW.items()}


def fields_of(schema: str) -> list[tuple[str, pa.DataType]]:
    """Names and Arrow types of the columns of a schema as Spark reads it (`a string, b bigint`)."""
    return [(name, ARROW[kind]) for name, kind in (column.split() for column in schema.split(", "))]


def sql_of(schema: pa.Schema) -> str:
    """A schema as Spark reads it. Raises KeyError for a type that no table here has."""
    return ", ".join(f"{field.name} {SQL[field.type]}" for field in schema)
