"""Find what Traditional Chinese becomes in Simplified, in documents that filters kept; build_corpus writes
it.

reads   docs, signals, verdicts
writes  edits
run     spark-submit jobs/convert_script.py --recipe conf/jobs/convert_script.yaml --lake lakes/demo
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from gristmill.jobs.core.params import Filtered
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_kept
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.columns import simplified
from gristmill.udfs.reasons import TRADITIONAL_SCRIPT

if TYPE_CHECKING:
    pass


class Params(Filtered):
    """See conf/jobs/convert_script.yaml."""

    opencc: Literal["t2s", "tw2s", "tw2sp", "hk2s", "hk2sp"]  # OpenCC's config
    languages: list[Literal["zh", "yue", "wuu"]] = Field(min_length=1)  # measured; never ja or ko
    skip_domains: list[str]  # whose documents stay as they are


def convert(tables: JobContext, params: Params) -> Outputs:
    """`edits` of the batches at hand: a row for each span that changes."""
    from pyspark.sql import functions as F

    keys = ["doc_id", "batch_id"]
    chinese = tables.slice("signals").where(F.col("lang").isin(params.languages)).select(*keys)
    docs = with_domain(tables, tables.slice("docs").select(*keys, "domain_hint"))
    skipped = docs.where(F.col("domain").isin(params.skip_domains)).select(*keys)
    kept = tables.documents.to_look_at(params.skip_rejected_by).join(chinese, keys, how="left_semi")
    wanted = kept.join(skipped, keys, how="left_anti")
    changes = simplified(params.opencc).once()
    found = tables.documents.texts(wanted, "text").select(*keys, changes("text").alias("found"))
    own, reason = F.lit(tables.job.name).alias("job"), F.lit(TRADITIONAL_SCRIPT).alias("reason")
    edits = found.select(*keys, F.explode("found").alias("edit"))
    return {"edits": edits.select(own, *keys, "edit.*", reason)}


JOB = Job(
    "convert_script",
    Params,
    reads=("docs", "signals", "verdicts"),
    writes=(Writes("edits", "batch"),),
    steps=(convert,),
    count=count_kept,
    about=__doc__,
    looks_at=("domains",),
    by_document=True,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
