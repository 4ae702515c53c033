"""Leave out documents of which a scorer says too much or too little: sensitive words, toxicity, any score.
Compares; no model runs.

reads   docs, scores, verdicts
writes  verdicts
run     spark-submit jobs/filter_scores.py --recipe conf/jobs/filter_scores.yaml --lake lakes/demo
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
    version: str | None  # null: the only one there is
    domains: list[Label] | None  # null: all
    max_score: float | None = Field(ge=0, le=1)  # above it a document is left out
    min_score: float | None = Field(ge=0, le=1)  # below it
    # and only when raw is at least this; null: whatever it is
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


def version_of(limit: Limit, place: int, scored: dict[str, list[str]]) -> str:
    """The version that a limit is about; `scored`: scorer to versions.

    Raises ContractError for none, or several.
    """
    versions = scored.get(limit.scorer, [])
    if limit.version is None and len(versions) > 1:
        raise ContractError(
            f"filter_scores: {limit.scorer} has scored as {', '.join(versions)}; name one as "
            f"limits[{place}].version, or delete the rows of the others"
        )
    if not versions or (limit.version or versions[0]) not in versions:
        wanted = limit.scorer + (f" {limit.version}" if limit.version else "")
        there = (
            ", ".join(f"{scorer} {version}" for scorer, some in sorted(scored.items()) for version in some)
            or "none"
        )
        raise ContractError(
            f"filter_scores: limits[{place}] can leave nothing out: no document that the filters kept "
            f"has a score of {wanted} "
            f"(there are: {there}); run the job that scores, or mend the name"
        )
    return limit.version or versions[0]


def beyond(rows: DataFrame, limit: Limit, place: int, version: str) -> DataFrame:
    """doc_id, batch_id, reason, value, limit, rule of the documents beyond one limit."""
    from pyspark.sql import functions as F

    mine = rows.where((F.col("scorer") == limit.scorer) & (F.col("version") == version))
    name, most = (
        ("max_score", limit.max_score) if limit.max_score is not None else ("min_score", limit.min_score)
    )
    is_beyond = F.col("score") > F.lit(most) if name == "max_score" else F.col("score") < F.lit(most)
    found = mine.where(is_beyond)
    found = found if limit.min_raw is None else found.where(F.col("raw") >= limit.min_raw)
    found = found if limit.domains is None else found.where(F.col("domain").isin(limit.domains))
    said = (
        F.lit(limit.reason).alias("reason"),
        F.col("score").alias("value"),
        F.lit(most).cast("double").alias("threshold"),
    )
    return found.select(
        "doc_id", "batch_id", *said, F.lit(f"filter_scores.limits.{place}.{name}").alias("rule")
    )


def reject(tables: JobContext, params: Params) -> Outputs:
    """A row of `verdicts` for each document and limit that it is beyond.

    Raises ContractError for what is not scored.
    """
    from pyspark.sql import functions as F

    keys = ["doc_id", "batch_id"]
    docs = with_domain(
        tables,
        tables.documents.kept(params.skip_rejected_by).join(
            tables.slice("docs").select(*keys, "domain_hint"), keys, how="inner"
        ),
    )
    scores = tables.slice("scores").select(*keys, "scorer", "version", "raw", "score")
    rows = tables.stage("scored", scores.join(docs, keys, how="inner"))
    scored: dict[str, list[str]] = {}
    for row in sorted(rows.select("scorer", "version").distinct().collect()):
        scored.setdefault(row["scorer"], []).append(row["version"])
    if not scored and docs.isEmpty():  # nothing stays that could have a score
        return {"verdicts": tables.empty("verdicts")}
    parts = [beyond(rows, limit, i, version_of(limit, i, scored)) for i, limit in enumerate(params.limits)]
    found = functools.reduce(lambda one, other: one.unionByName(other), parts)
    return {
        "verdicts": found.select(
            F.lit(tables.job.name).alias("job"),
            *keys,
            "reason",
            "value",
            "threshold",
            "rule",
            F.lit(tables.recipe_hash).alias("recipe_hash"),
        )
    }


JOB = Job(
    "filter_scores",
    Params,
    reads=("docs", "scores", "verdicts"),
    writes=(Writes("verdicts", "job"),),
    steps=(reject,),
    scope="lake",
    count=count_verdicts,
    about=__doc__,
    looks_at=("domains",),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
