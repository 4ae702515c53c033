"""dedup_minhash on growing corpora: seconds, rate, memory, and bytes shuffled and spilled.

    python -m benchmarks.scaled_corpus --docs data/corpus_dev.parquet --n 1000000 --out /tmp/s1m --seed 7
    python -m benchmarks.near_dup_scale --docs /tmp/s100k /tmp/s1m --cluster [--s3]
    python -m benchmarks.near_dup_scale --docs /tmp/s100k /tmp/s1m --master local[2]

    python -m benchmarks.near_dup_scale --made copies:100000 template:700000

`--made` generates corpora with very large LSH buckets: `copies`, documents of 120 words with one unique word each, and `template`,
60 shared and 60 unique words (Jaccard about .33, far from a duplicate).

Each corpus (a Parquet file or a folder of them: id, text) is ingested into a lake of its own, in 32 buckets, and goes through dedup_minhash
with conf/jobs/dedup_minhash.yaml (no earlier filters, the longer text is kept), in its own process on two cores, Delta to Delta: by `python -m` with
--master, by spark-submit with --cluster, which starts and stops a standalone cluster (and an S3 server with --s3). The last line is JSON by
corpus, and `growth`, the seconds per document of the last corpus divided by those of the first:

documents, megabytes   of UTF-8 text
seconds, cpu_seconds   of the process from its start to its end; of processor, with its children and a cluster's master, workers and executors
ms_document            seconds / documents
mb_s_core              megabytes a second and core
peak_mb                the largest sum of resident memory of driver and workers, sampled ten times a second
shuffled, spilled      bytes per document shuffled, and spilled from memory to disk
left_out               documents; `left_out_hash` of their sorted doc_ids
hot_buckets, uncompared    buckets larger than the recipe's max_bucket, and the pairs in them that were not compared there
ingest_seconds         of the earlier ingest process
bare_seconds           of a plain Spark pass with the same settings: it reads the documents, exchanges them by id and writes them
s3_requests            of the job, with --s3
steps                  of Spark, by staged table (`tables`: what is committed or counted): seconds, those of the JVM's processor, and bytes a
                       document that were shuffled and spilled to disk
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import yaml

from benchmarks.near_dup import recipes
from benchmarks.support import event_log
from benchmarks.support.systems import System, add_options, system_of

BUCKETS = 32


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


def run(docs: str, system: System) -> dict[str, Any]:
    """One corpus through the job."""
    name, texts = Path(docs).stem, ds.dataset(docs, format="parquet")
    n_bytes = sum(pc.sum(pc.binary_length(batch["text"])).as_py() or 0 for batch in texts.to_batches(columns=["text"]))
    n = texts.count_rows()
    events, recipe = system.home / f"{name}-events", str(_recipe(system, name))
    events.mkdir()
    logged = event_log.settings(events)
    timed = str(_recipe(system, f"{name}-timed", logged))
    where = ("--lake", system.address(name), "--recipe")
    before = system.run("gristmill.jobs.ingest_docs", *where, recipe, "--input", str(Path(docs).resolve()), "--batch", "docs")
    requests = system.n_requests()
    found = system.run("gristmill.jobs.dedup_minhash", *where, timed, conf=logged)
    requests = system.n_requests() - requests
    bare = system.run("benchmarks.support.bare_pass", f"{system.address(name)}/docs", system.address(f"{name}-bare"))
    steps = event_log.steps(event_log.log_in(events), event_log.staged("dedup_minhash"))
    told: dict[str, Any] = {"documents": n, "megabytes": round(n_bytes / 1e6, 1), **found, "seconds": round(found["seconds"], 1)}
    told |= {"ms_document": round(1000 * found["seconds"] / n, 4), "mb_s_core": round(n_bytes / 1e6 / found["seconds"] / system.cores, 2)}
    told |= {each: round(sum(step[each] for step in steps.values()) / n, 1) for each in ("shuffled", "spilled")}
    told |= {**left_out(system, name), **hot(system, name), "ingest_seconds": round(before["seconds"], 1)}
    told |= {"bare_seconds": round(bare["seconds"], 1), **({"s3_requests": requests} if requests else {})}
    return {**told, "steps": {step: _rounded(use, n) for step, use in steps.items()}}


def _recipe(system: System, name: str, spark: dict[str, str] | None = None) -> Path:
    """A recipe file; a section `spark` counts with --master only, so a cluster is told by --conf."""
    made = {"lake": {"path": "unnamed", "buckets": BUCKETS}, "jobs": recipes(), "spark": {} if system.cluster else spark or {}}
    path = system.home / f"{name}.yaml"
    path.write_text(yaml.safe_dump(made), encoding="utf-8")
    return path


def _rounded(use: dict[str, float], n: int) -> dict[str, float]:
    told = {name: round(use[name], 1) for name in ("seconds", "jvm")}
    return {**told, **{name: round(use[name] / n, 1) for name in ("shuffled", "spilled")}}


def left_out(system: System, lake: str) -> dict[str, Any]:
    """How many documents, and a hash by which two runs compare."""
    ids = sorted(system.rows(lake, "verdicts", "doc_id")["doc_id"].to_pylist())
    return {"left_out": len(ids), "left_out_hash": hashlib.blake2b("\n".join(ids).encode(), digest_size=8).hexdigest()}


def hot(system: System, lake: str) -> dict[str, int]:
    """What the cap left uncompared."""
    left = system.rows(lake, "hot_buckets", "n_uncompared")["n_uncompared"].to_pylist()
    return {"hot_buckets": len(left), "uncompared": sum(left)}


def main() -> None:
    """Run every corpus; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--made", default=[], nargs="+", help="copies:N or template:N")
    parser.add_argument("--docs", default=[], nargs="+", help="Parquet files or folders of them (id, text), the smallest first")
    add_options(parser)
    given = parser.parse_args()
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(dir=given.scratch) as folder, system_of(given, Path(folder)) as system:
        for docs in [*given.docs, *(made(kind, int(n), folder) for kind, n in (each.split(":") for each in given.made))]:
            told[Path(docs).stem] = run(docs, system)
            print(f"{docs}: {told[Path(docs).stem]}", flush=True)
    rates = [found["ms_document"] for found in told.values()]
    print(json.dumps({**told, "growth": round(rates[-1] / rates[0], 2)}))


if __name__ == "__main__":
    main()
