"""The least likely documents of each domain are left out, each by its own domain's limit; what was measured is not measured again."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyspark
import pytest
import yaml

from gristmill.jobs import score_loss
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import DOCS, VERDICTS
from gristmill.jobs.schema.scores import PERPLEXITY
from gristmill.udfs.language_models import causal_lm
from tests.lakes import bring, read

ROOT = Path(__file__).resolve().parents[2]
PYTHON, MODEL = ROOT / ".venv-worker/bin/python", ROOT / "models/smollm2-135m-instruct"
# Losses written by hand, in nats. Each domain has its own height: one limit for all would leave out all of `poems` and nothing else.
LOSSES = {
    "web": [2 + i / 100 for i in range(20)],
    "poems": [6 + i / 100 for i in range(20)],
    "ties": [3.0] * 8 + [4.0] * 12,  # the limit falls among equals: none of them is above it
    "few": [1.0, 9.0, 9.5],
    None: [5 + i / 100 for i in range(10)],
}


def test_the_limit_is_the_lowest_loss_with_so_many_at_or_below_it() -> None:
    each = [(step, 1) for step in range(1, 1001)]
    assert score_loss.limit_step(each, 99.5) == 995
    assert score_loss.limit_step(each, 100) == 1000
    assert score_loss.limit_step([(1, 199), (2, 1)], 99.5) == 1, "of 200 the one"
    assert score_loss.limit_step([(1, 198), (2, 1)], 99.5) == 2, "of 199 none"
    assert score_loss.limit_step([(7, 40)], 50) == 7, "ties stay together"
    assert score_loss.limit_step([(step, 1) for step in range(1, 1001)], 99.9) == 999, "as written, not as a binary fraction"


def test_texts_of_like_length_share_a_pass_and_empty_ones_have_none() -> None:
    assert list(causal_lm.passes([5, 0, 100, 6, 300, 99], most=200)) == [[0, 3], [5, 2], [4]]
    assert list(causal_lm.passes([0], most=10)) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What stands for a model where none is to run: the job only names it by its bytes."""
    made = tmp_path / "tiny"
    made.mkdir()
    (made / "config.json").write_text("{}")
    (made / "model.safetensors").write_bytes(b"one")
    return made


def test_a_model_is_named_by_its_bytes_and_by_what_it_reads(folder: Path, params_of: Callable[..., Any]) -> None:
    first = score_loss.model_name(params_of("score_loss", model=str(folder)))
    assert first.startswith("tiny-")
    assert len({first, *(score_loss.model_name(params_of("score_loss", model=str(folder), **other)) for other in ({"max_tokens": 64}, {"bos_token": None}))}) == 3
    assert score_loss.model_name(params_of("score_loss", model=str(folder), padded_tokens=64, max_percentile=50)) == first, "these change no measure"
    (folder / "README.md").write_text("not part of it")
    assert score_loss.model_name(params_of("score_loss", model=str(folder))) == first
    (folder / "model.safetensors").write_bytes(b"two")
    assert score_loss.model_name(params_of("score_loss", model=str(folder))) != first
    with pytest.raises(ConfigError, match=r"holds no config\.json"):
        score_loss.model_name(params_of("score_loss", model=str(folder / "none")))


class Killed(BaseException):
    """Nothing of ours catches it."""


def measure_by_hand(lake: Lake, model: str, losses: dict[str, float], shuffled: bool = False) -> None:
    """Rows of `perplexity` as the kernel would leave them; `losses` by native key."""
    found = [(row.doc_id, row.batch_id, losses[row.native_key]) for row in read(lake, DOCS) if row.native_key in losses]
    rows = [("score_loss", doc, batch, model, 10, -10 * loss, None, math.exp(loss), loss) for doc, batch, loss in (found[::-1] if shuffled else found)]
    frame = lake.spark.createDataFrame(rows, PERPLEXITY.schema)
    lake.write(PERPLEXITY, frame.repartition(5) if shuffled else frame.coalesce(1), None, "{}")


def verdicts(lake: Lake) -> dict[str, tuple[Any, ...]]:
    keys = {row.doc_id: row.native_key for row in read(lake, DOCS)}
    return {keys[row.doc_id]: (row.reason, row.value, row.threshold, row.rule) for row in read(lake, VERDICTS) if row.job == "score_loss"}


@pytest.mark.spark
def test_each_domain_has_a_limit_of_its_own(spark: Any, lake: Lake, tmp_path: Path, folder: Path, documents: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    given = {f"{domain}-{i}": loss for domain, losses in LOSSES.items() for i, loss in enumerate(losses)}
    rows = [{"id": f"{domain}-{i}", "text": f"Page {i} of {domain}, which nobody reads here.", "domain": domain} for domain, losses in LOSSES.items() for i in range(len(losses))]
    documents(rows)
    params = params_of("score_loss", skip_rejected_by=[], model=str(folder), max_percentile=90, min_documents=5, min_kept=0)
    measure_by_hand(lake, score_loss.model_name(params), given)
    measure_by_hand(lake, "another-model-512", dict.fromkeys(given, 99.0))  # another version's rows count for nothing
    n_rows = len(read(lake, PERPLEXITY))

    dying = Lake(spark, lake.root)

    def die(table: Any, version: int) -> None:
        if table is PERPLEXITY:
            raise Killed

    dying.committed = die  # type: ignore[method-assign]
    with pytest.raises(Killed):
        run_job(score_loss.JOB, params, dying)
    outcome = run_job(score_loss.JOB, params, lake)
    wanted = {
        "web-18": ("unlikely_in_its_domain", 2.18, 2.17, "score_loss.web.max_percentile"),
        "web-19": ("unlikely_in_its_domain", 2.19, 2.17, "score_loss.web.max_percentile"),
        "poems-18": ("unlikely_in_its_domain", 6.18, 6.17, "score_loss.poems.max_percentile"),
        "poems-19": ("unlikely_in_its_domain", 6.19, 6.17, "score_loss.poems.max_percentile"),
        "None-9": ("unlikely_in_its_domain", 5.09, 5.08, "score_loss.none.max_percentile"),
    }
    assert verdicts(lake) == wanted, "few has too few documents for a limit, and of equals none is left out"
    assert (outcome.counts.rows_in, outcome.counts.rows_kept, outcome.counts.reasons) == (len(given), len(given) - 5, {"unlikely_in_its_domain": 5})
    assert run_job(score_loss.JOB, params, lake).counts is None, "nothing to do"

    # the limit moves without the model (this environment has none), and few gets one
    run_job(score_loss.JOB, params_of("score_loss", skip_rejected_by=[], model=str(folder), max_percentile=60, min_documents=3, min_kept=0), lake)
    moved = verdicts(lake)
    assert len([key for key in moved if key.startswith("web")]) == 8
    assert moved["few-2"] == ("unlikely_in_its_domain", 9.5, 9.0, "score_loss.few.max_percentile")
    assert len(read(lake, PERPLEXITY)) == n_rows

    # the same rows in another order and other partitions
    other = Lake(spark, str(tmp_path / "other"))
    bring(other, tmp_path / "other-raw", rows, params_of("ingest_docs"))
    measure_by_hand(other, score_loss.model_name(params), given, shuffled=True)
    run_job(score_loss.JOB, params, other)
    assert verdicts(other) == wanted


@pytest.mark.spark
@pytest.mark.skipif(not causal_lm.missing(), reason="torch and transformers are installed here: nothing to miss")
def test_what_is_not_measured_yet_needs_the_packages_and_an_empty_lake_does_not(
    lake: Lake, folder: Path, documents: Callable[..., Any], params_of: Callable[..., Any]
) -> None:
    params = params_of("score_loss", skip_rejected_by=[], model=str(folder))
    documents([], batch="empty")
    assert run_job(score_loss.JOB, params, lake).counts.rows_in == 0
    documents([{"id": "a", "text": "A page that nobody measured."}], batch="full")
    with pytest.raises(ConfigError, match=r"score_loss: torch and transformers not installed; pip install 'gristmill\[loss\]'"):
        run_job(score_loss.JOB, params, lake)
    assert len(read(lake, PERPLEXITY)) == 0


HERE = pytest.mark.skipif(not PYTHON.is_file() or not (MODEL / "config.json").is_file(), reason="needs `make worker` (.venv-worker and models/smollm2-135m-instruct)")


@HERE
@pytest.mark.spark
@pytest.mark.skipif(not pyspark.__version__.startswith("3.5"), reason="the worker's Python has no pandas, which Spark 4 wants of an executor")
def test_the_job_measures_with_a_real_model_where_the_executors_have_it(lake: Lake, tmp_path: Path, documents: Callable[..., Any]) -> None:
    rows = [{"id": f"w{i}", "domain": "web", "text": f"The old mill by the river ground grain for {i + 2} villages, and the miller was never late."} for i in range(5)]
    documents([*rows, {"id": "odd", "domain": "web", "text": "late never was villages the grain miller ground for the and by mill old river zx qv kj."}])
    recipe = yaml.safe_load((ROOT / "conf/jobs/score_loss.yaml").read_text(encoding="utf-8"))
    recipe["jobs"]["score_loss"] |= {"skip_rejected_by": [], "min_documents": 5, "max_percentile": 80}
    (tmp_path / "r.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    command = [sys.executable, "-m", "gristmill.jobs.cli", "run", "score_loss", "--recipe", str(tmp_path / "r.yaml"), "--lake", lake.root]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600, env={**os.environ, "PYTHONPATH": str(ROOT), "PYSPARK_PYTHON": str(PYTHON)})
    assert done.returncode == 0, done.stderr[-3000:]
    measured = read(lake, PERPLEXITY)
    assert len(measured) == 6
    assert {(row.job, row.oov_ratio) for row in measured} == {("score_loss", None)}
    assert verdicts(lake).keys() == {"odd"}


SCRIPT = """
import json, sys
import pyarrow as pa
from gristmill.udfs.language_models.causal_lm import mean_losses, score_texts
folder, texts = sys.argv[1], json.loads(sys.argv[2])
def run(*parts):
    rows = []
    for part in parts:
        made = score_texts(pa.array([texts[i] for i in part]), folder, "cpu", "<|endoftext|>", 24, 64)
        rows += [{"doc_id": f"d{i}", **row} for i, row in zip(part, made.to_pylist()) if row["n_tokens"]]
    return rows
print(json.dumps([run(range(len(texts))), run(*([i] for i in reversed(range(len(texts)))))]))
"""


@HERE
def test_a_real_model_finds_prose_likelier_than_the_same_words_shuffled() -> None:
    texts = [
        "The cat sat on the mat and looked at the birds in the garden.",
        "garden mat the in on at sat birds and cat the looked The the.",
        "Paris is the capital of France, and London is the capital of England. " * 20,
        "水手出海前要查潮汐表。",
        "x",
        "",
    ]
    done = subprocess.run([str(PYTHON), "-c", SCRIPT, str(MODEL), json.dumps(texts)], cwd=ROOT, capture_output=True, text=True, timeout=600, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr[-3000:]
    together, alone = ({row["doc_id"]: row for row in rows} for rows in json.loads(done.stdout.splitlines()[-1]))
    assert together.keys() == alone.keys() == {"d0", "d1", "d2", "d3", "d4"}, "a text without a token has no row"
    assert together["d0"]["loss"] + 1 < together["d1"]["loss"]
    assert together["d2"]["n_tokens"] == 24, "cut"
    assert together["d4"]["n_tokens"] == 1
    for key, row in together.items():
        assert row["n_tokens"] == alone[key]["n_tokens"]
        assert row["loss"] == pytest.approx(alone[key]["loss"], abs=2e-4), "company changes the last digit at the most"
        assert row["log_prob"] == pytest.approx(-row["loss"] * row["n_tokens"])
        assert row["perplexity"] == pytest.approx(math.exp(row["loss"]))


@pytest.mark.skipif(not causal_lm.missing(), reason="torch and transformers are installed here: nothing to miss")
def test_the_kernel_names_what_is_missing() -> None:
    with pytest.raises(RuntimeError, match=r"torch and transformers not installed in this Python; pip install 'gristmill\[loss\]'"):
        causal_lm.load("nowhere", "cpu", None)
