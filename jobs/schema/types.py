"""The types of columns in Delta's own schemas, from their names in Spark SQL (Arrow's: udfs.arrow.types)."""

from __future__ import annotations

from typing import Any

DELTA = {"bigint": "long", "int": "integer"}  # others have one name


def delta_type(spark: str) -> Any:
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
