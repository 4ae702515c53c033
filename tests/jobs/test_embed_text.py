"""Texts that say the same stand near each other, in one language or two; each document is embedded once by each model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyspark
import pytest
import yaml

from gristmill.jobs import embed_text, measure_text
from gristmill.jobs.core.config import load_recipe
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.curate import find_job, job_names
from gristmill.jobs.curation.invalidation import drop_replaced
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.catalog import table
from gristmill.jobs.schema.documents import CORPUS, DOCS, VERDICTS
from gristmill.jobs.schema.scores import EMBEDDINGS
from gristmill.udfs.language_models.embedding import vectors
from gristmill.udfs.language_models.onnx_encoder import missing
from tests.lakes import read

ROOT = Path(__file__).resolve().parent.parent.parent
ONNX = ROOT / "models/minilm-l6-v2-onnx"
HEEDS = ["filter_rules", "dedup_exact", "dedup_minhash", "decontaminate"]  # as in conf/demo.yaml
TWINS = [
    ("How do I learn to play the piano?", "怎样学会弹钢琴？"),
    ("The river flooded the town last night.", "昨晚河水淹没了城镇。"),
    ("The price of wheat rose again in autumn.", "秋天小麦的价格又上涨了。"),
    ("A triangle has three sides.", "三角形有三条边。"),
]


def test_a_translation_is_the_nearest_and_company_changes_nothing() -> None:
    english, chinese = vectors([en for en, _ in TWINS]), vectors([zh for _, zh in TWINS])
    assert (english @ chinese.T).argmax(axis=1).tolist() == [0, 1, 2, 3]
    assert np.allclose(np.linalg.norm(english, axis=1), 1, atol=1e-3)
    alone = np.vstack([vectors([en]) for en, _ in TWINS])
    assert np.array_equal(alone, english)


@pytest.mark.parametrize("text", ["", " \n", "...", "\u200b"])
def test_a_text_that_says_nothing_has_the_zero_vector_beside_others_too(text: str) -> None:
    beside = vectors([TWINS[0][0], text])
    assert np.linalg.norm(beside, axis=1) == pytest.approx([1, 0], abs=1e-3)
    assert not vectors([text]).any()


def found(lake: Lake) -> dict[tuple[str, str], list[float]]:
    rows = read(lake, EMBEDDINGS)
    assert len({(row.doc_id, row.model) for row in rows}) == len(rows)
    return {(row.doc_id, row.model): row.vector for row in rows}


@pytest.mark.spark
def test_every_kept_document_gets_one_vector_of_a_model(demo_lake: Lake) -> None:
    kept = {row.doc_id for row in read(demo_lake, CORPUS)}
    embedded = {doc for doc, _ in found(demo_lake)}  # conf/demo.yaml embeds them all, as the tests' demo is small
    assert embedded >= kept
    rejected = {row.doc_id for row in read(demo_lake, VERDICTS) if row.job in HEEDS}
    assert rejected
    assert not embedded & rejected


@pytest.mark.spark
def test_a_larger_sample_adds_to_a_smaller_one(lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    documents([{"id": str(i), "text": f"The miller closed gate {i} in the night."} for i in range(20)])

    def embedded(n: int) -> dict[tuple[str, str], list[float]]:
        outcome = run_job(embed_text.JOB, params_of("embed_text", skip_rejected_by=[], max_documents=n), lake)
        assert outcome.counts is not None
        assert (outcome.counts.rows_kept, outcome.counts.reasons) == (n, {"not_sampled": 20 - n})
        return found(lake)

    first = embedded(5)
    more = embedded(12)
    assert len(first) == 5
    assert len(more) == 12
    assert {key: more[key] for key in first} == first


@pytest.mark.spark
def test_each_language_has_its_own_encoder_and_others_have_none(lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    section = load_recipe("conf/jobs/embed_text_onnx.yaml").jobs["embed_text"]
    if missing() or not all((ROOT / model["path"] / "model.onnx").is_file() for model in section["engine"]["models"].values()):
        pytest.skip("needs `make models` and the extra onnx")
    documents([{"id": "en", "text": TWINS[1][0]}, {"id": "zh", "text": TWINS[1][1] + TWINS[2][1]}, {"id": "de", "text": "Der Fluss hat gestern Nacht die ganze Stadt überflutet."}])
    run_job(measure_text.JOB, params_of("measure_text"), lake)
    outcome = run_job(embed_text.JOB, params_of("embed_text", engine=section["engine"], skip_rejected_by=[]), lake)
    assert outcome.counts is not None
    assert (outcome.counts.rows_kept, outcome.counts.reasons) == (2, {"other_language": 1})
    keys = {row.doc_id: row.native_key for row in read(lake, DOCS)}
    made = {(keys[doc], model.split("@")[0], len(vector)) for (doc, model), vector in found(lake).items()}
    assert made == {("en", "bge-small-en-v1.5", 384), ("zh", "bge-small-zh-v1.5", 512)}
    assert all(abs(np.linalg.norm(vector) - 1) < 1e-3 for vector in found(lake).values())


@pytest.mark.spark
def test_a_text_that_came_again_in_other_words_gets_another_vector(spark: Any, tmp_path: Path, params_of: Callable[..., Any]) -> None:
    lake, raw = Lake(spark, str(tmp_path / "lake")), tmp_path / "raw" / "rows.jsonl"
    raw.parent.mkdir()
    ingest, embed = params_of("ingest_docs", data_docs=False), params_of("embed_text", skip_rejected_by=[])

    def vectors_of(changed: str) -> dict[str, list[float]]:
        texts = {"same": "The river rose in the night.", "changed": changed}
        raw.write_text("".join(json.dumps({"id": key, "source": "t", "text": text}) + "\n" for key, text in texts.items()))
        run_job(find_job("ingest_docs"), ingest, lake, inputs=str(raw.parent), batch="one")
        run_job(embed_text.JOB, embed, lake)
        keys = {row.doc_id: row.native_key for row in read(lake, DOCS)}
        return {keys[doc]: vector for (doc, _), vector in found(lake).items()}

    first = vectors_of("The miller closed the gate.")
    second = vectors_of("The price of wheat rose again.")
    assert second["same"] == first["same"]
    assert abs(np.array(second["changed"]) - np.array(vectors(["The price of wheat rose again."])[0])).max() < 1e-4
    assert second["changed"] != first["changed"]


# Jobs that add rows of documents to a table and do not begin with drop_replaced, and why.
FORGET_OTHERWISE = {
    "merge_scores": "it looks at answers to requests, which were sent out once, and at no document",
    "dedup_semantic": "its drop_stale does so for pairs too, whose rows name two documents",
}


def test_every_job_that_looks_at_a_document_once_forgets_what_was_replaced() -> None:
    once = [job for job in map(find_job, job_names()) if any(w.replaces == "append" and {"doc_id", "batch_id"} <= set(table(w.table).key) for w in job.writes)]
    assert {job.name for job in once} >= {"score_classifier", "score_perplexity", "embed_text"}
    others = {job.name for job in once if job.steps[0] is not drop_replaced}
    assert others == set(FORGET_OTHERWISE), "of these two lists one is too long"


@pytest.mark.spark
@pytest.mark.skipif(not (ONNX / ".ready").is_file() or not pyspark.__version__.startswith("3.5"), reason="needs `make worker` (models/minilm-l6-v2-onnx) and Spark 3.5")
def test_spark_nlp_gives_the_vectors_of_an_onnx_model(demo_copy: Lake, tmp_path: Path) -> None:
    recipe = yaml.safe_load((ROOT / "conf/jobs/embed_text_nlp.yaml").read_text())
    recipe["jobs"]["embed_text"] |= {"max_documents": 12}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(recipe))
    command = [sys.executable, "-m", "gristmill.jobs.cli", "run", "embed_text", "--recipe", str(tmp_path / "r.yaml"), "--lake", demo_copy.root]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr[-3000:]
    made = {key: vector for key, vector in found(demo_copy).items() if key[1].startswith("E5")}
    assert len(made) == 12
    assert {len(vector) for vector in made.values()} == {384}
    assert all(abs(sum(x * x for x in vector) - 1) < 1e-4 for vector in made.values())


def test_what_is_missing_is_named(tmp_path: Path, params_of: Callable[..., Any]) -> None:
    recipe = load_recipe("conf/jobs/embed_text_nlp.yaml")
    recipe.jobs["embed_text"]["engine"]["path"] = str(tmp_path)
    params = recipe.params("embed_text", embed_text.Params)
    with pytest.raises(ConfigError, match="holds no model"):
        embed_text.names_of(params)  # type: ignore[arg-type]
    (tmp_path / "model.onnx").write_bytes(b"one")
    one = json.dumps(recipe.params("embed_text", embed_text.Params).model_dump())
    (tmp_path / "model.onnx").write_bytes(b"two")
    assert json.dumps(recipe.params("embed_text", embed_text.Params).model_dump()) != one, "another model is another recipe"
