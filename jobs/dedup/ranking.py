"""The ranking that decides which copy is kept: criteria of the recipe, then doc_id, so a total order.

A criterion is a column of docs, a column of signals, the quality value or bin, or the score of a scorer.
Values and scores are those that finished runs have written; a document without one ranks last.
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

# Measures that grow where a text repeats itself.
LENGTHS = ("n_bytes", "n_chars", "n_lines", "n_words", "n_tokens", "n_han")
KEYS = ["doc_id", "batch_id"]
# criterion -> column of `quality`
QUALITY = {"quality": "quality", "quality_bin": "bin"}
# Tables that a ranking may read (`models`: which version of a classifier is the current one).
RANKING_TABLES = ("scores", "quality", "models")
DOC_MEASURES = ("source", "domain_hint", "lang_hint", "license", "url", "n_bytes", "batch")


def by_seed(seed: int, key: str) -> Column:
    """The order of a seeded sample, lowest first: SHA-256 of seed and the row's id (column `key`).

    It depends on nothing else, so a larger sample of the same seed contains a smaller one.
    """
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
        # The first four are words, which have no order of their own; url ranks by its length.
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
        """Whether `by` is no other criterion, and so the name of a scorer in `scores`."""
        return self.by not in (*DOC_MEASURES, *QUALITY, *table("signals").names)


def unused_tables(ranking: list[Rank]) -> frozenset[str]:
    """Those of RANKING_TABLES whose new rows make no result stale, as no criterion reads them.

    `models` is always one of them: a new model changes nothing before it has scored.
    """
    used = {"scores" for rank in ranking if rank.is_scorer} | {
        "quality" for rank in ranking if rank.by in QUALITY
    }
    return frozenset(RANKING_TABLES) - used


def repetition_position(ranking: list[Rank]) -> int:
    """Position among the criteria at which n_times of near-duplicates is inserted; lower is better.

    n_times (gristmill.udfs.dedup.minhash.sketch_batch) is how often a text repeats its shingles. It goes
    directly before the first criterion that prefers the longer text, since a copy that repeats everything
    is longer without saying more. What the recipe puts before length (a source, a licence, a score) still
    decides first. Without such a criterion n_times comes last, before doc_id.

        ranking: quality, n_words (high)   order: quality, n_times, n_words, doc_id
    """
    lengths = [at for at, rank in enumerate(ranking) if rank.by in LENGTHS and rank.prefer == "high"]
    return lengths[0] if lengths else len(ranking)


def with_rank_columns(
    tables: JobContext, keys: DataFrame, ranking: list[Rank], is_staged: bool = False
) -> tuple[DataFrame, list[str]]:
    """`keys` (doc_id, batch_id, ...) with one column a criterion; and the columns to sort by, ascending.

    `is_staged`: `keys` are cheap to read again, so criteria are looked up for these documents only.
    Raises ConfigError for a scorer without scores, or with several versions of which the recipe names none.

        ranking: n_words (high)   keys: doc_id  batch_id   result: doc_id  batch_id  rank_0
                                        a       one                a       one       -120.0
                                  order: rank_0, doc_id
    """
    rows, order = rank_columns(tables, ranking, only=keys if is_staged else None)
    return keys.join(rows, ["doc_id", "batch_id"], how="inner").select(*keys.columns, *order[:-1]), order


def rank_columns(
    tables: JobContext, ranking: list[Rank], *columns: str, only: DataFrame | None = None
) -> tuple[DataFrame, list[str]]:
    """doc_id, batch_id, `columns` of docs and the rank columns of all documents of this run.

    `only`: the documents (doc_id, batch_id) to which the result is limited. Errors as `with_rank_columns`.
    """
    from pyspark.sql import functions as F

    needed, measures = _sources(ranking, columns)
    limit = functools.partial(_limit_to, only)
    rows = limit(tables.slice("docs").select(*KEYS, *needed))
    if measures:
        rows = rows.join(limit(tables.slice("signals").select(*KEYS, *measures)), KEYS, how="left")
    values: dict[int, Column] = {}
    # Left joins: a document without signals or scores still takes part, and ranks last.
    for position, rank in enumerate(ranking):
        scores = _scores_of(tables, rank, position)
        if scores is not None:
            rows = rows.join(limit(scores), KEYS, how="left")
        is_column = rank.by in (*DOC_MEASURES, *measures)
        values[position] = (
            F.col("batch_id" if rank.by == "batch" else rank.by) if is_column else _value_of(scores, position)
        )
    # Named by position: the recipe may name one measure twice, and doc_id must stay the last key.
    names = [f"rank_{position}" for position in values]
    ranks = [_ascending(rank, values[i], tables).alias(names[i]) for i, rank in enumerate(ranking)]
    return rows.select(*KEYS, *[F.col(name) for name in columns], *ranks), [*names, "doc_id"]


def _value_of(scores: DataFrame | None, position: int) -> Column:
    from pyspark.sql import functions as F

    return F.lit(None).cast("double") if scores is None else F.col(f"score_{position}")


def _scores_of(tables: JobContext, rank: Rank, position: int) -> DataFrame | None:
    """doc_id, batch_id, score_<position>: the criterion from `scores` or `quality`; None for other criteria.

    None, with a line on stderr, where the table has not been written yet.
    """
    from pyspark.sql import functions as F

    if rank.by not in QUALITY and not rank.is_scorer:
        return None
    name = "scores" if rank.is_scorer else "quality"
    if tables.get(name) is None:
        # No error: a first dedup runs before anything is scored, and the other criteria decide.
        print(
            f"{tables.job.name}: ranking: nothing has been written to {name} yet, so {rank.by} has no effect",
            file=sys.stderr,
            flush=True,
        )
        return None
    rows, value = tables.slice(name), QUALITY.get(rank.by, "score")
    if rank.is_scorer:
        version = _version_of(tables, rank, position)
        rows = rows.where((F.col("scorer") == rank.by) & (F.col("version") == version))
    return rows.select(*KEYS, F.col(value).cast("double").alias(f"score_{position}"))


def _version_of(tables: JobContext, rank: Rank, position: int) -> str:
    """The version of a scorer whose scores count. Raises ConfigError."""
    where = f"jobs.{tables.job.name}.ranking[{position}]"
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
    # Scores of different versions do not compare, so exactly one version may count. Without
    # one in the recipe it is that of the model in `models`, or the only one that has scored.
    current = (
        versions & _trained_versions(tables, rank.by) if rank.version is None else versions & {rank.version}
    )
    if len(current) == 1 or (rank.version is None and len(versions) == 1):
        return min(current or versions)
    listed = ", ".join(sorted(versions))
    raise ConfigError(
        f"{where}: {rank.by} has scored as {listed}, wanted {rank.version or 'one of them'}; "
        f"name it as ranking[{position}].version"
    )


def _trained_versions(tables: JobContext, name: str) -> set[str]:
    models = tables.get("models")
    return (
        set()
        if models is None
        else {row["version"] for row in models.where(models.name == name).select("version").collect()}
    )


def _sources(ranking: list[Rank], columns: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Columns to read from docs (`columns` included) and from signals."""
    signals = set(table("signals").names)
    measures = list(
        dict.fromkeys(rank.by for rank in ranking if rank.by not in DOC_MEASURES and rank.by in signals)
    )
    needed = dict.fromkeys(
        [*columns, *(rank.by for rank in ranking if rank.by in DOC_MEASURES and rank.by != "batch")]
    )
    return list(needed), measures


def _limit_to(keys: DataFrame | None, rows: DataFrame) -> DataFrame:
    return rows if keys is None else rows.join(keys.select(*KEYS), KEYS, how="left_semi")


def _ascending(rank: Rank, value: Column, tables: JobContext) -> Column:
    """The criterion as a double; smaller is better, null becomes +infinity."""
    from pyspark.sql import functions as F

    if isinstance(rank.prefer, list):
        return F.coalesce(_position_in(value, rank.prefer), F.lit(float(len(rank.prefer) + 1)))
    if rank.by == "batch":
        value = _position_in(value, tables.history.runs.batches())
    number = (F.length(value) if rank.by == "url" else value).cast("double")
    return F.coalesce(-number if rank.prefer == "high" else number, F.lit(float("inf")))


def _position_in(value: Column, words: list[str]) -> Column:
    """Position of a value in `words`, from 1; null where the list lacks it."""
    from pyspark.sql import functions as F

    pairs = [F.lit(item) for position, word in enumerate(words, 1) for item in (word, float(position))]
    return F.element_at(F.create_map(*pairs), value) if pairs else F.lit(None).cast("double")
