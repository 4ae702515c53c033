"""Arrow columns (Parquet, Delta) to rows, a batch at a time: clean rows by columns, every other one by
`Mapper.row`.

The fast path only has to know which rows are clean beyond doubt; what is wrong with the others, if anything,
`Mapper.row` alone decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.udfs import reasons
from gristmill.udfs.read.paths import inside
from gristmill.udfs.read.rows import ROWS, Mapper, Row, doc_id_of, hash128
from gristmill.udfs.read.values import MISSING, Reject, Undecodable
from gristmill.udfs.text.emptiness import has_no_content
from gristmill.udfs.text.urls import PLAIN

STRINGS = (pa.types.is_string, pa.types.is_large_string)
BYTES = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary)
# First bytes of the UTF-8 of every character that str.isspace() knows (a test walks through them).
_SPACE_HEADS = np.zeros(256, dtype=bool)
_SPACE_HEADS[[*range(0x21), 0xC2, 0xE1, 0xE2, 0xE3]] = True
# First bytes with which only letters, digits and symbols of meaning
# begin: ASCII's, Cyrillic's, and those of U+4000 to U+9FFF.
_LETTER_HEADS = np.zeros(256, dtype=bool)
_LETTER_HEADS[
    [*b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", 0xD0, 0xD1, *range(0xE4, 0xEA)]
] = True
# bytes of a text that begins otherwise in which a letter is looked for by columns
PROBE = 256
# columns that say where a row of a frame stood
PLACED = ("_path", "_row", "_block")


def rows_of(
    batch: pa.RecordBatch, mapper: Mapper, locations: pa.Array, paths: pa.Array
) -> Iterator[pa.RecordBatch | Row]:
    """The rows of a batch whose columns bear the source's names; clean ones first, as batches within
    `batch_bytes`, then the others."""
    names = [name for name in batch.schema.names if name not in PLACED]
    # Arrow allows two columns of one name; taking
    # either would be a guess, so every row is a reject.
    if twice := repeated(names, mapper.columns):
        rows = zip(locations.to_pylist(), paths.to_pylist(), strict=True)
        detail = f"{', '.join(twice)} stands more than once among the columns"
        yield from (
            mapper.reject(location, path, reasons.DUPLICATE_COLUMN, detail, detail) for location, path in rows
        )
        return
    columns = {
        theirs: column
        for theirs in set(mapper.columns.values())
        if (column := _column(batch, theirs)) is not None
    }
    _survey(batch, columns, names, mapper)
    text = columns.get(mapper.columns.get("text", ""))
    # Cut before anything is decoded: a dictionary column may unfold to many times its own size.
    for start, stop in _cuts(
        text.values if text else None, batch.num_rows, mapper.params.batch_rows, mapper.params.batch_bytes
    ):
        part = {theirs: column.slice(start, stop - start) for theirs, column in columns.items()}
        yield from _rows(part, mapper, locations.slice(start, stop - start), paths.slice(start, stop - start))


def repeated(names: Sequence[str], columns: Mapping[str, str]) -> list[str]:
    """The columns that stand among `names` more than once; `columns`: our name -> their column."""
    # A dotted name that is no column itself walks into the column before its first dot.
    mapped = {theirs if theirs in names else theirs.split(".")[0] for theirs in columns.values()}
    return sorted(name for name in mapped if names.count(name) > 1)


def _survey(batch: pa.RecordBatch, columns: dict[str, _Column], names: list[str], mapper: Mapper) -> None:
    # An empty batch proves nothing about columns; once no
    # mapped column is missing, the survey is complete.
    if batch.num_rows and (mapper.survey.missing or not mapper.survey.has_rows):
        survey = mapper.survey
        survey.saw(
            names,
            [
                ours
                for ours, theirs in survey.missing.items()
                if theirs in columns and columns[theirs].is_there
            ],
        )
        for ours, theirs in survey.missing.items():
            first = theirs.split(".")[0]
            if first != theirs and first in names:
                survey.why.setdefault(ours, f"{first} is {batch.schema.field(first).type}"[:200])


def _rows(
    columns: dict[str, _Column], mapper: Mapper, locations: pa.Array, paths: pa.Array
) -> Iterator[pa.RecordBatch | Row]:
    n = len(locations)
    # A row leaves the fast path when any of its fields
    # is in doubt; it is never repaired by columns.
    clean = np.ones(n, dtype=bool)
    fields: dict[str, pa.Array] = {}
    for ours, theirs in mapper.columns.items():
        fields[ours], is_clean = _clean_strings(
            columns[theirs].values if theirs in columns else None, ours, n, mapper
        )
        clean &= is_clean & ~columns[theirs].odd if theirs in columns else is_clean
    fields |= {ours: pa.repeat(pa.scalar(value, pa.string()), n) for ours, value in mapper.constants.items()}
    for ours in mapper.required:
        clean &= _mask(pc.is_valid(fields[ours])) if ours in fields else False
    keep = None if clean.all() else pa.array(clean)
    if clean.any():
        fields = {ours: column if keep is None else column.filter(keep) for ours, column in fields.items()}
        yield _built(
            fields,
            locations if keep is None else locations.filter(keep),
            paths if keep is None else paths.filter(keep),
        )
    # One by one, by the reference implementation: it alone decides on the reason of a reject.
    for i in np.flatnonzero(~clean).tolist():
        record = {column.name: value_at(column.raw, i) for column in columns.values()}
        yield mapper.row(locations[i].as_py(), paths[i].as_py(), record)


def _built(fields: dict[str, pa.Array], locations: pa.Array, paths: pa.Array) -> pa.RecordBatch:
    """Clean columns to a batch of ROWS: nothing but the two hashes is done row by row."""
    text = fields["text"]
    # Slices of the Arrow buffer are hashed in place: no string object is made for a text.
    offsets, data = _buffers(text)
    digests = [
        hash128(data[start:stop])
        for start, stop in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    ]
    nulls = pa.nulls(len(text), pa.string())
    key, url = fields.get("native_key", nulls), fields.get("url", nulls)
    ids = map(doc_id_of, fields["source"].to_pylist(), key.to_pylist(), url.to_pylist(), digests)
    filled = fields | {
        "source_location": locations,
        "path": paths,
        "doc_id": pa.array(ids, pa.string()),
        "content_hash": pa.array(digests, pa.string()),
        "n_bytes": pa.array(np.diff(offsets), pa.int64()),
    }
    return pa.RecordBatch.from_arrays(
        [filled.get(field.name, nulls).cast(field.type) for field in ROWS], schema=ROWS
    )


def _clean_strings(column: pa.Array | None, ours: str, n: int, mapper: Mapper) -> tuple[pa.Array, np.ndarray]:
    """The column as pa.string() and which of its rows are clean (what stands in the others does not
    matter)."""
    nulls = pa.nulls(n, pa.string())
    if column is None:
        return nulls, np.full(n, ours not in mapper.required)
    if pa.types.is_null(column.type):
        return nulls, np.full(n, ours != "text")
    # Integer keys are common in Parquet; as text they are the same digits as in JSON Lines.
    if pa.types.is_integer(column.type) and ours == "native_key":
        return column.cast(pa.string()), np.ones(n, dtype=bool)
    # Binary columns in other encodings and columns of
    # other types go to the record path, row by row.
    if not _is_any(column.type, STRINGS) and not (
        _is_any(column.type, BYTES) and mapper.params.encoding in ("utf-8", "auto")
    ):
        return nulls, np.zeros(n, dtype=bool)
    strings, is_clean = _valid_utf8(_as_string(column))
    offsets, data = _buffers(strings)
    # memchr over the batch; the kernel costs as much as the hashes
    if b"\0" in bytes(data[offsets[0] : offsets[-1]]):
        is_clean &= ~_mask(pc.match_substring(strings, "\0"))
    if ours == "text":
        is_clean &= ~_quiet(strings)
        # False for nulls
        is_clean &= _mask(pc.less_equal(pc.binary_length(strings), mapper.params.max_row_bytes))
    elif ours == "url":
        # PLAIN is narrower than what `address_of` accepts:
        # an unusual address costs time, never a wrong row.
        is_clean &= _mask(pc.or_kleene(pc.is_null(strings), pc.match_substring_regex(strings, PLAIN)))
    else:
        is_clean &= ~_blank(strings)
    return strings, is_clean


def _blank(strings: pa.Array) -> np.ndarray:
    """Which rows are empty or white space.

    Only those that begin with a byte that white space begins with are checked whole.
    """
    blank, maybe = _by_head(strings, _SPACE_HEADS)
    if len(maybe):
        blank[maybe] = _mask(pc.utf8_is_space(strings.take(pa.array(maybe))))
    return blank & _mask(pc.is_valid(strings))


def _quiet(strings: pa.Array) -> np.ndarray:
    """Which rows may say nothing: those that begin with no letter, and whose first PROBE bytes hold none.

    The record path checks them whole.
    """
    quiet, maybe = _by_head(strings, ~_LETTER_HEADS)
    offsets, data = _buffers(strings)
    for row in maybe.tolist():
        start, stop = int(offsets[row]), int(offsets[row + 1])
        quiet[row] = has_no_content(bytes(data[start : min(stop, start + PROBE)]).decode("utf-8", "ignore"))
    return quiet & _mask(pc.is_valid(strings))


def _by_head(strings: pa.Array, heads: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which rows are empty, and which of the others begin with one of these bytes."""
    offsets, data = _buffers(strings)
    empty = np.diff(offsets) == 0
    full = np.flatnonzero(~empty)
    first = (
        np.frombuffer(data, dtype=np.uint8)[offsets[:-1][full]] if len(full) else np.zeros(0, dtype=np.uint8)
    )
    return empty, full[heads[first]]


def _as_string(column: pa.Array) -> pa.Array:
    """Any string or binary array as pa.string(), unchecked (the batch was cut to fit 2 GiB before)."""
    if pa.types.is_fixed_size_binary(column.type):
        column = column.cast(pa.binary())
    return pc.cast(column, options=pc.CastOptions(pa.string(), allow_invalid_utf8=True))


def _valid_utf8(strings: pa.Array) -> tuple[pa.Array, np.ndarray]:
    """The array with rows that are not UTF-8 made null, and which were fine.

    Parquet readers take the writer's word for it; we do not.
    """
    fine = np.ones(len(strings), dtype=bool)
    try:
        # One pass over the whole array; only an invalid one is searched for its bad rows.
        strings.validate(full=True)
        return strings, fine
    except pa.ArrowInvalid:
        values = strings.cast(pa.binary()).to_pylist()
    for i, value in enumerate(values):
        try:
            (value or b"").decode()
        except UnicodeDecodeError:
            values[i], fine[i] = None, False
    return pa.array(values, pa.binary()).cast(pa.string()), fine


@dataclass(frozen=True)
class _Column:
    """A mapped column: its `values`, and what a record read by itself gets: `raw` under `name`."""

    name: str
    values: pa.Array
    raw: pa.Array
    # rows whose value only the record path can read
    odd: np.ndarray
    is_there: bool = True  # whether any row has it

    def slice(self, start: int, length: int) -> _Column:
        raw = _unfolded(self.raw.slice(start, length))
        values = raw if self.values is self.raw else _unfolded(self.values.slice(start, length))
        return replace(self, values=values, raw=raw, odd=self.odd[start : start + length])


def _column(batch: pa.RecordBatch, name: str) -> _Column | None:
    """A column; `a.b` is the column of that name, else `b` inside the structs, maps or JSON strings of `a`.

    None: there is none.
    """
    # The full name first: a flattened table may have a column that is called `meta.url`.
    odd = np.zeros(batch.num_rows, dtype=bool)
    if name in batch.schema.names:
        column = _plain(batch.column(name))
        return _Column(name, column, column, odd)
    first, *steps = name.split(".")
    if not steps or first not in batch.schema.names:
        return None
    column, is_there = _plain(batch.column(first)), True
    for at, step in enumerate(steps):
        if pa.types.is_struct(column.type):
            if column.type.get_field_index(step) < 0:
                return None
            column = _plain(pc.struct_field(column, step))
        elif pa.types.is_map(column.type) and _is_any(column.type.key_type, STRINGS):
            is_there = pc.any(pc.equal(column.keys, step)).as_py() or False
            # Of a repeated key the last value counts, as
            # in a Python dict, so that both paths agree.
            column = _plain(pc.map_lookup(column, pa.scalar(step, column.type.key_type), "last"))
        elif at == 0 and _is_any(_unfolded(column).type, STRINGS):
            raw = _unfolded(column)
            values, odd, is_there = _of_json(raw, steps)
            return _Column(first, values, raw, odd, is_there)
        else:
            return None
    return _Column(name, column, column, odd, is_there)


def _of_json(strings: pa.Array, steps: list[str]) -> tuple[pa.Array, np.ndarray, bool]:
    """What stands at the end of `steps` in each JSON string; which rows hold no plain string there;
    whether any row has the steps."""
    values: list[str | None] = [None] * len(strings)
    odd, is_there = np.zeros(len(strings), dtype=bool), False
    for i in range(len(strings)):
        try:
            value = inside(value_at(strings, i), steps)
        except Reject:
            value = b""  # no string either
        is_there |= value is not MISSING
        if type(value) is str and value.isprintable():
            values[i] = value
        else:
            odd[i] = value is not None and value is not MISSING
    return pa.array(values, pa.string()), odd, is_there


def _plain(column: pa.Array) -> pa.Array:
    # few kernels take views
    views = {pa.string_view(): pa.large_string(), pa.binary_view(): pa.large_binary()}
    return column.cast(views[column.type]) if column.type in views else column


def _unfolded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column


def _cuts(text: pa.Array | None, n: int, max_rows: int, max_bytes: int) -> Iterator[tuple[int, int]]:
    """Row ranges within both bounds; a dictionary is measured unfolded, so that one long value repeated
    cannot burst a batch."""
    sizes = np.zeros(n, dtype=np.int64) if text is None else _sizes(text)
    total = np.concatenate([[0], np.cumsum(sizes)])
    start = 0
    while start < n:
        stop = int(np.searchsorted(total, total[start] + max_bytes, side="right")) - 1
        stop = min(max(stop, start + 1), start + max_rows, n)
        yield start, stop
        start = stop


def _sizes(text: pa.Array) -> np.ndarray:
    if pa.types.is_dictionary(text.type):
        # Null codes are measured as code 0: too large at worst, and the cut stays within its bound.
        codes = text.indices.fill_null(0).to_numpy(zero_copy_only=False)
        return _sizes(text.dictionary)[codes] if len(text.dictionary) else np.zeros(len(text), dtype=np.int64)
    if not _is_any(text.type, STRINGS + BYTES):
        return np.zeros(len(text), dtype=np.int64)
    return pc.binary_length(text).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)


def value_at(column: pa.Array, i: int) -> Any:
    """One value as Python sees it; a string that is not UTF-8 as Undecodable instead of an exception."""
    if not _is_any(column.type, STRINGS):
        return column[i].as_py()
    raw = pc.cast(column.slice(i, 1), pa.binary())[0].as_py()
    try:
        return raw if raw is None else raw.decode()
    except UnicodeDecodeError:
        return Undecodable(raw)


def _buffers(strings: pa.Array) -> tuple[np.ndarray, memoryview]:
    _, offsets, data = strings.buffers()
    ends = np.frombuffer(offsets, dtype=np.int32, count=len(strings) + 1, offset=4 * strings.offset)
    return ends, memoryview(data if data is not None else b"")


def _mask(flags: pa.Array) -> np.ndarray:
    return flags.fill_null(False).to_numpy(zero_copy_only=False)


def _is_any(kind: pa.DataType, tests: tuple[Any, ...]) -> bool:
    return any(test(kind) for test in tests)
