"""The subject domain of a text by a linear model with one regression a domain; trained on documents whose
domain is known.

Two kinds of features. `grams`: TF-IDF of hashed n-grams, as the quality models have it
(gristmill.udfs.scoring.linear); fast. `vectors`: the sentence encoder of
gristmill.udfs.language_models.embedding, English and Chinese in one space, so that a domain taught in one
language is known in the other; slow, and better on sources without training rows (benchmarks/domains.md).
The confidence is a softmax over the logits, its temperature fitted on held-out sources.
"""

import io
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gristmill.udfs.scoring import linear
from gristmill.udfs.scoring.classifiers import Classifier
from gristmill.udfs.scoring.grams import Floats, GramParams, count_grams, row_sums, weighted
from gristmill.udfs.scoring.kind import SEED, Labels
from gristmill.udfs.scoring.linear import MAX_STEPS
from gristmill.udfs.scoring.training import fold_of, row_keys

KIND = "domains"
# Inverse temperatures that are tried; few examples without an error would favour the largest.
SLOPES = np.geomspace(0.25, 4, 41)


def fit_domains(name: str, spec: dict[str, Any], rows: pa.Table) -> tuple[Classifier, dict[str, float]]:
    """A model of `rows` (text, label: the domain, lang, source) and its figures on held-out sources.

    `spec`: features (grams or vectors), grams (of gristmill.udfs.scoring.grams, or max_chars alone),
    inverse_regularization, folds. A domain that one source alone teaches is held out by document instead, and
    its rows are not in the figures: accuracy and n in all and by language (accuracy_en), recall_DOMAIN, and
    n_one_source, the rows left out of them. The same rows in any order give the same model. Raises ValueError
    when all rows are of one domain, or of one fold.
    """
    rows = rows.take(pa.array(np.argsort(row_keys(rows), kind="stable")))
    labels, sources = (np.array(rows.column(column).to_pylist(), object) for column in ("label", "source"))
    domains = sorted(set(labels.tolist()))
    if len(domains) < 2:
        raise ValueError(
            f"{name}: all {len(labels)} examples are of the domain {domains[0] if domains else 'none'}; "
            "wanted two domains or more"
        )
    # Holding out the only source of a domain would leave nothing to learn the domain from.
    alone = {domain for domain in domains if len(set(sources[labels == domain].tolist())) < 2}
    groups = [
        key if label in alone else source
        for label, source, key in zip(labels.tolist(), sources.tolist(), row_keys(rows).tolist(), strict=True)
    ]
    folds, texts = fold_of(groups, spec["folds"]), rows.column("text")
    seen = embedded(spec, texts)
    make = linear.fit({**spec, "length_bins": None}, rows) if seen is None else _by_vectors(spec, seen)
    held_out, tested = np.full((len(labels), len(domains)), -np.inf), np.zeros(len(labels), bool)
    for fold in np.unique(folds):
        test, train = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        # A domain without training rows in this fold stays at -inf and is never predicted there.
        known = [domain for domain in domains if (labels[train] == domain).any()]
        if len(known) > 1:
            part = _pack(
                name, spec, known, [make(train, (labels == domain).astype(np.int64)) for domain in known]
            )
            held_out[np.ix_(test, np.array([domains.index(domain) for domain in known]))] = raw_logits(
                part, texts.take(pa.array(test)), None if seen is None else seen[test]
            )
            # a source that alone teaches its domain in this fold cannot be judged
            tested[test] = np.isin(labels[test], known)
    if not tested.any():
        raise ValueError(
            f"{name}: no domain has examples in two of {spec['folds']} folds; wanted sources that "
            "share domains"
        )
    number = np.searchsorted(domains, labels)
    slope = max(SLOPES.tolist(), key=lambda slope: _likelihood(held_out[tested], number[tested], slope))
    whole = np.arange(len(labels))
    model = _pack(
        name,
        {**spec, "slope": slope},
        domains,
        [make(whole, (labels == domain).astype(np.int64)) for domain in domains],
    )
    # Held out by document, rows of a single source share its style: their accuracy would flatter.
    is_measured = tested & ~np.isin(labels, list(alone))
    return model, _figures(
        held_out[is_measured].argmax(axis=1) == number[is_measured],
        labels[is_measured],
        np.array(rows.column("lang").to_pylist(), object)[is_measured],
        int((~is_measured).sum()),
    )


def embedded(spec: dict[str, Any], texts: pa.Array | pa.ChunkedArray) -> Floats | None:
    """(texts, 512): the vector of the beginning of each, when the model is one of vectors."""
    if spec["features"] != "vectors":
        return None
    from gristmill.udfs.language_models.embedding import vectors

    return vectors([(text or "")[: spec["grams"]["max_chars"]] for text in texts.to_pylist()]).astype(
        np.float64
    )


def _by_vectors(spec: dict[str, Any], seen: Floats) -> Callable[[npt.NDArray[Any], Labels], bytes]:
    """As gristmill.udfs.scoring.linear, over vectors."""
    from sklearn.linear_model import LogisticRegression

    def make(train: npt.NDArray[Any], labels: Labels) -> bytes:
        model = LogisticRegression(
            C=spec["inverse_regularization"],
            class_weight="balanced",
            solver="liblinear",
            max_iter=MAX_STEPS,
            random_state=SEED,
        ).fit(seen[train], labels[train])
        out = io.BytesIO()
        np.savez_compressed(
            out,
            weights=model.coef_[0].astype(np.float32),
            idf=np.zeros(0, np.float32),
            bias=np.float64(model.intercept_[0]),
        )
        return out.getvalue()

    return make


def _pack(name: str, spec: dict[str, Any], domains: list[str], blobs: list[bytes]) -> Classifier:
    parts = [np.load(io.BytesIO(blob), allow_pickle=False) for blob in blobs]
    out = io.BytesIO()
    np.savez_compressed(
        out,
        weights=np.stack([part["weights"] for part in parts], axis=1),
        idf=parts[0]["idf"],
        bias=np.array([float(part["bias"]) for part in parts]),
    )
    return Classifier(name, KIND, {**spec, "domains": domains}, out.getvalue())


def _likelihood(logits: Floats, number: npt.NDArray[Any], slope: float) -> float:
    return float(np.mean(np.log(np.maximum(softmax(logits * slope)[np.arange(len(number)), number], 1e-12))))


def _figures(
    is_right: npt.NDArray[Any], labels: npt.NDArray[Any], langs: npt.NDArray[Any], n_one_source: int
) -> dict[str, float]:
    figures = {"n": float(len(is_right)), "n_one_source": float(n_one_source)}
    if len(is_right):
        figures["accuracy"] = float(is_right.mean())
        figures |= {
            f"accuracy_{lang}": float(is_right[langs == lang].mean())
            for lang in sorted({str(lang) for lang in langs})
        }
        figures |= {
            f"recall_{domain}": float(is_right[labels == domain].mean())
            for domain in sorted(set(labels.tolist()))
        }
    return figures


@lru_cache(maxsize=2)
def _loaded(blob: bytes) -> tuple[Any, Any, Any]:
    arrays = np.load(io.BytesIO(blob), allow_pickle=False)
    return arrays["weights"], arrays["idf"], arrays["bias"]


def raw_logits(model: Classifier, texts: pa.Array | pa.ChunkedArray, seen: Floats | None = None) -> Floats:
    """(texts, domains): the logit of each regression.

    A text's row does not depend on the others. `seen`: what `embedded` gives of them.
    """
    weights, idf, bias = _loaded(model.blob)
    if model.spec["features"] == "vectors":
        seen = embedded(model.spec, texts) if seen is None else seen
        # a product of matrices rounds by their shape
        return np.stack([(seen * weights[:, i]).sum(axis=1) for i in range(weights.shape[1])], axis=1) + bias
    grams = count_grams(texts, GramParams(**model.spec["grams"]))
    values, lengths = weighted(grams, idf)
    columns = [
        row_sums(values * weights[:, i][grams.buckets], grams.ends) / lengths for i in range(weights.shape[1])
    ]
    return np.stack(columns, axis=1) + bias if columns else np.zeros((len(texts), 0))


def softmax(logits: Floats) -> Floats:
    """Each row as shares of 1."""
    # Minus the maximum: exp() cannot overflow.
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def label_texts(model: Classifier, texts: pa.Array | pa.ChunkedArray) -> tuple[list[str], Floats]:
    """The likeliest domain of each text and its share, 0 to 1, to six digits (the last bits of a double
    are not the same on every machine)."""
    if not len(texts):
        return [], np.zeros(0)
    shares = softmax(raw_logits(model, texts) * model.spec["slope"])
    best = np.round(shares, 6).argmax(axis=1)
    return [model.spec["domains"][i] for i in best], np.round(shares[np.arange(len(best)), best], 6)
