"""A page as a crawl holds it, before its text is extracted; what the readers of pages take and give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from gristmill.udfs.read.params import FileParams

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
class PageParams(FileParams):
    """How to read pages; what a recipe says. Raises ValueError, all complaints together.

    columns             of html_jsonl and html_parquet columns of the rows; of warc header fields of the
                        record; of cdx what the line names; of html only `file`, the path below the input
    optional            only html_jsonl and html_parquet have any
    encoding            of JSON Lines files
    base                cdx: the folder or URI below which the files of the list lie
    max_unpack_ratio    of WARC for each gzip member
    max_header_bytes    longest header of an HTTP response
    max_body_bytes      most that the body of a response may unpack to
    max_body_ratio      the same as a multiple of its packed bytes (judged from 1 MiB on)
    """

    columns: Mapping[str, str | None] = field(default_factory=dict)
    base: str = field(default="", kw_only=True)
    max_header_bytes: int = field(kw_only=True)
    max_body_bytes: int = field(kw_only=True)
    max_body_ratio: float = field(kw_only=True)

    def __post_init__(self) -> None:
        wrong = [
            f"optional: {name} is mapped to no column" for name in self.optional if not self.is_mapped(name)
        ]
        wrong += self.complaints("max_body_bytes")
        # All complaints at once: a recipe is mended in one round.
        if wrong:
            raise ValueError("; ".join(wrong))
