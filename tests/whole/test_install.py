"""What `pip install .` puts on a machine, away from the clone: console commands, recipes, and a core without torch, vLLM or Spark NLP."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package as pip installs it; what it depends on comes from this environment."""
    home = tmp_path_factory.mktemp("installed")
    source = home / "source"
    wanted = ("gristmill", "jobs", "udfs", "synth_worker", "conf", "demo", "docs")
    shutil.copytree(ROOT, source, ignore=lambda folder, names: [n for n in names if (Path(folder) == ROOT and (ROOT / n).is_dir() and n not in wanted) or n == "__pycache__"])
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--target", str(home / "site"), str(source)]
    subprocess.run(command, check=True, capture_output=True)
    shutil.rmtree(source)
    return home


def run(home: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(home / "site/bin/gristmill"), *command], cwd=home, env={**os.environ, "PYTHONPATH": str(home / "site")}, capture_output=True, text=True)


def test_the_console_command_lists_the_jobs_and_checks_a_recipe_that_came_along(installed: Path) -> None:
    listed = run(installed, "list")
    assert listed.returncode == 0, listed.stderr
    for job in sorted(path.stem for path in (ROOT / "jobs").glob("[a-z]*_*.py")):
        assert job in listed.stdout
    assert run(installed, "--version").stdout == f"gristmill {distribution(installed).version}\n"
    checked = run(installed, "check", "--recipe", "conf/demo.yaml")
    assert checked.returncode == 0, checked.stderr


@pytest.mark.spark
def test_an_installed_package_ingests_with_a_recipe_of_its_own(installed: Path) -> None:
    (installed / "raw").mkdir()
    (installed / "raw/rows.jsonl").write_text('{"id": "1", "source": "t", "text": "The wheel turned in the brook."}\n')
    done = run(installed, "run", "ingest_docs", "--recipe", "conf/jobs/ingest_docs.yaml", "--lake", str(installed / "lake"), "--input", str(installed / "raw"))
    assert done.returncode == 0, done.stderr
    assert "in 1  kept 1  left out 0" in done.stdout + done.stderr
    code = "from gristmill import jobs; print(jobs.__file__)"
    where = subprocess.run([sys.executable, "-c", code], cwd=installed, env={**os.environ, "PYTHONPATH": str(installed / "site")}, capture_output=True, text=True, check=True)
    assert where.stdout.startswith(str(installed / "site")), "not the clone's"


def test_an_installation_takes_one_name_and_brings_the_demo(installed: Path) -> None:
    folders = {path.name for path in (installed / "site").iterdir() if path.is_dir()}
    assert {name for name in folders if not name.endswith(".dist-info")} == {"gristmill", "bin"}
    command = [sys.executable, "-m", "gristmill.demo.tour", "--help"]
    done = subprocess.run(command, cwd=installed, env={**os.environ, "PYTHONPATH": str(installed / "site")}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    code = "import sys, gristmill.demo.tour, gristmill.udfs.columns, gristmill.jobs.lake.ship; print(*{name.split('.')[0] for name in sys.modules})"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True)
    assert not {"jobs", "udfs", "synth_worker", "demo"} & set(loaded.stdout.split()), "a module has one name in a checkout"


def distribution(home: Path) -> metadata.Distribution:
    return next(each for each in metadata.distributions(path=[str(home / "site")]) if each.metadata["Name"] == "gristmill")


def test_the_package_has_its_licence_and_its_types(installed: Path) -> None:
    held = {str(path) for path in distribution(installed).files or ()}
    assert "gristmill/py.typed" in held
    for name in ("LICENSE", "NOTICE"):
        [path] = [each for each in held if each.endswith(f"licenses/{name}")]
        assert (installed / "site" / path).read_text(encoding="utf-8") == (ROOT / name).read_text(encoding="utf-8")


def test_extras_keep_heavy_packages_out_of_the_core(installed: Path) -> None:
    needs = distribution(installed).requires or []
    core = [need for need in needs if "extra ==" not in need]
    assert core
    assert not [need for need in core if need.lower().startswith(("torch", "vllm", "spark-nlp", "spark_nlp", "transformers", "pyspark"))]
