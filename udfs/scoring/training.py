"""Training of the learnt scorers (gristmill.udfs.scoring.classifiers) on labelled rows: fit, calibrate on
held-out folds, tell how good it is. Driver only; needs scikit-learn."""

import hashlib
import io
import pickle
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gristmill.udfs.scoring import importance
from gristmill.udfs.scoring.classifiers import Classifier, Floats, as_matrix, line_of_words, raw_scores
from gristmill.udfs.scoring.grams import GramParams, count_grams

Labels = npt.NDArray[np.int64]
SEED = 1
# Of liblinear at most: twice scikit-learn's default; where they do not do, it warns.
MAX_STEPS = 200
# Of the trees (scikit-learn's default is none): a leaf of few examples says less. Ours.
L2 = 1.0
# of an example among those of its language and length
MAX_WEIGHT = 8.0


def fit(
    name: str, kind: str, spec: dict[str, Any], rows: pa.Table, parts: list[int] | None = None
) -> tuple[Classifier, dict[str, float], Floats]:
    """A calibrated model of `rows` (text, label 0 or 1, group, lang, and MEASURES for trees), its figures,
    and the held-out logit of each row.

    Held out: whole groups (a source, a page), in `spec["folds"]` folds by the hash of the group, so that the
    same rows in any order give the same model; or the `parts` (numbers from 0) that the caller puts the rows
    into. Figures: auc, precision, recall (at probability .5) of the held-out rows, in all and by language.
    Raises ValueError when a class is missing or all rows are of one group.
    """
    order = np.argsort(row_keys(rows), kind="stable")
    rows = rows.take(pa.array(order))
    labels = np.asarray(rows.column("label"), np.int64)
    if len(np.unique(labels)) < 2:
        raise ValueError(
            f"{name}: all {len(labels)} examples have the same label; wanted good (1) and bad (0) ones"
        )
    folds = (
        fold_of(rows.column("group").to_pylist(), spec["folds"])
        if parts is None
        else np.asarray(parts, np.int64)[order]
    )
    make = KINDS[kind](spec, rows)
    held, slope, shift = np.zeros(len(labels)), 1.0, 0.0
    tested = np.zeros(len(labels), bool)
    for fold in np.unique(folds):
        test, train = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        if len(test) and len(np.unique(labels[train])) == 2:
            held[test] = raw_scores(
                Classifier(name, kind, spec, make(train, labels)), rows.take(pa.array(test))
            )
            tested[test] = True
    if len(np.unique(labels[tested])) < 2:
        raise ValueError(
            f"{name}: the examples stand in {len(set(folds.tolist()))} of {spec['folds']} folds; "
            "wanted groups of both labels in several"
        )
    slope, shift = platt(held[tested], labels[tested])
    model = Classifier(
        name, kind, spec, make(np.arange(len(labels)), labels), slope, shift, MADE_WITH[kind]()
    )
    logits = held * slope + shift
    given = np.empty_like(logits)
    given[order] = logits
    return (
        model,
        figures(logits[tested], labels[tested], np.array(rows.column("lang").to_pylist(), object)[tested]),
        given,
    )


def row_keys(rows: pa.Table) -> npt.NDArray[np.str_]:
    """A key for each row by which rows are ordered, whatever order they came in."""
    texts = rows.column("text").to_pylist()

    def hashed(text: str | None) -> str:
        return hashlib.blake2b((text or "").encode("utf-8", "surrogatepass"), digest_size=12).hexdigest()

    return np.array(
        [
            f"{label}{hashed(text)}"
            for label, text in zip(rows.column("label").to_pylist(), texts, strict=True)
        ]
    )


def fold_of(groups: list[str], folds: int) -> Labels:
    """The fold of each row, by the hash of its group."""
    return np.array(
        [
            int.from_bytes(hashlib.blake2b(str(group).encode(), digest_size=4).digest(), "big") % folds
            for group in groups
        ],
        np.int64,
    )


def platt(scores: Floats, labels: Labels) -> tuple[float, float]:
    """Slope (never negative) and shift of the logistic curve through the held-out scores (Platt, 1999)."""
    from sklearn.linear_model import LogisticRegression

    scale = float(np.std(scores)) or 1.0
    fitted = LogisticRegression(C=1.0, class_weight="balanced").fit((scores / scale)[:, None], labels)
    return max(float(fitted.coef_[0, 0]) / scale, 1e-6), float(fitted.intercept_[0])


def figures(logits: Floats, labels: Labels, langs: npt.NDArray[Any]) -> dict[str, float]:
    """auc, precision, recall, n of all rows and, as auc_en and so on, of each language that has both
    labels."""
    from sklearn.metrics import roc_auc_score

    found: dict[str, float] = {}
    for lang in [None, *sorted({str(lang) for lang in langs})]:
        at = np.ones(len(labels), bool) if lang is None else langs == lang
        end = "" if lang is None else f"_{lang}"
        good, says = labels[at] == 1, logits[at] > 0
        if good.all() or not good.any():
            continue
        found |= {
            f"auc{end}": float(roc_auc_score(good, logits[at])),
            f"precision{end}": float((good & says).sum() / max(says.sum(), 1)),
            f"recall{end}": float((good & says).sum() / good.sum()),
            f"n{end}": float(at.sum()),
        }
    return found


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
    bin_of = np.searchsorted(np.quantile(lengths, np.arange(1, bins) / bins), lengths)
    cells, at = np.unique(langs * bins + bin_of, return_inverse=True)
    counts = np.bincount(at * 2 + labels[train], minlength=2 * len(cells)).reshape(-1, 2)
    weights = np.minimum(counts.sum(axis=1)[at] / 2 / counts[at, labels[train]], MAX_WEIGHT)
    return np.asarray(weights / weights.mean(), np.float64)


def linear(spec: dict[str, Any], rows: pa.Table) -> Callable[[npt.NDArray[Any], Labels], bytes]:
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
        idf = (
            np.log((1 + len(train)) / (1 + np.bincount(seen.indices, minlength=params.buckets))) + 1
        ).astype(np.float32)
        seen.data = np.log1p(seen.data) * idf[seen.indices]
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


def _trees(spec: dict[str, Any], rows: pa.Table) -> Callable[[npt.NDArray[Any], Labels], bytes]:
    """Gradient-boosted trees over histograms of the measures."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    matrix = as_matrix(rows)

    def make(train: npt.NDArray[Any], labels: Labels) -> bytes:
        model = HistGradientBoostingClassifier(
            max_iter=spec["trees"],
            learning_rate=spec["learning_rate"],
            max_leaf_nodes=spec["leaves"],
            l2_regularization=L2,
            max_features=spec["feature_fraction"],
            early_stopping=False,
            random_state=SEED,
        )
        return pickle.dumps(model.fit(matrix[train], labels[train]), protocol=5)

    return make


def _fasttext(spec: dict[str, Any], rows: pa.Table) -> Callable[[npt.NDArray[Any], Labels], bytes]:
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


def _counted(spec: dict[str, Any], rows: pa.Table) -> Callable[[npt.NDArray[Any], Labels], bytes]:
    """Likeness to the good examples by counted words: importance weights where there are buckets for
    them, else statistics of frequencies."""
    grams, langs = (
        importance.read(rows.column("text"), spec),
        [str(lang) for lang in rows.column("lang").to_pylist()],
    )
    train_one = importance.train_likeness if "buckets" in spec else importance.train_word_stats
    return lambda train, labels: train_one(grams, langs, train, labels, spec)


def _sklearn() -> dict[str, str]:
    import sklearn

    return {"sklearn": sklearn.__version__}


KINDS: dict[str, Callable[[dict[str, Any], pa.Table], Callable[[npt.NDArray[Any], Labels], bytes]]] = {
    "linear": linear,
    "trees": _trees,
    "fasttext": _fasttext,
    "importance_weights": _counted,
    "word_stats": _counted,
}
MADE_WITH: dict[str, Callable[[], dict[str, str]]] = {
    "linear": dict,
    "trees": _sklearn,
    "fasttext": dict,
    "importance_weights": dict,
    "word_stats": dict,
}
