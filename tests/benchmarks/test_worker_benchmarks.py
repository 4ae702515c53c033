"""What the pages of the two benchmarks say can be measured again."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.alignment import KINDS

TEXT = "Tides rise twice a day. The moon pulls the sea. The sun pulls too, but less. Sailors read tables. Harbours print them each year. "


def run(*words: str) -> dict:
    done = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def test_the_alignment_benchmark_measures_every_kind(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [f"{TEXT}Port no. {i} is open. {TEXT[::-1]}" for i in range(8)]}), tmp_path / "x.parquet")
    told = run("benchmarks.alignment", "--data", str(tmp_path / "x.parquet"), "--n", "5")
    assert told["documents"] == 5
    assert set(told["kinds"]) == set(KINDS)
    assert all(row["coverage"] == 1.0 for row in told["kinds"].values())
    assert told["kinds"]["clean"]["f1"] > 0.9


def test_the_worker_benchmark_counts_calls_and_tokens(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [TEXT * 4 + str(i) for i in range(20)]}), tmp_path / "x.parquet")
    told = run("benchmarks.worker", "fake", "--data", str(tmp_path / "x.parquet"), "--n", "20", "--port", "8231")
    assert told["documents"] == 20
    assert told["calls"] >= 20 * 4
    assert told["tokens"] == told["calls"] * 120
    assert 0 < told["bare_cpu_ms_per_call"] < told["cpu_ms_per_call"]  # a client that only asks costs less, and did ask


def test_the_fake_server_draws_the_lengths_that_were_recorded(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [TEXT * 4 + str(i) for i in range(6)]}), tmp_path / "x.parquet")
    lengths = {"segment": [50], "summary": [30, 32], "cot": [100], "question": [20]}
    (tmp_path / "l.jsonl").write_text("".join(json.dumps({"step": step, "tokens": tokens}) + "\n" for step, tokens in lengths.items()))
    told = run("benchmarks.worker", "fake", "--data", str(tmp_path / "x.parquet"), "--n", "6", "--port", "8232", "--lengths", str(tmp_path / "l.jsonl"))
    assert told["calls"] == 6 * 6  # the text is one line: the marker of its first words, said in each of three attempts, leaves one segment
    assert 6 * (3 * 50 + 30 + 100 + 20) <= told["tokens"] <= 6 * (3 * 50 + 32 + 100 + 20)
