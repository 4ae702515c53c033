"""Rows as `gristmill.udfs.read.readers` gives them, and what was read for them: each task ends with a summary
of its units.

The summary counts what the readers gave out, before it was checked, joined or written, so that "in" does not
depend on what came of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from gristmill.udfs.arrow.batches import as_batch
from gristmill.udfs.read import readers
from gristmill.udfs.read.rows import ROWS, BatchBounds, ReadParams, Row, batched
from gristmill.udfs.read.survey import Survey
from gristmill.udfs.read.units import Format
from gristmill.udfs.streams.part_hash import PartHash

# Of a summary: name of the file, which part it is, rows that came of
# it, bytes of the file when it was opened, hash of the part's bytes,
# and which mapped columns it has (gristmill.udfs.read.survey).
SUMMARY = pa.schema(
    [
        ("unit_name", pa.string()),
        ("unit_part", pa.int32()),
        ("unit_rows", pa.int64()),
        ("unit_bytes", pa.int64()),
        ("unit_hash", pa.string()),
        ("unit_report", pa.string()),
    ]
)
HASHES = pa.schema([SUMMARY.field("unit_name"), SUMMARY.field("unit_part"), SUMMARY.field("unit_hash")])

Summary = tuple[str, int, int, int | None, str | None, str | None]


@dataclass(frozen=True)
class RowKind:
    """What files become: `formats` reads them, `columns` are those of a row and begin with ROWS."""

    formats: Mapping[str, Format]
    columns: pa.Schema

    @property
    def counted(self) -> pa.Schema:
        """The columns of rows and summaries."""
        return pa.schema([*self.columns, *SUMMARY])


DOCUMENTS = RowKind(readers.FORMATS, ROWS)


class Reading(BatchBounds, Protocol):
    """Parameters of a read."""

    def survey(self) -> Survey:
        """A fresh survey of the columns that a row somewhere must have."""


def read_counted(
    batches: Iterable[pa.RecordBatch],
    params: Reading,
    unhashed: tuple[str, ...] = (),
    kind: RowKind = DOCUMENTS,
) -> Iterator[pa.RecordBatch]:
    """Units in (readers.UNITS), rows and summaries out (RowKind.counted): of a row the columns of SUMMARY are
    null, of a summary those of the row.

    `unhashed`: formats whose files are not hashed, since their readers fetch only some of the bytes and the
    store names each content itself. Raises OSError as `readers.read_units`.
    """
    # Kept until the end of the task: a summary counts the rows that came before it.
    summaries: list[Summary] = []
    units = (unit for batch in batches for unit in batch.to_pylist())
    rows = (row for unit in units for row in _counted(unit, params, unhashed, summaries, kind))
    for batch in batched(rows, params, kind.columns):
        yield _widened(batch, kind)
    yield _batch_of(summaries, kind)


def _counted(
    unit: dict[str, Any],
    params: Reading,
    unhashed: tuple[str, ...],
    summaries: list[Summary],
    kind: RowKind,
) -> Iterator[Row | pa.RecordBatch]:
    digest, survey = PartHash(unit["part"], unit["n_parts"]), params.survey()
    how = kind.formats[unit["format"]]
    if how.is_columnar and unit["format"] not in unhashed:
        # before its rows: a file that changes meanwhile
        # then has another hash than the one that is kept
        digest.finish(unit["path"])
    n_rows = 0
    # Rows are counted as they pass, good and bad: the
    # count is known only when the unit is exhausted.
    for row in how.read({**unit, "digest": digest, "survey": survey}, params):
        n_rows += row.num_rows if isinstance(row, pa.RecordBatch) else 1
        yield row
    part_hash = None if unit["format"] in unhashed else digest.finish(unit["path"])
    summaries.append((unit["name"], unit["part"], n_rows, digest.size, part_hash, survey.report()))


def table_counted(batches: Iterable[pa.RecordBatch], params: ReadParams) -> Iterator[pa.RecordBatch]:
    """As `read_counted` for frames that Spark has read (readers.as_rows): a summary for each file that
    rows came from, without a hash."""
    n_rows, survey = Counter[str](), params.survey()

    def tallied() -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for path in batch.column("_path").cast(pa.string()).to_pylist():
                n_rows[params.name(path)] += 1
            yield batch

    for batch in readers.as_rows(tallied(), params, survey):
        yield _widened(batch, DOCUMENTS)
    yield _batch_of([(name, 0, n, None, None, survey.report()) for name, n in n_rows.items()], DOCUMENTS)


def hash_units(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Units in (readers.UNITS), the hash of each out (HASHES), as `read_counted` would take it, without
    reading any row."""
    for batch in batches:
        hashes = [
            (unit["name"], unit["part"], PartHash(unit["part"], unit["n_parts"]).finish(unit["path"]))
            for unit in batch.to_pylist()
        ]
        yield as_batch(hashes, HASHES)


def _widened(batch: pa.RecordBatch, kind: RowKind) -> pa.RecordBatch:
    # Rows and summaries share one schema, because mapInArrow gives out a single one.
    nulls = [pa.nulls(batch.num_rows, field.type) for field in SUMMARY]
    return pa.RecordBatch.from_arrays([*batch.columns, *nulls], schema=kind.counted)


def _batch_of(summaries: list[Summary], kind: RowKind) -> pa.RecordBatch:
    summary_rows = as_batch(summaries, SUMMARY)
    nulls = [pa.nulls(summary_rows.num_rows, field.type) for field in kind.columns]
    return pa.RecordBatch.from_arrays([*nulls, *summary_rows.columns], schema=kind.counted)
