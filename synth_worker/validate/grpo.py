"""Can a model learn from the questions by reinforcement: does its reward rise on questions it never saw?

reads   a Parquet file: question, correct_cot, adversarial_cot; id and kind where they are there
run     python -m gristmill.synth_worker.validate.grpo --pairs pairs.parquet --model
        models/smollm2-135m-instruct

Two arms take the same steps of TRL's GRPOTrainer from the same model on the same questions. One is rewarded
for what can be checked: 1 for the number in which the right chain ends, as the last number of the answer, and
FORM for ending in a line `A: number`. The control's reward is a hash of the answer, so that what it gains is
chance. Told are each step's mean reward and its spread (where all answers to a question earn the same,
nothing is learnt from it), and the reward on held-out questions before and after. The last line is JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean
from typing import Any

from gristmill.synth_worker.command_line import at_least, ended
from gristmill.synth_worker.validate.arms import (
    arms_parser,
    gains,
    history,
    means,
    over_seeds,
    quiet,
    settings,
    split,
    tell,
)
from gristmill.synth_worker.validate.chain_pairs import Pair
from gristmill.synth_worker.validate.ppl import PROMPT, read_pairs
from gristmill.synth_worker.validate.token_losses import CausalModel

ARMS = ("checked", "chance")
FORM = 0.2  # of a reward; the answer is worth 1
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
LAST_LINE = re.compile(r"^A: *-?\$?\d[\d,.]*\s*$", re.MULTILINE)


def last_number(text: str) -> float | None:
    """The last number of a text, thousands' commas aside."""
    found = NUMBER.findall(text)
    return float(found[-1].replace(",", "")) if found else None


def reward(answer: str, wanted: float) -> float:
    """What an answer earns."""
    is_right = last_number(answer) == wanted
    return float(is_right) + FORM * bool(LAST_LINE.search(answer))


def chance(answer: str, seed: int) -> float:
    """A number that says nothing of the answer: 0 or 1."""
    return float(hashlib.blake2b(f"{seed}|{answer}".encode(), digest_size=1).digest()[0] % 2)


def rewards_of(model: CausalModel, held: list[Pair], given: argparse.Namespace) -> list[float]:
    """Mean reward of `answers` sampled answers to each held-out question, the draws the same for every
    model."""
    import torch

    torch.manual_seed(given.seed)
    model.model.eval()
    found = []
    for pair in held:
        ids = torch.tensor([model.ids(PROMPT.format(question=pair.question), opens=True)])
        with torch.inference_mode():
            rows = model.model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=True,
                temperature=1.0,
                top_k=0,
                num_return_sequences=given.answers,
                max_new_tokens=given.tokens,
                pad_token_id=model.tokenizer.pad_token_id or model.tokenizer.eos_token_id,
            )
        told = model.tokenizer.batch_decode(rows[:, ids.shape[1] :], skip_special_tokens=True)
        found.append(fmean(reward(answer, last_number(pair.correct) or 0.0) for answer in told))
    return found


def trained(
    pairs: list[Pair], arm: str, seed: int, given: argparse.Namespace
) -> tuple[CausalModel, list[dict[str, float]]]:
    """The model after the steps, and of each step: mean reward, its spread, the share of questions whose
    answers all earn the same."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    def earned(completions: list[str], wanted: list[float], **_: Any) -> list[float]:
        return [
            reward(answer, number) if arm == "checked" else chance(answer, seed)
            for answer, number in zip(completions, wanted, strict=True)
        ]

    model = CausalModel(given.model)
    rows = [
        {"prompt": PROMPT.format(question=pair.question), "wanted": last_number(pair.correct)}
        for pair in pairs
    ]
    with tempfile.TemporaryDirectory() as home:
        args = GRPOConfig(
            **settings(home, seed, given),
            per_device_train_batch_size=given.answers,
            num_generations=given.answers,
            max_completion_length=given.tokens,
        )
        trainer = GRPOTrainer(
            model=model.model,
            reward_funcs=earned,
            args=args,
            train_dataset=Dataset.from_list(rows),
            processing_class=model.tokenizer,
        )
        steps = history(trainer, "reward")
    return model, [
        {name: round(float(step[name]), 4) for name in ("reward", "reward_std", "frac_reward_zero_std")}
        for step in steps
    ]


def validate(given: argparse.Namespace) -> dict[str, Any]:
    """The whole answer. Raises RecipeError when too few questions end in a number."""
    quiet()
    checkable = [
        pair for pair in read_pairs(given.pairs, given.kind) if last_number(pair.correct) is not None
    ]
    pairs, held = split(checkable, given.n, given.held, given.seed)
    began = time.monotonic()
    before = rewards_of(CausalModel(given.model), held, given)

    def one(arm: str, seed: int) -> tuple[list[float], list[dict[str, float]]]:
        model, steps = trained(pairs, arm, seed, given)
        after, flat = rewards_of(model, held, given), fmean(step["frac_reward_zero_std"] for step in steps)
        print(
            f"{arm:<8} seed {seed}: held-out reward {fmean(before):.3f} -> {fmean(after):.3f}; "
            f"{flat:.0%} of the steps' questions taught nothing",
            flush=True,
        )
        return after, steps

    after, by_step = over_seeds(ARMS, given, one)
    return {
        "pairs": Path(given.pairs).name,
        "model": Path(given.model).name,
        "n": len(pairs),
        "held": len(held),
        "steps": given.steps,
        "answers": given.answers,
        "tokens": given.tokens,
        "rate": given.rate,
        "seeds": given.seeds,
        "seconds": round(time.monotonic() - began, 1),
        "reward_before": round(fmean(before), 4),
        "reward_after": means(after),
        "by_step": by_step,
        **gains(before, after, [pair.question for pair in held], given.seed),
    }


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code (see gristmill.synth_worker.errors)."""
    parser = arms_parser("validate.grpo", __doc__, questions=16, rate=5e-6, seeds=1)
    parser.add_argument("--answers", type=int, default=4, help="answers sampled for a question (default 4)")
    parser.add_argument("--tokens", type=int, default=64, help="tokens of an answer at the most (default 64)")
    given = parser.parse_args(argv)

    def does() -> None:
        at_least(given, n=1, held=1, steps=1, answers=2, tokens=1, seeds=1)
        found = validate(given)
        lines = {f"{arm} reward: after less before": found["gain"][arm] for arm in ARMS}
        tell({**lines, "checked arm less control": found["checked_less_chance"]}, "", found)

    return ended(does)


if __name__ == "__main__":
    sys.exit(main())
