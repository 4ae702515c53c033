"""What benchmarks.scaled_corpus makes: a function of the seed, with the duplicates that it says."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks import scaled_corpus

WORDS = "river mill wheel stone flour grain sack barn field horse cart road bridge village winter summer".split()
HAN = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏闰余成岁律吕调阳"


def sentence(number: int, lang: str) -> str:
    if lang == "zh":
        return "".join(HAN[(number * 7 + i * i + number // 3) % len(HAN)] for i in range(20)) + "。"
    return " ".join(WORDS[(number * 5 + i * i + number // 4) % len(WORDS)] for i in range(12)).capitalize() + f" {number}."


@pytest.mark.parametrize("seed", [7, 8])
def test_kinds_are_what_the_truth_says(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = {"text": [], "lang_hint": [], "domain": []}
    for lang in ("en", "zh"):
        rows["text"].append("\n".join(sentence(number, lang) for number in range(400)))
        rows["lang_hint"].append(lang)
        rows["domain"].append("web")
    pq.write_table(pa.table(rows), tmp_path / "docs.parquet")
    found = {}
    for out in ("one", "two"):
        given = ["x", "--docs", str(tmp_path / "docs.parquet"), "--out", str(tmp_path / out), "--n", "400"]
        monkeypatch.setattr(sys, "argv", [*given, "--seed", str(seed)])
        scaled_corpus.main()
        found[out] = pq.read_table(tmp_path / out).to_pylist()
    assert found["one"] == found["two"]
    texts = {row["id"]: row["text"] for row in found["one"]}
    truth = pq.read_table(tmp_path / "one_truth").to_pylist()
    assert {row["kind"] for row in truth} == {"unique", "exact_dup", "near_dup"}
    for row in truth:
        parent = texts.get(row["parent_id"])
        assert (parent is None) == (row["kind"] == "unique")
        assert (texts[row["id"]] == parent) == (row["kind"] == "exact_dup")
        assert (row["n_edits"] > 0) == (row["kind"] == "near_dup")
