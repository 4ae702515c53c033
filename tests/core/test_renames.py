"""Names that changed: an old one is an error that says the new one, and what is listed is there."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from gristmill.jobs import curate
from gristmill.jobs.core.config import load_recipe
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.renames import renames
from gristmill.jobs.schema import catalog
from gristmill.synth_worker.errors import RecipeError
from gristmill.synth_worker.recipe import load


def refused(tmp_path: Any, job: str, **changed: Any) -> str:
    """What the shipped recipe of a job is told with keys of other names or values."""
    section = {**yaml.safe_load(Path(f"conf/jobs/{job}.yaml").read_text())["jobs"][job], **changed}
    path = tmp_path / "x.yaml"
    path.write_text(yaml.safe_dump({"jobs": {job: section}}))
    with pytest.raises(ConfigError) as error:
        load_recipe(path).params(job, curate.find_job(job).params)
    return str(error.value)


def test_the_old_name_of_a_key_is_told_with_the_new_one(tmp_path: Any) -> None:
    assert "jobs.dedup_minhash.heeds: this key is called 'skip_rejected_by' now" in refused(tmp_path, "dedup_minhash", heeds=[])
    fold = {"nfkc": True, "casefold": True, "squeeze_space": True, "simplify": True}
    told = refused(tmp_path, "dedup_exact", normalise=fold)
    assert "normalise.squeeze_space: this key is called 'collapse_whitespace' now" in told
    assert "normalise.simplify: this key is called 'traditional_to_simplified' now" in told


def test_the_old_name_of_a_value_is_told_with_the_new_one(tmp_path: Any) -> None:
    assert "'components' is called 'connected_components' now" in refused(tmp_path, "dedup_minhash", clustering="components")
    chars = {"chars": {"kind": "likeness"}}
    assert "'likeness' is called 'importance_weights' now" in refused(tmp_path, "train_classifier", classifiers=chars)


def test_a_key_that_is_no_old_name_here_is_unknown(tmp_path: Any) -> None:
    assert "dedup_exact.tries: unknown key" in refused(tmp_path, "dedup_exact", tries=3)


def test_the_old_name_of_a_job_is_told_with_the_new_one() -> None:
    with pytest.raises(ConfigError, match="judge_rules: this job is called filter_rules now"):
        curate.find_job("judge_rules")


def test_the_worker_names_new_keys_too(tmp_path: Any) -> None:
    content = yaml.safe_load(Path("conf/synth_worker.yaml").read_text())
    content["worker"]["limits"]["tries"] = 6
    path = tmp_path / "worker.yaml"
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(RecipeError, match=r"limits\.tries: .*this key is called max_retries now"):
        load(str(path))


def test_every_new_name_is_there_and_no_old_one() -> None:
    content = renames()
    jobs = content["jobs"]["any"]
    assert set(jobs.values()) <= set(curate.job_names())
    assert not set(jobs) & set(curate.job_names())
    for name in content["modules"]["any"].values():
        importlib.import_module(name)
    for name, columns in content["columns"].items():
        there = catalog.table(name).names
        assert set(columns.values()) <= set(there), name
        assert not set(columns) & set(there), name
