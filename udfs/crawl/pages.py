"""A page as a crawl holds it, before its text is extracted; what the readers of pages take and give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.udfs.read.rows import MOST_BYTES
from gristmill.udfs.read.survey import Survey
from gristmill.udfs.streams.encodings import ENCODINGS
from gristmill.udfs.streams.limits import Limits

# Names of `PageParams.columns` that become what Page itself has; any other one
# becomes a value of Page.fields. `html` is the page, of tables and lines only.
OWN_FIELDS = ("html", "url", "status", "content_type", "record_id", "fetched_at")


@dataclass(frozen=True)
class Page:
    """One page. `body` is what the server meant: after transfer and content encodings, not yet characters."""

    # `source_location`: the file below the input, and the position of the record in the unpacked file (a row
    # number for columns of tables)
    location: str
    path: str  # of the file, as it was opened
    body: bytes
    url: str | None = None
    status: int | None = None  # of HTTP; None where the input has none (files, columns, WARC `resource`)
    # lower-case names; values of a repeated field are joined by ", "
    headers: Mapping[str, str] = field(default_factory=dict)
    payload_type: str | None = None  # WARC-Identified-Payload-Type
    record_id: str | None = None  # WARC-Record-ID
    # where the record begins in the file as it is stored, bytes: of a compressed WARC the position of the
    # gzip member, by which a range request finds it. None where it cannot be told.
    stored_at: int | None = None
    fetched_at: str | None = None  # WARC-Date, ISO 8601
    is_truncated: bool = False  # WARC-Truncated, or a body shorter than its header says
    # what else the record or row has, by the names that a recipe maps
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Refusal:
    """A record or row that is no page, or a page that is left out: a row of `rejects`."""

    location: str
    path: str
    reason: str  # one of gristmill.udfs.reasons
    raw: bytes | str = b""  # the beginning of what it was
    detail: str | None = None
    url: str | None = None


@dataclass(frozen=True)
class PageParams:
    """How to read pages; what a recipe says. Raises ValueError, all complaints together.

    columns             name -> their column (`meta.url` walks into objects, maps and strings of JSON), a
                        constant (`=web`) or None. For html_jsonl and html_parquet columns of the rows; for
                        warc header fields of the record; for cdx what the line names; for html only `file`,
                        the path below the input
    optional            names whose column may be in no row at all (html_jsonl, html_parquet)
    label               what messages call these files (the recipe's glob)
    encoding            of JSON Lines files: utf-8, gb18030, big5 or auto (gristmill.udfs.streams.encodings)
    base                cdx: the folder or URI below which the files of the list lie
    max_row_bytes       longest WARC record, row or HTML file, as it stands in the unpacked file
    max_raw_bytes       bytes of a refused row that are kept
    max_unpacked_bytes  most that a packed file, or the rows of one Parquet unit, may come to
    max_unpack_ratio    most that a packed file (of WARC: each gzip member) may come to, as a multiple of its
                        packed bytes (judged from 64 MiB on)
    max_header_bytes    longest header of an HTTP response
    max_body_bytes      most that the body of a response may unpack to
    max_body_ratio      the same as a multiple of its packed bytes (judged from 1 MiB on)
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    optional: tuple[str, ...] = field(default=(), kw_only=True)
    label: str = field(default="", kw_only=True)
    encoding: str = field(default="utf-8", kw_only=True)
    base: str = field(default="", kw_only=True)
    max_row_bytes: int = field(kw_only=True)
    max_raw_bytes: int = field(kw_only=True)
    max_unpacked_bytes: int = field(kw_only=True)
    max_unpack_ratio: float = field(kw_only=True)
    max_header_bytes: int = field(kw_only=True)
    max_body_bytes: int = field(kw_only=True)
    max_body_ratio: float = field(kw_only=True)

    def __post_init__(self) -> None:
        wrong = [
            f"optional: {name} is mapped to no column"
            for name in self.optional
            if (self.columns.get(name) or "=").startswith("=")
        ]
        if self.encoding not in ENCODINGS:
            wrong.append(f"encoding: {self.encoding!r} is none of {', '.join(ENCODINGS)}")
        sizes = [name for name in self.__dataclass_fields__ if name.startswith("max_")]
        wrong += [
            f"{name}: {getattr(self, name)} is not above 0" for name in sizes if not getattr(self, name) > 0
        ]
        wrong += [
            f"{name}: at most {MOST_BYTES >> 20} MiB"
            for name in ("max_row_bytes", "max_body_bytes")
            if getattr(self, name) > MOST_BYTES
        ]
        # All complaints at once: a recipe is mended in one round.
        if wrong:
            raise ValueError("; ".join(wrong))

    @property
    def limits(self) -> Limits:
        """The bounds of the byte streams."""
        return Limits(self.max_row_bytes, self.max_raw_bytes, self.max_unpacked_bytes, self.max_unpack_ratio)

    def survey(self) -> Survey:
        """A fresh survey of the columns that a row somewhere must have: those that are mapped, but for the
        optional."""
        mapped = {
            name: theirs
            for name, theirs in self.columns.items()
            if theirs is not None and not theirs.startswith("=") and name not in self.optional
        }
        return Survey(self.label, mapped)
