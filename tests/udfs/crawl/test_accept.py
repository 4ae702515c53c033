"""Which pages are taken, and the reason for each that is not."""

from __future__ import annotations

import dataclasses
import gzip
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gristmill.udfs import reasons
from gristmill.udfs.crawl.accept import PROBE, AcceptParams, sniff, status_reason, type_of, why_not
from gristmill.udfs.crawl.pages import Page
from tests.timing import grows_linearly

PARAMS = AcceptParams(statuses=frozenset({200}), html_types=frozenset({"text/html", "application/xhtml+xml"}), min_bytes=10, max_bytes=1000, truncated=False)
PAGE = Page("f:0", "f", b"<!DOCTYPE html><p>The old mill turns.</p>", status=200)


def judged(**changes: Any) -> str | None:
    found = why_not(dataclasses.replace(PAGE, **changes), PARAMS)
    return found[0] if found else None


@pytest.mark.parametrize(
    ("status", "reason"), [(None, None), (200, None), (404, "status_404"), (503, "status_503"), (418, "status_4xx"), (226, "status_2xx"), (999, "status_other"), (101, "status_1xx"), (0, "status_other")]
)
def test_only_named_statuses_are_taken(status: int | None, reason: str | None) -> None:
    assert judged(status=status) == reason


@given(status=st.integers(-5, 1200))
def test_each_status_has_one_of_finitely_many_reasons(status: int) -> None:
    assert status_reason(status) in reasons.CRAWL


@pytest.mark.parametrize(
    ("payload_type", "content_type", "body", "found"),
    [
        ("text/html", "application/pdf", b"", None),
        ("application/xhtml+xml", None, b"", None),
        ("application/pdf", "text/html", b"", ("pdf", "application/pdf (crawler)")),
        ("image/png", "text/html", b"", ("not_html", "image/png (crawler)")),
        (None, "Text/HTML; charset=gbk", b"", None),
        (None, "text/html, text/html", b"", None),
        (None, "application/json", b"", ("not_html", "application/json (header)")),
        (None, "text/plain", b"", ("not_html", "text/plain (header)")),
        (None, "application/octet-stream", b"", None),
        (None, "html", b"", None),
        (None, "", b"", None),
        ("application/octet-stream", "text/css", b"", ("not_html", "text/css (header)")),
        (None, None, b"\r\n%PDF-1.7 and so on", ("pdf", "application/pdf (bytes)")),
        ("text/html", "text/html", b"%PDF-1.7 and so on", ("pdf", "application/pdf (bytes)")),
        (None, "text/html", b"\x89PNG\r\n\x1a\n and so on", ("not_html", "image/png (bytes)")),
        (None, "text/html", gzip.compress(b"<html>", mtime=0), ("not_html", "application/gzip (bytes)")),
        (None, None, b"just some text", ("not_html", "text/plain (bytes)")),
        ("text/html", "text/html", b'{"items": [{"title": "<p>A mill</p>"}]}\n', ("not_html", "application/json (bytes)")),
        (None, "text/html", b'\xef\xbb\xbf [["a", 1]]', ("not_html", "application/json (bytes)")),
        (None, "text/html", b"[1] A note of a page that is nothing but text [2]", None),
        (None, "text/html", b'{"a": a page that only begins so', None),
        (None, "text/html", b"{{ title }} of a page of templates }", None),
        (None, "text/html", b'<?xml version="1.0"?><!-- x --><rss version="2.0"><channel>', ("not_html", "application/rss+xml (bytes)")),
        (None, "text/html", b'<feed xmlns="http://www.w3.org/2005/Atom"><title>', ("not_html", "application/atom+xml (bytes)")),
        (None, "text/html", b"<feed-list><div>a page with an element of its own", None),
        (None, "text/html", b"<svg></svg><div>a page that begins with a picture", None),
        (None, "application/xml", b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "x"><html><body>', None),
        (None, "text/xml; charset=utf-8", b'<html xmlns="http://www.w3.org/1999/xhtml">', None),
        (None, "text/xml", b'<?xml version="1.0"?><link>a', ("not_html", "text/xml (header)")),
    ],
)
def test_the_type_is_what_bytes_then_crawler_then_header_say(payload_type: str | None, content_type: str | None, body: bytes, found: tuple[str, str] | None) -> None:
    page = dataclasses.replace(PAGE, payload_type=payload_type, headers={} if content_type is None else {"content-type": content_type}, body=body or PAGE.body)
    assert why_not(page, PARAMS) == found


@pytest.mark.parametrize(("size", "reason"), [(9, "too_small"), (10, None), (1000, None), (1001, "too_large")])
def test_sizes_have_two_bounds(size: int, reason: str | None) -> None:
    assert judged(body=b"<p>" + b"x" * (size - 3)) == reason


def test_an_empty_body_is_too_small_unless_somebody_says_what_it_was() -> None:
    assert judged(body=b"", headers={}) == "too_small"
    assert judged(body=b"", headers={"content-type": "image/png"}) == "not_html"


def test_a_truncated_page_is_taken_where_the_recipe_says_so() -> None:
    assert judged(is_truncated=True) == "truncated_page"
    assert why_not(dataclasses.replace(PAGE, is_truncated=True), dataclasses.replace(PARAMS, truncated=True)) is None


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"<!DOCTYPE HTML><p>", "text/html"),
        (b"\xef\xbb\xbf \r\n<html lang=zh>", "text/html"),
        (b"<!-- saved - from -- somewhere --> <!----> <HTML>", "text/html"),
        (b"<div>fragment", "text/html"),
        (b"<custom-tag><body>", "text/html"),
        (b'<?xml version="1.0"?><!DOCTYPE html PUBLIC "x"><html>', "application/xhtml+xml"),
        (b"<?php broken ?><html>", "text/html"),
        ("\ufeff<html><p>老磨坊".encode("utf-16-le"), "text/html"),
        ("\ufeff<html><p>老磨坊".encode("utf-16-be"), "text/html"),
        (b'<?xml version="1.0"?><rss version="2.0"><channel><title>', "application/rss+xml"),
        (b"<rdf:RDF xmlns=", "application/rss+xml"),
        (b'<?xml version="1.0"?>\n<!-- x --><feed xmlns="http://www.w3.org/2005/Atom"><title>', "application/atom+xml"),
        (b'<?xml version="1.0"?><urlset>', "application/xml"),
        (b'<?xml version="1.0"?><note><body>', "application/xml"),
        (b"<svg xmlns=", "image/svg+xml"),
        (b' {"a": 1}', "application/json"),
        (b"[1, 2]", "application/json"),
        (b"{css: selector}", "text/plain"),
        (b"a < b and <p> later", "text/plain"),
        (b"<!-- never closed " + b"-" * 3000 + b"<html>", "text/plain"),
        (b"", "text/plain"),
        (b"\0\1\2", "application/octet-stream"),
        (b"PK\x03\x04", "application/zip"),
        (b"RIFF\0\0\0\0WEBPVP8", "image/webp"),
        (b"\0\0\0\x18ftypmp42", "video/mp4"),
        (b"GIF89a", "image/gif"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
    ],
)
def test_the_bytes_show_their_type(body: bytes, media_type: str) -> None:
    assert sniff(body) == media_type


@given(body=st.binary(max_size=PROBE + 100))
def test_any_bytes_have_a_type(body: bytes) -> None:
    assert "/" in sniff(body)


@pytest.mark.parametrize("unit", [b"<!--", b"<!-- -", b"<? ", b" ", b"<", b"{ ", b"<!-- -->", b"\xff\xfe<\0", b'{"', b"[ ", b'{ "a" '])
def test_time_does_not_grow_faster_than_the_bytes(unit: bytes) -> None:
    def seconds(n: int) -> float:
        body = unit * n
        began = time.process_time()
        for _ in range(20):
            type_of(dataclasses.replace(PAGE, body=body))
        return time.process_time() - began

    assert grows_linearly(seconds, 5_000)


def test_parameters_tell_all_their_faults_at_once() -> None:
    with pytest.raises(ValueError, match="statuses: 20 is no status of HTTP; html_types: 'HTML' is no media type in lower case; min_bytes: -1 is below 0; max_bytes: -2 is below min_bytes"):
        AcceptParams(statuses=frozenset({20}), html_types=frozenset({"HTML"}), min_bytes=-1, max_bytes=-2, truncated=False)
    with pytest.raises(ValueError, match="no response would be taken; html_types: none is named"):
        AcceptParams(statuses=frozenset(), html_types=frozenset(), min_bytes=0, max_bytes=0, truncated=False)
