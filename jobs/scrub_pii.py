"""Find personal data and credentials in the documents that earlier filters kept; build_corpus puts typed
placeholders in their place.

reads   docs, verdicts
writes  edits
run     spark-submit jobs/scrub_pii.py --recipe conf/jobs/scrub_pii.yaml --lake lakes/demo
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pydantic import field_validator

from gristmill.jobs.core.params import Filtered
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_kept
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.columns import pii
from gristmill.udfs.edit.pii import PiiParams

if TYPE_CHECKING:
    pass


class Params(Filtered):
    """See conf/jobs/scrub_pii.yaml."""

    # what stands in the place of each entity; one that is not named is left alone
    placeholders: dict[str, str]

    @field_validator("placeholders")
    @classmethod
    def _known(cls, placeholders: dict[str, str]) -> dict[str, str]:
        PiiParams(placeholders)
        return placeholders

    def modules(self) -> set[str]:
        """See gristmill.jobs.core.packages."""
        return {"phonenumbers"}


def scrub(tables: JobContext, params: Params) -> Outputs:
    """`edits` of the batches at hand: a row for each entity found."""
    from pyspark.sql import functions as F

    keys, find = ["doc_id", "batch_id"], pii(PiiParams(params.placeholders)).once()
    found = tables.documents.to_look_at(params.skip_rejected_by, "text").select(
        *keys, find("text").alias("found")
    )
    own = F.lit(tables.job.name).alias("job")
    return {"edits": found.select(*keys, F.explode("found").alias("edit")).select(own, *keys, "edit.*")}


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
