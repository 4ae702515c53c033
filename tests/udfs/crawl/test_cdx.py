"""Byte ranges named by a CDX list: each line gives its page, or says why not."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs.crawl import cdx
from gristmill.udfs.crawl.pages import Page, Refusal
from gristmill.udfs.streams import streams
from tests.udfs.crawl.page_params import found, pages_in, params, refusals_in

Said = dict[str, Any]


def member(url: str, body: bytes, kind: str = "response") -> bytes:
    block = b"HTTP/1.1 200 OK\r\n\r\n" + body
    return gzip.compress(f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Target-URI: {url}\r\nContent-Length: {len(block)}\r\n\r\n".encode() + block + b"\r\n\r\n")


@pytest.fixture
def crawl(tmp_path: Path) -> list[Said]:
    """Two files of 40 pages below `base`, and what a list says of them."""
    said = []
    for file in ("a/1.warc.gz", "2.warc.gz"):
        path = tmp_path / "base" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        data = b""
        for i in range(40):
            url = f"http://h{i}.example/{file}"
            each = member(url, f"page {i} of {file}".encode())
            said.append({"url": url, "filename": file, "offset": str(len(data)), "length": len(each), "status": "200", "languages": "zho,eng"})
            data += each + member(url, b"GET", "request")
        path.write_bytes(data)
    return said


def listed(home: Path, said: list[Any], name: str = "list.cdxj") -> Path:
    path = home / name
    lines = [f"com,example)/ 20261130100000 {json.dumps(each)}" if isinstance(each, dict) else each for each in said]
    data = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return path


def read(home: Path, said: list[Any], name: str = "list.cdxj", **more: Any) -> list[Page | Refusal]:
    how = params({"lang_hint": "languages", "source": "=cc"}, base=str(home / "base"))
    return found(listed(home, said, name), "cdx", how, **more)


@pytest.mark.parametrize("name", ["list.cdxj", "list.cdxj.gz"])
def test_each_line_gives_the_page_that_it_names(tmp_path: Path, crawl: list[Said], name: str) -> None:
    random.Random(1).shuffle(crawl)
    seen = read(tmp_path, [" CDX N b a m s", "!OpenWayback-CDXJ 1.0", "", *crawl, json.dumps(crawl[0] | {"urlkey": "x"})], name)
    pages = sorted(pages_in(seen), key=lambda page: int(page.location.split(":")[1]))
    assert len(seen) == len(pages) == 81
    for page, said in zip(pages, [*crawl, crawl[0]], strict=True):
        assert page.body.decode() == f"page {said['url'].split('.')[0][8:]} of {said['filename']}"
        assert (page.url, page.stored_at, page.path) == (said["url"], int(said["offset"]), f"{tmp_path}/base/{said['filename']}")
        assert page.fields == {"lang_hint": "zho,eng", "source": "cc"}


def test_a_range_of_a_file_with_a_dictionary_is_read_with_it(tmp_path: Path) -> None:
    urls = [f"http://h{i}.example/" for i in range(300)]
    records = [gzip.decompress(member(url, b"a page of " + url.encode())) for url in urls]
    dictionary = zstandard.train_dictionary(4096, records)
    packer = zstandard.ZstdCompressor(dict_data=dictionary)
    data, said = b"\x5d\x2a\x4d\x18" + len(dictionary.as_bytes()).to_bytes(4, "little") + dictionary.as_bytes(), []
    for url, each in zip(urls[:3], map(packer.compress, records), strict=False):
        said.append({"url": url, "filename": "x.warc.zst", "offset": len(data), "length": len(each)})
        data += each
    (tmp_path / "base").mkdir()
    (tmp_path / "base" / "x.warc.zst").write_bytes(data)
    assert [page.body.decode() for page in pages_in(read(tmp_path, said))] == [f"a page of {url}" for url in urls[:3]]
    # without it each says that it cannot be read
    (tmp_path / "base" / "x.warc.zst").write_bytes(b"\x50" + data[1:])
    assert {each.reason for each in refusals_in(read(tmp_path, said))} == {"no_record_at_range"}


def test_parts_of_a_list_name_each_page_once(tmp_path: Path, crawl: list[Said]) -> None:
    whole = read(tmp_path, crawl)
    parts = read(tmp_path, crawl, split_bytes=500)
    assert sorted(whole, key=lambda each: each.location) == sorted(parts, key=lambda each: each.location)


def test_neighbouring_ranges_are_fetched_together(tmp_path: Path, crawl: list[Said], monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[tuple[int, int]] = []

    class Counted:
        def __init__(self, raw: Any) -> None:
            self.raw = raw

        def read(self, size: int) -> bytes:
            calls.append((self.raw.tell(), size))
            return self.raw.read(size)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.raw, name)

    def opened(path: str) -> tuple[Any, int]:
        raw, size = streams.open_file(path)
        return Counted(raw), size

    monkeypatch.setattr(cdx, "open_file", opened)
    assert len(pages_in(read(tmp_path, crawl))) == 80
    assert len(calls) == 2
    calls.clear()
    monkeypatch.setattr(cdx, "GAP", 0)
    assert len(pages_in(read(tmp_path, crawl))) == 80
    assert len(calls) == 80


def of_index(home: Path, said: list[Said], **columns: Any) -> Path:
    path = home / "index.parquet"
    table = {"url": [each["url"] for each in said], "warc_filename": [each["filename"] for each in said], "warc_record_offset": pa.array([int(each["offset"]) for each in said], pa.int32()),
             "warc_record_length": pa.array([each["length"] for each in said], pa.int32()), "fetch_status": pa.array([200] * len(said), pa.int16()), "content_languages": ["zho"] * len(said)}  # fmt: skip
    pq.write_table(pa.table(table | columns), path, row_group_size=30)
    return path


@pytest.mark.parametrize("split_bytes", [1 << 30, 2000])
def test_rows_of_the_columnar_index_give_the_pages_that_they_name(tmp_path: Path, crawl: list[Said], split_bytes: int) -> None:
    how = params({"lang_hint": "content_languages"}, base=f"file:{tmp_path}/base/")
    pages = pages_in(found(of_index(tmp_path, crawl), "cdx_parquet", how, split_bytes))
    assert sorted(page.location for page in pages) == sorted(f"index.parquet:{row}" for row in range(80))
    assert {page.url: page.stored_at for page in pages} == {each["url"]: int(each["offset"]) for each in crawl}
    assert {page.fields["lang_hint"] for page in pages} == {"zho"}
    nulls = of_index(tmp_path, crawl, warc_filename=[None, *[each["filename"] for each in crawl[1:]]])
    [bad] = refusals_in(found(nulls, "cdx_parquet", how, split_bytes))
    assert (bad.location, bad.reason, bad.detail) == ("index.parquet:0", "malformed_cdx", "warc_filename: 'None' is no path below the base")


@pytest.mark.parametrize(
    ("change", "reason", "detail"),
    [
        ({"offset": "9" * 12}, "no_record_at_range", "of a file of"),
        ({"length": 100_000}, "no_record_at_range", "of a file of"),
        ({"offset": "3"}, "no_record_at_range", "unreadable_file"),
        ({"length": 40}, "no_record_at_range", "truncated_file"),
        ({"url": "http://other.example/"}, "other_record_at_range", "http://h1.example/a/1.warc.gz"),
        ({"length": 1 << 40}, "row_too_long", "bytes"),
        ({"offset": "-1"}, "malformed_cdx", "offset: '-1' is no number of bytes"),
        ({"offset": 1.5}, "malformed_cdx", "offset: '1.5' is no number of bytes"),
        ({"length": 0}, "malformed_cdx", "length: 0 bytes hold no record"),
        ({"length": None}, "malformed_cdx", "length: 'None' is no number of bytes"),
        ({"filename": "../secret"}, "malformed_cdx", "'../secret' is no path below the base"),
        ({"filename": "a/../../secret"}, "malformed_cdx", "no path below the base"),
        ({"filename": "/etc/passwd"}, "malformed_cdx", "no path below the base"),
        ({"filename": "http://x/y"}, "malformed_cdx", "no path below the base"),
        ({"filename": 5}, "malformed_cdx", "no path below the base"),
        ({"url": []}, "malformed_cdx", "url is no text"),
    ],
)
def test_a_line_that_names_no_such_record_goes_alone(tmp_path: Path, crawl: list[Said], change: Said, reason: str, detail: str) -> None:
    seen = read(tmp_path, [crawl[0], crawl[1] | change, crawl[2]])
    [bad] = refusals_in(seen)
    assert (bad.reason, detail in (bad.detail or "")) == (reason, True), bad
    assert {page.url for page in pages_in(seen)} == {crawl[0]["url"], crawl[2]["url"]}


@pytest.mark.parametrize("line", ["com,example)/ 2026 no json", "one {}", "a b c {}", '{"url": "x"', "com,example)/ 2026 {}", "com,example)/ 2026 [1]"])
def test_a_line_that_is_none_says_so(tmp_path: Path, crawl: list[Said], line: str) -> None:
    seen = read(tmp_path, [crawl[0], line])
    [bad] = refusals_in(seen)
    assert (bad.reason, len(seen), line.startswith(bad.raw.decode())) == ("malformed_cdx", 2, True)


def test_a_range_of_a_request_or_a_revisit_is_no_page(tmp_path: Path, crawl: list[Said]) -> None:
    path = tmp_path / "base" / "other.warc.gz"
    request, revisit = member("http://a/", b"x", "request"), member("http://a/", b"x", "revisit")
    path.write_bytes(request + revisit)
    lines = [{"url": "http://a/", "filename": "other.warc.gz", "offset": 0, "length": len(request)}, {"url": "http://a/", "filename": "other.warc.gz", "offset": len(request), "length": len(revisit)}]
    first, second = read(tmp_path, lines)
    assert (first.reason, first.detail) == ("no_record_at_range", f"bytes 0 to {len(request)}: request")
    assert second.reason == "revisit"


def test_a_file_that_is_gone_stops_the_task_and_a_list_without_a_base_never_starts(tmp_path: Path, crawl: list[Said]) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path, [crawl[0] | {"filename": "gone.warc.gz"}])
    with pytest.raises(ValueError, match="base: name the folder"):
        found(listed(tmp_path, crawl), "cdx")


@settings(max_examples=100, deadline=None)
@given(ranges=st.lists(st.tuples(st.integers(0, 5_000_000), st.integers(1, 3_000_000)), max_size=30))
def test_ranges_are_grouped_in_order_and_within_a_request(ranges: list[tuple[int, int]]) -> None:
    named = [cdx.Range(str(i), None, "f", offset, length, {}) for i, (offset, length) in enumerate(sorted(ranges))]
    groups = list(cdx._neighbours(named, 2_500_000))
    assert [each for group in groups for each in group] == named
    for group in groups:
        assert len(group) == 1 or max(each.offset + each.length for each in group) - group[0].offset <= 1 << 23
        assert len(group) == 1 or all(each.length <= 2_500_000 for each in group)
