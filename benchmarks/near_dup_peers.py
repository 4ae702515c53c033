"""Near-duplicate removal by Gristmill and other tools: seconds, rate and memory on the same input, machine and two cores.

    make peers && python -m benchmarks.near_dup_peers --docs data/corpus_dev.parquet [--systems gristmill,datatrove,curator]
    python -m benchmarks.near_dup_peers --docs data/neardup_docs_dev.parquet --truth data/neardup_truth_dev.parquet --systems ...

Each system runs in its own process, timed from start to end, one after the other:

gristmill   `python -m gristmill.jobs.dedup_minhash` with conf/jobs/dedup_minhash.yaml (no earlier filters, the longer text is kept) from the Delta table `docs`
            to the Delta tables sketches, pairs, duplicates and verdicts. The ingest is an earlier process, reported as `ingest_seconds`.
datatrove   its four MinHash blocks with its own defaults (word 5-grams, 14 x 8), 8 Parquet files in, 2 workers, Parquet of the kept documents out.
curator     distributed-curator 0.1.6 with its own defaults (64 permutations, 16 bands, character 9-grams, threshold .8), local[2], 8 partitions.
text_dedup  `python -m text_dedup.minhash` of text-dedup 0.4 with its own defaults (256 permutations, threshold .7, word 5-grams), 2 processes.
cci4        CCI4.0's minhash_spark.py, given by --cci4, with the jar that it needs given by --graphframes; its 8,192 and 8,096 partitions are
            lowered to 8, in its favour.

The other tools run in the interpreter --python (default: that of `make peers`, which has datatrove). A requested system that is not installed
is an error before anything runs. The other tools write every kept document; Gristmill writes one row for each rejected document, and texts only when
the corpus is built. The last line is JSON by system:

seconds      from the start of the process to its end
cpu_seconds  processor seconds of the process and its children; depends less on other load of the machine
mb_s_core    UTF-8 megabytes of text a second and core
peak_mb      the largest sum of resident memory of the process and its children, sampled ten times a second
left_out     documents
recall_70    with --truth (id_a, id_b, jaccard: all pairs of DOCS from .5 on): share of its pairs at Jaccard .7 and above with a rejected
             document
right        with --truth: share of the rejected documents that are in a pair at Jaccard .65 and above
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.near_dup import read, recipes
from benchmarks.support.measured import measured

CORES, FILES = 2, 8
ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / ".venv-peers/bin/python"
NEEDS = {"datatrove": ("datatrove.pipeline.dedup.minhash", "make peers"), "curator": ("distributed_curator", "make peers"), "text_dedup": ("text_dedup.minhash", "pip install text-dedup"), "cci4": ("pyspark", "pip install pyspark==3.5.9")}


@dataclass(frozen=True)
class Asked:
    """What the command line asked for, and where a system finds its input and works."""

    docs: str
    files: str  # the same documents as FILES Parquet files (id, text)
    ids: set[str]
    home: str
    python: str
    cci4: str | None
    graphframes: str | None


def gristmill(asked: Asked) -> dict[str, Any]:
    """Ours: ingest, then the timed job."""
    import yaml

    recipe, lake = Path(asked.home, "recipe.yaml"), f"{asked.home}/lake"
    recipe.write_text(yaml.safe_dump({"jobs": recipes()}), encoding="utf-8")
    run = [sys.executable, "-m"]
    where = ["--recipe", str(recipe), "--lake", lake]
    master = {"GRISTMILL_MASTER": f"local[{CORES}]"}
    before = measured([*run, "gristmill.jobs.ingest_docs", *where, "--input", asked.docs, "--batch", "docs"], Path(asked.home, "ingest.log"), **master)
    found = measured([*run, "gristmill.jobs.dedup_minhash", *where], Path(asked.home, "gristmill.log"), **master)
    return {**found, "gone": _left_out(lake), "ingest_seconds": round(before["seconds"], 1)}


def _left_out(lake: str) -> set[str]:
    """The ids, as DOCS has them, of the documents with a verdict."""
    from deltalake import DeltaTable

    docs = DeltaTable(f"{lake}/docs").to_pyarrow_table(columns=["doc_id", "native_key"]).to_pylist()
    gone = set(DeltaTable(f"{lake}/verdicts").to_pyarrow_table(columns=["doc_id"])["doc_id"].to_pylist())
    return {row["native_key"] for row in docs if row["doc_id"] in gone}


def datatrove(asked: Asked) -> dict[str, Any]:
    """datatrove's MinHash blocks."""
    out = f"{asked.home}/datatrove"
    found = measured([asked.python, str(ROOT / "benchmarks/near_dup_datatrove.py"), asked.files, out], Path(asked.home, "datatrove.log"))
    return {**found, "gone": asked.ids - _ids(Path(out, "kept").glob("*.parquet"))}


def curator(asked: Asked) -> dict[str, Any]:
    """distributed-curator."""
    out = f"{asked.home}/curator"
    command = [asked.python, str(ROOT / "benchmarks/near_dup_curator.py"), asked.files, out]
    found = measured(command, Path(asked.home, "curator.log"), PYSPARK_PYTHON=asked.python)
    return {**found, "gone": asked.ids - _ids(Path(out, "kept").glob("*.parquet"))}


def _ids(paths: Iterable[Path]) -> set[str]:
    return {each for path in paths for each in pq.read_table(path, columns=["id"])["id"].to_pylist()}


def text_dedup(asked: Asked) -> dict[str, Any]:
    """text-dedup's MinHash."""
    out = f"{asked.home}/text_dedup"
    command = [asked.python, "-m", "text_dedup.minhash", "--path", "parquet", "--data_files", f"{asked.files}/*.parquet", "--split", "train",
               "--cache_dir", f"{asked.home}/cache", "--output", out, "--column", "text", "--num_proc", str(CORES)]  # fmt: skip
    found = measured(command, Path(asked.home, "text_dedup.log"), HF_DATASETS_OFFLINE="1")
    kept = {each for path in Path(out).glob("*.arrow") for batch in pa.ipc.open_stream(path) for each in batch["id"].to_pylist()}
    return {**found, "gone": asked.ids - kept}


def cci4(asked: Asked) -> dict[str, Any]:
    """CCI4.0's script, its partition counts lowered."""
    script, out = Path(asked.home, "minhash_spark.py"), f"{asked.home}/cci4"
    script.write_text(Path(asked.cci4).read_text(encoding="utf-8").replace('"8192"', f'"{FILES}"').replace("8096", str(FILES)), encoding="utf-8")
    submit = [str(Path(asked.python).parent / "spark-submit")]
    command = [*submit, "--master", f"local[{CORES}]", "--driver-memory", "4g", "--jars", asked.graphframes, "--py-files", asked.graphframes, str(script),
               "--input", asked.files, "--output", out, "--column", "text", "--checkpoint_dir", f"{asked.home}/checkpoints"]  # fmt: skip
    found = measured(command, Path(asked.home, "cci4.log"), PYSPARK_PYTHON=asked.python)
    return {**found, "gone": asked.ids - _ids(Path(out).rglob("*.parquet"))}


def _need(python: str, module: str, advice: str) -> None:
    if not Path(python).exists():
        sys.exit(f"near_dup_peers: {python}: no such interpreter; {advice}, or name one that has {module} by --python")
    found = subprocess.run([python, "-c", f"import {module}"], capture_output=True, text=True)
    if found.returncode:
        last = found.stderr.strip().splitlines()[-1:]
        sys.exit(f"near_dup_peers: {python} cannot import {module} ({' '.join(last)}); {advice}, or name an interpreter that has it by --python")


SYSTEMS: dict[str, Callable[[Asked], dict[str, Any]]] = {"gristmill": gristmill, "datatrove": datatrove, "curator": curator, "text_dedup": text_dedup, "cci4": cci4}


def main() -> None:
    """Run the systems one after the other; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", required=True, help="Parquet file or folder of them: id, text")
    parser.add_argument("--systems", default="gristmill,datatrove", help=f"some of {','.join(SYSTEMS)} (default gristmill,datatrove)")
    parser.add_argument("--truth", help="Parquet of labelled pairs: id_a, id_b, jaccard")
    parser.add_argument("--python", default=str(PEERS), help="interpreter that has the peers (default: that of `make peers`)")
    parser.add_argument("--cci4", help="path of CCI4.0's minhash_spark.py")
    parser.add_argument("--graphframes", help="path of a GraphFrames jar")
    given = parser.parse_args()
    names = [name.strip().replace("-", "_") for name in given.systems.split(",")]
    unknown = sorted(set(names) - set(SYSTEMS))
    if unknown:
        parser.error(f"--systems {', '.join(unknown)}: no such system; take some of {', '.join(SYSTEMS)}")
    for name in names:
        if name in NEEDS:
            _need(given.python, *NEEDS[name])
    if "cci4" in names and not (given.cci4 and given.graphframes):
        sys.exit("near_dup_peers: cci4 needs --cci4 (minhash_spark.py of FlagAI-Open/OpenSeek) and --graphframes (a jar for Spark's Scala)")
    documents = read(given.docs, ("id", "text"))
    megabytes = pc.sum(pc.binary_length(documents["text"])).as_py() / 1e6
    truth = read(given.truth, ("id_a", "id_b", "jaccard")).to_pylist() if given.truth else None
    told: dict[str, Any] = {}
    for name in names:
        with tempfile.TemporaryDirectory() as home:
            files = _files(documents, Path(home, "files")) if name != "gristmill" else ""
            asked = Asked(str(Path(given.docs).resolve()), files, set(documents["id"].to_pylist()), home, given.python, given.cci4, given.graphframes)
            found = SYSTEMS[name](asked)
        gone = found.pop("gone")
        found |= {"left_out": len(gone), **(_held_against(truth, gone) if truth else {})}
        rate = round(megabytes / found["seconds"] / CORES, 2)
        told[name] = {**found, "seconds": round(found["seconds"], 1), "mb_s_core": rate}
        print(f"{name}: {told[name]}", flush=True)
    print(json.dumps(told))


def _held_against(truth: list[dict[str, Any]], gone: set[str]) -> dict[str, float]:
    """recall_70 and right."""
    alike = [row for row in truth if row["jaccard"] >= 0.7]
    found = sum(row["id_a"] in gone or row["id_b"] in gone for row in alike)
    sides = {side for row in truth if row["jaccard"] >= 0.65 for side in (row["id_a"], row["id_b"])}
    return {"recall_70": round(found / max(1, len(alike)), 4), "right": round(len(gone & sides) / max(1, len(gone)), 4)}


def _files(documents: pa.Table, folder: Path) -> str:
    """The documents as FILES Parquet files."""
    folder.mkdir()
    size = -(-documents.num_rows // FILES)
    for number in range(FILES):
        pq.write_table(documents.slice(number * size, size), folder / f"{number}.parquet")
    return str(folder)


if __name__ == "__main__":
    main()
