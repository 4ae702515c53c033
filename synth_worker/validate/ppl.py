"""Does a model find right chains of thought likelier than wrong ones of the same questions?

reads   a Parquet file: question, correct_cot, adversarial_cot; id and kind where they are there
run     python -m gristmill.synth_worker.validate.ppl --pairs pairs.parquet --model
        models/smollm2-135m-instruct --n 300

Three measures: CCI4.0's (perplexity of question and chain together), the loss of the chain alone given the
question, and the loss of the first token in which the two chains differ. CCI4.0's mixes the question in, and
lengths with it; the others do not. Blanks at the ends of lines are taken away first (--as-written keeps
them). The last line is JSON.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

from gristmill.synth_worker.command_line import at_least, ended, pairs_parser
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

# ends in a line break, so that the chain's tokens do not depend on it
PROMPT = "Problem:\n{question}\n\nSolution:\n"
WANTED = ("question", "correct_cot", "adversarial_cot")


def read_pairs(path: str, kind: str | None, is_tidied: bool = True) -> list[Pair]:
    """The pairs of a file (of one kind). Raises RecipeError naming what is missing."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows = pq.read_table(path).to_pylist()
    except (OSError, pa.ArrowInvalid) as error:
        raise RecipeError(
            f"{path}: not readable as Parquet: {str(error).splitlines()[0]}; name a file with the "
            f"columns {', '.join(WANTED)}"
        ) from None
    missing = [name for name in WANTED if rows and name not in rows[0]]
    if missing:
        raise RecipeError(f"{path}: no column {', '.join(missing)}; it has: {', '.join(rows[0])}")
    clean = tidy if is_tidied else str
    chains = [tuple(clean(row[name] or "") for name in WANTED[1:]) for row in rows]
    pairs = [
        Pair(str(row.get("id", i)), str(row.get("kind") or "any"), row["question"], *chains[i])
        for i, row in enumerate(rows)
    ]
    empty = next((pair.id for pair in pairs if not (pair.question and pair.correct and pair.wrong)), None)
    if empty is not None:
        raise RecipeError(f"{path}: pair {empty}: question or chain is empty; leave such rows out")
    found = [pair for pair in pairs if kind in (None, pair.kind)]
    if not found:
        raise RecipeError(
            f"{path}: no pair"
            + (
                f" of kind {kind!r} (there are: {', '.join(sorted({pair.kind for pair in pairs})) or 'none'})"
                if kind
                else ""
            )
        )
    return found


def score(pairs: list[Pair], model: CausalModel) -> tuple[list[Scored], int, int]:
    """The pairs with their losses, how many were longer than the model reads, and the tokens that went
    through it. A chain goes through it once."""
    chains: dict[tuple[str, str], tuple[list[int], list[int]]] = {}
    for pair in pairs:
        opening = model.ids(PROMPT.format(question=pair.question), opens=True)
        for chain in (pair.correct, pair.wrong):
            chains.setdefault((pair.question, chain), (opening, model.ids(chain)))
    fits = {
        key: opening + chain
        for key, (opening, chain) in chains.items()
        if model.longest is None or len(opening) + len(chain) <= model.longest
    }
    losses = dict(zip(fits, model.losses(list(fits.values())), strict=True))
    made = []
    for pair in pairs:
        both = [(pair.question, pair.correct), (pair.question, pair.wrong)]
        if all(key in losses for key in both):
            right, wrong = (chains[key][1] for key in both)
            fork = first_divergence(right, wrong)
            made.append(
                Scored(
                    pair,
                    as_losses(losses[both[0]], len(right), fork),
                    as_losses(losses[both[1]], len(wrong), fork),
                )
            )
    return made, len(pairs) - len(made), sum(map(len, fits.values()))


def validate(given: argparse.Namespace) -> dict[str, Any]:
    """The whole answer."""
    pairs = choose(read_pairs(given.pairs, given.kind, not given.as_written), given.n, given.seed)
    model = CausalModel(given.model)
    began = time.monotonic()
    scored, too_long, n_tokens = score(pairs, model)
    if not scored:
        raise RecipeError(
            f"{given.pairs}: every pair is longer than the {model.longest} tokens that {given.model} "
            "reads; name another model"
        )
    seconds = time.monotonic() - began
    if given.out:
        rows = [
            {
                "id": s.pair.id,
                "kind": s.pair.kind,
                "correct": dataclasses.asdict(s.correct),
                "adversarial": dataclasses.asdict(s.wrong),
            }
            for s in scored
        ]
        Path(given.out).write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return {
        "pairs": Path(given.pairs).name,
        "model": Path(given.model).name,
        "seed": given.seed,
        "as_written": given.as_written,
        "n": len(scored),
        "too_long": too_long,
        "tokens": n_tokens,
        "seconds": round(seconds, 1),
        "resamples": RESAMPLES,
        "matched_within": WITHIN,
        **summary(scored, given.seed),
    }


def tell(found: dict[str, Any]) -> None:
    """A table for people, then the JSON line."""
    parts = {"all": found["all"], "length matched": found["length_matched"], **found["by_kind"]}
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
    print(json.dumps(found, ensure_ascii=False))


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code (see gristmill.synth_worker.errors)."""
    parser = pairs_parser("validate.ppl", __doc__)
    parser.add_argument("--n", type=int, help="pairs, by a seeded hash (default: all)")
    parser.add_argument("--seed", type=int, default=7, help="of the choice and of the bootstrap (default 7)")
    parser.add_argument("--as-written", action="store_true", help="keep blanks at the ends of lines")
    parser.add_argument("--out", help="JSON Lines file for the losses of each pair")
    given = parser.parse_args(argv)

    def does() -> None:
        at_least(given, n=1)
        tell(validate(given))

    return ended(does)


if __name__ == "__main__":
    sys.exit(main())
