"""What an ensemble of scorers says of each document: values of any kind on one scale, joined into one, and which of them decided.

A scorer is a trained classifier, a transformer or a judge of `scores`, or the loss of a language model in `perplexity` (lower is better).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from pydantic import PositiveFloat

from jobs.core.config import Strict
from jobs.core.errors import ContractError
from jobs.core.job import Tables
from jobs.core.models import find_models

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

STEPS = 65536  # values are counted in 1 / STEPS, so that neither the order nor the partitions of the rows move a document
KEYS = ["doc_id", "batch_id"]


class Scorer(Strict):
    """One scorer of an ensemble, called as in `scores` (perplexity and loss: as the recipe likes)."""

    of: Literal["score_classifier", "score_transformer", "merge_scores", "score_perplexity", "score_loss"]  # the job that wrote its rows
    version: str | None  # of the judge's prompt, the transformer or the language model; null: the only one there is (classifiers, KenLM: that of `models`)
    weight: PositiveFloat


def values(tables: Tables, scorers: dict[str, Scorer]) -> DataFrame:
    """doc_id, batch_id, scorer, raw (higher is better), step (0 to STEPS - 1, rising with raw): a row for each document and scorer.

    Raises ContractError when a scorer stands there in several versions and the recipe names none.
    """
    made = None
    for name, scorer in scorers.items():
        rows = _perplexity(tables, scorer) if scorer.of in ("score_perplexity", "score_loss") else _scores(tables, name, scorer)
        versions = sorted(row["version"] for row in rows.select("version").distinct().collect()) if _is_open(scorer) else []
        if len(versions) > 1:
            raise ContractError(f"{name} ({scorer.of}) stands in {len(versions)} versions: {', '.join(versions)}; name one as its version in jobs.{tables.job.name}.scorers")
        rows = rows.select(*KEYS, *_named(name))
        made = rows if made is None else made.unionByName(rows)
    assert made is not None  # the recipe names one at least
    return made


def _is_open(scorer: Scorer) -> bool:
    return scorer.version is None and scorer.of in ("score_transformer", "merge_scores", "score_loss")


def _named(name: str) -> tuple[Column, ...]:
    from pyspark.sql import functions as F

    step = F.least(F.floor(F.col("unit") * STEPS), F.lit(STEPS - 1)).cast("int")
    return F.lit(name).alias("scorer"), F.col("raw"), step.alias("step")


def _scores(tables: Tables, name: str, scorer: Scorer) -> DataFrame:
    """Rows of `scores`: a classifier's logit, a regression's or judge's value, and 0 to 1."""
    from pyspark.sql import functions as F

    version = find_models(tables, [name], "train_classifier")[0]["version"] if scorer.of == "score_classifier" else scorer.version
    rows = tables.slice("scores").where((F.col("job") == scorer.of) & (F.col("scorer") == name))
    return (rows.where(F.col("version") == version) if version else rows).select(*KEYS, "version", "raw", F.col("score").alias("unit"))


def _perplexity(tables: Tables, scorer: Scorer) -> DataFrame:
    """Rows of `perplexity`: the loss turned round; 1 / (1 + loss) has no end of its own."""
    from pyspark.sql import functions as F

    rows = tables.slice("perplexity").where(F.col("job") == scorer.of)
    if scorer.of == "score_perplexity":
        current = [f"{row['name']}-{row['version']}" for row in tables["models"].where("job = 'train_lm'").collect()]
        rows = rows.where(F.col("model").isin(current))
    rows = rows.where(F.col("model") == scorer.version) if scorer.version else rows
    return rows.select(*KEYS, F.col("model").alias("version"), (-F.col("loss")).alias("raw"), (1 / (1 + F.greatest("loss", F.lit(0.0)))).alias("unit"))


def as_percentiles(tables: Tables, rows: DataFrame, weigh: str) -> DataFrame:
    """doc_id, batch_id, lang, n_bytes, scorer, raw: `rows` (of `values`, with lang and n_bytes) with raw replaced by the share of their language, counted
    in documents or bytes, that the scorer puts below the document, half of its equals included."""
    from pyspark.sql import functions as F

    weight = F.count("*") if weigh == "documents" else F.sum("n_bytes")
    counted: dict[tuple[Any, str], list[tuple[int, int]]] = {}
    for row in rows.groupBy("lang", "scorer", "step").agg(weight.alias("n")).collect():
        counted.setdefault((row["lang"], row["scorer"]), []).append((row["step"], row["n"]))
    ranks = [(lang, scorer, step, share) for (lang, scorer), steps in counted.items() for step, share in shares_below(sorted(steps))]
    told = F.broadcast(tables.frame(ranks, "of string, scorer string, step int, share double"))
    joined = rows.join(told, F.col("lang").eqNullSafe(F.col("of")) & (rows.scorer == told.scorer) & (rows.step == told.step), how="inner")
    return joined.select(*KEYS, "lang", "n_bytes", rows.scorer, F.col("share").alias("raw"))


def shares_below(steps: list[tuple[int, int]]) -> list[tuple[int, float]]:
    """For each (step, weight), ascending: the share of all weight below the step, half of its own included."""
    total, below, found = sum(n for _, n in steps), 0, []
    for step, n in steps:
        found.append((step, (below + n / 2) / total))
        below += n
    return found


def combined(rows: DataFrame, scorers: dict[str, Scorer], combine: str, middle: float, needs_all: bool) -> DataFrame:
    """doc_id, batch_id, lang, n_bytes, value, decided_by: the weighted mean or the largest of each document's raw values.

    Decided has the scorer with the largest say, of a mean the one farthest from `middle`; of equal ones the first of the recipe. Documents
    without some score go when all are needed; else the others speak for it.
    """
    from pyspark.sql import functions as F

    one = [F.max(F.when(F.col("scorer") == name, F.col("raw"))).alias(name) for name in scorers]
    pivoted = rows.groupBy(*KEYS, "lang", "n_bytes").agg(*one)
    whole = pivoted.na.drop(subset=list(scorers)) if needs_all else pivoted
    weights = {name: F.when(F.col(name).isNotNull(), scorer.weight).otherwise(0.0) for name, scorer in scorers.items()}
    total = sum(weights.values(), F.lit(0.0))
    mean = sum((F.coalesce(F.col(name), F.lit(0.0)) * weights[name] for name in scorers), F.lit(0.0)) / total
    size = {name: F.abs(F.col(name) - middle) * weights[name] if combine == "mean" else F.col(name) for name in scorers}
    largest = F.greatest(*size.values()) if len(size) > 1 else next(iter(size.values()))
    decided = F.coalesce(*[F.when(each == largest, F.lit(name)) for name, each in size.items()])
    value = mean if combine == "mean" else F.greatest(*[F.col(name) for name in scorers]) if len(scorers) > 1 else F.col(next(iter(scorers)))
    return whole.select(*KEYS, "lang", "n_bytes", value.alias("value"), decided.alias("decided_by"))
