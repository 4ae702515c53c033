"""A unit of reading: a file, or a part of one, that a task reads at once; and what a format is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from gristmill.udfs.read.rows import Mapper, ReadParams, Row
from gristmill.udfs.streams.streams import open_file

# path: what is opened; name: what `source_location` calls the file
# (below the input, without which one name may stand for two files).
UNITS = pa.schema(
    [
        ("path", pa.string()),
        ("name", pa.string()),
        ("format", pa.string()),
        ("part", pa.int32()),
        ("n_parts", pa.int32()),
    ]
)
MARK = "\ufeff"  # byte order mark: no part of a text

# a row of UNITS; on its way through gristmill.udfs.read.counted also `digest` and `survey`
Unit = dict[str, Any]
Rows = Iterator[pa.RecordBatch | Row]


@dataclass(frozen=True)
class Format:
    """How the files of a format become rows; gristmill.udfs.read.readers.FORMATS lists them.

    `read`: the rows of one unit, good ones by `Mapper.row` and bad ones by `Mapper.reject`, so that every
    input row comes out once. It raises OSError only when the file cannot be fetched.
    """

    read: Callable[[Unit, Any], Rows]  # of a unit and the parameters of its reader, such as ReadParams
    # whether a plain file may be cut anywhere: `read` then gives the rows that begin in its part
    splits: bool = False
    # our field -> the column that holds it where the recipe
    # maps none; without `text` the recipe must map one
    columns: Mapping[str, str] = field(default_factory=dict)
    # whether only some bytes of a file are fetched
    # (Parquet): it is then hashed apart from its reading
    is_columnar: bool = False


def opened(unit: Unit) -> tuple[Any, int]:
    """The open file of a unit and its size in bytes; what is read of it goes into the unit's hash, too."""
    raw, size = open_file(unit["path"])
    return (unit["digest"].over(raw, size) if "digest" in unit else raw), size


def mapper_of(unit: Unit, params: ReadParams, columns: Mapping[str, str] | None = None) -> Mapper:
    """What makes rows of the unit's records; `columns` as in Format."""
    return Mapper(params, columns, unit.get("survey"))


def encoding_of(head: bytes, params: ReadParams) -> str:
    """A file that begins with UTF-8's mark is UTF-8, whatever the recipe thinks (UTF-16 has become UTF-8
    with its mark by now)."""
    return "utf-8" if head == MARK.encode() else params.encoding
