"""Does a model that is trained on right chains of thought come to find right chains likelier, on questions it never saw?

reads   a Parquet file: question, correct_cot, adversarial_cot; id and kind where they are there
run     python -m synth_worker.validate_sft --pairs pairs.parquet --model models/smollm2-135m-instruct

Two arms start from the same model and take the same steps of TRL's SFTTrainer on the same questions in the same order: one learns the right
chains, the control the wrong ones. Measured on held-out questions is the margin (loss of the wrong chain less loss of the right one, nats per
token, given the question), before and after. Only the difference of the two arms speaks of the chains: what both gain is that they learn the
form. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from synth_worker.arms import compared, split
from synth_worker.errors import RecipeError, WorkerError
from synth_worker.pairs import Pair
from synth_worker.token_losses import CausalModel
from synth_worker.validate_ppl import PROMPT, read_pairs, score

ARMS = ("correct", "wrong")


def quiet() -> None:
    """Neither bars nor advice of the libraries; raises RecipeError when TRL is not installed."""
    import warnings

    warnings.simplefilter("ignore")
    try:
        import datasets
        import transformers
        import trl  # noqa: F401
    except ImportError as error:
        raise RecipeError(f"TRL is not installed here ({error}); run `make worker` and use .venv-worker/bin/python, or pip install 'gristmill[validate]'") from None
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()


def margins(model: CausalModel, held: list[Pair]) -> tuple[list[float], list[str]]:
    """The margin of each held-out pair that fits the model, and its question."""
    found = [(each.difference("cot"), each.pair.question) for each in score(held, model)[0]]
    told = [(value, question) for value, question in found if value is not None]
    if not told:
        raise RecipeError("no held-out pair fits the model's context; name another model")
    return [value for value, _ in told], [question for _, question in told]


def trained(folder: str, pairs: list[Pair], arm: str, seed: int, given: argparse.Namespace) -> tuple[CausalModel, list[float]]:
    """The model after the steps, and the training loss of each step."""
    from datasets import Dataset
    from transformers import PrinterCallback
    from trl import SFTConfig, SFTTrainer

    model = CausalModel(folder)
    rows = [{"prompt": PROMPT.format(question=pair.question), "completion": getattr(pair, arm)} for pair in pairs]
    with tempfile.TemporaryDirectory() as home:
        settings = SFTConfig(
            output_dir=home, max_steps=given.steps, per_device_train_batch_size=given.batch, learning_rate=given.rate, seed=seed, data_seed=seed, use_cpu=True,
            bf16=False, gradient_checkpointing=False, save_strategy="no", report_to="none", logging_steps=1, disable_tqdm=True, max_length=model.longest,
            completion_only_loss=True, dataloader_pin_memory=False,
        )  # fmt: skip
        trainer = SFTTrainer(model=model.model, args=settings, train_dataset=Dataset.from_list(rows), processing_class=model.tokenizer)
        trainer.remove_callback(PrinterCallback)
        trainer.train()
    model.model.eval()
    return model, [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


def validate(given: argparse.Namespace) -> dict[str, Any]:
    """The whole answer."""
    quiet()
    pairs, held = split(read_pairs(given.pairs, given.kind), given.n, given.held, given.seed)
    began = time.monotonic()
    before, questions = margins(CausalModel(given.model), held)
    after: dict[str, list[list[float]]] = {arm: [] for arm in ARMS}
    losses: dict[str, list[list[float]]] = {arm: [] for arm in ARMS}
    for seed in range(given.seed, given.seed + given.seeds):
        for arm in ARMS:
            model, lost = trained(given.model, pairs, arm, seed, given)
            after[arm].append(margins(model, held)[0])
            losses[arm].append([round(loss, 4) for loss in lost])
            print(f"{arm:<8} seed {seed}: training loss {lost[0]:.3f} -> {lost[-1]:.3f}, margin {mean(before):+.4f} -> {mean(after[arm][-1]):+.4f}", flush=True)
    start = [before] * given.seeds
    return {
        "pairs": Path(given.pairs).name, "model": Path(given.model).name, "n": len(pairs), "held": len(held), "steps": given.steps, "batch": given.batch, "rate": given.rate,
        "seeds": given.seeds, "seconds": round(time.monotonic() - began, 1), "margin_before": round(mean(before), 4),
        "margin_after": {arm: [round(mean(row), 4) for row in rows] for arm, rows in after.items()}, "training_loss": losses,
        "gain": {arm: compared(after[arm], start, questions, given.seed) for arm in ARMS}, "correct_less_wrong": compared(after["correct"], after["wrong"], questions, given.seed),
    }  # fmt: skip


def mean(values: list[float]) -> float:
    """Arithmetic."""
    return sum(values) / len(values)


def tell(found: dict[str, Any]) -> None:
    """A few lines for people, then the JSON line."""
    rows = [(f"{arm} chains: margin after less before", found["gain"][arm]) for arm in ARMS] + [("correct arm less control", found["correct_less_wrong"])]
    for name, each in rows:
        print(f"{name:<42} {each['mean']:+.4f} [{each['mean_95'][0]:+.4f}, {each['mean_95'][1]:+.4f}] nats/token over {each['n']} questions: {each['says']}")
    print(json.dumps(found, ensure_ascii=False))


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code (see synth_worker.errors)."""
    parser = argparse.ArgumentParser(prog="python -m synth_worker.validate_sft", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", required=True, help="Parquet file of pairs")
    parser.add_argument("--model", required=True, help="folder of a Hugging Face causal language model")
    parser.add_argument("--n", type=int, default=24, help="questions to train on (default 24)")
    parser.add_argument("--held", type=int, default=24, help="questions held out (default 24)")
    parser.add_argument("--kind", help="pairs of this kind only")
    parser.add_argument("--steps", type=int, default=6, help="optimizer steps (default 6)")
    parser.add_argument("--batch", type=int, default=4, help="chains a step (default 4)")
    parser.add_argument("--rate", type=float, default=2e-5, help="learning rate, falling to 0 (default 2e-5)")
    parser.add_argument("--seed", type=int, default=7, help="first seed; also of the choice and of the bootstrap (default 7)")
    parser.add_argument("--seeds", type=int, default=2, help="runs of each arm (default 2)")
    given = parser.parse_args(argv)
    try:
        low = [name for name in ("n", "held", "steps", "batch", "seeds") if getattr(given, name) < 1]
        if low:
            raise RecipeError(f"--{low[0]} {getattr(given, low[0])}: wanted 1 or more")
        tell(validate(given))
    except WorkerError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
