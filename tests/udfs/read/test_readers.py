"""Readers: what becomes of every hostile row, and that its neighbours stay."""

from __future__ import annotations

import functools
import gzip
import io
import itertools
import json
import os
import pickle
import sys
import tempfile
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import example, given, settings
from hypothesis import strategies as st
from warcio.warcwriter import WARCWriter

from gristmill.udfs.read import json_lines, readers
from gristmill.udfs.read.readers import REASONS, ROWS, as_rows, plan_units, read_units
from gristmill.udfs.read.rows import Mapper, doc_id_of, hash128
from gristmill.udfs.streams import streams
from gristmill.udfs.text.emptiness import has_no_content
from tests.udfs.read.params import ReadParams

Rows = list[dict[str, Any]]
COLUMNS = {"text": "text", "native_key": "id", "source": "=web", "url": "url"}
A, B = {"id": "a", "text": "first neighbour"}, {"id": "b", "text": "second neighbour"}


def read(path: Path, format: str, split_bytes: int = 1 << 30, **params: Any) -> Rows:
    params.setdefault("columns", COLUMNS)
    units = plan_units([(str(path), os.path.getsize(path))], format, split_bytes)
    batches = list(read_units(units.to_batches(), ReadParams(**params)))
    assert all(batch.schema == ROWS for batch in batches)
    for batch in batches:
        batch.validate(full=True)
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert len({row["source_location"] for row in rows}) == len(rows)
    assert all(row["reason"] is None or row["reason"] in REASONS for row in rows)
    return rows


def texts(rows: Rows) -> list[str]:
    return [row["text"] for row in rows if row["reason"] is None]


def rejects(rows: Rows) -> list[tuple[str, str]]:
    return [(row["reason"], row["raw"]) for row in rows if row["reason"]]


@pytest.fixture
def between(tmp_path: Path) -> Callable[..., tuple[str, str]]:
    """What becomes of one hostile line between two good neighbours, which must both stay."""

    def read_between(line: bytes | str, **params: Any) -> tuple[str, str]:
        path = tmp_path / "x.jsonl"
        line = line.encode() if isinstance(line, str) else line
        path.write_bytes(json.dumps(A).encode() + b"\n" + line + b"\n" + json.dumps(B).encode() + b"\n")
        rows = read(path, "jsonl", **params)
        assert texts(rows) == [A["text"], B["text"]]
        [found] = rejects(rows)
        return found

    return read_between


@pytest.fixture
def kept_between(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """The document that one odd but good line between two neighbours becomes."""

    def read_between(line: bytes | str, **params: Any) -> dict[str, Any]:
        path = tmp_path / "x.jsonl"
        line = line.encode() if isinstance(line, str) else line
        path.write_bytes(json.dumps(A).encode() + b"\n" + line + b"\n" + json.dumps(B).encode() + b"\n")
        rows = read(path, "jsonl", **params)
        assert not rejects(rows)
        assert len(rows) == 3
        return rows[1]

    return read_between


# What becomes of hostile JSON lines


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"id": 1, "text": null}', "missing_text"),
        ('{"id": 1}', "missing_field"),
        ('{"id": 1, "text": ""}', "empty_text"),
        ('{"id": 1, "text": " \\t\\n\\u3000\\u00a0"}', "empty_text"),
        ('{"id": 1, "text": 5}', "wrong_type"),
        ('{"id": 1, "text": true}', "wrong_type"),
        ('{"id": 1, "text": ["a"]}', "wrong_type"),
        ('{"id": 1.5, "text": "x"}', "wrong_type"),
        ('{"id": 1e3, "text": "x"}', "wrong_type"),
        ('{"id": true, "text": "x"}', "wrong_type"),
        ('{"id": 1, "text": "x", "url": {}}', "wrong_type"),
        ('{"id": 1, "text": "x"', "malformed_json"),
        ('{"id": 1, "text": "x"} {"id": 2, "text": "y"}', "malformed_json"),
        ("{'id': 1, 'text': 'x'}", "malformed_json"),
        ('{"id": 1, "text": NaN}', "wrong_type"),
        ('{"id": NaN, "text": "x"}', "wrong_type"),
        ('{"id": 1, "text": "x", "url": -Infinity}', "wrong_type"),
        ('{"id": 1, "text": "x", "score": nan}', "malformed_json"),
        ("no json at all", "malformed_json"),
        ('\0\0\0{"id": 1, "text": "x"}', "malformed_json"),
        ('["a", "list"]', "not_an_object"),
        ('"a string"', "not_an_object"),
        ("17", "not_an_object"),
        ("null", "not_an_object"),
        ('{"id": 1, "text": "x", "text": "y"}', "duplicate_key"),
        ('{"id": 1, "text": "x", "te\\u0078t": "x"}', "duplicate_key"),
        ('{"id": 1, "text": "x", "meta": [{"a": 1, "a": 2}]}', "duplicate_key"),
        ('{"id": 1, "text": "half a pair \\ud83d"}', "lone_surrogate"),
        ('{"id": "\\udc00", "text": "x"}', "lone_surrogate"),
        (b'{"id": 1, "text": "three bytes \xed\xa0\x80"}', "lone_surrogate"),
        ('{"id": 1, "text": "a\\u0000b"}', "nul_character"),
        (b'{"id": 1, "text": "raw \0"}', "nul_character"),
        ('{"id": 1, "text": "x", "url": "\\u0000"}', "nul_character"),
        (b'{"id": 1, "text": "\xff\xfe"}', "invalid_encoding"),
        (b'{"id": 1, "text": "cut \xe4\xb8"}', "invalid_encoding"),
        ('{"id": 1, "text": "x", "deep": ' + "[" * 199 + "]" * 199 + "}", None),
        ('{"id": 1, "text": "x", "deep": ' + "[" * 200 + "]" * 200 + "}", "nested_too_deep"),
        ('{"id": 1, "text": "x", "deep": ' + '{"a":' * 100_000 + "1" + "}" * 100_000 + "}", "nested_too_deep"),
        ("[" * 1_000_000, "nested_too_deep"),
    ],
)
def test_a_hostile_line_goes_with_its_reason_and_its_neighbours_stay(line, reason, between, kept_between):
    if reason is None:
        assert kept_between(line)["text"] == "x"
        return
    got, raw = between(line)
    assert got == reason
    assert raw
    assert "\0" not in raw
    assert len(raw.encode()) <= 2048


@pytest.mark.parametrize(
    ("line", "column", "value"),
    [
        ('{"id": 123456789012345678901234567890, "text": "x"}', "native_key", "123456789012345678901234567890"),
        ('{"id": -7, "text": "x"}', "native_key", "-7"),
        ('{"id": 1, "text": "x", "score": NaN, "deep": [{"a": -Infinity, "b": Infinity}]}', "text", "x"),
        ('{"id": 1, "text": "x", "n": 1e999, "m": ' + "9" * 10_000 + "}", "text", "x"),
        ('{"id": 1, "text": "a\\u0001\\u001b\\u007f\\u0085\\u2028b"}', "text", "a\x01\x1b\x7f\x85\u2028b"),
        (b'{"id": 1, "text": "raw tab\t and bell\x07"}', "text", "raw tab\t and bell\x07"),
        ('{"id": 1, "text": "a pair \\ud83d\\ude00"}', "text", "a pair 😀"),
        ('{"id": 1, "text": "x", "unmapped": "\\ud800 \\u0000"}', "text", "x"),
        ('\ufeff{"id": 1, "text": "mark inside a joined file"}', "text", "mark inside a joined file"),
        ('  {"id": 1, "text": "\\ufeffx"} \r', "text", "\ufeffx"),
        ('{"id": "", "text": "x", "url": "http://a"}', "native_key", None),
        ('{"text": "x", "url": "  "}', "url", None),
        ('{"a:": "\\":", "text": "\\": \\"text\\": "}', "text", '": "text": '),
    ],
)
def test_an_odd_line_that_is_good_stays(line, column, value, kept_between):
    assert kept_between(line)[column] == value


def test_blank_lines_are_no_rows(tmp_path: Path):
    path = tmp_path / "x.jsonl"
    path.write_bytes(b"\n \t\r\n" + json.dumps(A).encode() + b"\r\n\r\n\n" + json.dumps(B).encode())
    assert texts(read(path, "jsonl")) == [A["text"], B["text"]]


def test_a_line_over_the_limit_goes_with_its_head(between):
    reason, raw = between(json.dumps({"text": "y" * 1000}), max_row_bytes=500, max_raw_bytes=20)
    assert (reason, raw) == ("row_too_long", '{"text": "yyyyyyyyyy')


def test_a_rejected_row_is_cut_between_characters(between):
    assert between('{"文": "文文文文文文"', max_raw_bytes=12) == ("malformed_json", '{"文": "文')


def test_every_reject_names_file_and_byte(tmp_path: Path):
    path = tmp_path / "deep" / "x.jsonl"
    path.parent.mkdir()
    path.write_bytes(b'{"text": "\xe4\xb8\x8a"}\nbad\n')
    assert [row["source_location"] for row in read(path, "jsonl")] == ["x.jsonl:0", "x.jsonl:16"]
    units = plan_units([(str(path), 36)], "jsonl", 100, {str(path): "deep/x.jsonl"})
    rows = [row for batch in read_units(units.to_batches(), ReadParams(columns=COLUMNS)) for row in batch.to_pylist()]
    assert [row["source_location"] for row in rows] == ["deep/x.jsonl:0", "deep/x.jsonl:16"]


def test_a_missing_column_costs_every_row_only_when_it_is_required(tmp_path: Path):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps(A) + "\n" + json.dumps({"id": "b", "text": "x", "url": "http://b"}) + "\n")
    assert len(texts(read(path, "jsonl"))) == 2
    rows = read(path, "jsonl", required=("url",))
    assert (texts(rows), [reason for reason, _ in rejects(rows)]) == (["x"], ["missing_field"])
    rows = read(path, "jsonl", columns={"text": "text", "source": "origin"})
    assert [reason for reason, _ in rejects(rows)] == ["missing_field", "missing_field"]


def test_a_dot_walks_into_objects_unless_a_column_has_that_very_name(tmp_path: Path):
    path = tmp_path / "x.jsonl"
    path.write_text('{"text": "a", "meta": {"url": "http://in"}}\n{"text": "b", "meta.url": "http://flat", "meta": {"url": "http://in"}}\n{"text": "c", "meta": 1}\n')
    columns = {"text": "text", "source": "=s", "url": "meta.url"}
    assert [row["url"] for row in read(path, "jsonl", columns=columns)] == ["http://in", "http://flat", None]


# Packed and broken files


@pytest.mark.parametrize(("name", "pack"), [("x.jsonl.gz", gzip.compress), ("x.jsonl.zst", zstandard.compress)])
def test_a_file_cut_off_keeps_the_rows_before_and_says_so_once(tmp_path: Path, name, pack):
    path = tmp_path / name
    rows = [{"text": f"{i} {hash128(b'%d' % i)}"} for i in range(20_000)]
    packed = pack("".join(json.dumps(row) + "\n" for row in rows).encode())
    path.write_bytes(packed[: len(packed) // 2])
    got = read(path, "jsonl")
    assert [reason for reason, _ in rejects(got)] == ["truncated_file"]
    assert len(texts(got)) > 5_000
    assert texts(got) == [row["text"] for row in rows][: len(texts(got))]


def test_a_file_of_rubbish_is_one_reject_and_the_other_files_stay(tmp_path: Path):
    (tmp_path / "a.jsonl.gz").write_bytes(b"rubbish")
    (tmp_path / "b.parquet").write_bytes(b"PAR1 rubbish PAR1")
    (tmp_path / "c.jsonl").write_text(json.dumps(A))
    units = [pa.concat_tables([plan_units([(str(tmp_path / n), 9)], f, 4) for n, f in (("a.jsonl.gz", "jsonl"), ("b.parquet", "parquet"), ("c.jsonl", "jsonl"))])]
    rows = [row for batch in read_units(units[0].to_batches(), ReadParams(columns=COLUMNS)) for row in batch.to_pylist()]
    assert [(row["source_location"], row["reason"]) for row in rows] == [("a.jsonl.gz:0", "unreadable_file"), ("b.parquet:0", "unreadable_file"), ("c.jsonl:0", None)]


def test_a_bomb_keeps_the_rows_before_it_went_off(tmp_path: Path):
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress((json.dumps(A) + "\n" + json.dumps(B) + "\n").encode() + b" " * 30_000_000))
    rows = read(path, "jsonl", max_unpacked_bytes=10_000_000, max_row_bytes=1_000_000)
    assert texts(rows) == [A["text"], B["text"]]
    assert [reason for reason, _ in rejects(rows)] == ["unpacks_too_large"]


def test_a_bomb_of_short_lines_stops_at_the_bytes_it_may_unpack_to(tmp_path: Path):
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "again"}\n' * 500_000))
    rows = read(path, "jsonl", max_unpacked_bytes=1_800_010)
    assert texts(rows) == ["again"] * 100_000
    assert rejects(rows) == [("unpacks_too_large", '{"text": "')]


def test_a_file_that_is_gone_stops_the_task_instead_of_being_left_out(tmp_path: Path):
    units = plan_units([(str(tmp_path / "gone.jsonl"), 5)], "jsonl", 10)
    with pytest.raises(FileNotFoundError):
        list(read_units(units.to_batches(), ReadParams(columns=COLUMNS)))


def test_no_files_make_no_units_and_no_units_no_rows():
    assert plan_units([], "jsonl", 10).num_rows == 0
    assert list(read_units([], ReadParams(columns=COLUMNS))) == []


json_rows = st.lists(
    st.fixed_dictionaries(
        {"text": st.one_of(st.none(), st.text(max_size=30), st.sampled_from(["\u2028", "a\r\n", "\x85", "\ufeff", "x" * 300]))},
        optional={"id": st.one_of(st.integers(), st.text(max_size=5)), "url": st.text(max_size=5), "other": st.recursive(st.none() | st.floats(allow_nan=False, allow_infinity=False), st.lists)},
    ),
    max_size=20,
)


def expected(rows: Rows) -> list[tuple[str | None, str | None]]:
    """The plain twin: text and reason of each row."""
    found: list[tuple[str | None, str | None]] = []
    for row in rows:
        text, nul = row["text"], any("\0" in str(row.get(name, "")) for name in ("id", "url"))
        reason = "missing_text" if text is None else "nul_character" if "\0" in text else "empty_text" if has_no_content(text) else "nul_character" if nul else None
        found.append((None if reason else text, reason))
    return found


def packed(data: bytes, how: str, cuts: list[int]) -> bytes:
    """One gzip member or zstd frame for each piece between the cuts."""
    ends = sorted({min(cut, len(data)) for cut in cuts} | {0, len(data)})
    pieces = [data[a:b] for a, b in itertools.pairwise(ends)] or [b""]
    return b"".join({"gz": gzip.compress, "zst": zstandard.compress, "plain": bytes}[how](piece) for piece in pieces)


@settings(max_examples=100, deadline=None)
@given(
    rows=json_rows, how=st.sampled_from(["plain", "gz", "zst"]), cuts=st.lists(st.integers(0, 500), max_size=3), split=st.integers(9, 300),
    block=st.integers(1, 64), is_ascii=st.booleans(), end=st.sampled_from(["\n", "\r\n", "\n\n"]), is_ended=st.booleans(),
)  # fmt: skip
def test_rows_written_as_json_lines_read_back_however_split_and_packed(rows, how, cuts, split, block, is_ascii, end, is_ended):
    data = end.join(json.dumps(row, ensure_ascii=is_ascii) for row in rows).encode() + (end.encode() if is_ended else b"")
    old, streams.BLOCK = streams.BLOCK, block
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / f"x.jsonl{'' if how == 'plain' else '.' + how}"
        path.write_bytes(packed(data, how, cuts))
        try:
            got = read(path, "jsonl", split, batch_rows=3)
        finally:
            streams.BLOCK = old
    assert [(row["text"], row["reason"]) for row in got] == expected(rows)


@settings(max_examples=100, deadline=None)
@given(data=st.lists(st.sampled_from([b'{"text": "a"}', b"\n", b"\r", b"\xff", b"{}", b"\0", "文".encode(), b"x" * 50])).map(b"".join), splits=st.integers(1, 60))
def test_a_file_of_anything_gives_the_same_rows_at_any_split(data, splits):
    with tempfile.TemporaryDirectory() as home:
        path = Path(home) / "x.jsonl"
        path.write_bytes(data)
        assert read(path, "jsonl", splits, max_row_bytes=40) == read(path, "jsonl", max_row_bytes=40)


# Identity


def test_ids_follow_key_then_url_then_content_and_nothing_else(tmp_path: Path):
    rows = [{"id": "k", "url": "http://u", "text": "one"}, {"url": "http://u", "text": "two"}, {"text": "three"}]
    first, second = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    first.write_text("\n".join(map(json.dumps, rows)))
    second.write_bytes(gzip.compress("\n".join(map(json.dumps, reversed(rows))).encode()))
    ids = {row["text"]: row["doc_id"] for row in read(first, "jsonl")}
    assert ids == {row["text"]: row["doc_id"] for row in read(second, "jsonl", 1)}
    assert ids == {"one": doc_id_of("web", "k", None, ""), "two": doc_id_of("web", None, "http://u", ""), "three": doc_id_of("web", None, None, hash128(b"three"))}


def test_ids_never_change_between_versions_of_this_code():
    assert doc_id_of("web", "k", None, "") == "37b1c19b30367bb992db0d3a77f9c719"
    assert hash128("文".encode()) == "2639bb30b2f8d62526b193163bc8b885"


short = st.text(alphabet=":0123kuc", max_size=4)


@given(st.tuples(short, st.none() | short, st.none() | short, short), st.tuples(short, st.none() | short, st.none() | short, short))
def test_different_names_never_share_an_id(one, other):
    def name(source, key, url, content):
        return (source, "key", key) if key is not None else (source, "url", url) if url is not None else (source, "content", content)

    assert (doc_id_of(*one) == doc_id_of(*other)) == (name(*one) == name(*other))


def test_the_content_hash_and_the_length_are_of_the_utf_8_bytes(kept_between):
    row = kept_between(json.dumps({"text": "文"}))
    assert (row["content_hash"], row["n_bytes"]) == (hash128("文".encode()), 3)


# Encodings


SIMPLIFIED = "我冒了严寒，回到相隔二千余里，别了二十余年的故乡去。"
TRADITIONAL = "我冒了嚴寒，回到相隔二千餘里，別了二十餘年的故鄉去。"


@pytest.mark.parametrize(("codec", "text"), [("gb18030", SIMPLIFIED), ("big5", TRADITIONAL)])
def test_lines_in_a_legacy_encoding_are_read_when_the_recipe_says_so_or_auto(codec, text, kept_between):
    line = json.dumps({"id": 1, "text": text}, ensure_ascii=False).encode(codec)
    assert kept_between(line, encoding=codec)["text"] == text
    assert kept_between(line, encoding="auto")["text"] == text


def test_lines_of_three_encodings_live_in_one_file_under_auto(tmp_path: Path):
    path = tmp_path / "x.jsonl"
    made = [(SIMPLIFIED, "gb18030"), (SIMPLIFIED, "utf-8"), (TRADITIONAL, "big5")]
    path.write_bytes(b"\n".join(json.dumps({"text": text}, ensure_ascii=False).encode(codec) for text, codec in made))
    assert texts(read(path, "jsonl", 40, encoding="auto")) == [SIMPLIFIED, SIMPLIFIED, TRADITIONAL]


def test_a_legacy_line_is_invalid_where_the_recipe_promises_utf_8(between):
    assert between(json.dumps({"text": SIMPLIFIED}, ensure_ascii=False).encode("gb18030"))[0] == "invalid_encoding"


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("encoding", ["utf-8", "gb18030", "auto"])
def test_a_byte_order_mark_outranks_the_recipe(tmp_path: Path, codec, encoding):
    path = tmp_path / "x.jsonl"
    path.write_bytes("\n".join(json.dumps({"text": text}, ensure_ascii=False) for text in (SIMPLIFIED, TRADITIONAL)).encode(codec))
    assert texts(read(path, "jsonl", 20, encoding=encoding)) == [SIMPLIFIED, TRADITIONAL]
    packed_path = tmp_path / "y.jsonl.gz"
    packed_path.write_bytes(gzip.compress(path.read_bytes()))
    assert texts(read(packed_path, "jsonl", encoding=encoding)) == [SIMPLIFIED, TRADITIONAL]


# Texts


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_text_file_is_one_document(tmp_path: Path, codec):
    path = tmp_path / "x.txt"
    text = f"{SIMPLIFIED}\r\n\r\n{SIMPLIFIED}\u2028\n"
    path.write_bytes(text.encode(codec))
    [row] = read(path, "text", 7, columns={"source": "=s", "native_key": "file"}, encoding="auto")
    assert (row["text"], row["native_key"], row["source_location"]) == (text, "x.txt", "x.txt:0")


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty_text"), (b" \n", "empty_text"), (b"a\0b", "nul_character"), (b"\xff", "invalid_encoding"), (b"x" * 101, "row_too_long"), (gzip.compress(b"x" * 90, mtime=0)[:-9], "truncated_file")],
)
def test_a_hostile_text_file_is_one_reject(tmp_path: Path, data, reason):
    path = tmp_path / "x.txt"
    path.write_bytes(data)
    assert [row["reason"] for row in read(path, "text", columns={"source": "=s"}, max_row_bytes=100)] == [reason]


def test_a_text_file_may_hold_a_document_a_line(tmp_path: Path):
    path = tmp_path / "x.txt"
    path.write_bytes("\ufeffone\r\n\n two \n\u3000\nbad \0\nthree".encode())
    rows = read(path, "text_lines", 3, columns={"source": "=s"})
    assert (texts(rows), [reason for reason, _ in rejects(rows)]) == (["one", " two ", "three"], ["empty_text", "nul_character"])


# Parquet


def table(n: int, kind: pa.DataType = pa.string()) -> pa.Table:  # noqa: B008
    return pa.table({"id": [f"k{i}" for i in range(n)], "text": pa.array([f"text {i}" for i in range(n)], kind), "url": pa.nulls(n, pa.string())})


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.binary(), pa.large_binary(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())])
def test_parquet_text_may_be_any_kind_of_string_or_bytes(tmp_path: Path, kind):
    path = tmp_path / "x.parquet"
    plain = table(10)
    pq.write_table(plain.set_column(1, "text", plain["text"].cast(kind)), path, row_group_size=3)
    rows = read(path, "parquet")
    assert texts(rows) == plain["text"].to_pylist()
    assert [row["source_location"] for row in rows] == [f"x.parquet:{i}" for i in range(10)]


def test_hostile_parquet_rows_go_alone(tmp_path: Path):
    path = tmp_path / "x.parquet"
    values = [b"good one", None, b"", b" \n", b"a\0b", b"\xff", b"\xed\xa0\x80", b"x" * 101, "good 文".encode()]
    column = pa.array(values, pa.binary())
    strings = pa.Array.from_buffers(pa.string(), len(column), column.buffers())
    pq.write_table(pa.table({"text": strings, "id": list(range(len(values))), "url": ["u", "", None, None, None, None, None, None, " "]}), path)
    rows = read(path, "parquet", max_row_bytes=100)
    assert texts(rows) == ["good one", "good 文"]
    assert [row["native_key"] for row in rows if not row["reason"]] == ["0", "8"]
    bad = ["missing_text", "empty_text", "empty_text", "nul_character", "invalid_encoding", "lone_surrogate", "row_too_long"]
    assert [reason for reason, _ in rejects(rows)] == bad
    assert all("\0" not in raw and '"id": ' in raw for _, raw in rejects(rows))


@pytest.mark.parametrize("kind", [pa.int64(), pa.list_(pa.string()), pa.bool_(), pa.timestamp("us")])
def test_a_parquet_text_column_of_another_type_rejects_its_rows(tmp_path: Path, kind):
    path = tmp_path / "x.parquet"
    value: Any = {"list<element: string>": ["a"]}.get(str(kind), ["a"] if pa.types.is_list(kind) else True if pa.types.is_boolean(kind) else 5)
    pq.write_table(pa.table({"text": pa.array([value, None], kind)}), path)
    assert [reason for reason, _ in rejects(read(path, "parquet"))] == ["wrong_type", "missing_text"]


@pytest.mark.parametrize("columns", [{"id": ["k"]}, {"other": [1]}])
def test_a_parquet_file_without_the_text_column_rejects_its_rows(tmp_path: Path, columns):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table(columns), path)
    assert [row["reason"] for row in read(path, "parquet")] == ["missing_field"]


def test_a_damaged_row_group_costs_itself(tmp_path: Path):
    path = tmp_path / "x.parquet"
    pq.write_table(table(40), path, row_group_size=10, compression="zstd", use_dictionary=False)
    data = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(1).column(1).data_page_offset
    data[start : start + 30] = b"\xff" * 30
    path.write_bytes(data)
    for split in (1 << 30, len(data) // 3):
        rows = sorted(read(path, "parquet", split), key=lambda row: int(row["source_location"].split(":")[1]))
        assert texts(rows) == [f"text {i}" for i in range(40) if not 10 <= i < 20]
        assert [(row["source_location"], row["reason"]) for row in rows if row["reason"]] == [("x.parquet:10", "unreadable_file")]


def test_a_parquet_file_cut_off_is_one_reject_at_any_split(tmp_path: Path):
    path = tmp_path / "x.parquet"
    pq.write_table(table(1000), path)
    path.write_bytes(path.read_bytes()[:-100])
    assert [row["reason"] for row in read(path, "parquet", 100)] == ["unreadable_file"]


def test_parquet_parts_read_every_row_group_once(tmp_path: Path):
    path = tmp_path / "x.parquet"
    pq.write_table(table(100), path, row_group_size=7)
    whole = read(path, "parquet")
    for split in (100, 500, 1000):
        assert sorted(read(path, "parquet", split), key=lambda row: int(row["source_location"].split(":")[1])) == whole


def test_a_dictionary_that_unfolds_to_gigabytes_leaves_in_small_batches_and_stops(tmp_path: Path):
    path = tmp_path / "x.parquet"
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 2000, pa.int32()), pa.array(["x" * 1_000_000]))
    pq.write_table(pa.table({"text": column}), path)
    params = ReadParams(columns={"text": "text", "source": "=s"}, batch_bytes=4 << 20, max_unpacked_bytes=50 << 20)
    batches = list(read_units(plan_units([(str(path), 1)], "parquet", 10).to_batches(), params))
    assert max(batch.nbytes for batch in batches) < 5 << 20
    assert batches[-1]["reason"].to_pylist() == ["unpacks_too_large"]


def test_a_struct_field_of_parquet_can_be_mapped(tmp_path: Path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"text": ["a", "b"], "meta": [{"url": "http://a.test/", "n": 1}, None]}), path)
    assert [row["url"] for row in read(path, "parquet", columns={"text": "text", "source": "=s", "url": "meta.url"})] == ["http://a.test/", None]


# WET


def wet(records: list[tuple[str, bytes, str]], is_packed: bool = True) -> bytes:
    """A WET file as warcio writes it: (URL, body, type)."""
    held = io.BytesIO()
    writer = WARCWriter(held, gzip=is_packed)
    writer.write_record(writer.create_warcinfo_record("x.wet", {"software": "test"}))
    for i, (url, body, kind) in enumerate(records):
        headers = {"WARC-Record-ID": f"<urn:uuid:{i}>", "WARC-Identified-Content-Language": "zho"}
        writer.write_record(writer.create_warc_record(url, kind, payload=io.BytesIO(body), warc_content_type="text/plain", warc_headers_dict=headers))
    return held.getvalue()


WET = {"source": "=cc", "license": "warc-type"}


@pytest.mark.parametrize("is_packed", [True, False])
def test_conversion_records_of_wet_become_documents(tmp_path: Path, is_packed):
    path = tmp_path / "x.wet.gz"
    path = path if is_packed else path.with_suffix("")
    path.write_bytes(wet([("http://a", "text 文\n".encode(), "conversion"), ("http://m", b"about", "metadata"), ("http://b", b"more\r\n\r\ntext", "conversion")], is_packed))
    first, second = read(path, "wet", columns=WET)
    wanted = {"text": "text 文\n", "url": "http://a", "native_key": "<urn:uuid:0>", "source": "cc", "lang_hint": "zho", "license": "conversion"}
    assert {name: first[name] for name in wanted} == wanted
    assert (second["text"], second["url"]) == ("more\r\n\r\ntext", "http://b")


def record(body: bytes, length: Any = None, extra: bytes = b"", kind: bytes = b"conversion") -> bytes:
    length = len(body) if length is None else length
    return b"WARC/1.0\r\nWARC-Type: %s\r\nWARC-Target-URI: http://x\r\n%sContent-Length: %s\r\n\r\n" % (kind, extra, str(length).encode()) + body + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (record(b"short length", 3), "malformed_record"),
        (record(b"long length", 60), "malformed_record"),
        (record(b"longer than the file", 5000), "malformed_record"),
        (record(b"longer than a row may be", 10**12), "malformed_record"),
        (record(b"no number", "many"), "malformed_record"),
        (record(b"negative", -5), "malformed_record"),
        (b"WARC/1.0\r\nContent-Length: 4\r\n\r\nbody\r\n\r\n", "malformed_record"),
        (b"rubbish between records\r\n\r\n", "malformed_record"),
        (record(b"info lies", 70, kind=b"warcinfo"), "malformed_record"),
        (record(b"x" * 10_001), "row_too_long"),
        (record(b"\xff\xff"), "invalid_encoding"),
        (record(b"a\0b"), "nul_character"),
        (record(b" \n "), "empty_text"),
        (record(b"key", extra=b"WARC-Record-ID: \xff\r\n"), "invalid_encoding"),
    ],
)
@pytest.mark.parametrize("is_packed", [True, False])
def test_a_bad_wet_record_goes_alone(tmp_path: Path, bad, reason, is_packed):
    path = tmp_path / "x.wet"
    pack = gzip.compress if is_packed else bytes
    path.write_bytes(pack(record(b"one")) + pack(bad) + pack(record(b"two")) + pack(record(b"three")))
    rows = read(path, "wet", columns=WET, max_row_bytes=10_000)
    assert texts(rows) == ["one", "two", "three"]
    assert [why for why, _ in rejects(rows)] == [reason]


@pytest.mark.parametrize("lost", [1, 8, 12, 30, 60])
def test_a_wet_file_cut_off_keeps_the_records_before(tmp_path: Path, lost):
    path = tmp_path / "x.wet.gz"
    whole = b"".join(gzip.compress(record(b"record %d" % i)) for i in range(5))
    path.write_bytes(whole[:-lost])
    rows = read(path, "wet", columns=WET)
    assert texts(rows)[:4] == [f"record {i}" for i in range(4)]
    assert [why for why, _ in rejects(rows)] == ["truncated_file"]


def test_wet_positions_do_not_depend_on_blocks(tmp_path: Path, monkeypatch):
    path = tmp_path / "x.wet"
    path.write_bytes(record(b"one") + b"rubbish\r\n\r\n" + record(b"x" * 500) + record(b"two", 400) + record(b"three") + record(b"cut")[:-9])
    for max_raw_bytes in (2048, 1):
        monkeypatch.undo()
        whole = read(path, "wet", columns=WET, max_row_bytes=100, max_raw_bytes=max_raw_bytes)
        for size in (1, 2, 7, 64):
            monkeypatch.setattr(streams, "BLOCK", size)
            assert read(path, "wet", columns=WET, max_row_bytes=100, max_raw_bytes=max_raw_bytes) == whole


@pytest.mark.parametrize("at", [0, 3, 12, 40, -6])
def test_a_damaged_member_of_a_wet_costs_itself(tmp_path: Path, at):
    members = [bytearray(gzip.compress(record(b"record %d" % i))) for i in range(4)]
    members[1][at] ^= 0xFF
    path = tmp_path / "x.wet.gz"
    path.write_bytes(b"".join(members))
    rows = read(path, "wet", columns=WET)
    assert texts(rows) == ["record 0", "record 2", "record 3"]
    assert len(rejects(rows)) == 1


def test_text_that_looks_like_a_record_is_text_where_lengths_are_right(tmp_path: Path):
    path = tmp_path / "x.wet"
    inner = record(b"inner").decode()
    path.write_bytes(record(inner.encode()) + record(b"two"))
    assert texts(read(path, "wet", columns=WET)) == [inner, "two"]


def test_a_header_that_ends_with_lf_alone_may_be_followed_by_a_line_end(tmp_path: Path):
    path = tmp_path / "x.wet"
    path.write_bytes(record(b"\r\none").replace(b"Length: 5\r\n\r\n", b"Length: 5\n\n") + record(b"two"))
    assert texts(read(path, "wet", columns=WET)) == ["\r\none", "two"]


# Frames that Spark has read


def framed(batch: pa.RecordBatch, **params: Any) -> Rows:
    return [row for found in as_rows([batch], ReadParams(columns=COLUMNS, **params)) for row in found.to_pylist()]


odd = st.one_of(st.none(), st.text(max_size=6), st.sampled_from(["", " ", "\u3000\x1c", "\x85", "a\0", "文", "x" * 30]))


@settings(max_examples=100, deadline=None)
@given(rows=st.lists(st.tuples(odd, odd, odd), max_size=12), kind=st.sampled_from([pa.string(), pa.large_string(), pa.binary(), pa.string_view()]), limit=st.integers(1, 40))
@example(rows=[(chr(i), "k", None) for i in range(0x3001) if chr(i).isspace()], kind=pa.string(), limit=40)
def test_columns_and_records_are_judged_alike(rows, kind, limit):
    names = ("text", "id", "url")
    columns = {name: pa.array(values, pa.string()).cast(kind) for name, values in zip(names, zip(*rows) if rows else ((),) * 3)}
    batch = pa.RecordBatch.from_pydict(columns | {"_path": ["p"] * len(rows), "_row": pa.array(range(len(rows)), pa.int64())})
    params = ReadParams(columns=COLUMNS, max_row_bytes=limit, batch_rows=5)
    mapper = Mapper(params)
    wanted = [mapper.row(f"p:{i}", "p", dict(zip(names, row))) for i, row in enumerate(rows)]
    got = sorted(framed(batch, max_row_bytes=limit, batch_rows=5), key=lambda row: int(row["source_location"][2:]))
    assert [tuple(row[name] for name in ROWS.names if name != "raw") for row in got] == [
        tuple(value.decode() if isinstance(value, bytes) else value for name, value in zip(ROWS.names, row) if name != "raw") for row in wanted
    ]


def test_rows_of_a_frame_without_positions_get_places_of_their_own():
    batch = pa.RecordBatch.from_pydict({"id": ["a", "a", "b"], "text": ["x", "x", None]})
    rows = framed(batch)
    assert len({row["source_location"] for row in rows}) == 3
    assert [row["reason"] for row in rows] == [None, None, "missing_text"]
    assert all(row["path"] is not None for row in rows)


def test_rows_of_a_frame_with_paths_and_blocks_are_counted_within_them():
    columns = {"text": ["x"] * 5, "_path": ["f/a", "f/a", "f/b", "f/a", "f/a"], "_block": [0, 0, 0, 128, 0]}
    rows = framed(pa.RecordBatch.from_pydict(columns), root="f")
    assert [row["source_location"] for row in rows] == ["a:0+0", "a:0+1", "b:0+0", "a:128+0", "a:0+2"]
    assert [row["path"] for row in rows] == columns["_path"]


def test_a_frame_may_hold_strings_that_are_not_utf_8():
    column = pa.array([b"good", b"\xff"], pa.binary())
    rows = framed(pa.RecordBatch.from_pydict({"text": pa.Array.from_buffers(pa.string(), 2, column.buffers())}))
    assert [row["reason"] for row in rows] == [None, "invalid_encoding"]


# Batches and parameters


def test_batches_keep_to_rows_and_bytes(tmp_path: Path):
    path = tmp_path / "x.jsonl"
    path.write_text("".join(json.dumps({"text": "x" * size}) + "\n" for size in [10] * 20 + [5000] * 10 + [30_000]))
    params = ReadParams(columns={"text": "text", "source": "=s"}, batch_rows=7, batch_bytes=12_000)
    batches = list(read_units(plan_units([(str(path), 1)], "jsonl", 1 << 30).to_batches(), params))
    assert max(batch.num_rows for batch in batches) == 7
    assert [batch.num_rows for batch in batches if batch.nbytes > 20_000] == [1]


def test_small_files_share_a_batch(tmp_path: Path):
    for i in range(10):
        (tmp_path / f"{i}.txt").write_text(f"text {i}")
    units = plan_units([(str(path), 6) for path in tmp_path.iterdir()], "text", 10)
    assert [batch.num_rows for batch in read_units(units.to_batches(), ReadParams(columns={"source": "=s"}))] == [10]


def test_a_reader_of_large_files_holds_little(tmp_path: Path):
    path = tmp_path / "x.jsonl"
    line = json.dumps({"text": "x" * 10_000}) + "\n"
    path.write_text(line * 6_000)
    params = ReadParams(columns={"text": "text", "source": "=s"}, batch_bytes=2 << 20)
    tracemalloc.start()
    n = sum(batch.num_rows for batch in read_units(plan_units([(str(path), 1)], "jsonl", 1 << 30).to_batches(), params))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == 6_000
    assert peak < 32 << 20


def test_the_reader_bound_to_its_parameters_travels_to_an_executor():
    kernel = functools.partial(read_units, params=ReadParams(columns=COLUMNS))
    assert pickle.loads(pickle.dumps(kernel)).keywords == kernel.keywords


def test_all_that_is_wrong_with_the_parameters_is_said_at_once():
    with pytest.raises(ValueError, match=r"columns.txt.*columns.source.*encoding.*batch_rows"):
        ReadParams(columns={"txt": "text"}, encoding="latin-9", batch_rows=0)


def test_plan_units_wants_a_known_format():
    with pytest.raises(ValueError, match="avro"):
        plan_units([], "avro", 10)


def test_the_json_depth_does_not_depend_on_who_calls():
    line = '{"a": ' + "[" * 199 + "]" * 199 + "}"

    def deeper(n: int) -> Any:
        return deeper(n - 1) if n else json_lines.parse(line)

    assert deeper(0) == deeper(sys.getrecursionlimit() - 500)


def test_the_readers_name_what_others_use():
    assert set(readers.__all__) >= {"read_units", "plan_units", "as_rows", "ReadParams", "ROWS", "UNITS", "REASONS"}
