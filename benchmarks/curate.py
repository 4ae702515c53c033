"""All jobs of conf/demo.yaml over a corpus: processor time per document, memory, and bytes shuffled, read and written.

    python -m benchmarks.curate --docs FOLDER --cluster [--s3] [--then FOLDER]
    python -m benchmarks.curate --docs FOLDER --master local[2]

FOLDER (or a file) is Parquet: id, text, url, source, domain, lang_hint and optionally license. The recipe is conf/demo.yaml without its section
`spark`, and training examples of scorers may have any domain; the lake has 32 buckets. `curate` is one process, by `python -m` with --master, by spark-submit with --cluster. With --then its
folder is a second batch on the same lake, after a batch of its first 10 documents, which shows the fixed cost of a batch. The
last line is JSON:

first, ten, then       each batch: `documents`, `megabytes` of UTF-8 text, `seconds` from the process's start to its end, `cpu_seconds` of
                       driver and workers, of them `driver_cpu_seconds`, `peak_mb` (the largest sum of resident memory of all), and `jobs`:
                       by job `seconds`, `cpu_ms_document`, `driver_cpu_seconds`, `peak_mb`, and Mbytes `shuffled`, `spilled`, `read`, `written`
                       by Spark (compressed, as in files; without the files that Python workers of a local session read themselves)
then.cpu_beyond        seconds of processor of the second batch beyond those of ten documents: beyond session start and planning
then.cpu_share         ratio of it to those of the first batch
then.read_share, then.written_share    ratio to the bytes of the first batch, to compare with the ratio of the texts
"""

from __future__ import annotations

import argparse
import functools
import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import yaml

from benchmarks.support import event_log
from benchmarks.support.measured import Use
from benchmarks.support.systems import System, add_options, system_of
from gristmill.jobs.core import config

BUCKETS, FEW = 32, 10
# Sections that take reference prose by its domain, which a corpus of one domain does not have.
TAUGHT_BY = (
    ("train_classifier", "good"), ("train_classifier", "classifiers", "importance_weights", "target"), ("train_lm",),
)  # fmt: skip


def curate(system: System, docs: str, name: str) -> dict[str, Any]:
    """One batch through all jobs."""
    events = system.home / f"{name}-events"
    events.mkdir()
    logged, use = event_log.settings(events), system.use()
    where = ("--lake", system.address("lake"), "--input", str(Path(docs).resolve()))
    whole = system.run("gristmill.jobs.curate", "--recipe", str(_recipe(system, name, logged)), *where, conf=logged, use=use)
    n, n_bytes = _size(docs)
    told = {"documents": n, "megabytes": round(n_bytes / 1e6, 1), **whole, "seconds": round(whole["seconds"], 1)}
    jobs = _jobs(system, use, event_log.log_in(events), n)
    return {**told, "driver_cpu_seconds": round(use.samples[-1].own, 1), "jobs": jobs}


def _recipe(system: System, name: str, spark: dict[str, str]) -> Path:
    """conf/demo.yaml for Parquet as it comes; its section `spark` counts with --master only."""
    jobs = dict(config.load_recipe("conf/demo.yaml").jobs)
    columns = {"text": "text", "native_key": "id", "url": "url", "source": "source", "domain_hint": "domain"}
    columns |= {"lang_hint": "lang_hint", "license": "license"}
    format_ = {"glob": "*.parquet", "format": "parquet", "encoding": "utf-8", "columns": columns}
    optional = {"optional": ["url", "domain_hint", "lang_hint", "license"]}
    for names in TAUGHT_BY:
        section = functools.reduce(lambda part, key: part[key], names, jobs)
        section["domains"] = None
    jobs["ingest_docs"] = {**jobs["ingest_docs"], "batch_per_folder": False, "max_row_bytes": 32 << 20, "formats": [format_ | optional]}
    made = {"lake": {"path": "unnamed", "buckets": BUCKETS}, "jobs": jobs, "spark": {} if system.cluster else spark}
    path = system.home / f"{name}.yaml"
    path.write_text(yaml.safe_dump(made, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def _size(docs: str) -> tuple[int, int]:
    """Documents, and bytes of their text."""
    texts = ds.dataset(docs, format="parquet")
    sizes = [pc.sum(pc.binary_length(batch["text"])).as_py() or 0 for batch in texts.to_batches(columns=["text"])]
    return texts.count_rows(), sum(sizes)


def _jobs(system: System, use: Use, log: Path, n: int) -> dict[str, dict[str, float]]:
    """By job of this process, in its order, what it used between its start and its finished row."""
    rows = sorted(system.rows("lake", "runs", "job", "status", "at", "seconds").to_pylist(), key=lambda row: row["at"])
    ends = {row["job"]: (row["at"].timestamp(), row["seconds"]) for row in rows if row["status"] == "finished"}
    spans = {job: (end - seconds, end) for job, (end, seconds) in sorted(ends.items(), key=lambda each: each[1])}
    spans = {job: span for job, span in spans.items() if span[1] > use.samples[0].at}
    moved = event_log.between(log, spans)
    return {job: {"seconds": round(end - start, 1), **_told(use.between(start, end), moved[job], n)} for job, (start, end) in spans.items()}


def _told(used: dict[str, float], moved: dict[str, float], n: int) -> dict[str, float]:
    told = {"cpu_ms_document": round(1000 * used["cpu_seconds"] / n, 3), "driver_cpu_seconds": round(used["driver_cpu_seconds"], 1)}
    return {**told, "peak_mb": round(used["peak_mb"]), **{f"{name}_mb": round(moved[name] / 1e6, 1) for name in ("shuffled", "spilled", "read", "written")}}


def compared(first: dict[str, Any], few: dict[str, Any], then: dict[str, Any]) -> dict[str, float]:
    """What the second batch cost beyond what any batch does, in the first one's."""
    beyond, base = then["cpu_seconds"] - few["cpu_seconds"], first["cpu_seconds"] - few["cpu_seconds"]
    told = {"cpu_beyond": round(beyond, 1), "cpu_share": round(beyond / base, 4), "text_share": round(then["megabytes"] / first["megabytes"], 4)}
    for name in ("read", "written"):
        part, least, whole = (sum(job[f"{name}_mb"] for job in each["jobs"].values()) for each in (then, few, first))
        told[f"{name}_share"] = round((part - least) / max(whole - least, 1e-9), 4)
    return told


def few_of(docs: str, folder: Path) -> str:
    """The first FEW documents under ids of their own."""
    rows = ds.dataset(docs, format="parquet").head(FEW)
    ids = pa.array([f"few-{each}" for each in rows["id"].to_pylist()])
    folder.mkdir()
    pq.write_table(rows.set_column(rows.schema.get_field_index("id"), "id", ids), folder / "few.parquet")
    return str(folder)


def main() -> None:
    """Run the curation on a lake of its own; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", required=True, help="Parquet file or folder")
    parser.add_argument("--then", help="Parquet file or folder of a second batch")
    add_options(parser)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.scratch) as folder, system_of(given, Path(folder)) as system:
        told = {"first": curate(system, given.docs, "first")}
        if given.then:
            print(json.dumps(told), flush=True)
            told["ten"] = curate(system, few_of(given.then, Path(folder, "few")), "few")
            told["then"] = curate(system, given.then, "then")
            told["then"] |= compared(told["first"], told["ten"], told["then"])
    print(json.dumps(told))


if __name__ == "__main__":
    main()
