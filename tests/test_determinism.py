"""The same rows, in other files, another order and other partitions, on either line of Spark: the same corpus."""

from __future__ import annotations

import hashlib
import json
import random
from pathlib import Path
from typing import Any

import pytest

from jobs import curate
from jobs.core.lake import Lake
from jobs.core.tables import CORPUS
from tests.lakes import demo_recipe, read

pytestmark = pytest.mark.spark
# What the corpus of ROWS hashes to; both lines of Spark run this file, so they agree byte for byte. A change of the demo's text,
# of a measure, a limit or the ranking moves it: put the new value here, and say in the commit why it moved.
# The learnt columns are held to `moved == plain` only: BLAS sums in another order on another kind of processor.
LEARNT = ("quality", "quality_bin", "tier")
WANTED = "9b290b0fae8cdf176e74d5bc5b1ccce249cb328fe1d4263771562a4bfa43e2e1"


def rows_of(raw: Path) -> list[bytes]:
    """Good rows of the demo corpus, repeated documents among them, of one batch."""
    lines = [line for part in sorted(raw.rglob("part-*.jsonl")) for line in part.read_bytes().splitlines()]
    good: dict[str, bytes] = {}
    for line in lines:
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("text"), str) and isinstance(row.get("id"), str):
            good.setdefault(row["id"], line)  # of two versions of a document the place decides, and the place is what moves here
    return sorted(good.values())


def curated(spark: Any, home: Path, parts: list[list[bytes]], partitions: int) -> Lake:
    """The lake after the demo's curation of one batch in files of the given rows."""
    (home / "raw" / "batch-1").mkdir(parents=True)
    for i, rows in enumerate(parts):
        (home / "raw" / "batch-1" / f"rows-{i}.jsonl").write_bytes(b"".join(row + b"\n" for row in rows))
    before = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", str(partitions))
    try:
        curate.curate(demo_recipe(), str(home / "lake"), str(home / "raw"))
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", before)
    return Lake(spark, str(home / "lake"))


def fingerprint(lake: Lake, without: tuple[str, ...] = ()) -> str:
    """Hash over the sorted rows of corpus, every column of them but those named."""
    rows = sorted(json.dumps({name: value for name, value in row.asDict().items() if name not in without}, sort_keys=True, ensure_ascii=False) for row in read(lake, CORPUS))
    return hashlib.sha256("\n".join(rows).encode()).hexdigest() if rows else "empty"


def test_order_files_partitions_and_the_line_of_spark_do_not_move_the_corpus(spark: Any, demo_raw: Path, tmp_path: Path) -> None:
    rows = rows_of(demo_raw)
    assert len(rows) > 60
    lake = curated(spark, tmp_path / "plain", [rows], 3)
    plain = fingerprint(lake)
    shuffled = random.Random(7).sample(rows, len(rows))
    moved = fingerprint(curated(spark, tmp_path / "moved", [shuffled[:20], shuffled[20:21], shuffled[21:]], 7))
    assert moved == plain
    assert fingerprint(lake, LEARNT) == WANTED
