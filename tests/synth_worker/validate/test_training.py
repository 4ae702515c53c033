"""Training as validation: a tiny model learns what it is taught, the control does not, and the counting is right."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gristmill.jobs import cli
from gristmill.synth_worker.errors import RecipeError
from gristmill.synth_worker.validate.arms import compare, split, verdict
from gristmill.synth_worker.validate.chain_pairs import Pair
from gristmill.synth_worker.validate.grpo import FORM, chance, last_number, reward
from gristmill.synth_worker.validate.lm import Doc, hold_out, stream
from tests.synth_worker.validate.test_ppl import MODEL, PYTHON, ROOT

HAS_TRL = PYTHON.is_file() and (MODEL / "config.json").is_file() and any((ROOT / ".venv-worker/lib").glob("python3*/site-packages/trl"))
HERE = pytest.mark.skipif(not HAS_TRL, reason="needs `make worker` (.venv-worker with TRL, and models/smollm2-135m-instruct)")
TINY = """
import sys, torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
torch.manual_seed(1)
config = AutoConfig.from_pretrained(sys.argv[1])
config.num_hidden_layers, config.hidden_size, config.intermediate_size, config.num_attention_heads, config.num_key_value_heads, config.head_dim = 1, 64, 64, 2, 2, 32
if getattr(config, "layer_types", None): config.layer_types = config.layer_types[:1]
AutoModelForCausalLM.from_config(config).save_pretrained(sys.argv[2])
AutoTokenizer.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[2])
"""


def run(*command: str) -> str:
    done = subprocess.run([str(PYTHON), *command], cwd=ROOT, capture_output=True, text=True, timeout=900, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of one layer that knows nothing, with the real one's tokenizer."""
    folder = tmp_path_factory.mktemp("tiny")
    run("-c", TINY, str(MODEL), str(folder))
    return folder


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty questions; every right chain ends in one way and every wrong one in another."""
    path = tmp_path_factory.mktemp("pairs") / "pairs.parquet"
    rows = [{"question": f"What is {i} + 1?", "correct_cot": f"Add one, so it is sure.\nA: {i + 1}", "adversarial_cot": f"Take away, never mind.\nA: {i - 1}"} for i in range(40)]
    pq.write_table(pa.Table.from_pylist(rows), path)
    return path


def test_no_question_is_both_learnt_and_measured() -> None:
    given = [Pair(str(i), "k", f"q{i % 20}", "right", "wrong") for i in range(60)]
    learnt, held = split(given, 12, 8, seed=3)
    assert len({pair.question for pair in learnt}) == 12
    assert len({pair.question for pair in held}) == 8
    assert not {pair.question for pair in learnt} & {pair.question for pair in held}
    assert split(list(reversed(given)), 12, 8, seed=3) == (learnt, held)
    with pytest.raises(RecipeError, match="20 questions, wanted 16 to train on and 5 held out"):
        split(given, 16, 5, seed=3)


def test_arms_are_compared_text_by_text() -> None:
    names = [f"q{i}" for i in range(12)]
    found = compare([[1.0] * 12, [2.0] * 12], [[0.5] * 12, [0.5] * 12], names, seed=1)
    assert (found["mean"], found["mean_95"], found["seeds"], found["says"]) == (1.0, [1.0, 1.0], [0.5, 1.5], "above noise over texts; 2 seeds from +0.500 to +1.500")
    assert verdict(-1.0, -0.5, 12, [-0.7]) == "below noise over texts; one seed only"
    assert verdict(-1.0, 0.5, 12, [1.0]) == "within noise: the interval holds 0"
    assert verdict(0.1, 0.5, 12, [1.0, -0.4]) == "within noise: the seeds do not agree"
    assert verdict(1.0, 2.0, 3, [1.5]).startswith("too few")


def test_a_reward_is_for_the_last_number_and_its_form() -> None:
    assert last_number("3 pens at $1,200.50 each") == 1200.5
    assert last_number("none") is None
    assert reward("so 2 and 3.\nA: 5", 5.0) == 1 + FORM
    assert reward("it is 5", 5.0) == 1
    assert reward("A: 4", 5.0) == FORM
    assert reward("no idea", 5.0) == 0
    drawn = [chance(f"answer {i}", 1) for i in range(400)]
    assert set(drawn) == {0.0, 1.0}
    assert 140 < sum(drawn) < 260


def test_a_flag_of_another_question_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["validate", "ppl", "--pairs", "x", "--model", "y", "--steps", "3"]) == 2
    assert "does not take --steps" in capsys.readouterr().err


@HERE
def test_each_arm_comes_to_prefer_what_it_was_taught(tiny: Path, pairs: Path) -> None:
    told = run("-m", "gristmill.synth_worker.validate.sft", "--pairs", str(pairs), "--model", str(tiny), "--n", "20", "--held", "12", "--steps", "15", "--rate", "1e-2", "--seeds", "2")
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    assert found["correct_less_wrong"]["says"].startswith("above noise")
    assert found["gain"]["correct"]["says"].startswith("above noise")
    assert found["gain"]["wrong"]["says"].startswith("below noise")
    assert all(len(losses) == 15 and losses[-1] < losses[0] for arm in found["training_loss"].values() for losses in arm)
    for i, seed_mean in enumerate(found["correct_less_wrong"]["seeds"]):
        assert seed_mean == pytest.approx(found["margin_after"]["correct"][i] - found["margin_after"]["wrong"][i], abs=2e-4)


@HERE
def test_reinforcement_tells_every_step_and_says_when_nothing_could_be_learnt(tiny: Path, pairs: Path) -> None:
    told = run("-m", "gristmill.synth_worker.validate.grpo", "--pairs", str(pairs), "--model", str(tiny), "--n", "4", "--held", "10", "--steps", "2", "--answers", "2", "--tokens", "6")
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    assert {arm: [len(steps) for steps in runs] for arm, runs in found["by_step"].items()} == {"checked": [2], "chance": [2]}
    assert all(0 <= step["reward"] <= 1 + FORM and 0 <= step["frac_reward_zero_std"] <= 1 for runs in found["by_step"].values() for steps in runs for step in steps)
    assert found["reward_before"] < 0.2, "a model that knows nothing earns nothing"
    assert found["checked_less_chance"]["says"].startswith("within noise")


def test_copies_of_what_is_held_out_teach_neither_arm() -> None:
    kept = [Doc(f"k{i}", f"text {i}", "en", "web") for i in range(6)]
    raw = [*kept, Doc("c", "text 0 again", "?", "?"), Doc("d", "text 0 once more", "?", "?"), Doc("e", "text 1", "?", "?"), *(Doc(f"r{i}", f"raw {i}", "?", "?") for i in range(3))]
    held, left = hold_out(kept, raw, {("c", "k0"), ("d", "c"), ("r0", "k5")}, 6, seed=1)
    assert len(held) == 6
    assert left["kept"] == []
    assert {doc.id for doc in left["raw"]} == {"r1", "r2"}, "a copy, a copy of a copy, an equal text"
    assert stream([Doc("a", "é", "", ""), Doc("b", "xyz", "", "")], 5) == [256, 195, 169, 256, 120]


def test_what_is_held_out_of_two_corpora_stands_unchanged_in_both() -> None:
    kept = [Doc(f"k{i}", f"text {i}", "en", "web") for i in range(6)]
    other = [Doc("k0", "text 0", "en", "web"), Doc("k1", "text 1 and more", "en", "web"), Doc("o", "another", "en", "web"), Doc("copy", "text 0!", "en", "web")]
    held, left = hold_out(kept, other, {("copy", "k0")}, 6, seed=1, control_name="other")
    assert [doc.id for doc in held] == ["k0"]
    assert [doc.id for doc in left["kept"]] == ["k1", "k2", "k3", "k4", "k5"]
    assert [doc.id for doc in left["other"]] == ["k1", "o"]


@HERE
def test_a_model_of_kept_text_serves_clean_text_better_when_the_raw_is_half_noise(tmp_path: Path) -> None:
    import random

    from deltalake import write_deltalake

    draw = random.Random(3)
    words = "the old mill by the river grinds corn and wheat for every village near it while boats pass below".split()
    clean = [" ".join(draw.choices(words, k=60)) for _ in range(60)]
    noise = ["".join(chr(draw.randrange(33, 1200)) for _ in range(240)) for _ in range(60)]
    corpus = [{"doc_id": f"c{i}", "text": text, "lang": "en", "domain": "web"} for i, text in enumerate(clean)]
    docs = [{"doc_id": row["doc_id"], "text": row["text"]} for row in corpus] + [{"doc_id": f"n{i}", "text": text} for i, text in enumerate(noise)]
    for name, rows in (("corpus", corpus), ("docs", docs), ("duplicates", [{"doc_id": "n0", "dup_of": "n1"}])):
        write_deltalake(str(tmp_path / "lake" / name), pa.Table.from_pylist(rows))
    told = run("-m", "gristmill.synth_worker.validate.lm", "--lake", str(tmp_path / "lake"), "--tokens", "14000", "--held", "12", "--layers", "1", "--width", "32", "--batch", "4", "--seeds", "2")
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    assert found["held"] == 12
    assert all(len(losses) == 2 and max(losses) < 8 for losses in found["bits_per_byte"].values())
    assert found["raw_less_kept"]["all"]["says"].startswith("above noise")
    assert found["raw_less_kept"]["en web"]["n"] == 12
    for name, rows in (("corpus", corpus + [{**row, "lang": "en", "domain": "web"} for row in docs[60:]]), ("duplicates", [{"doc_id": "n0", "dup_of": "n1"}])):
        write_deltalake(str(tmp_path / "less_curated" / name), pa.Table.from_pylist(rows))
    told = run("-m", "gristmill.synth_worker.validate.lm", "--lake", str(tmp_path / "lake"), "--against", str(tmp_path / "less_curated"), "--tokens", "14000", "--held", "12", "--layers", "1", "--width", "32", "--batch", "4", "--seeds", "2")
    assert json.loads(told.splitlines()[-1])["other_less_kept"]["all"]["says"].startswith("above noise")
    done = subprocess.run([str(PYTHON), "-m", "gristmill.synth_worker.validate.lm", "--lake", str(tmp_path)], cwd=ROOT, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 2
    assert "no curated lake" in done.stderr
