"""Kind `importance_weights`: likeness to a reference by hashed n-grams of words, a table for each language.

The weight of DSIR (Xie et al. 2023, arXiv:2302.03169): runs of one and two words in buckets, a bag each for
the target and the raw slice, log p_target - log p_raw of a text. Ours is the mean over its grams (nats a
gram), because the sum, by which DSIR samples, grows with the length of a text. All counts are whole numbers,
so that neither order nor partitions change a model. A language without examples has the table of all rows.
"""

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.scoring.grams import Floats, GramParams, Grams, count_grams, row_sums
from gristmill.udfs.scoring.kind import Labels, Rows, Trainer

READS: tuple[str, ...] = ("text", "lang")
HAS_SLICES = True

Counts = npt.NDArray[np.int64]
# buckets that words are counted in; those of `importance_weights` are this modulo its own
FINE = 1 << 18


@dataclass(frozen=True)
class Params:
    """The numbers of a recipe."""

    max_chars: int = field(metadata={"gt": 0})  # characters of a text that are read
    # a run of words counts each time it stands in a text; false: once
    count_repeats: bool
    max_n: int = field(metadata={"ge": 1, "le": 8})  # words in a run
    buckets: int = field(metadata={"gt": 0})
    smoothing: float = field(metadata={"gt": 0})  # counts added to each bucket

    def spec(self) -> dict[str, Any]:
        """What the model keeps."""
        return asdict(self)


def read_grams(texts: pa.Array | pa.ChunkedArray, spec: dict[str, Any]) -> Grams:
    """Runs of one to `max_n` words (word_stats: single words) of the first `max_chars` code points;
    without `count_repeats` each once a text."""
    counted = count_grams(texts, GramParams("words", 1, spec.get("max_n", 1), FINE, spec["max_chars"]))
    return (
        counted
        if spec.get("count_repeats", True)
        else Grams(counted.buckets, np.ones_like(counted.counts), counted.ends)
    )


def rows_of(grams: Grams) -> Counts:
    """The row of each gram."""
    return np.repeat(np.arange(len(grams.ends) - 1), np.diff(grams.ends))


def languages_of(langs: list[str], train: npt.NDArray[Any], labels: Labels) -> list[str]:
    """The languages that have both labels among the rows `train`, in order."""
    labels_of: dict[str, set[int]] = {}
    for i in train:
        labels_of.setdefault(langs[i], set()).add(int(labels[i]))
    return sorted(lang for lang, both in labels_of.items() if len(both) == 2)


def tables_of(langs: Sequence[str | None], known: Sequence[str]) -> Counts:
    """The table of each row: its language's among `known`, else the last, that of all."""
    table_of = {lang: i for i, lang in enumerate(known)}
    return np.array([table_of.get(str(lang), len(known)) for lang in langs], np.int64)


def count_tables(
    grams: Grams, chosen: npt.NDArray[np.bool_], at: Counts, n_known: int, buckets: int
) -> Counts:
    """(n_known + 1, buckets): how often each gram stands in the `chosen` rows of each language, and in
    all of them."""
    row = rows_of(grams)
    is_chosen = chosen[row]
    # One flat index of (table, bucket), so that bincount counts all tables in one pass.
    where = at[row][is_chosen] * buckets + grams.buckets[is_chosen] % buckets
    counted = (
        np.bincount(
            where, weights=grams.counts[is_chosen].astype(np.float64), minlength=(n_known + 1) * buckets
        )
        .astype(np.int64)
        .reshape(n_known + 1, buckets)
    )
    # The last table, of all rows, serves languages that have too few labels for one of their own.
    counted[-1] = counted.sum(axis=0)
    return counted


def log_shares(counts: Counts, smoothing: float) -> Floats:
    """log of the share of each bucket in its table, `smoothing` counts added to each."""
    return np.asarray(
        np.log(counts + smoothing) - np.log(counts.sum(axis=1, keepdims=True) + smoothing * counts.shape[1])
    )


def packed(known: list[str], **arrays: Any) -> bytes:
    """Arrays and the languages of their rows, as bytes."""
    out = io.BytesIO()
    np.savez_compressed(out, known=np.array(known, "U16"), **arrays)
    return out.getvalue()


def load(blob: bytes) -> dict[str, Any]:
    """The arrays of `packed`, by name."""
    return dict(np.load(io.BytesIO(blob), allow_pickle=False))


def train_weights(
    grams: Grams, langs: list[str], train: npt.NDArray[Any], labels: Counts, spec: dict[str, Any]
) -> bytes:
    """The weights of each language that has both labels (1: target, 0: raw) among the rows `train`, and
    of all together."""
    known = languages_of(langs, train, labels)
    at, is_seen = tables_of(langs, known), np.isin(np.arange(len(langs)), train)
    target, raw = (
        log_shares(
            count_tables(grams, is_seen & (labels == label), at, len(known), spec["buckets"]),
            spec["smoothing"],
        )
        for label in (1, 0)
    )
    return packed(known, weights=(target - raw).astype(np.float32))


def fit(spec: dict[str, Any], rows: pa.Table) -> Trainer:
    """Weights of each language that has both labels (1: target, 0: raw), and of all together."""
    grams, langs = read_grams(rows.column("text"), spec), [str(lang) for lang in rows["lang"].to_pylist()]
    return lambda train, labels: train_weights(grams, langs, train, labels, spec)


def score(model: dict[str, Any], rows: Rows, spec: dict[str, Any]) -> Floats:
    """log p_target - log p_raw of each row (text, lang), nats a gram; 0 for a text without words."""
    grams, weights = read_grams(rows.column("text"), spec), model["weights"]
    at = tables_of(rows.column("lang").to_pylist(), model["known"].tolist())[rows_of(grams)]
    # Counted in FINE buckets and folded by modulo: one pass over the text serves any size of table.
    values = weights[at, grams.buckets % weights.shape[1]].astype(np.float64) * grams.counts
    return row_sums(values, grams.ends) / np.maximum(row_sums(grams.counts, grams.ends), 1)
