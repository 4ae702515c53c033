"""The images as far as they can be known without a container engine: clean for hadolint, complete, and their install steps run."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

pytestmark = pytest.mark.deploy
ROOT = Path(__file__).resolve().parents[2]
IMAGES = ("spark", "worker")
VERSION = re.search(r'version="([\d.]+)"', (ROOT / "setup.py").read_text())[1]  # type: ignore[index]


def steps(name: str) -> list[tuple[str, str]]:
    """(instruction, its words) of a Dockerfile, continued lines joined."""
    text = (ROOT / f"docker/Dockerfile.{name}").read_text(encoding="utf-8").replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1].strip()) for line in text.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("name", IMAGES)
def test_hadolint_has_nothing_to_say(name: str) -> None:
    program = shutil.which("hadolint")
    assert program, "make setup-deploy installs it"
    done = subprocess.run([program, "--no-color", str(ROOT / f"docker/Dockerfile.{name}")], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")


def test_hadolint_would_say_something(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM debian:latest\nRUN cd /opt && apt-get install python3\n")
    done = subprocess.run(["hadolint", "--no-color", str(bad)], capture_output=True, text=True)
    assert done.returncode == 1
    assert "DL3007" in done.stdout


def test_one_tag_everywhere_and_no_digest_that_nobody_read() -> None:
    files = [path for folder in ("docker", "deploy") for path in (ROOT / folder).rglob("*") if path.is_file()]
    text = "\n".join(path.read_text(encoding="utf-8") for path in [*files, ROOT / "Makefile", ROOT / "docs/platforms.md"])
    tags = re.findall(r"\b(?:gristmill|gristmill-worker):([\w.-]+)", text)
    assert len(tags) > 4
    assert set(tags) == {VERSION}
    assert not re.search(r"sha256:[0-9a-f]{8}", text)
    for name in IMAGES:
        arguments = [words for instruction, words in steps(name) if instruction == "ARG"]
        assert [word.split("=")[0] for word in arguments] == ["BASE_TAG", "BASE_DIGEST"]
        [base] = [words for instruction, words in steps(name) if instruction == "FROM"]
        assert base.endswith(":${BASE_TAG}${BASE_DIGEST}")


def is_sent(path: str) -> bool:
    """Whether .dockerignore lets a path into the build's context: the last line that matches decides."""
    sent = True
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        pattern = line.lstrip("!")
        if not line or line.startswith("#"):
            continue
        parents = [path, *map(str, Path(path).parents)]
        if any(fnmatch.fnmatch(part, pattern) or part == pattern for part in parents) or (pattern.startswith("**/") and any(fnmatch.fnmatch(Path(part).name, pattern[3:]) for part in parents)):
            sent = line.startswith("!")
    return sent


@pytest.mark.parametrize("name", IMAGES)
def test_what_is_copied_is_there_and_in_the_context(name: str) -> None:
    copied = [source for instruction, words in steps(name) if instruction == "COPY" for source in words.split()[:-1]]
    assert copied
    assert [source for source in copied if not (ROOT / source).exists() or not is_sent(source)] == []


def test_the_context_leaves_out_what_is_large_or_private() -> None:
    assert [path for path in (".git/config", ".venv/bin/python", "lakes/demo", "models/x", "data/x", "jobs/__pycache__/cli.pyc") if is_sent(path)] == []


@pytest.mark.parametrize("name", IMAGES)
def test_the_user_of_an_image_is_a_number(name: str) -> None:
    assert [words for instruction, words in steps(name) if instruction == "USER"] == ["10001:10001"]


def test_the_compose_file_waits_for_the_masters_health() -> None:
    services = yaml.safe_load((ROOT / "docker/compose.yaml").read_text())["services"]
    assert "healthcheck" in services["master"]
    for name in ("worker-1", "worker-2", "submit"):
        assert services[name]["depends_on"]["master"] == {"condition": "service_healthy"}


def built(name: str, home: Path) -> dict[str, str]:
    """The COPY, ENV and RUN steps of a Dockerfile after the system's packages, in a virtual environment; returns the environment."""
    work = home / "opt/gristmill"
    work.mkdir(parents=True)
    subprocess.run([sys.executable, "-m", "venv", str(work / ".venv")], check=True)
    variables = {"PATH": f"{work}/.venv/bin:{os.environ['PATH']}", "HOME": str(home), "PIP_DISABLE_PIP_VERSION_CHECK": "1", "JAVA_HOME": os.environ.get("JAVA_HOME", "")}
    variables |= {key: value for key, value in os.environ.items() if key.startswith(("PIP_", "SSL_", "http", "HTTP", "REQUESTS_"))}
    for instruction, words in steps(name):
        if instruction == "COPY":
            *sources, target = words.split()
            for source in sources:
                to = work / (Path(source).name if target == "./" else target) if not target.startswith("/") else home / target.lstrip("/")
                to.parent.mkdir(parents=True, exist_ok=True)
                copy(ROOT / source, to)
        elif instruction == "ENV":
            for key, value in re.findall(r"(\w+)=(\S+)", words):
                variables[key] = value.replace("/opt/gristmill", str(work)).replace("$PATH", variables["PATH"])
        elif instruction == "RUN" and not re.match(r"apt-get|mkdir|python3.11 -m venv", words):
            # The wheels that this machine has fetched already spare some minutes; what is installed is the same.
            done = subprocess.run(["bash", "-ec", words.replace("--no-cache-dir ", "")], cwd=work, env={**variables, "HOME": os.environ.get("HOME", "")}, capture_output=True, text=True)
            assert done.returncode == 0, f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-3000:]}"
    return variables


def copy(source: Path, to: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    else:
        shutil.copy(source, to)


def run(home: Path, variables: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=home / "opt/gristmill", env=variables, capture_output=True, text=True)


@pytest.mark.slow
def test_the_workers_image_has_what_the_worker_imports(tmp_path: Path) -> None:
    variables = built("worker", tmp_path)
    done = run(tmp_path, variables, "python3", "-m", "gristmill.synth_worker", "--metrics-port", "9309", "--recipe", "conf/synth_worker.yaml", "--check")
    assert (done.returncode, "synth_worker     ok" in done.stdout) == (0, True), done.stderr
    # Up to the lake: the store's packages are there.
    done = run(tmp_path, variables, "python3", "-m", "gristmill.synth_worker", "--recipe", "conf/synth_worker.yaml", "--lake", "none")
    assert "No module named 'vllm'" in done.stderr or done.returncode in (2, 3), done.stderr


@pytest.mark.slow
def test_the_spark_image_plans_the_demo_and_a_driver_runs_a_job(tmp_path: Path) -> None:
    variables = built("spark", tmp_path)
    work, entry = tmp_path / "opt/gristmill", str(tmp_path / "usr/local/bin/entrypoint.sh")
    done = run(tmp_path, variables, entry, "gristmill", "check", "--recipe", "conf/demo.yaml")
    assert done.returncode == 0, done.stderr
    (work / "raw").mkdir()
    (work / "raw/rows.jsonl").write_text('{"id": "1", "source": "t", "text": "The wheel turned in the brook."}\n')
    # What Spark's Kubernetes back end runs in the driver's pod, but for the master.
    command = ["driver", "--master", "local[1]", "jobs/ingest_docs.py", "--recipe", "conf/jobs/ingest_docs.yaml", "--lake", str(work / "lake"), "--input", str(work / "raw")]
    done = run(tmp_path, {**variables, "SPARK_DRIVER_BIND_ADDRESS": "127.0.0.1"}, entry, *command)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "in 1  kept 1" in done.stdout + done.stderr


def test_an_executor_starts_and_looks_for_its_driver() -> None:
    import pyspark

    variables = {
        **os.environ, "SPARK_HOME": str(Path(pyspark.__file__).parent), "SPARK_EXECUTOR_MEMORY": "512m", "SPARK_EXECUTOR_CORES": "1",
        "SPARK_DRIVER_URL": "spark://CoarseGrainedScheduler@127.0.0.1:9", "SPARK_EXECUTOR_ID": "1", "SPARK_APPLICATION_ID": "app", "SPARK_EXECUTOR_POD_IP": "127.0.0.1",
        "SPARK_EXECUTOR_POD_NAME": "pod", "SPARK_JAVA_OPT_0": "-Dspark.network.timeout=5s", "SPARK_JAVA_OPT_1": "-Dgristmill.two=2",
    }  # fmt: skip
    with subprocess.Popen([str(ROOT / "docker/entrypoint.sh"), "executor"], env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True) as started:
        try:
            said, _ = started.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            os.killpg(started.pid, signal.SIGKILL)
            raise
    assert "127.0.0.1:9" in said, said[-2000:]
    assert "Could not find or load main class" not in said


def test_the_entry_point_names_a_variable_that_spark_has_not_set() -> None:
    done = subprocess.run([str(ROOT / "docker/entrypoint.sh"), "driver"], env={"PATH": os.environ["PATH"], "SPARK_HOME": "/none"}, capture_output=True, text=True)
    assert done.returncode != 0
    assert "SPARK_DRIVER_BIND_ADDRESS" in done.stderr
