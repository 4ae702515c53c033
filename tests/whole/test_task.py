"""The entry point for notebooks and wheel tasks, which ignore exit codes: every error is an exception with the message."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs.cli import task
from gristmill.jobs.core.errors import ConfigError, ContractError, GristmillError


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "curate"], "gristmill run: error: the following arguments are required: --recipe"),
        (["curate"], "invalid choice: 'curate'"),
        (["run", "curate", "--recipe", "conf/none.yaml"], "conf/none.yaml"),
        (["sql", "select 1"], "no lake"),
    ],
)  # fmt: skip
def test_wrong_arguments_and_recipes_are_config_errors(words: list[str], says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRISTMILL_LAKE", raising=False)
    with pytest.raises(ConfigError, match=says):
        task(words)


@pytest.mark.spark
def test_a_lake_that_is_not_there_is_a_contract_error(spark: Any, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match="no table runs"):
        task(["repair", "--lake", str(tmp_path / "none")])


def test_an_exit_code_of_the_worker_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "worker.yaml").write_text("worker: {lake: x}\n")
    with pytest.raises(GristmillError, match="gristmill check: exit code 2"):
        task(["check", "--recipe", str(tmp_path / "worker.yaml")])


def test_help_and_a_good_recipe_just_return(capfd: pytest.CaptureFixture[str]) -> None:
    task(["--help"])
    task(["check", "--no-packages", "--recipe", "conf/jobs/dedup_exact.yaml"])
    assert "exit codes:" in (out := capfd.readouterr().out)
    assert "dedup_exact      ok" in out


def test_leading_words_set_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRISTMILL_STAGING", "before")
    task(["GRISTMILL_STAGING=/Volumes/main/gold/staging", "check", "--no-packages", "--recipe", "conf/jobs/dedup_exact.yaml"])
    assert os.environ["GRISTMILL_STAGING"] == "/Volumes/main/gold/staging"


def test_the_process_of_a_wheel_task_takes_its_own_arguments_and_fails_with_the_message() -> None:
    # As Databricks calls it: the entry point without arguments, the task's parameters in sys.argv.
    code = "from gristmill.jobs.cli import task; task()"
    done = subprocess.run([sys.executable, "-c", code, "run", "no_such_job", "--recipe", "conf/demo.yaml"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("gristmill.jobs.core.errors.ConfigError: no_such_job")
