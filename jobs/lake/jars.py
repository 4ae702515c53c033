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

from gristmill.jobs.lake import laptop

# pyspark line -> (Maven package, jar names to keep): 4.4.0's
# kernel drags 33 jars along, older than Spark's own.
PACKAGES = {
    "3.5": ("io.delta:delta-spark_2.12:3.3.3", ("delta-spark", "delta-storage")),
    "4.1": (
        "io.delta:delta-spark_4.1_2.13:4.4.0",
        ("delta-spark", "delta-storage", "delta-kernel", "unitycatalog"),
    ),
}


def main() -> int:
    """Resolve with Spark's own Ivy (any Maven mirror that Spark knows) and copy what Delta needs to
    Spark's jars."""
    import pyspark

    pyspark_folder = Path(pyspark.__file__).parent
    line = ".".join(pyspark.__version__.split(".")[:2])
    if line not in PACKAGES:
        sys.exit(
            f"jars: pyspark {pyspark.__version__} is installed, wanted one of {', '.join(PACKAGES)}; "
            "see conf/constraints/"
        )
    package, keep = PACKAGES[line]
    version = package.rsplit(":", 1)[1]
    # Already installed by an earlier set-up; only the class archive may be missing.
    if list((pyspark_folder / "jars").glob(f"*delta-spark*{version}.jar")):
        laptop.archive_classes(pyspark_folder)
        return 0
    with tempfile.TemporaryDirectory() as ivy:
        command = [
            str(pyspark_folder / "bin" / "spark-submit"),
            "--conf",
            f"spark.jars.ivy={ivy}",
            "--packages",
            package,
            "--class",
            "none",
            "local:/none",
        ]
        done = subprocess.run(command, capture_output=True, text=True, env=None, check=False)
        # spark-submit fails by intent, since there is no class `none`: only
        # Ivy's download before that counts, so its exit code is ignored.
        jars = [jar for jar in Path(ivy, "jars").glob("*.jar") if any(name in jar.name for name in keep)]
        if not any("delta-spark" in jar.name for jar in jars):
            sys.exit(f"jars: could not resolve {package} from Maven; Spark said:\n{done.stderr[-2000:]}")
        for jar in jars:
            shutil.copy(jar, pyspark_folder / "jars" / jar.name)
            print(f"jars: {jar.name}")
    laptop.archive_classes(pyspark_folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
