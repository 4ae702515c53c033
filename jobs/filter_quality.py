"""Reject documents whose quality bin is too low for their language and domain. Compares; no model runs.

reads   docs, quality, verdicts
writes  verdicts
run     spark-submit jobs/filter_quality.py --recipe conf/jobs/filter_quality.yaml --lake lakes/demo

rows in   quality   a  lang en  bin 1     b  lang en  bin 2          (route 0: web, min_bin 2)
rows out  verdicts  a  low_quality  value 1  threshold 2  rule filter_quality.routes.0.min_bin
"""

from __future__ import annotations

import sys

from pydantic import Field, model_validator

from gristmill.jobs.core.params import Filtered, LeavesOut
from gristmill.jobs.core.routes import Matches, require_default_route, takes
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_verdicts
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main


class Route(Matches):
    """The lowest quality bin (0 to 19) that is kept; null: every bin is kept."""

    min_bin: int | None = Field(ge=0, le=19)


class Params(Filtered, LeavesOut):
    """See conf/jobs/filter_quality.yaml."""

    # the first that matches; `any` matches all
    routes: list[Route]

    @model_validator(mode="after")
    def _routes_have_a_default(self) -> Params:
        require_default_route(self.routes)
        return self


def reject(tables: JobContext, params: Params) -> Outputs:
    """A row of `verdicts` for each document whose bin is below its route's min_bin.

    A document without a bin has no row: it was not scored, which is no sign of low quality.
    """
    from pyspark.sql import functions as F

    keys = ["doc_id", "batch_id"]
    rows = (
        tables.slice("quality")
        .select(*keys, "lang", "bin")
        .join(with_domain(tables, tables.slice("docs").select(*keys, "domain_hint")), keys, how="inner")
    )
    rows = rows.join(tables.documents.kept(params.skip_rejected_by), keys, how="left_semi")
    # Nested WHENs from the last route to the first, so that the first route that matches decides.
    limit, number = F.lit(None).cast("double"), F.lit(None).cast("int")
    for i, route in reversed(list(enumerate(params.routes))):
        limit = F.when(
            takes(route), F.lit(None if route.min_bin is None else float(route.min_bin)).cast("double")
        ).otherwise(limit)
        number = F.when(takes(route), F.lit(i)).otherwise(number)
    # A null threshold (a route that keeps all) compares to null, and `where` drops the row.
    below = (
        rows.withColumn("threshold", limit)
        .withColumn("route", number)
        .where(F.col("bin") < F.col("threshold"))
    )
    verdicts = tables.verdicts(
        below,
        reason=F.lit("low_quality"),
        value=F.col("bin").cast("double"),
        rule=F.concat(F.lit("filter_quality.routes."), F.col("route").cast("string"), F.lit(".min_bin")),
    )
    return {"verdicts": verdicts}


JOB = Job(
    "filter_quality",
    Params,
    reads=("docs", "quality", "verdicts"),
    writes=(Writes("verdicts", "job"),),
    steps=(reject,),
    # build_quality may cut the bins anew for the whole
    # lake (reuse_model: false): old batches change, too.
    scope="lake",
    count=count_verdicts,
    about=__doc__,
    # Optional: where label_domain has not run, the domain is the hint of the source.
    looks_at=("domains",),
)

if __name__ == "__main__":
    sys.exit(main(JOB))
