"""The files for EMR: templates that CloudFormation's linter and the service's simulation take, commands that parse, and an environment that runs elsewhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from gristmill.jobs import cli, curate

pytestmark = pytest.mark.deploy
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "emr"
TEMPLATES = ("cluster.yaml", "serverless.yaml")
BUCKET = "corpus-bucket"


class Template(yaml.SafeLoader):
    """CloudFormation's short forms, with the parameters of a test in place."""


def filled(text: str) -> str:
    return text.replace("${Bucket}", BUCKET).replace("${Recipe}", "conf/demo.yaml")


def _short(loader: Template, suffix: str, node: yaml.Node) -> Any:
    value = loader.construct_scalar(node) if isinstance(node, yaml.ScalarNode) else loader.construct_sequence(node)
    known = {"Bucket": BUCKET, "Subnet": "subnet-1", "Workers": 4, "InstanceType": "m6i.2xlarge"}
    return filled(str(value)) if suffix == "Sub" else known.get(str(value), str(value))


Template.add_multi_constructor("!", _short)


def resources(name: str) -> dict[str, Any]:
    content = yaml.load((FOLDER / name).read_text(encoding="utf-8"), Template)
    return {key: each.get("Properties", {}) for key, each in content["Resources"].items()}


def linted(path: Path) -> str:
    done = subprocess.run([str(Path(sys.executable).parent / "cfn-lint"), str(path)], capture_output=True, text=True)
    assert (done.returncode == 0) == (done.stdout == ""), done.stderr
    return done.stdout


@pytest.mark.parametrize("name", TEMPLATES)
def test_cloudformations_linter_has_nothing_to_say(name: str) -> None:
    assert linted(FOLDER / name) == ""


@pytest.mark.parametrize(
    ("name", "text", "instead", "says"),
    [
        ("cluster.yaml", "ReleaseLabel", "ReleaseLabels", "E3002"), ("cluster.yaml", "      ServiceRole: EMR_DefaultRole\n", "", "E3003"), ("cluster.yaml", "!Ref Subnet", "!Ref Subnets", "E1020"),
        ("serverless.yaml", "AutoStopConfiguration", "AutoStop", "E3002"), ("serverless.yaml", "!GetAtt JobRole.Arn", "!GetAtt Role.Arn", "E1010"), ("serverless.yaml", "      Type: SPARK\n", "", "E3003"),
    ],
)  # fmt: skip
def test_a_broken_template_is_refused(name: str, text: str, instead: str, says: str, tmp_path: Path) -> None:
    content = (FOLDER / name).read_text(encoding="utf-8")
    assert text in content
    (tmp_path / name).write_text(content.replace(text, instead, 1), encoding="utf-8")
    assert says in linted(tmp_path / name)


def takes(words: list[str]) -> None:
    """The command of a step is one that `gristmill` takes, with a recipe that the package holds."""
    given = cli.parsed(words)
    assert given is not None
    if given.command == "run":
        assert given.job in (*curate.job_names(), "curate")
        assert (ROOT / given.recipe).is_file()


def test_each_step_is_a_command() -> None:
    steps = json.loads((FOLDER / "steps.json").read_text())
    assert [step["Name"] for step in steps] == ["gristmill curate", "gristmill export_candidates", "gristmill samples", "gristmill upgrade"]
    for step in steps:
        at = step["Args"].index("s3://BUCKET/gristmill/entry.py")
        assert step["Args"][: at] == ["spark-submit", "--deploy-mode", "cluster"]
        takes(step["Args"][at + 1 :])


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Any:
    """AWS as moto simulates it: it checks names and types of each request."""
    from moto import mock_aws

    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


def test_the_cluster_and_its_steps_are_taken(aws: None) -> None:
    import boto3

    cluster, emr = resources("cluster.yaml")["Cluster"], boto3.client("emr")
    groups = cluster["Instances"]
    asked = {
        **{key: cluster[key] for key in ("Name", "ReleaseLabel", "Applications", "LogUri", "ServiceRole", "JobFlowRole", "VisibleToAllUsers", "BootstrapActions")},
        "Configurations": [{"Classification": each["Classification"], "Properties": each["ConfigurationProperties"]} for each in cluster["Configurations"]],
        "Instances": {
            "KeepJobFlowAliveWhenNoSteps": groups["KeepJobFlowAliveWhenNoSteps"],
            "InstanceGroups": [{**groups["MasterInstanceGroup"], "InstanceRole": "MASTER"}, {**groups["CoreInstanceGroup"], "InstanceRole": "CORE"}],
        },
    }
    made = emr.run_job_flow(**asked)["JobFlowId"]
    steps = json.loads((FOLDER / "steps.json").read_text().replace("BUCKET", BUCKET))
    # The command line tool's short form of a step, as the service names it.
    emr.add_job_flow_steps(JobFlowId=made, Steps=[{"Name": s["Name"], "ActionOnFailure": s["ActionOnFailure"], "HadoopJarStep": {"Jar": s["Jar"], "Args": s["Args"]}} for s in steps])
    assert emr.describe_cluster(ClusterId=made)["Cluster"]["ReleaseLabel"] == "emr-7.13.0"
    assert {step["Name"] for step in emr.list_steps(ClusterId=made)["Steps"]} == {step["Name"] for step in steps}


def test_the_serverless_application_and_its_job_are_taken(aws: None) -> None:
    import boto3

    made, client = resources("serverless.yaml"), boto3.client("emr-serverless")
    wanted = made["Application"]
    app = client.create_application(
        name=wanted["Name"], releaseLabel=wanted["ReleaseLabel"], type=wanted["Type"], autoStartConfiguration={"enabled": wanted["AutoStartConfiguration"]["Enabled"]},
        autoStopConfiguration=lowered(wanted["AutoStopConfiguration"]), maximumCapacity=lowered(wanted["MaximumCapacity"]),
    )["applicationId"]  # fmt: skip
    given = json.loads(filled(json.dumps(made["Curate"]["Definition"]["States"]["Curate"]["Parameters"])))
    submit = lowered(given["JobDriver"])["sparkSubmit"]
    role = "arn:aws:iam::123456789012:role/job"
    run = client.start_job_run(applicationId=app, executionRoleArn=role, name=given["Name"], jobDriver={"sparkSubmit": submit})
    assert client.get_job_run(applicationId=app, jobRunId=run["jobRunId"])["jobRun"]["jobDriver"]["sparkSubmit"]["entryPoint"] == f"s3://{BUCKET}/gristmill/entry.py"
    takes(submit["entryPointArguments"])
    settings = dict(re.findall(r"--conf (\S+?)=(\S+)", submit["sparkSubmitParameters"]))
    [name] = re.findall(r"--archives \S+#(\w+)", submit["sparkSubmitParameters"])
    assert {value for key, value in settings.items() if key.endswith("PYTHON")} == {f"./{name}/bin/python"}
    assert not set(re.findall(r"\$\{(\w+)\}", json.dumps(made["Curate"]["Definition"]))) - set(made["Curate"]["DefinitionSubstitutions"])


def lowered(value: Any) -> Any:
    """Step Functions and CloudFormation begin names with a capital, the service's own requests do not."""
    if isinstance(value, dict):
        return {key[0].lower() + key[1:]: lowered(each) for key, each in value.items()}
    return [lowered(each) for each in value] if isinstance(value, list) else value


@pytest.mark.slow
def test_the_packed_environment_runs_from_another_folder_with_the_platforms_spark(tmp_path: Path) -> None:
    import pyspark

    archive, folder = tmp_path / "packed/environment.tar.gz", tmp_path / "opt/gristmill"
    here = {**os.environ, "PYTHON": sys.executable, "PYTHON_PREFIX": sys.base_prefix}
    here.pop("PYTHONPATH", None)
    done = subprocess.run([str(FOLDER / "pack.sh"), str(archive)], env=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    done = subprocess.run([str(FOLDER / "bootstrap.sh"), str(archive), str(folder)], env=here, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    python = str(folder / "bin/python")
    assert subprocess.run([python, "-c", "import pyspark"], env=here, cwd=tmp_path, capture_output=True).returncode == 1, "Spark is the platform's"
    done = subprocess.run([python, "-m", "gristmill.jobs.cli", "check", "--recipe", "conf/demo.yaml"], env=here, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/rows.jsonl").write_text('{"id": "1", "source": "t", "text": "The wheel turned in the brook."}\n')
    submit = [str(Path(pyspark.__file__).parent / "bin/spark-submit"), "--master", "local[1]", "--conf", f"spark.pyspark.python={python}", "--conf", f"spark.pyspark.driver.python={python}"]
    command = ["run", "ingest_docs", "--recipe", "conf/jobs/ingest_docs.yaml", "--lake", str(tmp_path / "lake"), "--input", str(tmp_path / "raw")]
    spark = {**here, "SPARK_HOME": str(Path(pyspark.__file__).parent)}
    for name in ("PYSPARK_PYTHON", "PYSPARK_DRIVER_PYTHON"):
        spark.pop(name, None)
    done = subprocess.run([*submit, str(FOLDER / "entry.py"), *command], env=spark, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "in 1  kept 1" in done.stdout + done.stderr
    # The step fails with the code of the command.
    done = subprocess.run([*submit, str(FOLDER / "entry.py"), "run", "none", "--recipe", "conf/demo.yaml"], env=spark, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 2, done.stderr[-1000:]


def test_the_bootstrap_action_says_which_interpreter_is_missing(tmp_path: Path) -> None:
    packed = tmp_path / "packed/bin"
    packed.mkdir(parents=True)
    (packed / "python").symlink_to("/nowhere/bin/python3.11")
    subprocess.run(["tar", "-czf", str(tmp_path / "environment.tar.gz"), "-C", str(tmp_path / "packed"), "bin"], check=True)
    done = subprocess.run([str(FOLDER / "bootstrap.sh"), str(tmp_path / "environment.tar.gz"), str(tmp_path / "opt")], capture_output=True, text=True)
    assert done.returncode == 1
    assert "/nowhere/bin/python3.11" in done.stderr
