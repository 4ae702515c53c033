"""Two ways of training compared on the same held-out texts: what each measures before and after, and how
far apart they are."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from gristmill.synth_worker.command_line import need, pairs_parser
from gristmill.synth_worker.errors import RecipeError
from gristmill.synth_worker.validate.chain_pairs import FEW, Pair, choose, interval


def split(pairs: Sequence[Pair], n: int, held: int, seed: int) -> tuple[list[Pair], list[Pair]]:
    """`n` pairs to train on and `held` to measure on, by a seeded hash, one pair a question; no question is
    in both.

    Raises RecipeError when there are too few questions.
    """
    # the first in the seeded order stays
    one = {pair.question: pair for pair in reversed(choose(pairs, None, seed))}
    chosen = choose(one.values(), None, seed)
    if len(chosen) < n + held:
        raise RecipeError(
            f"{len(chosen)} questions, wanted {n} to train on and {held} held out; name more pairs, "
            "or lower --n or --held"
        )
    return chosen[held : held + n], chosen[:held]


def arms_parser(
    module: str, about: str | None, *, questions: int, rate: float, seeds: int
) -> argparse.ArgumentParser:
    """That of a program that trains a model on pairs of chains in two ways; the numbers are defaults."""
    made = pairs_parser(module, about)
    for flag, what in (("--n", "to train on"), ("--held", "held out")):
        made.add_argument(flag, type=int, default=questions, help=f"questions {what} (default {questions})")
    made.add_argument("--steps", type=int, default=6, help="optimizer steps (default 6)")
    made.add_argument(
        "--rate", type=float, default=rate, help=f"learning rate, falling to 0 (default {rate:g})"
    )
    first = "first seed; also of the choice, of what is drawn and of the bootstrap (default 7)"
    made.add_argument("--seed", type=int, default=7, help=first)
    made.add_argument("--seeds", type=int, default=seeds, help=f"runs of each arm (default {seeds})")
    return made


def compared(
    treated: Sequence[Sequence[float]], control: Sequence[Sequence[float]], names: Sequence[str], seed: int
) -> dict[str, Any]:
    """Mean of `treated` less `control`, text by text, each the mean of its seeds (a row a seed, a column a
    text); its bootstrap interval over texts.

    The interval knows only the chance of the texts. That of the weights and of the draw is seen in `seeds`,
    the same mean for every seed on its own, and where these do not agree on the sign nothing is said.
    """
    apart = np.asarray(treated, np.float64) - np.asarray(control, np.float64)
    low, high = interval(list(apart.mean(axis=0)), list(names), seed)
    return {
        "n": len(names),
        "mean": round(float(apart.mean()), 4),
        "mean_95": [round(low, 4), round(high, 4)],
        "seeds": [round(float(row.mean()), 4) for row in apart],
        "says": said(low, high, len(names), [float(row.mean()) for row in apart]),
    }


def said(low: float, high: float, n: int, seeds: Sequence[float]) -> str:
    """What an interval of a difference, and its seeds, say in words."""
    if n < FEW:
        return f"too few to say: fewer than {FEW} texts"
    if low <= 0 <= high:
        return "within noise: the interval holds 0"
    if min(seeds) <= 0 <= max(seeds):
        return "within noise: the seeds do not agree"
    told = (
        "one seed only"
        if len(seeds) == 1
        else f"{len(seeds)} seeds from {min(seeds):+.3f} to {max(seeds):+.3f}"
    )
    return f"{'above' if low > 0 else 'below'} noise over texts; {told}"


def over_seeds(
    arms: Sequence[str], given: argparse.Namespace, one: Callable[[str, int], tuple[list[float], Any]]
) -> tuple[dict[str, list[list[float]]], dict[str, list[Any]]]:
    """`one(arm, seed)` for each of `given.seeds` seeds and each arm: what it measures text by text, and
    what else it tells, by arm."""
    rows: dict[str, list[list[float]]] = {arm: [] for arm in arms}
    told: dict[str, list[Any]] = {arm: [] for arm in arms}
    for seed in range(given.seed, given.seed + given.seeds):
        for arm in arms:
            row, more = one(arm, seed)
            rows[arm].append(row)
            told[arm].append(more)
    return rows, told


def gains(
    before: Sequence[float], after: dict[str, list[list[float]]], names: Sequence[str], seed: int
) -> dict[str, Any]:
    """What each of two arms gained over the model they began with, and by how much the first ends above
    the second, the control."""
    one, control = after
    gain = {arm: compared(rows, [before] * len(rows), names, seed) for arm, rows in after.items()}
    return {"gain": gain, f"{one}_less_{control}": compared(after[one], after[control], names, seed)}


def means(rows: dict[str, list[list[float]]]) -> dict[str, list[float]]:
    """The mean of each row, by arm."""
    return {arm: [round(fmean(row), 4) for row in each] for arm, each in rows.items()}


def tell(comparisons: dict[str, dict[str, Any]], unit: str, found: dict[str, Any]) -> None:
    """A line a comparison for people, then the whole as a JSON line."""
    for name, each in comparisons.items():
        print(
            f"{name:<42} {each['mean']:+.4f} [{each['mean_95'][0]:+.4f}, {each['mean_95'][1]:+.4f}] "
            f"{unit}over {each['n']} texts: {each['says']}"
        )
    print(json.dumps(found, ensure_ascii=False))


def settings(home: str, seed: int, given: argparse.Namespace) -> dict[str, Any]:
    """What TRL's trainers are told alike: the processor, 32-bit numbers, nothing saved, each step logged."""
    return {
        "output_dir": home,
        "max_steps": given.steps,
        "learning_rate": given.rate,
        "seed": seed,
        "data_seed": seed,
        "use_cpu": True,
        "bf16": False,
        "gradient_checkpointing": False,
        "save_strategy": "no",
        "report_to": "none",
        "logging_steps": 1,
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
    }


def history(trainer: Any, name: str) -> list[dict[str, float]]:
    """Train, saying nothing; what was logged of each step that has `name`."""
    from transformers import PrinterCallback

    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return [entry for entry in trainer.state.log_history if name in entry]


def quiet() -> None:
    """Neither bars nor advice of the libraries. Raises RecipeError when TRL is not installed."""
    import warnings

    warnings.simplefilter("ignore")
    datasets, transformers, _ = need("datasets", "transformers", "trl", extra="validate")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
