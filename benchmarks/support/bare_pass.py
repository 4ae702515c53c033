"""A plain Spark pass over documents: read them from Delta, exchange them by id, write them as Parquet. SOURCE TARGET are paths.

A script for spark-submit, or `python -m benchmarks.support.bare_pass`.
"""

from __future__ import annotations

import sys

from gristmill.jobs.lake.session import open_session


def main() -> int:
    """One pass; returns 0."""
    source, target = sys.argv[1:]
    docs = open_session("bare pass").read.format("delta").load(source).select("doc_id", "batch_id", "text")
    docs.repartition("doc_id").write.parquet(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
