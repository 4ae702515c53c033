"""Does curation help? A small language model trained from scratch on kept text, compared with one on as much
raw text chosen at random, or on the corpus that another recipe made of the same documents.

reads   the tables corpus, docs and duplicates of a lake (by delta-rs, no Spark)
run     python -m gristmill.synth_worker.validate.lm --lake lakes/demo
        python -m gristmill.synth_worker.validate.lm --lake lakes/demo --against lakes/other

A token is a byte of UTF-8, so that no vocabulary favours an arm. Documents of the corpus are held out by a
seeded hash; neither arm reads them, nor the copies of them that curation found. For each seed both arms start
from the same weights and read the same number of bytes. The result is the loss on held-out text in bits per
byte, for each language and domain. Held-out text is kept text, so the measure is how well each arm models
clean text, the purpose of curation, and nothing else. With --against it is text that both corpora hold
unchanged, so that it favours neither. The last line is JSON.
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

from gristmill.synth_worker.command_line import check_minimums, import_modules, parser, run_command
from gristmill.synth_worker.errors import RecipeError
from gristmill.synth_worker.validate.arms import compare, means, print_result, run_arms
from gristmill.synth_worker.validate.chain_pairs import seeded

KEPT, RAW, OTHER = "kept", "raw", "other"  # arms: --lake's corpus; its raw text, or the corpus of --against
END = 256  # the token between documents
CONTEXT = 256  # tokens
READ_BYTES = 2048  # of a held-out document; bounds the time of long ones


@dataclass(frozen=True)
class Doc:
    """A text with the language and domain under which it is reported."""

    id: str
    text: str
    lang: str
    domain: str


def read_lake(lake: str, control: str = RAW) -> tuple[list[Doc], list[Doc], set[tuple[str, str]]]:
    """Kept documents, those of the control arm (`RAW`: all; `OTHER`: kept ones), and (doc_id, dup_of) of all
    duplicates of a lake.

    Raises RecipeError when `lake` has no such tables.
    """
    from deltalake.exceptions import DeltaError

    # Only the columns that are used: a table of documents may have long metadata.
    try:
        corpus = _rows(lake, "corpus", "doc_id", "text", "lang", "domain")
        docs = _rows(lake, "docs", "doc_id", "text") if control == RAW else []
        copies = _rows(lake, "duplicates", "doc_id", "dup_of")
    except (DeltaError, OSError) as error:
        raise RecipeError(
            f"{lake}: no curated lake ({str(error).splitlines()[0][:160]}); run `gristmill run curate` "
            "first, and name a path, not a catalog"
        ) from None
    # Null language or domain: one group of its own.
    kept = [Doc(row["doc_id"], row["text"], row["lang"] or "?", row["domain"] or "?") for row in corpus]
    return (
        kept,
        [Doc(row["doc_id"], row["text"], "?", "?") for row in docs] if control == RAW else kept,
        {(row["doc_id"], row["dup_of"]) for row in copies},
    )


def read_lakes(lake: str, against: str | None) -> tuple[list[Doc], list[Doc], set[tuple[str, str]]]:
    """As `read_lake`; `against`: a lake whose corpus is the control, and whose duplicates count, too.

    Raises RecipeError also when no document of both has the same text: then nothing can be held out.
    """
    if against is None:
        return read_lake(lake)
    (kept, _, copies), (_, others, more) = read_lake(lake), read_lake(against, OTHER)
    if not in_both(kept, others):
        raise RecipeError(
            f"{against}: no document of its corpus stands with the same text in that of {lake}; name two "
            "lakes of the same documents"
        )
    return kept, others, copies | more


def in_both(kept: Iterable[Doc], others: Iterable[Doc]) -> list[Doc]:
    """The documents of `kept` that stand in `others` under the same id with the same text."""
    theirs = {(doc.id, doc.text) for doc in others}
    return [doc for doc in kept if (doc.id, doc.text) in theirs]


def _rows(lake: str, table: str, *columns: str) -> list[dict[str, Any]]:
    """Columns of a table, by the query engine of delta-rs: its plain reader does not support deletion
    vectors, which `corpus` has."""
    import pyarrow as pa
    from deltalake import DeltaTable, QueryBuilder

    query = f"SELECT {', '.join(columns)} FROM {table}"
    batches_of_rows = QueryBuilder().register(table, DeltaTable(f"{lake}/{table}")).execute(query)
    return list(pa.table(batches_of_rows.read_all()).to_pylist())


def seeded_order(docs: Iterable[Doc], seed: int) -> list[Doc]:
    """The documents by a seeded hash, whatever the order of `docs`."""
    return sorted(docs, key=lambda doc: (seeded(seed, doc.id), doc.text))


def hold_out(
    kept: Sequence[Doc],
    control: Sequence[Doc],
    copies: set[tuple[str, str]],
    held_out: int,
    seed: int,
    control_name: str = RAW,
) -> tuple[list[Doc], dict[str, list[Doc]]]:
    """`held_out` documents of each language, and the documents left for each arm.

    Copies of held-out documents are left for neither, also copies of copies.
    """
    candidates = in_both(kept, control) if control_name == OTHER else kept
    # By language, or a rare one might have no held-out document.
    chosen = [
        doc
        for lang in sorted({doc.lang for doc in candidates})
        for doc in seeded_order((d for d in candidates if d.lang == lang), seed)[:held_out]
    ]
    # By id and, for copies that no job compared, by text.
    excluded = {doc.id for doc in chosen}
    texts = {doc.text for doc in chosen}
    # Pairs are followed in both directions until nothing is added: a
    # held-out document may be the survivor or, in an earlier job, the copy.
    while more := {a for a, b in copies if b in excluded and a not in excluded} | {
        b for a, b in copies if a in excluded and b not in excluded
    }:
        excluded |= more
    return chosen, {
        arm: [doc for doc in docs if doc.id not in excluded and doc.text not in texts]
        for arm, docs in ((KEPT, kept), (control_name, control))
    }


def stream(docs: Sequence[Doc], n_bytes: int) -> list[int]:
    """The first `n_bytes` tokens of the documents, each document after an END."""
    tokens: list[int] = []
    for doc in docs:
        tokens += [END, *doc.text.encode()]
        if len(tokens) >= n_bytes:
            break
    return tokens[:n_bytes]


def batches(tokens: Sequence[int], size: int) -> Iterator[list[list[int]]]:
    """Rows of CONTEXT tokens, `size` at a time; a rest that fills no row is dropped."""
    rows = [list(tokens[i : i + CONTEXT]) for i in range(0, len(tokens) - CONTEXT + 1, CONTEXT)]
    for i in range(0, len(rows), size):
        yield rows[i : i + size]


def trained(tokens: Sequence[int], seed: int, options: argparse.Namespace) -> Any:
    """A GPT-2 of `options.layers` and `options.width`, trained on the tokens for one epoch."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    # No dropout: within one epoch nothing repeats, and the arms differ by their text only.
    torch.manual_seed(seed)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=END + 1,
            n_positions=CONTEXT,
            n_layer=options.layers,
            n_head=4,
            n_embd=options.width,
            bos_token_id=END,
            eos_token_id=END,
            resid_pdrop=0.0,
            embd_pdrop=0.0,
            attn_pdrop=0.0,
        )
    ).train()
    parts = list(batches(tokens, options.batch))
    optimizer = torch.optim.AdamW(model.parameters(), lr=options.rate, weight_decay=0.01)
    # Ten steps of warm-up, then a cosine to 0.
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1.0, (step + 1) / 10) * 0.5 * (1 + math.cos(math.pi * step / len(parts)))
    )
    # labels=rows: the model shifts them itself.
    for part in parts:
        rows = torch.tensor(part)
        optimizer.zero_grad()
        model(input_ids=rows, labels=rows).loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
    return model.eval()


def bits(model: Any, held_out: Sequence[Doc]) -> list[float]:
    """Bits per byte of the first READ_BYTES of each held-out document."""
    import torch

    bits_per_byte = []
    for doc in held_out:
        text = list(doc.text.encode()[:READ_BYTES])
        nats = 0.0
        with torch.inference_mode():
            for i in range(0, len(text), CONTEXT - 1):
                # Each window begins with the byte before it (END
                # at first), so every byte is predicted once.
                row = torch.tensor([[END if i == 0 else text[i - 1], *text[i : i + CONTEXT - 1]]])
                logits = model(input_ids=row).logits[0, :-1].float()
                nats += float(torch.nn.functional.cross_entropy(logits, row[0, 1:], reduction="sum"))
        bits_per_byte.append(nats / max(len(text), 1) / math.log(2))
    return bits_per_byte


def validate(options: argparse.Namespace) -> dict[str, Any]:
    """The result as printed. Raises RecipeError when an arm has less than `options.tokens` bytes of text."""
    _, transformers = import_modules("torch", "transformers")
    transformers.utils.logging.set_verbosity_error()
    control = OTHER if options.against else RAW
    lakes = read_lakes(options.lake, options.against)
    held_out, left = hold_out(*lakes, options.held, options.seed, control)
    held_out = [doc for doc in held_out if doc.text]
    # Both arms read the same number of bytes, so the smaller one decides.
    too_short = {
        arm: size
        for arm, docs in left.items()
        if (size := sum(len(doc.text.encode()) + 1 for doc in docs)) < options.tokens
    }
    if too_short:
        raise RecipeError(
            f"{options.lake}: "
            f"{', '.join(f'{size:,} bytes of {arm} text' for arm, size in too_short.items())}, "
            f"wanted {options.tokens:,}; lower --tokens or --held"
        )
    began = time.monotonic()

    def run_arm(arm: str, seed: int) -> tuple[list[float], None]:
        losses_of_arm = bits(
            trained(stream(seeded_order(left[arm], seed), options.tokens), seed, options), held_out
        )
        print(f"{arm:<5} seed {seed}: {fmean(losses_of_arm):.4f} bits/byte on held-out text", flush=True)
        return losses_of_arm, None

    losses, _ = run_arms((KEPT, control), options, run_arm)
    # A document counts under all, its language, and its language with its domain.
    groups = {"all": list(range(len(held_out)))}
    for i, doc in enumerate(held_out):
        groups.setdefault(doc.lang, []).append(i)
        groups.setdefault(f"{doc.lang} {doc.domain}", []).append(i)
    return {
        "lake": options.lake,
        "against": options.against,
        "tokens": options.tokens,
        "layers": options.layers,
        "width": options.width,
        "seeds": options.seeds,
        "held": len(held_out),
        "seconds": round(time.monotonic() - began, 1),
        "bits_per_byte": means(losses),
        f"{control}_less_kept": {
            name: _difference(losses, control, at, held_out, options.seed)
            for name, at in sorted(groups.items(), key=lambda group: (group[0] != "all", group[0]))
        },
    }


def _difference(
    losses: dict[str, list[list[float]]], control: str, at: list[int], held_out: Sequence[Doc], seed: int
) -> dict[str, Any]:
    rows, kept = ([[row[i] for i in at] for row in losses[arm]] for arm in (control, KEPT))
    return compare(rows, kept, [held_out[i].id for i in at], seed)


def main(argv: list[str] | None = None) -> int:
    """Command line; returns the exit code (see gristmill.synth_worker.errors)."""
    flags = parser("validate.lm", __doc__)
    flags.add_argument("--lake", required=True, help="path of a curated lake")
    flags.add_argument(
        "--against",
        help="path of a lake of the same documents by another recipe: its corpus is the control",
    )
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
        help="first seed: of weights and of sampling; also of the held-out documents (default 7)",
    )
    flags.add_argument("--seeds", type=int, default=3, help="runs of each arm (default 3)")
    options = flags.parse_args(argv)

    def command() -> None:
        check_minimums(options, tokens=CONTEXT, held=1, layers=1, batch=1, seeds=1)
        # GPT-2 divides the width by its four heads.
        if options.width < 4 or options.width % 4:
            raise RecipeError(f"--width {options.width}: wanted a multiple of 4")
        result = validate(options)
        print_result(
            {
                f"{control} less kept, {name}": each
                for control in (RAW, OTHER)
                for name, each in result.get(f"{control}_less_kept", {}).items()
            },
            "bits/byte ",
            result,
        )

    return run_command(command)


if __name__ == "__main__":
    sys.exit(main())
