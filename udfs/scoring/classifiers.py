"""Learnt quality scorers: their kinds, what a trained model is, how it travels, how it scores whole Arrow
batches. Trained by gristmill.udfs.scoring.training.

A kind is a module of this folder (gristmill.udfs.scoring.kind). Each ends in a logit that Platt's scaling
turns into a probability of being good.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa

from gristmill.udfs.scoring import fasttext, importance_weights, linear, trees, word_stats
from gristmill.udfs.scoring.grams import Floats
from gristmill.udfs.scoring.kind import Kind, Rows

# `kind` of a recipe -> its module
KINDS: dict[str, Kind] = {
    "linear": linear,
    "trees": trees,
    "fasttext": fasttext,
    "importance_weights": importance_weights,
    "word_stats": word_stats,
}
MAX_LOGIT = 30.0
SCORED: pa.Schema = pa.schema([("raw", pa.float64()), ("score", pa.float64())])


@dataclass(frozen=True)
class Classifier:
    """A trained scorer: `blob` is its arrays or trees as bytes, `slope` and `shift` are
    Platt's."""

    name: str
    kind: str
    spec: dict[str, Any]
    blob: bytes
    slope: float = 1.0
    shift: float = 0.0

    @cached_property
    def version(self) -> str:
        """12 hex digits that name the model: equal version, equal scores.

        Kept, and sent along, as it takes a look at every byte.
        """
        # Not the name: the same training under another name gives the same scores.
        about = json.dumps([self.kind, self.spec, self.slope, self.shift], sort_keys=True).encode()
        return hashlib.blake2b(about + self.blob, digest_size=6).hexdigest()

    @property
    def reads(self) -> tuple[str, ...]:
        """Columns that it scores by. Raises ValueError for a kind that this version does not have."""
        if self.kind not in KINDS:
            raise ValueError(
                f"model {self.name} is of kind {self.kind!r}, wanted one of {', '.join(KINDS)}; train it "
                "with this version, or score with the version that trained it"
            )
        return KINDS[self.kind].READS

    @property
    def wants_text(self) -> bool:
        """Whether it reads text (else measures of `signals`)."""
        return "text" in self.reads

    @property
    def wants_lang(self) -> bool:
        """Whether it reads the column `lang`, too."""
        return "lang" in self.reads


def to_bytes(model: Classifier) -> bytes:
    """The whole model as one file: a line of JSON, then the blob."""
    head = {key: value for key, value in asdict(model).items() if key != "blob"}
    return json.dumps(head, sort_keys=True).encode() + b"\n" + model.blob


def from_bytes(data: bytes) -> Classifier:
    """The model of `to_bytes`.

    Raises ValueError when it is none, or one of a version whose trees were a pickle.
    """
    # JSON escapes line ends, so the first one in the file is the end of the head.
    head, _, blob = data.partition(b"\n")
    try:
        fields = json.loads(head)
        made_with = fields.pop("made_with", None)
        model = Classifier(**fields, blob=blob)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(
            "not a model of train_classifier (its first line is no JSON of one); train it again"
        ) from error
    # Opening a pickle runs whatever code it names, so nothing here does, not even to convert one.
    if made_with:
        raise ValueError(
            f"model {model.name} is of a version that stored trees as a pickle, which can run code and is no "
            "longer opened; train it again: run train_classifier once with reuse_model: false"
        )
    return model


@lru_cache(maxsize=8)
def loaded(kind: str, blob: bytes) -> Any:
    """The model in the form that scores, once a process."""
    return KINDS[kind].load(blob)


def raw_scores(model: Classifier, rows: Rows) -> Floats:
    """(rows,): the uncalibrated logit of each row, by its columns `model.reads`.

    Raises ValueError when the rows lack one of them.
    """
    # A missing column would surface as a KeyError of Arrow without the name of the model.
    missing = set(model.reads) - set(rows.schema.names)
    if missing:
        raise ValueError(
            f"model {model.name} ({model.kind}) reads {', '.join(sorted(missing))}, not in the rows"
        )
    return KINDS[model.kind].score(loaded(model.kind, model.blob), rows, model.spec)


def logits(model: Classifier, rows: Rows) -> Floats:
    """The calibrated logit of each row, -30 to 30."""
    # At 30 the probability is 1 - 1e-13: a larger logit adds nothing, and exp() stays finite.
    return np.clip(raw_scores(model, rows) * model.slope + model.shift, -MAX_LOGIT, MAX_LOGIT)


def probability(logit: Floats) -> Floats:
    """1 / (1 + exp(-logit))."""
    return 1.0 / (1.0 + np.exp(-logit))


def score(model: Classifier, rows: Rows) -> pa.RecordBatch:
    """SCORED of each row: the calibrated logit, and its probability."""
    # the last bits of a double are not the same on every machine
    raw = np.round(logits(model, rows), 6)
    return pa.record_batch([pa.array(raw), pa.array(probability(raw))], schema=SCORED)
