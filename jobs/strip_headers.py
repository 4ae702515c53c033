"""Find licence and copyright headers in kept source files; build_corpus drops them.

reads   docs, verdicts
writes  edits
run     spark-submit jobs/strip_headers.py --recipe conf/jobs/strip_headers.yaml --lake lakes/demo

rows in   docs   a  "# Copyright 2020 Mill Ltd.\\nimport os\\n"     (domain: code)
rows out  edits  a  start 0  end 27  replacement ""  reason licence_header   (one row for each header)
"""

from __future__ import annotations

import sys

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


class Params(Filtered):
    """See conf/jobs/strip_headers.yaml."""

    domains: list[Label] = Field(min_length=1)  # of source files


def strip(tables: JobContext, params: Params) -> Outputs:
    """`edits` of this run's batches: a row for each header (code points), replaced by nothing."""
    from pyspark.sql import functions as F

    keys = ["doc_id", "batch_id"]
    # By domain: `signals.lang` names a natural language, for source code too.
    code = with_domain(tables, tables.slice("docs").select(*keys, "domain_hint")).where(
        F.col("domain").isin(params.domains)
    )
    texts = tables.documents.texts(
        tables.documents.to_look_at(params.skip_rejected_by).join(code, keys, how="left_semi"), "text"
    )
    # nondeterministic(): Spark would otherwise evaluate
    # the UDF again for the condition that explode adds.
    headers = texts.select(*keys, licence_headers().nondeterministic()("text").alias("headers"))
    spans = headers.select(*keys, F.explode("headers").alias("span"))
    own, nothing = F.lit(tables.job.name).alias("job"), F.lit("").alias("replacement")
    return {
        "edits": spans.select(
            own, *keys, "span.start", "span.end", nothing, F.lit(LICENCE_HEADER).alias("reason")
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
    # Optional: where label_domain has not run, the domain is the hint of the source.
    looks_at=("domains",),
    # What it finds depends on the document alone: only those whose verdicts changed are read again.
    by_document=True,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
