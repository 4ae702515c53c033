"""Join the scores into one quality value and cut it into bins and tiers, per language. No model runs here.

reads   docs, signals, verdicts, scores, models (perplexity, where a scorer is of it)
writes  quality
run     spark-submit jobs/build_quality.py --recipe conf/build_quality.yaml --lake lakes/demo

The value is the weighted mean of the scorers' values, or their largest (CCI4.0, Nemotron-CC): logits of classifiers as they are, or of any
scorers the share of the language that each puts below the document. Bin b holds the documents with b/20 to (b+1)/20 of their language
below them, by documents or by bytes; ties stay together. Ends are exact: values are counted in 65,536 steps, so that neither the order
nor the partitions of the rows move a document.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from jobs.core.config import Strict
from jobs.core.counts import count_output
from jobs.core.ensemble import KEYS, STEPS, Scorer, as_percentiles, combined, values
from jobs.core.job import Counts, Job, Tables, Writes, main

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BINS = 20


class Params(Strict):
    """See conf/build_quality.yaml."""

    heeds: list[str]  # judges whose left-out documents are in no bin
    scorers: dict[str, Scorer] = Field(min_length=1)  # by name
    scale: Literal["logit", "percentile"]  # logit: classifiers only; percentile: the share of the language below, so anything that sorts
    combine: Literal["mean", "max"]
    missing: Literal["leave_out", "ignore"]  # a document without some score: it gets no bin, or the scores that it has decide
    weigh: Literal["documents", "bytes"]  # what a twentieth of a language is, and a percentile
    min_head: int = Field(ge=0, le=BINS)  # bins from here on are the head
    min_middle: int = Field(ge=0, le=BINS)  # from here on the middle; below is the tail

    @model_validator(mode="after")
    def _logits_are_of_classifiers(self) -> Params:
        others = [name for name, scorer in self.scorers.items() if scorer.of != "score_classifier"]
        if self.scale == "logit" and others:
            raise ValueError(f"scale: logit is for classifiers, {', '.join(others)} have none; take percentile")
        return self


def joined(tables: Tables, params: Params) -> DataFrame:
    """doc_id, batch_id, lang, n_bytes, step (0 to STEPS - 1), decided_by of the documents that get a bin, staged."""
    from pyspark.sql import functions as F

    facts = tables.slice("docs").select(*KEYS, "n_bytes").join(tables.slice("signals").select(*KEYS, "lang"), KEYS, how="inner")
    rows = values(tables, params.scorers).join(tables.kept(params.heeds), KEYS, how="left_semi").join(facts, KEYS, how="inner")
    is_ranked = params.scale == "percentile"
    said = as_percentiles(tables, tables.stage("values", rows), params.weigh) if is_ranked else rows
    one = combined(said, params.scorers, params.combine, 0.5 if is_ranked else 0.0, params.missing == "leave_out")
    unit = F.col("value") if is_ranked else 1 / (1 + F.exp(-F.col("value")))
    step = F.least(F.floor(unit * STEPS), F.lit(STEPS - 1)).cast("int")
    return tables.stage("joined", one.select(*KEYS, "lang", "n_bytes", step.alias("step"), "decided_by"))


def cuts(rows: DataFrame, weigh: str) -> dict[str | None, list[int]]:
    """For each language the step at which bins 1, 2, ... 19 begin."""
    from pyspark.sql import functions as F

    weight = F.count("*") if weigh == "documents" else F.sum("n_bytes")
    counted: dict[str | None, list[tuple[int, int]]] = {}
    for row in rows.groupBy("lang", "step").agg(weight.alias("n")).collect():
        counted.setdefault(row["lang"], []).append((row["step"], row["n"]))
    return {lang: bin_starts(sorted(steps)) for lang, steps in counted.items()}


def bin_starts(steps: list[tuple[int, int]]) -> list[int]:
    """Where bins 1 to 19 begin, from (step, weight) ascending: the first step with b/20 of the weight below it; STEPS when there is none."""
    total, below, starts = sum(n for _, n in steps), 0, [STEPS] * (BINS - 1)
    for step, n in steps:
        for b in range(1, BINS):
            if starts[b - 1] == STEPS and below * BINS >= b * total:
                starts[b - 1] = step
        below += n
    return starts


def bin_quality(tables: Tables, params: Params) -> dict[str, DataFrame]:
    """`quality` of all documents that have every score."""
    from pyspark.sql import functions as F

    rows = joined(tables, params)
    starts = tables.frame(list(cuts(rows, params.weigh).items()), "of string, starts array<int>")
    binned = rows.join(F.broadcast(starts), F.col("lang").eqNullSafe(F.col("of")), how="inner").withColumn("bin", F.expr("size(filter(starts, x -> step >= x))"))
    tier = F.when(F.col("bin") >= params.min_head, "head").when(F.col("bin") >= params.min_middle, "middle").otherwise("tail")
    quality = F.round((F.col("step") + 0.5) / STEPS, 6)
    made = binned.select("doc_id", "batch_id", "lang", quality.alias("quality"), "bin", tier.alias("tier"), "decided_by", F.lit(tables.recipe_hash).alias("recipe_hash"))
    return {"quality": made}


def count(tables: Tables, params: Params) -> Counts:
    """In: documents that the judges kept; left out: those without every score (missing: ignore: without any)."""
    return count_output(tables.kept(params.heeds), tables.own("quality"), "not_scored")


JOB = Job(
    "build_quality", Params, reads=("docs", "signals", "verdicts", "scores", "models"), writes=(Writes("quality", "all"),), steps=(bin_quality,),
    scope="lake", count=count, about=__doc__, looks_at=("perplexity",),
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(JOB))
