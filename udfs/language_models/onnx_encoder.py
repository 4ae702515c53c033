"""Vectors of texts by sentence encoders in ONNX folders: onnxruntime in the executor's Python, no torch.

A folder holds `model.onnx` (inputs input_ids, attention_mask and, where the model has it, token_type_ids;
first output the states of the tokens) and `tokenizer.json`. `make models` puts two of BAAI's there.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.language_models.embedding import DIGITS, EMBEDDED
from gristmill.udfs.text.emptiness import has_no_content

FILES = ("model.onnx", "tokenizer.json")


@dataclass(frozen=True)
class Encoder:
    """An encoder: its folder, and how the states of the tokens become one vector.

    `cls`: the state of the first token (bge); `mean`: the mean over the tokens of the text (E5, MiniLM).
    """

    folder: str
    pooling: Literal["cls", "mean"]
    max_tokens: int  # of a text, from its beginning; those that open and close it included


def missing() -> list[str]:
    """The packages of the extra `onnx` that are not installed here."""
    return [name for name in ("onnxruntime", "tokenizers") if importlib.util.find_spec(name) is None]


@lru_cache(maxsize=4)
def _load(encoder: Encoder) -> tuple[Any, Any, frozenset[str]]:
    """Session, tokenizer and names of the inputs. Raises RuntimeError when packages or files are missing."""
    if missing():
        raise RuntimeError(
            f"{' and '.join(missing())} not installed in this Python; pip install 'gristmill[onnx]' "
            "on every executor"
        )
    absent = [name for name in FILES if not Path(encoder.folder, name).is_file()]
    if absent:
        raise RuntimeError(
            f"{encoder.folder}: no {' and no '.join(absent)} here; `make models` fetches two encoders, and "
            "the folder must lie at the same path on every executor"
        )
    import onnxruntime
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(Path(encoder.folder, "tokenizer.json")))
    tokenizer.enable_truncation(encoder.max_tokens)
    tokenizer.no_padding()
    options = onnxruntime.SessionOptions()
    # Spark runs a task on each core
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        str(Path(encoder.folder, "model.onnx")), options, providers=["CPUExecutionProvider"]
    )
    return session, tokenizer, frozenset(each.name for each in session.get_inputs())


def vector(text: str, encoder: Encoder) -> npt.NDArray[np.float32]:
    """The vector of one text, of length 1 (zeros for a text that says nothing).

    One text at a time: a quantised model scales its numbers by the largest of the whole pass, so in company a
    vector would depend on the company, and rows on the partitions.
    """
    session, tokenizer, inputs = _load(encoder)
    ids = np.array([tokenizer.encode(text).ids], np.int64)
    given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
    states = session.run(None, {name: given[name] for name in inputs})[0][0]
    pooled = states[0] if encoder.pooling == "cls" else states.mean(axis=0)
    if has_no_content(text):
        return np.zeros(len(pooled), np.float32)
    return np.round(pooled / max(float(np.linalg.norm(pooled)), 1e-9), DIGITS).astype(np.float32)


def encode_languages(texts: pa.Array, langs: pa.Array, encoders: Mapping[str, Encoder]) -> pa.Array:
    """The vector of each text by the encoder of its language, lists of float32; null for other languages."""
    return pa.array(
        [
            vector(text or "", encoders[lang]) if lang in encoders else None
            for text, lang in zip(texts.to_pylist(), langs.to_pylist(), strict=True)
        ],
        EMBEDDED,
    )
