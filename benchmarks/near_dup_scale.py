"""dedup_minhash on growing corpora: seconds, rate, memory, and what each of its steps shuffles and spills.

    python ../shared/tools/make_scale.py --input ../shared/data/corpus_dev.parquet --n 1000000 --out /tmp/s1m --seed 7
    python -m benchmarks.near_dup_scale --docs /tmp/s100k /tmp/s1m [--memory 5g]

    python -m benchmarks.near_dup_scale --made copies:100000 template:700000

`--made` writes corpora of the kinds that ruin buckets: `copies`, documents of 120 words of which each has one word of its own, and `template`,
60 words that all share and 60 that each has to itself (Jaccard about .33, far from a duplicate).

Each corpus (a Parquet file or a folder of them: id, text) is ingested into a lake of its own, in 32 buckets, and goes through `python -m
jobs.dedup_minhash` with conf/dedup_minhash.yaml (no earlier judge, the longer text stays), a process of its own on two cores, Delta to Delta.
The last line is JSON by corpus, beside `growth`, the seconds a document of the last corpus against those of the first:

documents, megabytes   of UTF-8 text
seconds, cpu_seconds   of the process from its start to its end; of processor, its children included
ms_document            seconds / documents
mb_s_core              megabytes a second and core
peak_mb                the largest sum of resident memory of the process and its children, looked at ten times a second
left_out               documents
hot_buckets, uncompared    buckets over the recipe's max_bucket, and the pairs in them that were not compared under their keys
ingest_seconds         of the process before
steps                  of Spark, by staged table (`tables`: what is committed or counted): seconds, those of the JVM's processor, and bytes a
                       document that were shuffled and spilled to disk

`--spark-alone` has Spark do what the driver does up to jobs.core.held.DIRECT_DOCUMENTS: how larger lakes are worked through.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import yaml

from benchmarks.near_dup import recipes
from benchmarks.near_dup_peers import CORES, _delta_rows, measured

SPARK_ALONE = "import sys; from jobs.core import held, job; from jobs import dedup_minhash; held.DIRECT_DOCUMENTS = 0; sys.exit(job.main(dedup_minhash.JOB))"
METRICS = {"internal.metrics.shuffle.write.bytesWritten": "shuffled", "internal.metrics.diskBytesSpilled": "spilled", "internal.metrics.executorCpuTime": "jvm"}


def steps(log: Path) -> dict[str, dict[str, float]]:
    """By what a query writes: seconds in which some stage of it ran, the JVM's seconds of processor, bytes shuffled, bytes spilled."""
    wrote, stages, spans = {}, {}, defaultdict(list)
    found: dict[str, dict[str, float]] = defaultdict(lambda: dict.fromkeys(METRICS.values(), 0.0))
    for line in log.read_text().splitlines():
        event = json.loads(line)
        if event["Event"].endswith("SQLExecutionStart"):
            written = re.search(r"_staging/dedup_minhash/([a-z_]+)", "".join(re.findall(r"Arguments: (file:\S+?),", event["physicalPlanDescription"])[:1]))
            wrote[str(event["executionId"])] = written[1] if written else "tables"
        elif event["Event"] == "SparkListenerJobStart":
            execution = event.get("Properties", {}).get("spark.sql.execution.id")
            stages.update(dict.fromkeys(event["Stage IDs"], wrote.get(str(execution), "tables")))
        elif event["Event"] == "SparkListenerStageCompleted":
            info = event["Stage Info"]
            name = stages.get(info["Stage ID"], "tables")
            spans[name].append((info["Submission Time"], info["Completion Time"]))
            for metric in info["Accumulables"]:
                if metric["Name"] in METRICS:
                    found[name][METRICS[metric["Name"]]] += float(metric["Value"])
    return {name: {"seconds": together(spans[name]) / 1000, **each, "jvm": each["jvm"] / 1e9} for name, each in found.items()}


def together(spans: list[tuple[int, int]]) -> int:
    """How long at least one of the spans lasted."""
    total, end = 0, 0
    for start, stop in sorted(spans):
        total += max(stop - max(start, end), 0)
        end = max(end, stop)
    return total


def made(kind: str, n: int, folder: str) -> str:
    """A corpus of `n` documents of the kind, as one Parquet file."""
    draw = random.Random(7)
    shared = [f"common{draw.randrange(10**6)}" for _ in range(120)]
    own = 1 if kind == "copies" else 60

    def text(number: int) -> str:
        words = random.Random(number)
        at = words.randrange(119) if own == 1 else 60
        return " ".join([*shared[:at], *(f"own{words.randrange(10**9)}" for _ in range(own)), *(shared[at + 1 :] if own == 1 else [])])

    rows = pa.table({"id": [f"{kind}-{number}" for number in range(n)], "text": [text(number) for number in range(n)]})
    pq.write_table(rows, Path(folder, f"{kind}-{n}.parquet"))
    return str(Path(folder, f"{kind}-{n}.parquet"))


def hot(lake: Path) -> dict[str, int]:
    """What the cap left uncompared."""
    if not (lake / "hot_buckets").is_dir():
        return {"hot_buckets": 0, "uncompared": 0}
    from deltalake import DeltaTable

    left = DeltaTable(str(lake / "hot_buckets")).to_pyarrow_table(columns=["n_uncompared"])["n_uncompared"]
    return {"hot_buckets": len(left), "uncompared": pc.sum(left).as_py() or 0}


def run(docs: str, memory: str, keep: str | None, is_spark_alone: bool) -> dict[str, Any]:
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
        before = measured([sys.executable, "-m", "jobs.ingest_docs", "--recipe", str(recipe), "--input", str(Path(docs).resolve()), "--batch", "docs"], Path(home, "ingest.log"), **settings)
        job = ["-c", SPARK_ALONE] if is_spark_alone else ["-m", "jobs.dedup_minhash"]
        found = measured([sys.executable, *job, "--recipe", str(timed)], Path(home, "dedup.log"), **settings)
        told = {"documents": n, "megabytes": round(n_bytes / 1e6, 1), **found, "seconds": round(found["seconds"], 1), "ms_document": round(1000 * found["seconds"] / n, 4)}
        told |= {"mb_s_core": round(n_bytes / 1e6 / found["seconds"] / CORES, 2), "left_out": _delta_rows(f"{home}/lake/verdicts"), **hot(Path(home, "lake")), "ingest_seconds": round(before["seconds"], 1)}
        each = {name: {"seconds": round(s["seconds"], 1), "jvm": round(s["jvm"], 1), "shuffled": round(s["shuffled"] / n, 1), "spilled": round(s["spilled"] / n, 1)} for name, s in steps(next(events.iterdir())).items()}
        return {**told, "steps": each}


def main() -> None:
    """Run every corpus; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--made", default=[], nargs="+", help="copies:N or template:N")
    parser.add_argument("--docs", default=[], nargs="+", help="Parquet files or folders of them (id, text), the smallest first")
    parser.add_argument("--memory", default="5g", help="of the JVM, which is driver and executor (default 5g)")
    parser.add_argument("--scratch", help="folder on a disk that holds the lakes (default: the system's)")
    parser.add_argument("--spark-alone", action="store_true", help="as beyond the driver's bound")
    given = parser.parse_args()
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=given.scratch) as folder:
        for docs in [*given.docs, *(made(kind, int(n), folder) for kind, n in (each.split(":") for each in given.made))]:
            told[Path(docs).stem] = run(docs, given.memory, given.scratch, given.spark_alone)
            print(f"{docs}: {told[Path(docs).stem]}", flush=True)
    rates = [found["ms_document"] for found in told.values()]
    print(json.dumps({**told, "growth": round(rates[-1] / rates[0], 2)}))


if __name__ == "__main__":
    main()
