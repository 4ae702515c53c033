"""Bytes shuffled and spilled by an application, from Spark's event log, by the tables that its queries write."""

from __future__ import annotations

import json
import re
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

METRICS = {
    "internal.metrics.shuffle.write.bytesWritten": "shuffled",
    "internal.metrics.diskBytesSpilled": "spilled",
    "internal.metrics.executorCpuTime": "jvm",
    "internal.metrics.input.bytesRead": "read",
    "internal.metrics.output.bytesWritten": "written",
}


def settings(folder: Path) -> dict[str, str]:
    """By which Spark writes the log of each application as one plain file into `folder`."""
    switches = {"enabled": "true", "dir": f"file:{folder}", "rolling.enabled": "false", "compress": "false"}
    return {f"spark.eventLog.{name}": value for name, value in switches.items()}


def log_in(folder: Path, seconds: float = 60) -> Path:
    """The log of the one application that wrote into `folder`, once its JVM, which outlives the command, has closed it.

    Raises RuntimeError where that takes longer than `seconds`.
    """
    end = time.monotonic() + seconds
    while True:
        found = [path for path in folder.iterdir() if path.suffix != ".inprogress"]
        if found:
            [log] = found
            return log
        if time.monotonic() > end:
            raise RuntimeError(f"{folder}: no event log that is closed")
        time.sleep(0.1)


def steps(log: Path, name_of: Callable[[dict[str, Any]], str]) -> dict[str, dict[str, float]]:
    """By the name that `name_of` gives the start of a query ({} outside of any): `seconds` in which some stage of it ran, and METRICS.

    Those are the executors' seconds of processor in the JVM (`jvm`) and bytes: `shuffled`, `spilled` to disk, `read` and `written` of files.
    """
    queries, stages = {}, {}
    spans: dict[str, list[tuple[float, float]]] = defaultdict(list)
    found: dict[str, dict[str, float]] = defaultdict(_nothing)
    for event in events(log):
        if event["Event"].endswith("SQLExecutionStart"):
            queries[str(event["executionId"])] = name_of(event)
        elif event["Event"] == "SparkListenerJobStart":
            query = str(event.get("Properties", {}).get("spark.sql.execution.id"))
            stages.update(dict.fromkeys(event["Stage IDs"], queries.get(query) or name_of({})))
        elif event["Event"] == "SparkListenerStageCompleted":
            name = stages.get(event["Stage Info"]["Stage ID"]) or name_of({})
            spans[name].append(_span(event))
            _add(found[name], event)
    return {name: {"seconds": together(spans[name]), **each} for name, each in found.items()}


def between(log: Path, spans: dict[str, tuple[float, float]]) -> dict[str, dict[str, float]]:
    """METRICS of the stages that were submitted in each of the spans (seconds since 1970), by the spans' names."""
    found = {name: _nothing() for name in spans}
    for event in events(log):
        if event["Event"] == "SparkListenerStageCompleted":
            start, _ = _span(event)
            for name, (first, last) in spans.items():
                if first <= start < last:
                    _add(found[name], event)
    return found


def events(log: Path) -> Iterator[dict[str, Any]]:
    """The events of an application, in their order."""
    with log.open(encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def _nothing() -> dict[str, float]:
    return dict.fromkeys(METRICS.values(), 0.0)


def _add(told: dict[str, float], event: dict[str, Any]) -> None:
    """Add what a completed stage says."""
    for metric in event["Stage Info"]["Accumulables"]:
        if name := METRICS.get(metric["Name"]):
            told[name] += float(metric["Value"]) / (1e9 if name == "jvm" else 1)


def _span(event: dict[str, Any]) -> tuple[float, float]:
    return event["Stage Info"]["Submission Time"] / 1000, event["Stage Info"]["Completion Time"] / 1000


def staged(job: str) -> Callable[[dict[str, Any]], str]:
    """Names a query of `job` by the folder in staging that it writes; `tables` for what is committed or only counted."""

    def name(event: dict[str, Any]) -> str:
        target = re.search(r"Arguments: ([a-z0-9]+:\S+?),", event.get("physicalPlanDescription", ""))
        folder = re.search(rf"_staging/{job}-[0-9a-f]+/([a-z_]+)", target[1]) if target else None
        return folder[1] if folder else "tables"

    return name


def together(spans: list[tuple[float, float]]) -> float:
    """How long at least one of the spans lasted."""
    total = end = 0.0
    for start, stop in sorted(spans):
        total += max(stop - max(start, end), 0.0)
        end = max(end, stop)
    return total
