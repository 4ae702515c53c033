"""Kind `fasttext`: supervised fastText over words (jieba's for Chinese), as CCI4.0 and DCLM use it."""

import os
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.scoring.grams import Floats
from gristmill.udfs.scoring.kind import SEED, Labels, Rows, Trainer

READS: tuple[str, ...] = ("text",)
HAS_SLICES = False
# fastText's names of parameters, by ours
SETTINGS = {"word_ngrams": "wordNgrams", "min_count": "minCount", "min_n": "minn", "max_n": "maxn"}


@dataclass(frozen=True)
class Params:
    """The numbers of a recipe."""

    epoch: int = field(metadata={"gt": 0})
    lr: float = field(metadata={"gt": 0})
    dim: int = field(metadata={"gt": 0})
    word_ngrams: int = field(metadata={"gt": 0})
    # characters in the shortest part of a word, its two borders counted, that is learnt like a word
    min_n: int = field(metadata={"ge": 0})
    max_n: int = field(metadata={"ge": 0})  # in the longest; 0: words only
    bucket: int = field(metadata={"gt": 0})
    min_count: int = field(metadata={"gt": 0})
    max_chars: int = field(metadata={"gt": 0})  # characters of a text that are read

    def spec(self) -> dict[str, Any]:
        """What the model keeps: the parameters by fastText's own names."""
        return {SETTINGS.get(name, name): value for name, value in asdict(self).items()}


def line_of_words(text: str, max_chars: int) -> str:
    """The first `max_chars` code points as fastText wants them: one line, lower case, words apart by
    spaces; Han cut by jieba."""
    import jieba

    head = " ".join(text[:max_chars].lower().split())
    # jieba is slow; text without Han characters is split at white space alone.
    has_han = any("\u4e00" <= char <= "\u9fff" for char in head)
    return " ".join(word for word in jieba.cut(head, HMM=False) if word.strip()) if has_han else head


def fit(spec: dict[str, Any], rows: pa.Table) -> Trainer:
    """fastText supervised, one thread: with several its result changes from run to run."""
    import fasttext

    lines = [line_of_words(text or "", spec["max_chars"]) for text in rows.column("text").to_pylist()]

    def make(train: npt.NDArray[Any], labels: Labels) -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            at = Path(folder) / "train.txt"
            # by labels they would be forgotten in their order
            shuffled = np.random.default_rng(SEED).permutation(train)
            at.write_text(
                "".join(f"__label__{'good' if labels[i] else 'bad'} {lines[i]}\n" for i in shuffled),
                encoding="utf-8",
                errors="replace",
            )
            settings = {
                key: spec[key]
                for key in ("epoch", "lr", "dim", "wordNgrams", "minn", "maxn", "bucket", "minCount")
            }
            model = fasttext.train_supervised(str(at), thread=1, verbose=0, seed=SEED, **settings)
            model.save_model(f"{folder}/model.bin")
            return (Path(folder) / "model.bin").read_bytes()

    return make


def load(blob: bytes) -> Any:
    """fastText's model, which it reads from a file only."""
    import fasttext

    with tempfile.NamedTemporaryFile(suffix=".bin", delete=False) as file:
        file.write(blob)
    try:
        return fasttext.load_model(file.name)
    finally:
        os.unlink(file.name)


def score(model: Any, rows: Rows, spec: dict[str, Any]) -> Floats:
    """The logit of fastText's share of good for each text."""
    # One line each: fastText ends a text at a line end.
    texts = [line_of_words(text or "", spec["max_chars"]) for text in rows.column("text").to_pylist()]
    return np.array([_logit(model, text) for text in texts], np.float64)


def _logit(model: Any, text: str) -> float:
    labels, shares = model.predict([text], k=2)
    good = dict(zip(labels[0], shares[0], strict=True)).get("__label__good", 0.0)
    # A share of 0 or 1 has no finite logit.
    share = min(max(float(good), 1e-9), 1 - 1e-9)
    return float(np.log(share / (1 - share)))
