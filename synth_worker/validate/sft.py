"""Does training on right chains of thought raise the likelihood of right chains, on held-out questions?

reads   a Parquet file: question, correct_cot, adversarial_cot; optional: id, kind
run     python -m gristmill.synth_worker.validate.sft --pairs pairs.parquet --model
        models/smollm2-135m-instruct

Two arms start from the same model and take the same steps of TRL's SFTTrainer on the same questions in the
same order: one is trained on the right chains, the control on the wrong ones. The measure is the margin on
held-out questions (loss of the wrong chain less loss of the right one, nats per token, given the question),
before and after. Only the difference of the two arms is evidence about the chains: both learn their form. The
last line is JSON.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from statistics import fmean
from typing import Any

from gristmill.synth_worker.command_line import check_minimums, run_command, training_parser
from gristmill.synth_worker.errors import RecipeError
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
from gristmill.synth_worker.validate.ppl import PROMPT, read_pairs, score
from gristmill.synth_worker.validate.token_losses import CausalModel

ARMS = ("correct", "wrong")


def margins(model: CausalModel, held_out: list[Pair]) -> tuple[list[float], list[str]]:
    """The margin (nats per token) of each held-out pair that fits the model's context, and its question.

    Raises RecipeError when none does.
    """
    scored = [(each.difference("cot"), each.pair.question) for each in score(held_out, model)[0]]
    margins_of = [(value, question) for value, question in scored if value is not None]
    if not margins_of:
        raise RecipeError("no held-out pair fits the model's context; name another model")
    return [value for value, _ in margins_of], [question for _, question in margins_of]


def trained(
    pairs: list[Pair], arm: str, seed: int, options: argparse.Namespace
) -> tuple[CausalModel, list[float]]:
    """The model after training on the chains of `arm`, and the training loss of each step."""
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    # Loaded anew for each arm and seed: training changes the weights in place.
    model = CausalModel(options.model)
    # As prompt and completion: the loss is that of the chain only, as in the margin.
    rows = [
        {"prompt": PROMPT.format(question=pair.question), "completion": getattr(pair, arm)} for pair in pairs
    ]
    with tempfile.TemporaryDirectory() as folder:
        args = SFTConfig(
            **trainer_settings(folder, seed, options),
            per_device_train_batch_size=options.batch,
            max_length=model.longest,
            # The question is the same in both arms and no target.
            completion_only_loss=True,
        )
        steps = train(
            SFTTrainer(
                model=model.model,
                args=args,
                train_dataset=Dataset.from_list(rows),
                processing_class=model.tokenizer,
            ),
            "loss",
        )
    # The trainer leaves the model in training mode, with dropout.
    model.model.eval()
    return model, [round(step["loss"], 4) for step in steps]


def validate(options: argparse.Namespace) -> dict[str, Any]:
    """The result as printed. Raises RecipeError when there are too few questions or none fits the model."""
    silence_libraries()
    pairs, held_out = split(read_pairs(options.pairs, options.kind), options.n, options.held, options.seed)
    began = time.monotonic()
    # Measured once: both arms start from this model. Pairs that do not fit
    # it are left out, so questions come from the same call as margins.
    before, questions = margins(CausalModel(options.model), held_out)

    # One arm with one seed, printed as it ends: a run of several takes minutes.
    def run_arm(arm: str, seed: int) -> tuple[list[float], list[float]]:
        model, step_losses = trained(pairs, arm, seed, options)
        after = margins(model, held_out)[0]
        print(
            f"{arm:<8} seed {seed}: training loss {step_losses[0]:.3f} -> {step_losses[-1]:.3f}, margin "
            f"{fmean(before):+.4f} -> {fmean(after):+.4f}",
            flush=True,
        )
        return after, step_losses

    after, losses = run_arms(ARMS, options, run_arm)
    return {
        "pairs": Path(options.pairs).name,
        "model": Path(options.model).name,
        "n": len(pairs),
        "held": len(held_out),
        "steps": options.steps,
        "batch": options.batch,
        "rate": options.rate,
        "seeds": options.seeds,
        "seconds": round(time.monotonic() - began, 1),
        "margin_before": round(fmean(before), 4),
        "margin_after": means(after),
        "training_loss": losses,
        **gains(before, after, questions, options.seed),
    }


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code (see gristmill.synth_worker.errors)."""
    parser = training_parser("validate.sft", __doc__, questions=24, rate=2e-5, seeds=2)
    parser.add_argument("--batch", type=int, default=4, help="chains a step (default %(default)s)")
    options = parser.parse_args(argv)

    def command() -> None:
        check_minimums(options, n=1, held=1, steps=1, batch=1, seeds=1)
        result = validate(options)
        lines = {f"{arm} chains: margin after less before": result["gain"][arm] for arm in ARMS}
        print_result(
            {**lines, "correct arm less control": result["correct_less_wrong"]}, "nats/token ", result
        )

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
