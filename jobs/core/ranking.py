"""The ranking by which the best copy stays: a list of measures in the recipe, ties broken by doc_id, so it is a total order."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from jobs.core.config import Strict
from jobs.core.job import Tables
from jobs.core.tables import table

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# By which a text that says all twice looks fuller.
LENGTHS = ("n_bytes", "n_chars", "n_lines", "n_words", "n_tokens", "n_han")
DOC_MEASURES = ("source", "domain_hint", "lang_hint", "license", "url", "n_bytes", "batch")


def by_seed(seed: int, key: str) -> Column:
    """What a seeded sample is taken by, lowest first: it depends on the seed and the row's id only, so a larger sample adds to a smaller one."""
    from pyspark.sql import functions as F

    return F.sha2(F.concat_ws("|", F.lit(str(seed)), key), 256)


class Rank(Strict):
    """One criterion: a column of signals, one of DOC_MEASURES, or `batch` (order of ingest); null values rank last."""

    by: str
    prefer: Literal["high", "low"] | list[str]

    @model_validator(mode="after")
    def _lists_rank_words(self) -> Rank:
        if isinstance(self.prefer, list) and self.by not in DOC_MEASURES[:4]:
            raise ValueError(f"a list of preferred values goes with one of {', '.join(DOC_MEASURES[:4])}, not with {self.by}")
        return self


def place_of_times(ranking: list[Rank]) -> int:
    """Where among the criteria of near-duplicates n_times (udfs.minhash.sketch_batch) stands, lower being better.

    It is the place of the first that calls the longer text the better one, since a copy that says all of it twice is no
    fuller copy; what the recipe puts before length (a source, a licence, a score) still decides before. Without such a
    criterion it comes last, before doc_id.
    """
    lengths = [place for place, rank in enumerate(ranking) if rank.by in LENGTHS and rank.prefer == "high"]
    return lengths[0] if lengths else len(ranking)


def ranked(tables: Tables, keys: DataFrame, ranking: list[Rank], is_staged: bool = False) -> tuple[DataFrame, list[str]]:
    """`keys` (doc_id, batch_id, ...) with one column a criterion, each to be sorted ascending; and those columns, doc_id last.

    `is_staged`: the keys cost nothing to read again, so measures are looked up of these documents alone.
    Raises KeyError when a criterion is neither a document nor a signals column.
    """
    rows, order = ranked_documents(tables, ranking, among=keys if is_staged else None)
    return keys.join(rows, ["doc_id", "batch_id"], how="inner").select(*keys.columns, *order[:-1]), order


def ranked_documents(tables: Tables, ranking: list[Rank], *columns: str, among: DataFrame | None = None) -> tuple[DataFrame, list[str]]:
    """doc_id, batch_id, the named docs columns and those of `ranked` of all documents at hand, or of those in `among`; errors as `ranked`."""
    from pyspark.sql import functions as F

    needed, measures, names = _sources(ranking, columns)
    near = functools.partial(_among, among)
    rows = near(tables.slice("docs").select("doc_id", "batch_id", *needed))
    if measures:
        rows = rows.join(near(tables.slice("signals").select("doc_id", "batch_id", *measures)), ["doc_id", "batch_id"], how="left")
    made = [_ascending(rank, tables).alias(name) for rank, name in zip(ranking, names, strict=True)]
    return rows.select("doc_id", "batch_id", *[F.col(name) for name in columns], *made), [*names, "doc_id"]


def _sources(ranking: list[Rank], columns: tuple[str, ...]) -> tuple[list[str], list[str], list[str]]:
    """What is read of docs (`columns` among it) and of signals, and the names of the criteria. Raises KeyError where one is neither a document nor a signals column."""
    measures = list(dict.fromkeys(rank.by for rank in ranking if rank.by not in DOC_MEASURES))
    unknown = sorted(set(measures) - set(table("signals").names))
    if unknown:
        raise KeyError(f"ranking: no such measure: {', '.join(unknown)}")
    needed = dict.fromkeys([*columns, *(rank.by for rank in ranking if rank.by in DOC_MEASURES and rank.by != "batch")])
    return list(needed), measures, [f"rank_{i}" for i in range(len(ranking))]


def _among(keys: DataFrame | None, rows: DataFrame) -> DataFrame:
    return rows if keys is None else rows.join(keys.select("doc_id", "batch_id"), ["doc_id", "batch_id"], how="left_semi")


def _ascending(rank: Rank, tables: Tables) -> Column:
    """The criterion as a number of which smaller is better."""
    from pyspark.sql import functions as F

    if isinstance(rank.prefer, list):
        return F.coalesce(_place(F.col(rank.by), rank.prefer), F.lit(float(len(rank.prefer) + 1)))
    value = _place(F.col("batch_id"), tables.runs.batches()) if rank.by == "batch" else F.col(rank.by)
    value = F.length("url") if rank.by == "url" else value
    number = value.cast("double")
    return F.coalesce(-number if rank.prefer == "high" else number, F.lit(float("inf")))


def _place(value: Column, words: list[str]) -> Column:
    """Position of a value in a list, from 1; null when it is not there."""
    from pyspark.sql import functions as F

    pairs = [F.lit(item) for place, word in enumerate(words, 1) for item in (word, float(place))]
    return F.element_at(F.create_map(*pairs), value) if pairs else F.lit(None).cast("double")
