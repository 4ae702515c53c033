"""How likely texts are to a causal language model of a Hugging Face folder: transformers in the
executor's Python. torch comes in only when text does."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

LOSSES: pa.Schema = pa.schema(
    [
        ("n_tokens", pa.int64()),
        ("log_prob", pa.float64()),
        ("perplexity", pa.float64()),
        ("loss", pa.float64()),
    ]
)
# characters of a text that are looked at for each token that is wanted
CHARS = 16
# decimals of a loss that are kept: the last bits depend on what else is in its pass
DIGITS = 4


def missing() -> list[str]:
    """The packages of the extra `loss` that are not installed here."""
    return [name for name in ("torch", "transformers") if importlib.util.find_spec(name) is None]


def look(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """mapInArrow: anything -> name, a row for each package that this executor's Python is missing."""
    for _ in batches:
        yield pa.record_batch([pa.array(missing(), pa.string())], names=["name"])


def need(folder: str) -> None:
    """Raises RuntimeError where packages, or the model in `folder`, are missing in this Python."""
    if missing():
        raise RuntimeError(
            f"{' and '.join(missing())} not installed in this Python; pip install 'gristmill[loss]' "
            "on every executor"
        )
    if not Path(folder, "config.json").is_file():
        raise RuntimeError(
            f"{folder}: no config.json here; the folder of the model must lie at the same path on "
            "every executor"
        )


def open_model(folder: str, device: str, auto: str) -> tuple[Any, Any]:
    """Model, ready to be asked, and tokenizer of a folder by the class `auto` of transformers.

    Raises RuntimeError as `need` does.
    """
    need(folder)
    import torch
    import transformers

    if device == "cpu":
        torch.set_num_threads(1)  # Spark runs a task on each core
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
    kind = getattr(transformers, auto)
    model: Any = kind.from_pretrained(folder, local_files_only=True, dtype=torch.float32)
    return model.to(device).eval(), tokenizer


@lru_cache(maxsize=1)
def load(folder: str, device: str, bos_token: str | None) -> tuple[Any, Any, int]:
    """Model, tokenizer and the token that opens a text (`bos_token`; None: bos_token, else eos_token).

    Raises RuntimeError when packages, files or such a token are missing.
    """
    model, tokenizer = open_model(folder, device, "AutoModelForCausalLM")
    token = bos_token or tokenizer.bos_token or tokenizer.eos_token
    if token not in tokenizer.get_vocab():
        raise RuntimeError(
            f"{folder}: bos_token: the tokenizer has no token {token!r}; name the one that stood before "
            "each document when the model was trained"
        )
    return model, tokenizer, int(tokenizer.convert_tokens_to_ids(token))


def passes(lengths: Sequence[int], most: int) -> Iterator[list[int]]:
    """Places of texts that go through the model together: of like length, `most` tokens with padding
    (one text at the least); empty ones in none."""
    part: list[int] = []
    # By length, then position: padding is least, and the same texts always share a pass.
    for i in sorted((i for i, length in enumerate(lengths) if length), key=lambda i: (lengths[i], i)):
        if part and lengths[i] * (len(part) + 1) > most:
            yield part
            part = []
        part.append(i)
    if part:
        yield part


def mean_losses(
    texts: Sequence[str], folder: str, device: str, bos_token: str | None, max_tokens: int, padded_tokens: int
) -> tuple[list[int], list[float]]:
    """Of each text: its tokens, at most `max_tokens` from its beginning, and their mean loss in nats (0
    tokens: 0)."""
    import torch

    model, tokenizer, first = load(folder, device, bos_token)
    found = (
        tokenizer(
            [text[: max_tokens * CHARS] for text in texts],
            add_special_tokens=False,
            truncation=True,
            max_length=max_tokens,
            verbose=False,
        )
        if texts
        else {}
    )
    tokens: list[list[int]] = list(found.get("input_ids", []))
    losses = [0.0] * len(tokens)
    for part in passes([len(each) for each in tokens], padded_tokens):
        # One more than the longest text, for the opening token.
        width = max(len(tokens[i]) for i in part) + 1
        # padding stands behind, where no token before it looks
        rows = torch.full((len(part), width), first, dtype=torch.long)
        mask = torch.zeros_like(rows)
        for row, i in enumerate(part):
            rows[row, 1 : len(tokens[i]) + 1] = torch.tensor(tokens[i])
            mask[row, : len(tokens[i]) + 1] = 1
        rows, mask = rows.to(device), mask.to(device)
        with torch.inference_mode():
            logits = model(input_ids=rows, attention_mask=mask, use_cache=False).logits
            for row, i in enumerate(part):
                n = len(tokens[i])
                each = torch.nn.functional.cross_entropy(
                    logits[row, :n].float(), rows[row, 1 : n + 1], reduction="none"
                )
                # In double precision: a sum of thousands of floats would differ by its order.
                losses[i] = float(each.double().mean())
    return [len(each) for each in tokens], losses


def score_texts(
    texts: pa.Array, folder: str, device: str, bos_token: str | None, max_tokens: int, padded_tokens: int
) -> pa.RecordBatch:
    """LOSSES of each text; nulls for one that is null or has no token. Raises RuntimeError as `load`."""
    given = [text or "" for text in texts.to_pylist()]
    n_tokens, means = mean_losses(given, folder, device, bos_token, max_tokens, padded_tokens)
    counts, losses = np.asarray(n_tokens, np.int64), np.round(np.asarray(means, np.float64), DIGITS)
    none = (counts == 0) | texts.is_null().to_numpy(zero_copy_only=False)
    columns = [pa.array(values, mask=none) for values in (counts, -losses * counts, np.exp(losses), losses)]
    return pa.record_batch(columns, schema=LOSSES)
