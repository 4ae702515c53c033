"""An ensemble of scorers: values of different kinds on one scale, combine_scores into one value a document.

A scorer is a trained classifier, a transformer or a language model as judge (table `scores`), or the loss of
a language model (table `perplexity`; lower is better).
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
    """One scorer of an ensemble. Its key in the recipe is its name in `scores`.

    Scorers from `perplexity` may have any name.
    """

    # the job that wrote its rows
    job: Literal["score_classifier", "score_transformer", "merge_scores", "score_perplexity", "score_loss"]
    # Version of the judge's prompt, the transformer or the language model.
    # null: the only one with rows (classifiers and KenLM: the one in `models`).
    version: str | None
    weight: PositiveFloat


def versions(tables: JobContext, scorers: dict[str, Scorer]) -> dict[str, list[str]]:
    """Scorer -> the versions whose rows count; [] where the recipe names none and there are no rows.

    Raises ContractError where a scorer has rows of several versions and the recipe names none.
    """
    return {name: _versions(tables, name, scorer) for name, scorer in scorers.items()}


def _versions(tables: JobContext, name: str, scorer: Scorer) -> list[str]:
    # Scores of classifiers that were trained again since
    # are left out: only the current version counts.
    if scorer.job == "score_classifier":
        return [find_models(tables, [name], "train_classifier")[0]["version"]]
    if scorer.job == "score_perplexity":
        # A model a language, and so several versions: each document has a row of one of them.
        trained = tables["models"].where("job = 'train_lm'").collect()
        current = [f"{row['name']}-{row['version']}" for row in trained]
        return sorted(each for each in current if scorer.version in (None, each))
    if scorer.version:
        return [scorer.version]
    rows = _rows(tables, name, scorer).select("version").distinct()
    names = sorted(row["version"] for row in rows.collect())
    # Scores of different versions do not compare, so none is chosen here.
    if len(names) > 1:
        raise ContractError(
            f"{name} ({scorer.job}) has rows of {len(names)} versions: {', '.join(names)}; "
            f"name one as its version in jobs.{tables.job.name}.scorers"
        )
    return names


def values(
    tables: JobContext, scorers: dict[str, Scorer], scorer_versions: dict[str, list[str]]
) -> DataFrame:
    """doc_id, batch_id, scorer, raw (higher is better), step (0 to STEPS - 1, rising with raw).

    One row for each document and scorer; `scorer_versions`: the result of `versions`.

        doc_id  batch_id  scorer  raw   step
        a       one       edu     1.25  50941
        a       one       loss    -2.8  17246
    """
    from pyspark.sql import functions as F

    # A value of exactly 1 belongs to the last step.
    step = F.least(F.floor(F.col("unit") * STEPS), F.lit(STEPS - 1)).cast("int").alias("step")
    every = None
    for name, scorer in scorers.items():
        rows = _rows(tables, name, scorer).where(F.col("version").isin(scorer_versions[name]))
        rows = rows.select(*KEYS, F.lit(name).alias("scorer"), "raw", step)
        every = rows if every is None else every.unionByName(rows)
    assert every is not None  # the recipe names one at least
    return every


def _rows(tables: JobContext, name: str, scorer: Scorer) -> DataFrame:
    """doc_id, batch_id, version, raw, unit (0 to 1, rising with raw) of a scorer, of all its versions."""
    from pyspark.sql import functions as F

    if scorer.job not in ("score_perplexity", "score_loss"):
        rows = tables.slice("scores").where((F.col("job") == scorer.job) & (F.col("scorer") == name))
        return rows.select(*KEYS, "version", "raw", F.col("score").alias("unit"))
    # `perplexity` has one loss for each model and no score of 0 to 1.
    rows = tables.slice("perplexity").where(F.col("job") == scorer.job)
    # A loss has no upper bound, so it is mapped to (0, 1] by a falling function.
    # Only its order matters: a loss goes into an ensemble as a percentile.
    unit = 1 / (1 + F.greatest("loss", F.lit(0.0)))
    version, raw = F.col("model").alias("version"), (-F.col("loss")).alias("raw")
    return rows.select(*KEYS, version, raw, unit.alias("unit"))


def weight(bin_by: str) -> Column:
    """The aggregate by which rows with n_bytes are weighted: their number, or their bytes."""
    from pyspark.sql import functions as F

    return F.count("*") if bin_by == "documents" else F.sum("n_bytes")


def without_known(
    tables: JobContext, rows: DataFrame, known: Collection[tuple[str | None, ...]], *columns: str
) -> DataFrame:
    """Rows whose `columns` equal no tuple of `known`; null equals null."""
    from pyspark.sql import functions as F

    if not known:
        return rows
    # Null-safe, as a document may have no language, and a plain join would drop its rows.
    known_rows = F.broadcast(tables.frame(list(known), ", ".join(f"known_{name} string" for name in columns)))
    is_known = [F.col(name).eqNullSafe(F.col(f"known_{name}")) for name in columns]
    return rows.join(known_rows, functools.reduce(and_, is_known), how="left_anti")


def with_curves(tables: JobContext, scale: Scale, rows: DataFrame, bin_by: str) -> Scale:
    """`scale` with curves added for languages and scorers of `rows` that it lacks; else the same object.

    rows: lang, n_bytes, scorer, step, staged, since they are read once more by the caller. Shares are of
    documents or of bytes, as `bin_by` says.
    """
    new = without_known(tables, rows, list(scale.curves), "lang", "scorer")
    counted: dict[tuple[str | None, str], list[tuple[int, int]]] = {}
    for row in new.groupBy("lang", "scorer", "step").agg(weight(bin_by).alias("n")).collect():
        counted.setdefault((row["lang"], row["scorer"]), []).append((row["step"], row["n"]))
    # Present curves are never counted anew: a batch must not move the documents of another.
    added = {key: curve_of(sorted(steps)) for key, steps in counted.items()}
    return replace(scale, curves={**scale.curves, **added}) if added else scale


def as_percentiles(rows: DataFrame, scale: Scale) -> DataFrame:
    """doc_id, batch_id, lang, n_bytes, scorer, raw, where raw is a percentile, 0 to 1.

    `rows`: those of `values` with lang and n_bytes. The percentile is the share of the document's language
    that the scorer puts below the document, by the curves of `scale`.
    """
    from gristmill.udfs.columns import share_below

    share = share_below(scale.curves)("lang", "scorer", "step")
    return rows.select(*KEYS, "lang", "n_bytes", "scorer", share.alias("raw"))


def combine_scores(
    rows: DataFrame, scorers: dict[str, Scorer], combine: str, middle: float, needs_all: bool
) -> DataFrame:
    """doc_id, batch_id, lang, n_bytes, value, decided_by: weighted mean or maximum of the raw values.

    `combine`: mean or max. decided_by: the scorer of the maximum; of a mean the one with the largest weighted
    distance from `middle`; of equal ones the first in the recipe. Documents that lack a score are left out
    where `needs_all`; otherwise the value is that of their other scores.

        rows: doc_id  scorer  raw     mean, equal weights, middle 0.5: doc_id  value  decided_by
              a       edu     0.9                                      a       0.75   edu
              a       loss    0.6
    """
    from pyspark.sql import functions as F

    # One column a scorer. max() ignores the nulls of the other scorers' rows.
    one = [F.max(F.when(F.col("scorer") == name, F.col("raw"))).alias(name) for name in scorers]
    pivoted = rows.groupBy(*KEYS, "lang", "n_bytes").agg(*one)
    whole = pivoted.na.drop(subset=list(scorers)) if needs_all else pivoted
    # Weights of missing scores are 0, so that the mean is over those that the document has.
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
    # greatest() needs two columns at least.
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
