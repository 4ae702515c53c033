"""Compact the tables of a lake, and delete the files that no version of the last week needs.

    python care.py main.gristmill

Both change no row, so runs stay finished and readers go on. A run that died more than a week ago and was not
repeated since may lose its files; `gristmill repair` then says so. Not needed where predictive optimization
does it.
"""

from __future__ import annotations

import sys

from pyspark.sql import SparkSession

from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.lake.session import open_session
from gristmill.jobs.schema import catalog


def care(spark: SparkSession, where: str) -> list[str]:
    """Names of the tables of the lake at `where` that were compacted and vacuumed."""
    lake = Lake(spark, where, create=False)
    tables = [table for table in catalog.ALL if lake.exists(table)]
    for table in tables:
        spark.sql(f"OPTIMIZE {lake.ref(table)}")
        spark.sql(f"VACUUM {lake.ref(table)}")
        print(f"{table.name}: compacted")
    return [table.name for table in tables]


if __name__ == "__main__":
    care(open_session("gristmill care"), sys.argv[1])
