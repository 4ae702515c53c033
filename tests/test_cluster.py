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


def submit(master: str, home: Path, archive: Path, job: str, *more: str) -> str:
    """What the job told, both streams; fails with the errors of a job that failed."""
    recipe = home / f"{job}.yaml"
    recipe.write_text((ROOT / f"conf/{job}.yaml").read_text(encoding="utf-8").replace("data_docs: true", "data_docs: false"), encoding="utf-8")
    command = [str(HOME / "bin" / "spark-submit"), "--master", master, "--executor-memory", "600m", "--total-executor-cores", "2", "--py-files", str(archive)]
    for line in (ROOT / f"conf/spark/{PACKAGES}.properties").read_text().splitlines():
        if line.strip() and not line.startswith("#") and "packages" not in line and "jars" not in line.split(None, 1)[0]:
            name, value = line.split(None, 1)
            command += ["--conf", f"{name}={value.strip()}"]  # Delta's jars stand beside Spark's here, so Ivy is left alone
    command += ["--conf", "spark.sql.shuffle.partitions=2", f"jobs/{job}.py", "--recipe", str(recipe), "--lake", str(home / "lake"), *more]
    env = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    env.pop("GRISTMILL_MASTER", None)
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)
    told = done.stdout + done.stderr  # spark-submit sends both of Python to stdout
    assert done.returncode == 0, "\n".join(line for line in told.splitlines() if " INFO " not in line)[:4000]
    assert f"Connecting to master {master}" in told
    return told


@pytest.mark.slow
def test_jobs_run_on_a_standalone_cluster_with_the_package_shipped_as_a_zip(master: str, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    text = "The wheel of the old mill turned in the brook. Document number {} has its own stone, {}, and grinds {} sacks of grain."
    rows = [{"id": str(i), "source": "t", "text": text.format(i, i * 7, "two" if i % 2 else "three")} for i in range(20)]
    (tmp_path / "raw" / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    archive = tmp_path / "gristmill.zip"
    subprocess.run([sys.executable, "-m", "jobs.core.ship", str(archive)], cwd=ROOT, check=True)
    given = ("--input", str(tmp_path / "raw"))
    assert "in 20  kept 20  left out 0" in submit(master, tmp_path, archive, "ingest_docs", *given)
    assert "nothing to do" in submit(master, tmp_path, archive, "ingest_docs", *given)
    assert "in 20  kept 20  left out 0" in submit(master, tmp_path, archive, "measure_text")


def test_what_the_user_tells_spark_submit_wins_over_our_defaults(tmp_path: Path) -> None:
    script = tmp_path / "ask.py"
    script.write_text(
        "import os, sys; sys.path.insert(0, os.getcwd())\n"
        "from jobs.core.session import open_session\n"
        "spark = open_session('ask')\n"
        "print('told', spark.conf.get('spark.sql.shuffle.partitions'), spark.conf.get('spark.sql.ansi.enabled'), os.environ.get('SPARK_LOCAL_IP'))\n"
    )
    env = {**os.environ, "PYSPARK_PYTHON": sys.executable}
    for name in ("GRISTMILL_MASTER", "SPARK_LOCAL_IP"):
        env.pop(name, None)
    command = [str(HOME / "bin" / "spark-submit"), "--master", "local[1]", "--conf", "spark.sql.shuffle.partitions=7", "--conf", "spark.sql.ansi.enabled=false"]
    extensions = ["--conf", "spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension", "--conf", "spark.ui.enabled=false"]
    done = subprocess.run([*command, *extensions, str(script)], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    told = [line.split() for line in done.stdout.splitlines() if line.startswith("told")]
    assert told == [["told", "7", "true", "127.0.0.1"]], done.stderr[-2000:]
