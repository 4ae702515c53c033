"""Join the scores into one quality value and cut it into bins and tiers, per language. No model runs here.

reads   docs, signals, verdicts, scores, models (perplexity, where a scorer is of it)
writes  models, quality
run     spark-submit jobs/build_quality.py --recipe conf/jobs/build_quality.yaml --lake lakes/demo

The value is the weighted mean of the scorers' values, or their largest (CCI4.0, Nemotron-CC): logits of
classifiers as they are, or of any scorers the share of the language that each puts below the document. Bin b
holds the documents with b/20 to (b+1)/20 of their language below them, by documents or by bytes; ties stay
together. Ends are exact: values are counted in 65,536 steps, so that neither the order nor the partitions of
the rows move a document.

With `reuse_model` the scale (the percentiles, and where bins begin) stands in `models` as it was first made,
and later documents are placed on it: a batch moves no document of another. The price: what the first run saw
is the measure of all that comes, and bins no longer hold a twentieth each. Where the first batch was small or
odd, make the scale anew of all documents: run once with `reuse_model: false` (what that run made is kept from
then on), or change a parameter that it is made by. A language that the scale lacks is added, and another
version of a scorer makes it anew.
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
    beyond,
    combined,
    values,
    versions,
    weight,
    with_curves,
)
from gristmill.jobs.scoring.models import as_models, kept_model, load_model, model_row
from gristmill.udfs.scoring.scales import BINS, Scale, bin_starts, from_bytes

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

NAME, KIND = "quality_scale", "scale"  # in `models`
# of an Arrow batch: a step and two short names each
BATCH_ROWS = 65_536


class Params(Filtered):
    """See conf/jobs/build_quality.yaml."""

    scorers: dict[str, Scorer] = Field(min_length=1)  # by name
    # logit: classifiers only; percentile: the share of the language below, so anything that sorts
    scale: Literal["logit", "percentile"]
    combine: Literal["mean", "max"]
    # a document without some score: it gets no bin, or the scores that it has decide
    missing: Literal["leave_out", "ignore"]
    # what a twentieth of a language is, and a percentile
    bin_by: Literal["documents", "bytes"]
    # the scale stays while all above and the scorers' versions do; false: made anew at each run
    reuse_model: bool
    min_head: int = Field(ge=0, le=BINS)  # bins from here on are the head
    # from here on the middle; below is the tail
    min_middle: int = Field(ge=0, le=BINS)

    @model_validator(mode="after")
    def _logits_are_of_classifiers(self) -> Params:
        others = [name for name, scorer in self.scorers.items() if scorer.job != "score_classifier"]
        if self.scale == "logit" and others:
            raise ValueError(
                f"scale: logit is for classifiers, {', '.join(others)} have none; take percentile"
            )
        return self

    def made_by(self) -> Record:
        """The parameters that make the scale; the others move tiers only."""
        return self.model_dump(mode="json", exclude={"reuse_model", "min_head", "min_middle"})


def joined(
    tables: JobContext, params: Params, heard: dict[str, list[str]], kept: Scale
) -> tuple[DataFrame, Scale]:
    """doc_id, batch_id, lang, n_bytes, step (0 to STEPS - 1), decided_by of the documents that get a bin; and
    `kept` with what it lacks of their percentiles and bins. Rows are staged; `heard`: the scorers' versions.
    """
    from pyspark.sql import functions as F

    facts = (
        tables.slice("docs")
        .select(*KEYS, "n_bytes")
        .join(tables.slice("signals").select(*KEYS, "lang"), KEYS, how="inner")
    )
    rows = values(tables, params.scorers, heard).join(
        tables.documents.kept(params.skip_rejected_by), KEYS, how="left_semi"
    )
    rows = rows.join(facts, KEYS, how="inner")
    is_ranked, scale = params.scale == "percentile", kept
    if is_ranked:
        rows = tables.stage("values", rows)
        scale = with_curves(tables, kept, rows, params.bin_by)
        rows = as_percentiles(rows, scale)
    middle, needs_all = 0.5 if is_ranked else 0.0, params.missing == "leave_out"
    one = combined(rows, params.scorers, params.combine, middle, needs_all)
    unit = F.col("value") if is_ranked else 1 / (1 + F.exp(-F.col("value")))
    step = F.least(F.floor(unit * STEPS), F.lit(STEPS - 1)).cast("int")
    said = one.select(*KEYS, "lang", "n_bytes", step.alias("step"), "decided_by")
    said = tables.stage("joined", said, BATCH_ROWS)
    return said, with_starts(tables, scale, said, params.bin_by)


def with_starts(tables: JobContext, scale: Scale, rows: DataFrame, bin_by: str) -> Scale:
    """`scale` with the bins that it lacks of languages of `rows`; the same object when it lacks none.

    rows: lang, n_bytes, step, staged; one aggregation.
    """
    from pyspark.sql import functions as F

    new = beyond(tables, rows, [(lang,) for lang in scale.starts], "lang")
    counted: dict[str | None, list[tuple[int, int]]] = {}
    documents: dict[str | None, int] = {}
    found = new.groupBy("lang", "step").agg(weight(bin_by).alias("n"), F.count("*").alias("documents"))
    for row in found.collect():
        counted.setdefault(row["lang"], []).append((row["step"], row["n"]))
        documents[row["lang"]] = documents.get(row["lang"], 0) + row["documents"]
    starts = {lang: bin_starts(sorted(steps)) for lang, steps in counted.items()}
    if not starts:
        return scale
    return replace(scale, starts={**scale.starts, **starts}, documents={**scale.documents, **documents})


def kept_scale(tables: JobContext, params: Params, heard: Mapping[str, list[str]]) -> Scale:
    """The scale that stays; an empty one where none does. Raises ContractError when its file is gone."""
    row = kept_model(tables, NAME, params.made_by(), scorers=heard) if params.reuse_model else None
    try:
        return from_bytes(load_model(tables, row)) if row else Scale()
    except ContractError as error:
        raise ContractError(
            f"{error} with reuse_model: false, once: it is made anew of all documents"
        ) from error


def as_model(tables: JobContext, params: Params, heard: Mapping[str, list[str]], scale: Scale) -> DataFrame:
    """The scale's row of `models`, its file written."""
    data = scale.to_bytes()
    documents = {lang or "no language": n for lang, n in scale.documents.items()}
    about = {"documents": documents, "scorers": heard, "versions": dict(sorted(tables.versions.items()))}
    figures = {"documents": sum(documents.values()), "languages": len(documents), "bytes": len(data)}
    version = hashlib.blake2b(data, digest_size=6).hexdigest()
    made_by = params.made_by()
    row = model_row(tables, NAME, version, KIND, data, trained_on=about, figures=figures, params=made_by)
    return as_models(tables, [row])


def bin_quality(tables: JobContext, params: Params) -> Outputs:
    """`quality` of all documents that have every score; `models` where another scale is there."""
    from pyspark.sql import functions as F

    heard = versions(tables, params.scorers)
    kept = kept_scale(tables, params, heard)
    rows, scale = joined(tables, params, heard, kept)
    starts = tables.frame(list(scale.starts.items()), "of string, starts array<int>")
    binned = rows.join(F.broadcast(starts), F.col("lang").eqNullSafe(F.col("of")), how="inner").withColumn(
        "bin", F.expr("size(filter(starts, x -> step >= x))")
    )
    tier = (
        F.when(F.col("bin") >= params.min_head, "head")
        .when(F.col("bin") >= params.min_middle, "middle")
        .otherwise("tail")
    )
    quality = F.round((F.col("step") + 0.5) / STEPS, 6)
    made = binned.select(
        "doc_id",
        "batch_id",
        "lang",
        quality.alias("quality"),
        "bin",
        tier.alias("tier"),
        "decided_by",
        F.lit(tables.recipe_hash).alias("recipe_hash"),
    )
    model = {} if scale is kept else {"models": as_model(tables, params, heard, scale)}
    return {**model, "quality": made}


def count(tables: JobContext, params: Params) -> Counts:
    """In: documents that the filters kept; left out: those without every score (missing: ignore: without
    any)."""
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
