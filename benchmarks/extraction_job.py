"""extract_text from WARC to Delta beside a pass that only reads: what `python -m benchmarks.extraction --warc FILE --cluster` measures.

    python -m benchmarks.extraction_job --pages DIR --times 4 --out crawl.warc.gz

writes such a FILE from a folder of NAME.html, each page as often as --times says under addresses of its own.
"""

from __future__ import annotations

import argparse
import functools
import random
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks.support.systems import System
from gristmill.demo.files import Fetched, write_warc
from gristmill.jobs.core import config
from tests.support.warc import warc_members

BUCKETS = 4


def split(warc: Path, folder: Path, n: int) -> tuple[int, int]:
    """Cut a WARC into `n` files of equal numbers of records, since one file is read by one task. Returns records, and bytes unpacked."""
    members = warc_members(warc.read_bytes())
    folder.mkdir(parents=True)
    for i in range(n):
        (folder / f"part-{i}.warc.gz").write_bytes(b"".join(members[len(members) * i // n : len(members) * (i + 1) // n]))
    return len(members), sum(len(zlib.decompress(member, 31)) for member in members)


def job(warc: Path, system: System, engine: str) -> dict[str, Any]:
    """One WARC through extract_text with `engine`, and through the bare pass: megabytes unpacked, seconds, megabytes a second and core."""
    name, crawl = f"{warc.stem}-{engine}", system.home / f"{warc.stem}-{engine}-crawl"
    n_records, n_bytes = split(warc, crawl, 4 * system.cores)
    section = config.load_recipe("conf/jobs/extract_text.yaml").jobs["extract_text"]
    section = {**section, "extract": {**section["extract"], "engine": engine}, "min_kept": 0}
    path = system.home / f"{name}.yaml"
    path.write_text(yaml.safe_dump({"lake": {"path": "unnamed", "buckets": BUCKETS}, "jobs": {"extract_text": section}}), encoding="utf-8")
    found = system.run("gristmill.jobs.extract_text", "--lake", system.address(name), "--recipe", str(path), "--input", str(crawl), "--batch", "crawl")
    bare = system.run("benchmarks.support.bare_crawl", str(crawl), system.address(f"{name}-bare"))
    n_docs = system.rows(name, "pages", "doc_id").num_rows
    told: dict[str, Any] = {"records": n_records, "documents": n_docs, "megabytes": round(n_bytes / 1e6, 1), "packed_megabytes": round(warc.stat().st_size / 1e6, 1)}
    for prefix, each in (("", found), ("bare_", bare)):
        told |= {f"{prefix}seconds": round(each["seconds"], 1), f"{prefix}cpu_seconds": round(each["cpu_seconds"], 1)}
        told |= {f"{prefix}mb_s_core": round(n_bytes / 1e6 / each["seconds"] / system.cores, 2)}
    return told


def fetched(pages: Path, times: int) -> Iterator[Fetched]:
    """Each page as often as `times` says, in an order of its own."""
    paths = sorted(pages.glob("*.html"))
    named = [(path, i) for i in range(times) for path in paths]
    random.Random(7).shuffle(named)
    body = functools.lru_cache(maxsize=64)(Path.read_bytes)
    for path, i in named:
        yield Fetched(f"https://site-{len(path.stem) % 97}.example/{path.stem}/{i}", body(path), headers=(("Content-Type", "text/html"),))


def main() -> int:
    """Writes a WARC; returns 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path, required=True, help="folder of NAME.html")
    parser.add_argument("--times", type=int, default=1, help="how often each page is written (default 1)")
    parser.add_argument("--out", type=Path, required=True, help="the WARC file to write (.warc.gz)")
    given = parser.parse_args()
    write_warc(given.out, fetched(given.pages, given.times))
    return 0


if __name__ == "__main__":
    sys.exit(main())
