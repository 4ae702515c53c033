"""Shards: one schema in all of them, whatever their rows hold, and the card says it where the files cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from gristmill.jobs.report.dataset_card import card, features
from gristmill.udfs.edit.shards import ShardParams, export_schema, write_batches

TABLE = pa.schema([("doc_id", pa.string()), ("text", pa.string()), ("url", pa.string()), ("license", pa.string()), ("quality_bin", pa.int32()), ("quality", pa.float64()), ("shard", pa.int32())])
SAMPLES = pa.schema([(name, pa.string()) for name in ("sample_id", "lang", "domain", "question", "cot", "answer", "model")] + [("shard", pa.int32())])
FORMATS = ("parquet", "jsonl", "jsonl.zst")


def documents(per_shard: int) -> list[dict[str, Any]]:
    """Two shards: in the first only the last row has a licence, in the second nothing has anything but its text."""
    rows = [{"doc_id": f"{i}", "text": f"text {i}", "shard": i // per_shard} for i in range(2 * per_shard)]
    rows[per_shard - 1] |= {"license": "CC0", "url": "https://a.test/1", "quality_bin": 3, "quality": 0.5}
    return [{name: row.get(name) for name in TABLE.names} for row in rows]


def export(home: Path, format: Any, rows: list[dict[str, Any]], table: pa.Schema = TABLE, chat: Any = None) -> Path:
    params = ShardParams(str(home), "key", format, export_schema(table, chat), chat=chat)
    batches = pa.Table.from_pylist(rows, schema=table).to_batches(max_chunksize=64)
    shards = [row for batch in write_batches(iter(batches), params) for row in batch.to_pylist()]
    manifest = {"format": format, "source": "corpus", "n_rows": len(rows), "n_bytes": 1, "lake": "x", "versions": {}, "recipe_hash": "h", "code": "0",
                "features": features(params.schema), "shards": shards}  # fmt: skip
    (home / "README.md").write_text(card("A title", manifest, [], {}, {}, []), encoding="utf-8")
    return home


def loaded(home: Path, cache: Path) -> Any:
    import datasets

    return datasets.load_dataset(str(home), split="train", cache_dir=str(cache))


@pytest.mark.parametrize("per_shard", [3, 700])
def test_every_parquet_shard_has_the_schema_of_the_table(tmp_path: Path, per_shard: int):
    home = export(tmp_path, "parquet", documents(per_shard))
    found = [pq.read_schema(path).remove_metadata() for path in sorted((home / "data").iterdir())]
    assert found == [export_schema(TABLE, None)] * 2
    assert pyarrow.dataset.dataset(home / "data").to_table().to_pylist() == [{k: v for k, v in row.items() if k != "shard"} for row in documents(per_shard)]


@pytest.mark.parametrize("format", FORMATS)
def test_the_folder_of_an_export_opens_as_one_dataset_with_the_types_of_the_table(tmp_path: Path, format: str):
    import datasets

    rows = loaded(export(tmp_path / "export", format, documents(4)), tmp_path / "cache")
    assert rows.to_list() == [{k: v for k, v in row.items() if k != "shard"} for row in documents(4)]
    kinds = {"doc_id": "string", "text": "string", "url": "string", "license": "string", "quality_bin": "int32", "quality": "float64"}
    assert rows.features == datasets.Features({name: datasets.Value(kind) for name, kind in kinds.items()})


@pytest.mark.parametrize(("chat", "format"), [("messages", "jsonl"), ("sharegpt", "parquet"), ("alpaca", "jsonl.zst")])
def test_samples_of_which_none_states_a_domain_open_as_one_dataset(tmp_path: Path, chat: str, format: str):
    rows = [{"sample_id": f"{i}", "lang": "zh", "domain": None, "question": "多少？", "cot": None, "answer": "2", "model": None, "shard": i} for i in range(2)]
    rows[1] |= {"model": "m", "domain": "math"}
    found = loaded(export(tmp_path / "export", format, rows, SAMPLES, chat), tmp_path / "cache")
    said = {
        "messages": ("messages", [{"role": "user", "content": "多少？"}, {"role": "assistant", "content": "2"}]),
        "sharegpt": ("conversations", [{"from": "human", "value": "多少？"}, {"from": "gpt", "value": "2"}]),
        "alpaca": ("output", "2"),
    }[chat]
    assert [(row[said[0]], row["domain"], row["model"]) for row in found.to_list()] == [(said[1], None, None), (said[1], "math", "m")]


def test_every_line_of_an_export_has_every_key(tmp_path: Path):
    home = export(tmp_path, "jsonl", documents(3))
    lines = [json.loads(line) for path in sorted((home / "data").iterdir()) for line in path.read_text(encoding="utf-8").splitlines()]
    assert {tuple(line) for line in lines} == {tuple(name for name in TABLE.names if name != "shard")}
