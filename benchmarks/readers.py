"""The readers compared with the libraries alone, on one core: the cost of checks, identity and bounds.

    python -m benchmarks.readers --docs FILE [--repeat N]

`--docs`: Parquet with `text`, and any of `id`, `url`, `source`, `domain`, `lang_hint`, `license`. It is rewritten as JSON Lines
(plain, ASCII-escaped, gzip, zstd), as Parquet and as WET in a temporary folder. CPU seconds, the best of N interleaved runs, as MB/s of
the decompressed bytes of the lines (Parquet: of the text). The last line is one JSON object.
"""

import argparse
import gzip
import hashlib
import io
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard
from fastwarc.warc import ArchiveIterator

from gristmill.jobs.core.config import load_recipe
from gristmill.udfs.read.readers import ReadParams, as_rows, plan_units, read_units

THEIRS = {"text": "text", "native_key": "id", "url": "url", "domain_hint": "domain", "lang_hint": "lang_hint", "license": "license"}


def main(argv: list[str] | None = None) -> int:
    """Measure and print; 0."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", required=True)
    parser.add_argument("--repeat", type=int, default=3)
    args = parser.parse_args(argv)
    docs = pq.read_table(args.docs)
    with tempfile.TemporaryDirectory() as home:
        sizes = write(docs, Path(home))
        best = measured(contests(Path(home)), args.repeat)
    figures: dict[str, object] = {"rows": docs.num_rows, "cores": 1}
    for name, seconds in best.items():
        megabytes = sizes["text" if name.startswith(("parquet", "frame")) else "ascii" if name.startswith("ascii") else "lines"] / 1e6
        figures[name] = round(megabytes / seconds)
        print(f"{name:<32}{megabytes / seconds:7.0f} MB/s {docs.num_rows / seconds:9.0f} rows/s")
    print(json.dumps(figures))
    return 0


def write(docs: pa.Table, home: Path) -> dict[str, int]:
    """The same documents in every format; bytes of the lines, of the escaped lines and of the text."""
    rows = docs.to_pylist()
    lines = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
    ascii_lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    (home / "plain.jsonl").write_bytes(lines)
    (home / "ascii.jsonl").write_bytes(ascii_lines)
    (home / "gz.jsonl.gz").write_bytes(gzip.compress(lines, 6))
    (home / "zst.jsonl.zst").write_bytes(zstandard.compress(lines, 3))
    with open(home / "wet.warc.wet.gz", "wb") as file:
        for i, row in enumerate(rows):
            body = row["text"].encode()
            head = f"WARC/1.0\r\nWARC-Type: conversion\r\nWARC-Target-URI: http://x/{i}\r\nWARC-Record-ID: <urn:uuid:{i}>\r\nContent-Length: {len(body)}\r\n\r\n"
            file.write(gzip.compress(head.encode() + body + b"\r\n\r\n", 6))
    pq.write_table(docs, home / "docs.parquet", compression="zstd")
    return {"lines": len(lines), "ascii": len(ascii_lines), "text": sum(len(row["text"].encode()) for row in rows)}


def contests(home: Path) -> dict[str, Callable[[], object]]:
    """Name -> what is timed; each bare library stands before ours."""
    columns = set(pq.read_schema(home / "docs.parquet").names)
    mapped = {ours: theirs for ours, theirs in THEIRS.items() if theirs in columns} | {"source": "source" if "source" in columns else "=web"}
    shipped = load_recipe("conf/jobs/ingest_docs.yaml").jobs["ingest_docs"]
    bounds = {name: shipped[name] for name in ("max_row_bytes", "max_raw_bytes", "max_unpacked_bytes", "max_unpack_ratio")}
    params = ReadParams(columns=mapped, **bounds)

    def ours(name: str, format: str, how: ReadParams = params) -> Callable[[], object]:
        units = plan_units([(str(home / name), 1)], format, 1 << 40)
        return lambda: sum(batch.num_rows for batch in read_units(units.to_batches(), how))

    frame = pq.read_table(home / "docs.parquet")
    frame = frame.append_column("_path", pa.repeat(pa.scalar("x"), len(frame))).append_column("_row", pa.array(range(len(frame))))
    return {
        "jsonl, bare json.loads": lambda: parsed(open(home / "plain.jsonl", "rb")),
        "jsonl, ours": ours("plain.jsonl", "jsonl"),
        "ascii jsonl, bare json.loads": lambda: parsed(open(home / "ascii.jsonl", "rb")),
        "ascii jsonl, ours": ours("ascii.jsonl", "jsonl"),
        "gz, bare gzip + json.loads": lambda: parsed(gzip.open(home / "gz.jsonl.gz")),
        "gz, ours": ours("gz.jsonl.gz", "jsonl"),
        "zst, bare zstandard + json.loads": lambda: parsed(io.BufferedReader(zstandard.open(home / "zst.jsonl.zst", "rb"), 1 << 20)),
        "zst, ours": ours("zst.jsonl.zst", "jsonl"),
        "wet, bare fastwarc": lambda: warc(home / "wet.warc.wet.gz"),
        "wet, ours": ours("wet.warc.wet.gz", "wet", ReadParams(columns={"source": "=cc"}, **bounds)),
        "parquet, bare pyarrow": lambda: sum(batch.num_rows for batch in bare(home)),
        "parquet, pyarrow + two hashes": lambda: hashed(bare(home)),
        "parquet, ours": ours("docs.parquet", "parquet"),
        "frame, ours": lambda: sum(batch.num_rows for batch in as_rows(frame.to_batches(1024), params)),
    }


def parsed(lines: Iterator[bytes]) -> int:
    """json.loads of every line."""
    with lines as held:  # type: ignore[attr-defined]
        return sum(len(json.loads(line)) for line in held)


def warc(path: Path) -> int:
    """Every record's body by fastwarc."""
    with open(path, "rb") as raw:
        return sum(len(record.reader.read()) for record in ArchiveIterator(raw))


def bare(home: Path) -> Iterator[pa.RecordBatch]:
    """The file as pyarrow streams it."""
    return pq.ParquetFile(home / "docs.parquet").iter_batches(batch_size=1024, use_threads=False)


def hashed(batches: Iterator[pa.RecordBatch]) -> int:
    """The floor of any reader that gives identity: two hashes a row."""
    n = 0
    for batch in batches:
        for text in batch.column("text").cast(pa.binary()).to_pylist():
            digest = hashlib.blake2b(text, digest_size=16).hexdigest()
            n += len(hashlib.blake2b(digest.encode(), digest_size=16).hexdigest())
    return n


def measured(contestants: dict[str, Callable[[], object]], repeat: int) -> dict[str, float]:
    """Best CPU seconds of each; the rounds are interleaved, since other work comes and goes on the machine."""
    best = dict.fromkeys(contestants, float("inf"))
    for _ in range(repeat):
        for name, run in contestants.items():
            start = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - start)
    return best


if __name__ == "__main__":
    sys.exit(main())
