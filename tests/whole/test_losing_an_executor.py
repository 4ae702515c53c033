"""An executor that is killed in the middle of a job, on a cluster that starts slow tasks twice: no row and no file is doubled or lost."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs.curate import find_job
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema import catalog
from tests.lakes import bring, read
from tests.support.cluster import Cluster

pytestmark = [pytest.mark.spark, pytest.mark.lake_kinds("s3")]
JOBS = ("dedup_exact", "dedup_minhash")
TABLES = ("sketches", "pairs", "duplicates", "verdicts")
WORDS = "amber basin cedar delta ember fjord grove heath inlet jetty knoll ledge marsh notch orbit patch quarry ridge slope tarn".split()


def rows() -> list[dict[str, str]]:
    """A hundred documents, of each ten a copy and a near one."""
    made = []
    for number in range(100):
        family = number - number % 10 if number % 10 < 3 else number
        words = [WORDS[(family * 7 + place * place) % 20] + str((family * 13 + place * 3) % 97) for place in range(120)]
        words = [*words[:60], "edited", *words[61:]] if number % 10 == 2 else words
        made.append({"id": str(number), "text": " ".join(words), "url": f"https://site.test/{number}"})
    return made


def without_ingest(row: Any) -> str:
    """A row but for the run that ingested its batch, which is another in each lake."""
    return repr({name: value for name, value in row.asDict().items() if name != "ingest"})


class Killer(threading.Thread):
    """Kills an executor once a stage that shuffles is over and another one runs; `killed` is its pid."""

    def __init__(self, spark: Any, cluster: Cluster) -> None:
        super().__init__(daemon=True)
        self.tracker, self.cluster = spark.sparkContext.statusTracker(), cluster
        self.killed: int | None = None
        self.is_over = threading.Event()

    def run(self) -> None:
        before = set(self.tracker.getActiveStageIds())
        while not self.is_over.is_set():
            active = set(self.tracker.getActiveStageIds())
            if before - active and active:  # its shuffled blocks lie on the executors that the next stage reads from
                self.killed = self.cluster.kill_executor()
                return
            before |= active
            time.sleep(0.01)


def test_a_killed_executor_doubles_and_loses_nothing(
    session: tuple[Any, Cluster],
    new_lake: Callable[[Path], Lake],
    tmp_path: Path,
    params_of: Callable[..., Any],
) -> None:
    spark, cluster = session
    assert spark.conf.get("spark.speculation") == "true"
    found = {}
    for name in ("quiet", "killed"):
        lake = new_lake(tmp_path / name)
        bring(lake, tmp_path / name, rows(), params_of("ingest_docs"))
        for job in JOBS:
            killer = Killer(spark, cluster)
            if name == "killed":
                killer.start()
            skip_rejected_by = {"skip_rejected_by": [] if job == "dedup_exact" else ["dedup_exact"]}
            run_job(find_job(job), params_of(job, ranking=[{"by": "n_bytes", "prefer": "high"}], **skip_rejected_by), lake)
            killer.is_over.set()
            assert (killer.killed is not None) == (name == "killed"), "the job ended before it lost an executor"
        found[name] = {table: Counter(map(without_ingest, read(lake, catalog.table(table)))) for table in TABLES}
        files = lake.frame(catalog.table("sketches")).inputFiles()
        assert len(files) == len(set(files))
    assert found["killed"] == found["quiet"]
    assert len(found["quiet"]["duplicates"]) == 20
