"""The worker knows neither Spark nor jobs; here its tables are compared with what the jobs promise."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pytest
import yaml

from gristmill.jobs.core import config
from gristmill.jobs.export_candidates import JOB, Params
from gristmill.jobs.schema import catalog
from gristmill.synth_worker.__main__ import main
from gristmill.synth_worker.calls import engines
from gristmill.synth_worker.calls.engines import VllmEngine
from gristmill.synth_worker.errors import RecipeError
from gristmill.synth_worker.queue import schemas
from gristmill.synth_worker.recipe import Prompts, Vllm, load
from gristmill.udfs.arrow.types import ARROW


@pytest.mark.parametrize(("name", "schema"), [("synth_requests", schemas.REQUESTS), ("synth_answers", schemas.ANSWERS), ("leases", schemas.LEASES), ("runs", schemas.RUNS)])
def test_the_worker_writes_what_the_tables_promise(name: str, schema: pa.Schema) -> None:
    promised = catalog.table(name)
    assert [(c.name, ARROW[c.type], c.nullable) for c in promised.columns] == [(f.name, f.type, f.nullable) for f in schema]


@pytest.mark.parametrize("recipe", ["cot", "qa_extract", "textbook", "instruction", "judge", "judge_additive", "judge_aspects", "judge_sample", "solve"])
def test_jobs_and_worker_give_a_prompt_file_the_same_version(recipe: str) -> None:
    section = config.load_recipe("conf/jobs/export_candidates.yaml").jobs["export_candidates"]
    params: Params = config.validate(JOB.params, {**section, "prompt": f"conf/prompts/{recipe}.yaml"}, "test")
    known = Prompts(f"conf/prompts/{recipe}.yaml")
    assert (params.recipe, params.recipe_version) == (known.file.recipe, known.id)


def complaint(content: Any, folder: Path) -> str:
    path = folder / "r.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(RecipeError) as told:
        load(str(path))
    return str(told.value)


def test_a_wrong_recipe_is_told_with_every_complaint(tmp_path: Path) -> None:
    content = yaml.safe_load(Path("conf/synth_worker.yaml").read_text(encoding="utf-8"))
    content["worker"]["limits"]["in_fligth"] = content["worker"]["limits"].pop("in_flight")
    told = complaint(content, tmp_path)
    assert "worker: limits.in_flight: field required" in told
    assert "worker: limits.in_fligth: extra inputs are not permitted" in told


@pytest.mark.parametrize("name", ["model", "revision"])
def test_the_engine_cannot_run_another_model_than_samples_name(name: str, tmp_path: Path) -> None:
    content = yaml.safe_load(Path("conf/synth_worker_cpu.yaml").read_text(encoding="utf-8"))
    content["worker"]["engine"]["args"][name] = "another"
    assert f"{name} belong next to args, as engine.{name}" in complaint(content, tmp_path)


@pytest.mark.parametrize(("available", "fits"), [(engines.NEEDED_GB - 0.1, False), (engines.NEEDED_GB + 0.1, True)])
def test_memory_that_the_page_cache_holds_counts_as_free(available: float, fits: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    report = psutil.virtual_memory()._replace(free=0, cached=int(20e9), available=int(available * 1e9))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: report)
    with contextlib.nullcontext() if fits else pytest.raises(RecipeError, match=r"2\.9 GB of memory free, about 3 GB needed"):
        engines._check_memory()


def test_the_engine_is_started_with_what_the_recipe_says() -> None:
    spec, _, _ = load("conf/synth_worker_cpu.yaml")
    assert isinstance(spec.engine, Vllm)
    shapes = {"backend": "xgrammar", "disable_any_whitespace": True}
    wanted = {"model": spec.engine.model, "revision": spec.engine.revision, "disable_log_stats": True, **spec.engine.args}
    assert VllmEngine(spec.engine.model_copy(update={"structured": True})).arguments() == {"structured_outputs_config": shapes, **wanted}
    assert VllmEngine(spec.engine.model_copy(update={"structured": False})).arguments() == wanted


def test_without_its_extra_the_worker_names_it(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "deltalake", None)
    command = ["--recipe", "conf/synth_worker.yaml", "--check"]
    assert main(command) == 2
    assert "pip install 'gristmill[worker]'" in capsys.readouterr().err
    assert main([*command, "--no-packages"]) == 0, "for another machine"
    assert main(["--recipe", "conf/synth_worker.yaml", "--no-packages"]) == 2, "it cannot run here"
