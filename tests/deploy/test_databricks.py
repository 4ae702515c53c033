"""The asset bundle is what Databricks' own tools take, its references lead somewhere, and broken ones are refused with the reason."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.databricks import check
from gristmill.jobs.cli import task
from tests.support.requirements import declared

pytestmark = pytest.mark.deploy
ROOT = Path(__file__).resolve().parents[2]
BUNDLE = ROOT / "deploy" / "databricks"
TOP, CURATE, CARE, UPGRADE = "databricks.yml", "resources/curate.job.yml", "resources/care.job.yml", "resources/upgrade.job.yml"

# Name: file, text in it, what stands there instead, and what the refusal says.
BROKEN = {
    "an unknown top-level key": (TOP, "artifacts:\n", "artefacts:\n", "artefacts: unknown key"),
    "an unknown mode": (TOP, "mode: development", "mode: devel", "targets.dev.mode: 'devel'"),
    "an unknown key of a target": (TOP, "    run_as:\n", "    runs_as:\n", "targets.prod.runs_as: unknown key"),
    "no default target": (TOP, "    default: true\n", "", "0 are the default"),
    "a variable without a value": (TOP, "      schema: gristmill\n", "", "targets.prod: the variable schema has no value"),
    "a value of no variable": (TOP, "      catalog: main\n      schema: gristmill\n", "      catalogue: main\n      schema: gristmill\n", "variables.catalogue: not declared"),
    "a variable that is not declared": (CURATE, "${var.raw_volume}", "${var.raw}", "${var.raw}: leads nowhere"),
    "production as nobody": (TOP, "    run_as:\n      service_principal_name: 00000000-0000-0000-0000-000000000000\n", "", "production needs workspace.root_path and run_as"),
    "an include that matches nothing": (TOP, "resources/*.yml", "resource/*.yml", "resource/*.yml matches no file"),
    "a key that stands twice": (CARE, "      max_concurrent_runs: 1\n", "      max_concurrent_runs: 1\n      max_concurrent_runs: 2\n", "max_concurrent_runs stands twice"),
    "a job that is declared twice": (CARE, "    care:\n", "    upgrade:\n", "the job upgrade is declared 2 times"),
    "an unknown field of a job": (CURATE, "      max_concurrent_runs: 1\n", "      max_concurrent_run: 1\n", "max_concurrent_run"),
    "a misspelt kind of task": (CARE, "          spark_python_task:\n", "          spark_python_tasks:\n", "spark_python_tasks"),
    "a word outside an enumeration": (CURATE, "performance_target: STANDARD", "performance_target: CHEAP", "CHEAP"),
    "a task without a key": (CURATE, "        - task_key: curate\n          job_cluster_key: main\n", "        - job_cluster_key: main\n", "task_key"),
    "an environment that the job does not declare": (CARE, "        - environment_key: default\n          spec:", "        - environment_key: main\n          spec:", "environment_key default: the job declares main"),
    "a cluster that the job does not declare": (CURATE, "          job_cluster_key: main\n", "          job_cluster_key: large\n", "job_cluster_key large: the job declares main"),
    "a task that waits for none": (CARE, "            - task_key: inspect\n", "            - task_key: look\n", "depends_on look, which is no task"),
    "tasks that wait for each other": (UPGRADE, "        - task_key: plan\n", "        - task_key: plan\n          depends_on:\n            - task_key: apply\n", "wait for each other"),
    "a condition whose outcome nobody asks": (UPGRADE, '              outcome: "true"\n', "", "an outcome belongs to a condition_task"),
    "a parameter that the job does not have": (UPGRADE, "{{job.parameters.apply}}", "{{job.parameters.agreed}}", "{{job.parameters.agreed}}: leads nowhere"),
    "a task that runs nowhere": (CARE, "        - task_key: inspect\n          environment_key: default\n", "        - task_key: inspect\n", "task inspect: runs on nothing"),
    "a file that is not there": (CARE, "../src/care.py", "../src/caring.py", "../src/caring.py: no such file"),
    "a wheel where none is built": (CURATE, "- whl: ../dist/*.whl", "- whl: ../build/*.whl", "../build/*.whl: no artifact is built there"),
    "the entry point whose exit codes are ignored": (CURATE, "entry_point: gristmill-task", "entry_point: gristmill", "entry_point gristmill: not the one"),
    "another package": (CURATE, "package_name: gristmill", "package_name: grist-mill", "package_name grist-mill"),
    "an argument that the command does not take": (CARE, "parameters: [repair, --lake,", "parameters: [repair, --schema,", "unrecognized arguments: --schema"),
    "a job that is not there": ("resources/synthesis.job.yml", "[run, export_candidates,", "[run, export_candidate,", "run export_candidate: no such job"),
    "a recipe that the wheel does not hold": (TOP, "default: conf/demo.yaml", "default: conf/demos.yaml", "conf/demos.yaml"),
    "a runtime that the package does not fit": (TOP, "spark_version: 17.3.x-scala2.13", "spark_version: 15.4.x-scala2.12", "spark_version 15.4.x-scala2.12"),
}  # fmt: skip


def test_the_bundle_is_fine() -> None:
    assert check.findings(BUNDLE) == []
    assert check.main([str(BUNDLE)]) == 0


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_bundle_is_refused_with_the_reason(name: str, tmp_path: Path) -> None:
    file, text, instead, reason = BROKEN[name]
    shutil.copytree(BUNDLE, tmp_path / "bundle")
    content = (BUNDLE / file).read_text(encoding="utf-8")
    assert text in content
    (tmp_path / "bundle" / file).write_text(content.replace(text, instead, 1), encoding="utf-8")
    found = check.findings(tmp_path / "bundle")
    assert reason in "\n".join(found)
    assert check.main([str(tmp_path / "bundle")]) == 2


def test_both_kinds_of_compute_and_all_five_kinds_of_job_are_there() -> None:
    jobs = {job.name: job for job in check.load(BUNDLE).jobs}
    assert set(jobs) == {"curate", "curate_serverless", "synthesis_out", "synthesis_in", "care", "upgrade"}
    assert all("job_cluster_key" in task for task in jobs["curate"].tasks)
    assert all("environment_key" in task for task in jobs["curate_serverless"].tasks)


def test_the_packages_of_the_bundle_are_those_of_the_extras() -> None:
    lines = [line for line in (BUNDLE / "requirements.txt").read_text().splitlines() if line and not line.startswith("#")]
    assert lines == sorted(set(declared()["demo"]))


def test_the_schema_of_the_command_line_tool_takes_the_bundle() -> None:
    """`databricks bundle schema > FILE` writes it; the tool is not on PyPI."""
    if not (path := os.environ.get("GRISTMILL_BUNDLE_SCHEMA")):
        pytest.skip("needs GRISTMILL_BUNDLE_SCHEMA: the file that `databricks bundle schema` prints")
    from jsonschema import Draft202012Validator

    # Python's regular expressions know no Unicode classes such as \p{L}.
    schema = json.loads(re.sub(r"\[\\\\p\{L\}[^\]]*\]|\\\\p\{\w+\}", r"\\\\w", Path(path).read_text(encoding="utf-8")))
    validator = Draft202012Validator(schema)
    whole = merged(BUNDLE)
    assert [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(whole)] == []
    whole["resources"]["jobs"]["care"]["tasks"][0]["environment_keys"] = "default"
    assert list(validator.iter_errors(whole)), "the schema is the one that knows a task's keys"


def merged(folder: Path) -> dict[str, Any]:
    """The bundle in one mapping, as the tool sees it."""
    bundle = check.load(folder)
    return {**bundle.top, "resources": {"jobs": {job.name: dict(job.fields) for job in bundle.jobs}}}


@pytest.fixture(scope="module")
def curated(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake that the notebook has curated, its constants changed to this machine's."""
    home = tmp_path_factory.mktemp("by hand")
    (home / "raw").mkdir()
    rows = [{"id": str(i), "source": "t", "text": f"The wheel turned in the brook {i} times, and the miller wrote it down."} for i in range(4)]
    (home / "raw/rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    sections = {name: yaml.safe_load((ROOT / f"conf/jobs/{name}.yaml").read_text())["jobs"][name] for name in ("ingest_docs", "measure_text", "build_corpus")}
    sections["ingest_docs"] |= {"data_docs": False}
    sections["build_corpus"] |= {"skip_rejected_by": [], "edits": [], "min_kept": 0}
    (home / "recipe.yaml").write_text(yaml.safe_dump({"jobs": sections}))
    text = (BUNDLE / "src/by_hand.py").read_text(encoding="utf-8")
    for name, value in {"LAKE": "lake", "INPUT": "raw", "RECIPE": "recipe.yaml", "STAGING": "staging"}.items():
        text, n = re.subn(rf'^{name} = ".*"$', f"{name} = {str(home / value)!r}", text, flags=re.M)
        assert n == 1
    exec(compile(text, "by_hand.py", "exec"), {})
    return home / "lake"


@pytest.mark.slow
@pytest.mark.spark
def test_the_notebook_curates_and_care_changes_no_row(spark: Any, curated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from deploy.databricks.src.care import care
    from gristmill.jobs.lake.lake import Lake
    from gristmill.jobs.runner.run_log import Runs
    from gristmill.jobs.schema.documents import CORPUS

    lake = Lake(spark, str(curated))
    before = lake.read(CORPUS).count()
    assert before == 4
    assert {"docs", "signals", "corpus", "runs"} <= set(care(spark, str(curated)))
    assert Lake(spark, str(curated)).read(CORPUS, Runs(lake).versions()["corpus"]).count() == before
    versions = {name: lake.latest(table) for name, table in (("corpus", CORPUS),)}
    monkeypatch.setattr("sys.argv", ["gristmill-task", "run", "curate", "--recipe", str(curated.parent / "recipe.yaml"), "--lake", str(curated), "--input", str(curated.parent / "raw")])
    task()
    assert {"corpus": lake.latest(CORPUS)} == versions, "care leaves nothing to do again"
