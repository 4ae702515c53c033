"""dedup_boilerplate on a file of documents: the text that goes by rule and language, and the same result however the documents come.

    python -m benchmarks.boilerplate --docs corpus.parquet [--rules blocks,cc_net,c4,dclm] [--show 100]

--docs: Parquet with id, text, source, url, domain, lang_hint. Each rule is a run of the job in a lake of its own: `blocks` is
conf/jobs/dedup_boilerplate.yaml, `left` the same with min_left 500, the others are conf/presets/boilerplate_NAME.yaml. `blocks` runs twice: on
one batch, and on the documents in another order, in three batches, one after the other. --show prints so many blocks of each language to
judge by eye, drawn by a hash of their place, at most 3 with one beginning. The last line is JSON, by rule and language:

edits, chars       removed spans, and the share of all characters of the language's documents that they take
documents, out     documents with an edit, and documents left out as mostly_boilerplate
out_chars          share of all characters that is in documents left out
seconds            of the job
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gristmill.benchmarks.inputs import need_columns

COLUMNS = ("id", "text", "source", "url", "domain", "lang_hint")
LANGUAGES = ("en", "zh")
SHOWN_CHARS = 300
OF_ONE_KIND = 3  # blocks with the same beginning
BEGINNING = 40  # characters
MIN_LEFT = 500  # characters, of the rule `left`


def sections(rule: str) -> dict[str, dict[str, Any]]:
    """Sections of a recipe: an ingest of such a file, and dedup_boilerplate without earlier filters."""
    from gristmill.jobs.core import config

    fields = {"text": "text", "native_key": "id", "source": "source", "url": "url", "domain_hint": "domain", "lang_hint": "lang_hint"}
    formats = [{"glob": "*", "format": "parquet", "encoding": "utf-8", "columns": fields}]
    ingest = {"formats": formats, "batch_per_folder": False, "data_docs": False, "max_row_bytes": 1 << 28, "max_reject_ratio": 1.0, "same_id": "newest"}
    shipped = {name: config.load_recipe(f"conf/jobs/{name}.yaml").jobs[name] for name in ("ingest_docs", "dedup_boilerplate")}
    given = {"skip_rejected_by": [], "min_kept": 0, "ranking": [{"by": "n_bytes", "prefer": "high"}]}
    job = {**shipped["dedup_boilerplate"], **given}
    if rule == "left":
        job["rule"] = {**job["rule"], "min_left": MIN_LEFT}
    elif rule != "blocks":
        job["rule"] = f"conf/presets/boilerplate_{rule}.yaml"
    return {"ingest_docs": {**shipped["ingest_docs"], **ingest}, "dedup_boilerplate": job}


def run(folders: list[Path], rule: str, home: Path) -> tuple[set[tuple[str, int, int]], set[str], float]:
    """The job after each of the batches: (id, start, end) of its edits, ids of the documents left out, seconds."""
    from gristmill.jobs import dedup_boilerplate, ingest_docs
    from gristmill.jobs.core import config
    from gristmill.jobs.runner.main import open_lake
    from gristmill.jobs.runner.run import run_job
    from gristmill.jobs.schema.documents import DOCS, EDITS, VERDICTS

    made = sections(rule)
    ingest = config.validate(ingest_docs.Params, made["ingest_docs"], "boilerplate: ingest_docs")
    params = config.validate(dedup_boilerplate.Params, made["dedup_boilerplate"], "boilerplate: dedup_boilerplate")
    lake = open_lake(config.load_recipe("conf/jobs/dedup_boilerplate.yaml"), str(home), "boilerplate")
    seconds = 0.0
    for folder in folders:
        run_job(ingest_docs.JOB, ingest, lake, inputs=str(folder), batch=folder.name)
        seconds += run_job(dedup_boilerplate.JOB, params, lake).seconds
    keys = {row.doc_id: row.native_key for row in lake.read(DOCS).select("doc_id", "native_key").collect()}
    edits = {(keys[row.doc_id], row.start, row.end) for row in lake.read(EDITS).select("doc_id", "start", "end").collect()}
    out = {keys[row.doc_id] for row in lake.read(VERDICTS).select("doc_id").collect()} if lake.exists(VERDICTS) else set()
    return edits, out, seconds


def figures(rows: dict[str, dict[str, Any]], edits: set[tuple[str, int, int]], out: set[str]) -> dict[str, dict[str, Any]]:
    """The figures of the module's docstring, by language."""
    told = {}
    for lang in LANGUAGES:
        chars = sum(len(row["text"]) for row in rows.values() if row["lang_hint"] == lang)
        of_lang = [edit for edit in edits if rows[edit[0]]["lang_hint"] == lang]
        left_out = [key for key in out if rows[key]["lang_hint"] == lang]
        told[lang] = {
            "edits": len(of_lang), "chars": round(sum(end - start for _, start, end in of_lang) / max(chars, 1), 4), "documents": len({key for key, *_ in of_lang}),
            "out": len(left_out), "out_chars": round(sum(len(rows[key]["text"]) for key in left_out) / max(chars, 1), 4),
        }  # fmt: skip
    return told


def show(rows: dict[str, dict[str, Any]], edits: set[tuple[str, int, int]], n: int) -> None:
    """Print `n` blocks of each language."""
    for lang in LANGUAGES:
        kinds, printed = Counter[str](), 0
        for key, start, end in sorted(edits, key=lambda edit: hashlib.blake2b(f"{edit[0]} {edit[1]}".encode()).digest()):
            text = " ⏎ ".join(line for line in (line.strip() for line in rows[key]["text"][start:end].split("\n")) if line)
            kinds[text[:BEGINNING]] += 1
            if rows[key]["lang_hint"] != lang or kinds[text[:BEGINNING]] > OF_ONE_KIND or printed == n:
                continue
            printed += 1
            print(f"{lang} {printed} | {rows[key]['url'] or rows[key]['source']} | {end - start} | {text[:SHOWN_CHARS]}")


def write(table: pa.Table, folder: Path, order: list[int]) -> Path:
    """One Parquet file of the rows `order` in a folder."""
    folder.mkdir(parents=True)
    pq.write_table(table.take(order), folder / "docs.parquet", row_group_size=4096)
    return folder


def main() -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=Path, required=True, help="Parquet file with id, text, source, url, domain, lang_hint")
    parser.add_argument("--rules", default="blocks,left,cc_net,c4,dclm", help="rules to run, by comma")
    parser.add_argument("--show", type=int, default=0, help="blocks of each language to print")
    args = parser.parse_args()
    need_columns(args.docs, *COLUMNS)
    table = pq.read_table(args.docs, columns=list(COLUMNS))
    table = table.set_column(0, "id", table["id"].cast(pa.string()))
    rows = {row["id"]: row for row in table.to_pylist()}
    told: dict[str, Any] = {"documents": len(rows)}
    with tempfile.TemporaryDirectory() as home:
        at = list(range(len(table)))
        whole = write(table, Path(home, "whole", "all"), at)
        for rule in args.rules.split(","):
            edits, out, seconds = run([whole], rule, Path(home, f"lake-{rule}"))
            told[rule] = {**figures(rows, edits, out), "seconds": round(seconds, 1)}
            if rule == "blocks":
                show(rows, edits, args.show)
                random.Random(7).shuffle(at)
                parts = [write(table, Path(home, "parts", f"batch-{i}"), at[i::3]) for i in range(3)]
                others, others_out, other_seconds = run(parts, rule, Path(home, "lake-parts"))
                told["three_batches"] = {"same": (others, others_out) == (edits, out), "seconds": round(other_seconds, 1)}
                print("three_batches", json.dumps(told["three_batches"]), flush=True)
            print(rule, json.dumps(told[rule]), flush=True)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
