"""Right against wrong chains of thought: the counting by hand, and the way through a real model where one is at hand."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.jobs import cli
from gristmill.synth_worker.errors import RecipeError
from gristmill.synth_worker.validate import ppl, token_losses
from gristmill.synth_worker.validate.chain_pairs import (
    Losses,
    Pair,
    Scored,
    as_losses,
    choose,
    figures,
    first_divergence,
    interval,
    is_length_matched,
    summary,
    tidy,
    words_for,
)

ROOT = Path(__file__).resolve().parents[3]
PYTHON, MODEL = ROOT / ".venv-worker/bin/python", ROOT / "models/smollm2-135m-instruct"
HERE = pytest.mark.skipif(not PYTHON.is_file() or not (MODEL / "config.json").is_file(), reason="needs `make worker` (.venv-worker and models/smollm2-135m-instruct)")
ROWS = [
    ("What is 2 + 3?", "2 + 3 = 5.\nA: 5", "2 + 3 = 6.\nA: 6"),
    ("What is 4 + 4?", "4 + 4 = 8.\nA: 8", "4 + 4 = 8."),  # one begins the other: no first difference
    ("Tom has 3 pens and buys 2 more. How many has he?", "3 + 2 = 5.\nA: 5", "3 - 2 = 1.\nA: 1"),
    ("树上有3只鸟，又飞来2只，一共几只？", "3加2等于5。\n答：5", "3加2等于9。\n答：9"),
]


def pair(name: str, question: str = "", kind: str = "k") -> Pair:
    return Pair(name, kind, question or f"q{name}", "right", "wrong")


def scored(name: str, right: float, wrong: float, lengths: tuple[int, int] = (10, 10), question: str = "", kind: str = "k") -> Scored:
    one, other = Losses(lengths[0], right, right * 2, None), Losses(lengths[1], wrong, wrong * 2, None)
    return Scored(pair(name, question, kind), one, other)


def test_two_chains_part_at_the_first_token_that_differs() -> None:
    assert first_divergence([5, 6, 7], [5, 9, 7]) == 1
    assert first_divergence([1], [2]) == 0
    assert first_divergence([5, 6], [5, 6, 7]) is None
    assert first_divergence([5, 6], [5, 6]) is None


def test_blanks_at_the_ends_of_lines_are_no_difference(tmp_path: Path) -> None:
    assert tidy("2 + 3 = 6.  \r\n\r\n  So 6. \n") == "2 + 3 = 6.\n\n  So 6."
    file = write_pairs(tmp_path / "pairs.parquet", [("q", "one\r\ntwo", "one  \r\nthree  ")])
    assert [(each.correct, each.wrong) for each in ppl.read_pairs(str(file), None)] == [("one\ntwo", "one\nthree")]
    assert [each.wrong for each in ppl.read_pairs(str(file), None, is_tidied=False)] == ["one  \r\nthree  "]


def test_the_three_losses_of_a_chain() -> None:
    # a question of three tokens (two of them scored) and a chain of two, which parts from the other at its second
    assert as_losses([4.0, 2.0, 1.0, 3.0], n_cot=2, divergence=1) == Losses(2, 2.5, 2.0, 3.0)
    assert as_losses([4.0, 2.0, 1.0, 3.0], n_cot=2, divergence=None).divergence is None


def test_lengths_match_within_a_tenth_of_the_longer() -> None:
    assert is_length_matched(90, 100)
    assert is_length_matched(100, 90)
    assert not is_length_matched(89, 100)
    assert is_length_matched(7, 7)


def test_a_choice_does_not_depend_on_the_order_of_the_rows() -> None:
    pairs = [pair(str(i)) for i in range(50)]
    chosen = choose(pairs, 10, seed=1)
    assert chosen == choose(reversed(pairs), 10, seed=1)
    assert chosen == choose(pairs, 20, seed=1)[:10]
    assert chosen != choose(pairs, 10, seed=2)
    assert len(choose(pairs, None, seed=1)) == 50


def test_the_interval_is_seeded_and_covers_what_theory_says() -> None:
    values = [float(i % 2) for i in range(400)]
    apart = [str(i) for i in range(400)]
    low, high = interval(values, apart, seed=3)
    assert (low, high) == interval(values, apart, seed=3)
    half = 1.96 * 0.5 / math.sqrt(400)
    assert (low, high) == pytest.approx((0.5 - half, 0.5 + half), abs=0.006)
    assert interval([2.0] * 5, list("abcde"), seed=3) == (2.0, 2.0)


def test_pairs_of_one_question_are_drawn_together() -> None:
    values = [float(i % 2) for i in range(400)]
    one_of_each = [f"{i % 2}{i // 40}" for i in range(400)]  # twenty questions, whose pairs all say the same
    low, high = interval(values, one_of_each, seed=3)
    wide = 1.96 * 0.5 / math.sqrt(20)
    assert (low, high) == pytest.approx((0.5 - wide, 0.5 + wide), abs=0.04)


def test_an_interval_that_holds_nought_is_called_noise() -> None:
    assert words_for(0.01, 0.2, 50) == "the correct chains are the likelier"
    assert words_for(-0.2, -0.01, 50) == "the wrong chains are the likelier"
    assert words_for(-0.1, 0.2, 50) == words_for(0.0, 0.2, 50) == "within noise: the interval holds 0"
    assert words_for(0.01, 0.2, 9).startswith("too few to say")


def test_figures_of_rows_written_by_hand() -> None:
    rows = [scored(f"a{i}", 1.0, 1.5) for i in range(12)]
    rows += [scored("tie", 1.0, 1.0), scored("b0", 2.0, 1.0, (10, 20), kind="long"), scored("b1", 2.0, 1.0, (10, 20), kind="long")]
    found = figures(rows, "whole_text", seed=1)
    assert found is not None
    assert (found["n"], found["questions"], found["correct_likelier"]) == (15, 15, 0.8), "a tie is no success"
    assert found["mean_difference"] == round((12 * 0.5 - 2 * 1.0) / 15, 4)
    assert figures(rows, "divergence", seed=1) is None, "no chain parts from the other"
    whole = summary(rows, seed=1)
    assert whole["length_matched"]["cot"]["n"] == 13
    assert whole["length_matched"]["cot"]["mean_difference"] == round(12 * 1.0 / 13, 4)
    assert whole["by_kind"]["long"]["cot"]["mean_difference"] == -2.0
    assert whole["by_kind"]["long"]["cot"]["says"].startswith("too few to say")
    assert whole["wrong_longer_tokens"] == round(20 / 15, 2)


def test_texts_of_like_length_share_a_pass_and_none_is_lost() -> None:
    lengths = [5, 100, 6, 99, 300, 7]
    found = list(token_losses.batches(lengths, most=200))
    assert found == [[0, 2, 5], [3, 1], [4]], "a text that is too long for a pass has one of its own"
    assert list(token_losses.batches([], most=200)) == []


def write_pairs(path: Path, rows: list[tuple[str, str, str]]) -> Path:
    columns = {"question": [row[0] for row in rows], "correct_cot": [row[1] for row in rows], "adversarial_cot": [row[2] for row in rows]}
    pq.write_table(pa.table({**columns, "kind": ["sum", "cut", "sum", "zh"][: len(rows)]}), path)
    return path


def test_what_is_wrong_with_a_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="not readable as Parquet"):
        ppl.read_pairs(str(tmp_path / "none.parquet"), None)
    pq.write_table(pa.table({"question": ["q"], "cot": ["c"]}), tmp_path / "half.parquet")
    with pytest.raises(RecipeError, match="no column correct_cot, adversarial_cot; it has: question, cot"):
        ppl.read_pairs(str(tmp_path / "half.parquet"), None)
    good = write_pairs(tmp_path / "pairs.parquet", ROWS)
    assert [each.kind for each in ppl.read_pairs(str(good), "sum")] == ["sum", "sum"]
    with pytest.raises(RecipeError, match=r"no pair of kind 'x' \(there are: cut, sum, zh\)"):
        ppl.read_pairs(str(good), "x")
    empty = write_pairs(tmp_path / "empty.parquet", [*ROWS[:1], ("q", "", "c")])
    with pytest.raises(RecipeError, match="pair 1: question or chain is empty"):
        ppl.read_pairs(str(empty), None)


def test_the_command_starts_the_program_and_hands_its_exit_code_on(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", "ppl", "--pairs", str(tmp_path / "none.parquet"), "--model", "nowhere"]) == 2
    assert "not readable as Parquet" in capfd.readouterr().err


@HERE
def test_a_real_model_scores_four_pairs(tmp_path: Path) -> None:
    pairs, out = write_pairs(tmp_path / "pairs.parquet", ROWS), tmp_path / "rows.jsonl"
    command = [str(PYTHON), "-m", "gristmill.synth_worker.validate.ppl", "--pairs", str(pairs), "--model", str(MODEL), "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["n"], found["too_long"], found["all"]["cot"]["n"], found["all"]["divergence"]["n"]) == (4, 0, 4, 3)
    assert found["all"]["cot"]["says"].startswith("too few to say")
    rows = {row["id"]: row for row in map(json.loads, out.read_text().splitlines())}
    assert all(0 < row[side][name] < 20 for row in rows.values() for side in ("correct", "adversarial") for name in ("whole_text", "cot"))
    assert rows["1"]["correct"]["divergence"] is None
    assert rows["1"]["correct"]["n_tokens"] > rows["1"]["adversarial"]["n_tokens"]
    for name in ("0", "2"):  # small sums even this model knows
        assert rows[name]["correct"]["cot"] < rows[name]["adversarial"]["cot"]


@HERE
def test_company_in_a_pass_changes_no_loss_and_the_library_says_the_same(tmp_path: Path) -> None:
    script = f"""
import json, torch
from gristmill.synth_worker.validate.token_losses import CausalModel
model = CausalModel({str(MODEL)!r})
texts = [model.ids(text, opens=True) for text in ("The cat sat.", "A much longer sentence about ships, harbours and the tide of the sea.", "水手出海前要查潮汐表。")]
together = model.losses(texts)
alone = [model.losses([text])[0] for text in texts]
rows = [torch.tensor([text]) for text in texts]
library = [float(model.model(input_ids=row, labels=row).loss) for row in rows]
print(json.dumps([together, alone, library]))
"""
    done = subprocess.run([str(PYTHON), "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=600, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr[-3000:]
    together, alone, library = json.loads(done.stdout.splitlines()[-1])
    for one, other, theirs in zip(together, alone, library, strict=True):
        assert one == pytest.approx(other, abs=1e-3)
        assert sum(one) / len(one) == pytest.approx(theirs, abs=1e-3)


def test_without_the_packages_the_next_step_is_told(tmp_path: Path) -> None:
    pairs = write_pairs(tmp_path / "pairs.parquet", ROWS[:1])
    blocked = "import sys; sys.modules['torch'] = None; from gristmill.synth_worker.validate.ppl import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run([sys.executable, "-c", blocked, "--pairs", str(pairs), "--model", "nowhere"], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 2
    assert "run `make worker`" in done.stderr
