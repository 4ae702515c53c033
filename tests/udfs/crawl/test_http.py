"""Responses of HTTP: what the server meant comes out, whatever a header claims, within bounds."""

from __future__ import annotations

import contextlib
import gzip
import os
import time
import tracemalloc
import zlib
from collections.abc import Callable

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs.crawl.http import BadResponse, HttpLimits, Response, parse
from tests.timing import grows_linearly

LIMITS = HttpLimits(1 << 16, 1 << 25, 250.0)
HTML = b"<!DOCTYPE html><html><head><title>The mill</title></head><body>" + b"<p>The old mill turns.</p>\n" * 20 + b"</body></html>"


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress, "x-gzip": gzip.compress, "deflate": zlib.compress, "deflate ": raw_deflate, "br": brotli.compress, "zstd": zstandard.compress,
}  # fmt: skip


def response(body: bytes, *headers: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    return b"\r\n".join([status, *headers]) + b"\r\n\r\n" + body


def chunked(body: bytes, sizes: list[int], end: bytes = b"0\r\n\r\n") -> bytes:
    out, at = b"", 0
    for size in [*sizes, len(body)]:
        piece = body[at : at + size]
        out += b"%x\r\n%s\r\n" % (len(piece), piece) if piece else b""
        at += size
    return out + end


def parsed(block: bytes, limits: HttpLimits = LIMITS) -> Response:
    return parse(block, limits)


@pytest.mark.parametrize("coding", PACK)
def test_a_body_comes_out_as_the_server_meant_it(coding: str) -> None:
    packed = PACK[coding](HTML)
    found = parsed(response(packed, b"Content-Encoding: " + coding.upper().encode(), b"Content-Length: %d" % len(packed)))
    assert (found.status, found.body, found.is_truncated) == (200, HTML, False)
    assert found.headers == {"content-encoding": coding.upper().strip(), "content-length": str(len(packed))}


@pytest.mark.parametrize("coding", PACK)
@pytest.mark.parametrize("plain", [HTML, b"\xef\xbb\xbf" + HTML, b"  \n" + HTML, b"just text, no tags", "老磨坊还在转。".encode(), b"x"])
def test_a_body_that_was_stored_unpacked_is_taken_as_it_is(coding: str, plain: bytes) -> None:
    found = parsed(response(plain, b"Content-Encoding: " + coding.encode(), b"Content-Length: 99999"))
    assert (found.body, found.is_truncated) == (plain, False), "the length is that of the packed bytes"


@pytest.mark.parametrize("coding", PACK)
def test_a_body_that_breaks_off_gives_what_there_is(coding: str) -> None:
    html = b"<html>" + b"".join(b"%d %d\n" % (i, i * i) for i in range(20_000))
    packed = PACK[coding](html)
    found = parsed(response(packed[: len(packed) * 2 // 3], b"Content-Encoding: " + coding.encode()))
    assert found.is_truncated
    assert html.startswith(found.body)
    assert len(found.body) > len(html) // 4


def test_what_stands_before_a_damaged_place_is_kept() -> None:
    html = b"<html>" + b"".join(b"%d %d\n" % (i, i * i) for i in range(20_000))
    packed = bytearray(gzip.compress(html))
    packed[len(packed) // 2 : len(packed) // 2 + 200] = b"\xff" * 200
    found = parsed(response(bytes(packed), b"Content-Encoding: gzip"))
    assert found.is_truncated
    assert found.body[:20_000] == html[:20_000]
    wrong_sum = gzip.compress(HTML)[:-8] + b"\0" * 8
    assert parsed(response(wrong_sum, b"Content-Encoding: gzip")) == Response(200, {"content-encoding": "gzip"}, HTML, True)


def test_lists_of_codings_are_undone_from_the_last_to_the_first() -> None:
    twice = brotli.compress(gzip.compress(HTML))
    assert parsed(response(twice, b"Content-Encoding: gzip, br")).body == HTML
    assert parsed(response(twice, b"Content-Encoding: gzip", b"content-encoding: br")).body == HTML
    assert parsed(response(chunked(gzip.compress(HTML), [7]), b"Transfer-Encoding: gzip, chunked")).body == HTML
    assert parsed(response(HTML, b"Content-Encoding: identity, utf-8, compress")).body == HTML


def test_members_and_frames_one_behind_another_are_one_body() -> None:
    half = len(HTML) // 2
    for coding, pack in (("gzip", gzip.compress), ("zstd", zstandard.compress)):
        packed = pack(HTML[:half]) + pack(HTML[half:])
        assert parsed(response(packed, b"Content-Encoding: " + coding.encode())) == Response(200, {"content-encoding": coding}, HTML, False)
    assert parsed(response(gzip.compress(HTML) + b"trailing", b"Content-Encoding: gzip")).body == HTML


@pytest.mark.parametrize(
    ("body", "wanted", "is_truncated"),
    [
        (b"5\r\nhello\r\n0\r\n\r\n", b"hello", False),
        (b"5;name=value\r\nhello\r\n3 \r\nabc\r\n000\r\nTrailer: x\r\n\r\n", b"helloabc", False),
        (b"5\nhello\n0\n\n", b"hello", False),
        (b"5\r\nhello\r\n", b"hello", True),
        (b"5\r\nhel", b"hel", True),
        (b"5\r\nhelloworld\r\n0\r\n\r\n", b"hello", True),
        (b"8000000000000000\r\nhello", b"hello", True),
        (b"ffffffffffffffffffffffffffffffff\r\nhello\r\n0\r\n\r\n", b"hello\r\n0\r\n\r\n", True),
        (b"5\r\nhello\r\nzz\r\nabc", b"hello", True),
        (b"<html>stored unchunked", b"<html>stored unchunked", False),
        (b"-5\r\nhello", b"-5\r\nhello", False),
        (b"", b"", False),
    ],
)
def test_chunks_are_joined_and_what_is_none_is_taken_as_it_is(body: bytes, wanted: bytes, is_truncated: bool) -> None:
    found = parsed(response(body, b"Transfer-Encoding: chunked"))
    assert (found.body, found.is_truncated) == (wanted, is_truncated)


@pytest.mark.parametrize(
    ("length", "is_truncated"), [(b"5", False), (b"6", True), (b"4", False), (b"-1", False), (b"9" * 30, False), (b"many", False), (b"6, 6", True), ("٦".encode(), False)]
)
def test_a_body_shorter_than_its_length_is_truncated(length: bytes, is_truncated: bool) -> None:
    found = parsed(response(b"hello", b"Content-Length: " + length))
    assert (found.body, found.is_truncated) == (b"hello", is_truncated)


def test_headers_are_lower_case_folded_and_joined() -> None:
    block = b"\r\n\r\nHTTP/1.0  404\nX-A: 1\n folded\n\tagain\nx-a:2\nNo colon\n: no name\nX-B:\nX-\xe9: caf\xe9\n\nbody"
    found = parsed(block)
    assert (found.status, found.body) == (404, b"body")
    assert found.headers == {"x-a": "1 folded again, 2", "": "no name", "x-b": "", "x-é": "café"}
    assert parsed(b"HTTP/2 200\r\nX: \xe6\x96\x87\r\n\r\n").headers == {"x": "文"}
    assert parsed(b"http/1.1 200 ok\r\n\r\nx").status == 200
    assert parsed(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx") == Response(200, {}, b"x", False)


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (b"", "malformed_http"),
        (HTML, "malformed_http"),
        (b"HTTP/1.1 2000 OK\r\n\r\n", "malformed_http"),
        (b"HTTP/1.1\r\n\r\n", "malformed_http"),
        (b"ICY 200 OK\r\n\r\n", "malformed_http"),
        (response(b"", b"X: " + b"y" * (1 << 17)), "header_too_large"),
        (response(b"x" * ((1 << 25) + 1)), "unpacks_too_large"),
    ],
)
def test_what_is_no_response_says_why(block: bytes, reason: str) -> None:
    with pytest.raises(BadResponse) as told:
        parsed(block)
    assert told.value.reason == reason


def test_a_header_that_ends_with_the_record_leaves_a_truncated_page() -> None:
    assert parsed(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Enc") == Response(200, {"content-type": "text/html"}, b"", True)
    assert parsed(b"HTTP/1.1 200") == Response(200, {}, b"", True)
    assert parsed(b"HTTP/1.1 100 Continue") == Response(100, {}, b"", True)


BOMBS = {
    "gzip": gzip.compress(b"\0" * 60_000_000), "deflate": zlib.compress(b"\0" * 60_000_000), "deflate ": raw_deflate(b"\0" * 60_000_000),
    "br": brotli.compress(b"\0" * 60_000_000), "zstd": zstandard.compress(b"\0" * 60_000_000), "gzip, gzip": gzip.compress(gzip.compress(b"\0" * 60_000_000)),
}  # fmt: skip


@pytest.mark.parametrize("coding", BOMBS)
@pytest.mark.parametrize(("max_body_bytes", "ratio"), [(1 << 22, 1e9), (1 << 40, 20.0)])
def test_a_bomb_is_refused_and_never_held(coding: str, max_body_bytes: int, ratio: float) -> None:
    tracemalloc.start()
    with pytest.raises(BadResponse) as told:
        parsed(response(BOMBS[coding], b"Content-Encoding: " + coding.encode()), HttpLimits(1 << 16, max_body_bytes, ratio))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert told.value.reason == "unpacks_too_large"
    assert peak < 44_000_000  # 32 MiB of one step of zstd, else twice the bound


def test_a_body_of_exactly_the_bound_passes() -> None:
    limits = HttpLimits(1 << 16, len(HTML), 250.0)
    for coding, pack in PACK.items():
        assert parsed(response(pack(HTML), b"Content-Encoding: " + coding.encode()), limits).body == HTML
        with pytest.raises(BadResponse):
            parsed(response(pack(HTML + b"\n"), b"Content-Encoding: " + coding.encode()), limits)


texts = st.binary(max_size=400) | st.text(max_size=200).map(str.encode) | st.just(HTML)


@settings(max_examples=200, deadline=None)
@given(body=texts, codings=st.lists(st.sampled_from([name for name in PACK if name != "deflate "]), max_size=3), sizes=st.none() | st.lists(st.integers(1, 50), max_size=6))
def test_any_body_goes_through_any_codings_and_chunks(body: bytes, codings: list[str], sizes: list[int] | None) -> None:
    packed = body
    for coding in codings:
        packed = PACK[coding](packed)
    headers = [b"Content-Encoding: " + ",".join(codings).encode()] if codings else []
    headers += [b"Transfer-Encoding: chunked"] if sizes is not None else [b"Content-Length: %d" % len(packed)]
    found = parsed(response(packed if sizes is None else chunked(packed, sizes), *headers))
    assert (found.body, found.is_truncated) == (body, False)


@settings(max_examples=200, deadline=None)
@given(block=st.binary(max_size=300), coding=st.sampled_from(list(PACK)), is_chunked=st.booleans())
def test_any_bytes_are_a_response_or_none_for_a_reason(block: bytes, coding: str, is_chunked: bool) -> None:
    headers = [b"Content-Encoding: " + coding.encode(), *([b"Transfer-Encoding: chunked"] if is_chunked else [])]
    assert parsed(response(block, *headers)).status == 200
    assert parsed(response(PACK[coding](HTML)[:20] + block, *headers)).headers["content-encoding"] == coding.strip()
    if not block.lstrip(b"\r\n").startswith(b"HTTP/"):
        with pytest.raises(BadResponse, match="malformed_http"):
            parsed(block)


def hostile() -> dict[str, Callable[[int], bytes]]:
    noise = os.urandom(1 << 20)
    return {
        "chunks of one byte": lambda n: response(b"1\r\nx\r\n" * n, b"Transfer-Encoding: chunked"),
        "chunks without data": lambda n: response(b"1;" * n, b"Transfer-Encoding: chunked"),
        "one field again and again": lambda n: response(b"", *[b"X: y"] * (n // 8)),
        "blank folds": lambda n: response(b"", b"X: y", *[b" "] * n),
        "status lines": lambda n: b"HTTP/1.1 100 OK\r\n\r\n" * n,
        "members of nothing": lambda n: response(gzip.compress(b"") * n, b"Content-Encoding: gzip"),
        "frames of nothing": lambda n: response(zstandard.compress(b"") * n, b"Content-Encoding: zstd"),
        "codings": lambda n: response(gzip.compress(noise[:n]), b"Content-Encoding: " + b"gzip," * 2000),
        "noise": lambda n: response(noise[:n] * 4, b"Content-Encoding: br, deflate"),
        "damage at the end": lambda n: response(gzip.compress(noise[:n] * 8)[:-9] + b"x" * 9, b"Content-Encoding: gzip"),
        "commas": lambda n: response(b"x", b"Content-Encoding: " + b"," * n),
    }


@pytest.mark.parametrize("name", hostile())
def test_time_grows_with_the_bytes_alone(name: str) -> None:
    make, limits = hostile()[name], HttpLimits(1 << 24, 1 << 26, 1e9)

    def seconds(n: int) -> float:
        block = make(n)
        began = time.process_time()
        with contextlib.suppress(BadResponse):
            parse(block, limits)
        return time.process_time() - began

    assert grows_linearly(seconds, 20_000)
