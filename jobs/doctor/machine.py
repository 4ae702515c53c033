"""What `gristmill doctor` says of this machine: Python, Java, Spark, Delta, memory, folders."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.doctor.finding import MISSING, OK, WARNING, Finding
from gristmill.jobs.lake import jars
from gristmill.jobs.lake.session import LOCAL

PYTHONS = ((3, 11), (3, 12))
JAVAS = (17, 21)  # Spark 3.5 runs on 8 and 11, too, Spark 4 does not
GIB = 1 << 30
# Of Python workers and the JVM beyond its heap: the demo's curation takes 4.3 GB over
# all processes with a heap of 4 GB, which it does not fill (benchmarks/curate.md).
BESIDE_HEAP = 2 * GIB
MIN_FREE = 2 * GIB  # in the temporary folder, for Spark's shuffle files of a small lake


def machine() -> list[Finding]:
    """Everything but Python packages."""
    return [_python(), *_spark(), _memory(), _temporary_folder(), _kernel_cache()]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] in PYTHONS:
        return Finding("Python", OK, f"{version} ({sys.executable})")
    return Finding("Python", MISSING, version, "wanted 3.11 or 3.12: make an environment with one of them")


def _spark() -> Iterator[Finding]:
    """Java, PySpark and Delta."""
    if runtime := os.environ.get("DATABRICKS_RUNTIME_VERSION"):
        yield Finding("Spark and Delta", OK, f"those of the Databricks runtime {runtime}")
        return
    yield _java()
    spec = importlib.util.find_spec("pyspark")
    if spec is None or spec.origin is None:
        step = "pip install 'gristmill[spark35]' (or [spark41]), unless the platform brings Spark"
        yield Finding("Spark", MISSING, "no PySpark", step)
        return
    from pyspark.version import __version__ as version

    yield Finding("Spark", OK, f"PySpark {version}")
    yield _delta(version, Path(os.environ.get("SPARK_HOME") or Path(spec.origin).parent))


def _java() -> Finding:
    home = os.environ.get("JAVA_HOME")
    java = shutil.which(f"{home}/bin/java" if home else "java")
    told = subprocess.run([java, "-version"], capture_output=True, text=True).stderr if java else ""
    number = re.search(r'version "(?:1\.)?(\d+)', told)
    if number and int(number[1]) in JAVAS:
        return Finding("Java", OK, f"{number[1]} ({java})")
    found = f"Java {number[1] if number else '?'} ({java})" if java else "no java"
    step = (
        "install Java 17 (Debian: apt-get install openjdk-17-jre-headless), and let JAVA_HOME or PATH name it"
    )
    return Finding("Java", MISSING, found, step)


def _delta(pyspark_version: str, home: Path) -> Finding:
    try:
        package = jars.package_for(pyspark_version)[0]
    except ConfigError as error:
        return Finding("Delta", MISSING, f"no version for PySpark {pyspark_version}", str(error))
    jar = jars.delta_jar(home, package)
    if jar:
        return Finding("Delta", OK, jar.name)
    step = (
        "`python -m gristmill.jobs.lake.jars` fetches it from Maven, once; spark-submit may take "
        "`--properties-file conf/spark/cluster-spark35.properties` (or cluster-spark41) instead"
    )
    return Finding("Delta", MISSING, f"no {package} in {home / 'jars'}", step)


def _memory() -> Finding:
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    group = Path("/sys/fs/cgroup/memory.max")  # of a container
    if group.is_file() and (text := group.read_text().strip()).isdecimal():
        limits.append(int(text))
    heap = LOCAL["spark.driver.memory"]
    wanted, found = bytes_of(heap) + BESIDE_HEAP, min(limits)
    told = f"{found / GIB:.1f} GiB; a session on this machine has a heap of {heap}"
    if found >= wanted:
        return Finding("memory", OK, told)
    step = f"wanted {wanted / GIB:.0f} GiB; or a small heap for small input: GRISTMILL_DRIVER_MEMORY=2g"
    return Finding("memory", WARNING, told, step)


def bytes_of(size: str) -> int:
    """Bytes of a size as Java writes it (4g, 512m). Raises ConfigError where it is none."""
    match = re.fullmatch(r"(\d+)([kmgt])b?", size.strip().lower())
    if match is None:
        raise ConfigError(f"GRISTMILL_DRIVER_MEMORY: {size!r} is not a size; expected one such as 4g or 512m")
    return int(match[1]) * 1024 ** (1 + "kmgt".index(match[2]))


def _temporary_folder() -> Finding:
    try:
        folder = tempfile.gettempdir()
    except FileNotFoundError as error:
        return Finding(
            "temporary folder", MISSING, str(error), "let TMPDIR name a folder that can be written"
        )
    free = shutil.disk_usage(folder).free
    if free >= MIN_FREE:
        return Finding("temporary folder", OK, f"{folder}, {free / GIB:.0f} GiB free")
    step = "free some, or let TMPDIR (and spark.local.dir) name a folder of another disk"
    return Finding("temporary folder", WARNING, f"{folder}, {free / GIB:.1f} GiB free", step)


def _kernel_cache() -> Finding:
    try:
        from gristmill.udfs.arrow.code_cache import Record
    except ImportError as error:
        return Finding("numba's cache", MISSING, str(error), "pip install gristmill, with what it asks for")
    record = Record()
    if record.folder:
        state = "compiled" if record.is_complete() else "compiled when they are first used"
        return Finding("numba's cache", OK, f"{record.folder}; kernels {state}")
    step = "let NUMBA_CACHE_DIR name a folder that can be written; else each Python worker compiles again"
    return Finding("numba's cache", WARNING, "no folder can be written", step)
