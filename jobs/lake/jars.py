"""Puts the Delta jars into the local PySpark, once: `python -m gristmill.jobs.lake.jars`.

Afterwards a bare `spark-submit jobs/x.py` has Delta, no session waits for Ivy, and nothing is fetched again.
Clusters do not need this: their platform or conf/spark/cluster-*.properties brings Delta.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from gristmill.jobs.core.errors import ConfigError, RetryLater
from gristmill.jobs.lake import laptop

# Delta 4's kernel drags 33 jars along, older than Spark's own: only these are kept.
_KEPT = ("delta-spark", "delta-storage")
_KEPT_4 = (*_KEPT, "delta-kernel", "unitycatalog")
# pyspark line -> (Maven package, names of the jars to keep); docs/platforms.md says what was run on each.
PACKAGES = {
    "3.5": ("io.delta:delta-spark_2.12:3.3.3", _KEPT),
    "4.0": ("io.delta:delta-spark_2.13:4.0.1", _KEPT_4),
    "4.1": ("io.delta:delta-spark_4.1_2.13:4.4.0", _KEPT_4),
    "4.2": ("io.delta:delta-spark_4.2_2.13:4.4.0", _KEPT_4),
}


def package_for(pyspark_version: str) -> tuple[str, tuple[str, ...]]:
    """The Maven package of Delta for a PySpark, and the jars to keep of it.

    Raises ConfigError for other lines.
    """
    line = ".".join(pyspark_version.split(".")[:2])
    if line not in PACKAGES:
        raise ConfigError(
            f"jars: pyspark {pyspark_version} is installed, wanted one of {', '.join(PACKAGES)}; "
            "pip install 'gristmill[spark35]' (or [spark41])"
        )
    return PACKAGES[line]


def delta_jar(spark_home: Path, package: str) -> Path | None:
    """The jar of a Maven package of Delta in Spark's folder `jars`; None where it is not there."""
    version = package.rsplit(":", 1)[1]
    return next(iter(sorted((spark_home / "jars").glob(f"*delta-spark*{version}.jar"))), None)


def fetch() -> None:
    """Resolve with Spark's own Ivy (any Maven mirror that Spark knows) and copy what Delta needs to Spark's
    jars; nothing where it is there.

    Raises ConfigError for an unknown line of PySpark and RetryLater where Maven does not give the jars.
    """
    import pyspark

    home = Path(pyspark.__file__).parent
    package, keep = package_for(pyspark.__version__)
    # Already installed by an earlier set-up; only the class archive may be missing.
    if delta_jar(home, package) is None:
        _copy_from_maven(package, keep, home)
    laptop.archive_classes(home)


def _copy_from_maven(package: str, keep: tuple[str, ...], home: Path) -> None:
    with tempfile.TemporaryDirectory() as ivy:
        command = [
            str(home / "bin" / "spark-submit"),
            "--conf",
            f"spark.jars.ivy={ivy}",
            "--packages",
            package,
            "--class",
            "none",
            "local:/none",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        # spark-submit fails by intent, since there is no class `none`: only
        # Ivy's download before that counts, so its exit code is ignored.
        jars = [jar for jar in Path(ivy, "jars").glob("*.jar") if any(name in jar.name for name in keep)]
        if not any("delta-spark" in jar.name for jar in jars):
            raise RetryLater(
                f"jars: could not resolve {package} from Maven; Spark said:\n{done.stderr[-2000:]}"
            )
        for jar in jars:
            shutil.copy(jar, home / "jars" / jar.name)
            print(f"jars: {jar.name}")


def main() -> int:
    """Fetch what is missing; returns the exit code."""
    from gristmill.jobs.lake.spark_errors import exit_code_of

    return exit_code_of(fetch)


if __name__ == "__main__":
    sys.exit(main())
