"""Likeness to a reference by counted words: importance weights of hashed n-grams, and statistics of word
frequencies. A table for each language.

`importance_weights` is the weight of DSIR (Xie et al. 2023, arXiv:2302.03169): runs of one and two words in
buckets, a bag each for the target and the raw slice, log p_target - log p_raw of a text. Ours is the mean
over its grams (nats a gram): the sum, by which DSIR draws, tells long from short texts. `word_stats`: shares
of a text's words among the commonest N of the target, and their mean log frequency there; the same in the raw
slice; weighed by a logistic regression. All counts are whole numbers, so that neither order nor partitions
move a model. A language without examples has the table of all together.
"""

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.scoring.grams import GramParams, Grams, count_grams

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
# buckets that words are counted in; those of `importance_weights` are this modulo its own
FINE = 1 << 18
# Of lbfgs at most; a few dozen numbers of one scale come to rest sooner.
MAX_STEPS = 500


def read(texts: pa.Array | pa.ChunkedArray, spec: dict[str, Any]) -> Grams:
    """Runs of one to `longest` words (word_stats: single words) of the first `max_chars` code points;
    without `count_repeats` each once a text."""
    found = count_grams(texts, GramParams("words", 1, spec.get("max_n", 1), FINE, spec["max_chars"]))
    return (
        found
        if spec.get("count_repeats", True)
        else Grams(found.buckets, np.ones_like(found.counts), found.ends)
    )


def rows_of(grams: Grams) -> Counts:
    """The row of each gram."""
    return np.repeat(np.arange(len(grams.ends) - 1), np.diff(grams.ends))


def tables_of(langs: Sequence[str | None], known: Sequence[str]) -> Counts:
    """The table of each row: its language's among `known`, else the last, that of all."""
    places = {lang: i for i, lang in enumerate(known)}
    return np.array([places.get(str(lang), len(known)) for lang in langs], np.int64)


def count_tables(
    grams: Grams, chosen: npt.NDArray[np.bool_], at: Counts, n_known: int, buckets: int
) -> Counts:
    """(n_known + 1, buckets): how often each gram stands in the `chosen` rows of each language, and in
    all of them."""
    row = rows_of(grams)
    taken = chosen[row]
    where = at[row][taken] * buckets + grams.buckets[taken] % buckets
    found = (
        np.bincount(where, weights=grams.counts[taken].astype(np.float64), minlength=(n_known + 1) * buckets)
        .astype(np.int64)
        .reshape(n_known + 1, buckets)
    )
    found[-1] = found.sum(axis=0)
    return found


def log_shares(counts: Counts, smoothing: float) -> Floats:
    """log of the share of each bucket in its table, `smoothing` counts added to each."""
    return np.asarray(
        np.log(counts + smoothing) - np.log(counts.sum(axis=1, keepdims=True) + smoothing * counts.shape[1])
    )


def train_likeness(
    grams: Grams, langs: list[str], train: npt.NDArray[Any], labels: Counts, spec: dict[str, Any]
) -> bytes:
    """The weights of each language that has both labels (1: target, 0: raw) among the rows `train`, and
    of all together."""
    known = sorted(
        lang
        for lang in {langs[i] for i in train}
        if len({int(labels[i]) for i in train if langs[i] == lang}) == 2
    )
    at, is_seen = tables_of(langs, known), np.isin(np.arange(len(langs)), train)
    target, raw = (
        log_shares(
            count_tables(grams, is_seen & (labels == label), at, len(known), spec["buckets"]),
            spec["smoothing"],
        )
        for label in (1, 0)
    )
    return packed(known, weights=(target - raw).astype(np.float32))


def packed(known: list[str], **arrays: Any) -> bytes:
    """Arrays and the languages of their rows, as bytes."""
    out = io.BytesIO()
    np.savez_compressed(out, known=np.array(known, "U16"), **arrays)
    return out.getvalue()


def unpacked(blob: bytes) -> dict[str, Any]:
    """What `packed` was given."""
    return dict(np.load(io.BytesIO(blob), allow_pickle=False))


def sums_of(values: npt.NDArray[Any], grams: Grams) -> Floats:
    """The sum of each row, 0 for one without grams; independent of what else is in the batch."""
    sums, full = np.zeros(len(grams.ends) - 1), np.flatnonzero(np.diff(grams.ends))
    if len(full):
        sums[full] = np.add.reduceat(values.astype(np.float64), grams.ends[:-1][full])
    return sums


def score_importance(model: dict[str, Any], rows: pa.RecordBatch | pa.Table, spec: dict[str, Any]) -> Floats:
    """log p_target - log p_raw of each row (text, lang), nats a gram; 0 for a text without words."""
    grams, weights = read(rows.column("text"), spec), model["weights"]
    at = tables_of(rows.column("lang").to_pylist(), model["known"].tolist())[rows_of(grams)]
    values = weights[at, grams.buckets % weights.shape[1]].astype(np.float64) * grams.counts
    return sums_of(values, grams) / np.maximum(sums_of(grams.counts, grams), 1)


def features(
    grams: Grams, counts: Counts, at: Counts, tops: Sequence[int], own: npt.NDArray[np.bool_] | None = None
) -> Floats:
    """(rows, 2 x (tops + 1)): the share of each row's words among the commonest N of its table, for each N,
    and the mean log frequency; then their squares, as too many common words are as odd as too few.

    `own`: rows that were counted in; their own words are taken off, as those of a text never seen would not
    be there.
    """
    row = rows_of(grams)
    times = counts[at[row], grams.buckets] - (0 if own is None else own[row] * grams.counts)
    n_words = np.maximum(sums_of(grams.counts, grams), 1)
    ordered = -np.sort(-counts, axis=1)
    least = [np.maximum(ordered[:, min(top, counts.shape[1]) - 1], 1)[at][row] for top in tops]
    columns = [sums_of(grams.counts * (times >= each), grams) / n_words for each in least]
    total = np.log(counts.sum(axis=1) + counts.shape[1])[at][row]
    found = np.stack(
        [*columns, sums_of(grams.counts * (np.log(np.maximum(times, 0) + 1) - total), grams) / n_words],
        axis=1,
    )
    return np.concatenate([found, found * found], axis=1)


def train_word_stats(
    grams: Grams, langs: list[str], train: npt.NDArray[Any], labels: Counts, spec: dict[str, Any]
) -> bytes:
    """The words of the good and of the bad rows by language, and what each feature weighs there.

    Needs scikit-learn.
    """
    from sklearn.linear_model import LogisticRegression

    known = sorted(
        lang
        for lang in {langs[i] for i in train}
        if len({int(labels[i]) for i in train if langs[i] == lang}) == 2
    )
    at, is_seen = tables_of(langs, known), np.isin(np.arange(len(langs)), train)
    both = [count_tables(grams, is_seen & (labels == label), at, len(known), FINE) for label in (1, 0)]
    lines = []
    for place in range(len(known) + 1):
        is_all = place == len(known)
        found = np.concatenate(
            [
                features(grams, counts, np.full_like(at, place), spec["vocabulary_sizes"], labels == label)
                for counts, label in zip(both, (1, 0), strict=True)
            ],
            axis=1,
        )
        chosen = is_seen & (is_all | (at == place))
        mean, scale = found[chosen].mean(axis=0), np.maximum(found[chosen].std(axis=0), 1e-6)
        fitted = LogisticRegression(
            C=spec["inverse_regularization"], class_weight="balanced", max_iter=MAX_STEPS
        ).fit((found[chosen] - mean) / scale, labels[chosen])
        weights = fitted.coef_[0] / scale
        lines.append([*weights, float(fitted.intercept_[0] - weights @ mean)])
    return packed(known, counts=np.stack(both).astype(np.int32), lines=np.round(np.array(lines), 6))


def score_word_stats(model: dict[str, Any], rows: pa.RecordBatch | pa.Table, spec: dict[str, Any]) -> Floats:
    """The logit of each row (text, lang)."""
    grams = read(rows.column("text"), spec)
    at = tables_of(rows.column("lang").to_pylist(), model["known"].tolist())
    lines, counts = model["lines"][at], model["counts"]
    # models of before 2026-11-28 know the good rows only
    tables = counts if counts.ndim == 3 else counts[None]
    found = np.concatenate([features(grams, each, at, spec["vocabulary_sizes"]) for each in tables], axis=1)
    return np.asarray((found * lines[:, :-1]).sum(axis=1) + lines[:, -1])
