"""A lake made by delta-rs (no Spark), documents in English and Chinese, and a recipe that points at a fake server."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from deltalake import DeltaTable, write_deltalake

from gristmill.synth_worker.queue.schemas import ANSWERS, LEASES, REQUESTS, RUNS
from gristmill.synth_worker.recipe import Prompts

ROOT = Path(__file__).resolve().parents[2]
EN = "Tides rise twice a day in harbour {n}.\n\nThe moon pulls the sea towards it. The sun pulls too.\n\nSailors read tables before they leave."
ZH = "第{n}号港口的潮水每天涨落两次。\n\n月亮牵引海水。太阳也牵引，但较弱。\n\n水手出海前要查潮汐表。"


def make_lake(root: Path, texts: list[tuple[str, str]], recipe: str = "cot", part_size: int = 8) -> None:
    """Tables as export_candidates leaves them, with one request for each (lang, text)."""
    version, rows = Prompts(f"conf/prompts/{recipe}.yaml").id, []
    for i, (lang, text) in enumerate(texts):
        request = hashlib.blake2b(f"{i}".encode(), digest_size=16).hexdigest()
        rows.append({"request_id": request, "part": f"{recipe}-{i // part_size:04d}", "recipe": recipe, "recipe_version": version, "doc_id": f"d{i}",
                     "batch_id": "b", "sample_id": None, "chunk": 0, "start": 0, "end": len(text), "lang": lang, "domain": "web", "text": text})  # fmt: skip
    for name, schema, partitions in (("synth_requests", REQUESTS, ["part"]), ("synth_answers", ANSWERS, ["part"]), ("leases", LEASES, []), ("runs", RUNS, [])):
        DeltaTable.create(str(root / name), schema=schema, partition_by=partitions or None)
    write_deltalake(str(root / "synth_requests"), pa.Table.from_pylist(rows, schema=REQUESTS), mode="append")


def documents(n: int) -> list[tuple[str, str]]:
    return [("zh", ZH.format(n=i)) if i % 3 == 0 else ("en", EN.format(n=i)) for i in range(n)]


@pytest.fixture
def write_recipe(tmp_path: Path) -> Callable[..., Path]:
    """`write_recipe(url, in_flight=4)`: conf/synth_worker.yaml with small limits and a fake server."""

    def made(*urls: str, name: str = "worker.yaml", engine: dict[str, Any] | None = None, top: dict[str, Any] | None = None, **limits: Any) -> Path:
        recipe = yaml.safe_load((ROOT / "conf/synth_worker.yaml").read_text(encoding="utf-8"))
        small = {"in_flight": 16, "open_requests": 16, "backoff_seconds": 0.02, "lease_seconds": 3.0, "sync_seconds": 0.5, "engine_down_seconds": 20.0}
        http = {"kind": "http", "urls": list(urls), "model": "fake", "revision": "r1", "key_variable": None, "timeout_seconds": 1.0, "structured": True}
        recipe["worker"] |= {"work_folder": str(tmp_path / "work"), "engine": {**http, **(engine or {})}, "progress_seconds": 60.0, **(top or {})}
        recipe["worker"]["limits"] |= {**small, **limits}
        (tmp_path / name).write_text(yaml.safe_dump(recipe), encoding="utf-8")
        return tmp_path / name

    return made


def start_worker(recipe: Path, lake: Path, name: str = "one", **more: Any) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "gristmill.synth_worker", "--recipe", str(recipe), "--lake", str(lake), "--worker", name]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **more)


def rows_of(lake: Path, name: str = "synth_answers") -> list[dict[str, Any]]:
    return DeltaTable(str(lake / name)).to_pyarrow_table().to_pylist()


def outcome(lake: Path) -> list[tuple[str, int, str | None, str | None]]:
    """What must not depend on faults and kills: the closing rows, sorted."""
    return sorted((row["request_id"], row["ordinal"], row["parsed"], row["error"]) for row in rows_of(lake) if row["step"] == "result")
