"""Cost of the functions of gristmill.udfs.columns compared with mapInArrow over their kernels.

    python -m benchmarks.columns --docs data/corpus_dev.parquet [--documents 10000] [--rounds 5]

`--docs`: Parquet with text and lang_hint. Both forms of each function write doc_id, batch_id and the
result to Spark's noop sink, interleaved in one session of two cores, after a warm-up round. Models are
trained on the documents. The last line is JSON by function: `select_s` and `map_in_arrow_s`, medians over the
rounds; `ratio`, the median of each round's; and the mean of them all.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.jobs.curation.word_lists import load_list
from gristmill.jobs.lake.session import open_session
from gristmill.udfs import columns
from gristmill.udfs.edit import pii, script
from gristmill.udfs.edit.headers import SPANS, find_headers
from gristmill.udfs.language_models import kenlm, kenlm_training
from gristmill.udfs.rules import measures
from gristmill.udfs.scoring import classifiers, sensitive, training
from gristmill.udfs.text import langid
from gristmill.udfs.text.folding import content_hashes

ROW_GROUP = 1000
Kernel = Callable[..., Any]
Case = tuple[columns.Function, tuple[str, ...], Kernel, pa.Schema]  # columns that go in; what comes out


def cases(rows: pa.Table) -> dict[str, Case]:
    """Each function, what it takes, its kernel, and the columns that the kernel gives."""
    models = {lang: language_model(lang, rows) for lang in ("en", "zh")}
    model, words = quality_model(rows), load_list("conf/lists/sensitive_zh.yaml").words()
    lid = {"lid_model": langid.PACKAGE, "lid_chars": 1000}

    def column(kind: pa.DataType) -> pa.Schema:
        return pa.schema([("found", kind)])

    def hashed(texts: pa.Array) -> pa.RecordBatch:
        return classifiers.score(model, pa.record_batch({"text": texts}))

    text, scored = ("text",), classifiers.SCORED
    return {
        "rule_signals": (columns.rule_signals(), text, partial(measures.measure, **lid), measures.MEASURES),
        "perplexity": (
            columns.perplexity(models), ("text", "lang"), partial(kenlm.score_languages, models=models),
            kenlm.SCORES,
        ),
        "quality": (columns.quality(model), text, hashed, scored),
        "word_score": (
            columns.word_score(words), text, partial(sensitive.score_texts, words=words), sensitive.SCORED,
        ),
        "language": (columns.language(), text, lambda t: columns._language(t, **lid), columns.LANGUAGE),
        "text_hash": (columns.text_hash(), text, content_hashes, column(pa.string())),
        "pii": (columns.pii(), text, lambda t: pii.scrub_texts(t, pii.PiiParams()), column(pii.EDITS)),
        "licence_headers": (columns.licence_headers(), text, find_headers, column(SPANS)),
        "simplified": (
            columns.simplified(), text, partial(script.convert_texts, config="t2s"), column(script.EDITS),
        ),
    }  # fmt: skip


def language_model(lang: str, rows: pa.Table) -> kenlm.LanguageModel:
    """A model of order 3 of the first 300 documents of a language."""
    texts = [row["text"] for row in rows.slice(0, 4000).to_pylist() if row["lang"] == lang][:300]
    return kenlm_training.train(
        f"lm_{lang}", lang, "words" if lang == "en" else "chars", 3, 5000, texts, -6.0, None
    )[0]


def quality_model(rows: pa.Table) -> classifiers.Classifier:
    """A linear model that tells the two languages apart: it costs what one of quality costs."""
    some = rows.slice(0, 2000)
    grams = {"unit": "chars", "min_n": 1, "max_n": 3, "buckets": 1 << 18, "max_chars": 2000}
    table = pa.table({
        "text": some["text"], "lang": some["lang"], "group": [str(i % 7) for i in range(len(some))],
        "label": [int(lang == "zh") for lang in some["lang"].to_pylist()],
    })  # fmt: skip
    spec = {"grams": grams, "inverse_regularization": 1.0, "folds": 2, "length_bins": 1}
    return training.fit("quality", "linear", spec, table)[0]


def in_arrow(kernel: Kernel, given: tuple[str, ...], names: list[str]) -> Kernel:
    """mapInArrow: doc_id, batch_id and `given` -> doc_id, batch_id and what the kernel gives."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            made = kernel(*(batch.column(name) for name in given))
            found = made.columns if isinstance(made, pa.RecordBatch) else [made]
            yield pa.record_batch(
                [batch["doc_id"], batch["batch_id"], *found], names=["doc_id", "batch_id", *names]
            )

    return run


def cpu_seconds() -> float:
    """Of this process, the JVM and the Python workers, those that have ended included."""
    me, total = psutil.Process(), 0.0
    for process in [me, *me.children(recursive=True)]:
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total


def compare(docs: Any, case: Case, rounds: int) -> dict[str, float]:
    """Seconds of both forms and their ratio."""
    from pyspark.sql.pandas.types import from_arrow_schema

    function, given, kernel, schema = case
    keys = [("doc_id", pa.string()), ("batch_id", pa.string())]
    names = from_arrow_schema(pa.schema([*keys, *schema]))
    is_struct, arrow = len(schema) > 1, in_arrow(kernel, given, schema.names)
    selected = docs.select("doc_id", "batch_id", function(*given).alias("found"))
    forms = {
        "select_s": selected.select("doc_id", "batch_id", "found.*") if is_struct else selected,
        "map_in_arrow_s": docs.select("doc_id", "batch_id", *given).mapInArrow(arrow, names),
    }
    spent: dict[str, list[float]] = {form: [] for form in forms}
    for turn in range(rounds + 1):
        for form in list(forms)[:: 1 if turn % 2 else -1]:
            before = cpu_seconds()
            forms[form].write.format("noop").mode("overwrite").save()
            spent[form].append(cpu_seconds() - before)
    counted = {form: seconds[1:] for form, seconds in spent.items()}
    ratios = [a / b for a, b in zip(*counted.values(), strict=True)]
    return {
        **{form: round(statistics.median(each), 2) for form, each in counted.items()},
        "ratio": round(statistics.median(ratios), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--docs", required=True)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", nargs="*", help="functions; all without it")
    given = parser.parse_args()
    os.environ.setdefault("GRISTMILL_MASTER", "local[2]")
    read = pq.read_table(given.docs, columns=["text", "lang_hint"]).slice(0, given.documents)
    langs = ["zh" if lang == "zh" else "en" for lang in read["lang_hint"].to_pylist()]
    ids = pa.array([f"{i:032x}" for i in range(len(read))])
    rows = pa.table({"doc_id": ids, "batch_id": ["b"] * len(read), "text": read["text"], "lang": langs})
    spark = open_session("columns")
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as home:
        pq.write_table(rows, Path(home, "docs.parquet"), row_group_size=ROW_GROUP)
        docs = spark.read.parquet(home).repartition(4).cache()
        docs.count()
        for name, case in cases(rows).items():
            if not given.only or name in given.only:
                results[name] = compare(docs, case, given.rounds)
                print(name, results[name], flush=True)
        docs.unpersist()
    spark.stop()
    results["mean_ratio"] = round(statistics.mean(each["ratio"] for each in results.values()), 3)
    print(json.dumps(results))


if __name__ == "__main__":
    main()
