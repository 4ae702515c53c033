"""The only place that makes a SparkSession, and the only one that knows which line of Spark runs.

On this machine it starts local[*] (or GRISTMILL_MASTER) with Delta and a laptop's settings; under
spark-submit, in a notebook of a platform or as a client of Spark Connect it takes what is there and sets only
what the results depend on.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.lake import laptop

if TYPE_CHECKING:
    from py4j.java_gateway import JVMView
    from pyspark.sql import SparkSession

# What the rows depend on: set on every session, whoever made it. ANSI is on by default in Spark 4 and off in
# 3.5.
MEANING = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # Batches are cut by rows on Spark 3.5: 512 documents of 1 MB are the most a worker holds.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "512",
    "spark.sql.mapKeyDedupPolicy": "EXCEPTION",
}
# Not the rows but the files: a row group is the least that a task reads, and with Parquet's 128 MB all text
# of a small batch is one.
LAYOUT = {"parquet.block.size": str(16 << 20)}
DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
# Where the master is local, and nowhere else: a cluster has its own memory, and more than four partitions.
LOCAL = {
    "spark.sql.shuffle.partitions": "4",
    # Tables here have few files, and each query, not its rows, is what costs: 15 % less for the demo with
    # these two (measured).
    "spark.databricks.delta.snapshotPartitions": "1",
    "spark.sql.adaptive.enabled": "false",
    # Slices are whole partitions here, so replaceWhere need not look into files (2.3 s a commit against 1.6
    # s, measured).
    "spark.databricks.delta.replaceWhere.dataColumns.enabled": "false",
    "spark.driver.memory": os.environ.get("GRISTMILL_DRIVER_MEMORY", "4g"),
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.parquet.compression.codec": "zstd",
}


# What PySpark names in the JVM without a package: each mention is otherwise sought in every package that it
# imports whole, in all jars (F.col: .55 ms, and .35 with its class named).
NAMED = (
    "org.apache.spark.sql.functions",
    "org.apache.spark.sql.SparkSession",
    "org.apache.spark.api.python.PythonUtils",
    "org.apache.spark.sql.api.python.PythonSQLUtils",
)

# Spark writes and compiles Java for each plan, which costs more than it saves where few rows go through it:
# near-duplicate removal of 100,000 documents took 43.0 s with and 36.9 s without, of a million 86 and 88. So
# sessions that we start interpret plans, but for the steps of large batches and for questions on a cluster;
# what the user sets stands.
INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
COMPILED = {"spark.sql.codegen.wholeStage": "true", "spark.sql.codegen.factoryMode": "FALLBACK"}
SWITCHED = "spark.gristmill.interpreted"  # on a session that was started so
SMALL_DOCUMENTS, SMALL_BYTES = 300_000, 512 << 20

# Set on a session that we started with a local master: driver, executors and disk are this machine's.
OURS = "spark.gristmill.local"


@dataclass(frozen=True)
class Place:
    """Where a session comes from, as the process's environment and spark-submit tell."""

    # somebody made it before us (a notebook, a platform), or it is a server's (Spark Connect)
    is_there: bool
    is_submitted: bool  # spark-submit started this process
    given: Mapping[str, str]  # what spark-submit was told
    # "" where the session is there: it is asked what it is, not what its name says
    master: str

    @property
    def is_local(self) -> bool:
        """Whether we are about to start Spark on this machine alone."""
        return not self.is_there and re.fullmatch(r"local(\[.*\])?", self.master) is not None

    @property
    def is_ours(self) -> bool:
        """Whether driver and executors are this process's own, and the disk below them this machine's."""
        return self.is_local and not self.is_submitted


def place_of(environ: Mapping[str, str], given: Mapping[str, str], is_active: bool) -> Place:
    """What the next session will be; `given`: spark-submit's settings, `is_active`: there is one already."""
    is_submitted = "PYSPARK_GATEWAY_PORT" in environ
    remote = ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED")
    is_there = is_active or "spark.remote" in given or any(environ.get(name) for name in remote)
    named = given.get("spark.master") if is_submitted else environ.get("GRISTMILL_MASTER")
    return Place(is_there, is_submitted, given, "" if is_there else named or "local[*]")


def settings(place: Place, extra: Mapping[str, str]) -> dict[str, str]:
    """What a session is started with; empty where it is there already.

    A laptop's settings and those of a recipe (`extra`) go to a local master only; a cluster gets what the
    rows depend on, and Delta's two where nobody set them. What the user told spark-submit wins over all
    others.
    """
    if place.is_there:
        return {}
    wanted = {**DELTA, **LOCAL} if place.is_local else dict(DELTA)
    if place.is_ours:
        wanted |= {**laptop.settings(), OURS: "true"}
    wanted |= extra if place.is_local else {}
    if not set(INTERPRETED) & {*wanted, *place.given}:
        wanted |= {**INTERPRETED, SWITCHED: "true"}
    if place.is_submitted:
        late = {key for key in wanted if key.startswith("spark.driver.")}  # its driver runs already
        wanted = {key: value for key, value in wanted.items() if key not in {*place.given, *late}}
    return {**wanted, **MEANING}


def open_session(app: str, extra: dict[str, str] | None = None) -> SparkSession:
    """A session with Delta and our settings; those of `extra` (a recipe's section `spark`) where it starts
    here.

    Raises ConfigError when `extra` sets what the rows depend on, and when PySpark or Delta is missing, saying
    how to get it.
    """
    fixed = sorted(set(extra or ()) & set(MEANING))
    if fixed:
        raise ConfigError(
            f"spark: {', '.join(fixed)}: fixed by Gristmill, since the rows depend on it; take it out "
            "of the recipe"
        )
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise ConfigError(
            "pyspark is not installed; pip install 'gristmill[spark35]' (or [spark41]), or run on a "
            "platform that has it"
        ) from None
    place = _place()
    if place.is_local:
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        # A worker takes python3 from the PATH and then lacks our packages.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(app)
    for key, value in settings(place, extra or {}).items():
        builder = builder.config(key, value)
    if not place.is_there and not place.is_submitted:
        builder = builder.master(place.master)
    spark = builder.getOrCreate()
    if extra and not place.is_local and not is_local(spark):
        unused = ", ".join(sorted(extra))
        print(f"spark: {unused}: a recipe sets these on this machine only; left as they are", file=sys.stderr)
    for key, value in {**MEANING, **LAYOUT}.items():
        spark.conf.set(key, value)
    _name_classes(spark)
    _need_delta(spark)
    return spark


def _place() -> Place:
    from pyspark import SparkConf, SparkContext
    from pyspark.sql import SparkSession

    is_active = SparkContext._active_spark_context is not None or SparkSession.getActiveSession() is not None
    given: dict[str, str] = {}
    if "PYSPARK_GATEWAY_PORT" in os.environ and not is_active:
        # PySpark reads what spark-submit was told from the JVM, once it is connected; before, it finds
        # nothing.
        SparkContext._ensure_initialized()
        given = dict(SparkConf().getAll())
    return place_of(os.environ, given, is_active)


@contextmanager
def compiled(spark: SparkSession, is_large: bool) -> Iterator[None]:
    """Within it the plans of a large batch are compiled, on a session that otherwise interprets them."""
    if not is_large or spark.conf.get(SWITCHED, "false") != "true":
        yield
        return
    for name, value in COMPILED.items():
        spark.conf.set(name, value)
    try:
        yield
    finally:
        for name, value in INTERPRETED.items():
            spark.conf.set(name, value)


def is_local(spark: SparkSession) -> bool:
    """Whether driver, executors and the disk below them are this machine's: only where we started the session
    so.

    A master's name proves nothing: a Connect client has none, and Databricks calls a single node `local[*,
    4]`.
    """
    return spark.conf.get(OURS, "false") == "true"


def asking(spark: SparkSession) -> SparkSession:
    """A session beside `spark` for questions: its views are its own, and names have no case, as in SQL
    elsewhere.

    (It writes nothing, so no row depends on it.) Where there can be none beside it, in a client of Spark
    Connect, itself.
    """
    try:
        beside = spark.newSession()
    except Exception:
        return spark
    # (What is asked on a cluster may go through all rows of a large lake.)
    plans = COMPILED if not is_local(spark) and spark.conf.get(SWITCHED, "false") == "true" else {}
    for key, value in {**MEANING, **plans, "spark.sql.caseSensitive": "false"}.items():
        beside.conf.set(key, value)
    return beside


def default_file_system(spark: SparkSession) -> str | None:
    """The URL of the file system of paths without a scheme; None for a client of Spark Connect, which is
    not told."""
    try:
        return spark._jsc.hadoopConfiguration().get("fs.defaultFS") or "file:///"
    except Exception:
        return None


def cores_of(spark: SparkSession) -> int:
    """How many tasks of a session of ours run at once."""
    return int(spark.sparkContext.defaultParallelism)


def running_tasks(spark: SparkSession) -> tuple[int, int]:
    """Tasks done and planned of the stages that run now; (0, 0) under Spark Connect, which does not tell."""
    try:
        tracker = spark.sparkContext.statusTracker()
        stages = [tracker.getStageInfo(i) for i in tracker.getActiveStageIds()]
    except Exception:
        return 0, 0
    live = [stage for stage in stages if stage is not None]
    return sum(s.numCompletedTasks for s in live), sum(s.numTasks for s in live)


def jvm_of(spark: SparkSession) -> JVMView | None:
    """The session's JVM; None for a client of Spark Connect, which has none."""
    try:
        return spark._jvm
    except (AttributeError, NotImplementedError):  # of Spark 4, and of 3.5
        return None


def _name_classes(spark: SparkSession) -> None:
    """Import NAMED into PySpark's view of the JVM."""
    jvm = jvm_of(spark)
    if jvm is not None:
        from py4j.java_gateway import java_import

        for name in NAMED:
            java_import(jvm, name)


def _need_delta(spark: SparkSession) -> None:
    extensions = spark.conf.get("spark.sql.extensions", "") or ""
    try:
        # forces the session state, which loads the extensions
        spark.sql("SELECT 1").collect()
        found = "delta" in extensions.lower() and _has_class(spark, "org.apache.spark.sql.delta.DeltaLog")
    except Exception:
        found = False
    if not found:
        raise ConfigError(
            "Delta Lake is not on Spark's class path: run `make setup` for a local Spark, or give "
            "spark-submit "
            "`--properties-file conf/spark/cluster-spark35.properties` "
            "(conf/spark/cluster-spark41.properties "
            "for Spark 4.1)"
        )


def _has_class(spark: SparkSession, name: str) -> bool:
    """Whether the JVM has a class; True under Spark Connect, whose platforms bring Delta along."""
    jvm = jvm_of(spark)
    if jvm is None:
        return True
    try:
        jvm.java.lang.Class.forName(name, False, jvm.java.lang.Thread.currentThread().getContextClassLoader())
        return True
    except Exception:
        return False
