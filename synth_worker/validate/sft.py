"""Does a model that is trained on right chains of thought come to find right chains likelier, on questions it
never saw?

reads   a Parquet file: question, correct_cot, adversarial_cot; id and kind where they are there
run     python -m gristmill.synth_worker.validate.sft --pairs pairs.parquet --model
        models/smollm2-135m-instruct

Two arms start from the same model and take the same steps of TRL's SFTTrainer on the same questions in the
same order: one learns the right chains, the control the wrong ones. Measured on held-out questions is the
margin (loss of the wrong chain less loss of the right one, nats per token, given the question), before and
after. Only the difference of the two arms speaks of the chains: what both gain is that they learn the form.
The last line is JSON.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean
from typing import Any

from gristmill.synth_worker.command_line import at_least, ended
from gristmill.synth_worker.errors import RecipeError
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
from gristmill.synth_worker.validate.ppl import PROMPT, read_pairs, score
from gristmill.synth_worker.validate.token_losses import CausalModel

ARMS = ("correct", "wrong")


def margins(model: CausalModel, held: list[Pair]) -> tuple[list[float], list[str]]:
    """The margin of each held-out pair that fits the model, and its question."""
    found = [(each.difference("cot"), each.pair.question) for each in score(held, model)[0]]
    told = [(value, question) for value, question in found if value is not None]
    if not told:
        raise RecipeError("no held-out pair fits the model's context; name another model")
    return [value for value, _ in told], [question for _, question in told]


def trained(
    pairs: list[Pair], arm: str, seed: int, given: argparse.Namespace
) -> tuple[CausalModel, list[float]]:
    """The model after the steps, and the training loss of each step."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    model = CausalModel(given.model)
    rows = [
        {"prompt": PROMPT.format(question=pair.question), "completion": getattr(pair, arm)} for pair in pairs
    ]
    with tempfile.TemporaryDirectory() as home:
        args = SFTConfig(
            **settings(home, seed, given),
            per_device_train_batch_size=given.batch,
            max_length=model.longest,
            completion_only_loss=True,
        )
        steps = history(
            SFTTrainer(
                model=model.model,
                args=args,
                train_dataset=Dataset.from_list(rows),
                processing_class=model.tokenizer,
            ),
            "loss",
        )
    model.model.eval()
    return model, [round(step["loss"], 4) for step in steps]


def validate(given: argparse.Namespace) -> dict[str, Any]:
    """The whole answer."""
    quiet()
    pairs, held = split(read_pairs(given.pairs, given.kind), given.n, given.held, given.seed)
    began = time.monotonic()
    before, questions = margins(CausalModel(given.model), held)

    def one(arm: str, seed: int) -> tuple[list[float], list[float]]:
        model, lost = trained(pairs, arm, seed, given)
        after = margins(model, held)[0]
        print(
            f"{arm:<8} seed {seed}: training loss {lost[0]:.3f} -> {lost[-1]:.3f}, margin "
            f"{fmean(before):+.4f} -> {fmean(after):+.4f}",
            flush=True,
        )
        return after, lost

    after, losses = over_seeds(ARMS, given, one)
    return {
        "pairs": Path(given.pairs).name,
        "model": Path(given.model).name,
        "n": len(pairs),
        "held": len(held),
        "steps": given.steps,
        "batch": given.batch,
        "rate": given.rate,
        "seeds": given.seeds,
        "seconds": round(time.monotonic() - began, 1),
        "margin_before": round(fmean(before), 4),
        "margin_after": means(after),
        "training_loss": losses,
        **gains(before, after, questions, given.seed),
    }


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code (see gristmill.synth_worker.errors)."""
    parser = arms_parser("validate.sft", __doc__, questions=24, rate=2e-5, seeds=2)
    parser.add_argument("--batch", type=int, default=4, help="chains a step (default 4)")
    given = parser.parse_args(argv)

    def does() -> None:
        at_least(given, n=1, held=1, steps=1, batch=1, seeds=1)
        found = validate(given)
        lines = {f"{arm} chains: margin after less before": found["gain"][arm] for arm in ARMS}
        tell({**lines, "correct arm less control": found["correct_less_wrong"]}, "nats/token ", found)

    return ended(does)


if __name__ == "__main__":
    sys.exit(main())
