"""Domain labels on sources that taught nothing: accuracy of label_domain's classifier beside a plain floor.

    python -m benchmarks.domains --docs ../shared/data/corpus_dev.parquet [--per-source 1500]

The sources of each domain are dealt into two halves, by their size; a model learns one half and labels the other, both ways, so that no source
stands on both sides. Columns of the file: text, source, domain, lang_hint. The floor, in the same run on the same rows: TF-IDF of character
1- to 3-grams (scikit-learn, 300,000 features at the most) and a multinomial logistic regression. The last line is JSON by system (`gristmill`, `floor`):

accuracy, accuracy_LANG    share of documents whose domain is the source's
macro_recall               mean over domains of the share found
recall                     by domain
docs_s                     documents a second that the model labels, one process
trained_s                  seconds of training, both halves

and `sure`: of gristmill's labels those of at least .5, .7, .9 share: how many there are, and how many of them are right.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from jobs.core import config
from jobs.label_domain import Params
from udfs.domains import fit_domains, label_texts


def halves(domains: list[str], sources: list[str]) -> np.ndarray:
    """0 or 1 for each row: the sources of a domain, largest first, are dealt in turn."""
    side: dict[tuple[str, str], int] = {}
    for domain in sorted(set(domains)):
        sizes = Counter(source for source, of in zip(sources, domains, strict=True) if of == domain)
        for number, (source, _) in enumerate(sorted(sizes.items(), key=lambda item: (-item[1], item[0]))):
            side[domain, source] = number % 2
    return np.array([side[key] for key in zip(domains, sources, strict=True)])


def ours(taught: pa.Table, texts: pa.ChunkedArray, spec: dict[str, Any]) -> tuple[list[str], np.ndarray, float, float]:
    began = time.perf_counter()
    model, _ = fit_domains("domain", spec, taught)
    trained = time.perf_counter()
    found, shares = label_texts(model, texts)
    return found, shares, trained - began, time.perf_counter() - trained


def floor(taught: pa.Table, texts: pa.ChunkedArray) -> tuple[list[str], np.ndarray, float, float]:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    began = time.perf_counter()
    vectors = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), max_features=300_000, sublinear_tf=True, lowercase=False)
    matrix = vectors.fit_transform([text[:2000] for text in taught["text"].to_pylist()])
    model = LogisticRegression(C=20, max_iter=200, class_weight="balanced").fit(matrix, taught["label"].to_pylist())
    trained = time.perf_counter()
    shares = model.predict_proba(vectors.transform([text[:2000] for text in texts.to_pylist()]))
    return model.classes_[shares.argmax(axis=1)].tolist(), shares.max(axis=1), trained - began, time.perf_counter() - trained


def told(found: np.ndarray, rows: pa.Table, trained: float, labelled: float) -> dict[str, Any]:
    """The figures of one system."""
    labels, langs = np.array(rows["label"].to_pylist()), np.array(rows["lang"].to_pylist())
    right = found == labels
    recall = {domain: round(float(right[labels == domain].mean()), 4) for domain in sorted(set(labels.tolist()))}
    by_lang = {f"accuracy_{lang}": round(float(right[langs == lang].mean()), 4) for lang in sorted(set(langs.tolist())) if (langs == lang).sum() >= 100}
    return {"accuracy": round(float(right.mean()), 4), **by_lang, "macro_recall": round(float(np.mean(list(recall.values()))), 4), "recall": recall,
            "docs_s": round(len(right) / labelled), "trained_s": round(trained, 1)}  # fmt: skip


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", required=True, help="Parquet (text, source, domain, lang_hint)")
    parser.add_argument("--per-source", type=int, default=1500, help="documents of a source at the most (default 1500)")
    given = parser.parse_args()
    table = pq.read_table(given.docs, columns=["text", "source", "domain", "lang_hint"]).to_pandas()
    table = table[table.text.str.len() > 0].groupby(["domain", "source"]).head(given.per_source)
    rows = pa.table({"text": table.text.tolist(), "label": table.domain.tolist(), "lang": table.lang_hint.fillna("und").tolist(), "source": table.source.tolist()})
    side = halves(rows["label"].to_pylist(), rows["source"].to_pylist())
    model = config.validate(Params, config.load_recipe("conf/label_domain.yaml").jobs["label_domain"], "conf/label_domain.yaml").classifier
    made: dict[str, Any] = {}
    for name, system in (("gristmill", lambda taught, texts: ours(taught, texts, model.spec())), ("floor", floor)):
        found, shares, seconds = np.empty(rows.num_rows, object), np.zeros(rows.num_rows), np.zeros(2)
        for half in (0, 1):
            test = np.flatnonzero(side == half)
            labels, share, trained, labelled = system(rows.filter(pa.array(side != half)), rows["text"].take(pa.array(test)))
            found[test], shares[test] = labels, share
            seconds += np.array([trained, labelled])
        made[name] = told(found, rows, *seconds.tolist())
        if name == "gristmill":
            right = found == np.array(rows["label"].to_pylist())
            made["sure"] = {str(limit): {"share": round(float((shares >= limit).mean()), 4), "right": round(float(right[shares >= limit].mean()), 4)} for limit in (0.5, 0.7, 0.9)}
        print(name, made[name], flush=True)
    print(json.dumps(made))


if __name__ == "__main__":
    main()
