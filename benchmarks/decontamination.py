"""Planted benchmark questions: recall, precision and speed of the search.

    python -m benchmarks.decontamination --docs FILE --truth FILE --benchmarks FILE [--misses] [--plain]

Parquet files. `--docs`: id, text. `--truth`: id, contaminated (1 or 0), kind, question_id (empty for none). `--benchmarks`:
id, benchmark, question. A document counts as found when any item is found in it; `named` is the share of those found in
which the planted question itself is among the items. `mb_s_core` is from text to rows on one core, index ready, compiled.
`--misses` prints each error. `--plain` also measures a baseline, shared n-grams of the same tokens. The last line is one JSON object.
"""

import argparse
import json
import os
import re
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.inputs import need_columns
from gristmill.udfs.contamination.search import OverlapParams, build_index, find_items
from gristmill.udfs.text.folding import FoldParams, fold_text

Figures = dict[str, Any]


def main(argv: list[str] | None = None) -> int:
    """Measure and print; 0."""
    parser = argparse.ArgumentParser("benchmarks.decontamination", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, about in (("docs", "id, text"), ("truth", "id, contaminated, kind, question_id"), ("benchmarks", "id, benchmark, question")):
        parser.add_argument(f"--{name}", required=True, type=Path, help=f"Parquet: {about}")
    parser.add_argument("--misses", action="store_true", help="print every mistake")
    parser.add_argument("--plain", action="store_true", help="shared n-grams as a comparison")
    args = parser.parse_args(argv)
    if args.plain:
        for n in (8, 13):
            print(f"any shared {n}-gram:", json.dumps(plain(args.docs, args.truth, args.benchmarks, n)))
    print(json.dumps(measure(args.docs, args.truth, args.benchmarks, show=args.misses)))
    return 0


def read(path: Path, *columns: str) -> pa.Table:
    """The named columns of a Parquet file. Exits with a sentence when there is no such file or column."""
    need_columns(path, *columns)
    return pq.read_table(path, columns=list(columns))


def measure(docs_file: Path, truth_file: Path, benchmarks_file: Path, *, rounds: int = 5, show: bool = False, params: OverlapParams | None = None) -> Figures:
    """The figures; the speed is the best of `rounds`."""
    docs, items = read(docs_file, "id", "text"), read(benchmarks_file, "id", "benchmark", "question")
    truth = {row["id"]: row for row in read(truth_file, "id", "contaminated", "kind", "question_id").to_pylist()}
    texts = docs["text"].combine_chunks()
    index = build_index(items["question"], params)
    find_items(texts.slice(0, 2), index)  # compiles
    seconds = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        rows = find_items(texts, index)
        seconds = min(seconds, time.perf_counter() - began)
    ids, names = docs["id"].to_pylist(), items["id"].to_pylist()
    found: dict[str, list[dict[str, Any]]] = {}
    for row in rows.to_pylist():
        found.setdefault(ids[row["row"]], []).append(row)
    figures = quality([truth[i] for i in ids], set(found))
    hits = [i for i in ids if i in found and truth[i]["contaminated"]]
    figures["named"] = share(sum(any(names[row["item"]] == truth[i]["question_id"] for row in found[i]) for i in hits), len(hits))
    size = pc.sum(pc.binary_length(texts)).as_py() / 1e6
    figures |= {"mb_s_core": round(size / seconds, 1), "megabytes": round(size, 2), "items": len(items), "items_too_short": int((~index.searchable).sum())}
    if show:
        for i, text in zip(ids, docs["text"].to_pylist(), strict=True):
            if bool(truth[i]["contaminated"]) != (i in found):
                print("missed" if truth[i]["contaminated"] else "false", truth[i])
                for row in found.get(i, []):
                    print("   ", round(row["score"], 3), row["longest_match_words"], names[row["item"]], repr(text[row["start"] : row["end"]]))
    return figures


def quality(truth: list[dict[str, Any]], found: set[str]) -> Figures:
    """Recall and precision over documents, recall by kind of edit, false alarms by kind of document."""
    planted = Counter(row["kind"] for row in truth if row["contaminated"])
    met = Counter(row["kind"] for row in truth if row["contaminated"] and row["id"] in found)
    false = Counter(row["kind"] for row in truth if not row["contaminated"] and row["id"] in found)
    return {
        "recall": share(met.total(), planted.total()),
        "precision": share(met.total(), met.total() + false.total()),
        "recall_by_edit": {kind: share(met[kind], n) for kind, n in sorted(planted.items())},
        "false_by_kind": dict(sorted(false.items())),
        "documents": len(truth),
        "planted": planted.total(),
    }


def share(part: int, whole: int) -> float:
    """Four digits; 1 of nothing."""
    return round(part / whole, 4) if whole else 1.0


def plain(docs_file: Path, truth_file: Path, benchmarks_file: Path, n: int) -> Figures:
    """What any shared n-gram of the same tokens finds, with sets in Python."""

    def grams(text: str) -> set[tuple[str, ...]]:
        tokens = re.findall(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+", fold_text(text, FoldParams()))
        return {tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)}

    docs, items = read(docs_file, "id", "text").to_pylist(), read(benchmarks_file, "question")["question"].to_pylist()
    truth = {row["id"]: row for row in read(truth_file, "id", "contaminated", "kind").to_pylist()}
    known = set().union(*map(grams, items))
    found = {doc["id"] for doc in docs if not known.isdisjoint(grams(doc["text"]))}
    return quality([truth[doc["id"]] for doc in docs], found)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    sys.exit(main())
