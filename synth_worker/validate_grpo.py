"""Can a model learn from the questions by reinforcement: does its reward rise on questions it never saw?

reads   a Parquet file: question, correct_cot, adversarial_cot; id and kind where they are there
run     python -m synth_worker.validate_grpo --pairs pairs.parquet --model models/smollm2-135m-instruct

Two arms take the same steps of TRL's GRPOTrainer from the same model on the same questions. One is rewarded for what can be checked: 1 for the
number in which the right chain ends, as the last number of the answer, and FORM for ending in a line `A: number`. The control's reward is a hash
of the answer, so that what it gains is chance. Told are each step's mean reward and its spread (where all answers to a question earn the same,
nothing is learnt from it), and the reward on held-out questions before and after. The last line is JSON.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from synth_worker.arms import compared, split
from synth_worker.errors import RecipeError, WorkerError
from synth_worker.pairs import Pair
from synth_worker.token_losses import CausalModel
from synth_worker.validate_ppl import PROMPT, read_pairs
from synth_worker.validate_sft import mean, quiet

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
    """Mean reward of `answers` sampled answers to each held-out question, the draws the same for every model."""
    import torch

    torch.manual_seed(given.seed)
    model.model.eval()
    found = []
    for pair in held:
        ids = torch.tensor([model.ids(PROMPT.format(question=pair.question), opens=True)])
        with torch.inference_mode():
            rows = model.model.generate(
                ids, attention_mask=torch.ones_like(ids), do_sample=True, temperature=1.0, top_k=0, num_return_sequences=given.answers,
                max_new_tokens=given.tokens, pad_token_id=model.tokenizer.pad_token_id or model.tokenizer.eos_token_id,
            )  # fmt: skip
        told = model.tokenizer.batch_decode(rows[:, ids.shape[1] :], skip_special_tokens=True)
        found.append(mean([reward(answer, last_number(pair.correct) or 0.0) for answer in told]))
    return found


def trained(pairs: list[Pair], arm: str, seed: int, given: argparse.Namespace) -> tuple[CausalModel, list[dict[str, float]]]:
    """The model after the steps, and of each step: mean reward, its spread, the share of questions whose answers all earn the same."""
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import GRPOConfig, GRPOTrainer

    def earned(completions: list[str], wanted: list[float], **_: Any) -> list[float]:
        return [reward(answer, number) if arm == "checked" else chance(answer, seed) for answer, number in zip(completions, wanted, strict=True)]

    model = CausalModel(given.model)
    rows = [{"prompt": PROMPT.format(question=pair.question), "wanted": last_number(pair.correct)} for pair in pairs]
    with tempfile.TemporaryDirectory() as home:
        settings = GRPOConfig(
            output_dir=home, max_steps=given.steps, per_device_train_batch_size=given.answers, num_generations=given.answers, max_completion_length=given.tokens,
            learning_rate=given.rate, seed=seed, data_seed=seed, use_cpu=True, bf16=False, gradient_checkpointing=False, save_strategy="no", report_to="none",
            logging_steps=1, disable_tqdm=True, dataloader_pin_memory=False,
        )  # fmt: skip
        trainer = GRPOTrainer(model=model.model, reward_funcs=earned, args=settings, train_dataset=Dataset.from_list(rows), processing_class=model.tokenizer)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    kept = [entry for entry in trainer.state.log_history if "reward" in entry]
    return model, [{name: round(float(entry[name]), 4) for name in ("reward", "reward_std", "frac_reward_zero_std")} for entry in kept]


def validate(given: argparse.Namespace) -> dict[str, Any]:
    """The whole answer. Raises RecipeError when too few questions end in a number."""
    quiet()
    checkable = [pair for pair in read_pairs(given.pairs, given.kind) if last_number(pair.correct) is not None]
    pairs, held = split(checkable, given.n, given.held, given.seed)
    began = time.monotonic()
    before, names = rewards_of(CausalModel(given.model), held, given), [pair.question for pair in held]
    after: dict[str, list[list[float]]] = {arm: [] for arm in ARMS}
    steps: dict[str, list[list[dict[str, float]]]] = {arm: [] for arm in ARMS}
    for seed in range(given.seed, given.seed + given.seeds):
        for arm in ARMS:
            model, told = trained(pairs, arm, seed, given)
            after[arm].append(rewards_of(model, held, given))
            steps[arm].append(told)
            flat = mean([step["frac_reward_zero_std"] for step in told])
            print(f"{arm:<8} seed {seed}: held-out reward {mean(before):.3f} -> {mean(after[arm][-1]):.3f}; {flat:.0%} of the steps' questions taught nothing", flush=True)
    start = [before] * given.seeds
    return {
        "pairs": Path(given.pairs).name, "model": Path(given.model).name, "n": len(pairs), "held": len(held), "steps": given.steps, "answers": given.answers,
        "tokens": given.tokens, "rate": given.rate, "seeds": given.seeds, "seconds": round(time.monotonic() - began, 1), "reward_before": round(mean(before), 4),
        "reward_after": {arm: [round(mean(row), 4) for row in rows] for arm, rows in after.items()}, "by_step": steps,
        "gain": {arm: compared(after[arm], start, names, given.seed) for arm in ARMS}, "checked_less_chance": compared(after["checked"], after["chance"], names, given.seed),
    }  # fmt: skip


def tell(found: dict[str, Any]) -> None:
    """A few lines for people, then the JSON line."""
    rows = [(f"{arm} reward: after less before", found["gain"][arm]) for arm in ARMS] + [("checked arm less control", found["checked_less_chance"])]
    for name, each in rows:
        print(f"{name:<36} {each['mean']:+.4f} [{each['mean_95'][0]:+.4f}, {each['mean_95'][1]:+.4f}] over {each['n']} questions: {each['says']}")
    print(json.dumps(found, ensure_ascii=False))


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code (see synth_worker.errors)."""
    parser = argparse.ArgumentParser(prog="python -m synth_worker.validate_grpo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", required=True, help="Parquet file of pairs")
    parser.add_argument("--model", required=True, help="folder of a Hugging Face causal language model")
    parser.add_argument("--n", type=int, default=16, help="questions to learn from (default 16)")
    parser.add_argument("--held", type=int, default=16, help="questions held out (default 16)")
    parser.add_argument("--kind", help="pairs of this kind only")
    parser.add_argument("--steps", type=int, default=6, help="optimizer steps, one question each (default 6)")
    parser.add_argument("--answers", type=int, default=4, help="answers sampled for a question (default 4)")
    parser.add_argument("--tokens", type=int, default=64, help="tokens of an answer at the most (default 64)")
    parser.add_argument("--rate", type=float, default=5e-6, help="learning rate, falling to 0 (default 5e-6)")
    parser.add_argument("--seed", type=int, default=7, help="first seed; also of the choice, the draws and the bootstrap (default 7)")
    parser.add_argument("--seeds", type=int, default=1, help="runs of each arm (default 1)")
    given = parser.parse_args(argv)
    try:
        least = {"n": 1, "held": 1, "steps": 1, "answers": 2, "tokens": 1, "seeds": 1}
        low = [name for name, most in least.items() if getattr(given, name) < most]
        if low:
            raise RecipeError(f"--{low[0]} {getattr(given, low[0])}: wanted {least[low[0]]} or more")
        tell(validate(given))
    except WorkerError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
