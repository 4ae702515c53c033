"""The pages of a WARC file: `response` and `resource` records, and what stands there instead of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any
from urllib.parse import quote_from_bytes

from gristmill.udfs import reasons
from gristmill.udfs.crawl.http import BadResponse, HttpLimits, parse
from gristmill.udfs.crawl.pages import OWN_FIELDS, Page, PageParams, Refusal
from gristmill.udfs.read.paths import find_value
from gristmill.udfs.read.units import Unit, opened
from gristmill.udfs.read.values import MISSING, Undecodable
from gristmill.udfs.read.warc_records import BEGIN, Record, Wanted, records
from gristmill.udfs.streams.packings import HEAD, packing, promised
from gristmill.udfs.streams.streams import member_pieces
from gristmill.udfs.text.urls import without_brackets

# Types of records that are rows of the input. A `revisit` says that a page was as before and holds none.
KINDS = frozenset(("response", "resource", "revisit"))
# characters of a URL that are kept where its bytes are no UTF-8
_URL_SAFE = "".join(map(chr, range(0x21, 0x7F)))


def read_pages(unit: Unit, params: PageParams) -> Iterator[Page | Refusal]:
    """Every response, resource and revisit record of a WARC file (plain or packed) once, as a page or with a
    reason; and a refusal for each damaged place that hides a record.

    A whole file that holds records and none of these types ends with `foreign_file`. Raises OSError only
    when the file cannot be fetched.
    """
    if unit["part"]:
        return
    raw, _ = opened(unit)
    with closing(raw):
        head = raw.read(HEAD)
        is_named = promised(unit["name"]) is not None and not head.startswith(BEGIN)
        is_packed = is_named or packing(unit["name"], head) is not None
        reader = RecordReader(unit["name"], unit["path"], params, is_packed)
        wanted = Wanted(KINDS)
        for record in records(member_pieces(raw, unit["name"], params.limits, BEGIN), wanted, params.limits):
            found = reader.page(record)
            if isinstance(found, Refusal) and found.reason == reasons.FOREIGN_FILE:
                _tell(unit, found.detail or "")
            yield found
    if others := wanted.instead():
        seen = _no_pages(others)
        _tell(unit, seen)
        location = f"{unit['name']}:{wanted.end + 1}"
        yield Refusal(location, unit["path"], reasons.FOREIGN_FILE, seen.encode(), seen)


def _tell(unit: Unit, seen: str) -> None:
    """Such a file stops the whole run: the driver learns of it by the survey."""
    if "survey" in unit:
        unit["survey"].foreign = seen


def _no_pages(others: list[tuple[str, int]]) -> str:
    counted = ", ".join(f"{n} {kind}" for kind, n in others)
    is_wet = "conversion" in dict(others)
    return f"no page, {counted}; this is a {'WET' if is_wet else 'WAT'}, not a WARC of pages"


class RecordReader:
    """Makes pages of the records of one file; `name` is what locations call it, `path` how it was opened."""

    def __init__(self, name: str, path: str, params: PageParams, is_packed: bool) -> None:
        self.name, self.path, self.params, self.is_packed = name, path, params, is_packed
        self._http = HttpLimits(params.max_header_bytes, params.max_body_bytes, params.max_body_ratio)
        self._mapped = [
            (name, theirs) for name, theirs in params.columns.items() if theirs and name not in OWN_FIELDS
        ]

    def page(
        self, record: Record, location: str | None = None, said: Mapping[str, Any] | None = None
    ) -> Page | Refusal:
        """The page that a record holds, or why it holds none.

        `location`: where it is named, if not by its place in this file; `said`: what the mapped columns are
        taken from, if not from the record's header.
        """
        location = location or f"{self.name}:{record.at}"
        url = url_of(record.header)
        if record.reason or record.kind == "revisit":
            reason = record.reason or reasons.REVISIT
            # of a file that is none of its format: what it is
            detail = record.body.decode("utf-8", "replace") if reason == reasons.FOREIGN_FILE else None
            return self._refusal(location, reason, record.body, detail, url)
        try:
            return self._page(location, record, url, said)
        except BadResponse as bad:
            return self._refusal(location, bad.reason, record.body, bad.detail, url)

    def _page(self, location: str, record: Record, url: str | None, said: Mapping[str, Any] | None) -> Page:
        header = record.header
        is_cut = "warc-truncated" in header or "warc-segment-number" in header
        status, headers, body = None, dict[str, str](), record.body
        content_type = _text(header.get("content-type"))
        if record.kind == "response" and (_is_http(url) or _says_http(content_type)):
            response = parse(record.body, self._http)
            status, headers, body = response.status, response.headers, response.body
            is_cut = is_cut or response.is_truncated
        elif content_type:
            headers = {"content-type": content_type}
        return Page(
            location,
            self.path,
            body,
            url,
            status,
            headers,
            payload_type=_text(header.get("warc-identified-payload-type")),
            record_id=_text(header.get("warc-record-id")),
            stored_at=record.stored_at if self.is_packed else record.at,
            fetched_at=_text(header.get("warc-date")),
            is_truncated=is_cut,
            fields=self._fields(header, said),
        )

    def _fields(self, header: Mapping[str, Any], said: Mapping[str, Any] | None) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, theirs in self._mapped:
            if theirs.startswith("="):
                found[name] = theirs[1:]
            elif said is None:
                found[name] = _text(header.get(theirs.lower()))
            else:
                value = find_value(said, theirs)
                found[name] = None if value is MISSING or value is None else str(value)
        return found

    def _refusal(
        self, location: str, reason: str, raw: bytes, detail: str | None, url: str | None
    ) -> Refusal:
        return Refusal(location, self.path, reason, raw[: self.params.max_raw_bytes], detail, url)


def _is_http(url: str | None) -> bool:
    """Whether a response is one of HTTP; those of dns, ftp and others hold the bare answer."""
    return url is None or url[:7].lower() == "http://" or url[:8].lower() == "https://" or ":" not in url


def _says_http(content_type: str | None) -> bool:
    return content_type is not None and content_type[:16].lower() == "application/http"


def url_of(header: Mapping[str, Any]) -> str | None:
    """WARC-Target-URI, without the angle brackets that some writers put around it; bytes that are no UTF-8
    are written as in URLs."""
    value = header.get("warc-target-uri")
    if isinstance(value, Undecodable):
        value = quote_from_bytes(value, safe=_URL_SAFE)
    return without_brackets(value) if value else None


def _text(value: Any) -> str | None:
    value = value.decode("utf-8", "replace") if isinstance(value, Undecodable) else value
    return value or None
