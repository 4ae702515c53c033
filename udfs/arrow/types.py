"""The one map between the names of Spark SQL's types and Arrow's types."""

from __future__ import annotations

import pyarrow as pa

ARROW: dict[str, pa.DataType] = {
    "string": pa.string(),
    "bigint": pa.int64(),
    "int": pa.int32(),
    "double": pa.float64(),
    "float": pa.float32(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "binary": pa.binary(),
    "array<string>": pa.list_(pa.string()),
    "array<float>": pa.list_(pa.float32()),
    "array<struct<start:int,end:int,reason:string>>": pa.list_(
        pa.struct([("start", pa.int32()), ("end", pa.int32()), ("reason", pa.string())])
    ),
    "map<string,bigint>": pa.map_(pa.string(), pa.int64()),
    "map<string,string>": pa.map_(pa.string(), pa.string()),
    "map<string,array<string>>": pa.map_(pa.string(), pa.list_(pa.string())),
}
# the reverse, which must stay one to one: two names of one Arrow type would lose one of them
SQL: dict[pa.DataType, str] = {kind: name for name, kind in ARROW.items()}


def fields_of(schema: str) -> list[tuple[str, pa.DataType]]:
    """(name, Arrow type) of each column of a schema as Spark writes it.

        "a string, b bigint"  ->  [("a", pa.string()), ("b", pa.int64())]

    Raises KeyError for a type that is not in ARROW.
    """
    # by ", ": the names of map types have a comma without a space
    return [(name, ARROW[kind]) for name, kind in (column.split() for column in schema.split(", "))]


def sql_of(schema: pa.Schema) -> str:
    """An Arrow schema as Spark writes it; the inverse of `fields_of`. Raises KeyError for an unknown type."""
    return ", ".join(f"{field.name} {SQL[field.type]}" for field in schema)
