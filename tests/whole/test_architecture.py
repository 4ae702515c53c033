"""What keeps the tree readable, and is not left to memory: folders and their promise, jobs apart, numbers of `make metrics`."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from pathlib import Path

import pytest

from gristmill.jobs import curate
from gristmill.jobs.schema import catalog
from gristmill.jobs.schema.table import Table
from tests.support import metrics

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = sorted(path.parent for folder in metrics.FOLDERS for path in (ROOT / folder).rglob("__init__.py"))
JOBS = sorted(path.stem for path in (ROOT / "jobs").glob("*.py") if path.stem not in ("__init__", "cli", "curate"))
# Layers of import-linter name folders; these are below none of the others, or above all.
UNLAYERED = {"gristmill.synth_worker.validate", "gristmill.synth_worker.models"}


@pytest.fixture(scope="module")
def found() -> metrics.Metrics:
    return metrics.measured()


@pytest.mark.parametrize("folder", PACKAGES, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_each_folder_says_in_one_line_what_it_holds(folder: Path) -> None:
    text = ast.get_docstring(ast.parse((folder / "__init__.py").read_text(encoding="utf-8")))
    assert text
    assert len(text.splitlines()[0]) <= metrics.MAX_LINE


def test_no_folder_is_crowded_and_two_files_touch_the_jvm(found: metrics.Metrics) -> None:
    assert found.crowded_folders == {}
    assert len(found.jvm_files) <= 2, found.jvm_files


def test_lines_fit_a_page(found: metrics.Metrics) -> None:
    assert found.long_lines == {}
    assert found.line_p90 <= 100


def test_jobs_meet_in_tables_never_in_imports() -> None:
    wrong = []
    for name in JOBS:
        for node in ast.walk(ast.parse((ROOT / f"jobs/{name}.py").read_text(encoding="utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if modules == ["gristmill.jobs"]:
                modules += [f"gristmill.jobs.{each.name}" for each in node.names]
            wrong += [(name, module) for module in modules if module.removeprefix("gristmill.jobs.").split(".")[0] in JOBS]
    assert wrong == []


def test_folders_import_no_job() -> None:
    inner = [path for path in sorted((ROOT / "jobs").rglob("*.py")) if path.parent != ROOT / "jobs"]
    wrong = []
    for path in inner:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").removeprefix("gristmill.jobs.") in JOBS:
                wrong.append((path.name, node.module))
    assert wrong == []


@pytest.mark.parametrize("job", JOBS)
def test_each_job_ships_a_recipe(job: str) -> None:
    assert (ROOT / f"conf/jobs/{job}.yaml").is_file()


@pytest.mark.parametrize("job", JOBS)
def test_the_readme_names_each_job(job: str) -> None:
    assert re.search(rf"\b{job}\b", (ROOT / "README.md").read_text(encoding="utf-8")), "name it where the README shows a document's way"


def test_every_table_that_is_defined_is_in_the_catalog() -> None:
    modules = [importlib.import_module(f"gristmill.jobs.schema.{path.stem}") for path in (ROOT / "jobs/schema").glob("*.py") if path.stem != "__init__"]
    tables = {each.name for module in modules for each in vars(module).values() if isinstance(each, Table)}
    assert tables == {each.name for each in catalog.ALL}, "list it in jobs/schema/catalog.py"


@pytest.mark.parametrize("name", JOBS)
def test_each_job_reads_and_writes_tables_of_the_catalog(name: str) -> None:
    job = curate.find_job(name)
    assert {*job.reads, *(write.table for write in job.writes)} <= {each.name for each in catalog.ALL}, "list it in jobs/schema/catalog.py"


def test_every_folder_stands_in_a_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    named = {part.strip() for each in contracts if each["type"] == "layers" for layer in each["layers"] for part in layer.split("|")}
    folders = {".".join(("gristmill", *path.relative_to(ROOT).parts)) for path in PACKAGES} - {f"gristmill.{each}" for each in metrics.FOLDERS}
    assert folders - named == UNLAYERED


def test_the_tree_in_contributing_is_the_tree() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    tree = text.split("```text\n")[1].split("```")[0]
    top, named = "", set()
    for line in tree.splitlines():
        name = line.split()[0]
        top = top if line.startswith(" ") else name
        named.add(top + name if line.startswith(" ") else name)
    assert not [name for name in named if not (ROOT / name).exists()]
    folders = {"/".join(path.relative_to(ROOT).parts) + "/" for path in PACKAGES}
    assert folders <= named


def test_files_that_contributing_names_are_there() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named = [name for name in re.findall(r"`([a-z_]+/[a-z_/.]+)`", text) if "NAME" not in name and "verb_noun" not in name]
    gone = [name for name in named if not any((ROOT / base / name).exists() for base in ("", "synth_worker"))]
    assert gone == []


def test_nobody_outside_the_lake_asks_by_what_it_is_read_and_written() -> None:
    files = [path for path in sorted((ROOT / "jobs").rglob("*.py")) if path.parent.name != "lake"]
    words = re.compile(r"\b(is_direct|delta_rs|deltalake|DeltaTable)\b")
    asking = {path.name for path in files if words.search(path.read_text(encoding="utf-8"))}
    assert asking <= {"packages.py"}  # which extra brings the package


def test_modules_that_a_string_names_are_there() -> None:
    """What is started by its name (`python -m`, in recipes, pages and code) is no longer found by an import."""
    texts = [path for name in ("jobs", "udfs", "synth_worker", "docs", "docker", "conf", "notebooks") for path in (ROOT / name).rglob("*")]
    texts += [ROOT / name for name in ("Makefile", "README.md", "CONTRIBUTING.md", ".ci/run")]
    named = set()
    for path in texts:
        if path.is_file() and path.suffix in (".py", ".md", ".yaml", ".ipynb", ".spark", ".worker", ""):
            named |= set(re.findall(r"-m (?:gristmill\.)?((?:jobs|synth_worker|demo|benchmarks)(?:\.[a-z_]+)*)", path.read_text(encoding="utf-8")))
    assert named
    paths = {name: ROOT / name.replace(".", "/") for name in named - {"benchmarks"}}
    assert not [name for name, path in paths.items() if not (path.with_suffix(".py").is_file() or (path / "__main__.py").is_file())]


def test_walks_name_functions_that_are_there_and_a_pair_passes_fourteen_files_at_most() -> None:
    page = (ROOT / "docs/walks.md").read_text("utf-8")
    for place, name in re.findall(r"`([\w/]+\.py): (\w+)`", page):
        nodes = ast.walk(ast.parse((ROOT / place).read_text("utf-8")))
        names = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
        assert name in names, f"{place} has no {name}"
    walks = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", page, re.M | re.S))
    assert [len(re.findall(r"^\d+\. ", walk, re.M)) > 5 for walk in walks.values()] == [True] * 4
    assert 10 < len(set(re.findall(r"`([\w/]+\.py): ", walks["A near-duplicate pair"]))) <= 14


# Opening any of these runs what is written in it; code_cache.py reads numba's own files of machine code, in folders of the package or the user.
PICKLES, OPENS_PICKLES = {"pickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}, {"udfs/arrow/code_cache.py"}
UNSAFE_WORDS = {("allow_pickle", True), ("trust_remote_code", True), ("weights_only", False)}
UNSAFE_CALLS = {"read_pickle", "unsafe_load", "full_load", "eval", "exec"}


def unpickles(source: str) -> set[str]:
    """What in a module opens data that can run code: imports, functions, arguments."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [each.name for each in node.names]
            found |= {name for name in names if name.split(".")[0] in PICKLES}
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            of_torch = isinstance(node.func, ast.Attribute) and getattr(node.func.value, "id", "") == "torch"
            is_unsafe = called in UNSAFE_CALLS and not (isinstance(node.func, ast.Attribute) and called in {"eval", "exec"})
            found |= {called} if is_unsafe else {"torch.load"} if of_torch and called == "load" else set()
        if isinstance(node, ast.keyword) and isinstance(node.value, ast.Constant) and (node.arg, node.value.value) in UNSAFE_WORDS:
            found.add(f"{node.arg}={node.value.value}")
    return found


def test_nothing_is_unpickled() -> None:
    found = {}
    for folder in ("jobs", "udfs", "synth_worker", "gristmill", "demo", "benchmarks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            found[str(path.relative_to(ROOT))] = unpickles(path.read_text(encoding="utf-8"))
    assert {name: what for name, what in found.items() if what and name not in OPENS_PICKLES} == {}
    assert {name for name in OPENS_PICKLES if not found[name]} == set(), "no exception is left over"


@pytest.mark.parametrize(
    ("source", "what"),
    [("import pickle", "pickle"), ("from joblib import load", "joblib"), ("np.load(f, allow_pickle=True)", "allow_pickle=True"),
     ("torch.load(f)", "torch.load"), ("pd.read_pickle(f)", "read_pickle"), ("eval(text)", "eval"), ("model.eval()", None)],
)  # fmt: skip
def test_each_way_to_unpickle_is_found(source: str, what: str | None) -> None:
    assert unpickles(source) == ({what} if what else set())
