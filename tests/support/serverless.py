"""The command line as on Databricks serverless: `python -m tests.support.serverless run curate ...`, as a client of Spark Connect.

Of the settings only those that serverless takes can be set, taken back or asked for; another one raises what Databricks raises. The server
is a plain one, so that nothing else of that platform is shown by this.
"""

from __future__ import annotations

import sys
from typing import Any

from pyspark.errors import AnalysisException
from pyspark.sql.connect.conf import RuntimeConf

# https://docs.databricks.com/en/spark/conf.html, properties of serverless notebooks and jobs
ALLOWED = frozenset(
    {
        "spark.databricks.execution.timeout",
        "spark.sql.ansi.enabled",
        "spark.sql.files.maxPartitionBytes",
        "spark.sql.legacy.timeParserPolicy",
        "spark.sql.session.timeZone",
        "spark.sql.shuffle.partitions",
    }
)
ASKED_BY_PYSPARK = frozenset({"spark.sql.timestampType"})  # for each literal time


def restrict() -> None:
    """From now on the client's settings are those of serverless."""
    for method in ("set", "unset", "get"):
        names = ALLOWED | ASKED_BY_PYSPARK if method == "get" else ALLOWED
        setattr(RuntimeConf, method, _restricted(getattr(RuntimeConf, method), names))


def _restricted(usual: Any, names: frozenset[str]) -> Any:
    def asked(self: RuntimeConf, key: str, *more: Any) -> Any:
        if key not in names:
            raise AnalysisException(f"[CONFIG_NOT_AVAILABLE] Configuration {key} is not available. SQLSTATE: 42K0I")
        return usual(self, key, *more)

    return asked


if __name__ == "__main__":
    from gristmill.jobs.cli import main

    restrict()
    sys.exit(main(sys.argv[1:]))
