"""Combine the scores into one quality value and cut it into bins and tiers, per language. No model runs here.

reads   docs, signals, verdicts, scores, models (perplexity, where a scorer is of it)
writes  models, quality
run     spark-submit jobs/build_quality.py --recipe conf/jobs/build_quality.yaml --lake lakes/demo

The value is the weighted mean or the maximum of the scorers' values (CCI4.0, Nemotron-CC). A value is the
logit of a classifier, or, for scorers of any kind, a percentile: the share of the language that the scorer
puts below the document. Bin b holds the documents with b/20 to (b+1)/20 of their language below them, by
documents or by bytes; equal values are in one bin. The bounds of bins are exact: values are counted in 65,536
steps, so that the order and the partitions of the rows change nothing.

With `reuse_model` the scale (percentiles and bounds of bins) is written to `models` by the first run, and
later documents are placed on it, so that a batch does not move the documents of another. In return the first
run decides for all later documents, and bins no longer hold a twentieth each. Where the first batch was small
or unusual, compute the scale again from all documents: run once with `reuse_model: false` (later runs reuse
that scale), or change a parameter of the scale. A language that the scale lacks is added; another version of
a scorer makes a new scale.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.core.params import Filtered
from gristmill.jobs.core.records import Record
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_output
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.jobs.scoring.ensemble import (
    KEYS,
    STEPS,
    Scorer,
    as_percentiles,
    combine_scores,
    values,
    versions,
    weight,
    with_curves,
    without_known,
)
from gristmill.jobs.scoring.models import as_models, find_reusable, load_model, model_row
from gristmill.udfs.scoring.scales import BINS, Scale, bin_starts, from_bytes

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

NAME, KIND = "quality_scale", "scale"  # in `models`
# rows of an Arrow batch, each a step and two short names
BATCH_ROWS = 65_536


class Params(Filtered):
    """See conf/jobs/build_quality.yaml."""

    scorers: dict[str, Scorer] = Field(min_length=1)  # by name
    # logit: classifiers only; percentile: any scorer, as only the order of its values counts
    scale: Literal["logit", "percentile"]
    combine: Literal["mean", "max"]
    # for a document that lacks a score: no bin, or the value of its other scores
    missing: Literal["leave_out", "ignore"]
    # unit of the shares: of a bin, and of a percentile
    bin_by: Literal["documents", "bytes"]
    # true: the scale is kept while all parameters above and the
    # scorers' versions are the same; false: a new scale in each run
    reuse_model: bool
    min_head: int = Field(ge=0, le=BINS)  # the head: bins from this one on
    # the middle: bins from this one on; the tail: all below
    min_middle: int = Field(ge=0, le=BINS)

    @model_validator(mode="after")
    def _logits_are_of_classifiers(self) -> Params:
        others = [name for name, scorer in self.scorers.items() if scorer.job != "score_classifier"]
        if self.scale == "logit" and others:
            raise ValueError(
                f"scale: logit is for classifiers, {', '.join(others)} have none; take percentile"
            )
        return self

    def scale_params(self) -> Record:
        """The parameters of the scale; the others only change tiers."""
        return self.model_dump(mode="json", exclude={"reuse_model", "min_head", "min_middle"})


def steps_on_scale(
    tables: JobContext, params: Params, scorer_versions: dict[str, list[str]], kept: Scale
) -> tuple[DataFrame, Scale]:
    """Documents that get a bin, with their step; and the scale with the curves and bins that it lacked.

    Rows, staged: doc_id, batch_id, lang, n_bytes, step (0 to STEPS - 1), decided_by. The scale is `kept`
    itself where it lacked nothing. `scorer_versions`: the versions of each scorer whose rows count.
    """
    from pyspark.sql import functions as F

    facts = (
        tables.slice("docs")
        .select(*KEYS, "n_bytes")
        .join(tables.slice("signals").select(*KEYS, "lang"), KEYS, how="inner")
    )
    rows = values(tables, params.scorers, scorer_versions).join(
        tables.documents.kept(params.skip_rejected_by), KEYS, how="left_semi"
    )
    rows = rows.join(facts, KEYS, how="inner")
    is_percentile, scale = params.scale == "percentile", kept
    # Staged, since the curves are counted from these rows before the rows are placed on them.
    if is_percentile:
        rows = tables.stage("values", rows)
        scale = with_curves(tables, kept, rows, params.bin_by)
        rows = as_percentiles(rows, scale)
    # The value that says nothing, from which the distance
    # of a scorer is measured: the median, or even odds.
    middle, needs_all = 0.5 if is_percentile else 0.0, params.missing == "leave_out"
    values_of = combine_scores(rows, params.scorers, params.combine, middle, needs_all)
    unit = F.col("value") if is_percentile else 1 / (1 + F.exp(-F.col("value")))
    step = F.least(F.floor(unit * STEPS), F.lit(STEPS - 1)).cast("int")
    steps = values_of.select(*KEYS, "lang", "n_bytes", step.alias("step"), "decided_by")
    steps = tables.stage("joined", steps, BATCH_ROWS)
    return steps, with_starts(tables, scale, steps, params.bin_by)


def with_starts(tables: JobContext, scale: Scale, rows: DataFrame, bin_by: str) -> Scale:
    """`scale` with bins added for languages of `rows` that it lacks; else the same object.

    rows: lang, n_bytes, step, staged, since they are read once more by the caller.
    """
    from pyspark.sql import functions as F

    new = without_known(tables, rows, [(lang,) for lang in scale.starts], "lang")
    counted: dict[str | None, list[tuple[int, int]]] = {}
    documents: dict[str | None, int] = {}
    # Exact counts, at most STEPS a language: approximate
    # quantiles would change with the partitions.
    histogram = new.groupBy("lang", "step").agg(weight(bin_by).alias("n"), F.count("*").alias("documents"))
    for row in histogram.collect():
        counted.setdefault(row["lang"], []).append((row["step"], row["n"]))
        documents[row["lang"]] = documents.get(row["lang"], 0) + row["documents"]
    starts = {lang: bin_starts(sorted(steps)) for lang, steps in counted.items()}
    if not starts:
        return scale
    return replace(scale, starts={**scale.starts, **starts}, documents={**scale.documents, **documents})


def kept_scale(tables: JobContext, params: Params, scorer_versions: Mapping[str, list[str]]) -> Scale:
    """The scale of an earlier run where it may be reused, else an empty one.

    Raises ContractError where its file is missing.
    """
    row = (
        find_reusable(tables, NAME, params.scale_params(), scorers=scorer_versions)
        if params.reuse_model
        else None
    )
    try:
        return load_model(tables.lake, row, from_bytes) if row else Scale()
    except ContractError as error:
        raise ContractError(
            f"{error} with reuse_model: false, once: the scale is computed again from all documents"
        ) from error


def as_model(
    tables: JobContext, params: Params, scorer_versions: Mapping[str, list[str]], scale: Scale
) -> DataFrame:
    """Writes the scale's file; returns its row of `models`."""
    data = scale.to_bytes()
    documents = {lang or "no language": n for lang, n in scale.documents.items()}
    about = {
        "documents": documents,
        "scorers": scorer_versions,
        "versions": dict(sorted(tables.versions.items())),
    }
    figures = {"documents": sum(documents.values()), "languages": len(documents), "bytes": len(data)}
    # Of the content: the same documents give the same version.
    version = hashlib.blake2b(data, digest_size=6).hexdigest()
    scale_params = params.scale_params()
    row = model_row(tables, NAME, version, KIND, data, trained_on=about, figures=figures, params=scale_params)
    return as_models(tables, [row])


def bin_quality(tables: JobContext, params: Params) -> Outputs:
    """`quality` of all documents that get a value; `models` where the scale is new or has grown."""
    from pyspark.sql import functions as F

    scorer_versions = versions(tables, params.scorers)
    kept = kept_scale(tables, params, scorer_versions)
    rows, scale = steps_on_scale(tables, params, scorer_versions, kept)
    starts = tables.frame(list(scale.starts.items()), "of string, starts array<int>")
    # Null-safe, as a document may have no language. The
    # bin is the number of starts at or below its step.
    binned = rows.join(F.broadcast(starts), F.col("lang").eqNullSafe(F.col("of")), how="inner").withColumn(
        "bin", F.expr("size(filter(starts, x -> step >= x))")
    )
    tier = (
        F.when(F.col("bin") >= params.min_head, "head")
        .when(F.col("bin") >= params.min_middle, "middle")
        .otherwise("tail")
    )
    # The middle of the step: the value itself is known to a step only.
    quality = F.round((F.col("step") + 0.5) / STEPS, 6)
    quality_rows = binned.select(
        "doc_id",
        "batch_id",
        "lang",
        quality.alias("quality"),
        "bin",
        tier.alias("tier"),
        "decided_by",
        F.lit(tables.recipe_hash).alias("recipe_hash"),
    )
    model = {} if scale is kept else {"models": as_model(tables, params, scorer_versions, scale)}
    return {**model, "quality": quality_rows}


def count(tables: JobContext, params: Params) -> Counts:
    """In: documents that the filters kept; left out, as not_scored: those that got no value."""
    return count_output(tables.documents.kept(params.skip_rejected_by), tables.own("quality"), "not_scored")


JOB = Job(
    "build_quality",
    Params,
    reads=("docs", "signals", "verdicts", "scores", "models"),
    writes=(Writes("models", "job"), Writes("quality", "all")),
    steps=(bin_quality,),
    scope="lake",
    count=count,
    about=__doc__,
    looks_at=("perplexity",),
    models_of=("train_classifier", "train_lm"),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
