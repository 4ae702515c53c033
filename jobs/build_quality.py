"""Join the scores into one quality value and cut it into bins and tiers, per language. No model runs here.

reads   docs, signals, verdicts, scores, models
writes  quality
run     spark-submit jobs/build_quality.py --recipe conf/build_quality.yaml --lake lakes/demo

The value is the weighted mean of the scorers' logits, or their largest (CCI4.0, Nemotron-CC). Bin b holds the documents with
b/20 to (b+1)/20 of their language below them, by documents or by bytes; ties stay together. Ends are exact: values are counted
in 65,536 steps, so that neither the order nor the partitions of the rows move a document.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

from pydantic import Field, PositiveFloat

from jobs.core.config import Strict
from jobs.core.counts import by_one_reason
from jobs.core.job import Counts, Job, Tables, Writes, main
from jobs.core.models import find_models

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

STEPS = 65536  # a quality is known to 1 / STEPS
BINS = 20


class Params(Strict):
    """See conf/build_quality.yaml."""

    heeds: list[str]  # judges whose left-out documents are in no bin
    scorers: dict[str, PositiveFloat]  # models of train_classifier and their weights
    combine: Literal["mean", "max"]
    weigh: Literal["documents", "bytes"]  # what a twentieth of a language is
    min_head: int = Field(ge=0, le=BINS)  # bins from here on are the head
    min_middle: int = Field(ge=0, le=BINS)  # from here on the middle; below is the tail


def joined(tables: Tables, params: Params) -> DataFrame:
    """doc_id, batch_id, lang, n_bytes, step (0 to STEPS - 1), decided_by of the documents with every score, staged."""
    from pyspark.sql import functions as F

    versions = {row["name"]: row["version"] for row in find_models(tables, list(params.scorers), "train_classifier")}
    keys, wanted = ["doc_id", "batch_id"], F.lit(False)
    for name, version in versions.items():
        wanted = wanted | ((F.col("scorer") == name) & (F.col("version") == version))
    scores = tables.slice("scores").where((F.col("job") == "score_classifier") & wanted)
    one = [F.max(F.when(F.col("scorer") == name, F.col("raw"))).alias(name) for name in params.scorers]
    rows = scores.groupBy(*keys).agg(*one).na.drop().join(tables.kept(params.heeds), keys, how="left_semi")
    # The one with the largest say; of equal ones the first of the recipe.
    say = {name: F.col(name) * weight if params.combine == "mean" else F.col(name) for name, weight in params.scorers.items()}
    size = {name: F.abs(each) if params.combine == "mean" else each for name, each in say.items()}
    largest = F.greatest(*size.values()) if len(size) > 1 else next(iter(size.values()))
    decided = F.coalesce(*[F.when(each == largest, F.lit(name)) for name, each in size.items()])
    logit = sum(say.values(), F.lit(0.0)) / sum(params.scorers.values()) if params.combine == "mean" else largest
    step = F.least(F.floor(F.lit(STEPS) / (1 + F.exp(-logit))), F.lit(STEPS - 1)).cast("int")
    facts = tables.slice("docs").select(*keys, "n_bytes").join(tables.slice("signals").select(*keys, "lang"), keys, how="inner")
    made = rows.select(*keys, step.alias("step"), decided.alias("decided_by")).join(facts, keys, how="inner")
    return tables.stage("joined", made)


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
    """In: documents that the judges kept; left out: those without every score."""
    n, found = tables.kept(params.heeds).count(), tables.own("quality").count()
    return by_one_reason({None: found, "not_scored": n - found})


JOB = Job(
    "build_quality", Params, reads=("docs", "signals", "verdicts", "scores", "models"), writes=(Writes("quality", "all"),), steps=(bin_quality,),
    scope="lake", count=count, about=__doc__,
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(JOB))
