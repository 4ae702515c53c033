"""Two arms of training compared on the same held-out texts: measures before and after, their differences,
and bootstrap intervals."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

import numpy as np

from gristmill.synth_worker.command_line import import_modules
from gristmill.synth_worker.errors import RecipeError
from gristmill.synth_worker.validate.chain_pairs import MIN_QUESTIONS, Pair, choose, interval


def split(pairs: Sequence[Pair], n: int, n_held_out: int, seed: int) -> tuple[list[Pair], list[Pair]]:
    """`n` pairs to train on and `n_held_out` to measure on, by a seeded hash, one pair a question; no
    question is in both.

    Raises RecipeError when there are too few questions.
    """
    # Reversed: of several pairs of a question the first in the seeded order overwrites the others.
    by_question = {pair.question: pair for pair in reversed(choose(pairs, None, seed))}
    chosen = choose(by_question.values(), None, seed)
    if len(chosen) < n + n_held_out:
        raise RecipeError(
            f"{len(chosen)} questions, wanted {n} to train on and {n_held_out} held out; name more pairs, "
            "or lower --n or --held"
        )
    return chosen[n_held_out : n_held_out + n], chosen[:n_held_out]


def compare(
    treated: Sequence[Sequence[float]], control: Sequence[Sequence[float]], names: Sequence[str], seed: int
) -> dict[str, Any]:
    """Mean of `treated` less `control` (a row a seed, a column a text), with its bootstrap interval over
    texts.

    The interval covers the choice of texts only. The variance of weights and sampling shows in `seeds`, the
    mean of each seed by itself; where these disagree on the sign, `says` claims no difference.
    """
    # Seeds are averaged before the bootstrap: values of
    # one text under several seeds are not independent.
    differences = np.asarray(treated, np.float64) - np.asarray(control, np.float64)
    low, high = interval(list(differences.mean(axis=0)), list(names), seed)
    return {
        "n": len(names),
        "mean": round(float(differences.mean()), 4),
        "mean_95": [round(low, 4), round(high, 4)],
        "seeds": [round(float(row.mean()), 4) for row in differences],
        "says": verdict(low, high, len(names), [float(row.mean()) for row in differences]),
    }


def verdict(low: float, high: float, n: int, seeds: Sequence[float]) -> str:
    """An interval of a difference, with the means of its seeds, in words."""
    if n < MIN_QUESTIONS:
        return f"too few to say: fewer than {MIN_QUESTIONS} texts"
    if low <= 0 <= high:
        return "within noise: the interval holds 0"
    # Bootstrap intervals are narrow where seeds differ more than texts do.
    if min(seeds) <= 0 <= max(seeds):
        return "within noise: the seeds do not agree"
    details = (
        "one seed only"
        if len(seeds) == 1
        else f"{len(seeds)} seeds from {min(seeds):+.3f} to {max(seeds):+.3f}"
    )
    return f"{'above' if low > 0 else 'below'} noise over texts; {details}"


def run_arms(
    arms: Sequence[str], options: argparse.Namespace, run_arm: Callable[[str, int], tuple[list[float], Any]]
) -> tuple[dict[str, list[list[float]]], dict[str, list[Any]]]:
    """Call `run_arm(arm, seed)` for each of `options.seeds` seeds and each arm.

    It returns the measures of the held-out texts and any details; the result has lists of both by arm, one
    entry a seed.
    """
    rows: dict[str, list[list[float]]] = {arm: [] for arm in arms}
    details: dict[str, list[Any]] = {arm: [] for arm in arms}
    # Seed by seed, so that an interrupted run has printed whole comparisons.
    for seed in range(options.seed, options.seed + options.seeds):
        for arm in arms:
            row, more = run_arm(arm, seed)
            rows[arm].append(row)
            details[arm].append(more)
    return rows, details


def gains(
    before: Sequence[float], after: dict[str, list[list[float]]], names: Sequence[str], seed: int
) -> dict[str, Any]:
    """The gain of each of two arms over the common first model, and the difference of the first arm and the
    second, the control.

    `before`: measures of the first model, one a text; `after`: of each arm, a row a seed.
    """
    # The gain of one arm proves nothing by itself: both learn the form of the texts.
    first, control = after
    gain = {arm: compare(rows, [before] * len(rows), names, seed) for arm, rows in after.items()}
    return {"gain": gain, f"{first}_less_{control}": compare(after[first], after[control], names, seed)}


def means(rows: dict[str, list[list[float]]]) -> dict[str, list[float]]:
    """The mean of each row (a seed), by arm."""
    return {arm: [round(fmean(row), 4) for row in each] for arm, each in rows.items()}


def print_result(comparisons: dict[str, dict[str, Any]], unit: str, result: dict[str, Any]) -> None:
    """Print one line for each comparison, then `result` as a line of JSON."""
    for name, each in comparisons.items():
        print(
            f"{name:<42} {each['mean']:+.4f} [{each['mean_95'][0]:+.4f}, {each['mean_95'][1]:+.4f}] "
            f"{unit}over {each['n']} texts: {each['says']}"
        )
    print(json.dumps(result, ensure_ascii=False))


def trainer_settings(folder: str, seed: int, options: argparse.Namespace) -> dict[str, Any]:
    """The common settings of TRL's trainers: on the CPU, 32-bit floats, no checkpoints, every step logged."""
    # data_seed is set as well: both arms of a seed see the same questions in the same order.
    return {
        "output_dir": folder,
        "max_steps": options.steps,
        "learning_rate": options.rate,
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


def train(trainer: Any, name: str) -> list[dict[str, float]]:
    """Train without printing and return the log entries that have `name`, one a step."""
    from transformers import PrinterCallback

    # Its output would precede the line of JSON by hundreds of others.
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return [entry for entry in trainer.state.log_history if name in entry]


def silence_libraries() -> None:
    """Turn off progress bars and advice of the libraries. Raises RecipeError when TRL is not installed."""
    import warnings

    # Before TRL is imported, which warns at import.
    warnings.simplefilter("ignore")
    datasets, transformers, _ = import_modules("datasets", "transformers", "trl", extra="validate")
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
