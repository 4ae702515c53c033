"""The subject domain of a text by a linear model with one regression a domain; trained on documents whose domain is known.

The regressions are those of the quality models (udfs.training, kind `linear`): TF-IDF of hashed n-grams, classes balanced. A softmax over their
logits, its temperature fitted on held-out sources, says how sure the model is.
"""

import io
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from udfs.classifiers import Classifier, Floats, row_sums, weighted
from udfs.grams import GramParams, count_grams
from udfs.training import fold_of, linear, row_keys

KIND = "domains"
SLOPES = np.geomspace(0.25, 4, 41)  # inverse temperatures that are tried; a few examples that are told apart without an error would ask for any


def fit_domains(name: str, spec: dict[str, Any], rows: pa.Table) -> tuple[Classifier, dict[str, float]]:
    """A model of `rows` (text, label: the domain, lang, source) and its figures on held-out sources.

    `spec`: grams (udfs.grams), strength, folds. A domain that one source alone teaches is held out by document instead, and its rows are not
    in the figures: accuracy and n in all and by language (accuracy_en), recall_DOMAIN, and n_one_source, the rows left out of them.
    The same rows in any order give the same model. Raises ValueError when all rows are of one domain, or of one fold.
    """
    rows = rows.take(pa.array(np.argsort(row_keys(rows), kind="stable")))
    labels, sources = (np.array(rows.column(column).to_pylist(), object) for column in ("label", "source"))
    domains = sorted(set(labels.tolist()))
    if len(domains) < 2:
        raise ValueError(f"{name}: all {len(labels)} examples are of the domain {domains[0] if domains else 'none'}; wanted two domains or more")
    alone = {domain for domain in domains if len(set(sources[labels == domain].tolist())) < 2}
    groups = [key if label in alone else source for label, source, key in zip(labels.tolist(), sources.tolist(), row_keys(rows).tolist(), strict=True)]
    folds, make = fold_of(groups, spec["folds"]), linear(spec, rows)
    held, tested = np.full((len(labels), len(domains)), -np.inf), np.zeros(len(labels), bool)
    for fold in np.unique(folds):
        test, train = np.flatnonzero(folds == fold), np.flatnonzero(folds != fold)
        known = [domain for domain in domains if (labels[train] == domain).any()]
        if len(known) > 1:
            part = _pack(name, spec, known, [make(train, (labels == domain).astype(np.int64)) for domain in known])
            held[np.ix_(test, np.array([domains.index(domain) for domain in known]))] = raw_logits(part, rows.column("text").take(pa.array(test)))
            tested[test] = np.isin(labels[test], known)  # a source that alone teaches its domain in this fold cannot be judged
    if not tested.any():
        raise ValueError(f"{name}: no domain has examples in two of {spec['folds']} folds; wanted sources that share domains")
    number = np.searchsorted(domains, labels)
    slope = max(SLOPES.tolist(), key=lambda slope: _likelihood(held[tested], number[tested], slope))
    whole = np.arange(len(labels))
    model = _pack(name, {**spec, "slope": slope}, domains, [make(whole, (labels == domain).astype(np.int64)) for domain in domains])
    judged = tested & ~np.isin(labels, list(alone))
    return model, _figures(held[judged].argmax(axis=1) == number[judged], labels[judged], np.array(rows.column("lang").to_pylist(), object)[judged], int((~judged).sum()))


def _pack(name: str, spec: dict[str, Any], domains: list[str], blobs: list[bytes]) -> Classifier:
    parts = [np.load(io.BytesIO(blob), allow_pickle=False) for blob in blobs]
    out = io.BytesIO()
    np.savez_compressed(out, weights=np.stack([part["weights"] for part in parts], axis=1), idf=parts[0]["idf"], bias=np.array([float(part["bias"]) for part in parts]))
    return Classifier(name, KIND, {**spec, "domains": domains}, out.getvalue())


def _likelihood(logits: Floats, number: npt.NDArray[Any], slope: float) -> float:
    return float(np.mean(np.log(np.maximum(softmax(logits * slope)[np.arange(len(number)), number], 1e-12))))


def _figures(is_right: npt.NDArray[Any], labels: npt.NDArray[Any], langs: npt.NDArray[Any], untold: int) -> dict[str, float]:
    found = {"n": float(len(is_right)), "n_one_source": float(untold)}
    if len(is_right):
        found["accuracy"] = float(is_right.mean())
        found |= {f"accuracy_{lang}": float(is_right[langs == lang].mean()) for lang in sorted({str(lang) for lang in langs})}
        found |= {f"recall_{domain}": float(is_right[labels == domain].mean()) for domain in sorted(set(labels.tolist()))}
    return found


@lru_cache(maxsize=2)
def _loaded(blob: bytes) -> tuple[Any, Any, Any]:
    arrays = np.load(io.BytesIO(blob), allow_pickle=False)
    return arrays["weights"], arrays["idf"], arrays["bias"]


def raw_logits(model: Classifier, texts: pa.Array | pa.ChunkedArray) -> Floats:
    """(texts, domains): the logit of each regression. A text's row does not depend on the others."""
    weights, idf, bias = _loaded(model.blob)
    grams = count_grams(texts, GramParams(**model.spec["grams"]))
    values, lengths = weighted(grams, idf)
    columns = [row_sums(values * weights[:, i][grams.buckets], grams.ends) / lengths for i in range(weights.shape[1])]
    return np.stack(columns, axis=1) + bias if columns else np.zeros((len(texts), 0))


def softmax(logits: Floats) -> Floats:
    """Each row as shares of 1."""
    shares = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shares / shares.sum(axis=1, keepdims=True))


def label_texts(model: Classifier, texts: pa.Array | pa.ChunkedArray) -> tuple[list[str], Floats]:
    """The likeliest domain of each text and its share, 0 to 1, to six digits (the last bits of a double are not the same on every machine)."""
    if not len(texts):
        return [], np.zeros(0)
    shares = softmax(raw_logits(model, texts) * model.spec["slope"])
    best = np.round(shares, 6).argmax(axis=1)
    return [model.spec["domains"][i] for i in best], np.round(shares[np.arange(len(best)), best], 6)
