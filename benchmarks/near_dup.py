"""Recall and precision of dedup_minhash on labelled near-duplicates.

    python -m benchmarks.near_dup --docs data/neardup_docs_dev.parquet --truth data/neardup_truth_dev.parquet

Documents (id, text, source, lang) are ingested into a lake of their own and go through dedup_minhash with conf/jobs/dedup_minhash.yaml, as
`curate` would run it, but without earlier filters and with a ranking by bytes. Truth (id_a, id_b, lang, jaccard) is all pairs at Jaccard .5 and
above. The last line is JSON, by language:

recall_70, recall_80   share of true pairs at Jaccard >= .7 (.8) with at least one rejected document
pair_recall_70         share of true pairs at Jaccard >= .7 that are accepted in `pairs` (or have one shingle set)
family_recall_70       share of true pairs at Jaccard >= .7 whose documents are in one family (connected by verified pairs, as other tools' clusters)
precision              share of rejected documents whose true Jaccard with their survivor is >= threshold - .05
both_survive           share of true pairs at the threshold or above of which both documents are kept
left_out, documents    documents
seconds                of the dedup_minhash job, both languages together
border_left_out        with --border (pairs from .3 to .5): documents rejected for a survivor that the border file pairs them with
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

DOCS, TRUTH = ("id", "text", "lang"), ("id_a", "id_b", "lang", "jaccard")


@dataclass(frozen=True)
class Found:
    """What the job left in its tables, by the ids of the docs file."""

    left_out: dict[str, str]  # document to the survivor that it names
    family: dict[str, str]  # document to family (connected by verified pairs); only those that are in one
    accepted: set[tuple[str, str]]  # pairs of classes, either way round
    shingle_set: dict[str, str]  # document to its class
    seconds: float


def scores(pairs: list[dict[str, Any]], ids: set[str], found: Found, limit: float) -> dict[str, Any]:
    """The figures of the module's docstring for truth `pairs` among the documents `ids` of one language."""
    known = {frozenset((row["id_a"], row["id_b"])): row["jaccard"] for row in pairs}
    alike = {floor: [row for row in pairs if row["jaccard"] >= floor] for floor in (0.7, 0.8, limit)}

    def share(rows: list[dict[str, Any]], is_found: Any) -> float | None:
        return sum(bool(is_found(row["id_a"], row["id_b"])) for row in rows) / len(rows) if rows else None

    def one_goes(a: str, b: str) -> bool:
        return a in found.left_out or b in found.left_out

    def accepted(a: str, b: str) -> bool:
        classes = found.shingle_set.get(a, a), found.shingle_set.get(b, b)
        return classes[0] == classes[1] or classes in found.accepted

    out = {a: b for a, b in found.left_out.items() if a in ids}
    right = sum(known.get(frozenset((a, b)), 0.0) >= limit - 0.05 for a, b in out.items())
    return {
        "recall_70": share(alike[0.7], one_goes), "recall_80": share(alike[0.8], one_goes),
        "pair_recall_70": share(alike[0.7], accepted),
        "family_recall_70": share(alike[0.7], lambda a, b: found.family.get(a, a) == found.family.get(b, b)),
        "precision": right / len(out) if out else None,
        "both_survive": share(alike[limit], lambda a, b: not one_goes(a, b)),
        "left_out": len(out), "documents": len(ids), "seconds": round(found.seconds, 1),
    }  # fmt: skip


def read(path: str, columns: tuple[str, ...]) -> pa.Table:
    """The named columns of a Parquet file; exits with a line that says what is missing."""
    if not Path(path).exists():
        sys.exit(f"near_dup: {path}: no such file; name a Parquet file with the columns {', '.join(columns)}")
    missing = sorted(set(columns) - set(pq.read_schema(path).names)) if Path(path).is_file() else []
    if missing:
        sys.exit(f"near_dup: {path}: columns {', '.join(missing)} are missing (it has {', '.join(pq.read_schema(path).names)})")
    return pq.read_table(path, columns=list(columns))


def pairs_of(path: str, langs: dict[str, str]) -> list[dict[str, Any]]:
    """Rows of a truth file about the languages that the documents have; exits when one names a document that is not among them."""
    rows = [row for row in read(path, TRUTH).to_pylist() if row["lang"] in set(langs.values())]
    rows = [{**row, "id_a": str(row["id_a"]), "id_b": str(row["id_b"])} for row in rows]
    strangers = {row[side] for row in rows for side in ("id_a", "id_b")} - set(langs)
    if strangers:
        sys.exit(f"near_dup: {path}: {len(strangers)} ids, such as {min(strangers)}, are not among the documents; give the truth of these documents")
    return rows


def recipes() -> dict[str, dict[str, Any]]:
    """Sections of a recipe: conf/jobs/ingest_docs.yaml for Parquet of (id, text), and conf/jobs/dedup_minhash.yaml without an earlier judge.

    One source for all and the id as its key, so that the same text under two ids stays two documents; the ranking needs no measured table.
    """
    from gristmill.jobs.core import config

    columns = {"text": "text", "native_key": "id", "source": "=near_dup"}
    formats = [{"glob": "*", "format": "parquet", "encoding": "utf-8", "columns": columns}]
    ingest = {"formats": formats, "batch_per_folder": False, "data_docs": False, "max_row_bytes": 1 << 28, "max_reject_ratio": 1.0}
    dedup: dict[str, Any] = {"skip_rejected_by": [], "ranking": [{"by": "n_bytes", "prefer": "high"}], "min_kept": 0}
    shipped = {name: config.load_recipe(f"conf/jobs/{name}.yaml").jobs[name] for name in ("ingest_docs", "dedup_minhash")}
    return {"ingest_docs": {**shipped["ingest_docs"], **ingest}, "dedup_minhash": {**shipped["dedup_minhash"], **dedup}}


def run(docs: str, home: str) -> tuple[Found, float]:
    """Ingest the file and dedup it in a lake at `home`; what was found, and the limit of the recipe."""
    from gristmill.jobs import dedup_minhash, ingest_docs
    from gristmill.jobs.core import config
    from gristmill.jobs.runner.main import open_lake
    from gristmill.jobs.runner.run import run_job

    sections = recipes()
    ingest = config.validate(ingest_docs.Params, sections["ingest_docs"], "near_dup: ingest_docs")
    params = config.validate(dedup_minhash.Params, sections["dedup_minhash"], "near_dup: dedup_minhash")
    lake = open_lake(config.load_recipe("conf/jobs/dedup_minhash.yaml"), home, "near_dup")
    run_job(ingest_docs.JOB, ingest, lake, inputs=str(Path(docs).resolve()), batch="docs")
    outcome = run_job(dedup_minhash.JOB, params, lake)
    return found_in(lake, outcome.seconds), params.min_similarity


def found_in(lake: Any, seconds: float) -> Found:
    """What dedup_minhash left in a lake's tables, by native key."""
    from gristmill.jobs.schema import catalog
    from gristmill.jobs.schema.documents import DOCS

    keys = {row.doc_id: row.native_key for row in lake.read(DOCS).select("doc_id", "native_key").collect()}
    classes = classes_of(lake.read(catalog.table("sketches")).select("ids", "n_shingles", "set_hash").toPandas())
    pairs = lake.read(catalog.table("pairs")).where("is_accepted").select("doc_a", "doc_b").collect()
    both = {(classes[row.doc_a], classes[row.doc_b]) for row in pairs}
    rows = lake.read(catalog.table("duplicates")).where("job = 'dedup_minhash'").collect()
    # A survivor that nobody names has no row of its own; it belongs to the family of those that it is a verified pair with.
    of_class = {classes[row.doc_id]: row.family_id for row in rows} | {classes[row.dup_of]: row.family_id for row in rows}
    for one, other in [*both, *((b, a) for a, b in both)]:
        of_class.setdefault(one, of_class.get(other, one))
    family = {keys[doc_id]: of_class[name] for doc_id, name in classes.items() if name in of_class}
    left_out = {keys[row.doc_id]: keys[row.dup_of] for row in rows}
    return Found(left_out, family, both | {(b, a) for a, b in both}, {keys[doc_id]: name for doc_id, name in classes.items()}, seconds)


def classes_of(blocks: Any) -> dict[str, str]:
    """By doc_id the hash of each document's shingle set, of those that have one."""
    import numpy as np

    from gristmill.udfs.dedup.doc_ids import doc_ids, ids_in

    found: dict[str, str] = {}
    for ids, n_shingles, set_hash in blocks.itertuples(index=False):
        halves, has_some = ids_in(ids), np.frombuffer(n_shingles, np.int32) > 0
        names = doc_ids(halves[:, 0], halves[:, 1]).to_pylist()
        sets = np.frombuffer(set_hash, np.int64).tolist()
        found |= {name: str(each) for name, each, some in zip(names, sets, has_some, strict=True) if some}
    return found


def main() -> None:
    """Run once on a lake in a temporary folder; see the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", required=True, help="Parquet file: id, text, lang (one language or several)")
    parser.add_argument("--truth", required=True, help="Parquet file: id_a, id_b, lang, jaccard; every pair from .5 on")
    parser.add_argument("--border", help="Parquet file like --truth of the pairs below .5")
    parser.add_argument("--out", help="folder to keep the lake in, which must not be there yet (default: a temporary one)")
    given = parser.parse_args()
    os.environ.setdefault("GRISTMILL_MASTER", "local[2]")
    langs = {str(row["id"]): row["lang"] or "none" for row in read(given.docs, DOCS).select(["id", "lang"]).to_pylist()}
    if len(langs) < read(given.docs, ("id",)).num_rows:
        sys.exit(f"near_dup: {given.docs}: an id stands in more than one row; ids name documents here")
    truth, border = pairs_of(given.truth, langs), pairs_of(given.border, langs) if given.border else None
    if given.out and Path(given.out).exists():
        sys.exit(f"near_dup: {given.out}: is already there; name a folder that is not, or the lake would hold two sets")
    with tempfile.TemporaryDirectory() as home:
        found, limit = run(given.docs, given.out or str(Path(home, "lake")))
    told: dict[str, Any] = {}
    for lang in sorted(set(langs.values())):
        ids = {doc for doc, of in langs.items() if of == lang}
        told[lang] = scores([row for row in truth if row["lang"] == lang], ids, found, limit)
        if border is not None:
            low = {frozenset((row["id_a"], row["id_b"])) for row in border if row["lang"] == lang}
            told[lang]["border_left_out"] = sum(frozenset(pair) in low for pair in found.left_out.items())
        print(lang, json.dumps(told[lang]))
    print(json.dumps(told))


if __name__ == "__main__":
    main()
