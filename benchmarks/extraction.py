"""Main content of pages against gold text, by engine and language; the speed of one core.

    python -m benchmarks.extraction --pages DIR --gold FILE [--engines cascade,resiliparse,trafilatura]
    python -m benchmarks.extraction --warc FILE --cluster [--engines cascade]

DIR has NAME.html files; FILE is JSON Lines with `name`, `text`, `lang`, `kind` and, where known, `without` (phrases of boilerplate). Each page goes
through gristmill.udfs.crawl.extract, from its bytes on, with the numbers of RECIPE. Scores of one page: words that text and gold have in common, each as
often as in the one where it is rarer; for `zh` a Han character is a word. F1, precision and recall are means over pages, as WCXB does it; a page that is refused has an
empty text. `boilerplate`: share of the phrases of `without` that stand in the text. Seconds are CPU time, all of `extract` included.
Last line: JSON by engine, then language.

With --warc the pages of a WARC file (benchmarks/extraction_job.py writes one of DIR) go through extract_text with conf/jobs/extract_text.yaml, from WARC to Delta, in
its own process on two cores: by `python -m` with --master, by spark-submit on a standalone cluster with --cluster. `warc` of the engine then has records, documents,
megabytes (unpacked), seconds, cpu_seconds and mb_s_core (megabytes / seconds / cores), and with `bare_` the same of a pass that only reads the records.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import extraction_job
from benchmarks.support.systems import add_options, system_of
from gristmill.udfs.crawl.cascade import CascadeParams
from gristmill.udfs.crawl.extract import EXTRACTORS, ExtractParams, extract
from gristmill.udfs.crawl.pages import Page
from gristmill.udfs.read.values import Reject

WORD = re.compile(r"\w+")
HAN_OR_WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W\u3400-\u9fff\uf900-\ufaff]+")
RECIPE: dict[str, Any] = {
    "max_nodes": 100_000,
    "max_depth": 512,
    "max_attributes": 1000,
    "max_bad_share": 0.001,
    "cascade": CascadeParams(min_probability=0.3, prose_words=100, caution=0.5, vote_han_share=0.3, doubt=0.7),
}


def words_of(text: str, lang: str) -> Counter[str]:
    """What is compared."""
    return Counter((HAN_OR_WORD if lang == "zh" else WORD).findall(text.lower()))


def scores(text: str, gold: dict[str, Any]) -> dict[str, float]:
    """F1, precision, recall of one page, and the share of its boilerplate phrases that were kept (absent where the gold has none)."""
    found, wanted = words_of(text, gold["lang"]), words_of(gold["text"], gold["lang"])
    common = sum((found & wanted).values())
    precision = common / found.total() if found else float(not wanted)
    recall = common / wanted.total() if wanted else float(not found)
    result = {"f1": 2 * precision * recall / (precision + recall) if common else float(not found and not wanted), "precision": precision, "recall": recall}
    if phrases := gold.get("without"):
        result["boilerplate"] = sum(phrase.lower() in text.lower() for phrase in phrases) / len(phrases)
    return result


def read_gold(path: Path) -> list[dict[str, Any]]:
    """The rows of a gold file."""
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def run(engine: str, pages: Path, golds: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows of `golds` with the scores of one engine, its seconds, bytes, extractor and reason of refusal."""
    params = ExtractParams(engine=engine, **RECIPE)
    rows = []
    for gold in golds:
        body = (pages / f"{gold['name']}.html").read_bytes()
        page, text, row = Page(gold["name"], "", body, url=gold.get("url")), "", dict(gold, bytes=len(body))
        start = time.process_time()
        try:
            made = extract(page, params)
            text, row["extractor"] = made.text, made.extractor
        except Reject as reject:
            row["reason"] = reject.reason
        row["seconds"] = time.process_time() - start
        rows.append(row | scores(text, gold))
    return rows


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Means over pages, and the speed."""
    seconds = sum(row["seconds"] for row in rows)
    told: dict[str, Any] = {name: mean(rows, name) for name in ("f1", "precision", "recall", "boilerplate")}
    told |= {"pages": len(rows), "pages_per_s": round(len(rows) / seconds, 1), "mb_per_s": round(sum(row["bytes"] for row in rows) / seconds / 1e6, 2)}
    told["refused"] = dict(Counter(row["reason"] for row in rows if "reason" in row))
    told["extractors"] = dict(Counter(row["extractor"] for row in rows if "extractor" in row))
    by_kind = defaultdict(list)
    for row in rows:
        by_kind[row.get("kind") or "unknown"].append(row)
    return told | {"by_kind": {kind: {"pages": len(those), "f1": mean(those, "f1")} for kind, those in sorted(by_kind.items())}}


def mean(rows: Sequence[dict[str, Any]], name: str) -> float | None:
    """Of the rows that have it."""
    values = [row[name] for row in rows if name in row]
    return round(sum(values) / len(values), 4) if values else None


def measure(engine: str, pages: Path, gold: Path, rows_to: Path | None) -> dict[str, Any]:
    """The summary of one engine by language; the scores of each page are added to the file `rows_to`."""
    golds = read_gold(gold)
    # what is compiled or imported once is not the page's
    run(engine, pages, golds[:3])
    rows = run(engine, pages, golds)
    told = {lang: summary([row for row in rows if row["lang"] == lang]) for lang in sorted({row["lang"] for row in rows})}
    for lang, each in told.items():
        print(f"{engine:12} {lang}  F1 {each['f1']:.3f}  P {each['precision']:.3f}  R {each['recall']:.3f}  boilerplate {each['boilerplate']}  {each['pages_per_s']} pages/s")
        print("             " + "  ".join(f"{kind} {held['f1']:.3f} ({held['pages']})" for kind, held in each["by_kind"].items()))
    if rows_to:
        with rows_to.open("a", encoding="utf-8") as stream:
            stream.writelines(json.dumps({"engine": engine} | {key: value for key, value in row.items() if key not in ("text", "without")}) + "\n" for row in rows)
    return told


def main(argv: list[str] | None = None) -> int:
    """Measure each engine; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extraction")
    parser.add_argument("--pages", type=Path, metavar="DIR")
    parser.add_argument("--gold", type=Path, metavar="FILE")
    parser.add_argument("--engines", default=",".join(EXTRACTORS))
    parser.add_argument("--rows", type=Path, metavar="FILE", help="write the scores of each page, JSON Lines")
    parser.add_argument("--warc", type=Path, metavar="FILE", help="a crawl that goes through extract_text")
    add_options(parser)
    args = parser.parse_args(argv)
    if bool(args.pages) != bool(args.gold) or not (args.pages or args.warc):
        parser.error("give --pages with --gold, or --warc, or all of them")
    told: dict[str, dict[str, Any]] = {engine: {} for engine in args.engines.split(",")}
    for engine, of_engine in told.items():
        if args.pages:
            of_engine |= measure(engine, args.pages, args.gold, args.rows)
    if args.warc:
        with tempfile.TemporaryDirectory(dir=args.scratch) as folder, system_of(args, Path(folder)) as system:
            for engine, of_engine in told.items():
                of_engine["warc"] = extraction_job.job(args.warc, system, engine)
                print(f"{engine:12} {of_engine['warc']}", flush=True)
    print(json.dumps(told))
    return 0


if __name__ == "__main__":
    sys.exit(main())
