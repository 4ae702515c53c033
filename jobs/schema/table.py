"""How a table is declared: its columns, key, partitions and meaning. Plain data, no Spark."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column: its name, its Spark SQL type, its meaning with its unit, whether null is allowed."""

    name: str
    type: str
    comment: str
    nullable: bool = True


@dataclass(frozen=True)
class Table:
    """One table: its grain and meaning, its columns, the key of its grain, its partitions, and a condition
    that holds for every row."""

    name: str
    comment: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    partitions: tuple[str, ...] = ()
    # SQL condition that holds for every row; a CHECK constraint named `promise`
    check: str | None = None
    # Whether deletes use Delta's deletion vectors instead of rewriting the file: for a table
    # with texts, of which a few change at a time. It needs readers of Delta's protocol 3.
    marks_deleted: bool = False
    # Whether its rows cannot be computed again: an upgrade adds
    # columns to them; any other table is dropped and computed again
    keeps_rows: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Column names in the declared order."""
        return tuple(column.name for column in self.columns)

    @property
    def schema_version(self) -> str:
        """8 hex digits over columns, types, partitions and check: what an upgrade compares (the property
        gristmill.schema of the table)."""
        parts = [
            *(f"{c.name} {c.type} {c.nullable}" for c in self.columns),
            *self.partitions,
            self.check or "",
        ]
        return hashlib.blake2b("\n".join(parts).encode(), digest_size=4).hexdigest()

    @property
    def schema(self) -> str:
        """Names and types as Spark reads a schema."""
        return ", ".join(f"`{column.name}` {column.type}" for column in self.columns)


def columns(text: str) -> tuple[Column, ...]:
    """`name | type | comment` lines to columns; a `!` after the type means NOT NULL.

    A line without name and type continues the comment of the line before it.
    """
    made: list[Column] = []
    for line in filter(str.strip, text.splitlines()):
        name, kind, comment = (part.strip() for part in line.split("|", 2))
        if name:
            made.append(Column(name, kind.rstrip("!"), comment, not kind.endswith("!")))
        else:
            made[-1] = dataclasses.replace(made[-1], comment=f"{made[-1].comment} {comment}")
    return tuple(made)


# The first columns of every side table of documents.
DOC = """
doc_id   | string! | 32 hex digits: hash of (source, native key, else URL, else content hash)
batch_id | string! | the ingest batch that brought the document
"""
