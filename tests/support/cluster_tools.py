"""What a cluster with an S3 server needs beside the project's own environment: `python -m tests.support.cluster_tools`.

Into .venv-cluster go the server (moto, an environment of its own, pinned by conf/constraints/cluster.txt) and the jars
by which Spark's Hadoop speaks to it; once, and again when a pin changes.
"""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import pyspark

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".venv-cluster"
PINS = ROOT / "conf/constraints/cluster.txt"
# Of the Hadoop that PySpark brings: line of PySpark -> package; it drags com.amazonaws:aws-java-sdk-bundle:1.12.262 along.
HADOOP_AWS = {"3.5": "org.apache.hadoop:hadoop-aws:3.3.4"}


def moto_server() -> Path:
    """The program of the S3 server. Raises RuntimeError when it cannot be installed."""
    _ready()
    return HOME / "bin/moto_server"


def s3_jars() -> list[Path]:
    """The jars that s3a:// takes. Raises RuntimeError when Maven does not give them."""
    _ready()
    return sorted((HOME / "jars").glob("*.jar"))


def _ready() -> None:
    """Install what is missing, in one process at a time."""
    line = ".".join(pyspark.__version__.split(".")[:2])
    if line not in HADOOP_AWS:
        raise RuntimeError(f"an S3 lake is tried with PySpark {', '.join(HADOOP_AWS)}, not with {pyspark.__version__}")
    wanted = f"{PINS.read_text(encoding='utf-8')}{HADOOP_AWS[line]}\n"
    HOME.mkdir(exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = HOME / "installed.txt"
        if done.is_file() and done.read_text(encoding="utf-8") == wanted:
            return
        _install_server()
        _fetch_jars(HADOOP_AWS[line])
        done.write_text(wanted, encoding="utf-8")


def _install_server() -> None:
    venv.create(HOME, with_pip=True, clear=False)
    _run([str(HOME / "bin/pip"), "install", "-q", "--disable-pip-version-check", "-r", str(PINS)])


def _fetch_jars(package: str) -> None:
    """By Spark's own Ivy, from any Maven mirror that Spark knows."""
    submit = Path(pyspark.__file__).parent / "bin/spark-submit"
    with tempfile.TemporaryDirectory() as ivy:
        command = [str(submit), "--conf", f"spark.jars.ivy={ivy}", "--packages", package, "--class", "none", "local:/none"]
        done = subprocess.run(command, capture_output=True, text=True)  # (there is no such class: it fails once it has the jars)
        jars = list(Path(ivy, "jars").glob("*.jar"))
        if not any("hadoop-aws" in jar.name for jar in jars):
            raise RuntimeError(f"cluster_tools: could not resolve {package} from Maven; Spark said:\n{done.stderr[-2000:]}")
        shutil.rmtree(HOME / "jars", ignore_errors=True)
        shutil.copytree(Path(ivy, "jars"), HOME / "jars")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"cluster_tools: {' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    _ready()
    print(f"{HOME}: {moto_server().name}, {', '.join(jar.name for jar in s3_jars())}")
    sys.exit(0)
