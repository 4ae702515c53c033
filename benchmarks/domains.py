"""Domain labels on held-out sources: accuracy of label_domain's classifiers compared with a baseline.

    python -m benchmarks.domains --docs data/corpus_dev.parquet [--per-source 200]

Sources are distributed over five folds, the largest first; a model is trained on four folds and labels the fifth, so no source is on both sides. Columns of
the file: text, source, domain, lang_hint. Systems: `vectors` (conf/jobs/label_domain.yaml), `grams` (hashed character n-grams, as its comment has them) and `floor`, a baseline in the
same run on the same rows: TF-IDF of character 1- to 3-grams (scikit-learn, at most 100,000 features) and a multinomial logistic regression.
The last line is JSON by system:

accuracy, accuracy_LANG    share of documents whose domain is the source's
answerable                 accuracy on documents whose domain has a training source in their language; `n_answerable` documents
macro_recall               mean over domains of the share found
recall                     by domain
docs_s                     documents a second that the model labels, one process
trained_s                  seconds of training, all parts
sure                       by minimum confidence (.5, .7, .9): share of labels that reach it, and how many of them are right (not for the baseline)
"""

from __future__ import annotations

import argparse
import functools
import json
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.jobs.core import config
from gristmill.jobs.label_domain import Params
from gristmill.udfs.scoring.domains import fit_domains, label_texts

PARTS = 5


def parts_of(sources: list[str]) -> np.ndarray:
    """0 to PARTS - 1 for each row: the sources, largest first, are dealt in turn."""
    sizes = sorted(Counter(sources).items(), key=lambda item: (-item[1], item[0]))
    part = {source: number % PARTS for number, (source, _) in enumerate(sizes)}
    return np.array([part[source] for source in sources])


def answerable(rows: pa.Table) -> np.ndarray:
    """Whether another source than the row's own has documents of its domain in its language."""
    keys = list(zip(*(rows[name].to_pylist() for name in ("label", "lang", "source")), strict=True))
    teach: dict[tuple[str, str], set[str]] = {}
    for label, lang, source in keys:
        teach.setdefault((label, lang), set()).add(source)
    return np.array([len(teach[label, lang] - {source}) > 0 for label, lang, source in keys])


def ours(taught: pa.Table, texts: pa.ChunkedArray, spec: dict[str, Any]) -> tuple[list[str], np.ndarray, float, float]:
    """Domains and shares that a model of `taught` gives `texts`; seconds of training, seconds of labelling."""
    began = time.perf_counter()
    model, _ = fit_domains("domain", spec, taught)
    trained = time.perf_counter()
    found, shares = label_texts(model, texts)
    return found, shares, trained - began, time.perf_counter() - trained


def floor(taught: pa.Table, texts: pa.ChunkedArray) -> tuple[list[str], np.ndarray, float, float]:
    """As `ours`, by the plain floor."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    began = time.perf_counter()
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), max_features=100_000, sublinear_tf=True, lowercase=False)
    matrix = vectors.fit_transform([text[:2000] for text in taught["text"].to_pylist()])
    model = LogisticRegression(C=20, max_iter=200, class_weight="balanced").fit(matrix, taught["label"].to_pylist())
    trained = time.perf_counter()
    shares = model.predict_proba(vectors.transform([text[:2000] for text in texts.to_pylist()]))
    return model.classes_[shares.argmax(axis=1)].tolist(), shares.max(axis=1), trained - began, time.perf_counter() - trained


def told(found: np.ndarray, rows: pa.Table, trained: float, labelled: float) -> dict[str, Any]:
    """The figures of one system."""
    labels, langs, can = np.array(rows["label"].to_pylist()), np.array(rows["lang"].to_pylist()), answerable(rows)
    right = found == labels
    recall = {domain: round(float(right[labels == domain].mean()), 4) for domain in sorted(set(labels.tolist()))}
    by_lang = {f"accuracy_{lang}": round(float(right[langs == lang].mean()), 4) for lang in sorted(set(langs.tolist())) if (langs == lang).sum() >= 100}
    return {"accuracy": round(float(right.mean()), 4), **by_lang, "answerable": round(float(right[can].mean()), 4), "n_answerable": int(can.sum()), "n": len(right),
            "macro_recall": round(float(np.mean(list(recall.values()))), 4), "recall": recall, "docs_s": round(len(right) / labelled, 1), "trained_s": round(trained, 1)}  # fmt: skip


def judged(rows: pa.Table, part: np.ndarray, system: Callable[..., Any]) -> dict[str, Any]:
    """Every part labelled by a model of the others."""
    found, shares, seconds = np.empty(rows.num_rows, object), np.zeros(rows.num_rows), np.zeros(2)
    for number in range(PARTS):
        test = np.flatnonzero(part == number)
        labels, share, trained, labelled = system(rows.filter(pa.array(part != number)), rows["text"].take(pa.array(test)))
        found[test], shares[test] = labels, share
        seconds += np.array([trained, labelled])
    right = found == np.array(rows["label"].to_pylist())
    sure = {str(least): {"share": round(float((shares >= least).mean()), 4), "right": round(float(right[shares >= least].mean()), 4)} for least in (0.5, 0.7, 0.9) if (shares >= least).any()}
    return {**told(found, rows, *seconds.tolist()), "sure": sure}


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", required=True, help="Parquet (text, source, domain, lang_hint)")
    parser.add_argument("--per-source", type=int, default=200, help="documents of a source, domain and language at the most (default 200)")
    given = parser.parse_args()
    table = pq.read_table(given.docs, columns=["text", "source", "domain", "lang_hint"]).to_pandas()
    table = table[table.text.str.len() > 0].groupby(["domain", "source", "lang_hint"]).head(given.per_source)
    rows = pa.table({"text": table.text.tolist(), "label": table.domain.tolist(), "lang": table.lang_hint.fillna("und").tolist(), "source": table.source.tolist()})
    vectors = config.validate(Params, config.load_recipe("conf/jobs/label_domain.yaml").jobs["label_domain"], "conf/jobs/label_domain.yaml").classifier.spec()
    grams = {**vectors, "features": "grams", "inverse_regularization": 20.0, "grams": {"unit": "chars", "min_n": 1, "max_n": 3, "buckets": 131072, "max_chars": 2000}}
    systems = {"floor": floor, **{name: functools.partial(ours, spec=spec) for name, spec in (("grams", grams), ("vectors", vectors))}}
    made: dict[str, Any] = {}
    for name, system in systems.items():
        made[name] = judged(rows, parts_of(rows["source"].to_pylist()), system)
        print(name, made[name], flush=True)
    print(json.dumps(made))


if __name__ == "__main__":
    main()
