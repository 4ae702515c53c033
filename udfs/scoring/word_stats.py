"""Kind `word_stats`: likeness to a reference by statistics of word frequencies, for each language.

Shares of a text's words among the commonest N of the good examples, and their mean log frequency there; the
same among the bad examples; weighed by a logistic regression. Counts and tables are those of
gristmill.udfs.scoring.importance_weights.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.scoring.grams import Floats, Grams, row_sums
from gristmill.udfs.scoring.importance_weights import (
    FINE,
    Counts,
    count_tables,
    languages_of,
    load,
    packed,
    read_grams,
    rows_of,
    tables_of,
)
from gristmill.udfs.scoring.kind import Rows, Trainer

__all__ = ["HAS_SLICES", "READS", "Params", "fit", "load", "score"]

READS: tuple[str, ...] = ("text", "lang")
HAS_SLICES = True
# Of lbfgs at most; a few dozen numbers of one scale come to rest sooner.
MAX_STEPS = 500


@dataclass(frozen=True)
class Params:
    """The numbers of a recipe."""

    max_chars: int = field(metadata={"gt": 0})  # characters of a text that are read
    # a word counts each time it stands in a text; false: once
    count_repeats: bool
    # how many of the commonest words
    vocabulary_sizes: list[int] = field(metadata={"min_length": 1})
    inverse_regularization: float = field(metadata={"gt": 0})  # C of the regression that weighs them

    def __post_init__(self) -> None:
        if min(self.vocabulary_sizes) < 1:
            raise ValueError(f"vocabulary_sizes {self.vocabulary_sizes}: wanted 1 word or more in each")

    def spec(self) -> dict[str, Any]:
        """What the model keeps."""
        return asdict(self)


def features(
    grams: Grams, counts: Counts, at: Counts, tops: Sequence[int], own: npt.NDArray[np.bool_] | None = None
) -> Floats:
    """(rows, 2 x (tops + 1)): the share of each row's words among the commonest N of its table, for each N,
    and the mean log frequency; then their squares, as too many common words are as odd as too few.

    `own`: rows that were counted in; their own words are taken off, as those of a text never seen would not
    be there.
    """
    row = rows_of(grams)
    # Otherwise every training text would find its rare words in the table, and new texts would not.
    times = counts[at[row], grams.buckets] - (0 if own is None else own[row] * grams.counts)
    n_words = np.maximum(row_sums(grams.counts, grams.ends), 1)
    ordered = -np.sort(-counts, axis=1)
    least = [np.maximum(ordered[:, min(top, counts.shape[1]) - 1], 1)[at][row] for top in tops]
    columns = [row_sums(grams.counts * (times >= each), grams.ends) / n_words for each in least]
    # Add-one smoothing over the buckets: a word that was never counted has a finite log frequency.
    total = np.log(counts.sum(axis=1) + counts.shape[1])[at][row]
    values = np.stack(
        [*columns, row_sums(grams.counts * (np.log(np.maximum(times, 0) + 1) - total), grams.ends) / n_words],
        axis=1,
    )
    return np.concatenate([values, values * values], axis=1)


def train_features(
    grams: Grams, langs: list[str], train: npt.NDArray[Any], labels: Counts, spec: dict[str, Any]
) -> bytes:
    """The words of the good and of the bad rows by language, and what each feature weighs there.

    Needs scikit-learn.
    """
    from sklearn.linear_model import LogisticRegression

    known = languages_of(langs, train, labels)
    at, is_seen = tables_of(langs, known), np.isin(np.arange(len(langs)), train)
    both = [count_tables(grams, is_seen & (labels == label), at, len(known), FINE) for label in (1, 0)]
    lines = []
    for table in range(len(known) + 1):
        is_all = table == len(known)
        values = np.concatenate(
            [
                features(grams, counts, np.full_like(at, table), spec["vocabulary_sizes"], labels == label)
                for counts, label in zip(both, (1, 0), strict=True)
            ],
            axis=1,
        )
        chosen = is_seen & (is_all | (at == table))
        # Standardised for the solver; the weights are scaled
        # back, so that scoring needs no mean or scale.
        mean, scale = values[chosen].mean(axis=0), np.maximum(values[chosen].std(axis=0), 1e-6)
        fitted = LogisticRegression(
            C=spec["inverse_regularization"], class_weight="balanced", max_iter=MAX_STEPS
        ).fit((values[chosen] - mean) / scale, labels[chosen])
        weights = fitted.coef_[0] / scale
        lines.append([*weights, float(fitted.intercept_[0] - weights @ mean)])
    return packed(known, counts=np.stack(both).astype(np.int32), lines=np.round(np.array(lines), 6))


def fit(spec: dict[str, Any], rows: pa.Table) -> Trainer:
    """The words of the good and of the bad rows by language, and what each feature weighs there."""
    grams, langs = read_grams(rows.column("text"), spec), [str(lang) for lang in rows["lang"].to_pylist()]
    return lambda train, labels: train_features(grams, langs, train, labels, spec)


def score(model: dict[str, Any], rows: Rows, spec: dict[str, Any]) -> Floats:
    """The logit of each row (text, lang)."""
    grams = read_grams(rows.column("text"), spec)
    at = tables_of(rows.column("lang").to_pylist(), model["known"].tolist())
    lines, counts = model["lines"][at], model["counts"]
    # models of before 2026-11-28 know the good rows only
    tables = counts if counts.ndim == 3 else counts[None]
    values = np.concatenate([features(grams, each, at, spec["vocabulary_sizes"]) for each in tables], axis=1)
    return np.asarray((values * lines[:, :-1]).sum(axis=1) + lines[:, -1])
