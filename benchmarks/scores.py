"""Quality classifiers on held-out sources: AUC by language, and speed relative to the library alone.

    python -m benchmarks.scores --train FILE [--docs FILE] [--recipe conf/jobs/train_classifier.yaml] [--plain]
        [--splits N] [--transformer .venv-worker/bin/python]

Parquet files with text, label (1 good), lang and, for training, source and optionally path (a page). The classifiers of the
recipe are trained on --train and tested on --docs. Rows of --docs whose text is also in --train are scored by models that
were not trained on their source; without --docs this applies to all rows. The unit that is held out is the source; for web pages and for
kinds (column `kind`) of a single source it is the page or row. `--splits N` measures other sources of known kinds: N times half of the sources of each
kind, drawn by seed, are held out together (of a kind of a single source a third of its pages or rows), and the AUC is the mean of N (`auc_of_splits` has each). `ensemble` is the mean that conf/jobs/build_quality.yaml makes. `--plain` adds the baseline: TF-IDF of
character 1-3-grams and a logistic regression by scikit-learn. `--transformer PYTHON` (one with torch and transformers) adds benchmarks.small_transformer,
trained once for each of five folds by source, and `chars_in_five`, the classifier `chars` in the same folds. The last line is one JSON object.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.inputs import need_columns
from gristmill.jobs import build_quality, train_classifier
from gristmill.jobs.core import config
from gristmill.udfs.rules import measures
from gristmill.udfs.scoring import training
from gristmill.udfs.scoring.classifiers import Classifier, loaded, logits
from gristmill.udfs.scoring.fasttext import line_of_words
from gristmill.udfs.scoring.importance_weights import FINE
from gristmill.udfs.scoring.trees import MEASURES, as_matrix

FOLDS = 5


def main(argv: list[str] | None = None) -> int:
    """Measure and print; 0."""
    parser = argparse.ArgumentParser("benchmarks.scores", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", required=True, type=Path, help="Parquet: text, label, lang, source (kind, path where there are)")
    parser.add_argument("--docs", type=Path, help="Parquet: text, label, lang (default: --train, held out by source)")
    parser.add_argument("--recipe", default="conf/jobs/train_classifier.yaml", help="whose classifiers are trained")
    parser.add_argument("--splits", type=int, default=0, metavar="N", help="hold out half of the sources of each kind, N times")
    parser.add_argument("--plain", action="store_true", help="also measure the baseline")
    parser.add_argument("--transformer", type=Path, metavar="PYTHON", help="a Python with torch and transformers: a small transformer too (a quarter to half an hour on two cores)")
    given = parser.parse_args(argv)
    if given.transformer and given.docs:
        parser.error("--transformer holds out rows of --train; leave --docs out")
    if given.splits and (given.docs or given.transformer):
        parser.error("--splits holds out rows of --train; leave --docs and --transformer out")
    if given.splits:
        print(json.dumps(measure_splits(given.train, given.recipe, given.plain, given.splits)))
    else:
        print(json.dumps(measure(given.train, given.docs, given.recipe, given.plain, given.transformer)))
    return 0


def read(path: Path) -> pa.Table:
    """text, label, lang, group, MEASURES. Exits with a sentence when there is no such file or column."""
    need_columns(path, "text", "label", "lang")
    held = pq.read_table(path)
    rows = pa.table({"text": held["text"].cast(pa.large_string()), "label": held["label"].cast(pa.int64()), "lang": held["lang"].cast(pa.string()), "group": groups(held)})
    measured = measures.measure_texts(rows["text"])
    for name in MEASURES:
        rows = rows.append_column(name, measured[name])
    return rows


def groups(held: pa.Table) -> pa.Array:
    """What is held out whole: the source; the page or row where a kind has one source only, or where a source has many pages of both labels."""
    frame = held.select([name for name in ("source", "kind", "path", "lang", "label") if name in held.column_names]).to_pandas()
    n = len(frame)
    if "source" not in frame:
        return pa.array([f"row-{i}" for i in range(n)])
    both = frame.groupby("source").label.transform("nunique").eq(2) & frame.source.map(frame.groupby("source").size()).gt(100)
    web = both & (frame.path.nunique() > 1 if "path" in frame else False) & frame.get("kind", frame.source).str.contains("web|minified")
    pages = frame.path.str.replace(r"#.*", "", regex=True) if "path" in frame else frame.source
    many = {source for source, part in frame[web].groupby("source")}
    lonely = frame.groupby(["kind", "lang"]).source.transform("nunique").eq(1) if "kind" in frame else frame.source.isna()
    return pa.array([
        f"page-{page}" if source in many else (f"row-{i}" if alone else f"source-{source}")
        for i, (source, page, alone) in enumerate(zip(frame.source, pages, lonely, strict=True))
    ])  # fmt: skip


def recipe_of(recipe: str) -> tuple[train_classifier.Params, dict[str, float]]:
    """The classifiers, and the weights of those that make the ensemble."""
    params = config.load_recipe(recipe).params("train_classifier", train_classifier.Params)
    scorers = config.load_recipe("conf/jobs/build_quality.yaml").params("build_quality", build_quality.Params).scorers
    return params, {name: scorer.weight for name, scorer in scorers.items() if name in params.classifiers}


def joined(found: dict[str, np.ndarray], weights: dict[str, float]) -> np.ndarray:
    """What build_quality makes of the logits."""
    return np.asarray(sum(found[name] * weight for name, weight in weights.items()) / sum(weights.values()))


def drawn(file: Path, rows: pa.Table, seed: int) -> np.ndarray:
    """Which rows are held out: of each kind, language and label half of the sources (one at least), of a lonely source a third of its pages or rows."""
    about = pq.read_table(file, columns=[name for name in ("source", "kind", "path") if name in pq.read_schema(file).names]).to_pandas()
    keys = [f"{kind}|{lang}|{label}" for kind, lang, label in zip(about.kind, rows["lang"].to_pylist(), rows["label"].to_pylist(), strict=True)]
    units = [group if group.startswith("page-") else f"row-{i}" for i, group in enumerate(rows["group"].to_pylist())]
    draw, held = np.random.default_rng(seed), np.zeros(len(about), bool)
    for key in sorted(set(keys)):
        at = np.flatnonzero(np.array(keys) == key)
        sources = sorted(set(about.source.iloc[at]))
        if len(sources) > 1:
            out = draw.permutation(sources)[: max(1, len(sources) // 2)]
            held[at] = about.source.iloc[at].isin(out)
        else:
            held[at] = [zlib.crc32(f"{seed}:{units[i]}".encode()) % 3 == 0 for i in at]
    return held


def measure_splits(file: Path, recipe: str, plain: bool, n: int) -> dict[str, Any]:
    """The figures of `--splits`."""
    need_columns(file, "source", "kind")
    rows, (params, weights) = read(file), recipe_of(recipe)
    each: dict[str, dict[str, list[float]]] = {}
    sizes = []
    for seed in range(n):
        held = drawn(file, rows, seed)
        train, docs = rows.filter(pa.array(~held)), rows.filter(pa.array(held))
        found = {name: logits(training.fit(name, it.kind, {**it.spec(), "folds": FOLDS}, train)[0], docs) for name, it in params.classifiers.items()}
        if weights:
            found["ensemble"] = joined(found, weights)
        if plain:
            found["plain"] = plain_floor(train, docs, [None] * docs.num_rows)
        for name, values in found.items():
            for lang, auc in by_language(np.asarray(docs["label"], np.int64), values, np.array(docs["lang"].to_pylist(), object)).items():
                each.setdefault(name, {}).setdefault(lang, []).append(auc)
        sizes.append(docs.num_rows)
        print(seed, {name: [of[-1] for of in langs.values()] for name, langs in each.items()}, file=sys.stderr, flush=True)
    return {"auc": {name: {lang: round(float(np.mean(aucs)), 4) for lang, aucs in langs.items()} for name, langs in each.items()}, "auc_of_splits": each, "rows": sizes}


def measure(train_file: Path, docs_file: Path | None, recipe: str, plain: bool, python: Path | None = None) -> dict[str, Any]:
    """The figures of all scorers and their ensemble."""
    params, weights = recipe_of(recipe)
    train = read(train_file)
    docs = train if docs_file is None or docs_file.resolve() == train_file.resolve() else read(docs_file)
    known = {text: i for i, text in enumerate(train["text"].to_pylist())}
    place = [known.get(text) for text in docs["text"].to_pylist()]
    labels, langs = np.asarray(docs["label"], np.int64), np.array(docs["lang"].to_pylist(), object)
    found: dict[str, np.ndarray] = {}
    speed: dict[str, Any] = {}
    for name, classifier in params.classifiers.items():
        spec = {**classifier.spec(), "folds": FOLDS}
        began = time.monotonic()
        found[name], model = scored(name, classifier.kind, spec, train, docs, place)
        speed[name] = {"train_seconds": round(time.monotonic() - began, 1), "model_mb": round(len(model.blob) / 1e6, 2), **rate(model, docs)}
        print(name, by_language(labels, found[name], langs), speed[name], file=sys.stderr, flush=True)
    if weights:
        found["ensemble"] = joined(found, weights)
    if plain:
        found["plain"] = plain_floor(train, docs, place)
    if python:
        five = [part % FOLDS for part in parts(train["group"].to_pylist())]
        found["transformer"], speed["transformer"] = transformer(python, train, five)
        if "chars" in params.classifiers:
            chars = params.classifiers["chars"]
            found["chars_in_five"] = training.fit("chars", chars.kind, {**chars.spec(), "folds": FOLDS}, train, five)[2]
    auc = {name: by_language(labels, values, langs) for name, values in found.items()}
    return {"auc": auc, "speed": speed, "rows": len(labels), "held_out": sum(each is not None for each in place)}


def parts(groups: list[str]) -> list[int]:
    """What is held out together: each source by itself, so that its kinds of other sources stay in training; pages and rows in FOLDS parts."""
    sources = {group: FOLDS + i for i, group in enumerate(sorted({group for group in groups if group.startswith("source-")}))}
    return [sources.get(group, zlib.crc32(group.encode()) % FOLDS) for group in groups]


def scored(name: str, kind: str, spec: dict[str, Any], train: pa.Table, docs: pa.Table, place: list[int | None]) -> tuple[np.ndarray, Classifier]:
    """The calibrated logit of each row of docs by a model that did not see its source, and the model of all training rows."""
    model, _, held = training.fit(name, kind, spec, train, parts(train["group"].to_pylist()))
    values = logits(model, docs)
    for i, at in enumerate(place):
        if at is not None:
            values[i] = held[at]
    return values, model


def transformer(python: Path, train: pa.Table, five: list[int]) -> tuple[np.ndarray, dict[str, float]]:
    """The logit of each training row by a small transformer that did not see its part, and its speed beside transformers' pipeline."""
    with tempfile.TemporaryDirectory() as home:
        pq.write_table(train.select(["text", "label", "lang"]).append_column("part", pa.array(five)), f"{home}/rows.parquet")
        command = [str(python), "-m", "benchmarks.small_transformer", "--train", f"{home}/rows.parquet", "--out", f"{home}/model", "--held", f"{home}/held.parquet", "--speed"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        return pq.read_table(f"{home}/held.parquet")["logit"].to_numpy(), json.loads(done.stdout.splitlines()[-1])


def by_language(labels: np.ndarray, values: np.ndarray, langs: np.ndarray) -> dict[str, float]:
    """AUC of each language that has both labels."""
    found = training.figures(values, labels, langs)
    return {key.removeprefix("auc_"): round(value, 4) for key, value in found.items() if key.startswith("auc_")}


def rate(model: Classifier, docs: pa.Table) -> dict[str, float]:
    """docs/s and MB/s of text on one core, and the ratio to the bare library over the same rows (best of three each)."""
    texts = docs["text"].to_pylist()
    size = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts) / 1e6
    batch = docs.combine_chunks()
    ours = best(lambda: logits(model, batch))
    bare = {"linear": bare_linear, "trees": bare_trees, "fasttext": bare_fasttext, "importance_weights": bare_words, "word_stats": bare_words}.get(model.kind)
    speed = {"docs_s_core": round(len(texts) / ours), "mb_s_core": round(size / ours, 1)}
    return speed if bare is None else {**speed, "of_bare_library": round(best(bare(model, batch, texts)) / ours, 2)}


def best(work: Any, rounds: int = 3) -> float:
    """CPU seconds of the best round."""
    seconds = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        seconds.append(time.process_time() - began)
    return min(seconds)


def bare_linear(model: Classifier, batch: pa.Table, texts: list[str]) -> Any:
    """scikit-learn's HashingVectorizer with as many buckets and grams, times a vector."""
    from sklearn.feature_extraction.text import HashingVectorizer

    grams = model.spec["grams"]
    maker = HashingVectorizer(
        analyzer="char" if grams["unit"] == "chars" else "word", ngram_range=(grams["min_n"], grams["max_n"]), n_features=grams["buckets"],
        alternate_sign=False, lowercase=grams["unit"] == "words",
    )  # fmt: skip
    weights, heads = np.ones(grams["buckets"]), [text[: grams["max_chars"]] for text in texts]
    return lambda: maker.transform(heads) @ weights


def bare_trees(model: Classifier, batch: pa.Table, texts: list[str]) -> Any:
    """scikit-learn's own trees, as many and of as many leaves, on a ready matrix."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    matrix, size = as_matrix(batch), {"max_iter": model.spec["trees"], "max_leaf_nodes": model.spec["leaves"]}
    trees = HistGradientBoostingClassifier(**size, early_stopping=False, random_state=0).fit(matrix, np.asarray(batch["label"], np.int64))
    return lambda: trees.decision_function(matrix)


def bare_fasttext(model: Classifier, batch: pa.Table, texts: list[str]) -> Any:
    """fastText on the same texts, cut into words by the same jieba."""
    bare = loaded(model.kind, model.blob)
    return lambda: bare.predict([line_of_words(text, model.spec["max_chars"]) for text in texts], k=2)


def bare_words(model: Classifier, batch: pa.Table, texts: list[str]) -> Any:
    """scikit-learn's HashingVectorizer over as many runs of words, times a vector: its words are not cut between Han characters."""
    from sklearn.feature_extraction.text import HashingVectorizer

    maker = HashingVectorizer(analyzer="word", ngram_range=(1, model.spec.get("max_n", 1)), n_features=model.spec.get("buckets", FINE), alternate_sign=False)
    weights, heads = np.ones(maker.n_features), [text[: model.spec["max_chars"]] for text in texts]
    return lambda: maker.transform(heads) @ weights


def plain_floor(train: pa.Table, docs: pa.Table, place: list[int | None]) -> np.ndarray:
    """TF-IDF of character 1-3-grams and a logistic regression, both with scikit-learn's defaults."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    texts, labels, asked, values = train["text"].to_pylist(), np.asarray(train["label"], np.int64), docs["text"].to_pylist(), np.zeros(docs.num_rows)
    at = np.array(parts(train["group"].to_pylist()))
    wanted = np.array([-1 if i is None else at[i] for i in place])
    for part in np.unique(wanted):
        test, rest = np.flatnonzero(wanted == part), np.flatnonzero(at != part)
        maker = TfidfVectorizer(analyzer="char", ngram_range=(1, 3), min_df=2, sublinear_tf=True)
        model = LogisticRegression(max_iter=1000, class_weight="balanced").fit(maker.fit_transform([texts[i] for i in rest]), labels[rest])
        values[test] = model.decision_function(maker.transform([asked[i] for i in test]))
    return values


if __name__ == "__main__":
    sys.exit(main())
