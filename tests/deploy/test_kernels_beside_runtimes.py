"""The kernels' tests beside what two runtimes have installed, on Python 3.12. No Spark: a runtime brings its own."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.platform_lists import CONSTRAINTS, PYTHON
from tests.support.resolved import uv

pytestmark = [pytest.mark.deploy, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
# The oldest and the newest versions of NumPy, pandas, Arrow and pydantic among the lists.
RUNTIMES = ("databricks-serverless-4", "databricks-19")
# Of kernels without an extra that a runtime lacks; tests of time have a file of their own.
TESTS = "rules text dedup passages contamination edit read samples scoring".split()


def interpreter() -> str | None:
    """A Python of the runtimes' line."""
    for name in (f"python{PYTHON}", *sorted(Path.home().glob(f".pyenv/versions/{PYTHON}.*/bin/python{PYTHON}"))):
        found = shutil.which(str(name))
        if found and subprocess.run([found, "-c", ""], capture_output=True).returncode == 0:
            return found
    return None


@pytest.mark.parametrize("name", RUNTIMES)
def test_the_kernels_pass_their_tests_beside_a_runtime(name: str, tmp_path: Path) -> None:
    found = interpreter()
    if found is None:
        pytest.skip(f"needs Python {PYTHON}, as the runtimes have it: none is installed")
    python = str(tmp_path / "runtime/bin/python")
    subprocess.run([uv(), "venv", "-q", "--python", found, str(tmp_path / "runtime")], check=True)
    for what in (["-c", str(CONSTRAINTS / f"{name}.txt"), f"{ROOT}[curate]"], ["pytest", "pytest-timeout", "hypothesis"]):
        done = subprocess.run([uv(), "pip", "install", "-q", "--python", python, *what], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    folders = [f"tests/udfs/{each}" for each in TESTS]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-m", "not spark and not slow", *folders]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-5000:]
    assert " failed" not in done.stdout
