"""The two public sets of pages with gold text, from their checkouts, in the form that benchmarks.extraction reads.

    python -m benchmarks.extraction_sets wcxb CHECKOUT OUT --split test
    python -m benchmarks.extraction_sets chinese CHECKOUT OUT

OUT gets pages/NAME.html and gold.jsonl. benchmarks/extraction.md says where the checkouts come from.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Gold = dict[str, Any]


def wcxb(checkout: Path, split: str) -> Iterator[tuple[Gold, bytes]]:
    """The pages of one split of the Web Content Extraction Benchmark; its `collection` is sometimes called `category`."""
    for path in sorted((checkout / split / "ground-truth").glob("*.json")):
        held = json.loads(path.read_text("utf-8"))
        truth, kind = held["ground_truth"], ((held.get("_internal") or {}).get("page_type") or {}).get("primary", "article")
        gold = {
            "name": path.stem,
            "text": truth.get("main_content") or "",
            "lang": "en",
            "kind": "collection" if kind == "category" else kind,
            "without": truth.get("without") or [],
            "url": held.get("url") or "",
        }
        yield gold, gzip.decompress((checkout / split / "html" / f"{path.stem}.html.gz").read_bytes())


def chinese(checkout: Path) -> Iterator[tuple[Gold, bytes]]:
    """The 69 pages of the Chinese Web Content Extraction Dataset."""
    for path in sorted((checkout / "cleaned").glob("*.txt")):
        page = checkout / "original" / f"{path.stem}.html"
        gold = {"name": path.stem, "text": path.read_text("utf-8", "replace"), "lang": "zh", "kind": "article"}
        yield gold, page.read_bytes()


def main(argv: list[str] | None = None) -> int:
    """Write one set; returns 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extraction_sets", description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("set", choices=["wcxb", "chinese"])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--split", choices=["dev", "test"], default="test")
    args = parser.parse_args(argv)
    (args.out / "pages").mkdir(parents=True, exist_ok=True)
    n = 0
    with (args.out / "gold.jsonl").open("w", encoding="utf-8") as stream:
        for gold, page in wcxb(args.checkout, args.split) if args.set == "wcxb" else chinese(args.checkout):
            (args.out / "pages" / f"{gold['name']}.html").write_bytes(page)
            stream.write(json.dumps(gold, ensure_ascii=False) + "\n")
            n += 1
    print(f"{n} pages in {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
