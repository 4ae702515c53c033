"""Where a benchmark's jobs run: in a local session, or on a standalone cluster that is started for it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.fs as fs
from deltalake import DeltaTable

from benchmarks.support import measured
from tests.support.cluster import Cluster


@dataclass(frozen=True)
class System:
    """Runs the jobs' command lines and measures them."""

    home: Path  # for recipes, logs and, without an S3 server, lakes
    master: str | None  # local[N]; None on a cluster
    memory: str  # of the driver's JVM
    cluster: Cluster | None

    @property
    def cores(self) -> int:
        """In all."""
        if self.cluster:
            return self.cluster.n_workers * self.cluster.cores
        return int(str(self.master).removeprefix("local[").removesuffix("]"))

    def address(self, name: str) -> str:
        """Of a lake."""
        return self.cluster.address(name) if self.cluster else str(self.home / name)

    def use(self) -> measured.Use:
        """Keeps what a command uses, executors included."""
        return measured.Use(self.cluster.pids() if self.cluster else ())

    def run(
        self,
        module: str,
        *arguments: str,
        conf: Mapping[str, str] | None = None,
        use: measured.Use | None = None,
    ) -> dict[str, Any]:
        """`python -m MODULE` or spark-submit of its file, to its end: what `measured` tells. `conf` counts on a cluster only."""
        use = use or self.use()
        log = self.home / f"{module}.log"
        if self.cluster:
            # In a checkout the package's folders lie at its root.
            file = f"{module.removeprefix('gristmill.').replace('.', '/')}.py"
            command = self.cluster.command(file, *arguments, **(conf or {}))
            return measured.measured(command, log, use, self.cluster.environment())
        own = {"GRISTMILL_MASTER": str(self.master), "GRISTMILL_DRIVER_MEMORY": self.memory}
        return measured.measured([sys.executable, "-m", module, *arguments], log, use, **own)

    def rows(self, lake: str, table: str, *columns: str) -> pa.Table:
        """Columns of a table of a lake; no rows where it was never made."""
        store = self.cluster.s3 if self.cluster else None
        where, options = f"{self.address(lake)}/{table}", store.environment() if store else None
        where = where.replace("s3a://", "s3://")
        if not DeltaTable.is_deltatable(where, options):
            return pa.table({name: pa.array([], pa.string()) for name in columns})
        files = fs.SubTreeFileSystem(where.removeprefix("s3://"), store.files if store else fs.LocalFileSystem())
        return DeltaTable(where, storage_options=options).to_pyarrow_table(columns=list(columns), filesystem=files)

    def n_requests(self) -> int:
        """That the S3 server has answered so far."""
        return self.cluster.s3.n_requests() if self.cluster and self.cluster.s3 else 0


def add_options(parser: argparse.ArgumentParser) -> None:
    """What every benchmark of jobs asks: --master, --cluster, --s3, memory, --scratch."""
    parser.add_argument("--master", default="local[2]", help="Spark on this machine alone (default local[2])")
    parser.add_argument("--cluster", action="store_true", help="a standalone cluster, two workers of one core, the driver beside it")
    parser.add_argument("--s3", action="store_true", help="with --cluster: the lake on an S3 server of this machine")
    parser.add_argument("--memory", help="of the driver's JVM, which with --master is the executor too (default 5g; with --cluster 2g)")
    parser.add_argument("--executor-memory", default="1400m", help="of each executor's JVM, with --cluster (default 1400m)")
    parser.add_argument("--scratch", help="folder on a disk that holds the lakes (default: the system's)")


@contextmanager
def system_of(given: argparse.Namespace, home: Path) -> Iterator[System]:
    """The system that the command line asks for, in the empty folder `home`; the cluster ends with the block."""
    if not given.cluster:
        if given.s3:
            sys.exit("--s3: the lake of a session of one machine is on its disk; give --cluster too")
        yield System(home, given.master, given.memory or "5g", None)
        return
    memory = given.memory or "2g"
    with Cluster(home / "cluster", driver_memory=memory, executor_memory=given.executor_memory, with_s3=given.s3) as cluster:
        yield System(home, None, memory, cluster)
