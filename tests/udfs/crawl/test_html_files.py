"""HTML in files and in columns: each file or row is a page, or says why not."""

from __future__ import annotations

import bz2
import datetime
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.udfs.crawl.page_formats import PAGE_FORMATS, pages_of_unit
from gristmill.udfs.crawl.pages import Page, PageParams
from gristmill.udfs.read.readers import plan_units
from gristmill.udfs.read.survey import complaints
from gristmill.udfs.streams.part_hash import PartHash
from tests.udfs.crawl.page_params import BOUNDS, found, pages_in, params, refusals_in

HTML = "<!doctype html><p>老磨坊还在转。</p>"
COLUMNS = {"html": "content", "url": "meta.url", "status": "code", "content_type": "type", "record_id": "id", "fetched_at": "at", "source": "=crawl", "license": "license"}


@pytest.mark.parametrize("pack", [bytes, gzip.compress, bz2.compress])
@pytest.mark.parametrize("body", [HTML.encode(), HTML.encode("gb18030"), HTML.encode("utf-16"), b"%PDF-1.7 no page", b""])
def test_a_file_is_a_page_byte_by_byte(tmp_path: Path, pack: Callable[[bytes], bytes], body: bytes) -> None:
    path = tmp_path / "x.html"
    path.write_bytes(pack(body))
    assert found(path, "html", params({"native_key": "file", "source": "=files"})) == [Page("x.html:0", str(path), body, fields={"native_key": "x.html", "source": "files"})]


def test_a_file_that_cannot_be_had_whole_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.html.gz"
    body = HTML.encode() * 1000
    for data, reason in ((gzip.compress(body)[:-9], "truncated_file"), (body, "unreadable_file"), (gzip.compress(body), "row_too_long")):
        path.write_bytes(data)
        [bad] = found(path, "html", params(max_row_bytes=len(body) - (reason == "row_too_long")))
        assert (bad.reason, bad.location, len(bad.raw) <= 2048) == (reason, "x.html.gz:0", True)


def rows() -> list[dict[str, Any]]:
    return [{"content": f"{HTML}{i}", "meta": {"url": f"http://h{i}.example/"}, "code": 200 + i, "type": "text/html", "id": i, "at": "2026-11-30", "license": None} for i in range(40)]


def page_of(row: dict[str, Any], location: str, path: Path) -> Page:
    return Page(location, str(path), row["content"].encode(), row["meta"]["url"], row["code"], {"content-type": "text/html"}, record_id=str(row["id"]), fetched_at="2026-11-30", fields={"source": "crawl", "license": None})  # fmt: skip


@pytest.mark.parametrize("split_bytes", [1 << 30, 1000])
def test_rows_of_json_lines_are_pages(tmp_path: Path, split_bytes: int) -> None:
    path, wanted, at = tmp_path / "x.jsonl", [], 0
    with path.open("wb") as out:
        for row in rows():
            wanted.append(page_of(row, f"x.jsonl:{at}", path))
            at += out.write(json.dumps(row, ensure_ascii=False).encode() + b"\n")
    assert found(path, "html_jsonl", params(COLUMNS), split_bytes) == wanted


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.dictionary(pa.int32(), pa.string())])
@pytest.mark.parametrize("split_bytes", [1 << 30, 1000])
def test_rows_of_parquet_are_pages(tmp_path: Path, kind: pa.DataType, split_bytes: int) -> None:
    path = tmp_path / "x.parquet"
    table = pa.Table.from_pylist(rows())
    content = pa.array([row["content"] for row in rows()]).cast(kind) if not pa.types.is_dictionary(kind) else pa.array([row["content"] for row in rows()]).dictionary_encode()
    pq.write_table(table.set_column(0, "content", content), path, row_group_size=7)
    pages = sorted(pages_in(found(path, "html_parquet", params(COLUMNS), split_bytes)), key=lambda page: int(page.location.split(":")[1]))
    assert pages == [page_of(row, f"x.parquet:{i}", path) for i, row in enumerate(rows())]


def test_bytes_of_a_column_are_no_text_and_may_be_in_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    wild = pa.array([HTML.encode("gb18030"), b"\xff\0\xfe"]).cast(pa.binary())
    unchecked = pa.StringArray.from_buffers(2, wild.buffers()[1], wild.buffers()[2])
    for column in (wild, unchecked):
        pq.write_table(pa.table({"html": column, "at": [datetime.datetime(2026, 11, 30), None]}), path)
        pages = pages_in(found(path, "html_parquet", params({"fetched_at": "at"})))
        assert [page.body for page in pages] == [HTML.encode("gb18030"), b"\xff\0\xfe"]
        assert [page.fetched_at for page in pages] == ["2026-11-30T00:00:00", None]


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ({}, "missing_field", "html: no html"),
        ({"html": None}, "missing_text", None),
        ({"html": 5}, "wrong_type", "html: html is a number"),
        ({"html": ["<p>"]}, "wrong_type", "html: html is a list"),
        ({"html": "\ud800"}, "lone_surrogate", "html: html"),
        ({"html": "x" * 2000}, "row_too_long", None),
        ({"html": "x", "url": {}}, "wrong_type", "url: url is an object"),
        ({"html": "x", "url": "a\0"}, "nul_character", "url: url"),
        ({"html": "x", "url": "\udc00"}, "lone_surrogate", "url: url"),
        ({"html": "x", "status": "ok"}, "wrong_type", "status: status is no status of HTTP"),
        ({"html": "x", "status": 20.5}, "wrong_type", "status: status is a number"),
        ({"html": "x", "status": True}, "wrong_type", "status: status is true or false"),
        ('{"html": "x"', "malformed_json", None),
        ("[]", "not_an_object", None),
        ('{"html": "x", "html": "y"}', "duplicate_key", None),
    ],
)
def test_a_row_without_a_page_goes_alone(tmp_path: Path, row: Any, reason: str, detail: str | None) -> None:
    path = tmp_path / "x.jsonl"
    line = row if isinstance(row, str) else json.dumps(row)
    path.write_text("\n".join(['{"html": "a"}', line, '{"html": "b", "status": NaN, "url": "  "}']))
    seen = found(path, "html_jsonl", params({"url": "url", "status": "status"}, max_row_bytes=1500 if len(line) < 1500 else 1900))
    [bad] = refusals_in(seen)
    assert (bad.reason, bad.detail) == (reason, detail)
    assert [(page.body, page.status, page.url) for page in pages_in(seen)] == [(b"a", None, None), (b"b", None, None)]


def test_a_damaged_or_other_file_is_refused_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(b"PAR1 rubbish PAR1")
    assert [each.reason for each in refusals_in(found(path, "html_parquet"))] == ["unreadable_file"]
    table = pa.table([pa.array(["a"]), pa.array(["b"])], names=["html", "html"])
    pq.write_table(table, path)
    [bad] = found(path, "html_parquet")
    assert (bad.reason, bad.detail) == ("duplicate_column", "html stands more than once among the columns")


def test_a_mapped_column_that_no_row_has_is_told(tmp_path: Path) -> None:
    how = params({"html": "body", "url": "link", "license": "license"}, optional=("license",), label="*.x")
    (tmp_path / "x.jsonl").write_text('{"html": "a"}\n')
    pq.write_table(pa.table({"html": ["a"]}), tmp_path / "x.parquet")
    for name, format in (("x.jsonl", "html_jsonl"), ("x.parquet", "html_parquet")):
        [unit] = plan_units([(str(tmp_path / name), 9)], format, 1 << 20, formats=PAGE_FORMATS).to_pylist()
        survey = how.survey()
        assert [each.reason for each in pages_of_unit({**unit, "survey": survey}, how)] == ["missing_field"]
        assert complaints([survey.report() or ""]) == ["*.x: html: no row has body; there are: html", "*.x: url: no row has link; there are: html"]


@pytest.mark.parametrize("format", sorted(PAGE_FORMATS))
def test_every_format_reads_within_its_unit_and_hashes_its_bytes(tmp_path: Path, format: str) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"")
    if PAGE_FORMATS[format].is_columnar:
        pq.write_table(pa.table({"html": pa.array([], pa.string())}), path)
    [unit] = plan_units([(str(path), path.stat().st_size)], format, 1 << 20, formats=PAGE_FORMATS).to_pylist()
    digest = PartHash(0, 1)
    seen = list(pages_of_unit({**unit, "digest": digest}, params(base=str(tmp_path))))
    assert [each.body for each in pages_in(seen)] == ([b""] if format == "html" else [])
    assert digest.finish(str(path))
    with pytest.raises(ValueError, match="is none of warc, cdx"):
        plan_units([], "wet", 1, formats=PAGE_FORMATS)


def test_parameters_tell_all_their_faults_at_once() -> None:
    with pytest.raises(ValueError, match=r"optional: x is mapped to no column; encoding: 'latin' is none of .*; max_raw_bytes: 0 is not above 0; max_body_bytes: at most 512 MiB"):
        PageParams({}, optional=("x",), encoding="latin", **{**BOUNDS, "max_raw_bytes": 0, "max_body_bytes": 1 << 40})
