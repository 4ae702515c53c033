"""The raw files of the demo corpus, written so that the same rows give the same bytes.

Each writer takes rows (dictionaries of strings, or ready lines of bytes for the broken ones) in the order of the file.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import uuid
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

Row = dict[str, str]
COLUMNS = ("id", "text", "url", "source", "domain", "lang_hint", "license")
CRAWL_DATE = "2026-11-01T00:00:00Z"


def _lines(rows: Iterable[Row | bytes], encoding: str) -> list[bytes]:
    return [row if isinstance(row, bytes) else json.dumps(row, ensure_ascii=False).encode(encoding) for row in rows]


def write_jsonl(path: Path, rows: Iterable[Row | bytes], encoding: str = "utf-8") -> None:
    """JSON Lines; `.gz` and `.zst` are compressed."""
    data = b"".join(line + b"\n" for line in _lines(rows, encoding))
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)
    elif path.suffix == ".zst":
        data = zstandard.ZstdCompressor(level=3).compress(data)
    path.write_bytes(data)


def write_cut_gzip(path: Path, rows: list[Row], n_whole: int) -> None:
    """A gzip of JSON Lines that ends in the middle of row `n_whole`; all before it can be read.

    A full flush after each good row writes it out completely, so that no version of zlib keeps a part of it buffered.
    """
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    lines = _lines(rows, "utf-8")
    data = b"".join(packer.compress(line + b"\n") + packer.flush(zlib.Z_FULL_FLUSH) for line in lines[:n_whole])
    rest = packer.compress(b"\n".join(lines[n_whole:])) + packer.flush()
    path.write_bytes(data + rest[: len(rest) // 3])


def write_parquet(path: Path, rows: list[dict[str, str | None]]) -> None:
    """Parquet with the columns of the reader, in row groups of 200."""
    schema = pa.schema([(name, pa.string()) for name in COLUMNS])
    pq.write_table(pa.Table.from_pylist(rows, schema=schema), path, row_group_size=200, compression="zstd")


def write_texts(folder: Path, rows: Iterable[Row]) -> None:
    """One UTF-8 file a document, named by its id."""
    folder.mkdir(parents=True, exist_ok=True)
    for row in rows:
        (folder / f"{row['id']}.txt").write_bytes(row["text"].encode())


def write_wet(path: Path, rows: Iterable[Row]) -> None:
    """A WET file as Common Crawl has them: warcinfo, then a conversion record a page, each its own gzip member (WARC 1.0)."""
    info = b"Software-Info: gristmill demo.corpus\r\nrobots: none\r\n"
    members = [_record("warcinfo", "application/warc-fields", info, {"WARC-Filename": path.name}, path.name)]
    for row in rows:
        body = row["text"].encode()
        digest = "sha1:" + base64.b32encode(hashlib.sha1(body).digest()).decode()
        fields = {"WARC-Target-URI": row["url"], "WARC-Refers-To": _urn("refers" + row["url"]), "WARC-Block-Digest": digest}
        fields["WARC-Identified-Content-Language"] = {"zh": "zho", "en": "eng"}[row["lang_hint"]]
        members.append(_record("conversion", "text/plain", body, fields, row["url"]))
    path.write_bytes(b"".join(members))


def _record(kind: str, content_type: str, body: bytes, fields: dict[str, str], name: str) -> bytes:
    head = {"WARC-Type": kind, **fields, "WARC-Date": fields.get("WARC-Date", CRAWL_DATE), "WARC-Record-ID": _urn(kind + name), "Content-Type": content_type, "Content-Length": str(len(body))}
    text = "WARC/1.0\r\n" + "".join(f"{key}: {value}\r\n" for key, value in head.items()) + "\r\n"
    return gzip.compress(text.encode() + body + b"\r\n\r\n", mtime=0)


@dataclass(frozen=True)
class Fetched:
    """What a crawler got for one address; `raw`: the block of the record as it is, instead of an HTTP response."""

    url: str
    body: bytes = b""
    status: str = "200 OK"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "text/html"),)
    date: str = CRAWL_DATE
    kind: str = "response"
    fields: tuple[tuple[str, str], ...] = ()  # of the WARC header, beside the usual ones
    raw: bytes | None = None


def write_warc(path: Path, pages: Iterable[Fetched]) -> None:
    """A crawl as crawlers write it: warcinfo, then of each page its request and its response, each its own gzip member."""
    members = [_record("warcinfo", "application/warc-fields", b"software: gristmill demo.crawl\r\n", {"WARC-Filename": path.name}, path.name)]
    for number, page in enumerate(pages):
        name, fields = f"{number} {page.url}", {"WARC-Target-URI": page.url, **dict(page.fields), "WARC-Date": page.date}
        if page.kind == "response":
            members.append(_record("request", "application/http; msgtype=request", b"GET / HTTP/1.1\r\n\r\n", fields, name))
        lines = [f"HTTP/1.1 {page.status}", *(f"{key}: {value}" for key, value in page.headers)]
        block = "\r\n".join([*lines, "", ""]).encode() + page.body if page.raw is None else page.raw
        content_type = "application/http; msgtype=response" if page.kind in ("response", "revisit") else dict(page.headers).get("Content-Type", "text/html")
        members.append(_record(page.kind, content_type, block, fields, name))
    path.write_bytes(b"".join(members))


def _urn(name: str) -> str:
    return f"<urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, name)}>"
