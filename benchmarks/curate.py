"""Seconds, documents a second and peak memory of each job of the curation, on one machine.

    python -m benchmarks.curate --docs FILE

FILE is Parquet with the columns id, text, url, source, domain, lang_hint, license. The recipe is conf/demo.yaml without its report. The last
line is one JSON object. Quote ratios and medians: the machine is shared.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import resource
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil


class Peak(threading.Thread):
    """The largest resident memory, in MB, of this process and its children (the JVM, the Python workers), looked at twice a second."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.mb, self.is_over = 0.0, threading.Event()

    def run(self) -> None:
        """Look until told to stop."""
        me = psutil.Process()
        while not self.is_over.wait(0.5):
            seen = 0
            for process in [me, *me.children(recursive=True)]:
                try:
                    seen += process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
            self.mb = max(self.mb, seen / 1e6)


def main() -> None:
    """Run the curation once on a lake in a temporary folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", required=True, help="Parquet file or folder")
    parser.add_argument("--master", default="local[2]", help="Spark master (default local[2])")
    given = parser.parse_args()
    os.environ["GRISTMILL_MASTER"] = given.master
    from jobs import curate
    from jobs.core import config

    recipe = config.load_recipe("conf/demo.yaml")
    jobs: dict[str, Any] = {name: section for name, section in recipe.jobs.items() if name != "report_run"}
    jobs["ingest_docs"] = {**jobs["ingest_docs"], "batch_per_folder": False, "max_row_bytes": 33554432}
    began, peak = time.monotonic(), Peak()
    peak.start()
    with tempfile.TemporaryDirectory() as home:
        outcomes = curate.curate(dataclasses.replace(recipe, jobs=jobs, spark={}), str(Path(home, "lake")), str(Path(given.docs).resolve()))
    peak.is_over.set()
    cores = int(given.master.removeprefix("local[").removesuffix("]"))
    told: dict[str, Any] = {}
    for outcome in outcomes:
        rows = outcome.counts.rows_in if outcome.counts else 0
        told[outcome.job] = {"seconds": round(outcome.seconds, 1), "docs_s_core": round(rows / outcome.seconds / cores)}
    whole = {"seconds": round(time.monotonic() - began, 1), "peak_mb": round(peak.mb), "driver_peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)}
    print(json.dumps({"jobs": told, "whole": whole}))


if __name__ == "__main__":
    main()
