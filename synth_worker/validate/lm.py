"""Does the curation help? A small language model from scratch on kept text, beside one on as much text taken
at random from the raw.

reads   the tables corpus, docs and duplicates of a lake (by delta-rs, no Spark)
run     python -m gristmill.synth_worker.validate.lm --lake lakes/demo

A token is a byte of UTF-8, so that no vocabulary favours an arm. Held out are documents of the corpus, by a
seeded hash; neither arm sees them, nor the copies of them that the curation found. In each seed both arms
start from the same weights and read the same number of bytes. Told is the loss on the held-out text in bits
per byte, for each language and domain. The held-out text is of the kept kind: what is measured is how well
each arm serves clean text, which is what the curation is for, and no more. The last line is JSON.
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from gristmill.synth_worker.command_line import at_least, ended, need, parser
from gristmill.synth_worker.errors import RecipeError
from gristmill.synth_worker.validate.arms import compared, means, over_seeds, tell
from gristmill.synth_worker.validate.chain_pairs import seeded

ARMS = ("kept", "raw")
END = 256  # the token between documents
CONTEXT = 256  # tokens
READ_BYTES = 2048  # of a held-out document


@dataclass(frozen=True)
class Doc:
    """A text and what it is counted under."""

    id: str
    text: str
    lang: str
    domain: str


def read_lake(where: str) -> tuple[list[Doc], list[Doc], set[tuple[str, str]]]:
    """Kept documents, raw documents, and which is a copy of which.

    Raises RecipeError when there is no curated lake.
    """
    from deltalake.exceptions import DeltaError

    try:
        corpus = _rows(where, "corpus", "doc_id", "text", "lang", "domain")
        docs = _rows(where, "docs", "doc_id", "text")
        copies = _rows(where, "duplicates", "doc_id", "dup_of")
    except (DeltaError, OSError) as error:
        raise RecipeError(
            f"{where}: no curated lake ({str(error).splitlines()[0][:160]}); run `gristmill run curate` "
            "first, and name a path, not a catalog"
        ) from None
    kept = [Doc(row["doc_id"], row["text"], row["lang"] or "?", row["domain"] or "?") for row in corpus]
    return (
        kept,
        [Doc(row["doc_id"], row["text"], "?", "?") for row in docs],
        {(row["doc_id"], row["dup_of"]) for row in copies},
    )


def _rows(where: str, table: str, *columns: str) -> list[dict[str, Any]]:
    """Columns of a table by delta-rs's engine: its plain reader does not know deletion vectors, which
    corpus has."""
    import pyarrow as pa
    from deltalake import DeltaTable, QueryBuilder

    query = f"SELECT {', '.join(columns)} FROM {table}"
    found = QueryBuilder().register(table, DeltaTable(f"{where}/{table}")).execute(query)
    return list(pa.table(found.read_all()).to_pylist())


def in_order(docs: Iterable[Doc], seed: int) -> list[Doc]:
    """By a seeded hash, whatever the order of the rows."""
    return sorted(docs, key=lambda doc: (seeded(seed, doc.id), doc.text))


def hold_out(
    kept: Sequence[Doc], raw: Sequence[Doc], copies: set[tuple[str, str]], held: int, seed: int
) -> tuple[list[Doc], dict[str, list[Doc]]]:
    """`held` documents of each language, and what is left for each arm.

    Copies of a held-out document are left out of both.
    """
    chosen = [
        doc
        for lang in sorted({doc.lang for doc in kept})
        for doc in in_order((d for d in kept if d.lang == lang), seed)[:held]
    ]
    out = {doc.id for doc in chosen}
    texts = {doc.text for doc in chosen}
    while more := {a for a, b in copies if b in out and a not in out} | {
        b for a, b in copies if a in out and b not in out
    }:
        out |= more
    return chosen, {
        arm: [doc for doc in docs if doc.id not in out and doc.text not in texts]
        for arm, docs in zip(ARMS, (kept, raw), strict=True)
    }


def stream(docs: Sequence[Doc], n_bytes: int) -> list[int]:
    """The first `n_bytes` tokens of the documents, each behind an END."""
    tokens: list[int] = []
    for doc in docs:
        tokens += [END, *doc.text.encode()]
        if len(tokens) >= n_bytes:
            break
    return tokens[:n_bytes]


def batches(tokens: Sequence[int], size: int) -> Iterator[list[list[int]]]:
    """Rows of CONTEXT tokens, `size` at a time; what fills no row is left out."""
    rows = [list(tokens[i : i + CONTEXT]) for i in range(0, len(tokens) - CONTEXT + 1, CONTEXT)]
    for i in range(0, len(rows), size):
        yield rows[i : i + size]


def trained(tokens: Sequence[int], seed: int, given: argparse.Namespace) -> Any:
    """A model that has read the tokens once."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(seed)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=END + 1,
            n_positions=CONTEXT,
            n_layer=given.layers,
            n_head=4,
            n_embd=given.width,
            bos_token_id=END,
            eos_token_id=END,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
        )
    ).train()
    parts = list(batches(tokens, given.batch))
    optimizer = torch.optim.AdamW(model.parameters(), lr=given.rate, weight_decay=0.01)
    falling = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 10) * 0.5 * (1 + math.cos(math.pi * step / len(parts)))
    )
    for part in parts:
        rows = torch.tensor(part)
        optimizer.zero_grad()
        model(input_ids=rows, labels=rows).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        falling.step()
    return model.eval()


def bits(model: Any, held: Sequence[Doc]) -> list[float]:
    """Bits per byte of each held-out document's first READ_BYTES."""
    import torch

    found = []
    for doc in held:
        text = list(doc.text.encode()[:READ_BYTES])
        nats = 0.0
        with torch.inference_mode():
            for i in range(0, len(text), CONTEXT - 1):
                row = torch.tensor([[END if i == 0 else text[i - 1], *text[i : i + CONTEXT - 1]]])
                logits = model(input_ids=row).logits[0, :-1].float()
                nats += float(torch.nn.functional.cross_entropy(logits, row[0, 1:], reduction="sum"))
        found.append(nats / max(len(text), 1) / math.log(2))
    return found


def validate(given: argparse.Namespace) -> dict[str, Any]:
    """The whole answer. Raises RecipeError when an arm has too little text."""
    _, transformers = need("torch", "transformers")
    transformers.utils.logging.set_verbosity_error()
    held, left = hold_out(*read_lake(given.lake), given.held, given.seed)
    held = [doc for doc in held if doc.text]
    short = {
        arm: size
        for arm, docs in left.items()
        if (size := sum(len(doc.text.encode()) + 1 for doc in docs)) < given.tokens
    }
    if short:
        raise RecipeError(
            f"{given.lake}: {', '.join(f'{size:,} bytes of {arm} text' for arm, size in short.items())}, "
            f"wanted {given.tokens:,}; lower --tokens or --held"
        )
    began = time.monotonic()

    def one(arm: str, seed: int) -> tuple[list[float], None]:
        found = bits(trained(stream(in_order(left[arm], seed), given.tokens), seed, given), held)
        print(f"{arm:<5} seed {seed}: {fmean(found):.4f} bits/byte on held-out text", flush=True)
        return found, None

    losses, _ = over_seeds(ARMS, given, one)
    groups = {"all": list(range(len(held)))}
    for i, doc in enumerate(held):
        groups.setdefault(doc.lang, []).append(i)
        groups.setdefault(f"{doc.lang} {doc.domain}", []).append(i)
    return {
        "lake": given.lake,
        "tokens": given.tokens,
        "layers": given.layers,
        "width": given.width,
        "seeds": given.seeds,
        "held": len(held),
        "seconds": round(time.monotonic() - began, 1),
        "bits_per_byte": means(losses),
        "raw_less_kept": {
            name: _apart(losses, at, held, given.seed)
            for name, at in sorted(groups.items(), key=lambda group: (group[0] != "all", group[0]))
        },
    }


def _apart(
    losses: dict[str, list[list[float]]], at: list[int], held: Sequence[Doc], seed: int
) -> dict[str, Any]:
    raw, kept = ([[row[i] for i in at] for row in losses[arm]] for arm in ("raw", "kept"))
    return compared(raw, kept, [held[i].id for i in at], seed)


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code (see gristmill.synth_worker.errors)."""
    flags = parser("validate.lm", __doc__)
    flags.add_argument("--lake", required=True, help="path of a curated lake")
    flags.add_argument(
        "--tokens", type=int, default=400_000, help="bytes that each arm reads (default 400,000)"
    )
    flags.add_argument(
        "--held", type=int, default=40, help="documents held out of each language (default 40)"
    )
    flags.add_argument("--layers", type=int, default=3, help="of the model (default 3)")
    flags.add_argument("--width", type=int, default=128, help="of the model, a multiple of 4 (default 128)")
    flags.add_argument("--batch", type=int, default=8, help=f"rows of {CONTEXT} bytes a step (default 8)")
    flags.add_argument("--rate", type=float, default=2e-3, help="learning rate, falling to 0 (default 2e-3)")
    flags.add_argument(
        "--seed",
        type=int,
        default=7,
        help="first seed: of weights and of the draw; also of what is held out (default 7)",
    )
    flags.add_argument("--seeds", type=int, default=3, help="runs of each arm (default 3)")
    given = flags.parse_args(argv)

    def does() -> None:
        at_least(given, tokens=CONTEXT, held=1, layers=1, batch=1, seeds=1)
        if given.width < 4 or given.width % 4:
            raise RecipeError(f"--width {given.width}: wanted a multiple of 4")
        found = validate(given)
        tell(
            {f"raw less kept, {name}": each for name, each in found["raw_less_kept"].items()},
            "bits/byte ",
            found,
        )

    return ended(does)


if __name__ == "__main__":
    sys.exit(main())
