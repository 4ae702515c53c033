"""Find licence and copyright headers in the code that earlier filters kept; build_corpus leaves them out.

reads   docs, verdicts
writes  edits
run     spark-submit jobs/strip_headers.py --recipe conf/jobs/strip_headers.yaml --lake lakes/demo
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pydantic import Field

from gristmill.jobs.core.params import Filtered
from gristmill.jobs.core.routes import Label
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_kept
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.columns import licence_headers
from gristmill.udfs.reasons import LICENCE_HEADER

if TYPE_CHECKING:
    pass


class Params(Filtered):
    """See conf/jobs/strip_headers.yaml."""

    domains: list[Label] = Field(min_length=1)  # of source files


def strip(tables: JobContext, params: Params) -> Outputs:
    """`edits` of the batches at hand: a row for each header."""
    from pyspark.sql import functions as F

    keys = ["doc_id", "batch_id"]
    code = with_domain(tables, tables.slice("docs").select(*keys, "domain_hint")).where(
        F.col("domain").isin(params.domains)
    )
    texts = tables.documents.texts(
        tables.documents.to_look_at(params.skip_rejected_by).join(code, keys, how="left_semi"), "text"
    )
    found = texts.select(*keys, licence_headers().once()("text").alias("found"))
    spans = found.select(*keys, F.explode("found").alias("span"))
    own, gone = F.lit(tables.job.name).alias("job"), F.lit("").alias("replacement")
    return {
        "edits": spans.select(
            own, *keys, "span.start", "span.end", gone, F.lit(LICENCE_HEADER).alias("reason")
        )
    }


JOB = Job(
    "strip_headers",
    Params,
    reads=("docs", "verdicts"),
    writes=(Writes("edits", "batch"),),
    steps=(strip,),
    count=count_kept,
    about=__doc__,
    looks_at=("domains",),
    by_document=True,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
