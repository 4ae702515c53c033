"""A function of Columns gives what its kernel gives, on whatever texts, and runs it once for a query."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gristmill.udfs import columns
from gristmill.udfs.arrow.batches import as_batch, by_key
from gristmill.udfs.edit.headers import find_headers
from gristmill.udfs.edit.pii import PiiParams, scrub_texts
from gristmill.udfs.language_models.kenlm import LanguageModel, score_languages
from gristmill.udfs.language_models.kenlm_training import train
from gristmill.udfs.rules import measures
from gristmill.udfs.scoring.sensitive import WordList, score_texts
from gristmill.udfs.text.folding import content_hashes

pytestmark = pytest.mark.spark
ENGLISH = "The mill by the river grinds the grain of the whole village, and the wheel turns all day."
CHINESE = "水手出海前要查潮汐表，磨坊旁边的河水每天都在流。\r\n赌博，头髮。"
TEXTS = [
    None, "", " \n\t\u2028", ENGLISH, CHINESE, "😀𠮷" * 7, "e\u0301\u200d\ufeff\u202e", "a\r\rb\x0b\x85c",
    "\ufffd", "mail me at ann.miller@example.org or call +86 138 1234 5678", "# Copyright 2020 X\nimport y\n",
    "".join(f"line {i} of a long text, 第{i}行。\n" for i in range(60_000)),
]  # fmt: skip
WORDS = WordList("test", (("赌博", "gambling"), ("mill", "work")), (("gambling", 1.0), ("work", 0.5)), ())


@pytest.fixture(scope="module")
def frame(spark: Any) -> Any:
    """place, text, lang: TEXTS in three parts, some of them empty."""
    rows = [(i, text, ("en", "zh", None)[i % 3]) for i, text in enumerate(TEXTS)]
    return spark.createDataFrame(rows, "place int, text string, lang string").repartition(5, "place")


@pytest.fixture(scope="module")
def models() -> dict[str, LanguageModel]:
    return {
        lang: train(f"lm_{lang}", lang, unit, 2, 1000, [text] * 30, -6.0, None)[0]
        for lang, unit, text in (("en", "words", ENGLISH), ("zh", "chars", CHINESE))
    }


def plain(value: Any) -> Any:
    """Rows of Spark as Arrow's `to_pylist` has them."""
    if hasattr(value, "asDict"):
        return {key: plain(inner) for key, inner in value.asDict().items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def found(frame: Any, column: Any) -> list[Any]:
    rows = frame.select("place", column.alias("found")).collect()
    return [plain(row.found) for row in sorted(rows, key=lambda row: row.place)]


def measured(texts: pa.Array) -> pa.RecordBatch:
    return measures.measure(texts, lid_model="package:", lid_chars=1000)


CASES = {
    "rule_signals": (columns.rule_signals, measured),
    "text_hash": (columns.text_hash, content_hashes),
    "pii": (lambda: columns.pii(PiiParams()), lambda texts: scrub_texts(texts, PiiParams())),
    "licence_headers": (columns.licence_headers, find_headers),
    "word_score": (lambda: columns.word_score(WORDS), lambda texts: score_texts(texts, WORDS)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_column_is_what_the_kernel_gives(name: str, frame: Any) -> None:
    function, kernel = CASES[name]
    expected = kernel(pa.array(TEXTS)).to_pylist()
    assert len({str(each) for each in expected}) > 1
    assert found(frame, function()("text")) == expected
    assert found(frame, function().udf("text")) == expected, "SQL hands over strings"


def test_perplexity_is_by_the_language_of_the_row(frame: Any, models: dict[str, LanguageModel]) -> None:
    langs = pa.array([("en", "zh", None)[i % 3] for i in range(len(TEXTS))])
    expected = score_languages(pa.array(TEXTS), langs, models).to_pylist()
    assert [row["loss"] is None for row in expected] == [lang is None for lang in langs.to_pylist()]
    assert found(frame, columns.perplexity(models)("text", "lang")) == expected
    with pytest.raises(Exception, match=r"perplexity: no language model 'zh'; there are: en"):
        found(frame, columns.perplexity({"en": models["en"]})("text", "lang"))


def test_bytes_that_are_no_utf_8_are_hashed_as_where_arrow_brings_them(spark: Any) -> None:
    broken = b"\xed\xa0\x80 a lone surrogate \xff"
    frame = spark.createDataFrame([(0, bytearray(broken))], "place int, text binary")
    expected = content_hashes(pa.array([broken]).view(pa.string())).to_pylist()
    assert found(frame, columns.text_hash()("text")) == expected
    assert found(frame.withColumn("text", frame.text.cast("string")), columns.text_hash()("text")) == expected


def test_an_empty_frame_and_nulls_alone_have_columns(spark: Any) -> None:
    none = spark.createDataFrame([], "place int, text string")
    assert found(none, columns.rule_signals()("text")) == []
    nulls = spark.createDataFrame([(0, None), (1, None)], "place int, text string")
    expected = measured(pa.array([None, None], pa.string()))
    assert found(nulls, columns.rule_signals().udf("text")) == expected.to_pylist()


def calls(spark: Any, folder: Path, query: Any) -> int:
    """How often the kernel ran for a query over one batch."""
    import os
    import uuid

    home = str(folder)

    def kernel(texts: pa.Array) -> pa.RecordBatch:
        open(os.path.join(home, uuid.uuid4().hex), "w").close()
        return pa.record_batch({"n": pa.array([len(text or "") for text in texts.to_pylist()])})

    function = columns._function("counted", kernel, pa.schema([("n", pa.int64())]))
    query(spark.createDataFrame([("ab",), ("c",)], "text string").coalesce(1), function)
    return len(list(folder.iterdir()))


def test_a_condition_on_what_comes_out_costs_no_second_run(spark: Any, tmp_path: Path) -> None:
    def query(frame: Any, function: columns.Function) -> None:
        rows = frame.select(function.nondeterministic()("text").alias("m")).where("m.n > 1").select("m.n").collect()
        assert [row.n for row in rows] == [2]

    assert calls(spark, tmp_path, query) == 1


def test_fields_of_one_call_are_computed_once(spark: Any, tmp_path: Path) -> None:
    def query(frame: Any, function: columns.Function) -> None:
        frame.select(function("text")["n"].alias("a"), (function("text")["n"] + 1).alias("b")).collect()

    assert calls(spark, tmp_path, query) == 1


def test_a_key_without_a_kernel_is_named() -> None:
    schema = pa.schema([("n", pa.int64())])
    kernels = {"one": lambda texts: as_batch([(len(text),) for text in texts.to_pylist()], schema)}
    texts, keys = pa.array(["a", "bc", "def"]), pa.array(["one", None, "one"])
    assert by_key([texts], keys, kernels, schema, "no").to_pylist() == [{"n": 1}, {"n": None}, {"n": 3}]
    assert by_key([texts[:0]], keys[:0], kernels, schema, "no").num_rows == 0
    with pytest.raises(ValueError, match=r"^test: no kernel 'two'; there are: one$"):
        by_key([texts], pa.array(["one", "two", "two"]), kernels, schema, "test: no kernel")
