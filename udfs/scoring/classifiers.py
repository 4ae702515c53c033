"""Learnt quality scorers: what a trained model is, how it travels, how it scores whole Arrow batches. Trained
by gristmill.udfs.scoring.training.

Five kinds. `linear`: logistic regression over TF-IDF of hashed n-grams (gristmill.udfs.scoring.grams);
`trees`: gradient boosting over the measures of `signals`, which needs no text; `fasttext`: a supervised
fastText model over words (jieba's for Chinese), as CCI4.0 and DCLM use it; `importance_weights` and
`word_stats`: likeness to a reference by counted words, for each language (gristmill.udfs.scoring.importance).
Each ends in a logit that Platt's scaling turns into a probability of being good.
"""

import hashlib
import io
import json
import os
import pickle
import tempfile
from dataclasses import asdict, dataclass, field
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.rules import measures
from gristmill.udfs.scoring import importance
from gristmill.udfs.scoring.grams import GramParams, Grams, count_grams

Floats = npt.NDArray[np.float64]
# What `trees` look at: every number of `signals` but the score of the language, which another model would
# change.
MEASURES = tuple(
    f.name for f in measures.SIGNALS if f.type in (pa.int64(), pa.float64()) and f.name != "lang_score"
)
MAX_LOGIT = 30.0
SCORED: pa.Schema = pa.schema([("raw", pa.float64()), ("score", pa.float64())])


@dataclass(frozen=True)
class Classifier:
    """A trained scorer: `blob` is its arrays or trees as bytes, `slope` and `shift` are Platt's,
    `made_with` what must be there to load it."""

    name: str
    kind: str
    spec: dict[str, Any]
    blob: bytes
    slope: float = 1.0
    shift: float = 0.0
    made_with: dict[str, str] = field(default_factory=dict)

    @cached_property
    def version(self) -> str:
        """12 hex digits that name the model: equal version, equal scores.

        Kept, and sent along, as it takes a look at every byte.
        """
        about = json.dumps([self.kind, self.spec, self.slope, self.shift], sort_keys=True).encode()
        return hashlib.blake2b(about + self.blob, digest_size=6).hexdigest()

    @property
    def wants_text(self) -> bool:
        """Whether it reads text (else the columns MEASURES)."""
        return self.kind != "trees"

    @property
    def wants_lang(self) -> bool:
        """Whether it reads the column `lang` beside the text."""
        return self.kind in ("importance_weights", "word_stats")


def to_bytes(model: Classifier) -> bytes:
    """The whole model as one file: a line of JSON, then the blob."""
    head = {key: value for key, value in asdict(model).items() if key != "blob"}
    return json.dumps(head, sort_keys=True).encode() + b"\n" + model.blob


def from_bytes(data: bytes) -> Classifier:
    """The model of `to_bytes`.

    Raises ValueError when it is none, or was made with another version of what loads it.
    """
    head, _, blob = data.partition(b"\n")
    try:
        model = Classifier(**json.loads(head), blob=blob)
    except (ValueError, TypeError) as error:
        raise ValueError(
            "not a model of train_classifier (its first line is no JSON of one); train it again"
        ) from error
    for package, version in model.made_with.items():
        found = __import__(package).__version__
        if found.split(".")[:2] != version.split(".")[:2]:
            raise ValueError(
                f"model {model.name} was trained with {package} {version}, here is {found}; train it "
                "again or install that version"
            )
    return model


def weighted(grams: Grams, idf: npt.NDArray[np.float32]) -> tuple[Floats, Floats]:
    """log(1 + count) x idf of each gram, and the Euclidean length of each row (1 where it has none)."""
    values = np.log1p(grams.counts.astype(np.float64)) * idf[grams.buckets].astype(np.float64)
    return values, np.maximum(np.sqrt(row_sums(values * values, grams.ends)), 1e-12)


def row_sums(values: Floats, ends: npt.NDArray[np.int64]) -> Floats:
    """The sum of each row; 0 for an empty one. Independent of what else is in the batch."""
    sums = np.zeros(len(ends) - 1)
    full = np.flatnonzero(np.diff(ends))
    if len(full):
        sums[full] = np.add.reduceat(values, ends[:-1][full])
    return sums


@lru_cache(maxsize=8)
def _loaded(kind: str, blob: bytes) -> Any:
    """The model in the form that scores, once a process."""
    if kind == "linear":
        arrays = np.load(io.BytesIO(blob), allow_pickle=False)
        return arrays["weights"], arrays["idf"], float(arrays["bias"])
    if kind == "trees":
        return pickle.loads(blob)
    if kind in ("importance_weights", "word_stats"):
        return importance.unpacked(blob)
    import fasttext

    with tempfile.NamedTemporaryFile(suffix=".bin", delete=False) as file:
        file.write(blob)
    try:
        return fasttext.load_model(file.name)
    finally:
        os.unlink(file.name)


def raw_scores(model: Classifier, rows: pa.RecordBatch | pa.Table) -> Floats:
    """The uncalibrated logit of each row: of its `text` (and `lang`), or of its MEASURES for trees."""
    if model.kind == "linear":
        weights, idf, bias = _loaded(model.kind, model.blob)
        grams = count_grams(rows.column("text"), GramParams(**model.spec["grams"]))
        values, lengths = weighted(grams, idf)
        return row_sums(values * weights[grams.buckets], grams.ends) / lengths + bias
    if model.kind == "trees":
        return (
            np.asarray(_loaded(model.kind, model.blob).decision_function(as_matrix(rows)), np.float64)
            if rows.num_rows
            else np.zeros(0)
        )
    found = _loaded(model.kind, model.blob)
    if model.wants_lang:
        return (
            importance.score_importance if model.kind == "importance_weights" else importance.score_word_stats
        )(found, rows, model.spec)
    texts = [line_of_words(text or "", model.spec["max_chars"]) for text in rows.column("text").to_pylist()]
    return np.array([_fasttext_logit(found, text) for text in texts], np.float64)


def _fasttext_logit(model: Any, text: str) -> float:
    labels, found = model.predict([text], k=2)
    good = dict(zip(labels[0], found[0], strict=True)).get("__label__good", 0.0)
    share = min(max(float(good), 1e-9), 1 - 1e-9)
    return float(np.log(share / (1 - share)))


def line_of_words(text: str, max_chars: int) -> str:
    """The first `max_chars` code points as fastText wants them: one line, lower case, words apart by
    spaces; Han cut by jieba."""
    import jieba

    head = " ".join(text[:max_chars].lower().split())
    has_han = any("\u4e00" <= char <= "\u9fff" for char in head)
    return " ".join(word for word in jieba.cut(head, HMM=False) if word.strip()) if has_han else head


def as_matrix(rows: pa.RecordBatch | pa.Table) -> npt.NDArray[np.float64]:
    """(rows, MEASURES), counts and lengths by their logarithm; a missing measure is NaN, which trees
    accept."""
    columns = []
    for name in MEASURES:
        values = np.array(rows.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False), np.float64)
        columns.append(np.log1p(values) if measures.SIGNALS.field(name).type == pa.int64() else values)
    return np.stack(columns, axis=1)


def logits(model: Classifier, rows: pa.RecordBatch | pa.Table) -> Floats:
    """The calibrated logit of each row, -30 to 30."""
    return np.clip(raw_scores(model, rows) * model.slope + model.shift, -MAX_LOGIT, MAX_LOGIT)


def probability(logit: Floats) -> Floats:
    """1 / (1 + exp(-logit))."""
    return 1.0 / (1.0 + np.exp(-logit))


def score(model: Classifier, rows: pa.RecordBatch | pa.Table) -> pa.RecordBatch:
    """SCORED of each row: the calibrated logit, and its probability."""
    # the last bits of a double are not the same on every machine
    raw = np.round(logits(model, rows), 6)
    return pa.record_batch([pa.array(raw), pa.array(probability(raw))], schema=SCORED)
