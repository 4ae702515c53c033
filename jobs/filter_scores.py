"""Reject documents whose score is beyond a limit: sensitive words, toxicity, any scorer. No model runs.

reads   docs, scores, verdicts
writes  verdicts
run     spark-submit jobs/filter_scores.py --recipe conf/jobs/filter_scores.yaml --lake lakes/demo

rows in   scores    a  scorer harm  score 0.8     b  scorer harm  score 0.5      (max_score 0.5)
rows out  verdicts  a  harmful  value 0.8  threshold 0.5  rule filter_scores.limits.0.max_score
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.errors import ContractError
from gristmill.jobs.core.params import Filtered, LeavesOut
from gristmill.jobs.core.routes import Label
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_verdicts
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Limit(Strict):
    """One limit of one scorer."""

    scorer: str
    version: str | None  # null: the only version in `scores`
    domains: list[Label] | None  # null: all
    max_score: float | None = Field(ge=0, le=1)  # a higher score is rejected
    min_score: float | None = Field(ge=0, le=1)  # a lower score is rejected
    # the limit applies only where raw is at least this (a
    # few hits in a short text score high); null: always
    min_raw: float | None
    reason: str = Field(pattern="^[a-z_]+$")

    @model_validator(mode="after")
    def _limits_something(self) -> Limit:
        if (self.max_score is None) == (self.min_score is None):
            raise ValueError(f"{self.scorer}: wanted one of max_score and min_score; give the other as null")
        return self


class Params(Filtered, LeavesOut):
    """See conf/jobs/filter_scores.yaml."""

    limits: list[Limit] = Field(min_length=1)


def version_of(limit: Limit, position: int, scored: dict[str, list[str]]) -> str:
    """The version of the scorer that `limits[position]` compares; `scored`: scorer -> versions in `scores`.

    Raises ContractError when no kept document has its score, or when several versions have one and the recipe
    names none.
    """
    # Never the newest of several: scores of two versions
    # are not comparable, and the limit was set for one.
    versions = scored.get(limit.scorer, [])
    if limit.version is None and len(versions) > 1:
        raise ContractError(
            f"filter_scores: {limit.scorer} has scored as {', '.join(versions)}; name one as "
            f"limits[{position}].version, or delete the rows of the others"
        )
    if not versions or (limit.version or versions[0]) not in versions:
        requested = limit.scorer + (f" {limit.version}" if limit.version else "")
        available = (
            ", ".join(f"{scorer} {version}" for scorer, some in sorted(scored.items()) for version in some)
            or "none"
        )
        raise ContractError(
            f"filter_scores: limits[{position}] can leave nothing out: no document that the filters kept "
            f"has a score of {requested} "
            f"(there are: {available}); run the job that scores, or mend the name"
        )
    return limit.version or versions[0]


def beyond(rows: DataFrame, limit: Limit, position: int, version: str) -> DataFrame:
    """doc_id, batch_id, reason, value, threshold, rule of the documents beyond `limits[position]`."""
    from pyspark.sql import functions as F

    mine = rows.where((F.col("scorer") == limit.scorer) & (F.col("version") == version))
    # Exactly one of the two is set (Limit._limits_something). A score equal to the limit is kept.
    name, threshold = (
        ("max_score", limit.max_score) if limit.max_score is not None else ("min_score", limit.min_score)
    )
    is_beyond = (
        F.col("score") > F.lit(threshold) if name == "max_score" else F.col("score") < F.lit(threshold)
    )
    rejected = mine.where(is_beyond)
    rejected = rejected if limit.min_raw is None else rejected.where(F.col("raw") >= limit.min_raw)
    rejected = rejected if limit.domains is None else rejected.where(F.col("domain").isin(limit.domains))
    verdict = (
        F.lit(limit.reason).alias("reason"),
        F.col("score").alias("value"),
        F.lit(threshold).cast("double").alias("threshold"),
    )
    return rejected.select(
        "doc_id", "batch_id", *verdict, F.lit(f"filter_scores.limits.{position}.{name}").alias("rule")
    )


def reject(tables: JobContext, params: Params) -> Outputs:
    """A row of `verdicts` for each document and each limit that its score is beyond.

    Raises ContractError for a limit whose scorer has scored no kept document.
    """

    keys = ["doc_id", "batch_id"]
    # Inner joins: a document without a score has no verdict, and a rejected one needs none.
    docs = with_domain(
        tables,
        tables.documents.kept(params.skip_rejected_by).join(
            tables.slice("docs").select(*keys, "domain_hint"), keys, how="inner"
        ),
    )
    scores = tables.slice("scores").select(*keys, "scorer", "version", "raw", "score")
    rows = tables.stage("scored", scores.join(docs, keys, how="inner"))
    # Sorted, so that an error lists the versions in one order on every run.
    scored: dict[str, list[str]] = {}
    for row in sorted(rows.select("scorer", "version").distinct().collect()):
        scored.setdefault(row["scorer"], []).append(row["version"])
    # Without a kept document a missing score is no mistake of the recipe.
    if not scored and docs.isEmpty():
        return {"verdicts": tables.empty("verdicts")}
    parts = [beyond(rows, limit, i, version_of(limit, i, scored)) for i, limit in enumerate(params.limits)]
    rejected = functools.reduce(lambda one, other: one.unionByName(other), parts)
    return {"verdicts": tables.verdicts(rejected)}


JOB = Job(
    "filter_scores",
    Params,
    reads=("docs", "scores", "verdicts"),
    writes=(Writes("verdicts", "job"),),
    steps=(reject,),
    # Which version a limit compares is decided over the whole lake, not batch by batch.
    scope="lake",
    count=count_verdicts,
    about=__doc__,
    # Optional: where label_domain has not run, the domain is the hint of the source.
    looks_at=("domains",),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
