"""Labelled examples: slices of the lake, and files on the driver's disk.

Files are Parquet or JSON Lines; the recipe maps their columns to those of SCHEMA.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
from pydantic import PositiveInt

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.datafiles import DataFile, read_data
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.routes import Label

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# large_string: the texts of all examples together may
# exceed the 2 GiB that offsets of 32 bits can address
SCHEMA = pa.schema(
    [("text", pa.large_string()), ("label", pa.int64()), ("lang", pa.string()), ("group", pa.string())]
)


class Slice(Strict):
    """Documents of the lake that are examples of one class."""

    domains: list[Label] | None  # null: any
    languages: list[Label]
    per_language: PositiveInt  # at most so many documents of each language


class Sample(Slice):
    """A slice that may also be limited to sources."""

    sources: list[str] | None  # null: any


def take_examples(rows: DataFrame, lang: Column, chosen: Slice, seed: int) -> DataFrame:
    """doc_id, batch_id, lang of at most `per_language` rows of each language, by a seeded hash of doc_id.

    `rows`: doc_id, batch_id, domain and source where `chosen` limits them; `lang`: the column of languages.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    rows = rows.where(lang.isin(chosen.languages))
    if chosen.domains is not None:
        rows = rows.where(F.col("domain").isin(chosen.domains))
    if isinstance(chosen, Sample) and chosen.sources is not None:
        rows = rows.where(F.col("source").isin(chosen.sources))
    # A hash of the id and not rand(), whose result depends
    # on the partitions; doc_id breaks ties of the hash.
    order = Window.partitionBy(lang).orderBy(F.xxhash64(F.lit(seed), F.col("doc_id")), "doc_id")
    return (
        rows.withColumn("position", F.row_number().over(order))
        .where(F.col("position") <= chosen.per_language)
        .select("doc_id", "batch_id", lang.alias("lang"))
    )


class ExampleFile(DataFile):
    """One file: its columns of the text, the label (1 good, 0 bad), the language and the group.

    Cross-validation holds out whole groups.
    """

    about = "examples"
    text: str
    label: str
    lang: str
    group: str


def read_examples(files: list[ExampleFile]) -> pa.Table | None:
    """SCHEMA: text, label, lang, group of all files; None where `files` is empty.

    Raises ConfigError for a file that is missing or empty, a missing column, and labels other than 0 and 1.
    """
    return pa.concat_tables([_read(each) for each in files]) if files else None


def _read(file: ExampleFile) -> pa.Table:
    path = file.path()
    columns = {name: getattr(file, name) for name in ("text", "label", "lang", "group")}
    rows = read_data(path, list(columns.values()))
    missing = [theirs for theirs in columns.values() if theirs not in rows.column_names]
    if missing:
        raise ConfigError(
            f"{path}: no column {', '.join(missing)}; it has: {', '.join(rows.column_names)}; mend "
            "the columns in the recipe"
        )
    if not rows.num_rows:
        raise ConfigError(f"{path}: no row; name a file that holds some, or leave it out of the recipe")
    labels = set(rows[file.label].unique().to_pylist())
    if not labels <= {0, 1}:
        raise ConfigError(
            f"{path}: column {file.label} holds {sorted(map(str, labels))[:5]}, wanted 1 (good) and 0 (bad)"
        )
    return pa.table({ours: rows[theirs].cast(SCHEMA.field(ours).type) for ours, theirs in columns.items()})
