"""Reads benchmark questions on the driver: Parquet or JSON Lines (packed with gzip or not), columns as the recipe maps them."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa

from jobs.core.config import CONF, Strict
from jobs.core.errors import ConfigError


class ColumnMap(Strict):
    """Which column of the file is which of ours; `=x` is the constant x."""

    benchmark: str
    item: str  # unique within its benchmark
    text: str


class Questions(Strict):
    """One file of questions; `digest` is of its bytes, so that another content is another recipe. It is filled in, not written."""

    file: str
    columns: ColumnMap
    digest: str = ""


def find_questions(name: str) -> Path:
    """`name` as given, or below the recipes that ship with the package. Raises ConfigError naming every place."""
    tail = Path(*Path(name).parts[1:]) if Path(name).parts[:1] == ("conf",) else Path(name)
    places = list(dict.fromkeys([Path(name), CONF / tail]))
    for place in places:
        if place.is_file():
            return place
    looked = ", ".join(map(str, places))
    raise ConfigError(f"{name}: no such file of benchmark questions (looked at {looked}); name a Parquet or JSON Lines file on the driver's disk")


def digest_of(name: str) -> str:
    """32 hex digits of the file's bytes. Raises ConfigError when it is not there."""
    with find_questions(name).open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def read_questions(given: list[Questions]) -> pa.Table:
    """benchmark, item, text (strings) of all files, in order. Raises ConfigError for a file, column, row or item that is wrong."""
    tables = [_read(questions) for questions in given]
    whole = pa.concat_tables(tables) if tables else pa.table({name: pa.array([], pa.string()) for name in ColumnMap.model_fields})
    seen = Counter(zip(whole["benchmark"].to_pylist(), whole["item"].to_pylist(), strict=True))
    twice = [f"{item} of {benchmark} ({n} times)" for (benchmark, item), n in seen.items() if n > 1]
    if twice:
        files = ", ".join(questions.file for questions in given)
        raise ConfigError(f"{files}: an item's id is unique within its benchmark, seen: {', '.join(twice[:3])}; map another column to `item`")
    return whole


def _read(questions: Questions) -> pa.Table:
    path = find_questions(questions.file)
    held = _parquet(path, questions) if path.suffix == ".parquet" else _json_lines(path)
    wanted = questions.columns.model_dump()
    missing = {ours: theirs for ours, theirs in wanted.items() if not theirs.startswith("=") and theirs not in held.column_names}
    if missing:
        told = ", ".join(f"{theirs} (mapped to {ours})" for ours, theirs in missing.items())
        raise ConfigError(f"{path}: no column {told}; it has: {', '.join(held.column_names)}; mend `columns` in the recipe")
    columns = {}
    for ours, theirs in wanted.items():
        columns[ours] = pa.array([theirs[1:]] * held.num_rows, pa.string()) if theirs.startswith("=") else _strings(held[theirs], path, theirs)
        empty = columns[ours].null_count if ours != "text" else 0
        if empty:
            raise ConfigError(f"{path}: column {theirs} is null in {empty} of {held.num_rows} rows; `{ours}` names each question")
    return pa.table(columns)


def _strings(column: pa.ChunkedArray, path: Path, name: str) -> pa.ChunkedArray:
    if pa.types.is_integer(column.type) or pa.types.is_null(column.type):
        return column.cast(pa.string())
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise ConfigError(f"{path}: column {name} is {column.type}, wanted strings; map a column of strings")
    return column.cast(pa.string())


def _parquet(path: Path, questions: Questions) -> pa.Table:
    import pyarrow.parquet as pq

    try:
        held = pq.ParquetFile(path)
        return held.read(columns=[name for name in questions.columns.model_dump().values() if name in held.schema_arrow.names] or held.schema_arrow.names)
    except (pa.ArrowInvalid, OSError) as error:
        raise ConfigError(f"{path}: not readable as Parquet: {error}; a JSON Lines file ends in .jsonl or .jsonl.gz") from None


def _json_lines(path: Path) -> pa.Table:
    rows: list[dict[str, Any]] = []
    number = 0
    opened = gzip.open if path.suffix == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                if line.strip():
                    rows.append(json.loads(line))
                    if not isinstance(rows[-1], dict):
                        raise ConfigError(f"{path}:{number}: wanted a JSON object a line, saw {type(rows[-1]).__name__}")
        names = sorted({name for row in rows for name in row})
        return pa.table({name: pa.array([row.get(name) for row in rows]) for name in names})
    except (ValueError, OSError, pa.ArrowException) as error:
        raise ConfigError(f"{path}:{number or 1}: not readable as JSON Lines: {error}; name a Parquet (.parquet) or JSON Lines file") from None
