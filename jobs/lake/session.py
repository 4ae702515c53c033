"""The only module that creates a SparkSession, and the only one that depends on the line of Spark.

On this machine it starts local[*] (or GRISTMILL_MASTER) with Delta and the settings of `laptop`. Under
spark-submit, in a platform's notebook or as a client of Spark Connect it takes the existing session and sets
only what the rows depend on, as far as that lets it (gristmill.jobs.connect.settings).
"""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gristmill.jobs.connect.settings import is_set, set_all, value_of
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.lake import laptop

if TYPE_CHECKING:
    from py4j.java_gateway import JVMView
    from pyspark.sql import SparkSession

# Settings on which the rows depend, set on every session, also on one
# that we did not create. ANSI is on by default in Spark 4 and off in 3.5.
MEANING = {
    "spark.sql.ansi.enabled": "true",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.caseSensitive": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # Spark 3.5 limits a batch by rows only: with documents
    # of 1 MB, 512 of them are 512 MB in a worker.
    "spark.sql.execution.arrow.maxRecordsPerBatch": "512",
    "spark.sql.mapKeyDedupPolicy": "EXCEPTION",
}
# Of these, those without which rows differ, and whose defaults are others on some platform. The others bound
# memory, keep apart names that differ in case only (no declared table has such), or are Spark's default:
# where they are refused, `runs` says so, and the run goes on.
NEEDED = frozenset({"spark.sql.ansi.enabled", "spark.sql.session.timeZone"})
# Settings of the files, not of the rows. A row group is the smallest unit that a task
# reads; with Parquet's default of 128 MB all text of a small batch would be one task.
LAYOUT = {"parquet.block.size": str(16 << 20)}
DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
# Only for a local master: a cluster has its own memory
# settings and needs more than four partitions.
LOCAL = {
    "spark.sql.shuffle.partitions": "4",
    # Local tables have few files, and planning a query costs more
    # than its rows: these two save 15 % of the demo (measured).
    "spark.databricks.delta.snapshotPartitions": "1",
    # A checksum need not name the table's files again: a commit is 10 % cheaper (measured).
    "spark.databricks.delta.allFilesInCrc.enabled": "false",
    "spark.sql.adaptive.enabled": "false",
    # Slices are whole partitions, so replaceWhere need not
    # read files: 1.6 s a commit instead of 2.3 s (measured).
    "spark.databricks.delta.replaceWhere.dataColumns.enabled": "false",
    "spark.driver.memory": os.environ.get("GRISTMILL_DRIVER_MEMORY", "4g"),
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.parquet.compression.codec": "zstd",
}


# Classes that PySpark names without a package. py4j would search all packages with a wildcard
# import in all jars each time (F.col: 0.55 ms, and 0.35 ms with its class imported by name).
NAMED = (
    "org.apache.spark.sql.functions",
    "org.apache.spark.sql.SparkSession",
    "org.apache.spark.api.python.PythonUtils",
    "org.apache.spark.sql.api.python.PythonSQLUtils",
)

# Spark generates and compiles Java for each plan, which costs more than it saves for few
# rows: near-duplicate removal took 43.0 s with and 36.9 s without for 100,000 documents, 86
# s and 88 s for a million. So sessions that we start interpret plans, except for the steps
# of large batches and for `sql` on a cluster. A setting of the user takes precedence.
INTERPRETED = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN"}
COMPILED = {"spark.sql.codegen.wholeStage": "true", "spark.sql.codegen.factoryMode": "FALLBACK"}
SWITCHED = "spark.gristmill.interpreted"  # marks a session that we started with INTERPRETED
SMALL_DOCUMENTS, SMALL_BYTES = 300_000, 512 << 20

# Marks a session that we started with a local master:
# driver, executors and disk are this machine's.
OURS = "spark.gristmill.local"


@dataclass(frozen=True)
class Place:
    """The origin of a session, by the environment of the process and the settings of spark-submit."""

    # it exists already (a notebook, a platform), or belongs to a server (Spark Connect)
    is_there: bool
    is_submitted: bool  # spark-submit started this process
    given: Mapping[str, str]  # settings of spark-submit
    # "" for an existing session, whose kind is_local() reads from a setting instead
    master: str

    @property
    def is_local(self) -> bool:
        """Whether Spark will be started on this machine alone."""
        return not self.is_there and re.fullmatch(r"local(\[.*\])?", self.master) is not None

    @property
    def is_ours(self) -> bool:
        """Whether this process starts driver and executors itself, on this machine's disk."""
        return self.is_local and not self.is_submitted


def place_of(environ: Mapping[str, str], given: Mapping[str, str], is_active: bool) -> Place:
    """The origin of the next session; `given`: settings of spark-submit, `is_active`: a session exists
    already."""
    is_submitted = "PYSPARK_GATEWAY_PORT" in environ
    remote = ("SPARK_REMOTE", "SPARK_CONNECT_MODE_ENABLED")
    is_there = is_active or "spark.remote" in given or any(environ.get(name) for name in remote)
    named = given.get("spark.master") if is_submitted else environ.get("GRISTMILL_MASTER")
    return Place(is_there, is_submitted, given, "" if is_there else named or "local[*]")


def settings(place: Place, extra: Mapping[str, str]) -> dict[str, str]:
    """The settings with which a session is started; empty for an existing session.

    The settings of `laptop` and of a recipe (`extra`) are for a local master only. A cluster gets MEANING,
    and Delta's two settings unless the user has set them. Settings of spark-submit take precedence over all
    but MEANING.
    """
    if place.is_there:
        return {}
    chosen = {**DELTA, **LOCAL} if place.is_local else dict(DELTA)
    if place.is_ours:
        chosen |= {**laptop.settings(), OURS: "true"}
    chosen |= extra if place.is_local else {}
    # One of the two set by the user means a decision about compilation, so neither is touched.
    if not set(INTERPRETED) & {*chosen, *place.given}:
        chosen |= {**INTERPRETED, SWITCHED: "true"}
    if place.is_submitted:
        late = {key for key in chosen if key.startswith("spark.driver.")}  # the driver runs already
        chosen = {key: value for key, value in chosen.items() if key not in {*place.given, *late}}
    return {**chosen, **MEANING}


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
        spark = _session(app, extra or {})
    except ImportError as error:
        raise ConfigError(_to_install(error)) from None
    set_all(spark, {**MEANING, **LAYOUT}, NEEDED)
    _name_classes(spark)
    _need_delta(spark)
    return spark


def _session(app: str, extra: Mapping[str, str]) -> SparkSession:
    """The session that is there, or one that is started with our settings."""
    from pyspark.sql import SparkSession

    remote = remote_session()
    place = _place(remote is not None)
    if place.is_local:
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        # Otherwise a worker starts python3 from the PATH, which may lack our packages.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName(app)
    for key, value in settings(place, extra).items():
        builder = builder.config(key, value)
    if not place.is_there and not place.is_submitted:
        builder = builder.master(place.master)
    # getOrCreate takes an existing session of this process, so the
    # settings that rows depend on are set once more by the caller.
    spark = builder.getOrCreate() if remote is None else remote
    if extra and not place.is_local and not is_local(spark):
        unused = ", ".join(sorted(extra))
        print(f"spark: {unused}: a recipe sets these on this machine only; left as they are", file=sys.stderr)
    return spark


def remote_session() -> SparkSession | None:
    """The session of Spark Connect that a notebook, a platform or an earlier call has made in this
    process."""
    from pyspark.sql.utils import is_remote as is_client

    if not is_client():
        return None
    # PySpark 3.5 keeps these apart from classic sessions. The default one, since
    # the active one is known only to the thread that has made it.
    from pyspark.sql.connect.session import SparkSession as RemoteSession

    remote: SparkSession | None = RemoteSession.getActiveSession() or RemoteSession._default_session
    return remote


def _to_install(error: ImportError) -> str:
    """How to get the package that a session needs and that is missing."""
    if importlib.util.find_spec("pyspark") is None:
        return (
            "pyspark is not installed; pip install 'gristmill[spark35]' (or [spark41]), or run on a "
            "platform that has it"
        )
    return f"Spark Connect: {error}; pip install 'gristmill[connect]'"


def _place(is_there: bool) -> Place:
    from pyspark import SparkConf, SparkContext

    is_active = is_there or SparkContext._active_spark_context is not None
    given: dict[str, str] = {}
    if "PYSPARK_GATEWAY_PORT" in os.environ and not is_active:
        # PySpark reads spark-submit's settings from the JVM, so it must be connected first.
        SparkContext._ensure_initialized()
        given = dict(SparkConf().getAll())
    return place_of(os.environ, given, is_active)


@contextmanager
def compiled(spark: SparkSession, is_large: bool) -> Iterator[None]:
    """A context in which plans are compiled if `is_large`, on a session that otherwise interprets them."""
    if not is_large or value_of(spark, SWITCHED) != "true":
        yield
        return
    for name, value in COMPILED.items():
        is_set(spark, name, value)
    try:
        yield
    finally:
        for name, value in INTERPRETED.items():
            is_set(spark, name, value)


def is_local(spark: SparkSession) -> bool:
    """Whether driver, executors and their disk are this machine's: true only for a session that we started
    so.

    The master's name proves nothing: a Connect client has none, and Databricks calls a single node
    `local[*, 4]`.
    """
    return value_of(spark, OURS) == "true"


def asking(spark: SparkSession) -> SparkSession:
    """A second session for queries of the user, with its own views and case-insensitive names, as usual in
    SQL.

    It writes nothing, so no row depends on its settings. A client of Spark Connect cannot create one; there
    `spark` itself is returned.
    """
    try:
        # newSession shares the context and its executors, so nothing is started again.
        session = spark.newSession()
    except Exception:
        return spark
    # Queries on a cluster may scan all rows of a large lake, where compiled plans pay off.
    plans = COMPILED if not is_local(spark) and value_of(spark, SWITCHED) == "true" else {}
    for key, value in {**MEANING, **plans, "spark.sql.caseSensitive": "false"}.items():
        session.conf.set(key, value)
    return session


def default_file_system(spark: SparkSession) -> str | None:
    """The URL of the file system of paths without a scheme; None for a client of Spark Connect."""
    try:
        return spark._jsc.hadoopConfiguration().get("fs.defaultFS") or "file:///"
    except Exception:
        return None


def cores_of(spark: SparkSession) -> int:
    """The number of tasks that run at once in a session that we started."""
    return int(spark.sparkContext.defaultParallelism)


def running_tasks(spark: SparkSession) -> tuple[int, int]:
    """Tasks done and planned of the stages that run now; (0, 0) under Spark Connect, where it is unknown."""
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


def is_remote(spark: SparkSession) -> bool:
    """Whether the session is a client of Spark Connect, so that Spark has no JVM in this process."""
    return jvm_of(spark) is None


def _name_classes(spark: SparkSession) -> None:
    """Import NAMED into PySpark's view of the JVM."""
    jvm = jvm_of(spark)
    if jvm is not None:
        from py4j.java_gateway import java_import

        for name in NAMED:
            java_import(jvm, name)


# What Spark answers to a statement of Delta's where its jar, or its part of the parser, is missing.
_WITHOUT_DELTA = re.compile(
    r"PARSE_SYNTAX_ERROR|DATA_SOURCE_NOT_FOUND|DELTA_CONFIGURE_SPARK_SESSION|ClassNotFound|NoClassDefFound"
)


def _need_delta(spark: SparkSession) -> None:
    """Raises ConfigError where Delta does not answer; by a deed, since its classes differ by platform."""
    try:
        # There is no such table, and Delta is what says so.
        spark.sql("DESCRIBE HISTORY delta.`/gristmill-no-such-table`").collect()
    except Exception as error:
        if not _WITHOUT_DELTA.search(f"{type(error).__name__} {error}"):
            return
        raise ConfigError(
            "Delta Lake is not on Spark's class path: for a Spark of this machine run `python -m "
            "gristmill.jobs.lake.jars`, or give spark-submit "
            "`--properties-file conf/spark/cluster-spark35.properties` "
            "(conf/spark/cluster-spark41.properties "
            "for Spark 4.1)"
        ) from None
