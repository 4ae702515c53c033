"""A record of any shape becomes one row: a document with its identity, or a reject with its reason and its
raw form.

`Mapper.row` judges one record in plain Python and is the reference implementation.
`gristmill.udfs.read.arrow_rows` takes whole Arrow columns, builds the rows that are clean beyond doubt and
hands every other one to `Mapper.row`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from gristmill.udfs import reasons
from gristmill.udfs.read.params import FileParams, split_columns
from gristmill.udfs.read.paths import find_value
from gristmill.udfs.read.survey import Survey
from gristmill.udfs.read.values import MISSING, Number, Reject, Undecodable, kind_of
from gristmill.udfs.streams.encodings import BadEncoding, decode
from gristmill.udfs.text.emptiness import has_no_content
from gristmill.udfs.text.urls import address_of

# Of a batch that comes out. They change no row, so no recipe has them: a task holds some batches
# at a time, and rows without end in one batch would cost memory, single ones a call each.
BATCH_ROWS = 1024
BATCH_BYTES = 16 << 20
# What all the narrow columns of a row count for in a batch, bytes.
NARROW_BYTES = 512

# What a recipe maps columns to.
FIELDS = ("text", "source", "native_key", "url", "domain_hint", "lang_hint", "license")
_STRINGS = (
    "source_location",
    "path",
    "doc_id",
    "native_key",
    "source",
    "url",
    "text",
    "domain_hint",
    "lang_hint",
    "license",
    "content_hash",
)

ROWS = pa.schema(
    [
        *((name, pa.string()) for name in _STRINGS),
        ("n_bytes", pa.int64()),  # of text in UTF-8
        ("reason", pa.string()),  # null when the row is good
        # of a reject: the row as it was, cut to max_raw_bytes;
        # of a file that is none of its format, what it is
        ("raw", pa.string()),
        # of a reject: the column and its value, where the reason alone is not enough
        ("detail", pa.string()),
    ]
)


# values in the order of ROWS; text as the UTF-8 bytes
# that were hashed, so that it is encoded only once
Row = tuple[Any, ...]
_TEXT = ROWS.get_field_index("text")


@dataclass(frozen=True)
class ReadParams(FileParams):
    """How to read documents; what a recipe says. Raises ValueError, all complaints together, when the numbers
    or names make no sense.

    columns             our fields are FIELDS
    required            our fields that a row must have, in addition to text and source; a row without one is
                        `missing_field`
    root                prefix cut off the paths of a table's files in `source_location`; without it
                        `source_location` carries the
                        bare file name
    max_row_bytes       also of a text in UTF-8
    batch_rows/bytes    largest batch that comes out; a batch has at least one row
    """

    required: tuple[str, ...] = ()
    root: str = ""
    batch_rows: int = BATCH_ROWS
    batch_bytes: int = BATCH_BYTES

    def __post_init__(self) -> None:
        wrong = [
            f"columns.{name}: unknown field (known: {', '.join(FIELDS)})"
            for name in self.columns
            if name not in FIELDS
        ]
        wrong += [f"required: unknown field {name!r}" for name in self.required if name not in FIELDS]
        for name in self.optional:
            if name in ("text", "source"):
                wrong.append(f"optional: {name} cannot be, every document has one")
            elif not self.is_mapped(name):
                wrong.append(f"optional: {name} is mapped to no column")
        if self.columns.get("source") is None:
            wrong.append(
                "columns.source: every document has a source; name a column or write a constant such "
                "as '=web'"
            )
        wrong += self.complaints("batch_bytes")
        # All complaints at once: a recipe is mended in one round.
        if wrong:
            raise ValueError("; ".join(wrong))

    def name(self, path: str) -> str:
        """What `source_location` calls a file of a table: its path below `root`; outside of it the whole
        path; without a root its bare name."""
        root, path = _plain(self.root).rstrip("/") + "/", _plain(path)
        if not self.root or path + "/" == root:
            return path.rsplit("/", 1)[-1]
        return path[len(root) :] if path.startswith(root) else path


def _plain(path: str) -> str:
    """Spark says `file:/a` or `file:///a` of what the recipe calls `/a`."""
    return "/" + path[5:].lstrip("/") if path.startswith("file:") else path


def hash128(data: Any) -> str:
    """32 hex digits of BLAKE2b over any bytes-like object."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def doc_id_of(source: str, native_key: str | None, url: str | None, content_hash: str) -> str:
    """32 hex digits: hash of (source, native key, else URL, else content hash).

    The length of the source leads and a letter says which of the three follows, so no two different triples
    read alike.
    """
    # The precedence is part of every stored id: another
    # order would rename documents with a key and a URL.
    kind, key = (
        ("k", native_key)
        if native_key is not None
        else ("u", url)
        if url is not None
        else ("c", content_hash)
    )
    source_bytes = source.encode()
    return hash128(b"%d:" % len(source_bytes) + source_bytes + (kind + key).encode())


def shown(raw: bytes | str, limit: int) -> str:
    """A rejected row for human eyes: at most `limit` bytes of UTF-8, what is no text written as an
    escape, no U+0000."""
    if isinstance(raw, bytes):
        # the last character of a cut row is left out, not shown as broken
        head = raw[: limit + 1]
        raw = (
            head.decode("utf-8", "backslashreplace") if len(raw) <= limit else _whole_characters(head[:limit])
        )
    safe = raw[:limit].replace("\0", "\\x00").encode("utf-8", "backslashreplace")
    return safe[:limit].decode("utf-8", "ignore")


def _whole_characters(head: bytes) -> str:
    # A UTF-8 character has four bytes at most: cutting up to three finds its beginning.
    for lost in range(4):
        try:
            return head[: len(head) - lost].decode()
        except UnicodeDecodeError:
            continue
    return head.decode("utf-8", "backslashreplace")


class Mapper:
    """Makes rows of records as `params.columns` says; `defaults` are a format's own column names.

    `columns`: our field -> their column. `constants`: our field -> the value that every row gets. `survey`
    learns which columns there were.
    """

    def __init__(
        self,
        params: ReadParams,
        defaults: Mapping[str, str | None] | None = None,
        survey: Survey | None = None,
    ) -> None:
        # Later ones win: the recipe over the format, the format over the general default.
        mapped = {"text": "text", **(defaults or {}), **params.columns}
        self.params, self.required = params, ("text", "source", *params.required)
        self.columns, self.constants = split_columns(mapped)
        self.survey = survey or params.survey()
        self._text_column = self.columns.get("text")
        self._others = [(ours, self.columns.get(ours), self.constants.get(ours)) for ours in FIELDS[1:]]

    def row(self, location: str, path: str, record: Mapping[str, Any], raw: bytes | str | None = None) -> Row:
        """The row of a record, good or rejected, in the order of ROWS; `raw` is the row as it stood in
        the file."""
        try:
            if self.survey.missing or not self.survey.has_rows:
                self.survey.look(record)
            return self._good(location, path, record)
        except (Reject, BadEncoding) as bad:
            shown = shown_record(record, self.params.max_raw_bytes) if raw is None else raw
            return self.reject(location, path, bad.reason, shown, getattr(bad, "detail", None))

    def reject(
        self, location: str, path: str, reason: str, raw: bytes | str, detail: str | None = None
    ) -> Row:
        """The row of something that is no document."""
        # Such a file stops the whole ingest: the driver learns of it by the survey.
        if reason == reasons.FOREIGN_FILE:
            self.survey.foreign = shown(raw, self.params.max_raw_bytes)
        return (location, path, *(None,) * 10, reason, shown(raw, self.params.max_raw_bytes), detail)

    def _good(self, location: str, path: str, record: Mapping[str, Any]) -> Row:
        data = self._text(
            find_value(record, self._text_column) if self._text_column else self.constants.get("text")
        )
        # In the order of FIELDS without text, which `_has_required` relies on.
        source, key, url, *hints = [
            self._string(record, ours, theirs) if constant is None else constant
            for ours, theirs, constant in self._others
        ]
        if source is None or (self.params.required and not self._has_required(source, key, url, *hints)):
            raise Reject(
                reasons.MISSING_FIELD,
                f"source: {self.columns.get('source')} is missing, null or blank" if source is None else None,
            )
        digest = hash128(data)
        return (
            location,
            path,
            doc_id_of(source, key, url, digest),
            key,
            source,
            url,
            data,
            *hints,
            digest,
            len(data),
            None,
            None,
            None,
        )

    def _has_required(self, *values: str | None) -> bool:
        held = dict(zip(FIELDS[1:], values, strict=True))
        return all(held.get(ours, "") is not None for ours in self.params.required)

    def _text(self, value: Any) -> bytes:
        if value is MISSING:
            raise Reject(reasons.MISSING_FIELD, f"text: no {self._text_column}")
        if value is None:
            raise Reject(reasons.MISSING_TEXT)
        text, data = self._checked(value, "text")
        # Checked before the length: an empty text is named so, however many blanks it has.
        if has_no_content(text):
            raise Reject(reasons.EMPTY_TEXT)
        if len(data) > self.params.max_row_bytes:
            raise Reject(reasons.ROW_TOO_LONG)
        return data

    def _string(self, record: Mapping[str, Any], ours: str, theirs: str | None) -> str | None:
        """Any field but text.

        A blank one counts as null: an empty key would make one document of all that have it, and so would a
        URL without a host.
        """
        value = record.get(theirs) if theirs else None
        # else the common case at once: no control, no surrogate, not blank
        if type(value) is not str or not value.isprintable() or value[:1] <= " ":
            value = find_value(record, theirs) if theirs else None
            if value is MISSING or value is None:
                return None
            # A numeric key is a key; a number in any other field is a wrong type.
            if ours == "native_key" and _is_integer(value):
                value = f"{value}"
            value, _ = self._checked(value, ours)
            if not value or value.isspace():
                return None
        return address_of(value) if ours == "url" else value

    def _checked(self, value: Any, ours: str) -> tuple[str, bytes]:
        """A string that can be stored, and its UTF-8 bytes. Raises Reject."""
        if isinstance(value, bytes):
            try:
                value = decode(value, "utf-8" if isinstance(value, Undecodable) else self.params.encoding)
            except BadEncoding as bad:
                raise Reject(bad.reason, self._where(ours)) from None
        if type(value) is not str:  # a Number is a str, too
            raise Reject(reasons.WRONG_TYPE, f"{self._where(ours)} is {kind_of(value)}")
        try:
            data = value.encode()
        except UnicodeEncodeError:
            raise Reject(reasons.LONE_SURROGATE, self._where(ours)) from None
        if "\0" in value:
            raise Reject(reasons.NUL_CHARACTER, self._where(ours))
        return value, data

    def _where(self, ours: str) -> str:
        return f"{ours}: {self.columns.get(ours)}"


def shown_record(record: Mapping[str, Any], limit: int) -> str:
    """A record without a raw form of its own (Parquet, Delta) as JSON of about `limit` bytes; long
    strings are cut before."""
    parts = {
        key: shown(value, limit) if isinstance(value, str | bytes) else value for key, value in record.items()
    }
    return json.dumps(parts, ensure_ascii=False, default=str)


def _is_integer(value: Any) -> bool:
    if isinstance(value, Number):
        return value.lstrip("-").isdigit()
    return isinstance(value, int) and not isinstance(value, bool)


class BatchBounds(Protocol):
    """Parameters that bound a batch."""

    @property
    def batch_rows(self) -> int:
        """Rows of the largest batch."""

    @property
    def batch_bytes(self) -> int:
        """Bytes of the largest batch that has more than one row."""


def batched(
    rows: Iterable[Row | pa.RecordBatch], params: BatchBounds, schema: pa.Schema = ROWS
) -> Iterator[pa.RecordBatch]:
    """Rows in batches that keep to `batch_rows` and `batch_bytes` (a batch has at least one row); ready
    batches pass between them. `schema`: begins with the columns of ROWS."""
    held: list[Row] = []
    size = 0
    for row in rows:
        # A ready batch flushes the buffer first, so that
        # rows leave in the order in which they came.
        is_ready = isinstance(row, pa.RecordBatch)
        # Field 11 is n_bytes, null for a reject, whose bytes are those of `raw` (field 13).
        cost = 0 if is_ready else (row[11] or len(row[13] or "")) + NARROW_BYTES
        if held and (is_ready or len(held) >= params.batch_rows or size + cost > params.batch_bytes):
            yield _batch(held, schema)
            held, size = [], 0
        if is_ready:
            yield row
        else:
            held.append(row)
            size += cost
    if held:
        yield _batch(held, schema)


def _batch(rows: list[Row], schema: pa.Schema) -> pa.RecordBatch:
    types = [pa.binary() if i == _TEXT else kind.type for i, kind in enumerate(schema)]
    arrays = [pa.array(column, kind) for column, kind in zip(zip(*rows, strict=True), types, strict=True)]
    # The bytes were encoded from a str, so they are UTF-8 and a view is enough.
    arrays[_TEXT] = arrays[_TEXT].view(pa.string())
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
