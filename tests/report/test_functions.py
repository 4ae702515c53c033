"""The functions over texts in SQL: with the models of a lake, and a clear word where it has none."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gristmill.jobs import train_lm
from gristmill.jobs.core.errors import ConfigError, ContractError
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.report.ask import Ask
from gristmill.jobs.report.functions import NAMES, TRAINED, register_functions
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import DOCS
from gristmill.jobs.schema.scores import MODELS
from gristmill.jobs.scoring.models import load_model, sha256
from gristmill.udfs.language_models import kenlm
from gristmill.udfs.scoring import classifiers, training
from tests.lakes import bring, measure, read
from tests.udfs.scoring.test_classifiers import SPECS, examples

pytestmark = pytest.mark.spark
ENGLISH = "The old mill by the river grinds the grain of the whole village. Nobody knows why, {}."
CHINESE = "水手出海前要查潮汐表，磨坊旁边的河水每天都在流，谁也不知道第{}次是为什么。"


@pytest.fixture(scope="module")
def lake(spark: Any, tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any]) -> Lake:
    """Documents in two languages with models of both, and at a later version of `models` two classifiers."""
    home = tmp_path_factory.mktemp("functions")
    made = Lake(spark, str(home / "lake"))
    rows = [
        {"id": f"{i}-{text[:1]}", "text": text.format(i)} for i in range(6) for text in (ENGLISH, CHINESE)
    ]
    bring(made, home / "raw", rows, params_of("ingest_docs"), "one")
    measure(made, params_of("measure_text"))
    models = {"en": {"unit": "words", "order": 2}, "zh": {"unit": "chars", "order": 2}}
    run_job(train_lm.JOB, params_of("train_lm", skip_rejected_by=[], domains=None, models=models), made)
    added = []
    for kind in ("linear", "trees"):
        model = training.fit(kind, kind, SPECS[kind], examples())[0]
        data, path = classifiers.to_bytes(model), f"_models/{kind}.model"
        (home / "lake" / path).write_bytes(data)
        at = dt.datetime.now(dt.UTC)
        about = ("train_classifier", kind, model.version, kind, None, path, sha256(data))
        added.append((*about, "{}", {}, "{}", at))
    made.write(MODELS, spark.createDataFrame(added, MODELS.schema), None, "by hand")
    return made


def test_a_query_scores_texts_by_the_models_of_the_lake(lake: Lake, spark: Any) -> None:
    assert register_functions(spark, lake.root) == list(NAMES)
    lake.read(DOCS).createOrReplaceTempView("some_docs")
    rows = spark.sql(
        "SELECT text, perplexity(text, language(text).lang).perplexity AS p, rule_signals(text).n_words AS n,"
        " text_hash(text) AS hash, size(pii(text)) AS pii, word_score(text, 'sensitive_zh').score AS words"
        " FROM some_docs ORDER BY text"
    ).collect()
    trained = {
        row.lang: kenlm.from_bytes(Path(lake.root, row.path).read_bytes())
        for row in read(lake, MODELS, job="train_lm")
    }
    assert sorted(trained) == ["en", "zh"]
    assert [row.p for row in rows] == [
        kenlm.score_text(trained["en" if row.text[0] == "T" else "zh"], row.text)[3] for row in rows
    ]
    assert {(row.n > 5, len(row.hash), row.pii, row.words) for row in rows} == {(True, 32, 0, 0.0)}


def test_a_version_pins_the_models(lake: Lake, spark: Any) -> None:
    texts = examples(n=8)["text"].to_pylist()
    spark.createDataFrame([(text,) for text in texts], "text string").createOrReplaceTempView("asked")
    query = (
        "SELECT text, quality(text, 'en', 'linear').score AS a, quality(text, NULL, 'trees').raw AS b"
        " FROM asked"
    )
    latest = lake.latest(MODELS)
    register_functions(spark, lake, version=latest)
    rows = spark.sql(query).collect()
    [linear] = read(lake, MODELS, name="linear")
    model = classifiers.from_bytes(Path(lake.root, linear.path).read_bytes())
    expected = classifiers.score(model, pa.table({"text": [row.text for row in rows]}))
    assert [row.a for row in rows] == expected["score"].to_pylist()
    assert len({row.b for row in rows}) > 1
    register_functions(spark, lake, version=latest - 1)
    with pytest.raises(Exception, match=r"quality: no model '(linear|trees)'; there are: none"):
        spark.sql(query).collect()


def test_only_the_file_that_the_table_names_is_used_as_a_model(lake: Lake, tmp_path: Path) -> None:
    row = next(row.asDict() for row in read(lake, MODELS, name="trees"))
    assert load_model(lake, row, classifiers.from_bytes).name == "trees"
    folder = Path(lake.root, "_models")
    (tmp_path / "other").write_bytes((folder / "trees.model").read_bytes())
    (folder / "changed.model").write_bytes((folder / "trees.model").read_bytes() + b" ")
    (folder / "linked.model").symlink_to(tmp_path / "other")
    (folder / "linked").symlink_to(tmp_path)
    (folder / "not_one.model").write_bytes(b"not one")
    for change, words in {
        ("path", "_models/changed.model"): "has the SHA-256 [0-9a-f]{64}, models says .* for trees",
        ("path", "_models/gone.model"): "no such file",
        ("path", f"{tmp_path}/other"): "leads out of the lake",
        ("path", f"file://{tmp_path}/other"): "leads out of the lake",
        ("path", f"_models/../../{tmp_path.name}/other"): "leads out of the lake",
        ("path", "_models/linked.model"): "a symbolic link on which leads out of the lake",
        ("path", "_models/linked/other"): "a symbolic link on which leads out of the lake",
        ("sha256", None): "kept no hash of its file; run `gristmill upgrade",
    }.items():
        with pytest.raises(ContractError, match=words):
            load_model(lake, {**row, change[0]: change[1]}, classifiers.from_bytes)
    other = {**row, "path": "_models/not_one.model", "sha256": sha256(b"not one")}
    with pytest.raises(ContractError, match=r"not_one.model: not a model of train_classifier"):
        load_model(lake, other, classifiers.from_bytes)


def test_gristmill_sql_knows_them_and_says_what_is_missing(lake: Lake) -> None:
    ask = Ask(lake.root)
    assert ask.sql("SELECT count(perplexity(text, 'en').loss) AS n FROM docs", 5) == (["n"], [(12,)])
    with pytest.raises(
        ConfigError, match=r"perplexity: no language model 'fr'; there are: en, zh; name one of those"
    ):
        ask.sql("SELECT perplexity(text, 'fr').loss FROM docs", 5)
    with pytest.raises(ConfigError, match="domain: no model of label_domain"):
        ask.sql("SELECT domain(text).share FROM docs", 5)


def test_what_cannot_be_registered_is_refused(spark: Any, tmp_path: Path) -> None:
    assert set(register_functions(spark)) == set(NAMES) - set(TRAINED)
    with pytest.raises(ConfigError, match="no perplexities; there are: rule_signals, language"):
        register_functions(spark, names=["perplexities"])
    with pytest.raises(ConfigError, match=r"perplexity use models of a lake; name it \(lake=...\)"):
        register_functions(spark, names=["perplexity", "language"])
