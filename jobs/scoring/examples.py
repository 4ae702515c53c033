"""Labelled examples: slices of the lake, and files on the driver's disk (Parquet or JSON Lines, columns
as the recipe maps them)."""

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

SCHEMA = pa.schema(
    [("text", pa.large_string()), ("label", pa.int64()), ("lang", pa.string()), ("group", pa.string())]
)


class Slice(Strict):
    """Documents of the lake that are examples of one class."""

    domains: list[Label] | None  # null: any
    languages: list[Label]
    per_language: PositiveInt  # documents at the most of each language


class Sample(Slice):
    """A slice that a source may bound too."""

    sources: list[str] | None  # null: any


def taken(rows: DataFrame, lang: Column, wanted: Slice, seed: int) -> DataFrame:
    """doc_id, batch_id, lang of `per_language` rows of each language, by the hash of their ids."""
    from pyspark.sql import functions as F
    from pyspark.sql.window import Window

    rows = rows.where(lang.isin(wanted.languages))
    if wanted.domains is not None:
        rows = rows.where(F.col("domain").isin(wanted.domains))
    if isinstance(wanted, Sample) and wanted.sources is not None:
        rows = rows.where(F.col("source").isin(wanted.sources))
    order = Window.partitionBy(lang).orderBy(F.xxhash64(F.lit(seed), F.col("doc_id")), "doc_id")
    return (
        rows.withColumn("position", F.row_number().over(order))
        .where(F.col("position") <= wanted.per_language)
        .select("doc_id", "batch_id", lang.alias("lang"))
    )


class ExampleFile(DataFile):
    """One file: which columns hold the text, the label (1 good, 0 bad), the language and what is held
    out whole."""

    about = "examples"
    text: str
    label: str
    lang: str
    group: str


def read_examples(given: list[ExampleFile]) -> pa.Table | None:
    """text, label, lang, group of all files; None without one.

    Raises ConfigError for a file or column that is wrong.
    """
    return pa.concat_tables([_read(each) for each in given]) if given else None


def _read(given: ExampleFile) -> pa.Table:
    path = given.path()
    wanted = {name: getattr(given, name) for name in ("text", "label", "lang", "group")}
    held = read_data(path, list(wanted.values()))
    missing = [theirs for theirs in wanted.values() if theirs not in held.column_names]
    if missing:
        raise ConfigError(
            f"{path}: no column {', '.join(missing)}; it has: {', '.join(held.column_names)}; mend "
            "the columns in the recipe"
        )
    if not held.num_rows:
        raise ConfigError(f"{path}: no row; name a file that holds some, or leave it out of the recipe")
    labels = set(held[given.label].unique().to_pylist())
    if not labels <= {0, 1}:
        raise ConfigError(
            f"{path}: column {given.label} holds {sorted(map(str, labels))[:5]}, wanted 1 (good) and 0 (bad)"
        )
    return pa.table({ours: held[theirs].cast(SCHEMA.field(ours).type) for ours, theirs in wanted.items()})
