"""Mapped columns: found wherever they lie, and named when they are nowhere."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.udfs.read.counted import read_counted, table_counted
from gristmill.udfs.read.readers import plan_units
from gristmill.udfs.read.rows import ROWS
from gristmill.udfs.read.survey import complaints, foreign_files
from tests.udfs.read.params import ReadParams

Rows = list[dict[str, Any]]


def read(files: list[Path], format: str, split_bytes: int = 1 << 30, **params: Any) -> tuple[Rows, list[str]]:
    """Rows of the files, and what the driver would complain of."""
    params.setdefault("columns", {"text": "text", "source": "=s"})
    units = plan_units([(str(path), os.path.getsize(path)) for path in files], format, split_bytes)
    return judged(read_counted(units.to_batches(), ReadParams(label="*", **params)))


def judged(batches: Any) -> tuple[Rows, list[str]]:
    found = [row for batch in batches for row in batch.to_pylist()]
    reports = [(row["unit_name"], row["unit_report"]) for row in found if row["unit_report"]]
    rows = [{name: row[name] for name in ROWS.names} for row in found if row["unit_name"] is None]
    return rows, complaints(report for _, report in reports) + foreign_files(reports)


def lines(path: Path, *rows: Any) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


WET = b"WARC/1.0\r\nWARC-Type: %s\r\n%sContent-Length: %d\r\n\r\n%s\r\n\r\n"


def written(home: Path, format: str) -> list[Path]:
    """Two files of two rows with the columns uid and text."""
    files = []
    for name in "ab":
        rows = [{"uid": f"{name}{i}", "text": f"text {name}{i}"} for i in range(2)]
        path = home / name
        if format == "parquet":
            pq.write_table(pa.Table.from_pylist(rows), path)
        elif format == "wet":
            path.write_bytes(b"".join(WET % (b"conversion", b"uid: %s\r\n" % row["uid"].encode(), len(row["text"]), row["text"].encode()) for row in rows))
        else:
            lines(path, *rows)
        files.append(path)
    return files


# A column that is nowhere


@pytest.mark.parametrize("format", ["jsonl", "parquet", "wet"])
def test_a_mapped_column_that_no_file_has_is_named_with_those_that_are_there(tmp_path: Path, format: str):
    columns = {"text": "text", "source": "=s", "native_key": "idd", "url": "meta.link", "license": "uid"}
    rows, told = read(written(tmp_path, format), format, 30, columns=columns)
    there = "content-length, text, uid, warc-type" if format == "wet" else "text, uid"
    assert told == [f"*: native_key: no row has idd; there are: {there}", f"*: url: no row has meta.link; there are: {there}"]
    assert [row["license"] for row in rows] == ["a0", "a1", "b0", "b1"]


@pytest.mark.parametrize("format", ["jsonl", "parquet", "wet"])
def test_a_column_that_the_recipe_calls_optional_may_be_nowhere(tmp_path: Path, format: str):
    columns = {"text": "text", "source": "=s", "native_key": "uid", "url": "link"}
    rows, told = read(written(tmp_path, format), format, columns=columns, optional=("url",))
    assert (told, [row["url"] for row in rows]) == ([], [None] * 4)


@pytest.mark.parametrize("format", ["jsonl", "parquet"])
def test_a_column_of_the_text_that_is_nowhere_is_named(tmp_path: Path, format: str):
    rows, told = read(written(tmp_path, format), format, columns={"text": "body", "source": "=s"})
    assert told == ["*: text: no row has body; there are: text, uid"]
    assert {(row["reason"], row["detail"]) for row in rows} == {("missing_field", "text: no body")}


@pytest.mark.parametrize("split_bytes", [1 << 30, 40])
def test_a_column_that_one_row_of_one_file_has_is_there(tmp_path: Path, split_bytes: int):
    first = lines(tmp_path / "a", *({"text": f"text {i}"} for i in range(50)))
    second = lines(tmp_path / "b", *({"text": f"more {i}"} for i in range(50)), {"text": "last", "url": None, "meta": {"id": 7}})
    columns = {"text": "text", "source": "=s", "url": "url", "native_key": "meta.id"}
    rows, told = read([first, second], "jsonl", split_bytes, columns=columns)
    assert told == []
    assert [row["native_key"] for row in rows].count("7") == 1


def test_a_table_is_judged_as_files_are():
    batch = pa.RecordBatch.from_pydict({"Text": ["a"], "uid": ["b"], "_path": ["x/1"], "_block": [0]})
    _, told = judged(table_counted(iter([batch]), ReadParams(columns={"text": "text", "source": "=s"}, label="*.parquet")))
    assert told == ["*.parquet: text: no row has text; there are: Text, uid"]


@pytest.mark.parametrize("content", ["", "not json\nnor this\n", "[]"])
def test_where_no_row_could_be_read_no_column_is_missed(tmp_path: Path, content: str):
    (tmp_path / "a").write_text(content)
    assert read([tmp_path / "a"], "jsonl")[1] == []


def test_columns_of_a_format_are_missed_by_themselves():
    first, second = ReadParams(columns={"source": "=s", "url": "link"}, label="*.a").survey(), ReadParams(columns={"source": "=s", "url": "link"}, label="*.b").survey()
    first.saw(["link"], ["url"])
    second.saw(["text", "id"], [])
    assert complaints([first.report(), second.report()]) == ["*.b: url: no row has link; there are: id, text"]
    assert complaints([]) == []


def test_the_names_of_a_very_wide_file_are_cut_short():
    survey = ReadParams(columns={"source": "=s", "url": "link"}).survey()
    survey.saw((f"column {i:05d}" for i in range(100_000)), [])
    [line] = complaints([survey.report()])
    assert len(line) < 1000


@pytest.mark.parametrize("optional", [("text",), ("source",), ("url",)])
def test_what_cannot_be_optional_is_said(optional: tuple[str, ...]):
    with pytest.raises(ValueError, match="optional"):
        ReadParams(columns={"text": "text", "source": "source"}, optional=optional)


# Columns inside columns

INNER = [{"url": "http://a.test/1", "n": 1, "in": {"id": 7}}, {"n": 2}, None]


def parquet(path: Path, metadata: Any) -> Path:
    pq.write_table(pa.table({"text": [f"text {i}" for i in range(len(metadata))], "metadata": metadata}), path)
    return path


def test_json_in_a_string_is_walked_into_by_lines_and_by_columns_alike(tmp_path: Path):
    values = [json.dumps(row) for row in INNER] + [None, "", "no json", "{'a': 1}", '{"url": "http://a.test/\\ud800"}', '{"url": ["x"]}', '{"url": 1, "url": 2}', '{"url": NaN}']
    columns = {"text": "text", "source": "=s", "url": "metadata.url", "native_key": "metadata.in.id"}
    by_line, told = read([lines(tmp_path / "a", *({"text": f"text {i}", "metadata": value} for i, value in enumerate(values)))], "jsonl", columns=columns)
    assert told == []
    for kind in (pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())):
        by_column, told = read([parquet(tmp_path / "b", pa.array(values).cast(kind))], "parquet", columns=columns)
        key = [(row["text"], row["url"], row["native_key"], row["reason"], row["detail"]) for row in by_line]
        assert sorted(key, key=str) == sorted([(row["text"], row["url"], row["native_key"], row["reason"], row["detail"]) for row in by_column], key=str)
        assert told == []
    assert [(row["url"], row["native_key"]) for row in by_line[:7]] == [("http://a.test/1", "7")] + [(None, None)] * 6
    assert [row["reason"] for row in by_line[7:]] == ["lone_surrogate", "wrong_type", "duplicate_key", "wrong_type"]
    assert by_line[8]["detail"] == "url: metadata.url is a list"


@pytest.mark.parametrize("kind", [pa.map_(pa.string(), pa.string()), pa.map_(pa.large_string(), pa.large_string())])
def test_a_map_is_looked_up(tmp_path: Path, kind: pa.DataType):
    values = [[("url", "http://a.test/1"), ("x", "y")], [("x", "y")], [], None, [("url", "not an address")]]
    columns = {"text": "text", "source": "=s", "url": "metadata.url"}
    rows, told = read([parquet(tmp_path / "a", pa.array(values, kind))], "parquet", columns=columns)
    assert ({row["text"]: row["url"] for row in rows}, told) == ({"text 0": "http://a.test/1", **{f"text {i}": None for i in range(1, 5)}}, [])
    [told] = read([tmp_path / "a"], "parquet", columns=columns | {"url": "metadata.link"})[1]
    assert told.startswith("*: url: no row has metadata.link (metadata is map<")


def test_the_text_may_lie_in_a_string_of_json(tmp_path: Path):
    values = [json.dumps({"text": "deep"}), "{}", json.dumps({"text": ""}), json.dumps({"text": None})]
    columns = {"text": "metadata.text", "source": "=s"}
    rows, told = read([parquet(tmp_path / "a", values)], "parquet", columns=columns)
    assert (sorted(row["reason"] or row["text"] for row in rows), told) == (["deep", "empty_text", "missing_field", "missing_text"], [])


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("no json", "metadata is text that is no JSON object"), ("{'url': 'x'}", "metadata is text that is no JSON object"), (7, "metadata is a number"),
        (["url"], "metadata is a list"), ('{"link": 1, "n": 2}', "metadata holds link, n"), ({"link": 1}, "metadata holds link"), (None, None),
    ],
)  # fmt: skip
def test_a_way_that_leads_nowhere_is_a_missing_column_and_says_where_it_ends(tmp_path: Path, value: Any, why: str | None):
    told = read([lines(tmp_path / "a", {"text": "a", "metadata": value})], "jsonl", columns={"text": "text", "source": "=s", "url": "metadata.url"})[1]
    assert told == [f"*: url: no row has metadata.url{f' ({why})' if why else ''}; there are: metadata, text"]


# What is wrong with a row names its column


@pytest.mark.parametrize(
    ("row", "reason", "detail"),
    [
        ({"text": 5}, "wrong_type", "text: text is a number"), ({"text": "x", "url": ["a"]}, "wrong_type", "url: url is a list"),
        ('{"text": "x", "url": NaN}', "wrong_type", "url: url is NaN"), ({"text": "x", "id": True}, "wrong_type", "native_key: id is true or false"),
        ({"text": "x", "id": {}}, "wrong_type", "native_key: id is an object"), ({"text": "a\0b"}, "nul_character", "text: text"),
        ({"text": "x", "url": "\ud800"}, "lone_surrogate", "url: url"), ({}, "missing_field", "text: no text"), ({"text": "x"}, None, None),
    ],
)  # fmt: skip
def test_a_reject_names_the_column_that_is_at_fault(tmp_path: Path, row: Any, reason: str | None, detail: str | None):
    [found] = read([lines(tmp_path / "a", row)], "jsonl", columns={"text": "text", "source": "=s", "url": "url", "native_key": "id"})[0]
    assert (found["reason"], found["detail"]) == (reason, detail)


# Files that are of another kind


def test_a_parquet_file_with_a_mapped_column_twice_rejects_each_row_by_name(tmp_path: Path):
    table = pa.Table.from_arrays([pa.array(["a", "b"]), pa.array(["c", "d"]), pa.array([1, 2]), pa.array([3, 4])], ["text", "text", "n", "n"])
    pq.write_table(table, tmp_path / "a", row_group_size=1)
    rows, _ = read([tmp_path / "a"], "parquet")
    assert [(row["source_location"], row["reason"], row["raw"]) for row in rows] == [(f"a:{i}", "duplicate_column", "text stands more than once among the columns") for i in range(2)]


def test_a_column_twice_that_is_not_mapped_does_no_harm(tmp_path: Path):
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array([1]), pa.array([2]), pa.array(["b"])], ["text", "n", "n", "Text"])
    pq.write_table(table, tmp_path / "a")
    assert [row["text"] for row in read([tmp_path / "a"], "parquet")[0]] == ["a"]


def test_a_parquet_file_without_columns_or_rows_is_no_fault(tmp_path: Path):
    pq.write_table(pa.table({}), tmp_path / "a")
    pq.write_table(pa.table({"other": pa.array([], pa.string())}), tmp_path / "b")
    assert read([tmp_path / "a", tmp_path / "b"], "parquet") == ([], [])


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"PK\x03\x04rest", "a: a zip archive"), (b"\x1f\x8b\x08rest", "a: packed by gz, which Parquet files are not"), (b"Obj\x01rest", "a: an Avro file"),
    ],
)
def test_what_is_no_parquet_is_named(tmp_path: Path, data: bytes, told: str):
    (tmp_path / "a").write_bytes(data * 10)
    rows, complaint = read([tmp_path / "a"], "parquet", 10)
    assert ([row["reason"] for row in rows], complaint) == (["foreign_file"], [told])


@pytest.mark.parametrize(("data", "raw"), [(b"PARE\x15", "an encrypted Parquet file"), (b"PAR1\x15", "a Parquet file whose end is damaged or missing"), (b'{"text": 1}', '{"text": 1}')])
def test_a_parquet_file_that_cannot_be_opened_says_how_it_begins(tmp_path: Path, data: bytes, raw: str):
    (tmp_path / "a").write_bytes(data)
    [row] = read([tmp_path / "a"], "parquet")[0]
    assert (row["reason"], row["raw"]) == ("unreadable_file", raw)


def warc(*kinds: str) -> bytes:
    return b"".join(WET % (kind.encode(), b"WARC-Target-URI: <http://a.test/1>\r\n", 4, b"text") for kind in kinds)


@pytest.mark.parametrize(
    ("kinds", "told"),
    [
        (["warcinfo", "request", "response", "response"], ["a: no conversion record, 2 responses, 1 request; this is a WARC, not a WET"]),
        (["warcinfo", *["response"] * 5], ["a: no conversion record, 5 responses; this is a WARC, not a WET"]),
        (["warcinfo", "metadata", "metadata"], ["a: no conversion record, 2 metadata; this is a WAT, not a WET"]),
        (["warcinfo"], []), ([], []), (["warcinfo", "response", "conversion"], []),
    ],
)
def test_a_warc_where_a_wet_is_wanted_is_named_for_what_it_is(tmp_path: Path, kinds: list[str], told: list[str]):
    (tmp_path / "a").write_bytes(warc(*kinds))
    assert read([tmp_path / "a"], "wet", columns={"source": "=cc"})[1] == told


@pytest.mark.parametrize("kind", ["metadata", "warcinfo", "response"])
@pytest.mark.parametrize("end", [b"\r\n\r\n", b"\r\n", b""])
@pytest.mark.parametrize("body", [b"", b"x", b"about the file, at some length"])
def test_a_wet_that_ends_with_another_record_than_a_conversion_is_whole(tmp_path: Path, kind: str, end: bytes, body: bytes):
    (tmp_path / "a").write_bytes(warc("conversion") + (WET % (kind.encode(), b"", len(body), body)).removesuffix(b"\r\n\r\n") + end)
    rows, told = read([tmp_path / "a"], "wet", columns={"source": "=cc"})
    assert ([(row["text"], row["reason"]) for row in rows], told) == ([("text", None)], [])


def test_a_last_record_that_is_cut_is_still_told(tmp_path: Path):
    (tmp_path / "a").write_bytes(warc("conversion", "metadata")[:-6])
    assert [row["reason"] for row in read([tmp_path / "a"], "wet", columns={"source": "=cc"})[0]] == [None, "truncated_file"]


HEADERS = [
    b"WARC-Target-URI: http://a.test/1\r\n", b"WARC-Target-URI: <http://a.test/1>\r\n", b"warc-target-uri:<http://a.test/1>  \r\n", b"WARC-TARGET-URI:\t http://a.test/1\r\n",
    b"WARC-Target-URI:\r\n http://a.test/1\r\n", b"X-Note: folded\r\n\tx: no field\r\nWARC-Target-URI: < http://a.test/1 >\r\n",
]  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("version", [b"WARC/1.0", b"WARC/1.1", b"WARC/0.18"])
def test_one_address_is_one_address_in_every_form_of_header(tmp_path: Path, header: bytes, version: bytes):
    record = (WET % (b"conversion", header, 4, b"text")).replace(b"WARC/1.0", version)
    (tmp_path / "a").write_bytes(record + record.replace(b"\r\n", b"\n"))
    rows, _ = read([tmp_path / "a"], "wet", columns={"source": "=cc"})
    assert [(row["url"], row["reason"]) for row in rows] == [("http://a.test/1", None)] * 2


def test_rows_whose_urls_name_no_page_are_documents_of_their_own(tmp_path: Path):
    urls = ["n/a", "-", "None", "localhost", "/index.html", "mailto:a@b.com", "file:///a", "javascript:void(0)"]
    rows, _ = read([lines(tmp_path / "a", *({"text": f"{i} {url}", "url": url} for url in urls for i in range(2)))], "jsonl", columns={"text": "text", "source": "=s", "url": "url"})
    assert len({row["doc_id"] for row in rows}) == 2 * len(urls)
    assert {row["url"] for row in rows} == {None}
