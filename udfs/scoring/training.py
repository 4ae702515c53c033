"""Training of the learnt scorers (gristmill.udfs.scoring.classifiers) on labelled rows: fit, calibrate on
held-out folds, measure its quality. Driver only; needs scikit-learn."""

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.scoring.classifiers import KINDS, Classifier, raw_scores
from gristmill.udfs.scoring.grams import Floats
from gristmill.udfs.scoring.kind import Labels


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
    # First of all: folds, solvers and random draws
    # below see one order, whatever the input order was.
    # By group last: of two rows with one text, which are in different folds.
    groups = np.array([str(group) for group in rows.column("group").to_pylist()])
    order = np.lexsort((groups, row_keys(rows)))
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
    # Features are read once and shared by all folds: they depend on the rows, never on the labels.
    make = KINDS[kind].fit(spec, rows)
    held_out, slope, shift = np.zeros(len(labels)), 1.0, 0.0
    tested = np.zeros(len(labels), bool)
    for fold in np.unique(folds):
        test, train = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        # A fold whose training rows have one label teaches
        # nothing; its rows stay out of the figures.
        if len(test) and len(np.unique(labels[train])) == 2:
            held_out[test] = raw_scores(
                Classifier(name, kind, spec, make(train, labels)), rows.take(pa.array(test))
            )
            tested[test] = True
    if len(np.unique(labels[tested])) < 2:
        raise ValueError(
            f"{name}: the examples stand in {len(set(folds.tolist()))} of {spec['folds']} folds; "
            "wanted groups of both labels in several"
        )
    # Calibrated on held-out scores: a model is too sure of the rows that it was trained on.
    slope, shift = platt(held_out[tested], labels[tested])
    model = Classifier(
        name,
        kind,
        spec,
        make(np.arange(len(labels)), labels),
        slope,
        shift,
    )
    logits = held_out * slope + shift
    # Back into the order of the caller, who does not know of the sort above.
    by_input_row = np.empty_like(logits)
    by_input_row[order] = logits
    return (
        model,
        figures(logits[tested], labels[tested], np.array(rows.column("lang").to_pylist(), object)[tested]),
        by_input_row,
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

    # Kinds have scales of their own; C=1 regularises all of them alike only at unit deviation.
    scale = float(np.std(scores)) or 1.0
    fitted = LogisticRegression(C=1.0, class_weight="balanced").fit((scores / scale)[:, None], labels)
    # A negative slope would turn a useless model into its opposite.
    return max(float(fitted.coef_[0, 0]) / scale, 1e-6), float(fitted.intercept_[0])


def figures(logits: Floats, labels: Labels, langs: npt.NDArray[Any]) -> dict[str, float]:
    """auc, precision, recall, n of all rows and, as auc_en and so on, of each language that has both
    labels."""
    from sklearn.metrics import roc_auc_score

    measured: dict[str, float] = {}
    for lang in [None, *sorted({str(lang) for lang in langs})]:
        at = np.ones(len(labels), bool) if lang is None else langs == lang
        end = "" if lang is None else f"_{lang}"
        good, is_positive = labels[at] == 1, logits[at] > 0
        # AUC is not defined for one label.
        if good.all() or not good.any():
            continue
        measured |= {
            f"auc{end}": float(roc_auc_score(good, logits[at])),
            f"precision{end}": float((good & is_positive).sum() / max(is_positive.sum(), 1)),
            f"recall{end}": float((good & is_positive).sum() / good.sum()),
            f"n{end}": float(at.sum()),
        }
    return measured
