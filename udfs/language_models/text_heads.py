"""What a text classifier of a Hugging Face folder says of texts: transformers in the executor's Python.

torch comes in only when text does.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.language_models.causal_lm import CHARS, DIGITS, open_model, passes

Floats = npt.NDArray[np.float64]
HEAD_SCORES: pa.Schema = pa.schema([("raw", pa.float64()), ("score", pa.float64()), ("detail", pa.string())])
MAX_LOGIT = 30.0


@dataclass(frozen=True)
class Head:
    """How what the model puts out becomes a score.

    regression: one number, `lowest` (0) to `highest` (1), cut there. softmax: classes of which a text is one;
    the share of `labels` together (None: of the likeliest one, which `detail` names). sigmoid: labels that a
    text may have several of; the largest share among `labels`.
    """

    kind: Literal["regression", "softmax", "sigmoid"]
    labels: tuple[str, ...] | None = None
    lowest: float = 0.0
    highest: float = 1.0


def sums(logits: Floats) -> Floats:
    """log(sum(exp)) of each row."""
    top = logits.max(axis=1, keepdims=True)
    return np.asarray((top + np.log(np.exp(logits - top).sum(axis=1, keepdims=True)))[:, 0])


def judged(logits: Floats, names: Sequence[str], head: Head) -> tuple[Floats, Floats, list[str | None]]:
    """Of (rows, labels) as the model puts them out: raw, score (0 to 1) and detail of each row.

    raw is the number of a regression, else the log odds of what the score is the share of, -30 to 30.
    """
    logits = np.asarray(logits, np.float64)
    if not len(logits):
        return np.zeros(0), np.zeros(0), []
    if head.kind == "regression":
        raw = np.round(logits[:, 0], DIGITS)
        return raw, np.clip((raw - head.lowest) / (head.highest - head.lowest), 0.0, 1.0), [None] * len(raw)
    best = logits.argmax(axis=1)
    wanted = (
        np.isin(np.array(names), head.labels)
        if head.labels is not None
        else np.arange(len(names)) == best[:, None]
    )
    wanted = np.broadcast_to(wanted, logits.shape)
    inside = np.where(wanted, logits, -np.inf)
    odds = (
        inside.max(axis=1)
        if head.kind == "sigmoid"
        else sums(inside) - sums(np.where(wanted, -np.inf, logits))
    )
    raw = np.round(np.clip(odds, -MAX_LOGIT, MAX_LOGIT), DIGITS)
    top = logits.max(axis=1)
    shares = 1 / (1 + np.exp(-top)) if head.kind == "sigmoid" else np.exp(top - sums(logits))
    details = [
        json.dumps({"label": names[i], "share": round(float(share), DIGITS)}, ensure_ascii=False)
        for i, share in zip(best, shares, strict=True)
    ]
    return raw, 1 / (1 + np.exp(-raw)), list(details)


@lru_cache(maxsize=4)
def load(folder: str, device: str) -> tuple[Any, Any, list[str]]:
    """Model, tokenizer and names of the labels. Raises RuntimeError when packages or files are missing."""
    model, tokenizer = open_model(folder, device, "AutoModelForSequenceClassification")
    # a causal model with a head: it looks for the last token that is no padding
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model.config.pad_token_id = tokenizer.pad_token_id
    return model, tokenizer, [model.config.id2label[i] for i in range(model.config.num_labels)]


def outputs(
    texts: Sequence[str], folder: str, device: str, max_tokens: int, padded_tokens: int
) -> tuple[list[int], Floats]:
    """Tokens of each text, at most `max_tokens` from its beginning (those that open and close it included),
    and what the model puts out: (texts, labels).

    Texts of like length share a pass. One without any token has zeros.
    """
    import torch

    model, tokenizer, names = load(folder, device)
    heads = [text[: max_tokens * CHARS] for text in texts]
    tokens: list[list[int]] = (
        list(tokenizer(heads, truncation=True, max_length=max_tokens, verbose=False)["input_ids"])
        if heads
        else []
    )
    found = np.zeros((len(tokens), len(names)))
    for part in passes([len(each) for each in tokens], padded_tokens):
        rows = torch.full(
            (len(part), max(len(tokens[i]) for i in part)), tokenizer.pad_token_id, dtype=torch.long
        )
        mask = torch.zeros_like(rows)
        for row, i in enumerate(part):
            rows[row, : len(tokens[i])] = torch.tensor(tokens[i])
            mask[row, : len(tokens[i])] = 1
        with torch.inference_mode():
            found[part] = (
                model(input_ids=rows.to(device), attention_mask=mask.to(device)).logits.double().cpu().numpy()
            )
    return [len(each) for each in tokens], found


def score_texts(
    texts: pa.Array, folder: str, device: str, head: Head, max_tokens: int, padded_tokens: int
) -> pa.RecordBatch:
    """HEAD_SCORES of each text; nulls for one that is null or has no token. Raises RuntimeError as `load`."""
    given = [text or "" for text in texts.to_pylist()]
    n_tokens, logits = outputs(given, folder, device, max_tokens, padded_tokens)
    raw, score, details = judged(logits, load(folder, device)[2], head)
    none = (np.asarray(n_tokens, np.int64) == 0) | texts.is_null().to_numpy(zero_copy_only=False)
    columns = (raw, score, np.array(details, object))
    made = [
        pa.array(column, field.type, mask=none) for column, field in zip(columns, HEAD_SCORES, strict=True)
    ]
    return pa.record_batch(made, schema=HEAD_SCORES)
