"""Texts of documents are read where they are, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.scrub_pii import JOB

pytestmark = pytest.mark.spark


def files_read(frame: Any) -> int:
    """Files that the scan with dynamic pruning of a frame opened when the frame was collected, once."""
    plan = frame._jdf.queryExecution().executedPlan()
    scans = plan.collectLeaves()
    found = [scans.apply(i) for i in range(scans.size())]
    metrics = [scan.metrics().get("numFiles") for scan in found if "dynamicpruning" in scan.toString()]
    return sum(metric.get().value() for metric in metrics if metric.isDefined())


@pytest.mark.parametrize("carry", [(), ("said",)])
def test_batches_without_a_wanted_document_are_not_read(carry: tuple[str, ...], lake: Lake, documents: Callable[..., Any]) -> None:
    for batch in ("one", "two", "three"):
        documents([{"id": f"{batch}{i}", "text": f"text {i} of {batch}"} for i in range(6)], batch)
    tables = JobContext(lake, Runs(lake), JOB, "", ("one", "two", "three"), None, "0" * 32)
    wanted = tables["docs"].where("batch_id = 'two' AND native_key <> 'two0'").selectExpr("doc_id", "batch_id", "1 AS said")
    keys = tables.stage("wanted", wanted)
    found = tables.documents.texts(keys, "text", carry=carry)
    assert sorted(row.text for row in found.collect()) == [f"text {i} of two" for i in range(1, 6)]
    every = tables["docs"].inputFiles()
    assert files_read(found) == len([name for name in every if "batch_id=two" in name]) < len(every)
