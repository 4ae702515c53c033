"""Writes rows as shards, each by the Spark task that has its rows.

A shard is written under a temporary name and renamed, so a file under its own name is complete. A mark with
its checksum follows; a shard with a mark is not written again by a later run.
"""

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
from gristmill.udfs.edit.mixing import apply_fim

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
# Rows buffered by a task before it writes them. In Parquet they
# are one row group; JSON Lines do not depend on the number.
BUFFER_ROWS = 500
# bytes of a finished file that are read at once for its checksum
BLOCK_BYTES = 1 << 20
# columns of a mix that say how a text is cut; they are applied to the text and not exported
FIM_COLUMNS = ("fim", "cut_start", "cut_end")


@dataclass(frozen=True)
class ShardParams:
    """`root`: folder or URI. `key`: identifies what is exported (recipe, versions, number of shards); a
    shard with another key is written again.

    `schema`: the columns of all shards, from `export_schema`. It is never inferred from rows: a column that
    is null in one shard would have another type there than in the next, and no reader opens both together.
    `marks`: needed for texts that are cut. `chat`: the form of samples; None for documents.
    """

    root: str
    key: str
    format: Format
    schema: pa.Schema
    marks: Sentinels | None = None
    chat: Chat | None = None


def export_schema(rows: pa.Schema, chat: Chat | None) -> pa.Schema:
    """The columns of a shard, in order, for input rows with the schema `rows`: those of `export_row`."""
    string = pa.string()
    if chat is None:
        return pa.schema([field for field in rows if field.name not in (*FIM_COLUMNS, "shard")])
    others = [field for field in rows if field.name not in ("shard", "question", "cot", "answer")]
    if chat == "alpaca":
        return pa.schema([(name, string) for name in ("instruction", "input", "output")] + others)
    name, parts = (
        ("messages", ("role", "content")) if chat == "messages" else ("conversations", ("from", "value"))
    )
    return pa.schema([pa.field(name, pa.list_(pa.struct([(part, string) for part in parts]))), *others])


def export_row(row: dict[str, Any], params: ShardParams) -> dict[str, Any]:
    """A row as it is exported: a document with its text cut as the mix says, or a sample as a chat.

        question, cot, answer with chat "alpaca"  ->  instruction: question, input: "",
                                                      output: cot, an empty line, answer

    The number of the shard and the columns of the cut are left out.
    """
    if params.chat is None:
        text = apply_fim(
            row["text"], row.get("fim", "none"), row.get("cut_start"), row.get("cut_end"), params.marks
        )
        return {
            **{key: value for key, value in row.items() if key not in (*FIM_COLUMNS, "shard")},
            "text": text,
        }
    others = {key: value for key, value in row.items() if key not in ("shard", "question", "cot", "answer")}
    reply = "\n\n".join(part for part in (row["cot"], row["answer"]) if part)
    if params.chat == "messages":
        return {
            "messages": [
                {"role": "user", "content": row["question"]},
                {"role": "assistant", "content": reply},
            ],
            **others,
        }
    if params.chat == "sharegpt":
        return {
            "conversations": [{"from": "human", "value": row["question"]}, {"from": "gpt", "value": reply}],
            **others,
        }
    return {"instruction": row["question"], "input": "", "output": reply, **others}


def write_batches(batches: Iterator[pa.RecordBatch], params: ShardParams) -> Iterator[pa.RecordBatch]:
    """mapInArrow: rows sorted by `shard` -> one row of WRITTEN for each shard.

    All rows of a shard must be in one partition. Raises ValueError when there is no file system for the root.
    """
    # one shard is open at a time, as rows are sorted:
    # memory does not grow with the number of shards
    system, root = file_system_of(params.root)
    open_shard: _Shard | None = None
    for batch in batches:
        for row in batch.to_pylist():
            if open_shard is None or open_shard.number != row["shard"]:
                if open_shard is not None:
                    yield open_shard.close()
                open_shard = _Shard(system, root, row["shard"], params)
            open_shard.add(export_row(row, params))
    if open_shard is not None:
        yield open_shard.close()


def file_system_of(root: str) -> tuple[fs.FileSystem, str]:
    """The file system of a folder or URI (file, s3, gs, hdfs), and the path of the folder in it.

    Raises ValueError when pyarrow has no file system for it.
    """
    # s3a is Hadoop's name for S3, which pyarrow does not know
    try:
        system, path = fs.FileSystem.from_uri(root.replace("s3a://", "s3://"))
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(
            f"{root}: no file system to write to ({error}); name an absolute path or a URI that pyarrow knows"
        ) from error
    return system, path


class _Shard:
    """One shard while it is written: its temporary file, its buffered rows, and the mark that follows it."""

    def __init__(self, system: fs.FileSystem, root: str, number: int, params: ShardParams) -> None:
        self.system, self.number, self.params = system, number, params
        self.file = f"data/shard-{number:05d}.{params.format}"
        self.path, self.mark = f"{root}/{self.file}", f"{root}/_parts/shard-{number:05d}.json"
        self.done = self._finished_facts()
        self.rows: list[dict[str, Any]] = []
        self.n = 0
        if self.done is None:
            for folder in (f"{root}/data", f"{root}/_parts"):
                system.create_dir(folder, recursive=True)
            # a name of its own: two attempts of a task may run at the same time
            self.part = f"{root}/_parts/{uuid.uuid4().hex}.part"
            self.stream = system.open_output_stream(
                self.part, compression="zstd" if params.format == "jsonl.zst" else None
            )
            is_table = params.format == "parquet"
            self.writer = (
                pq.ParquetWriter(self.stream, params.schema, compression="zstd") if is_table else None
            )

    def _finished_facts(self) -> dict[str, Any] | None:
        """The mark of a finished shard of the same key; None when it has to be written."""
        files = self.system.get_file_info([self.path, self.mark])
        if any(each.type != fs.FileType.File for each in files):
            return None
        with self.system.open_input_stream(self.mark) as stream:
            facts = json.loads(stream.read())
        # the size, too: a mark of an earlier run may lie next to a file that somebody has replaced
        return facts if facts["key"] == self.params.key and facts["n_bytes"] == files[0].size else None

    def add(self, row: dict[str, Any]) -> None:
        self.n += 1
        # rows of a finished shard still have to be read, as Spark streams them
        if self.done is not None:
            return
        self.rows.append(row)
        if len(self.rows) >= BUFFER_ROWS:
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
            # The shard first and its mark after it: a task that is killed between
            # the two leaves a shard without a mark, which counts as not written.
            self.system.move(self.part, self.path)
            with self.system.open_output_stream(self.mark) as stream:
                stream.write(json.dumps(facts).encode())
            self.done = facts
        return as_batch([[self.done[field.name] for field in _WRITTEN]], _WRITTEN)


def _digest(system: fs.FileSystem, path: str) -> dict[str, Any]:
    """Size in bytes and SHA-256 of a file as it is stored, compressed or not."""
    # read back, since a compressed stream does not show the bytes that it stores
    digest, size = hashlib.sha256(), 0
    with system.open_input_stream(path, compression=None) as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
            size += len(block)
    return {"n_bytes": size, "sha256": digest.hexdigest()}
