"""Spark's Python daemon for a session on one machine: workers are forked with our libraries loaded, and without archives on their path.

Spark puts pyspark.zip and py4j.zip before everything else on the path of its workers and lets each task invalidate the import caches. Python then
reads the directories of the archives anew, once for each package that came out of them: .12 s of processor at every task (Python 3.11, found
with py-spy). Where PySpark is installed beside us the archives hold nothing that is not on the path anyway.

Named by `spark.python.daemon.module` (jobs/core/session.py); takes the worker's module as pyspark.daemon does.
"""

import importlib.util
import sys


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
