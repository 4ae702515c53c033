"""The ranking by which the best copy stays: measures that the recipe names, then doc_id: a total order.

A measure is one of the document, a column of signals, the quality value or bin, or a scorer's score. Values
and scores are those that finished runs have written; a document without one ranks behind those that have it.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.schema.catalog import table

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# By which a text that says all twice looks fuller.
LENGTHS = ("n_bytes", "n_chars", "n_lines", "n_words", "n_tokens", "n_han")
KEYS = ["doc_id", "batch_id"]
# what a criterion is called to its column of `quality`
QUALITY = {"quality": "quality", "quality_bin": "bin"}
# JobContext that a job which ranks looks at (models: which version of a classifier is the current one).
EARLIER = ("scores", "quality", "models")
DOC_MEASURES = ("source", "domain_hint", "lang_hint", "license", "url", "n_bytes", "batch")


def by_seed(seed: int, key: str) -> Column:
    """What a seeded sample is taken by, lowest first: it depends on the seed and the row's id only, so a
    larger sample adds to a smaller one."""
    from pyspark.sql import functions as F

    return F.sha2(F.concat_ws("|", F.lit(str(seed)), key), 256)


class Rank(Strict):
    """One criterion: of DOC_MEASURES (`batch`: order of ingest), signals or QUALITY, or a scorer.

    Null values rank last.
    """

    by: str
    prefer: Literal["high", "low"] | list[str]
    # of a scorer; null: the only one there is, or the one in `models`
    version: str | None = None

    @model_validator(mode="after")
    def _lists_rank_words(self) -> Rank:
        if isinstance(self.prefer, list) and self.by not in DOC_MEASURES[:4]:
            raise ValueError(
                f"a list of preferred values goes with one of {', '.join(DOC_MEASURES[:4])}, not with "
                f"{self.by}"
            )
        if self.version is not None and not self.is_scorer:
            raise ValueError(f"{self.by} has no versions; leave version out")
        return self

    @property
    def is_scorer(self) -> bool:
        """Whether it is called like nothing else, so that it is to be a scorer of `scores`."""
        return self.by not in (*DOC_MEASURES, *QUALITY, *table("signals").names)


def unused_tables(ranking: list[Rank]) -> frozenset[str]:
    """Those of EARLIER that make nothing stale, as no criterion is of them (`models` never does)."""
    used = {"scores" for rank in ranking if rank.is_scorer} | {
        "quality" for rank in ranking if rank.by in QUALITY
    }
    return frozenset(EARLIER) - used


def place_of_times(ranking: list[Rank]) -> int:
    """Where among the criteria n_times (gristmill.udfs.dedup.minhash.sketch_batch) of near-duplicates stands;
    lower is better.

    It is the place of the first that calls the longer text the better one, since a copy that says all of it
    twice is no fuller copy; what the recipe puts before length (a source, a licence, a score) still decides
    before. Without such a criterion it comes last, before doc_id.
    """
    lengths = [place for place, rank in enumerate(ranking) if rank.by in LENGTHS and rank.prefer == "high"]
    return lengths[0] if lengths else len(ranking)


def ranked(
    tables: JobContext, keys: DataFrame, ranking: list[Rank], is_staged: bool = False
) -> tuple[DataFrame, list[str]]:
    """`keys` (doc_id, batch_id, ...) with one column a criterion, each to be sorted ascending; and those
    columns, doc_id last.

    `is_staged`: the keys cost nothing to read again, so measures are looked up of these documents alone.
    Raises ConfigError for a scorer that has scored nobody, or in several versions and the recipe names none.
    """
    rows, order = ranked_documents(tables, ranking, among=keys if is_staged else None)
    return keys.join(rows, ["doc_id", "batch_id"], how="inner").select(*keys.columns, *order[:-1]), order


def ranked_documents(
    tables: JobContext, ranking: list[Rank], *columns: str, among: DataFrame | None = None
) -> tuple[DataFrame, list[str]]:
    """doc_id, batch_id, the named docs columns and those of `ranked` of all documents at hand, or of
    those in `among`; errors as `ranked`."""
    from pyspark.sql import functions as F

    needed, measures = _sources(ranking, columns)
    near = functools.partial(_among, among)
    rows = near(tables.slice("docs").select(*KEYS, *needed))
    if measures:
        rows = rows.join(near(tables.slice("signals").select(*KEYS, *measures)), KEYS, how="left")
    values: dict[int, Column] = {}
    for place, rank in enumerate(ranking):
        earlier = _earlier(tables, rank, place)
        if earlier is not None:
            rows = rows.join(near(earlier), KEYS, how="left")
        known = rank.by in (*DOC_MEASURES, *measures)
        values[place] = (
            F.col("batch_id" if rank.by == "batch" else rank.by) if known else _value_of(earlier, place)
        )
    names = [f"rank_{place}" for place in values]
    made = [_ascending(rank, values[place], tables).alias(names[place]) for place, rank in enumerate(ranking)]
    return rows.select(*KEYS, *[F.col(name) for name in columns], *made), [*names, "doc_id"]


def _value_of(earlier: DataFrame | None, place: int) -> Column:
    from pyspark.sql import functions as F

    return F.lit(None).cast("double") if earlier is None else F.col(f"earlier_{place}")


def _earlier(tables: JobContext, rank: Rank, place: int) -> DataFrame | None:
    """doc_id, batch_id, earlier_<place>: the criterion as finished runs wrote it; None where none has."""
    from pyspark.sql import functions as F

    if rank.by not in QUALITY and not rank.is_scorer:
        return None
    name = "scores" if rank.is_scorer else "quality"
    if tables.get(name) is None:
        print(
            f"{tables.job.name}: ranking: nothing has been written to {name} yet, so {rank.by} ranks nobody",
            file=sys.stderr,
            flush=True,
        )
        return None
    rows, value = tables.slice(name), QUALITY.get(rank.by, "score")
    if rank.is_scorer:
        version = _version_of(tables, rank, place)
        rows = rows.where((F.col("scorer") == rank.by) & (F.col("version") == version))
    return rows.select(*KEYS, F.col(value).cast("double").alias(f"earlier_{place}"))


def _version_of(tables: JobContext, rank: Rank, place: int) -> str:
    """The version of a scorer whose scores count. Raises ConfigError."""
    where = f"jobs.{tables.job.name}.ranking[{place}]"
    known: dict[str, set[str]] = {}
    for row in tables["scores"].select("scorer", "version").distinct().collect():
        known.setdefault(row["scorer"], set()).add(row["version"])
    if rank.by not in known:
        raise ConfigError(
            f"{where}: by: {rank.by} is no measure of documents, no column of signals, "
            f"no {' or '.join(QUALITY)} and no scorer that has scored (there are: "
            f"{', '.join(sorted(known)) or 'none'}); "
            "mend the name, or run the job that scores first"
        )
    versions = known[rank.by]
    current = versions & _trained(tables, rank.by) if rank.version is None else versions & {rank.version}
    if len(current) == 1 or (rank.version is None and len(versions) == 1):
        return min(current or versions)
    there = ", ".join(sorted(versions))
    raise ConfigError(
        f"{where}: {rank.by} has scored as {there}, wanted {rank.version or 'one of them'}; "
        f"name it as ranking[{place}].version"
    )


def _trained(tables: JobContext, name: str) -> set[str]:
    models = tables.get("models")
    return (
        set()
        if models is None
        else {row["version"] for row in models.where(models.name == name).select("version").collect()}
    )


def _sources(ranking: list[Rank], columns: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """What is read of docs (`columns` among it) and of signals."""
    signals = set(table("signals").names)
    measures = list(
        dict.fromkeys(rank.by for rank in ranking if rank.by not in DOC_MEASURES and rank.by in signals)
    )
    needed = dict.fromkeys(
        [*columns, *(rank.by for rank in ranking if rank.by in DOC_MEASURES and rank.by != "batch")]
    )
    return list(needed), measures


def _among(keys: DataFrame | None, rows: DataFrame) -> DataFrame:
    return rows if keys is None else rows.join(keys.select(*KEYS), KEYS, how="left_semi")


def _ascending(rank: Rank, value: Column, tables: JobContext) -> Column:
    """The criterion as a number of which smaller is better."""
    from pyspark.sql import functions as F

    if isinstance(rank.prefer, list):
        return F.coalesce(_place(value, rank.prefer), F.lit(float(len(rank.prefer) + 1)))
    if rank.by == "batch":
        value = _place(value, tables.history.runs.batches())
    number = (F.length(value) if rank.by == "url" else value).cast("double")
    return F.coalesce(-number if rank.prefer == "high" else number, F.lit(float("inf")))


def _place(value: Column, words: list[str]) -> Column:
    """Position of a value in a list, from 1; null when it is not there."""
    from pyspark.sql import functions as F

    pairs = [F.lit(item) for place, word in enumerate(words, 1) for item in (word, float(place))]
    return F.element_at(F.create_map(*pairs), value) if pairs else F.lit(None).cast("double")
