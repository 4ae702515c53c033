"""Does a model assign right chains of thought a higher likelihood than wrong ones to the same questions?

reads   a Parquet file: question, correct_cot, adversarial_cot; optional: id, kind
run     python -m gristmill.synth_worker.validate.ppl --pairs pairs.parquet --model
        models/smollm2-135m-instruct --n 300

Three measures: that of CCI4.0 (perplexity of question and chain together), the loss of the chain alone given
the question, and the loss of the first token in which the two chains differ. That of CCI4.0 depends on the
question and on lengths as well; the others do not include the question. Blanks at the ends of lines are
removed first (--as-written keeps them). The last line is JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

from gristmill.synth_worker.command_line import check_minimums, pairs_parser, run_command
from gristmill.synth_worker.errors import RecipeError
from gristmill.synth_worker.validate.chain_pairs import (
    RESAMPLES,
    WITHIN,
    Pair,
    Scored,
    as_losses,
    choose,
    first_divergence,
    summary,
    tidy,
)
from gristmill.synth_worker.validate.token_losses import CausalModel

# Ends in a line break, so that question and chain can be tokenized separately.
PROMPT = "Problem:\n{question}\n\nSolution:\n"
COLUMNS = ("question", "correct_cot", "adversarial_cot")


def read_pairs(path: str, kind: str | None, is_tidied: bool = True) -> list[Pair]:
    """The pairs of a file, or those of one kind; `is_tidied`: see chain_pairs.tidy.

    Raises RecipeError for an unreadable file, a missing column, an empty question or chain, or no pair.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowInvalid) as error:
        raise RecipeError(
            f"{path}: not readable as Parquet: {str(error).splitlines()[0]}; name a file with the "
            f"columns {', '.join(COLUMNS)}"
        ) from None
    # An empty file has no first row to look at; it is reported as having no pair.
    missing = [name for name in COLUMNS if rows and name not in rows[0]]
    if missing:
        raise RecipeError(f"{path}: no column {', '.join(missing)}; it has: {', '.join(rows[0])}")
    clean = tidy if is_tidied else str
    chains = [tuple(clean(row[name] or "") for name in COLUMNS[1:]) for row in rows]
    pairs = [
        Pair(str(row.get("id", i)), str(row.get("kind") or "any"), row["question"], *chains[i])
        for i, row in enumerate(rows)
    ]
    # An empty chain has no loss, and would be an error in the middle of the run.
    empty = next((pair.id for pair in pairs if not (pair.question and pair.correct and pair.wrong)), None)
    if empty is not None:
        raise RecipeError(f"{path}: pair {empty}: question or chain is empty; leave such rows out")
    chosen = [pair for pair in pairs if kind in (None, pair.kind)]
    if not chosen:
        raise RecipeError(
            f"{path}: no pair"
            + (
                f" of kind {kind!r} (there are: {', '.join(sorted({pair.kind for pair in pairs})) or 'none'})"
                if kind
                else ""
            )
        )
    return chosen


def score(pairs: list[Pair], model: CausalModel) -> tuple[list[Scored], int, int]:
    """The pairs with their losses, the number of pairs longer than the model's context, and the number of
    tokens that the model read."""
    # A chain of several pairs goes through the model once.
    chains: dict[tuple[str, str], tuple[list[int], list[int]]] = {}
    for pair in pairs:
        # Question and chain are tokenized separately, so that both chains follow the same tokens.
        opening = model.ids(PROMPT.format(question=pair.question), opens=True)
        for chain in (pair.correct, pair.wrong):
            chains.setdefault((pair.question, chain), (opening, model.ids(chain)))
    # A truncated chain would have another loss, so a pair counts only where both chains fit.
    fits = {
        key: opening + chain
        for key, (opening, chain) in chains.items()
        if model.longest is None or len(opening) + len(chain) <= model.longest
    }
    losses = dict(zip(fits, model.losses(list(fits.values())), strict=True))
    scored = []
    for pair in pairs:
        keys = [(pair.question, pair.correct), (pair.question, pair.wrong)]
        if all(key in losses for key in keys):
            # Both chains of a pair have the same prompt, so
            # the first difference is that of the chains.
            right, wrong = (chains[key][1] for key in keys)
            divergence = first_divergence(right, wrong)
            scored.append(
                Scored(
                    pair,
                    as_losses(losses[keys[0]], len(right), divergence),
                    as_losses(losses[keys[1]], len(wrong), divergence),
                )
            )
    return scored, len(pairs) - len(scored), sum(map(len, fits.values()))


def validate(options: argparse.Namespace) -> dict[str, Any]:
    """The result as printed. Raises RecipeError when no pair fits the model's context."""
    pairs = choose(read_pairs(options.pairs, options.kind, not options.as_written), options.n, options.seed)
    model = CausalModel(options.model)
    # The time of the model alone, without loading it.
    began = time.monotonic()
    scored, too_long, n_tokens = score(pairs, model)
    if not scored:
        raise RecipeError(
            f"{options.pairs}: every pair is longer than the {model.longest} tokens that {options.model} "
            "reads; name another model"
        )
    seconds = time.monotonic() - began
    # The losses of each pair, for analyses beyond the summary.
    if options.out:
        rows = [
            {
                "id": s.pair.id,
                "kind": s.pair.kind,
                "correct": dataclasses.asdict(s.correct),
                "adversarial": dataclasses.asdict(s.wrong),
            }
            for s in scored
        ]
        Path(options.out).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return {
        "pairs": Path(options.pairs).name,
        "model": Path(options.model).name,
        "seed": options.seed,
        "as_written": options.as_written,
        "n": len(scored),
        "too_long": too_long,
        "tokens": n_tokens,
        "seconds": round(seconds, 1),
        "resamples": RESAMPLES,
        "matched_within": WITHIN,
        **summary(scored, options.seed),
    }


def print_table(result: dict[str, Any]) -> None:
    """Print a table for people, then `result` as a line of JSON."""
    parts = {"all": result["all"], "length matched": result["length_matched"], **result["by_kind"]}
    print(
        f"{'pairs':<48} {'measure':<11} {'n':>5} {'correct likelier':>24} "
        f"{'mean difference (nats/token)':>32}"
    )
    for name, measures in parts.items():
        for measure, each in measures.items():
            if each is None:
                print(f"{name:<48} {measure:<11} {0:>5}")
                continue
            share = (
                f"{each['correct_likelier']:.3f} [{each['correct_likelier_95'][0]:.3f}, "
                f"{each['correct_likelier_95'][1]:.3f}]"
            )
            mean = (
                f"{each['mean_difference']:+.3f} [{each['mean_difference_95'][0]:+.3f}, "
                f"{each['mean_difference_95'][1]:+.3f}]"
            )
            print(f"{name:<48} {measure:<11} {each['n']:>5} {share:>24} {mean:>32}  {each['says']}")
    print(json.dumps(result, ensure_ascii=False))


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code (see gristmill.synth_worker.errors)."""
    parser = pairs_parser("validate.ppl", __doc__)
    parser.add_argument("--n", type=int, help="pairs, by a seeded hash (default: all)")
    parser.add_argument("--seed", type=int, default=7, help="of the choice and of the bootstrap (default 7)")
    parser.add_argument("--as-written", action="store_true", help="keep blanks at the ends of lines")
    parser.add_argument("--out", help="JSON Lines file for the losses of each pair")
    options = parser.parse_args(argv)

    def command() -> None:
        check_minimums(options, n=1)
        print_table(validate(options))

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
