"""What Spark's event log says of an application: bytes shuffled and spilled, by what its queries write."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

METRICS = {
    "internal.metrics.shuffle.write.bytesWritten": "shuffled", "internal.metrics.diskBytesSpilled": "spilled",
    "internal.metrics.executorCpuTime": "jvm",
}  # fmt: skip


def settings(folder: Path) -> dict[str, str]:
    """By which Spark writes the log of each application as one plain file into `folder`."""
    switches = {"enabled": "true", "dir": f"file:{folder}", "rolling.enabled": "false", "compress": "false"}
    return {f"spark.eventLog.{name}": value for name, value in switches.items()}


def steps(log: Path, name_of: Callable[[dict[str, Any]], str]) -> dict[str, dict[str, float]]:
    """By the name that `name_of` gives the start of a query ({} outside of any): `seconds` in which some stage of it ran, seconds of the
    executors' processor in the JVM (`jvm`), and bytes `shuffled` and `spilled` to disk."""
    queries, stages, spans = {}, {}, defaultdict(list)
    found: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(METRICS.values(), 0.0))
    with log.open(encoding="utf-8") as lines:
        for event in map(json.loads, lines):
            if event["Event"].endswith("SQLExecutionStart"):
                queries[str(event["executionId"])] = name_of(event)
            elif event["Event"] == "SparkListenerJobStart":
                query = str(event.get("Properties", {}).get("spark.sql.execution.id"))
                stages.update(dict.fromkeys(event["Stage IDs"], queries.get(query) or name_of({})))
            elif event["Event"] == "SparkListenerStageCompleted":
                info = event["Stage Info"]
                name = stages.get(info["Stage ID"]) or name_of({})
                spans[name].append((info["Submission Time"], info["Completion Time"]))
                for metric in info["Accumulables"]:
                    if metric["Name"] in METRICS:
                        found[name][METRICS[metric["Name"]]] += float(metric["Value"])
    return {name: {"seconds": together(spans[name]) / 1000, **each, "jvm": each["jvm"] / 1e9} for name, each in found.items()}


def staged(job: str) -> Callable[[dict[str, Any]], str]:
    """Names a query of `job` by the folder in staging that it writes; `tables` for what is committed or only counted."""

    def name(event: dict[str, Any]) -> str:
        target = re.search(r"Arguments: ([a-z0-9]+:\S+?),", event.get("physicalPlanDescription", ""))
        folder = re.search(rf"_staging/{job}-[0-9a-f]+/([a-z_]+)", target[1]) if target else None
        return folder[1] if folder else "tables"

    return name


def together(spans: list[tuple[int, int]]) -> int:
    """How long at least one of the spans lasted."""
    total, end = 0, 0
    for start, stop in sorted(spans):
        total += max(stop - max(start, end), 0)
        end = max(end, stop)
    return total
