"""The Spark session of a test process, and its lakes, by the kind of lake that the process is for (tests/support/lake_kinds.py)."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gristmill.jobs.core.config import load_recipe
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.lake.log_files import HadoopFiles
from gristmill.jobs.lake.session import open_session
from tests.support.cluster import Cluster
from tests.support.lake_kinds import kind

NUMBER = itertools.count()
# A task whose copy has run for half as long again as the middle one is started once more, in stages of three tasks on.
SPECULATION = {
    "spark.speculation": "true",
    "spark.speculation.interval": "50ms",
    "spark.speculation.multiplier": "1.5",
    "spark.speculation.quantile": "0.5",
    "spark.speculation.minTaskRuntime": "10ms",
}


@contextmanager
def session(home: Path) -> Iterator[tuple[Any, Cluster | None]]:
    """The session that all tests share, and the cluster that it is on; metastore, warehouse and cluster in the folder `home`."""
    if kind() == "s3":
        small = {"spark.sql.shuffle.partitions": "3", **SPECULATION}
        with Cluster(home / "cluster", with_s3=True, executor_memory="1g", conf=small) as cluster:
            os.environ.update(cluster.connection())
            spark = open_session("tests")
            yield spark, cluster
            spark.stop()
        return
    settings = {
        **load_recipe("conf/demo.yaml").spark,  # tests/whole/test_cluster.py and the benchmarks run with compiled plans
        "spark.sql.shuffle.partitions": "3",
        "spark.sql.warehouse.dir": str(home / "warehouse"),
        "spark.driver.memory": "3g",
        # A table's log, with its query plans, is kept for an hour after its last use: those of a thousand lakes fill the heap.
        "spark.databricks.delta.delta.log.cacheSize": "32",
    }
    if kind() == "catalog":
        metastore = f"jdbc:derby:;databaseName={home / 'metastore'};create=true"
        hive = {"spark.sql.catalogImplementation": "hive", "spark.hadoop.javax.jdo.option.ConnectionURL": metastore}
        settings |= hive
    yield open_session("tests", settings), None


def new_lake(spark: Any, cluster: Cluster | None, folder: Path) -> Lake:
    """An empty lake of this process's kind; one on this machine's disk is the folder `folder`."""
    if kind() == "disk":
        return Lake(spark, str(folder))
    name = f"{folder.name}_{next(NUMBER)}".replace("-", "_")
    return Lake(spark, cluster.address(name) if cluster else f"spark_catalog.{name}")


def staged(lake: Lake, job: str) -> bool:
    """Whether a run of the job left files in staging."""
    return any(name.startswith(f"{job}-") for name in HadoopFiles(lake.spark, f"{lake.root}/_staging").names())
