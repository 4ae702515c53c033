"""A standalone Spark cluster (a master and workers as processes of this machine), beside an S3 server where one is wanted.

    with Cluster(home, with_s3=True) as cluster:
        done = cluster.submit("jobs/curate.py", "--recipe", "conf/demo.yaml", "--lake", cluster.address("demo"), ...)

Tests and benchmarks run on it. All its processes are gone when the block is left, and on Linux also when this process is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
import pyspark

from gristmill.jobs.lake.ship import ship
from tests.support import processes
from tests.support.processes import Server
from tests.support.s3 import BUCKET, S3Server

ROOT = Path(__file__).resolve().parents[2]
SPARK = Path(pyspark.__file__).parent
LINE = "spark35" if pyspark.__version__.startswith("3.") else "spark41"
HOST = "127.0.0.1"
# Of the environment, what would lead Spark to another installation, master or store.
FOREIGN = ("GRISTMILL_MASTER", "GRISTMILL_STAGING", "SPARK_HOME", "SPARK_CONF_DIR", "PYSPARK_SUBMIT_ARGS", "SPARK_REMOTE")


class Cluster:
    """`workers` workers of `cores` cores, each with room for one executor of `executor_memory`; the state lies in `home`."""

    def __init__(
        self, home: Path, *, workers: int = 2, cores: int = 1, driver_memory: str = "2g", executor_memory: str = "1400m",
        with_s3: bool = False, conf: Mapping[str, str] | None = None,
    ) -> None:  # fmt: skip
        self.home, self.n_workers, self.cores = home, workers, cores
        self.memory = {"spark.driver.memory": driver_memory, "spark.executor.memory": executor_memory}
        self.with_s3, self.own = with_s3, dict(conf or {})
        self.s3: S3Server | None = None
        self.servers: list[Server] = []  # in the order in which they were started
        self.master = ""  # spark://HOST:PORT
        self.page = ""  # http://HOST:PORT of the master

    def __enter__(self) -> Cluster:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End every process that this one started, the newest first."""
        processes.end(reversed(self.servers))
        self.servers = []

    def _start(self) -> None:
        for name in ("servers", "work", "local", "conf"):
            (self.home / name).mkdir(parents=True)
        shutil.copy(ROOT / "conf/spark/log4j2.properties", self.home / "conf")  # of drivers; servers say what they do
        ship(self.home / "gristmill.zip")
        if self.with_s3:
            self.s3 = S3Server(self.home / "servers", self._environment())
            self.servers.append(self.s3.server)
        master = self._spark_class("master", "master.Master", "--host", HOST, "--port", "0", "--webui-port", "0")
        self.master = master.await_answer(lambda said: _first(r"Starting Spark master at (spark://\S+)", said))
        self.page = master.await_answer(lambda said: _first(r"MasterWebUI.* started at (http://\S+)", said))
        for number in range(self.n_workers):
            size = ["-c", str(self.cores), "-m", self.memory["spark.executor.memory"]]
            self._spark_class(f"worker-{number}", "worker.Worker", *size, "--host", HOST, "--webui-port", "0", self.master)
        if self.s3:
            self.s3.await_ready()
        master.await_answer(lambda _: self._n_alive() == self.n_workers or None)

    def _spark_class(self, name: str, what: str, *arguments: str) -> Server:
        command = [str(SPARK / "bin/spark-class"), f"org.apache.spark.deploy.{what}", *arguments]
        folders = {"SPARK_WORKER_DIR": str(self.home / "work"), "SPARK_CONF_DIR": str(self.home / "servers"), "SPARK_DAEMON_MEMORY": "512m"}
        self.servers.append(processes.start(name, command, self.home / "servers", {**self._environment(), **folders}))
        return self.servers[-1]

    def state(self) -> dict[str, Any]:
        """What the master says of workers and applications (its page /json)."""
        with urllib.request.urlopen(f"{self.page}/json/", timeout=10) as answer:
            return dict(json.load(answer))

    def _n_alive(self) -> int:
        with contextlib.suppress(OSError):
            return sum(worker["state"] == "ALIVE" for worker in self.state()["workers"])
        return 0

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in FOREIGN and not name.startswith("AWS_")}
        local = {"SPARK_LOCAL_IP": HOST, "SPARK_LOCAL_DIRS": str(self.home / "local")}
        return {**kept, **local, "PYSPARK_PYTHON": sys.executable, "PYSPARK_DRIVER_PYTHON": sys.executable}

    def environment(self) -> dict[str, str]:
        """The whole environment of a process that submits to the cluster."""
        store = self.s3.environment() if self.s3 else {}
        return {**self._environment(), **store, "SPARK_CONF_DIR": str(self.home / "conf")}

    def conf(self) -> dict[str, str]:
        """Spark's settings of an application: those that we ship for clusters, those of this machine and store, and `conf`."""
        network = {"spark.driver.host": HOST, "spark.driver.bindAddress": HOST, "spark.ui.enabled": "false"}
        size = {**self.memory, "spark.cores.max": str(self.n_workers * self.cores), "spark.ui.showConsoleProgress": "false"}
        store = {}
        if self.s3:
            store = {**self.s3.conf(), **{f"spark.executorEnv.{name}": value for name, value in self.s3.environment().items()}}
        return {**shipped_properties(), **network, **size, **store, **self.own}

    def command(self, script: str, *arguments: str, **conf: str) -> list[str]:
        """`spark-submit` of a script of the checkout as the docs say it, the package by --py-files; `conf`: settings of this run."""
        said = [f"--conf={name}={value}" for name, value in {**self.conf(), **conf}.items()]
        submit = [str(SPARK / "bin/spark-submit"), "--master", self.master, "--py-files", str(self.home / "gristmill.zip")]
        return [*submit, *said, script, *arguments]

    def submit(self, script: str, *arguments: str, **conf: str) -> subprocess.CompletedProcess[str]:
        """Run the command to its end, in the checkout."""
        command = self.command(script, *arguments, **conf)
        return subprocess.run(command, cwd=ROOT, env=self.environment(), capture_output=True, text=True, preexec_fn=processes.ends_with_us())

    def connection(self, **conf: str) -> dict[str, str]:
        """The environment by which `open_session` in a process of its own becomes the driver; executors take the checkout's code."""
        wanted = {**self.conf(), "spark.executorEnv.PYTHONPATH": str(ROOT), **conf}
        said = shlex.join([f"--conf={name}={value}" for name, value in wanted.items()])
        return {**self.environment(), "GRISTMILL_MASTER": self.master, "PYSPARK_SUBMIT_ARGS": f"{said} pyspark-shell"}

    def address(self, name: str) -> str:
        """Where a lake or an input of that name may stand so that every process sees it: in the bucket, or on this machine's disk."""
        return f"s3a://{BUCKET}/{name}" if self.s3 else str(self.home / name)

    def pids(self) -> list[int]:
        """The master and the workers, whose children the executors are."""
        return [server.process.pid for server in self.servers if server.name != "s3"]

    def executors(self) -> list[psutil.Process]:
        """The JVMs that run tasks now."""
        below = [each for pid in self.pids() for each in processes.descendants(pid)]
        return [each for each in below if _runs(each, "CoarseGrainedExecutorBackend")]

    def kill_executor(self, seconds: float = 60) -> int:
        """Kill one executor, as soon as there is one; returns its pid. Raises RuntimeError when none shows up."""
        end = time.monotonic() + seconds
        while not (found := self.executors()):
            if time.monotonic() > end:
                raise RuntimeError(f"{self.master}: no executor in {seconds:.0f} s")
            time.sleep(processes.STEP_SECONDS)
        found[0].kill()
        return found[0].pid


def shipped_properties() -> dict[str, str]:
    """conf/spark/cluster-*.properties without the packages that it has fetched: Delta's jars stand beside PySpark's own here."""
    text = (ROOT / f"conf/spark/cluster-{LINE}.properties").read_text(encoding="utf-8").replace("\\\n", "")
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return {name: value.strip() for name, value in lines if not name.startswith("spark.jars.")}


def _first(pattern: str, said: str) -> str | None:
    found = re.search(pattern, said)
    return found[1] if found else None


def _runs(process: psutil.Process, name: str) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return any(name in word for word in process.cmdline())
    return False
