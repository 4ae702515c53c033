"""A classifier of a Hugging Face folder scores each kept document once; the small one here is trained by the test."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
import pytest
import yaml

from gristmill.jobs import build_quality, score_transformer
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.catalog import table as promised
from gristmill.jobs.schema.documents import DOCS
from gristmill.jobs.schema.scores import SCORES
from gristmill.udfs.language_models import causal_lm
from tests.lakes import BY_HAND, frame_of, read

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".venv-worker/bin/python"
GOOD = ["The river carries silt to the delta.", "The mill ground grain for three villages.", "水车把谷物磨成面粉，村民们每天清晨都来。"]
BAD = ["CLICK here!!! win $$$ free prize now", "Home | About | Contact | Login | Cart", "加微信领红包！！！点击链接 免费"]


def scorer(folder: Path, **head: Any) -> dict[str, Any]:
    return {"model": str(folder), "head": head or {"kind": "softmax", "labels": ["good"]}, "max_tokens": 64}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What stands for a model where none is to run."""
    made = tmp_path / "tiny"
    made.mkdir()
    (made / "config.json").write_text(json.dumps({"id2label": {"0": "bad", "1": "fair", "2": "good"}}))
    (made / "model.safetensors").write_bytes(b"one")
    return made


def test_a_version_is_of_the_models_bytes_and_of_what_is_scored(folder: Path, params_of: Callable[..., Any]) -> None:
    def version(**changes: Any) -> str:
        return score_transformer.version("s", params_of("score_transformer", scorers={"s": {**scorer(folder), **changes}}).scorers["s"])

    first = version()
    assert len({first, version(max_tokens=32), version(head={"kind": "softmax", "labels": None}), version(head={"kind": "sigmoid", "labels": ["good"]})}) == 4
    assert version() == first
    (folder / "model.safetensors").write_bytes(b"two")
    assert version() != first


@pytest.mark.parametrize(
    ("head", "told"),
    [
        ({"kind": "softmax", "labels": ["great"]}, r"scorers\.s\.head\.labels: great not among the labels of .*: bad, fair, good"),
        ({"kind": "softmax", "labels": ["bad", "fair", "good"]}, "3 of 3 labels, whose share says nothing"),
        ({"kind": "sigmoid", "labels": []}, "0 of 3 labels, whose share says nothing"),
        ({"kind": "regression", "lowest": 0.0, "highest": 5.0}, "regression, but .* has 3 labels"),
        ({"kind": "regression", "lowest": 5.0, "highest": 0.0}, "lowest 5.0 is not below highest 0.0"),
    ],
)
def test_a_head_that_does_not_fit_the_model_is_told(folder: Path, params_of: Callable[..., Any], head: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        score_transformer.version("s", params_of("score_transformer", scorers={"s": scorer(folder, **head)}).scorers["s"])


@pytest.mark.spark
@pytest.mark.skipif(not causal_lm.missing(), reason="torch and transformers are installed here: nothing to miss")
def test_scores_that_are_there_need_no_model_and_new_documents_need_the_packages(lake: Lake, folder: Path, documents: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    params = params_of("score_transformer", skip_rejected_by=[], scorers={"s": scorer(folder)})
    version = score_transformer.version("s", params.scorers["s"])
    documents([], batch="empty")
    assert run_job(score_transformer.JOB, params, lake).counts.rows_in == 0
    documents([{"id": "a", "text": GOOD[0]}], batch="full")
    with pytest.raises(ConfigError, match=r"score_transformer: torch and transformers not installed; pip install 'gristmill\[loss\]'"):
        run_job(score_transformer.JOB, params, lake)
    doc = read(lake, DOCS)[0]
    rows = [("score_transformer", doc.doc_id, doc.batch_id, "s", made, 1.5, 0.8, None) for made in (version, "another")]
    lake.write(SCORES, frame_of(lake, SCORES, rows), None, BY_HAND)
    assert run_job(score_transformer.JOB, params, lake).counts.rows_kept == 1
    assert len(read(lake, SCORES)) == 2


HERE = pytest.mark.skipif(not PYTHON.is_file(), reason="needs `make worker` (.venv-worker, which has torch and transformers)")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT trained on 400 rows of three good and three bad sentences."""
    home, draw = tmp_path_factory.mktemp("small"), random.Random(1)
    rows = [(" ".join(draw.choice(GOOD if i % 2 else BAD) for _ in range(draw.randint(1, 6))), i % 2) for i in range(400)]
    pq.write_table(pa.table({"text": [text for text, _ in rows], "label": [label for _, label in rows]}), home / "rows.parquet")
    command = [str(PYTHON), "-m", "benchmarks.small_transformer", "--train", str(home / "rows.parquet"), "--out", str(home / "model")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1])["labels"] == ["bad", "good"]
    return home / "model"


SCRIPT = """
import json, sys
import pyarrow as pa
from gristmill.udfs.language_models.text_heads import Head, score_texts
folder, texts = sys.argv[1], json.loads(sys.argv[2])
def run(*parts):
    head = Head("softmax", ("good",))
    rows = []
    for part in parts:
        made = score_texts(pa.array([texts[i] for i in part]), folder, "cpu", head, 64, 256).to_pylist()
        rows += [{"doc_id": f"d{i}", **row} for i, row in zip(part, made)]
    return rows
print(json.dumps([run(range(len(texts))), run(*([i] for i in reversed(range(len(texts)))))]))
"""


@HERE
def test_company_in_a_pass_moves_no_score(small: Path) -> None:
    texts = [GOOD[0], BAD[0], GOOD[1] * 40, BAD[1] * 7, GOOD[2], ""]
    done = subprocess.run([str(PYTHON), "-c", SCRIPT, str(small), json.dumps(texts)], cwd=ROOT, capture_output=True, text=True, timeout=600, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr[-3000:]
    together, alone = ({row["doc_id"]: row for row in rows} for rows in json.loads(done.stdout.splitlines()[-1]))
    assert together.keys() == alone.keys() == {f"d{i}" for i in range(6)}, "this tokenizer opens and closes an empty text too"
    assert all(row["raw"] == pytest.approx(alone[key]["raw"], abs=2e-4) for key, row in together.items()), "the last digit at the most"
    assert {key for key, row in together.items() if row["score"] > 0.5} >= {"d0", "d2", "d4"}
    assert {key for key, row in together.items() if row["score"] < 0.5} >= {"d1", "d3"}


@HERE
@pytest.mark.spark
@pytest.mark.skipif(not pyspark.__version__.startswith("3.5"), reason="the worker's Python has no pandas that Spark 4 wants of an executor")
def test_every_document_is_scored_once_by_a_real_model_and_the_ensemble_hears_it(
    lake: Lake, small: Path, tmp_path: Path, documents: Callable[..., Any], params_of: Callable[..., Any]
) -> None:
    documents([{"id": f"{label}-{i}", "text": f"{texts[i % 3]} {texts[(i + 1) % 3]}" + f" {i}"} for label, texts in (("good", GOOD), ("bad", BAD)) for i in range(6)])
    recipe = yaml.safe_load((ROOT / "conf/jobs/score_transformer.yaml").read_text(encoding="utf-8"))
    recipe["jobs"]["score_transformer"] |= {"skip_rejected_by": [], "scorers": {"small": scorer(small), "class": scorer(small, kind="softmax", labels=None)}}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    command = [sys.executable, "-m", "gristmill.jobs.cli", "run", "score_transformer", "--recipe", str(tmp_path / "r.yaml"), "--lake", lake.root]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, env={**os.environ, "PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": str(PYTHON)})
    assert done.returncode == 0, done.stderr[-3000:]
    keys = {row.doc_id: row.native_key for row in read(lake, DOCS)}
    rows = read(lake, SCORES)
    assert sorted((keys[row.doc_id], row.scorer) for row in rows) == sorted((f"{label}-{i}", name) for label in ("good", "bad") for i in range(6) for name in ("small", "class"))
    for row in rows:
        label = keys[row.doc_id].split("-")[0]
        assert json.loads(row.detail)["label"] == label
        assert (row.score > 0.5) == (label == "good" or row.scorer == "class"), "`class` scores how sure the likeliest label is"

    # nothing is scored again, though this environment has no model: the same versions under another recipe
    given = params_of("score_transformer", **{**recipe["jobs"]["score_transformer"], "padded_tokens": 512})
    run_job(score_transformer.JOB, given, lake)
    assert len(read(lake, SCORES)) == len(rows)

    from gristmill.jobs.curate import find_job

    run_job(find_job("measure_text"), params_of("measure_text"), lake)
    for name in ("models", "verdicts"):
        lake.create(promised(name))
    scorers = {"small": {"job": "score_transformer", "version": None, "weight": 1.0}}
    run_job(build_quality.JOB, params_of("build_quality", skip_rejected_by=[], scorers=scorers, scale="percentile"), lake)
    quality = {keys[row.doc_id]: row.quality for row in read(lake, promised("quality")) if row.decided_by == "small"}
    assert len(quality) == 12
