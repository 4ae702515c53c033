"""Find personal data and credentials in kept documents; build_corpus writes placeholders in their place.

reads   docs, verdicts
writes  edits
run     spark-submit jobs/scrub_pii.py --recipe conf/jobs/scrub_pii.yaml --lake lakes/demo

rows in   docs   a  "Write to li@mill.org, please."
rows out  edits  a  start 9  end 20  replacement "<EMAIL>"  reason pii_email
"""

from __future__ import annotations

import sys

from pydantic import field_validator

from gristmill.jobs.core.params import Filtered
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_kept
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.columns import pii
from gristmill.udfs.edit.pii import PiiParams


class Params(Filtered):
    """See conf/jobs/scrub_pii.yaml."""

    # entity -> text that replaces it; an entity without a placeholder is not searched for
    placeholders: dict[str, str]

    @field_validator("placeholders")
    @classmethod
    def _known(cls, placeholders: dict[str, str]) -> dict[str, str]:
        # Checked here, so that an unknown entity fails in `gristmill check` and not on an executor.
        PiiParams(placeholders)
        return placeholders

    def modules(self) -> set[str]:
        """See gristmill.jobs.core.packages."""
        return {"phonenumbers"}


def scrub(tables: JobContext, params: Params) -> Outputs:
    """`edits` of this run's batches: a row for each entity (start and end in code points)."""
    from pyspark.sql import functions as F

    # nondeterministic(): Spark would otherwise evaluate
    # the UDF again for the condition that explode adds.
    keys, find_pii = ["doc_id", "batch_id"], pii(PiiParams(params.placeholders)).nondeterministic()
    # Only documents whose verdicts changed since the last run are read again (`by_document`).
    texts = tables.documents.to_look_at(params.skip_rejected_by, "text")
    entities = texts.select(*keys, find_pii("text").alias("entities"))
    own = F.lit(tables.job.name).alias("job")
    return {"edits": entities.select(*keys, F.explode("entities").alias("edit")).select(own, *keys, "edit.*")}


JOB = Job(
    "scrub_pii",
    Params,
    reads=("docs", "verdicts"),
    writes=(Writes("edits", "batch"),),
    steps=(scrub,),
    count=count_kept,
    about=__doc__,
    by_document=True,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
