"""The files for Kubernetes: valid by its schemas, numeric users, one image tag, arguments that the programs take."""

from __future__ import annotations

import copy
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.deploy
ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "kubernetes"
VERSION = re.search(r'version="([\d.]+)"', (ROOT / "setup.py").read_text())[1]  # type: ignore[index]


def read(name: str) -> dict[str, Any]:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def complaints(job: dict[str, Any]) -> str:
    import kubernetes_validate

    try:
        kubernetes_validate.validate(job, "1.37", strict=True)
    except kubernetes_validate.ValidationError as error:
        return str(error)
    return ""


def test_kubernetes_takes_the_job_of_the_worker() -> None:
    assert complaints(read("worker.yaml")) == ""


@pytest.mark.parametrize(
    ("path", "key", "instead"),
    [
        (("spec", "template", "spec"), "containers", "container"),
        (("spec", "template", "spec", "containers", 0), "livenessProbe", "livelinessProbe"),
        (("spec", "template", "spec", "securityContext"), "runAsUser", "runAs"),
        (("spec",), "completions", "completion"),
    ],
)
def test_a_misspelt_key_of_the_job_is_refused(path: tuple[Any, ...], key: str, instead: str) -> None:
    job = copy.deepcopy(read("worker.yaml"))
    at = job
    for step in path:
        at = at[step]
    at[instead] = at.pop(key)
    assert complaints(job)


def test_the_worker_takes_its_arguments_and_the_probes_ask_where_it_answers() -> None:
    pod = read("worker.yaml")["spec"]["template"]["spec"]
    [container] = pod["containers"]
    image = (ROOT / "docker/Dockerfile.worker").read_text(encoding="utf-8")
    start = re.search(r"^ENTRYPOINT \[(.*)\]", image, re.M)
    assert start
    words = re.findall(r'"([^"]+)"', start[1])
    assert words[:3] == ["python3", "-m", "gristmill.synth_worker"]
    health = re.search(r'CMD \["python3", "-c", "(.*)"\]', image)
    assert health
    for probe in ("startupProbe", "livenessProbe"):
        assert container[probe]["exec"]["command"] == ["python3", "-c", health[1]]
    assert f"127.0.0.1:{words[words.index('--metrics-port') + 1]}/" in health[1]
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    assert str(Path(container["args"][1]).parent) in mounted
    assert {mount["name"] for mount in container["volumeMounts"]} == {volume["name"] for volume in pod["volumes"]}


def test_pods_run_as_a_number_that_is_the_user_of_the_image() -> None:
    pod, spark = read("worker.yaml")["spec"]["template"]["spec"], read("spark.yaml")["spec"]
    for name, context in (("worker", pod["securityContext"]), ("spark", spark["driver"]["podSecurityContext"]), ("spark", spark["executor"]["podSecurityContext"])):
        [user] = re.findall(r"^USER (\d+):(\d+)$", (ROOT / f"docker/Dockerfile.{name}").read_text(), re.M)
        assert context["runAsNonRoot"] is True
        assert (str(context["runAsUser"]), str(context["runAsGroup"])) == user
    assert pod["automountServiceAccountToken"] is False
    [container] = pod["containers"]
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}


def faults(app: dict[str, Any]) -> list[str]:
    """What an operator, or its driver, would refuse about a SparkApplication: own checks, as its schema is not on PyPI."""
    from gristmill.jobs import curate

    spec, found = app.get("spec") or {}, []
    if (app.get("apiVersion"), app.get("kind")) != ("sparkoperator.k8s.io/v1beta2", "SparkApplication"):
        found.append("kind")
    known = {"type", "pythonVersion", "mode", "sparkVersion", "image", "imagePullPolicy", "mainApplicationFile", "arguments", "deps", "sparkConf", "restartPolicy", "driver", "executor"}
    found += sorted(set(spec) - known) + sorted(known - set(spec))
    if spec.get("image") != f"gristmill:{VERSION}":
        found.append("image")
    pinned = re.search(r"^pyspark==(.*)$", (ROOT / "conf/constraints/spark35.txt").read_text(), re.M)
    if pinned is None or spec.get("sparkVersion") != pinned[1]:
        found.append("sparkVersion")
    file = str(spec.get("mainApplicationFile", ""))
    if not file.startswith("local:///opt/gristmill/") or not (ROOT / file.removeprefix("local:///opt/gristmill/")).is_file():
        found.append("mainApplicationFile")
    given = dict(zip(spec.get("arguments", [])[::2], spec.get("arguments", [])[1::2], strict=False))
    if set(given) != {"--recipe", "--lake", "--input"} or not (ROOT / given["--recipe"]).is_file() or "curate" not in curate.__name__:
        found.append("arguments")
    for role in ("driver", "executor"):
        pod = spec.get(role) or {}
        found += [f"{role}.{name}" for name in ("memory", "memoryOverhead") if name in pod and not re.fullmatch(r"\d+[mg]", str(pod[name]))]
        found += [f"{role}.cores"] if not isinstance(pod.get("cores"), int) else []
    found += ["driver.serviceAccount"] if not (spec.get("driver") or {}).get("serviceAccount") else []
    return found


def test_the_spark_application_has_nothing_that_an_operator_refuses() -> None:
    assert faults(read("spark.yaml")) == []


@pytest.mark.parametrize(
    ("text", "instead", "fault"),
    [
        ("v1beta2", "v1", "kind"), ("gristmill:0.1.0", "gristmill:latest", "image"), ("sparkVersion: 3.5.9", "sparkVersion: 3.5.1", "sparkVersion"),
        ("jobs/curate.py", "jobs/curation.py", "mainApplicationFile"), ("conf/demo.yaml", "conf/demos.yaml", "arguments"), ("memory: 8g", "memory: 8Gi", "driver.memory"),
        ("    serviceAccount: spark\n", "", "driver.serviceAccount"), ("  restartPolicy:\n", "  restartsPolicy:\n", "restartsPolicy"),
    ],
)  # fmt: skip
def test_a_broken_spark_application_is_refused(text: str, instead: str, fault: str) -> None:
    content = (FOLDER / "spark.yaml").read_text(encoding="utf-8")
    assert text in content
    assert fault in faults(yaml.safe_load(content.replace(text, instead)))


def test_the_operators_own_schema_takes_the_spark_application() -> None:
    """config/crd/bases/sparkoperator.k8s.io_sparkapplications.yaml of kubeflow/spark-operator (Apache-2.0), which no package holds."""
    if not (path := os.environ.get("GRISTMILL_SPARK_OPERATOR_CRD")):
        pytest.skip("needs GRISTMILL_SPARK_OPERATOR_CRD: the operator's definition of SparkApplication")
    from jsonschema import Draft202012Validator

    [version] = [each for each in yaml.safe_load(Path(path).read_text())["spec"]["versions"] if each["name"] == "v1beta2"]
    schema = closed(version["schema"]["openAPIV3Schema"])
    validator = Draft202012Validator(schema)
    app = read("spark.yaml")
    assert [f"{list(error.absolute_path)}: {error.message}" for error in validator.iter_errors(app)] == []
    app["spec"]["driver"]["core"] = app["spec"]["driver"].pop("cores")
    assert list(validator.iter_errors(app)), "a misspelt key is refused"


def closed(schema: Any) -> Any:
    """The schema with unknown keys refused: the server drops them silently."""
    if isinstance(schema, list):
        return [closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: closed(value) for key, value in schema.items()}
    if "properties" in schema and schema.get("type") == "object" and set(schema["properties"]) - {"metadata"}:
        made.setdefault("additionalProperties", False)
    return made


def test_s3as_jar_is_of_the_hadoop_that_spark_brings() -> None:
    import pyspark

    [jar] = Path(pyspark.__file__).parent.glob("jars/hadoop-client-api-*.jar")
    assert read("spark.yaml")["spec"]["deps"]["packages"] == [f"org.apache.hadoop:hadoop-aws:{jar.stem.rsplit('-', 1)[1]}"]


def test_the_command_line_validator_agrees() -> None:
    program = shutil.which("kubernetes-validate")
    assert program, "make setup-deploy installs it"
    done = subprocess.run([program, "--strict", str(FOLDER / "worker.yaml")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
