"""Which pages are taken: by status, media type, size and whether all of them is there."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, field

from gristmill.udfs import reasons
from gristmill.udfs.crawl.pages import Page

HTML = "text/html"
# bytes in which HTML is looked for, as browsers do (WHATWG MIME Sniffing: 1,445)
PROBE = 1445
# types that say nothing: servers give them to what they do not know
_UNKNOWN = frozenset(
    ("", "application/octet-stream", "binary/octet-stream", "application/unknown", "unknown/unknown", "*/*")
)
_TYPE = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+")
# Bytes that begin a file of a type and no page. They outrank what header and crawler say.
_MAGIC = (
    (b"PK\x03\x04", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"\x00\x00\x01\x00", "image/x-icon"),
    (b"wOFF", "font/woff"),
    (b"wOF2", "font/woff2"),
    (b"ID3\x02", "audio/mpeg"),
    (b"ID3\x03", "audio/mpeg"),
    (b"ID3\x04", "audio/mpeg"),
    (b"OggS", "application/ogg"),
    (b"\x1a\x45\xdf\xa3", "video/webm"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
)
_WIDE = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# what may stand before the first tag: white space, comments, processing instructions. What is taken is
# never given back, so that comments without an end cost no square.
_BEFORE = re.compile(rb"(?:\s++|<!--(?:[^-]|-(?!->))*+-->|<\?[^>]*+>)*+")
_TAG = re.compile(
    rb"<(?:!doctype\s+html|html|head|body|title|meta|link|script|style|base|h[1-6]|div|p|a|b|br|font|table|"
    rb"iframe|center|span|ul|ol|form|img|frameset|section|article|header|main|nav)\b",
    re.IGNORECASE,
)
# feeds and site maps; servers call many of them text/html
_LISTS = (
    (re.compile(rb"<(?:\w+:)?rss(?=[\s>])|<rdf:RDF(?=[\s>])", re.IGNORECASE), "application/rss+xml"),
    (re.compile(rb"<(?:\w+:)?feed(?=[\s>])", re.IGNORECASE), "application/atom+xml"),
    (re.compile(rb"<(?:urlset|sitemapindex)(?=[\s>])", re.IGNORECASE), "application/xml"),
)
_SVG = re.compile(rb"<svg\b", re.IGNORECASE)
_JSON = re.compile(rb"[{\[]\s*+(?:[\"{\[\]}0-9-]|true|false|null)")
# an object with a name, or a list of objects, strings or lists: a text may begin with `[1]` or `{`
_JSON_VALUE = re.compile(rb"\s*+(?:\{\s*+\"[^\"]*+\"\s*+:|\[\s*+[\[{\"])")
# where an answer of a program ends is looked for in so many bytes
_TAIL = 64
# types under which XHTML is served, too
_ANY_XML = frozenset(("application/xml", "text/xml"))
_XHTML = re.compile(rb"<(?:!doctype\s+html|html)\b", re.IGNORECASE)
_SAMPLE = re.compile(rb"[\0-\x08\x0e-\x1a\x1c-\x1f]")


@dataclass(frozen=True)
class AcceptParams:
    """What a page must be; a recipe says all of it. Raises ValueError, all complaints together.

    statuses        HTTP statuses that are taken; a page without one (files, columns, WARC `resource`) passes
    html_types      media types that are taken, lower case
    min_bytes       of the body; less is `too_small`
    max_bytes       of the body; more is `too_large`
    truncated       whether pages are taken that break off (`is_truncated`)
    """

    statuses: frozenset[int] = field(kw_only=True)
    html_types: frozenset[str] = field(kw_only=True)
    min_bytes: int = field(kw_only=True)
    max_bytes: int = field(kw_only=True)
    truncated: bool = field(kw_only=True)

    def __post_init__(self) -> None:
        wrong = [
            f"statuses: {each} is no status of HTTP"
            for each in sorted(self.statuses)
            if not 100 <= each <= 999
        ]
        wrong += [
            f"html_types: {each!r} is no media type in lower case"
            for each in sorted(self.html_types)
            if not _TYPE.fullmatch(each)
        ]
        wrong += [] if self.statuses else ["statuses: none is named, so no response would be taken"]
        wrong += [] if self.html_types else ["html_types: none is named, so no page would be taken"]
        wrong += [f"min_bytes: {self.min_bytes} is below 0"] if self.min_bytes < 0 else []
        wrong += (
            [f"max_bytes: {self.max_bytes} is below min_bytes"] if self.max_bytes < self.min_bytes else []
        )
        if wrong:
            raise ValueError("; ".join(wrong))


def why_not(page: Page, params: AcceptParams) -> tuple[str, str] | None:
    """Reason (of gristmill.udfs.reasons.CRAWL) and detail for which a page is left out; None when it is
    taken.

    The type is what the crawler identified, else what the server declared, else what the bytes show; bytes
    of what is no page whatever it is called (PDF, images, archives, feeds, JSON) outrank the others.
    """
    if page.status is not None and page.status not in params.statuses:
        return status_reason(page.status), str(page.status)
    media_type, said_by = type_of(page)
    if media_type == "application/pdf":
        return reasons.PDF, f"{media_type} ({said_by})"
    if media_type not in params.html_types:
        if not page.body and said_by == "bytes":
            return reasons.TOO_SMALL, "0 bytes"
        return reasons.NOT_HTML, f"{media_type} ({said_by})"
    if len(page.body) < params.min_bytes:
        return reasons.TOO_SMALL, f"{len(page.body)} bytes"
    if len(page.body) > params.max_bytes:
        return reasons.TOO_LARGE, f"{len(page.body)} bytes"
    if page.is_truncated and not params.truncated:
        return reasons.TRUNCATED_PAGE, f"{len(page.body)} bytes"
    return None


def status_reason(status: int) -> str:
    """The reason of a status that is not taken: its number where it is a common one, else its class."""
    if status in reasons.STATUSES:
        return reasons.STATUS.format(status)
    return reasons.STATUS.format(f"{status // 100}xx" if 100 <= status <= 599 else "other")


def type_of(page: Page) -> tuple[str, str]:
    """Media type of a page in lower case, and who says so: `bytes`, `crawler` or `header`."""
    if (found := _by_magic(page.body) or _by_data(page.body)) is not None:
        return found, "bytes"
    for said, by in ((page.payload_type, "crawler"), (page.headers.get("content-type"), "header")):
        declared = _essence(said or "")
        if declared in _ANY_XML and _XHTML.match(*_behind_prolog(page.body)):
            return "application/xhtml+xml", "bytes"
        if declared not in _UNKNOWN:
            return declared, by
    return sniff(page.body), "bytes"


def _essence(content_type: str) -> str:
    """`text/html` of `Text/HTML; charset=x`; empty when it is no media type."""
    # a repeated header is joined by commas: the first counts
    first = re.split("[;,]", content_type, maxsplit=1)[0].strip().lower()
    return first if _TYPE.fullmatch(first) else ""


def sniff(body: bytes) -> str:
    """The media type that the bytes of a body show: the HTML types, feeds, `application/xml`,
    `application/json`, a type of a binary file, `text/plain`, or `application/octet-stream`."""
    if (found := _by_magic(body)) is not None:
        return found
    head, is_wide = _plain_head(body)
    start = _start(head)
    is_xml = head.lstrip()[:5].lower() == b"<?xml"
    if _TAG.match(head, start):
        return "application/xhtml+xml" if is_xml else HTML
    if (found := _list_type(head, start)) is not None:
        return found
    if _SVG.match(head, start):
        return "image/svg+xml"
    # a tag further inside the head of a page, behind text or a tag that is not known
    if not is_xml and head[start : start + 1] == b"<" and _TAG.search(head, start):
        return HTML
    if is_xml:
        return "application/xml"
    if _JSON.match(head, start):
        return "application/json"
    if not is_wide and _SAMPLE.search(head):
        return "application/octet-stream"
    return "text/plain"


def _plain_head(body: bytes) -> tuple[bytes, bool]:
    """The first bytes without a mark, and whether they were UTF-16, which becomes UTF-8."""
    for mark, codec in _WIDE:
        if body.startswith(mark):
            return body[2 : 2 + 2 * PROBE].decode(codec, "replace").encode("utf-8", "replace"), True
    return body[: PROBE + 3].removeprefix(codecs.BOM_UTF8)[:PROBE], False


def _start(head: bytes) -> int:
    """Where the first tag or text stands."""
    at = _BEFORE.match(head)
    return at.end() if at else 0


def _behind_prolog(body: bytes) -> tuple[bytes, int]:
    head, _ = _plain_head(body)
    return head, _start(head)


def _list_type(head: bytes, start: int) -> str | None:
    return next((media_type for pattern, media_type in _LISTS if pattern.match(head, start)), None)


def _by_data(body: bytes) -> str | None:
    """The type of a feed, a site map or JSON from its first to its last byte."""
    head, start = _behind_prolog(body)
    if _JSON_VALUE.match(head):
        closing = b"}" if head.lstrip()[:1] == b"{" else b"]"
        return "application/json" if body[-_TAIL:].rstrip().endswith(closing) else None
    return _list_type(head, start)


def _by_magic(body: bytes) -> str | None:
    head = body[:1024]
    # some writers put line ends before it
    if head.lstrip()[:5] == b"%PDF-":
        return "application/pdf"
    found = next((media_type for mark, media_type in _MAGIC if head.startswith(mark)), None)
    if found is None and head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if found is None and head[4:8] == b"ftyp":
        return "video/mp4"
    return found
