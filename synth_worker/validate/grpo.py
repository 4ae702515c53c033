"""Can a model learn from the questions by reinforcement: does its reward rise on held-out questions?

reads   a Parquet file: question, correct_cot, adversarial_cot; optional: id, kind
run     python -m gristmill.synth_worker.validate.grpo --pairs pairs.parquet --model
        models/smollm2-135m-instruct

Two arms take the same steps of TRL's GRPOTrainer from the same model on the same questions. One gets a reward
that can be checked: 1 if the last number of the answer is that of the right chain, and FORM for a line `A:
number`. The control's reward is a hash of the answer, so its gain is chance. Reported are the mean reward and
its standard deviation in each step (where all answers to a question have the same reward, GRPO learns nothing
from it), and the reward on held-out questions before and after. The last line is JSON.
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

from gristmill.synth_worker.command_line import check_minimums, run_command, training_parser
from gristmill.synth_worker.validate.arms import (
    gains,
    means,
    print_result,
    run_arms,
    silence_libraries,
    split,
    train,
    trainer_settings,
)
from gristmill.synth_worker.validate.chain_pairs import Pair
from gristmill.synth_worker.validate.ppl import PROMPT, read_pairs
from gristmill.synth_worker.validate.token_losses import CausalModel

ARMS = ("checked", "chance")
FORM = 0.2  # of a reward; the answer is worth 1
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
LAST_LINE = re.compile(r"^A: *-?\$?\d[\d,.]*\s*$", re.MULTILINE)


def last_number(text: str) -> float | None:
    """The last number of a text, without commas between thousands; None where there is none."""
    # As a number: 1,000 and 1000.0 are the same answer.
    numbers = NUMBER.findall(text)
    return float(numbers[-1].replace(",", "")) if numbers else None


def reward(answer: str, expected: float) -> float:
    """The reward of an answer, 0 to 1 + FORM."""
    # A small reward for the form: a small model is seldom right, and equal rewards teach nothing.
    is_right = last_number(answer) == expected
    return float(is_right) + FORM * bool(LAST_LINE.search(answer))


def chance(answer: str, seed: int) -> float:
    """The reward of the control, 0 or 1: a hash of the answer, unrelated to its content."""
    # Not random: the same answer must have the same reward, as in the other arm.
    return float(hashlib.blake2b(f"{seed}|{answer}".encode(), digest_size=1).digest()[0] % 2)


def rewards_of(model: CausalModel, held_out: list[Pair], options: argparse.Namespace) -> list[float]:
    """Mean reward of `options.answers` sampled answers to each held-out question."""
    import torch

    # The same random numbers for every model, so that two of them differ by their weights only.
    torch.manual_seed(options.seed)
    model.model.eval()
    mean_rewards = []
    for pair in held_out:
        ids = torch.tensor([model.ids(PROMPT.format(question=pair.question), opens=True)])
        # Sampled at temperature 1 without top-k, as GRPO
        # samples: a greedy answer would have no spread.
        with torch.inference_mode():
            rows = model.model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                do_sample=True,
                temperature=1.0,
                top_k=0,
                num_return_sequences=options.answers,
                max_new_tokens=options.tokens,
                pad_token_id=model.tokenizer.pad_token_id or model.tokenizer.eos_token_id,
            )
        # Without the prompt: its numbers are no answer.
        answers = model.tokenizer.batch_decode(rows[:, ids.shape[1] :], skip_special_tokens=True)
        mean_rewards.append(fmean(reward(answer, last_number(pair.correct) or 0.0) for answer in answers))
    return mean_rewards


def trained(
    pairs: list[Pair], arm: str, seed: int, options: argparse.Namespace
) -> tuple[CausalModel, list[dict[str, float]]]:
    """The model after the steps, and for each step: mean reward, its standard deviation, the share of
    questions whose answers all have the same reward."""
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    # TRL passes the columns of the data set by name; only `expected` is used.
    def rewards(completions: list[str], expected: list[float], **_: Any) -> list[float]:
        return [
            reward(answer, number) if arm == "checked" else chance(answer, seed)
            for answer, number in zip(completions, expected, strict=True)
        ]

    # Loaded anew for each arm and seed: training changes the weights in place.
    model = CausalModel(options.model)
    rows = [
        {"prompt": PROMPT.format(question=pair.question), "expected": last_number(pair.correct)}
        for pair in pairs
    ]
    with tempfile.TemporaryDirectory() as folder:
        # One question a step: a batch is the answers to it.
        args = GRPOConfig(
            **trainer_settings(folder, seed, options),
            per_device_train_batch_size=options.answers,
            num_generations=options.answers,
            max_completion_length=options.tokens,
        )
        trainer = GRPOTrainer(
            model=model.model,
            reward_funcs=rewards,
            args=args,
            train_dataset=Dataset.from_list(rows),
            processing_class=model.tokenizer,
        )
        steps = train(trainer, "reward")
    return model, [
        {name: round(float(step[name]), 4) for name in ("reward", "reward_std", "frac_reward_zero_std")}
        for step in steps
    ]


def validate(options: argparse.Namespace) -> dict[str, Any]:
    """The result as printed. Raises RecipeError when too few right chains end in a number."""
    silence_libraries()
    # Without a number there is nothing that a reward could check.
    checkable = [
        pair for pair in read_pairs(options.pairs, options.kind) if last_number(pair.correct) is not None
    ]
    pairs, held_out = split(checkable, options.n, options.held, options.seed)
    began = time.monotonic()
    # Measured once: both arms start from this model.
    before = rewards_of(CausalModel(options.model), held_out, options)

    def run_arm(arm: str, seed: int) -> tuple[list[float], list[dict[str, float]]]:
        model, steps = trained(pairs, arm, seed, options)
        after, no_signal = (
            rewards_of(model, held_out, options),
            fmean(step["frac_reward_zero_std"] for step in steps),
        )
        print(
            f"{arm:<8} seed {seed}: held-out reward {fmean(before):.3f} -> {fmean(after):.3f}; "
            f"{no_signal:.0%} of the steps' questions taught nothing",
            flush=True,
        )
        return after, steps

    after, by_step = run_arms(ARMS, options, run_arm)
    return {
        "pairs": Path(options.pairs).name,
        "model": Path(options.model).name,
        "n": len(pairs),
        "held": len(held_out),
        "steps": options.steps,
        "answers": options.answers,
        "tokens": options.tokens,
        "rate": options.rate,
        "seeds": options.seeds,
        "seconds": round(time.monotonic() - began, 1),
        "reward_before": round(fmean(before), 4),
        "reward_after": means(after),
        "by_step": by_step,
        **gains(before, after, [pair.question for pair in held_out], options.seed),
    }


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code (see gristmill.synth_worker.errors)."""
    parser = training_parser("validate.grpo", __doc__, questions=16, rate=5e-6, seeds=1)
    parser.add_argument("--answers", type=int, default=4, help="answers to a question (default %(default)s)")
    parser.add_argument("--tokens", type=int, default=64, help="tokens of an answer (default %(default)s)")
    options = parser.parse_args(argv)

    def command() -> None:
        check_minimums(options, n=1, held=1, steps=1, answers=2, tokens=1, seeds=1)
        result = validate(options)
        lines = {f"{arm} reward: after less before": result["gain"][arm] for arm in ARMS}
        print_result({**lines, "checked arm less control": result["checked_less_chance"]}, "", result)

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
