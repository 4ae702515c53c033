"""JSON in any shape that people save it in gives one row for each object, and what is wrong in it costs itself."""

from __future__ import annotations

import bz2
import gzip
import json
import os
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs.read.readers import plan_units, read_units
from gristmill.udfs.streams import streams
from gristmill.udfs.streams.json_values import values
from gristmill.udfs.streams.streams import Limits
from tests.timing import grows_linearly
from tests.udfs.read.params import ReadParams

COLUMNS = {"text": "text", "native_key": "id", "source": "=s"}
Rows = list[dict[str, Any]]


def read(path: Path, split_bytes: int = 1 << 30, **params: Any) -> Rows:
    units = plan_units([(str(path), os.path.getsize(path))], "jsonl", split_bytes)
    rows = [row for batch in read_units(units.to_batches(), ReadParams(**{"columns": COLUMNS, **params})) for row in batch.to_pylist()]
    assert len({row["source_location"] for row in rows}) == len(rows)
    return rows


def outcome(data: bytes, name: str = "x.json", split_bytes: int = 1 << 30, **params: Any) -> list[str]:
    """Text of each document, reason of each reject, in the order of their places."""
    with tempfile.TemporaryDirectory() as home:
        (Path(home) / name).write_bytes(data)
        return [row["reason"] or row["text"] for row in read(Path(home) / name, split_bytes, **params)]


def lined(objects: Rows, end: str) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + end for row in objects)


SHAPES = {
    "array in one line": lambda rows: json.dumps(rows),
    "array of characters": lambda rows: json.dumps(rows, ensure_ascii=False, separators=(",", ":")),
    "array, indented": lambda rows: json.dumps(rows, indent=2),
    "array, by tabs": lambda rows: json.dumps(rows, indent="\t", ensure_ascii=False),
    "array, a row a line": lambda rows: "[" + ", \n ".join(json.dumps(row) for row in rows) + "]\n",
    "array, without indent": lambda rows: json.dumps(rows, indent=0),
    "objects, indented": lambda rows: "\n".join(json.dumps(row, indent=2) for row in rows) + "\n",
    "objects, indented, with commas": lambda rows: ",\n".join(json.dumps(row, indent=4, ensure_ascii=False) for row in rows),
    "two arrays": lambda rows: json.dumps(rows[:1], indent=1) + "\n" + json.dumps(rows[1:], indent=1),
    "lines": lambda rows: lined(rows, "\n"),
    "lines of CR": lambda rows: lined(rows, "\r"),
    "lines of CRLF": lambda rows: lined(rows, "\r\n"),
}
texts = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=8).map(lambda text: f'a{text}') | st.sampled_from(['"}{][\\', "\\", '\\"', "a,\n{", "]},{"]).map(lambda text: f"{text}a")
objects = st.lists(
    st.fixed_dictionaries({"text": texts}, optional={"id": st.integers(), "meta": st.recursive(st.none() | texts, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2), max_leaves=4)}),
    min_size=1, max_size=5,
)  # fmt: skip
PACKED = {"plain": bytes, "gz": gzip.compress, "bz2": bz2.compress}


@settings(max_examples=150, deadline=None)
@given(
    rows=objects, shape=st.sampled_from(sorted(SHAPES)), packing=st.sampled_from(sorted(PACKED)), is_marked=st.booleans(), is_dos=st.booleans(),
    split=st.integers(20, 400), block=st.integers(1, 64),
)  # fmt: skip
def test_every_object_is_one_document_in_whatever_shape_it_is_written(rows, shape, packing, is_marked, is_dos, split, block):
    text = SHAPES[shape](rows)
    data = (text.replace("\n", "\r\n") if is_dos and shape != "lines of CRLF" else text).encode("utf-8-sig" if is_marked else "utf-8")
    old, streams.BLOCK = streams.BLOCK, block
    try:
        assert outcome(PACKED[packing](data), "x.json" if packing == "plain" else f"x.json.{packing}", split) == [row["text"] for row in rows]
    finally:
        streams.BLOCK = old


A, B, C = ({"text": f"text {name}", "id": name, "deep": {"a": [{"b": name}]}} for name in "abc")


@pytest.mark.parametrize("codec", ["utf-16", "utf-32", "gb18030", "big5"])
@pytest.mark.parametrize("shape", ["array, by tabs", "lines of CR", "objects, indented, with commas"])
def test_shapes_are_read_in_every_encoding_whose_letters_hold_brackets_and_backslashes(codec: str, shape: str):
    rows = [{"text": "許功蓋世, 淚珠, 閱讀: 這是一篇很長的文章，說明我們在河邊的小鎮上學習如何測量水位。"}, {"text": "第二篇文章在這裡，功。"}]
    data = SHAPES[shape](rows).encode(codec)
    encodings = ["utf-8"] if codec.startswith("utf") else [codec, "auto"]
    assert all(outcome(data, encoding=encoding) == [row["text"] for row in rows] for encoding in encodings)


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        ("[]", []),
        ("[\n]\n", []),
        ("[ \n {\"text\": \"a\"},\n {\"text\": \"b\"},\n]", ["a", "b"]),
        (f"[{json.dumps(A)}, 17, null, \"a string\", [1, [2]], {json.dumps(B)}]", ["text a", *["not_an_object"] * 4, "text b"]),
        (f"[{json.dumps(A)}, {{\"text\": }}, {json.dumps(B)}]", ["text a", "malformed_json", "text b"]),
        (f"[{json.dumps(A)}, rubbish, {json.dumps(B)}]", ["text a", "malformed_json", "text b"]),
        (json.dumps([A, B])[:-1], ["text a", "text b", "truncated_file"]),
        (json.dumps([A, B], indent=1)[:-20], ["text a", "truncated_file"]),
        (json.dumps([A, B, C], indent=1).replace('"text b",', '"text b,'), ["text a", "malformed_json", "text c"]),
        (json.dumps([A, B, C], indent=1).replace('"b"\n', '"b"\n]'), ["text a", "malformed_json", "text c"]),
        ("\n".join(json.dumps(row, indent=2) for row in (A, B, C)).replace('"text b",', '"text b'), ["text a", "malformed_json", "text c"]),
        (json.dumps([{"text": "a", "text ": 1}, A]).replace("text ", "text"), ["duplicate_key", "texta"]),
        (json.dumps({"data": [A, B]}), ["missing_field"]),
        (json.dumps({"data": [A, B]}, indent=2), ["missing_field"]),
        ('{"text": "a", "score": NaN}\n{"text": NaN}\n', ["a", "wrong_type"]),
        ('[{"text": "a", "score": NaN}, {"text": "b", "score": -Infinity}]', ["a", "b"]),
        # A row a line stays a row a line, whatever its first line is.
        ('{"text": "a"\n{"text": "b"}\n{"text": "c"}\n', ["malformed_json", "b", "c"]),
        ('["a", "list"]\n{"text": "b"}\n', ["not_an_object", "b"]),
        ('[{"text": "in a list"}]\n{"text": "b"}\n', ["not_an_object", "b"]),
        ('{"text": "a", "meta": {\n{"text": "b"}\n{"text": "c"}\n', ["malformed_json", "b", "c"]),
        ('{\n{"text": "b"}\n{"text": "c"}\n', ["malformed_json", "b", "c"]),
        ('{"text": "raw \r return"}\n{"text": "b"}\n', ["raw \r return", "b"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("block", [3, 1 << 18])
def test_what_is_wrong_costs_itself(data: str, wanted: list[str], block: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(streams, "BLOCK", block)
    assert outcome(data.encode()) == wanted


def test_rows_of_an_array_are_as_long_as_rows_may_be_and_no_longer():
    rows = [{"text": "x" * n} for n in (5, 500, 6, 40)]
    for shape in ("array in one line", "array, indented", "objects, indented", "lines of CR"):
        assert outcome(SHAPES[shape](rows).encode(), max_row_bytes=100) == ["x" * 5, "row_too_long", "x" * 6, "x" * 40]


def test_places_are_bytes_of_the_file(tmp_path: Path):
    (tmp_path / "x.json").write_bytes('[{"text": "é"}, {"text": "b"}]'.encode())
    assert [row["source_location"] for row in read(tmp_path / "x.json")] == ["x.json:1", "x.json:17"]


def test_an_array_file_cut_off_inside_its_packing_keeps_the_rows_before():
    rows = [{"text": f"{i} {os.urandom(20).hex()}"} for i in range(2000)]
    packed = gzip.compress(json.dumps(rows).encode())
    found = outcome(packed[: len(packed) // 2], "x.json.gz")
    assert found[-1] == "truncated_file"
    assert len(found) > 500
    assert found[:-1] == [row["text"] for row in rows][: len(found) - 1]


def test_an_array_of_many_megabytes_is_streamed(tmp_path: Path):
    row = json.dumps({"text": "x" * 20_000})
    (tmp_path / "x.json").write_text("[" + ",".join([row] * 2000) + "]")
    params = ReadParams(columns=COLUMNS, batch_bytes=2 << 20)
    tracemalloc.start()
    n = sum(batch.num_rows for batch in read_units(plan_units([(str(tmp_path / "x.json"), 1)], "jsonl", 1 << 30).to_batches(), params))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert n == 2000
    assert peak < 24 << 20


HOSTILE = {
    "open brackets": lambda n: b"[" + b'{"a":' * (n // 5),
    "an open string": lambda n: b'[{"a": "' + b"x" * n,
    "backslashes": lambda n: b'[{"a": "' + b"\\" * n,
    "escapes": lambda n: b'[{"a": "' + b"\\u4e00" * (n // 6) + b'"}]',
    "lines that never close": lambda n: b"[\n" + b"{\n" * (n // 2),
    "values that never close, then one line": lambda n: b"[\n{\n{" + b'{"a":1},' * (n // 8),
    "quotes": lambda n: b"[" + b'"a",' * (n // 4),
    "blanks": lambda n: b"[" + b" " * n + b"{}]",
    "commas and brackets": lambda n: b"[" + b"],[" * (n // 3),
    "objects": lambda n: b"[" + b"{}," * (n // 3),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("longest", [1000, 1 << 25])
def test_the_time_of_adversarial_bytes_grows_with_their_number_alone(name: str, longest: int):
    def seconds(n: int) -> float:
        data, start = HOSTILE[name](n), time.process_time()
        pieces = (data[at : at + (1 << 16)] for at in range(0, len(data), 1 << 16))
        for _ in values(pieces, Limits(longest, 64, 1 << 40, 1e9)):
            pass
        return time.process_time() - start

    seconds(1000)
    assert grows_linearly(seconds, 50_000)
