"""Kind `linear`: logistic regression over TF-IDF of hashed n-grams (gristmill.udfs.scoring.grams)."""

import io
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.udfs.scoring.grams import Floats, GramParams, count_grams, row_sums, weighted
from gristmill.udfs.scoring.kind import SEED, Labels, Rows, Trainer

READS: tuple[str, ...] = ("text",)
HAS_SLICES = False
# Of liblinear at most: twice scikit-learn's default; where they do not do, it warns.
MAX_STEPS = 200
# of an example among those of its language and length
MAX_WEIGHT = 8.0


@dataclass(frozen=True)
class Params:
    """The numbers of a recipe."""

    unit: Literal["chars", "words"]
    min_n: int = field(metadata={"gt": 0})  # items in a gram
    max_n: int = field(metadata={"gt": 0})
    buckets: int = field(metadata={"gt": 0})  # a power of two
    max_chars: int = field(metadata={"gt": 0})  # characters of a text that are read
    # C of the regression: more, and it trusts the examples more
    inverse_regularization: float = field(metadata={"gt": 0})
    # good and bad weigh the same within each bin of lengths
    # (code points, quantiles) and language; null: only in all
    length_bins: int | None = field(metadata={"gt": 0})

    def __post_init__(self) -> None:
        self.grams()

    def grams(self) -> GramParams:
        """Raises ValueError for gram sizes or buckets that cannot be."""
        return GramParams(self.unit, self.min_n, self.max_n, self.buckets, self.max_chars)

    def spec(self) -> dict[str, Any]:
        """What the model keeps."""
        return {
            "grams": asdict(self.grams()),
            "inverse_regularization": self.inverse_regularization,
            "length_bins": self.length_bins,
        }


def length_weights(rows: pa.Table, train: npt.NDArray[Any], labels: Labels, bins: int) -> Floats:
    """Weights, mean 1, of the rows `train`, by which good and bad ones weigh the same among texts of one
    language and about one length.

    Lengths are cut into `bins` quantiles of code points; no row weighs more than MAX_WEIGHT times as much as
    it would in a bin of even classes.
    """
    lengths = np.asarray(pc.fill_null(pc.utf8_length(rows.column("text")), 0), np.int64)[train]
    langs = np.unique(
        np.array([str(lang) for lang in rows.column("lang").to_pylist()])[train], return_inverse=True
    )[1]
    # Quantiles of the training rows: bins of equal width would be empty at the long end.
    bin_of = np.searchsorted(np.quantile(lengths, np.arange(1, bins) / bins), lengths)
    # A cell is a language and a bin; counts has one column for bad and one for good rows.
    cells, at = np.unique(langs * bins + bin_of, return_inverse=True)
    counts = np.bincount(at * 2 + labels[train], minlength=2 * len(cells)).reshape(-1, 2)
    weights = np.minimum(counts.sum(axis=1)[at] / 2 / counts[at, labels[train]], MAX_WEIGHT)
    return np.asarray(weights / weights.mean(), np.float64)


def fit(spec: dict[str, Any], rows: pa.Table) -> Trainer:
    """Logistic regression (liblinear, classes balanced: among all, or within `length_bins`) over rows of
    unit length."""
    import scipy.sparse as sparse
    from sklearn.linear_model import LogisticRegression

    params = GramParams(**spec["grams"])
    grams = count_grams(rows.column("text"), params)
    counts = sparse.csr_matrix(
        (grams.counts.astype(np.float64), grams.buckets, grams.ends), shape=(rows.num_rows, params.buckets)
    )

    def make(train: npt.NDArray[Any], labels: Labels) -> bytes:
        seen = counts[train]
        # From the training rows alone: the documents of
        # a held-out fold must not weigh their own words.
        idf = (
            np.log((1 + len(train)) / (1 + np.bincount(seen.indices, minlength=params.buckets))) + 1
        ).astype(np.float32)
        # log(1 + count): a word that is repeated a hundred times should not drown the others.
        seen.data = np.log1p(seen.data) * idf[seen.indices]
        # Rows of unit length: without it the logit grows with the length of a text.
        lengths = np.maximum(np.sqrt(np.asarray(seen.multiply(seen).sum(axis=1)).ravel()), 1e-12)
        bins = spec["length_bins"]
        model = LogisticRegression(
            C=spec["inverse_regularization"],
            class_weight=None if bins else "balanced",
            solver="liblinear",
            max_iter=MAX_STEPS,
            random_state=SEED,
        )
        model.fit(
            sparse.diags(1 / lengths) @ seen,
            labels[train],
            length_weights(rows, train, labels, bins) if bins else None,
        )
        out = io.BytesIO()
        np.savez_compressed(
            out, weights=model.coef_[0].astype(np.float32), idf=idf, bias=np.float64(model.intercept_[0])
        )
        return out.getvalue()

    return make


def load(blob: bytes) -> tuple[Any, Any, float]:
    """Weights and idf by bucket, and the bias."""
    arrays = np.load(io.BytesIO(blob), allow_pickle=False)
    return arrays["weights"], arrays["idf"], float(arrays["bias"])


def score(model: tuple[Any, Any, float], rows: Rows, spec: dict[str, Any]) -> Floats:
    """The logit of each text."""
    weights, idf, bias = model
    grams = count_grams(rows.column("text"), GramParams(**spec["grams"]))
    # The same weighting as in the training, per row, so that a batch does not change a score.
    values, lengths = weighted(grams, idf)
    return row_sums(values * weights[grams.buckets], grams.ends) / lengths + bias
