"""A page as a crawl holds it, before its text is extracted; what the readers of pages give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


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
