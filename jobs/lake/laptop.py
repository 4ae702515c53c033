"""Settings of a session on one machine: flags of its JVM, and a daemon of its own for Python workers.

Run as a module this file is that daemon, instead of pyspark.daemon (`spark.python.daemon.module`). It forks
workers with our libraries loaded and without archives on their path. Spark puts pyspark.zip and py4j.zip
first on the path and invalidates the import caches in each task; Python then reads the directories of the
archives again, once for each package that came from them. Where PySpark is installed in the same environment,
the archives contain nothing that is not on the path anyway.

The measured gains are in DECISIONS.md (2026-11-23, 2026-11-28); they were not measured again since.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

ARCHIVE = "gristmill.jsa"  # next to PySpark, made at set-up


def settings() -> dict[str, str]:
    """Spark settings of a local session. On macOS, where a process that has loaded NumPy may not fork,
    Spark's own daemon is used."""
    daemon = {"spark.python.daemon.module": "gristmill.jobs.lake.laptop"} if sys.platform == "linux" else {}
    return {**daemon, "spark.driver.extraJavaOptions": java_options()}


def java_options(making: Path | None = None) -> str:
    """JVM flags of a local session. `making`: the class archive that this session is to write.

    The C1 compiler only, since a short job never repays C2; the parallel collector, since G1's concurrent
    marking takes a seventh of the processor time; and the class archive, which saves reading 20,000 classes
    from jars.
    """
    import pyspark

    from gristmill.jobs.core.config import CONF

    archive = Path(pyspark.__file__).parent / ARCHIVE
    quiet = "-Xlog:disable -Xlog:all=off "
    shared = f"-XX:SharedArchiveFile={archive} -Xshare:auto {quiet}" if archive.is_file() else ""
    shared = shared if making is None else f"-XX:ArchiveClassesAtExit={making} {quiet}"
    # Without tiered compilation the JVM's code cache is
    # 48 MB. A curation fills it, and compilation stops.
    flags = "-XX:TieredStopAtLevel=1 -XX:+UseParallelGC -XX:ReservedCodeCacheSize=256m"
    return f"{shared}{flags} -Dlog4j2.configurationFile=file:{CONF / 'spark' / 'log4j2.properties'}"


def archive_classes(pyspark_folder: Path) -> None:
    """Make the JVM's class archive in PySpark's folder from one small run, at set-up
    (gristmill.jobs.lake.jars).

    The JVM ignores an archive that does not fit (another Java, other jars), so failing to make one is only
    reported on standard error.
    """
    if (pyspark_folder / ARCHIVE).is_file():
        return
    with tempfile.TemporaryDirectory() as folder:
        code = TRAINING.format(archive=pyspark_folder / ARCHIVE, folder=folder)
        done = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=False,
            cwd=pyspark_folder.parent,
        )
    if not (pyspark_folder / ARCHIVE).is_file():
        last = (done.stderr.strip() or "the JVM wrote none").splitlines()[-1]
        print(f"no class archive, so that sessions start some seconds later: {last}", file=sys.stderr)


# Loads what every job does: session, Delta table with
# a constraint, replaced slice, join, Python worker.
TRAINING = """
import functools
from pathlib import Path
from gristmill.jobs.lake import laptop, session
laptop.java_options = functools.partial(laptop.java_options, Path("{archive}"))
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.schema import documents
spark = session.open_session("archive")
lake = Lake(spark, "{folder}")
row = ("j", "a" * 32, "b", 0, 1, "", "r")
frame = spark.createDataFrame([row], documents.EDITS.schema)
for _ in range(2):
    lake.write(documents.EDITS, frame, "job = 'j' AND batch_id IN ('b')", "archive")
lake.write(documents.EDITS, frame, None, "archive")
rows = lake.read(documents.EDITS, 1)
counted = rows.mapInArrow(lambda batches: batches, rows.schema).join(rows.groupBy("doc_id").count(), "doc_id")
counted.orderBy("doc_id").toPandas()
spark.stop()
"""


def prefer_installed() -> None:
    """Remove the archives from sys.path if PySpark and py4j can be imported without them."""
    everything = list(sys.path)
    sys.path[:] = [entry for entry in everything if not entry.endswith(".zip")]
    sys.path_importer_cache.clear()
    if importlib.util.find_spec("pyspark") is None or importlib.util.find_spec("py4j") is None:
        sys.path[:] = everything


if __name__ == "__main__":
    prefer_installed()
    # Loaded before the first fork, so that workers share the pages and need no import.
    import numba  # noqa: F401
    import pandas  # noqa: F401
    import pyarrow.compute
    import pyarrow.parquet  # noqa: F401
    from pyspark.daemon import manager

    manager()
