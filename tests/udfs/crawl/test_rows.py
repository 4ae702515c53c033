"""A page becomes one row: what is told first where several things are wrong with it, and what a row of it holds."""

from __future__ import annotations

import dataclasses
import datetime as dt
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs import reasons
from gristmill.udfs.crawl.accept import AcceptParams
from gristmill.udfs.crawl.page_formats import PageParams
from gristmill.udfs.crawl.pages import Page, Refusal
from gristmill.udfs.crawl.rows import COLUMNS, CrawlParams, columns_of, day_of, moment_of, row_of
from gristmill.udfs.crawl.url_rules import UrlList, UrlRules
from gristmill.udfs.read.rows import Mapper, ReadParams, batched, doc_id_of
from gristmill.udfs.read.survey import Survey
from tests.udfs.crawl.params import extract_params

BOUNDS: dict[str, Any] = {"max_row_bytes": 1 << 20, "max_raw_bytes": 64, "max_unpacked_bytes": 1 << 30, "max_unpack_ratio": 250.0}
RULES = UrlRules.of([UrlList("hosts", "malware", "domains", ("bad.example",))], 2)
ACCEPT = AcceptParams(statuses=frozenset({200}), html_types=frozenset({"text/html"}), min_bytes=10, max_bytes=1 << 20, truncated=False)
TEXT = "The mill stands by the river, and its wheel turns from the first bell of the morning until the light is gone."
HTML = f"<html><head><title>The mill</title></head><body><p>{TEXT}</p><p>{TEXT[::-1]}</p></body></html>".encode()


def params(columns: dict[str, str | None] | None = None, **changes: Any) -> CrawlParams:
    mapped = {"source": "=crawl", **(columns or {})}
    reader = PageParams(mapped, max_header_bytes=1 << 16, max_body_bytes=1 << 20, max_body_ratio=250.0, **BOUNDS)
    extract = extract_params(changes.pop("engine", "resiliparse"))
    return CrawlParams(ReadParams(columns_of(mapped), **BOUNDS), reader, ACCEPT, RULES, extract, frozenset(changes.pop("honour", ())))


def row(page: Page | Refusal, given_params: CrawlParams | None = None) -> dict[str, Any]:
    held = given_params or params()
    made = row_of(page, held, Mapper(held.rows, survey=Survey("", {})))
    [batch] = batched([made], held, COLUMNS)  # as a task writes it
    return batch.to_pylist()[0]


def page(body: bytes = HTML, url: str | None = "http://a.example/", status: int | None = 200, **more: Any) -> Page:
    return Page("x.warc:7", "/in/x.warc", body, url, status, **more)


def test_a_page_becomes_a_document_with_what_is_known_of_it() -> None:
    found = row(page(headers={"content-type": "text/html; charset=big5"}, record_id="<r>", stored_at=5, fetched_at="2026-11-01T08:00:00Z", fields={"license": "CC0"}), params({"license": "rights"}))
    assert (found["reason"], found["source"], found["url"], found["license"]) == (None, "crawl", "http://a.example/", "CC0")
    assert TEXT in found["text"]
    assert found["doc_id"] == doc_id_of("crawl", None, "http://a.example/", "")
    assert found["n_bytes"] == len(found["text"].encode())
    assert (found["title"], found["n_bytes_html"], found["stored_at"], found["status"], found["record_id"]) == ("The mill", len(HTML), 5, 200, "<r>")
    assert (found["charset_declared"], found["charset_used"]) == ("big5", "utf-8")
    assert found["fetched_at"] == dt.datetime(2026, 11, 1, 8, tzinfo=dt.UTC)
    assert found["wishes"] == []


def test_what_is_cheap_is_told_first() -> None:
    noai = HTML.replace(b"<head>", b'<head><meta name="robots" content="noai">')
    honoured = params(honour={"noai"})
    for given_page, reason in (
        (page(noai, "http://bad.example/", 404), "status_404"),
        (page(noai, "http://bad.example/", 200), "malware_url"),
        (page(noai), "publisher_opted_out"),
        (page(b"<html><body>" + b"\xff\xfe\x81" * 500), "invalid_encoding"),
        (page(b"<html><body><script>no text</script></body></html>"), "empty_text"),
    ):
        found = row(given_page, honoured)
        assert found["reason"] == reason
        assert found["raw"].startswith(f"{given_page.url}\n")
        assert len(found["raw"].encode()) <= 64
        assert found["doc_id"] == doc_id_of("crawl", None, str(given_page.url), "")
        assert (found["text"], found["title"], found["wishes"]) == (None, None, None)
    assert row(page(noai))["wishes"] == ["noai"]


def test_the_id_of_a_refused_page_is_that_of_its_document_or_none() -> None:
    assert row(Refusal("x:1", "x", reasons.REVISIT, b"", url="http://a.example/"))["doc_id"] == row(page())["doc_id"]
    # without an address, or with a key of its own, nobody can tell
    assert row(page(url=None, status=404))["doc_id"] is None
    assert row(page(url="n/a", status=404))["doc_id"] is None
    keyed = params({"native_key": "id"})
    assert row(page(status=404), keyed)["doc_id"] is None
    assert row(page(fields={"native_key": "k"}), keyed)["doc_id"] == doc_id_of("crawl", "k", None, "")


def test_a_page_without_an_address_is_known_by_its_text() -> None:
    found = row(page(url=None, status=None))
    assert (found["url"], found["doc_id"]) == (None, doc_id_of("crawl", None, None, found["content_hash"]))


def test_what_an_engine_stumbles_over_costs_the_page_alone() -> None:
    held = params(engine="cascade")
    broken = dataclasses.replace(held, extract=dataclasses.replace(held.extract, cascade=None))
    found = row(page(), broken)
    assert (found["reason"], found["detail"]) == ("engine_failed", "AttributeError")


wild = st.one_of(st.none(), st.text(max_size=20), st.sampled_from(["http://\ud800.example/", "http://a.example/\0", "http://bad.example", "//x", "http://[", "\udcff"]))


@settings(max_examples=200, deadline=None)
@given(url=wild, body=st.one_of(st.binary(max_size=200), st.binary(max_size=60).map(lambda noise: HTML.replace(b"mill", noise))), title=st.text(max_size=10), detail=wild)
def test_no_page_is_an_error_and_each_is_one_row(url: str | None, body: bytes, title: str, detail: str | None) -> None:
    named = body.replace(b"The mill</title>", title.encode("utf-8", "surrogatepass") + b"</title>")
    for given_page in (page(named, url), page(named, url, 404), Refusal("x:1", "x", reasons.MALFORMED_HTTP, body, detail, url)):
        found = row(given_page)
        assert (found["reason"] is None) == (found["text"] is not None)
        assert "\0" not in (found["text"] or "") + (found["title"] or "") + (found["detail"] or "")


@pytest.mark.parametrize(
    ("time", "wanted"),
    [
        ("2026-11-01T08:00:00Z", "2026-11-01T08:00:00+00:00"), ("2026-11-01T08:00:00.5Z", "2026-11-01T08:00:00.500000+00:00"),
        ("2026-11-01T08:00:00", "2026-11-01T08:00:00+00:00"), ("2026-11-01T08:00:00+08:00", "2026-11-01T00:00:00+00:00"),
        ("yesterday", None), ("", None), (None, None), ("0001-01-01T00:00:00+14:00", None),
    ],
)  # fmt: skip
def test_a_time_of_a_crawl_is_in_utc_or_none(time: str | None, wanted: str | None) -> None:
    found = moment_of(time)
    assert (found and found.isoformat()) == wanted


def test_a_day_is_a_date_or_none() -> None:
    assert (day_of("2026-02-28"), day_of("2026-02-28T23:00:00+08:00")) == (dt.date(2026, 2, 28),) * 2
    assert (day_of("2026-02-30"), day_of("soon"), day_of(None)) == (None, None, None)


def test_columns_keep_constants_and_name_themselves() -> None:
    assert columns_of({"source": "=cc", "license": "meta.license", "lang_hint": None}) == {"url": "url", "source": "=cc", "license": "license"}
