"""Labelled examples from files on the driver's disk: Parquet or JSON Lines, columns as the recipe maps them."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from jobs.core.config import Strict
from jobs.core.errors import ConfigError

SCHEMA = pa.schema([("text", pa.large_string()), ("label", pa.int64()), ("lang", pa.string()), ("group", pa.string())])


class ExampleFile(Strict):
    """One file: which columns hold the text, the label (1 good, 0 bad), the language and what is held out whole."""

    file: str
    text: str
    label: str
    lang: str
    group: str


def read_examples(given: list[ExampleFile]) -> pa.Table | None:
    """text, label, lang, group of all files; None without one. Raises ConfigError for a file or column that is wrong."""
    return pa.concat_tables([_read(each) for each in given]) if given else None


def _read(given: ExampleFile) -> pa.Table:
    import pyarrow.json as pj
    import pyarrow.parquet as pq

    path = Path(given.file)
    if not path.is_file():
        raise ConfigError(f"{given.file}: no such file of examples; name a Parquet or JSON Lines file on the driver's disk")
    try:
        held = pq.read_table(path) if path.suffix == ".parquet" else pj.read_json(path)
    except pa.ArrowInvalid as error:
        raise ConfigError(f"{path}: not readable: {error}; name a Parquet (.parquet) or JSON Lines file") from None
    wanted = {name: getattr(given, name) for name in ("text", "label", "lang", "group")}
    missing = [theirs for theirs in wanted.values() if theirs not in held.column_names]
    if missing:
        raise ConfigError(f"{path}: no column {', '.join(missing)}; it has: {', '.join(held.column_names)}; mend the columns in the recipe")
    labels = set(held[given.label].unique().to_pylist())
    if not labels <= {0, 1}:
        raise ConfigError(f"{path}: column {given.label} holds {sorted(map(str, labels))[:5]}, wanted 1 (good) and 0 (bad)")
    return pa.table({ours: held[theirs].cast(SCHEMA.field(ours).type) for ours, theirs in wanted.items()})
