"""dedup_minhash on growing corpora: seconds, rate, memory, and what each of its steps shuffles and spills.

    python ../shared/tools/make_scale.py --input ../shared/data/corpus_dev.parquet --n 1000000 --out /tmp/s1m --seed 7
    python -m benchmarks.near_dup_scale --docs /tmp/s100k /tmp/s1m [--memory 6g]

Each corpus (a Parquet file or a folder of them: id, text) is ingested into a lake of its own, in 32 buckets, and goes through `python -m
jobs.dedup_minhash` with conf/dedup_minhash.yaml (no earlier judge, the longer text stays), a process of its own on two cores, Delta to Delta.
The last line is JSON by corpus, beside `growth`, the seconds a document of the last corpus against those of the first:

documents, megabytes   of UTF-8 text
seconds, cpu_seconds   of the process from its start to its end; of processor, its children included
ms_document            seconds / documents
mb_s_core              megabytes a second and core
peak_mb                the largest sum of resident memory of the process and its children, looked at ten times a second
left_out               documents
ingest_seconds         of the process before
steps                  by staged table or committed table: seconds, and bytes a document that were shuffled and spilled to disk
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pyarrow.dataset as ds
import yaml

from benchmarks.near_dup import recipes
from benchmarks.near_dup_peers import CORES, _delta_rows, measured

METRICS = {"internal.metrics.shuffle.write.bytesWritten": "shuffled", "internal.metrics.diskBytesSpilled": "spilled"}


def steps(log: Path) -> dict[str, dict[str, float]]:
    """By what a query writes: seconds from its first stage's start to its last one's end, bytes shuffled, bytes spilled."""
    wrote, stages, found = {}, {}, defaultdict(lambda: {"seconds": 0.0, "shuffled": 0.0, "spilled": 0.0})
    for line in log.read_text().splitlines():
        event = json.loads(line)
        if event["Event"].endswith("SQLExecutionStart"):
            plan = event["physicalPlanDescription"]
            inserted = re.search(r"InsertIntoHadoopFsRelationCommand\s*\n?.*?Arguments: file:(\S+?),", plan, re.DOTALL) or re.search(r"Arguments: file:(\S+?),", plan)
            wrote[str(event["executionId"])] = Path(inserted[1]).name if inserted and "_staging" in inserted[1] else "tables"
        elif event["Event"] == "SparkListenerJobStart":
            execution = event.get("Properties", {}).get("spark.sql.execution.id")
            stages.update(dict.fromkeys(event["Stage IDs"], wrote.get(str(execution), "tables")))
        elif event["Event"] == "SparkListenerStageCompleted":
            info = event["Stage Info"]
            step = found[re.sub(r"-\d+$", "", stages.get(info["Stage ID"], "tables"))]
            step["seconds"] += (info["Completion Time"] - info["Submission Time"]) / 1000
            for metric in info["Accumulables"]:
                if metric["Name"] in METRICS:
                    step[METRICS[metric["Name"]]] += float(metric["Value"])
    return dict(found)


def run(docs: str, memory: str, keep: str | None) -> dict[str, Any]:
    """One corpus through the job."""
    texts = ds.dataset(docs, format="parquet")
    n_bytes = sum(pc.sum(pc.binary_length(batch["text"])).as_py() or 0 for batch in texts.to_batches(columns=["text"]))
    n = texts.count_rows()
    with tempfile.TemporaryDirectory(dir=keep) as home:
        events, recipe = Path(home, "events"), Path(home, "recipe.yaml")
        events.mkdir()
        spark = {"spark.eventLog.enabled": "true", "spark.eventLog.dir": f"file:{events}", "spark.eventLog.rolling.enabled": "false"}
        lake = {"path": f"{home}/lake", "buckets": 32}
        recipe.write_text(yaml.safe_dump({"lake": lake, "jobs": recipes()}), encoding="utf-8")
        timed = Path(home, "timed.yaml")
        timed.write_text(yaml.safe_dump({"lake": lake, "jobs": recipes(), "spark": spark}), encoding="utf-8")
        settings = {"GRISTMILL_MASTER": f"local[{CORES}]", "GRISTMILL_DRIVER_MEMORY": memory}
        command = [sys.executable, "-m"]
        before = measured([*command, "jobs.ingest_docs", "--recipe", str(recipe), "--input", str(Path(docs).resolve()), "--batch", "docs"], Path(home, "ingest.log"), **settings)
        found = measured([*command, "jobs.dedup_minhash", "--recipe", str(timed)], Path(home, "dedup.log"), **settings)
        told = {"documents": n, "megabytes": round(n_bytes / 1e6, 1), **found, "seconds": round(found["seconds"], 1), "ms_document": round(1000 * found["seconds"] / n, 4)}
        told |= {"mb_s_core": round(n_bytes / 1e6 / found["seconds"] / CORES, 2), "left_out": _delta_rows(f"{home}/lake/verdicts"), "ingest_seconds": round(before["seconds"], 1)}
        each = {name: {"seconds": round(s["seconds"], 1), "shuffled": round(s["shuffled"] / n, 1), "spilled": round(s["spilled"] / n, 1)} for name, s in steps(next(events.iterdir())).items()}
        return {**told, "steps": each}


def main() -> None:
    """Run every corpus; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", required=True, nargs="+", help="Parquet files or folders of them (id, text), the smallest first")
    parser.add_argument("--memory", default="6g", help="of the JVM, which is driver and executor (default 6g)")
    parser.add_argument("--scratch", help="folder on a disk that holds the lakes (default: the system's)")
    given = parser.parse_args()
    told: dict[str, Any] = {}
    for docs in given.docs:
        told[Path(docs).stem] = run(docs, given.memory, given.scratch)
        print(f"{docs}: {told[Path(docs).stem]}", flush=True)
    rates = [found["ms_document"] for found in told.values()]
    print(json.dumps({**told, "growth": round(rates[-1] / rates[0], 2)}))


if __name__ == "__main__":
    main()
