"""What only a session on one machine gets: flags of its JVM, and a start of its own for Python workers.

As a module by itself it is that start, in the place of pyspark.daemon (`spark.python.daemon.module`): workers
are forked with our libraries loaded, and without archives on their path. Spark puts pyspark.zip and py4j.zip
before everything else there and lets each task invalidate the import caches; Python then reads the
directories of the archives anew, once for each package that came out of them. Where PySpark is installed
beside us they hold nothing that is not on the path anyway.

What each bought when it came is in DECISIONS.md (2026-11-23, 2026-11-28); not measured again since.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path

ARCHIVE = "gristmill.jsa"  # beside PySpark, made at set-up


def settings() -> dict[str, str]:
    """Of the session. (On macOS a process with NumPy in it may not fork; it keeps Spark's own daemon.)"""
    daemon = {"spark.python.daemon.module": "gristmill.jobs.lake.laptop"} if sys.platform == "linux" else {}
    return {**daemon, "spark.driver.extraJavaOptions": java_options()}


def java_options(making: Path | None = None) -> str:
    """JVM flags of a local session. `making`: the class archive that this session is to leave behind.

    Only the first compiler, since a short job never repays the second; the parallel collector, since G1 marks
    beside the job and takes a seventh of its processor time for that; and the class archive, which saves
    reading 20,000 classes from jars.
    """
    import pyspark

    from gristmill.jobs.core.config import CONF

    archive = Path(pyspark.__file__).parent / ARCHIVE
    quiet = "-Xlog:disable -Xlog:all=off "
    shared = f"-XX:SharedArchiveFile={archive} -Xshare:auto {quiet}" if archive.is_file() else ""
    shared = shared if making is None else f"-XX:ArchiveClassesAtExit={making} {quiet}"
    # Without tiers the JVM keeps 48 MB for compiled code; a curation fills that, and no more is compiled.
    flags = "-XX:TieredStopAtLevel=1 -XX:+UseParallelGC -XX:ReservedCodeCacheSize=256m"
    return f"{shared}{flags} -Dlog4j2.configurationFile=file:{CONF / 'spark' / 'log4j2.properties'}"


def archive_classes(home: Path) -> None:
    """Make the JVM's class archive below PySpark's `home` from one small run, at set-up
    (gristmill.jobs.lake.jars).

    One that does not fit (another Java, other jars) is ignored by the JVM, so failing to make one is no
    error, only said.
    """
    if (home / ARCHIVE).is_file():
        return
    with tempfile.TemporaryDirectory() as folder:
        code = TRAINING.format(archive=home / ARCHIVE, folder=folder)
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=home.parent
        )
    if not (home / ARCHIVE).is_file():
        last = (done.stderr.strip() or "the JVM wrote none").splitlines()[-1]
        print(f"no class archive, so that sessions start some seconds later: {last}", file=sys.stderr)


# Loads what every job does: session, Delta table with a constraint, replaced slice, join, Python worker.
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
    """Take the archives off the path where what they hold is found without them."""
    everything = list(sys.path)
    sys.path[:] = [place for place in everything if not place.endswith(".zip")]
    sys.path_importer_cache.clear()
    if importlib.util.find_spec("pyspark") is None or importlib.util.find_spec("py4j") is None:
        sys.path[:] = everything


if __name__ == "__main__":
    prefer_installed()
    import numba  # noqa: F401
    import pandas  # noqa: F401
    import pyarrow.compute
    import pyarrow.parquet  # noqa: F401
    from pyspark.daemon import manager

    manager()
