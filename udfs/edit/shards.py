"""Writes rows as shards, each by the task that holds its rows: whole under its name or not there at all;
one that is done is not written again."""

import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import pyarrow as pa
import pyarrow.fs as fs
import pyarrow.parquet as pq

from gristmill.udfs.arrow.batches import as_batch
from gristmill.udfs.edit.fim import Sentinels
from gristmill.udfs.edit.mixing import told

Format = Literal["jsonl", "jsonl.zst", "parquet"]
Chat = Literal["messages", "sharegpt", "alpaca"]
WRITTEN = "shard int, file string, n_rows bigint, n_bytes bigint, sha256 string"
_WRITTEN = pa.schema(
    [
        ("shard", pa.int32()),
        ("file", pa.string()),
        ("n_rows", pa.int64()),
        ("n_bytes", pa.int64()),
        ("sha256", pa.string()),
    ]
)
# Rows that a task holds before it writes them: of Parquet a row group; JSON Lines do not change with it.
HELD_ROWS = 500
# Of a finished file, read for its checksum.
BLOCK_BYTES = 1 << 20
SHAPE = ("fim", "cut_start", "cut_end")


@dataclass(frozen=True)
class ShardParams:
    """`root`: folder or URI; `key` names what is exported (recipe and versions): a shard of another key is
    written anew.

    `schema`: the columns of every shard, as `written_schema` makes them of the table's. It is never guessed
    from rows: a column that is null in one shard would get another type there than in the next, and no reader
    would take the two together.
    """

    root: str
    key: str
    format: Format
    schema: pa.Schema
    marks: Sentinels | None = None
    chat: Chat | None = None


def written_schema(rows: pa.Schema, chat: Chat | None) -> pa.Schema:
    """The columns of a shard, in order, for rows that come with the columns of `rows`: what `shaped`
    makes of them."""
    string = pa.string()
    if chat is None:
        return pa.schema([field for field in rows if field.name not in (*SHAPE, "shard")])
    kept = [field for field in rows if field.name not in ("shard", "question", "cot", "answer")]
    if chat == "alpaca":
        return pa.schema([(name, string) for name in ("instruction", "input", "output")] + kept)
    name, said = (
        ("messages", ("role", "content")) if chat == "messages" else ("conversations", ("from", "value"))
    )
    return pa.schema([pa.field(name, pa.list_(pa.struct([(part, string) for part in said]))), *kept])


def shaped(row: dict[str, Any], params: ShardParams) -> dict[str, Any]:
    """A row as it is exported: its text told as the mix says, or a sample as a chat; without what only
    places it."""
    if params.chat is None:
        text = told(
            row["text"], row.get("fim", "none"), row.get("cut_start"), row.get("cut_end"), params.marks
        )
        return {**{key: value for key, value in row.items() if key not in (*SHAPE, "shard")}, "text": text}
    kept = {key: value for key, value in row.items() if key not in ("shard", "question", "cot", "answer")}
    reply = "\n\n".join(part for part in (row["cot"], row["answer"]) if part)
    if params.chat == "messages":
        return {
            "messages": [
                {"role": "user", "content": row["question"]},
                {"role": "assistant", "content": reply},
            ],
            **kept,
        }
    if params.chat == "sharegpt":
        return {
            "conversations": [{"from": "human", "value": row["question"]}, {"from": "gpt", "value": reply}],
            **kept,
        }
    return {"instruction": row["question"], "input": "", "output": reply, **kept}


def write_batches(batches: Iterator[pa.RecordBatch], params: ShardParams) -> Iterator[pa.RecordBatch]:
    """mapInArrow: rows sorted by `shard`, each shard whole in this partition -> a row of WRITTEN for
    each shard."""
    system, root = position(params.root)
    open_shard: _Shard | None = None
    for batch in batches:
        for row in batch.to_pylist():
            if open_shard is None or open_shard.number != row["shard"]:
                if open_shard is not None:
                    yield open_shard.close()
                open_shard = _Shard(system, root, row["shard"], params)
            open_shard.add(shaped(row, params))
    if open_shard is not None:
        yield open_shard.close()


def position(root: str) -> tuple[fs.FileSystem, str]:
    """The file system of a folder or URI (file, s3, gs, hdfs) and the folder's path in it.

    Raises ValueError when there is none for it.
    """
    try:
        system, path = fs.FileSystem.from_uri(root.replace("s3a://", "s3://"))
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(
            f"{root}: no file system to write to ({error}); name an absolute path or a URI that pyarrow knows"
        ) from error
    return system, path


class _Shard:
    """One file on its way."""

    def __init__(self, system: fs.FileSystem, root: str, number: int, params: ShardParams) -> None:
        self.system, self.number, self.params = system, number, params
        self.file = f"data/shard-{number:05d}.{params.format}"
        self.path, self.mark = f"{root}/{self.file}", f"{root}/_parts/shard-{number:05d}.json"
        self.done = self._done()
        self.rows: list[dict[str, Any]] = []
        self.n = 0
        if self.done is None:
            for folder in (f"{root}/data", f"{root}/_parts"):
                system.create_dir(folder, recursive=True)
            self.part = f"{root}/_parts/{uuid.uuid4().hex}.part"
            self.stream = system.open_output_stream(
                self.part, compression="zstd" if params.format == "jsonl.zst" else None
            )
            is_table = params.format == "parquet"
            self.writer = (
                pq.ParquetWriter(self.stream, params.schema, compression="zstd") if is_table else None
            )

    def _done(self) -> dict[str, Any] | None:
        found = self.system.get_file_info([self.path, self.mark])
        if any(each.type != fs.FileType.File for each in found):
            return None
        with self.system.open_input_stream(self.mark) as stream:
            said = json.loads(stream.read())
        return said if said["key"] == self.params.key and said["n_bytes"] == found[0].size else None

    def add(self, row: dict[str, Any]) -> None:
        self.n += 1
        if self.done is not None:
            return
        self.rows.append(row)
        if len(self.rows) >= HELD_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self.writer is not None:
            self.writer.write_table(pa.Table.from_pylist(self.rows, schema=self.params.schema))
        else:
            self.stream.write(
                "".join(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in self.rows).encode(
                    "utf-8", "replace"
                )
            )
        self.rows = []

    def close(self) -> pa.RecordBatch:
        if self.done is None:
            if self.rows:
                self._flush()
            if self.writer is not None:
                self.writer.close()
            self.stream.close()
            facts = {
                "key": self.params.key,
                "shard": self.number,
                "file": self.file,
                "n_rows": self.n,
                **_digest(self.system, self.part),
            }
            self.system.move(self.part, self.path)
            # after the shard: without it the shard counts as not written
            with self.system.open_output_stream(self.mark) as stream:
                stream.write(json.dumps(facts).encode())
            self.done = facts
        return as_batch([[self.done[field.name] for field in _WRITTEN]], _WRITTEN)


def _digest(system: fs.FileSystem, path: str) -> dict[str, Any]:
    """Size and SHA-256 of a file as it stands on the disk."""
    digest, size = hashlib.sha256(), 0
    with system.open_input_stream(path, compression=None) as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return {"n_bytes": size, "sha256": digest.hexdigest()}
