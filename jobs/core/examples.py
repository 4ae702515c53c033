"""Labelled examples from files on the driver's disk: Parquet or JSON Lines, columns as the recipe maps them."""

from __future__ import annotations

import pyarrow as pa

from jobs.core.datafiles import DataFile, read_data
from jobs.core.errors import ConfigError

SCHEMA = pa.schema([("text", pa.large_string()), ("label", pa.int64()), ("lang", pa.string()), ("group", pa.string())])


class ExampleFile(DataFile):
    """One file: which columns hold the text, the label (1 good, 0 bad), the language and what is held out whole."""

    about = "examples"
    text: str
    label: str
    lang: str
    group: str


def read_examples(given: list[ExampleFile]) -> pa.Table | None:
    """text, label, lang, group of all files; None without one. Raises ConfigError for a file or column that is wrong."""
    return pa.concat_tables([_read(each) for each in given]) if given else None


def _read(given: ExampleFile) -> pa.Table:
    path = given.path()
    wanted = {name: getattr(given, name) for name in ("text", "label", "lang", "group")}
    held = read_data(path, list(wanted.values()))
    missing = [theirs for theirs in wanted.values() if theirs not in held.column_names]
    if missing:
        raise ConfigError(f"{path}: no column {', '.join(missing)}; it has: {', '.join(held.column_names)}; mend the columns in the recipe")
    labels = set(held[given.label].unique().to_pylist())
    if not labels <= {0, 1}:
        raise ConfigError(f"{path}: column {given.label} holds {sorted(map(str, labels))[:5]}, wanted 1 (good) and 0 (bad)")
    return pa.table({ours: held[theirs].cast(SCHEMA.field(ours).type) for ours, theirs in wanted.items()})
