"""The same job on a real standalone cluster: a master and two workers as processes of their own, the package shipped by --py-files."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pyspark = pytest.importorskip("pyspark")
ROOT = Path(__file__).resolve().parent.parent
HOME = Path(pyspark.__file__).parent
PACKAGES = "cluster-spark35" if pyspark.__version__.startswith("3.") else "cluster-spark41"

pytestmark = pytest.mark.spark


@pytest.fixture
def master(tmp_path: Path) -> Iterator[str]:
    """The address of a master with two workers of one core each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"spark://127.0.0.1:{port}"
    env = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_WORKER_DIR": str(tmp_path / "work"), "PYSPARK_PYTHON": sys.executable}
    run = str(HOME / "bin" / "spark-class")
    started = [subprocess.Popen([run, "org.apache.spark.deploy.master.Master", "--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"], env=env, stderr=subprocess.DEVNULL)]
    time.sleep(6)
    worker = [run, "org.apache.spark.deploy.worker.Worker", "-c", "1", "-m", "1g", "--host", "127.0.0.1", "--webui-port", "0", address]
    started += [subprocess.Popen(worker, env=env, stderr=subprocess.DEVNULL) for _ in range(2)]
    yield address
    for process in reversed(started):
        process.terminate()
        process.wait(20)


@pytest.mark.slow
def test_a_job_runs_on_a_standalone_cluster_with_the_package_shipped_as_a_zip(master: str, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    rows = [{"id": str(i), "source": "t", "text": f"document number {i} of the cluster"} for i in range(20)]
    (tmp_path / "raw" / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    archive = tmp_path / "gristmill.zip"
    subprocess.run([sys.executable, "-m", "jobs.core.ship", str(archive)], cwd=ROOT, check=True)
    recipe = tmp_path / "ingest_docs.yaml"
    recipe.write_text((ROOT / "conf/ingest_docs.yaml").read_text().replace("data_docs: true", "data_docs: false"))
    command = [str(HOME / "bin" / "spark-submit"), "--master", master, "--executor-memory", "512m", "--total-executor-cores", "2", "--py-files", str(archive)]
    for line in (ROOT / f"conf/spark/{PACKAGES}.properties").read_text().splitlines():
        if line.strip() and not line.startswith("#") and "packages" not in line and "jars" not in line.split(None, 1)[0]:
            name, value = line.split(None, 1)
            command += ["--conf", f"{name}={value.strip()}"]  # Delta's jars stand beside Spark's here, so Ivy is left alone
    command += ["jobs/ingest_docs.py", "--recipe", str(recipe), "--lake", str(tmp_path / "lake"), "--input", str(tmp_path / "raw")]
    env = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1", "GRISTMILL_MASTER": master}
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, "\n".join(line for line in done.stderr.splitlines() if " INFO " not in line)[:4000]
    assert "in 20  kept 20  left out 0" in done.stdout + done.stderr  # spark-submit sends both of Python to stdout
    again = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)
    assert "nothing to do" in again.stdout + again.stderr
