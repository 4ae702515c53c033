"""Reads benchmark questions on the driver: Parquet or JSON Lines (packed with gzip or not), columns as the recipe maps them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa

from jobs.core.config import Strict
from jobs.core.datafiles import DataFile, read_data
from jobs.core.errors import ConfigError


class ColumnMap(Strict):
    """Which column of the file is which of ours; `=x` is the constant x."""

    benchmark: str
    item: str  # unique within its benchmark
    text: str


class Questions(DataFile):
    """One file of questions."""

    about = "benchmark questions"
    columns: ColumnMap


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
    path, wanted = questions.path(), questions.columns.model_dump()
    held = read_data(path, list(wanted.values()))
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
