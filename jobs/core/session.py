"""The only place that makes a SparkSession, and the only one that knows which line of Spark runs.

On a laptop it starts local[*] (or GRISTMILL_MASTER) with Delta; under spark-submit, Databricks or EMR it takes the session
that is there and sets only what the results depend on.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.core.config import CONF
from jobs.core.errors import ConfigError

if TYPE_CHECKING:
    from pyspark import SparkConf
    from pyspark.sql import SparkSession

# What the rows depend on: set on every session, whoever made it. ANSI is on by default in Spark 4 and off in 3.5.
MEANING = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # Batches are cut by rows on Spark 3.5: 512 documents of 1 MB are the most a worker holds.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "512",
    "spark.sql.mapKeyDedupPolicy": "EXCEPTION",
}
# Not the rows but the files: a row group is the least that a task reads, and with Parquet's 128 MB all text of a small batch is one.
LAYOUT = {"parquet.block.size": str(16 << 20)}
LOCAL = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.shuffle.partitions": "4",
    # Tables here have few files, and each query, not its rows, is what costs: 15 % less for the demo with these three (measured).
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.databricks.delta.stats.skipping": "false",
    "spark.sql.adaptive.enabled": "false",
    # Slices are whole partitions here, so replaceWhere need not look into files (2.3 s a commit against 1.6 s, measured).
    "spark.databricks.delta.replaceWhere.dataColumns.enabled": "false",
    "spark.driver.memory": os.environ.get("GRISTMILL_DRIVER_MEMORY", "4g"),
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.parquet.compression.codec": "zstd",
}


def open_session(app: str, extra: dict[str, str] | None = None) -> SparkSession:
    """A session with Delta, our settings and those of `extra`.

    Raises ConfigError when `extra` sets what the rows depend on, and when PySpark or Delta is missing, saying how to get it.
    """
    fixed = sorted(set(extra or ()) & set(MEANING))
    if fixed:
        raise ConfigError(f"spark: {', '.join(fixed)}: fixed by Gristmill, since the rows depend on it; take it out of the recipe")
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise ConfigError("pyspark is not installed; pip install 'gristmill[spark35]' (or [spark41]), or run on a platform that has it") from None
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1") if is_local() else None
    if is_local():  # a worker takes python3 from the PATH and then lacks our packages
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(app)
    if SparkSession.getActiveSession() is None and not _submitted():
        for key, value in {**LOCAL, **daemon(), "spark.driver.extraJavaOptions": java_options(), **MEANING, **(extra or {})}.items():
            builder = builder.config(key, value)
        builder = builder.master(os.environ.get("GRISTMILL_MASTER", "local[*]"))
    elif SparkSession.getActiveSession() is None:
        for key, value in _unset({**LOCAL, **MEANING, **(extra or {})}).items():
            builder = builder.config(key, value)
    spark = builder.getOrCreate()
    for key, value in {**MEANING, **LAYOUT}.items():
        spark.conf.set(key, value)
    _need_delta(spark)
    return spark


def java_options() -> str:
    """JVM flags of a local session. C1 only: a short job never repays C2 (shared/research/neardup_feasibility.md: 19-20 s
    against 14-17 s); the class archive that jobs.core.jars made saves reading 20,000 classes from jars at each start."""
    import pyspark

    archive = Path(pyspark.__file__).parent / "gristmill.jsa"
    shared = f"-XX:SharedArchiveFile={archive} -Xshare:auto -Xlog:disable -Xlog:all=off " if archive.is_file() else ""
    # Without tiers the JVM keeps 48 MB for compiled code; a whole curation fills that, and from then on nothing is compiled any more.
    return f"{shared}-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -Dlog4j2.configurationFile=file:{CONF / 'spark' / 'log4j2.properties'}"


def daemon() -> dict[str, str]:
    """Our own start of Python workers, where they are on this machine and so have our packages. (On macOS a process that has loaded NumPy may not fork.)"""
    return {"spark.python.daemon.module": "jobs.core.worker_daemon"} if is_local() and sys.platform == "linux" else {}


def is_local() -> bool:
    """Whether driver and executors are one machine."""
    master = _given().get("spark.master", "local") if _submitted() else os.environ.get("GRISTMILL_MASTER", "local")
    return str(master).startswith("local")


def _given() -> SparkConf:
    """What spark-submit was told. PySpark reads it from the JVM, once it is connected, and is silently empty before."""
    from pyspark import SparkConf, SparkContext

    SparkContext._ensure_initialized()
    return SparkConf()


def _submitted() -> bool:
    """Whether spark-submit (or a platform) started this process: then masters and memory are its business."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


def _unset(wanted: dict[str, str]) -> dict[str, str]:
    """Of `wanted`, what the user of spark-submit did not set himself (a properties file or --conf wins)."""
    given = _given()
    return {key: value for key, value in wanted.items() if not given.contains(key) and not key.startswith("spark.driver.")}


def _need_delta(spark: SparkSession) -> None:
    extensions = spark.conf.get("spark.sql.extensions", "") or ""
    try:
        spark.sql("SELECT 1").collect()  # forces the session state, which loads the extensions
        found = "delta" in extensions.lower() and _has_class(spark, "org.apache.spark.sql.delta.DeltaLog")
    except Exception:
        found = False
    if not found:
        raise ConfigError(
            "Delta Lake is not on Spark's class path: run `make setup` for a local Spark, or give spark-submit "
            "`--properties-file conf/spark/cluster-spark35.properties` (conf/spark/cluster-spark41.properties for Spark 4.1)"
        )


def _has_class(spark: SparkSession, name: str) -> bool:
    """Whether the JVM has a class; True under Spark Connect, whose platforms bring Delta along."""
    try:
        spark._jvm.java.lang.Class.forName(name, False, spark._jvm.java.lang.Thread.currentThread().getContextClassLoader())
        return True
    except (AttributeError, NotImplementedError):
        return True
    except Exception:
        return False
