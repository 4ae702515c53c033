"""What was read is counted and hashed by the reader, part by part, whatever became of the rows."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs.read.counted import DOCUMENTS, SUMMARY, hash_units, read_counted
from gristmill.udfs.read.readers import FORMATS, plan_units
from gristmill.udfs.read.rows import ROWS
from gristmill.udfs.streams.part_hash import PartHash, whole_hash
from tests.udfs.read.params import ReadParams

PARAMS = ReadParams({"text": "text", "native_key": "id", "source": "=test"})
WET = b"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Record-ID: <urn:uuid:%d>\r\nContent-Length: 4\r\n\r\ntext\r\n\r\n"


def b2(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def counted(path: Path, format: str, split_bytes: int = 1 << 30) -> tuple[list[dict], list[dict]]:
    """Rows and summaries that one task gives out for a file called `x/y`."""
    units = plan_units([(str(path), os.path.getsize(path))], format, split_bytes, {str(path): "x/y"})
    batches = list(read_counted(units.to_batches(), PARAMS))
    assert all(batch.schema == DOCUMENTS.counted for batch in batches)
    found = [row for batch in batches for row in batch.to_pylist()]
    told = [row for row in found if row["unit_name"] is not None]
    assert all(row[name] is None for row in told for name in ROWS.names)
    return [row for row in found if row["unit_name"] is None], told


def written(home: Path, format: str) -> tuple[Path, int]:
    """A file of a format, and the rows that stand in it."""
    rows = [{"id": str(i), "text": f"text {i}" if i % 3 else None} for i in range(40)]
    path = home / "file"
    if format == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=7)
    elif format == "wet":
        path.write_bytes(b"".join(WET % i for i in range(40)))
    elif format == "text":
        path.write_bytes(b"one text")
    else:
        assert format in ("jsonl", "text_lines"), f"{format}: write an example of 40 rows here"
        path.write_bytes("".join(json.dumps(row) + "\n" for row in rows).encode() + b"broken\n")
    return path, {"text": 1, "jsonl": 41, "text_lines": 41}.get(format, 40)


@pytest.mark.parametrize("format", sorted(FORMATS))
@pytest.mark.parametrize("split_bytes", [1 << 30, 300])
def test_a_summary_counts_the_rows_given_out_and_hashes_all_bytes_of_the_file(tmp_path: Path, format: str, split_bytes: int) -> None:
    path, n_rows = written(tmp_path, format)
    rows, told = counted(path, format, split_bytes)
    assert len(rows) == sum(unit["unit_rows"] for unit in told) == n_rows
    assert {unit["unit_name"] for unit in told} == {"x/y"}
    assert len({row["source_location"] for row in rows}) == n_rows
    data, n_parts = path.read_bytes(), len(told)
    parts = [b2(data[len(data) * i // n_parts : len(data) * (i + 1) // n_parts]) for i in range(n_parts)]
    assert [unit["unit_hash"] for unit in sorted(told, key=lambda unit: unit["unit_part"])] == parts
    assert whole_hash(parts) == (b2(data) if n_parts == 1 else b2(b"".join(map(bytes.fromhex, parts))))
    assert {unit["unit_bytes"] for unit in told} == {len(data)}


def test_bytes_behind_a_break_are_hashed_too(tmp_path: Path) -> None:
    path = tmp_path / "file"
    packed = gzip.compress(json.dumps({"id": "a", "text": "a"}).encode() + b"\n")
    path.write_bytes(packed + b"no gzip any more" * 5000)
    assert counted(path, "jsonl")[1][0]["unit_hash"] == b2(path.read_bytes())


def test_units_hashed_alone_have_the_hashes_of_units_read(tmp_path: Path) -> None:
    path, _ = written(tmp_path, "jsonl")
    units = plan_units([(str(path), path.stat().st_size)], "jsonl", 300, {str(path): "x/y"})
    alone = [tuple(row.values()) for batch in hash_units(units.to_batches()) for row in batch.to_pylist()]
    assert alone == [(row["unit_name"], row["unit_part"], row["unit_hash"]) for row in counted(path, "jsonl", 300)[1]]


def test_a_format_whose_store_names_each_content_is_counted_and_not_hashed(tmp_path: Path) -> None:
    path, _ = written(tmp_path, "parquet")
    units = plan_units([(str(path), path.stat().st_size)], "parquet", 1 << 30)
    told = [row for batch in read_counted(units.to_batches(), PARAMS, unhashed=("parquet",)) for row in batch.to_pylist() if row["unit_name"]]
    assert [(row["unit_rows"], row["unit_hash"]) for row in told] == [(40, None)]


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=400), part=st.integers(0, 4), reads=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 200)), max_size=8))
def test_a_part_has_one_hash_in_whatever_order_its_bytes_are_read(tmp_path_factory: pytest.TempPathFactory, data: bytes, part: int, reads: list) -> None:
    path = tmp_path_factory.mktemp("part") / "file"
    path.write_bytes(data)
    digest = PartHash(part, 5)
    with path.open("rb") as raw:
        stream = digest.over(raw, len(data))
        for at, size in reads:
            stream.seek(at)
            assert stream.read(size) == data[at : at + size]
    assert digest.finish(str(path)) == b2(data[len(data) * part // 5 : len(data) * (part + 1) // 5])
    assert set(SUMMARY.names).isdisjoint(ROWS.names)
