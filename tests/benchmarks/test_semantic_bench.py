"""The figures of benchmarks.semantic, against their definitions on a few pairs."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.semantic import Judged, auc, figures, halves, jaccard, spearman

ROOT = Path(__file__).resolve().parents[2]


def test_auc_is_the_share_of_pairs_in_the_right_order_and_ties_count_half() -> None:
    score, truth = np.array([0.1, 0.4, 0.4, 0.9, 0.3]), np.array([False, True, False, True, False])
    pairs = [(a, b) for a in score[truth] for b in score[~truth]]
    assert auc(score, truth) == pytest.approx(sum((a > b) + 0.5 * (a == b) for a, b in pairs) / len(pairs))
    assert auc(score, np.ones(5, bool)) is None


def test_spearman_is_of_ranks_and_ties_share_theirs() -> None:
    assert spearman(np.array([1.0, 2.0, 30.0]), np.array([0.1, 0.2, 0.9])) == pytest.approx(1)
    assert spearman(np.array([1.0, 1.0, 2.0]), np.array([1.0, 2.0, 3.0])) == pytest.approx(np.corrcoef([1.5, 1.5, 3], [1, 2, 3])[0, 1])
    assert spearman(np.ones(3), np.array([1.0, 2.0, 3.0])) is None


def test_precision_recall_and_false_drops() -> None:
    yes, truth = np.array([True, True, False, False, False]), np.array([True, False, True, False, False])
    assert figures(yes, truth) == {"pairs": 5, "accepted": 2, "false": 1, "precision": 0.5, "recall": 0.5, "false_drops": 0.33333}
    assert figures(~yes & yes, truth)["precision"] is None


def test_graded_sets_count_from_four_of_five_points_on_and_halves_do_not_depend_on_the_order() -> None:
    sets, n = ["sts_en", "sts_en", "sick", "sick", "lcqmc", "lcqmc"], 6
    pairs = Judged(np.array(sets, object), np.array(["en"] * 4 + ["zh"] * 2, object), [f"a{i}" for i in range(n)], [f"b{i}" for i in range(n)], np.array([0.79999995, 0.79, 0.75, 0.74, 1.0, 0.0]))
    assert pairs.truth.tolist() == [True, False, True, False, True, False]
    back = Judged(pairs.sets[::-1], pairs.langs[::-1], pairs.other[::-1], pairs.one[::-1], pairs.labels[::-1])
    assert halves(pairs).tolist() == halves(back).tolist()[::-1]
    assert jaccard("a b c d e f", "a b c d e g") == pytest.approx(1 / 3)


def test_the_command_ends_with_one_line_of_json(tmp_path: Path) -> None:
    rows = [
        ("pawsx_en", "en", "The old mill was sold in 1950.", "An old mill was sold in 1950.", 1.0),
        ("pawsx_en", "en", "Anna met Maude in Paris.", "Maude met Anna in Paris.", 0.0),
        ("lcqmc", "zh", "请问怎么样删除手机里的旧照片", "如何删除手机里的旧照片呢？", 1.0),
        ("lcqmc", "zh", "北京到上海的高铁要坐多长时间", "上海到北京的高铁要坐多长时间", 0.0),
    ]
    columns = dict(zip(("set", "lang", "text_a", "text_b", "label"), map(list, zip(*rows, strict=True)), strict=True))
    pq.write_table(pa.table(columns), tmp_path / "pairs.parquet")
    done = subprocess.run([sys.executable, "-m", "benchmarks.semantic", "--pairs", str(tmp_path / "pairs.parquet")], cwd=ROOT, capture_output=True, text=True, timeout=300, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    for lang, name in (("en", "pawsx_en"), ("zh", "lcqmc")):
        verified = told["verified"][lang]
        assert (verified["precision"], verified["recall"], verified["sets"][name]["false_drops"]) == (1.0, 1.0, 0.0)
        assert told["encoder"][lang]
