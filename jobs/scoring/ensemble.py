"""What an ensemble of scorers says of each document: values of any kind on one scale, joined into one, and
which of them decided.

A scorer is a trained classifier, a transformer or a judge of `scores`, or the loss of a language model in
`perplexity` (lower is better).
"""

from __future__ import annotations

import functools
from collections.abc import Collection
from dataclasses import replace
from operator import and_
from typing import TYPE_CHECKING, Literal

from pydantic import PositiveFloat

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.scoring.models import find_models
from gristmill.udfs.scoring.scales import STEPS, Scale, curve_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

KEYS = ["doc_id", "batch_id"]


class Scorer(Strict):
    """One scorer of an ensemble, called as in `scores` (perplexity and loss: as the recipe likes)."""

    # the job that wrote its rows
    job: Literal["score_classifier", "score_transformer", "merge_scores", "score_perplexity", "score_loss"]
    # of the judge's prompt, the transformer or the language model; null: the only one there is (classifiers,
    # KenLM: that of `models`)
    version: str | None
    weight: PositiveFloat


def versions(tables: JobContext, scorers: dict[str, Scorer]) -> dict[str, list[str]]:
    """For each scorer the versions whose rows count; none where an open one has no row yet.

    Raises ContractError when a scorer stands there in several versions and the recipe names none.
    """
    return {name: _versions(tables, name, scorer) for name, scorer in scorers.items()}


def _versions(tables: JobContext, name: str, scorer: Scorer) -> list[str]:
    if scorer.job == "score_classifier":
        return [find_models(tables, [name], "train_classifier")[0]["version"]]
    if scorer.job == "score_perplexity":
        trained = tables["models"].where("job = 'train_lm'").collect()
        current = [f"{row['name']}-{row['version']}" for row in trained]
        return sorted(each for each in current if scorer.version in (None, each))
    if scorer.version:
        return [scorer.version]
    rows = _rows(tables, name, scorer).select("version").distinct()
    found = sorted(row["version"] for row in rows.collect())
    if len(found) > 1:
        raise ContractError(
            f"{name} ({scorer.job}) stands in {len(found)} versions: {', '.join(found)}; "
            f"name one as its version in jobs.{tables.job.name}.scorers"
        )
    return found


def values(tables: JobContext, scorers: dict[str, Scorer], heard: dict[str, list[str]]) -> DataFrame:
    """doc_id, batch_id, scorer, raw (higher is better), step (0 to STEPS - 1, rising with raw).

    A row for each document and scorer; `heard`: as `versions` gives it.
    """
    from pyspark.sql import functions as F

    step = F.least(F.floor(F.col("unit") * STEPS), F.lit(STEPS - 1)).cast("int").alias("step")
    made = None
    for name, scorer in scorers.items():
        rows = _rows(tables, name, scorer).where(F.col("version").isin(heard[name]))
        rows = rows.select(*KEYS, F.lit(name).alias("scorer"), "raw", step)
        made = rows if made is None else made.unionByName(rows)
    assert made is not None  # the recipe names one at least
    return made


def _rows(tables: JobContext, name: str, scorer: Scorer) -> DataFrame:
    """doc_id, batch_id, version, raw, unit (0 to 1, rising with raw) of a scorer, whatever its version."""
    from pyspark.sql import functions as F

    if scorer.job not in ("score_perplexity", "score_loss"):
        rows = tables.slice("scores").where((F.col("job") == scorer.job) & (F.col("scorer") == name))
        return rows.select(*KEYS, "version", "raw", F.col("score").alias("unit"))
    rows = tables.slice("perplexity").where(F.col("job") == scorer.job)
    # the loss turned round; it has no end of its own
    unit = 1 / (1 + F.greatest("loss", F.lit(0.0)))
    version, raw = F.col("model").alias("version"), (-F.col("loss")).alias("raw")
    return rows.select(*KEYS, version, raw, unit.alias("unit"))


def weight(bin_by: str) -> Column:
    """What counts of rows with n_bytes: documents, or their bytes."""
    from pyspark.sql import functions as F

    return F.count("*") if bin_by == "documents" else F.sum("n_bytes")


def beyond(
    tables: JobContext, rows: DataFrame, known: Collection[tuple[str | None, ...]], *columns: str
) -> DataFrame:
    """Those of `rows` whose `columns` hold no tuple of `known`; nulls are equal."""
    from pyspark.sql import functions as F

    if not known:
        return rows
    told = F.broadcast(tables.frame(list(known), ", ".join(f"known_{name} string" for name in columns)))
    is_known = [F.col(name).eqNullSafe(F.col(f"known_{name}")) for name in columns]
    return rows.join(told, functools.reduce(and_, is_known), how="left_anti")


def with_curves(tables: JobContext, scale: Scale, rows: DataFrame, bin_by: str) -> Scale:
    """`scale` with the curves that it lacks for `rows`; the same object when it lacks none.

    rows: lang, n_bytes, scorer, step, staged; one aggregation. Shares are of documents or of bytes.
    """
    new = beyond(tables, rows, list(scale.curves), "lang", "scorer")
    counted: dict[tuple[str | None, str], list[tuple[int, int]]] = {}
    for row in new.groupBy("lang", "scorer", "step").agg(weight(bin_by).alias("n")).collect():
        counted.setdefault((row["lang"], row["scorer"]), []).append((row["step"], row["n"]))
    made = {key: curve_of(sorted(steps)) for key, steps in counted.items()}
    return replace(scale, curves={**scale.curves, **made}) if made else scale


def as_percentiles(rows: DataFrame, scale: Scale) -> DataFrame:
    """doc_id, batch_id, lang, n_bytes, scorer, raw of `rows` (`values`, with lang and n_bytes): raw becomes
    the share of their language that the scorer puts below the document, by the curves of `scale`."""
    from gristmill.udfs.columns import share_below

    share = share_below(scale.curves)("lang", "scorer", "step")
    return rows.select(*KEYS, "lang", "n_bytes", "scorer", share.alias("raw"))


def combined(
    rows: DataFrame, scorers: dict[str, Scorer], combine: str, middle: float, needs_all: bool
) -> DataFrame:
    """doc_id, batch_id, lang, n_bytes, value, decided_by: the weighted mean or the largest of each document's
    raw values.

    Decided has the scorer with the largest say, of a mean the one farthest from `middle`; of equal ones the
    first of the recipe. Documents without some score go when all are needed; else the others speak for it.
    """
    from pyspark.sql import functions as F

    one = [F.max(F.when(F.col("scorer") == name, F.col("raw"))).alias(name) for name in scorers]
    pivoted = rows.groupBy(*KEYS, "lang", "n_bytes").agg(*one)
    whole = pivoted.na.drop(subset=list(scorers)) if needs_all else pivoted
    weights = {
        name: F.when(F.col(name).isNotNull(), scorer.weight).otherwise(0.0)
        for name, scorer in scorers.items()
    }
    total = sum(weights.values(), F.lit(0.0))
    mean = sum((F.coalesce(F.col(name), F.lit(0.0)) * weights[name] for name in scorers), F.lit(0.0)) / total
    size = {
        name: F.abs(F.col(name) - middle) * weights[name] if combine == "mean" else F.col(name)
        for name in scorers
    }
    largest = F.greatest(*size.values()) if len(size) > 1 else next(iter(size.values()))
    decided = F.coalesce(*[F.when(each == largest, F.lit(name)) for name, each in size.items()])
    value = (
        mean
        if combine == "mean"
        else F.greatest(*[F.col(name) for name in scorers])
        if len(scorers) > 1
        else F.col(next(iter(scorers)))
    )
    return whole.select(*KEYS, "lang", "n_bytes", value.alias("value"), decided.alias("decided_by"))
