"""An installation moves nothing that a platform has installed, and compiles nothing, on x86-64 and on Graviton. Asks PyPI; installs nothing."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.platform_lists import CONSTRAINTS, LISTS, PYTHON
from tests.support.requirements import declared
from tests.support.resolved import ARM, resolve

pytestmark = pytest.mark.deploy
PYTHONS = ("3.11", "3.12")
# Of these lists typing-extensions is 4.12, and resiliparse 2, which the extra crawl needs, asks for 4.15 (docs/platforms.md).
WITHOUT_CRAWL = ("databricks-serverless-4", "databricks-serverless-5", "databricks-17.3")


def needs(*extras: str) -> list[str]:
    all_ = declared()
    return [need for extra in ("", *extras) for need in all_[extra]]


def versions(lines: str) -> set[str]:
    return {line.split("==")[0] for line in lines.splitlines() if "==" in line}


Answer = subprocess.CompletedProcess[str]


@pytest.fixture(scope="module")
def answers() -> dict[tuple[str, str], Answer]:
    """Each question, by list or Python and by extra; all are asked at once, since uv mostly waits for PyPI."""
    asked = {
        **{(name, "curate" if name in WITHOUT_CRAWL else "demo"): {"python": PYTHON, "constraints": CONSTRAINTS / f"{name}.txt"} for name in LISTS},
        **{(name, "crawl"): {"python": PYTHON, "constraints": CONSTRAINTS / f"{name}.txt"} for name in WITHOUT_CRAWL},
        **{(python, "demo onnx worker"): {"python": python, "platform": ARM} for python in PYTHONS},
    }
    with ThreadPoolExecutor(len(asked)) as pool:
        futures = {key: pool.submit(resolve, needs(*key[1].split()), **how) for key, how in asked.items()}  # type: ignore[arg-type]
        return {key: future.result() for key, future in futures.items()}


@pytest.mark.parametrize("name", LISTS)
def test_the_package_and_what_the_demo_needs_fit_into_a_runtime(name: str, answers: dict[tuple[str, str], Answer]) -> None:
    answer = answers[name, "curate" if name in WITHOUT_CRAWL else "demo"]
    assert answer.returncode == 0, answer.stderr
    assert {"numpy", "pyarrow", "scikit-learn", "ufal-kenlm"} <= versions(answer.stdout)


@pytest.mark.parametrize("name", WITHOUT_CRAWL)
def test_crawled_pages_need_a_runtime_with_newer_typing_extensions(name: str, answers: dict[tuple[str, str], Answer]) -> None:
    """Where this fails, the runtime's list has changed: it leaves WITHOUT_CRAWL, and docs/platforms.md says so."""
    assert answers[name, "crawl"].returncode == 1
    assert "typing-extensions" in answers[name, "crawl"].stderr


@pytest.mark.parametrize("python", PYTHONS)
def test_every_dependency_has_a_wheel_for_aarch64(python: str, answers: dict[tuple[str, str], Answer]) -> None:
    """PySpark aside, which is Python and Java and has no wheel for any machine."""
    answer = answers[python, "demo onnx worker"]
    assert answer.returncode == 0, answer.stderr
    assert {"numba", "opencc", "fasttext-community", "resiliparse", "ufal-kenlm", "deltalake"} <= versions(answer.stdout)
