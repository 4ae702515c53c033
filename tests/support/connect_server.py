"""A server of Spark Connect as a process of this machine, with Delta and a metastore (Hive on Derby), and what a client of it needs.

    with ConnectServer(home) as server:
        done = server.run("-m", "gristmill.jobs.cli", "run", "curate", ...)

Tests run clients as processes of their own: PySpark chooses the kind of session once for a process. All is gone when the block is left.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import pyspark

from gristmill.jobs.lake.session import DELTA, INTERPRETED, LOCAL
from tests.support import processes
from tests.support.processes import Server

ROOT = Path(__file__).resolve().parents[2]
SPARK = Path(pyspark.__file__).parent
HOST = "127.0.0.1"
# line of PySpark -> the server's package. 3.5.7 is the newest on Maven Central for 3.5; 4.1's jar is part of PySpark.
PACKAGES = {"3.5": "org.apache.spark:spark-connect_2.12:3.5.7", "4.1": None}
# Of the environment, what would lead Spark to another installation, master or store.
FOREIGN = ("GRISTMILL_MASTER", "GRISTMILL_STAGING", "SPARK_HOME", "SPARK_CONF_DIR", "PYSPARK_SUBMIT_ARGS", "SPARK_REMOTE")


def missing() -> str | None:
    """Why no server or client can run here; None where both can. No download is tried."""
    for name in ("grpc", "grpc_status", "google.rpc"):
        if importlib.util.find_spec(name) is None:
            return f"needs {name}: pip install 'gristmill[connect]'"
    return None


def server_jar() -> Path | None:
    """The server's jar, fetched once with Spark's own Ivy; None where PySpark has it. Raises RuntimeError when Maven does not give it."""
    line = ".".join(pyspark.__version__.split(".")[:2])
    package = PACKAGES[line]
    if package is None:
        return None
    group, name, version = package.split(":")
    home = ROOT / ".cache/connect"
    jar = home / f"{group}_{name}-{version}.jar"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # one process at a time
        if not jar.is_file():
            _fetch(package, jar)
    return jar


def _fetch(package: str, jar: Path) -> None:
    with tempfile.TemporaryDirectory() as ivy:
        # Without what it depends on: the jar has gRPC inside, and PySpark has the rest.
        options = ["--conf", f"spark.jars.ivy={ivy}", "--packages", package, "--exclude-packages", "org.spark-project.spark:unused"]
        command = [str(SPARK / "bin/spark-submit"), *options, "--class", "none", "local:/none"]
        done = subprocess.run(command, capture_output=True, text=True)  # (there is no such class: it fails once it has the jars)
        found = Path(ivy, "jars", jar.name)
        if not found.is_file():
            raise RuntimeError(f"connect_server: could not resolve {package} from Maven; Spark said:\n{done.stderr[-2000:]}")
        shutil.copy(found, jar)


class ConnectServer:
    """A server with `cores` cores and a driver of `memory`; its state lies in `home`. `conf`: further settings."""

    def __init__(self, home: Path, *, cores: int = 2, memory: str = "2g", conf: Mapping[str, str] | None = None) -> None:
        self.home, self.cores, self.memory, self.own = home, cores, memory, dict(conf or {})
        self.server: Server | None = None
        self.port = 0
        self.peak_worker_mb = 0  # the largest resident memory of a Python worker so far
        self._is_over = threading.Event()

    def __enter__(self) -> ConnectServer:
        for name in ("local", "conf"):
            (self.home / name).mkdir(parents=True)
        shutil.copy(ROOT / "conf/spark/log4j2.properties", self.home / "conf")
        self.port = _free_port()
        self.server = processes.start("connect", self._command(), self.home, self._environment())
        self.server.await_answer(lambda _: self._answers() or None, 120)
        threading.Thread(target=self._watch, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._is_over.set()
        if self.server is not None:
            processes.end([self.server])

    def _command(self) -> list[str]:
        conf = {
            **{name: value for name, value in {**LOCAL, **INTERPRETED}.items() if name != "spark.driver.memory"},
            **DELTA,
            "spark.connect.grpc.binding.port": str(self.port),
            "spark.connect.grpc.binding.address": HOST,
            "spark.driver.memory": self.memory,
            "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseParallelGC -XX:ReservedCodeCacheSize=256m",
            "spark.sql.shuffle.partitions": "3",
            "spark.sql.catalogImplementation": "hive",
            "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={self.home / 'metastore'};create=true",
            "spark.sql.warehouse.dir": str(self.home / "warehouse"),
            "spark.local.dir": str(self.home / "local"),
            **self.own,
        }
        jar = server_jar()
        given = [f"--conf={name}={value}" for name, value in conf.items()] + ([f"--jars={jar}"] if jar else [])
        what = ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer", "spark-internal"]
        return [str(SPARK / "bin/spark-submit"), "--master", f"local[{self.cores}]", *given, *what]

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        # Python workers of the server import the package from the checkout.
        return {**kept, "SPARK_LOCAL_IP": HOST, "SPARK_CONF_DIR": str(self.home / "conf"), "PYSPARK_PYTHON": sys.executable}

    def environment(self) -> dict[str, str]:
        """The whole environment of a client."""
        return {**self._environment(), "SPARK_REMOTE": f"sc://{HOST}:{self.port}"}

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Python with these arguments as a client, to its end, in the checkout; `more`: of its environment."""
        environment = {**self.environment(), **more}
        return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, preexec_fn=processes.ends_with_us())

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((HOST, self.port), timeout=1):
            return True
        return False

    def _watch(self) -> None:
        assert self.server is not None
        while not self._is_over.wait(0.5):
            for worker in processes.descendants(self.server.process.pid):
                self.peak_worker_mb = max(self.peak_worker_mb, _peak_mb(worker.pid))


def _peak_mb(pid: int) -> int:
    """The largest resident memory that a Python process has had (Linux); 0 for another, or one that is gone."""
    with contextlib.suppress(OSError):
        told = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        return int(told["VmHWM"].split()[0]) >> 10 if "python" in told["Name"] and "VmHWM" in told else 0
    return 0


def _free_port() -> int:
    with socket.socket() as free:
        free.bind((HOST, 0))
        return int(free.getsockname()[1])
