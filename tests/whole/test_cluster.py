"""Jobs on a real standalone cluster: a master and two workers as processes of their own, the package shipped by --py-files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

pytest.importorskip("pyspark")

from benchmarks.support import event_log
from tests.support.cluster import ROOT, SPARK, Cluster

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster") / "home", executor_memory="600m", driver_memory="1g") as made:
        yield made


def told(cluster: Cluster, home: Path, job: str, *more: str) -> str:
    """What the job told, both streams; fails with the errors of a job that failed."""
    recipe = home / f"{job}.yaml"
    given = (ROOT / f"conf/jobs/{job}.yaml").read_text(encoding="utf-8")
    recipe.write_text(given.replace("data_docs: true", "data_docs: false"), encoding="utf-8")
    logged = event_log.settings(home / "events")
    done = cluster.submit(f"jobs/{job}.py", "--recipe", str(recipe), "--lake", str(home / "lake"), *more, **logged)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout + done.stderr  # spark-submit sends both of Python to stdout


@pytest.mark.slow
def test_jobs_run_on_a_standalone_cluster_with_the_package_shipped_as_a_zip(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "events").mkdir()
    text = "The wheel of the old mill turned in the brook. Document number {} has its own stone, {}, and grinds {} sacks of grain."
    rows = [{"id": str(i), "source": "t", "text": text.format(i, i * 7, "two" if i % 2 else "three")} for i in range(20)]
    (tmp_path / "raw" / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    given = ("--input", str(tmp_path / "raw"))
    assert "in 20  kept 20  left out 0" in told(cluster, tmp_path, "ingest_docs", *given)
    assert "nothing to do" in told(cluster, tmp_path, "ingest_docs", *given)
    assert "in 20  kept 20  left out 0" in told(cluster, tmp_path, "measure_text")
    assert {app["name"] for app in cluster.state()["completedapps"]} == {"ingest_docs", "measure_text"}
    logs = sorted((tmp_path / "events").iterdir(), key=lambda log: log.stat().st_mtime)
    steps = event_log.steps(logs[0], event_log.staged("ingest_docs"))  # it looks for rows that stand there twice
    assert sum(step["shuffled"] for step in steps.values()) > 0
    assert sum(step["jvm"] for step in steps.values()) > 0


@pytest.mark.slow
def test_a_cluster_is_gone_with_the_process_that_started_it(tmp_path: Path) -> None:
    code = f"""
import pathlib, sys, time
from tests.support.cluster import Cluster
with Cluster(pathlib.Path({str(tmp_path / "home")!r})) as cluster:
    print(*cluster.pids(), flush=True)
    time.sleep(600)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 3
        assert all(psutil.pid_exists(pid) for pid in pids)
        process.kill()
    end = time.monotonic() + 20
    while any(psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE for pid in pids):
        assert time.monotonic() < end, "the cluster outlived its parent"
        time.sleep(0.1)


def test_what_the_user_tells_spark_submit_wins_over_our_defaults(tmp_path: Path) -> None:
    script = tmp_path / "ask.py"
    script.write_text(
        "import os, sys; sys.path.insert(0, os.getcwd())\n"
        "from gristmill.jobs.lake.session import open_session\n"
        "spark = open_session('ask')\n"
        "print('told', spark.conf.get('spark.sql.shuffle.partitions'), spark.conf.get('spark.sql.ansi.enabled'), os.environ.get('SPARK_LOCAL_IP'))\n"
    )
    env = {**os.environ, "PYSPARK_PYTHON": sys.executable}
    for name in ("GRISTMILL_MASTER", "SPARK_LOCAL_IP"):
        env.pop(name, None)
    command = [str(SPARK / "bin" / "spark-submit"), "--master", "local[1]", "--conf", "spark.sql.shuffle.partitions=7", "--conf", "spark.sql.ansi.enabled=false"]
    extensions = ["--conf", "spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension", "--conf", "spark.ui.enabled=false"]
    done = subprocess.run([*command, *extensions, str(script)], cwd=ROOT, env=env, capture_output=True, text=True, timeout=300)
    told = [line.split() for line in done.stdout.splitlines() if line.startswith("told")]
    assert told == [["told", "7", "true", "127.0.0.1"]], done.stderr[-2000:]
