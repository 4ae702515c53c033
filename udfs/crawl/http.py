"""A response of HTTP/1.x as a crawl stores it: status, headers, and the body that the server meant."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gristmill.udfs import reasons
from gristmill.udfs.streams.codings import CODINGS, MAX_CODINGS, unpack
from gristmill.udfs.streams.header_lines import end_of_header, number_of_bytes, unfolded
from gristmill.udfs.streams.limits import BrokenStream

_STATUS = re.compile(rb"[\r\n]*(?i:HTTP)/\d(?:\.\d)?[ \t]+(\d{3})(?!\d)")
# length of a chunk, in hexadecimal; extensions are passed over
_CHUNK = re.compile(rb"[ \t]*([0-9A-Fa-f]{1,32})[ \t]*(?:;[^\r\n]*)?\r?\n")
_LINE_END = re.compile(rb"\r?\n")
# interim answers (`100 Continue`) before the one that counts
_MAX_INTERIM = 4
# bytes below which the ratio of a body is not judged: short runs of equal rows are no bomb
RATIO_FLOOR = 1 << 20


@dataclass(frozen=True)
class HttpLimits:
    """Bytes of the header, bytes that a body may unpack to, and how many times its own."""

    max_header_bytes: int
    max_body_bytes: int
    max_body_ratio: float


@dataclass(frozen=True)
class Response:
    """`headers`: lower-case names, the values of a repeated field joined by ", ". `body`: after transfer and
    content codings. `is_truncated`: it is shorter than its header, its chunks or its coding say."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_truncated: bool


class BadResponse(Exception):
    """Bytes that are no response, or one beyond a limit; `reason` is one of gristmill.udfs.reasons."""

    def __init__(self, reason: str, detail: str | None = None) -> None:
        super().__init__(reason)
        self.reason, self.detail = reason, detail


def parse(block: bytes, limits: HttpLimits) -> Response:
    """The response that `block` holds. A body that is not in a coding that its header names is taken as it
    is; one that breaks off or is damaged gives what stands before.

    Raises BadResponse: `malformed_http`, `header_too_large`, `unpacks_too_large`.
    """
    start = 0
    for _ in range(_MAX_INTERIM + 1):
        status, headers, end = _head(block, start, limits)
        if not (100 <= status < 200 and end >= 0 and _STATUS.match(block, end)):
            break
        start = end
    is_cut = end < 0
    raw = b"" if is_cut else block[end:]
    transfer, content = _tokens(headers, "transfer-encoding"), _tokens(headers, "content-encoding")
    chunks = _unchunked(raw) if "chunked" in transfer else None
    body, is_truncated = chunks or (raw, is_cut or _is_short(raw, headers))
    # the last that was applied is the first to be undone
    codings = [CODINGS[each] for each in (*content, *transfer) if each in CODINGS][::-1][:MAX_CODINGS]
    for coding in codings if body else ():
        room = min(limits.max_body_bytes, max(RATIO_FLOOR, int(limits.max_body_ratio * len(body))))
        try:
            found = unpack(body, coding, room)
        except BrokenStream as broken:
            detail = f"{len(body)} bytes of {coding} unpack to more than {room}"
            raise BadResponse(broken.reason, detail) from None
        if found is None:
            # unpacked before it was stored: the length is that of the packed bytes
            is_truncated = is_truncated and chunks is not None
            continue
        body, is_short = found
        is_truncated = is_truncated or is_short
    if len(body) > limits.max_body_bytes:
        raise BadResponse(reasons.UNPACKS_TOO_LARGE, f"a body of {len(body)} bytes")
    return Response(status, headers, body, is_truncated)


def _head(block: bytes, start: int, limits: HttpLimits) -> tuple[int, dict[str, str], int]:
    """Status, headers and where the body begins; -1: the block ends within the header."""
    line = _STATUS.match(block, start)
    if line is None:
        raise BadResponse(reasons.MALFORMED_HTTP, "no status line")
    start = line.start(1)
    most = start + limits.max_header_bytes
    end = end_of_header(block, start, most)
    if end < 0 and len(block) > most:
        raise BadResponse(reasons.HEADER_TOO_LARGE, f"no end within {limits.max_header_bytes} bytes")
    return int(line[1]), _fields(block[start : end if end >= 0 else len(block)]), end


def _fields(head: bytes) -> dict[str, str]:
    try:
        text = head.decode()
    except UnicodeDecodeError:
        text = head.decode("latin-1")
    fields: dict[str, list[str]] = {}
    for line in unfolded(text).split("\n")[1:]:
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), []).append(value.strip())
    return {name: values[0] if len(values) == 1 else ", ".join(values) for name, values in fields.items()}


def _tokens(headers: dict[str, str], name: str) -> list[str]:
    return [token.strip().lower() for token in headers[name].split(",")] if name in headers else []


def _is_short(raw: bytes, headers: dict[str, str]) -> bool:
    """Whether the header promises more bytes than there are."""
    length = number_of_bytes(headers.get("content-length", "").split(",")[0].strip())
    return length is not None and length > len(raw)


def _unchunked(raw: bytes) -> tuple[bytes, bool] | None:
    """The chunks joined, and whether the last one is missing; None when no chunk begins here."""
    if (size := _CHUNK.match(raw)) is None:
        return None
    pieces: list[bytes] = []
    while size is not None:
        length, at = int(size[1], 16), size.end()
        if not length:
            return b"".join(pieces), False
        pieces.append(raw[at : at + length])
        line_end = _LINE_END.match(raw, at + length) if length <= len(raw) else None
        size = _CHUNK.match(raw, line_end.end()) if line_end else None
    return b"".join(pieces), True
