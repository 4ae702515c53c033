"""Leave out documents of which a scorer says too much or too little: sensitive words, toxicity, any score. Compares; no model runs.

reads   docs, scores, verdicts
writes  verdicts
run     spark-submit jobs/judge_scores.py --recipe conf/judge_scores.yaml --lake lakes/demo
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

from pydantic import Field, NonNegativeInt, model_validator

from jobs.core.config import Strict
from jobs.core.counts import count_verdicts
from jobs.core.domains import with_domain
from jobs.core.errors import ContractError
from jobs.core.job import Job, Tables, Writes, main
from jobs.core.routes import Label

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Limit(Strict):
    """One limit of one scorer."""

    scorer: str
    version: str | None  # null: the only one there is
    domains: list[Label] | None  # null: all
    max_score: float | None = Field(ge=0, le=1)  # above it a document is left out
    min_score: float | None = Field(ge=0, le=1)  # below it
    min_raw: float | None  # and only when raw is at least this; null: whatever it is
    reason: str = Field(pattern="^[a-z_]+$")

    @model_validator(mode="after")
    def _limits_something(self) -> Limit:
        if (self.max_score is None) == (self.min_score is None):
            raise ValueError(f"{self.scorer}: wanted one of max_score and min_score; give the other as null")
        return self


class Params(Strict):
    """See conf/judge_scores.yaml."""

    heeds: list[str]  # judges whose left-out documents are not looked at
    limits: list[Limit] = Field(min_length=1)
    min_kept: NonNegativeInt  # documents


def beyond(tables: Tables, rows: DataFrame, limit: Limit, place: int) -> DataFrame:
    """doc_id, batch_id, reason, value, limit, rule of the documents beyond one limit. Raises ContractError when the scorer has several versions."""
    from pyspark.sql import functions as F

    mine = rows.where(F.col("scorer") == limit.scorer)
    versions = [limit.version] if limit.version else sorted(row["version"] for row in mine.select("version").distinct().collect())
    if len(versions) > 1:
        raise ContractError(f"judge_scores: {limit.scorer} has scored as {', '.join(versions)}; name one as limits[{place}].version, or delete the rows of the others")
    name, most = ("max_score", limit.max_score) if limit.max_score is not None else ("min_score", limit.min_score)
    is_beyond = F.col("score") > F.lit(most) if name == "max_score" else F.col("score") < F.lit(most)
    found = mine.where(F.col("version").isin(versions) & is_beyond)
    found = found if limit.min_raw is None else found.where(F.col("raw") >= limit.min_raw)
    found = found if limit.domains is None else found.where(F.col("domain").isin(limit.domains))
    said = (F.lit(limit.reason).alias("reason"), F.col("score").alias("value"), F.lit(most).cast("double").alias("limit"))
    return found.select("doc_id", "batch_id", *said, F.lit(f"judge_scores.limits.{place}.{name}").alias("rule"))


def judge(tables: Tables, params: Params) -> dict[str, DataFrame]:
    """A row of `verdicts` for each document and limit that it is beyond."""
    from pyspark.sql import functions as F

    keys = ["doc_id", "batch_id"]
    docs = with_domain(tables, tables.kept(params.heeds).join(tables.slice("docs").select(*keys, "domain_hint"), keys, how="inner"))
    wanted = sorted({limit.scorer for limit in params.limits})
    scores = tables.slice("scores").where(F.col("scorer").isin(wanted)).select(*keys, "scorer", "version", "raw", "score")
    rows = tables.stage("scored", scores.join(docs, keys, how="inner"))
    found = functools.reduce(lambda one, other: one.unionByName(other), [beyond(tables, rows, limit, i) for i, limit in enumerate(params.limits)])
    return {"verdicts": found.select(F.lit(tables.job.name).alias("job"), *keys, "reason", "value", "limit", "rule", F.lit(tables.recipe_hash).alias("recipe_hash"))}


JOB = Job(
    "judge_scores", Params, reads=("docs", "scores", "verdicts"), writes=(Writes("verdicts", "job"),), steps=(judge,), scope="lake", count=count_verdicts, about=__doc__,
    looks_at=("domains",),
)  # fmt: skip

if __name__ == "__main__":
    sys.exit(main(JOB))
