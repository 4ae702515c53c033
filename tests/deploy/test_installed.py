"""What the docs say to install, in an empty environment and away from the checkout: it plans every recipe that it serves, and runs the demo."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from gristmill.jobs import curate
from gristmill.jobs.core import config, packages
from tests.support.requirements import declared
from tests.support.resolved import uv

pytestmark = [pytest.mark.deploy, pytest.mark.slow]
ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted(str(path.relative_to(ROOT)) for folder in ("conf", "conf/jobs") for path in (ROOT / folder).glob("*.yaml"))
HOME = "/opt/gristmill"  # where the page installs
# All recipes in one process: its start takes longer than a check.
CHECK = """
import contextlib, io, json, sys
from gristmill.jobs.cli import main
told = {}
for recipe in sys.argv[1:]:
    with contextlib.redirect_stderr(io.StringIO()) as err, contextlib.redirect_stdout(io.StringIO()):
        code = main(["check", "--recipe", recipe])
    told[recipe] = [code, err.getvalue()]
print(json.dumps(told))
"""


def lines_of(page: str, section: str) -> list[str]:
    """The commands of the first ```sh block of a section."""
    text = (ROOT / page).read_text(encoding="utf-8").split(f"\n## {section}\n", 1)[1]
    block = re.search(r"```sh\n(.*?)```", text, re.S)
    assert block, f"{page}: {section}: no commands"
    return [re.sub(r"\s+#.*$", "", line) for line in block[1].splitlines() if line.strip()]


def run(command: list[str], folder: Path, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV", "SPARK_HOME")}
    return subprocess.run(command, cwd=folder, env={**environment, **more}, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files that git has, as a clone has them."""
    folder = tmp_path_factory.mktemp("clone")
    names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    return folder


@pytest.fixture(scope="module")
def bare(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment with the package alone, without an extra."""
    return environment(source, tmp_path_factory.mktemp("bare"), ".")


@pytest.fixture(scope="module")
def documented(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Python of an environment that docs/platforms.md's lines made; uv stands for pip, which would take minutes."""
    make, install, jars, *_ = lines_of("docs/platforms.md", "Install")
    assert lines_of("README.md", "Install it")[:3] == [make, install, jars]
    assert make == f"python3.11 -m venv {HOME}"
    found = re.fullmatch(rf"{HOME}/bin/pip install -c conf/constraints/spark35.txt '(.*)'", install)
    assert found, install
    python = environment(source, tmp_path_factory.mktemp("documented"), found[1])
    assert jars == f"{HOME}/bin/python -m gristmill.jobs.lake.jars"
    done = run([str(python), "-m", "gristmill.jobs.lake.jars"], python.parent)
    assert done.returncode == 0, done.stderr
    return python


def environment(source: Path, folder: Path, what: str) -> Path:
    """Python of a new environment with the package and the extras that `what` names."""
    subprocess.run([uv(), "venv", "-q", "--clear", "--python", sys.base_prefix + "/bin/python3", str(folder)], check=True)
    python = folder / "bin/python"
    command = [uv(), "pip", "install", "-q", "--python", str(python), "-c", "conf/constraints/spark35.txt", what]
    done = run(command, source)
    assert done.returncode == 0, done.stderr
    return python


def wanted(recipe: str, extras: tuple[str, ...]) -> set[str]:
    """The extras that a recipe needs beside those."""
    if recipe.startswith("conf/synth_worker"):
        return {"worker"} - set(extras)
    installed = {re.split(r"[^\w.-]", need)[0] for extra in extras for need in declared()[extra]}
    planned = curate.plan(config.load_recipe(recipe), packages=False)
    modules = {name for _, params in planned if isinstance(params, packages.NeedsPackages) for name in params.modules()}
    return {extra for package, extra in (packages.EXTRAS[name] for name in modules) if package not in installed}


def plans(python: Path, folder: Path, extras: tuple[str, ...]) -> set[str]:
    """The recipes that plan in an environment; each other one names the extras that it lacks."""
    workers = [recipe for recipe in RECIPES if recipe.startswith("conf/synth_worker")]
    done = run([str(python), "-c", CHECK, *sorted({*RECIPES} - {*workers})], folder)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    for recipe in workers:  # checked by a process of its own, which prints for itself
        done = run([str(python), "-m", "gristmill.jobs.cli", "check", "--recipe", recipe], folder)
        told[recipe] = [done.returncode, done.stderr]
    assert len(told) == len(RECIPES) > 40
    # Some jobs import PySpark when they are planned; its absence is then told first.
    spark = set() if "spark35" in extras else {"spark35"}
    for recipe, (code, err) in told.items():
        lacks, named = wanted(recipe, extras), set(re.findall(r"gristmill\[(\w+)\]", err))
        assert code == (2 if named else 0), (recipe, err)
        assert named == lacks or (named & spark and named <= lacks | spark), (recipe, err)
    return {recipe for recipe, (code, _) in told.items() if code == 0}


def test_the_package_alone_plans_every_recipe_that_needs_no_extra(bare: Path, tmp_path: Path) -> None:
    served = plans(bare, tmp_path, ())
    assert {"conf/jobs/ingest_docs.yaml", "conf/jobs/filter_rules.yaml", "conf/jobs/dedup_minhash.yaml"} <= served
    assert "conf/demo.yaml" not in served


def test_what_the_page_installs_plans_the_demo_and_every_recipe_of_its_extra(documented: Path, tmp_path: Path) -> None:
    served = plans(documented, tmp_path, ("spark35", "demo"))
    assert {"conf/demo.yaml", "conf/crawl.yaml", "conf/jobs/score_perplexity.yaml", "conf/jobs/embed_text.yaml"} <= served
    assert "conf/jobs/score_loss.yaml" not in served


def test_the_doctor_finds_nothing_missing_there_and_names_what_is_missing_elsewhere(documented: Path, bare: Path, tmp_path: Path) -> None:
    well = run([str(documented.parent / "gristmill"), "doctor", "--recipe", "conf/demo.yaml", "--json"], tmp_path)
    assert well.returncode == 0, well.stdout
    assert {each["part"]: each["state"] for each in json.loads(well.stdout)}["recipe demo.yaml"] == "ok"
    ill = run([str(bare.parent / "gristmill"), "doctor", "--json"], tmp_path)
    assert ill.returncode == 2
    assert [each["part"] for each in json.loads(ill.stdout) if each["state"] == "missing"] == ["Spark"]


def test_the_demo_runs_in_an_empty_folder_and_names_its_report(documented: Path, tmp_path: Path) -> None:
    done = run([str(documented.parent / "gristmill"), "demo"], tmp_path, GRISTMILL_MASTER="local[2]")
    assert done.returncode == 0, done.stderr
    report = tmp_path / "lakes/demo/_report/index.html"
    assert str(report) in done.stdout
    assert report.stat().st_size > 10_000
    assert (tmp_path / "lakes/demo-raw/plan.json").is_file()


def test_the_demo_says_at_once_what_is_missing(bare: Path, tmp_path: Path) -> None:
    done = run([str(bare.parent / "gristmill"), "demo"], tmp_path)
    assert done.returncode == 2
    assert "no PySpark" in done.stderr
    assert "gristmill[crawl]" in done.stderr
    assert list(tmp_path.iterdir()) == []
