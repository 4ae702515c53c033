"""Choose which documents of the corpus are trained on, how often, and which are cut for fill-in-the-middle.

reads   corpus, docs
writes  mix, verdicts
run     spark-submit jobs/mix_corpus.py --recipe conf/jobs/mix_corpus.yaml --lake lakes/demo

rows in   corpus  a  lang zh  100 bytes                                 (slice zh: 2 epochs)
rows out  mix     a  slice zh  copy 0  fim none     a  slice zh  copy 1  fim psm  cut_start 12  cut_end 40

A document belongs to the first slice that it matches. Each slice gets its share of the bytes: repeated up to
max_epochs where it is too small, sampled where it is too large, by a hash of seed and id, so that the same
lake and recipe give the same mix. Within a slice the number of copies of a document also grows with the size
of its duplicate family (rehydration).
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from gristmill.jobs.core.config import Strict, find_file, load_yaml, validate
from gristmill.jobs.core.params import LeavesOut
from gristmill.jobs.core.routes import Label
from gristmill.jobs.curation.sentinels import Marks
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counts import Counts, by_one_reason
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.edit.mixing import MIXED, shape_batches

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# Resolution of sampling: the fraction of a slice that is taken is a multiple of 1 / STEPS.
STEPS = 65536


class Slice(Strict):
    """Documents with one share of the mix; null matches all."""

    lang: list[Label] | None
    domain: list[Label] | None
    tier: list[str] | None
    share: PositiveFloat  # of the bytes of the mix


class Fim(Marks):
    """Fill in the middle, at document level."""

    rate: float = Field(ge=0, le=1)  # share of the rows that are cut
    spm_rate: float = Field(ge=0, le=1)  # share of these in the order suffix, prefix, middle


class Rehydration(Strict):
    """Published weights by family size (conf/presets/rehydrate_*.yaml)."""

    preset: str
    about: str
    family_weights: dict[PositiveInt, NonNegativeFloat]


class Params(LeavesOut):
    """See conf/jobs/mix_corpus.yaml."""

    slices: dict[str, Slice]
    # of the mix; null: as many as the shares and max_epochs allow
    max_bytes: PositiveInt | None
    # copies of a document of weight 1, on the average
    # of its slice (Muennighoff et al. 2023: up to 4)
    max_epochs: PositiveFloat
    # family size from which a weight applies -> weight; null: all weigh 1
    family_weights: dict[PositiveInt, NonNegativeFloat] | None = None
    fim: Fim
    seed: int

    @model_validator(mode="before")
    @classmethod
    def _load_referenced_files(cls, raw: object) -> object:
        """A preset becomes part of the recipe, and so of its hash; in JSON, sizes are strings."""
        if not isinstance(raw, dict):
            return raw
        weights = raw.get("family_weights")
        if isinstance(weights, str):
            weights = validate(Rehydration, load_yaml(find_file(weights)), weights).family_weights
        if isinstance(weights, dict):
            weights = {
                int(size) if str(size).isdecimal() else size: weight for size, weight in weights.items()
            }
        return {**raw, "family_weights": weights} if weights is not None else raw

    @model_validator(mode="after")
    def _weighs_all(self) -> Params:
        weights = self.family_weights
        if weights is not None and (1 not in weights or not any(weights.values())):
            raise ValueError("family_weights: wanted a weight from size 1 on, and one above 0")
        return self

    @model_validator(mode="after")
    def _adds_up(self) -> Params:
        if abs(sum(each.share for each in self.slices.values()) - 1) > 1e-6:
            raise ValueError(
                f"slices: shares add up to {sum(each.share for each in self.slices.values()):g}, wanted 1"
            )
        return self


def epochs(sizes: dict[str, float], params: Params) -> dict[str, float]:
    """Slice -> copies of its documents of weight 1, 0 to max_epochs; `sizes`: slice -> weighted bytes.

    A slice without a byte gives its share to the others, in proportion to theirs.
    """
    shares = {name: each.share for name, each in params.slices.items() if sizes.get(name)}
    if not shares:
        return {}
    whole = sum(shares.values())
    # The slice that runs out first at max_epochs bounds the mix: shares hold, sizes give way.
    largest = min(sizes[name] * params.max_epochs / (share / whole) for name, share in shares.items())
    total = largest if params.max_bytes is None else min(largest, float(params.max_bytes))
    return {name: total * share / whole / sizes[name] for name, share in shares.items()}


def with_slices(tables: JobContext, params: Params) -> DataFrame:
    """doc_id, batch_id, slice (null: none matches), n_bytes (UTF-8), weight, step (hash, 0 to STEPS - 1) of
    the corpus, staged."""
    from pyspark.sql import functions as F

    # Nested WHENs from the last slice to the first, so that the first slice that matches decides.
    name: Column = F.lit(None).cast("string")
    for title, each in reversed(params.slices.items()):
        matches = F.lit(True)
        for column in ("lang", "domain", "tier"):
            if (values := getattr(each, column)) is not None:
                matches = matches & F.coalesce(F.col(column).isin(values), F.lit(False))
        name = F.when(matches, F.lit(title)).otherwise(name)
    # The id and not the row: a document keeps its step when others come or go.
    step = F.pmod(F.xxhash64(F.lit(params.seed), F.col("doc_id")), F.lit(STEPS)).cast("int")
    size, weight = (
        F.octet_length("text").cast("bigint").alias("n_bytes"),
        weight_of(F.col("family_size"), params.family_weights),
    )
    rows = tables["corpus"].select(
        "doc_id", "batch_id", name.alias("slice"), size, weight.alias("weight"), step.alias("step")
    )
    return tables.stage("sliced", rows)


def weight_of(size: Column, weights: dict[int, float] | None) -> Column:
    """The weight of a family of `size` documents: that of the largest key of `weights` up to it; else 1."""
    from pyspark.sql import functions as F

    value = F.lit(1.0)
    for least in sorted(weights or ()):
        value = F.when(size >= least, F.lit(float((weights or {})[least]))).otherwise(value)
    return value


def mix(tables: JobContext, params: Params) -> Outputs:
    """`mix`, and a verdict for each document whose text contains a sentinel."""
    from pyspark.sql import functions as F

    rows = with_slices(tables, params)
    # Spark sums integers, the driver products in sorted
    # order: a sum of floats would depend on partitions.
    weighted = rows.groupBy("slice", "weight").agg(F.sum("n_bytes").alias("n")).collect()
    sizes: dict[str, float] = {}
    for row in sorted(weighted, key=lambda row: row["weight"]):
        if row["slice"]:
            sizes[row["slice"]] = sizes.get(row["slice"], 0) + row["n"] * row["weight"]
    by_slice = tables.frame(
        [(name, float(n)) for name, n in epochs(sizes, params).items()], "slice string, epochs double"
    )
    selected = rows.join(F.broadcast(by_slice), ["slice"], how="inner")
    times = F.col("epochs") * F.col("weight")
    # 2.3 copies: two of every document, and a third one of those with the lowest 30 % of the steps.
    whole = F.floor(times)
    copies = (whole + (F.col("step") < F.round((times - whole) * STEPS)).cast("int")).cast("int")
    selected = selected.select("doc_id", "batch_id", "slice", copies.alias("copies")).where("copies > 0")
    texts = tables.documents.texts(selected, "text", carry=("slice", "copies"), table="corpus").select(
        "doc_id", "batch_id", "slice", "copies", "text"
    )
    # A text that contains a sentinel is refused: once cut, the cut could not be undone.
    kernel = functools.partial(
        shape_batches,
        marks=params.fim.sentinels(),
        rate=params.fim.rate,
        spm_rate=params.fim.spm_rate,
        seed=params.seed,
    )
    shaped = tables.stage("mixed", texts.mapInArrow(kernel, MIXED))
    # Another hash than that of `step`: order and selection must not depend on each other.
    position = F.xxhash64(F.lit(params.seed), F.lit("position"), F.col("doc_id"), F.col("copy"))
    verdicts = tables.verdicts(
        shaped.where("is_refused"),
        reason=F.lit("holds_sentinel"),
        value=F.lit(None).cast("double"),
        threshold=F.lit(None).cast("double"),
        rule=F.lit("mix_corpus.fim"),
    )
    mixed = shaped.where(~F.col("is_refused")).select(
        "doc_id",
        "batch_id",
        "slice",
        "copy",
        "n_bytes",
        position.alias("position"),
        "fim",
        "cut_start",
        "cut_end",
    )
    return {"verdicts": verdicts, "mix": mixed}


def count(tables: JobContext, params: Params) -> Counts:
    """In: documents of the corpus; kept: those in the mix; left out: holds_sentinel, or not_mixed (no
    slice, or cut down)."""
    corpus = tables["corpus"].select("doc_id", "batch_id")
    mixed = tables.own("mix").select("doc_id", "batch_id").distinct()
    refused = tables.own("verdicts").where(f"job = '{tables.job.name}'").select("doc_id", "batch_id")
    others = corpus.join(mixed.unionByName(refused), ["doc_id", "batch_id"], how="left_anti")
    return by_one_reason(
        {None: mixed.count(), "holds_sentinel": refused.count(), "not_mixed": others.count()}, corpus.count()
    )


JOB = Job(
    "mix_corpus",
    Params,
    reads=("corpus", "docs"),
    # Shares are of the whole mix: a new batch changes the copies of old documents.
    writes=(Writes("verdicts", "job"), Writes("mix", "all")),
    steps=(mix,),
    scope="lake",
    count=count,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
