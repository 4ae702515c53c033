"""Convert Traditional Chinese to Simplified: the changed spans of kept documents, as edits.

reads   docs, signals, verdicts
writes  edits (build_corpus applies them; docs.text is not changed)
run     spark-submit jobs/convert_script.py --recipe conf/jobs/convert_script.yaml --lake lakes/demo

rows in   docs   a  "這裡學習 water"                     (signals.lang: zh)
rows out  edits  a  start 0  end 4  replacement "这里学习"  reason traditional_script
"""

from __future__ import annotations

import sys
from typing import Literal

from pydantic import Field

from gristmill.jobs.core.params import Filtered
from gristmill.jobs.curation.domains import with_domain
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_kept
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.columns import simplified
from gristmill.udfs.reasons import TRADITIONAL_SCRIPT


class Params(Filtered):
    """See conf/jobs/convert_script.yaml."""

    opencc: Literal["t2s", "tw2s", "tw2sp", "hk2s", "hk2sp"]  # OpenCC's config
    languages: list[Literal["zh", "yue", "wuu"]] = Field(min_length=1)  # measured; never ja or ko
    skip_domains: list[str]  # whose documents are not converted


def convert(tables: JobContext, params: Params) -> Outputs:
    """`edits` of this run's batches: a row for each span (code points) that OpenCC changes."""
    from pyspark.sql import functions as F

    keys = ["doc_id", "batch_id"]
    # Japanese and Korean hold Han characters, too: only
    # the measured language tells them from Chinese.
    chinese = tables.slice("signals").where(F.col("lang").isin(params.languages)).select(*keys)
    docs = with_domain(tables, tables.slice("docs").select(*keys, "domain_hint"))
    skipped = docs.where(F.col("domain").isin(params.skip_domains)).select(*keys)
    candidates = tables.documents.to_look_at(params.skip_rejected_by).join(chinese, keys, how="left_semi")
    # An anti join, not a filter on the domain: a document without a domain is converted.
    to_convert = candidates.join(skipped, keys, how="left_anti")
    # nondeterministic(): Spark would otherwise evaluate
    # the UDF again for the condition that explode adds.
    changes = simplified(params.opencc).nondeterministic()
    converted = tables.documents.texts(to_convert, "text").select(*keys, changes("text").alias("spans"))
    own, reason = F.lit(tables.job.name).alias("job"), F.lit(TRADITIONAL_SCRIPT).alias("reason")
    edits = converted.select(*keys, F.explode("spans").alias("edit"))
    return {"edits": edits.select(own, *keys, "edit.*", reason)}


JOB = Job(
    "convert_script",
    Params,
    reads=("docs", "signals", "verdicts"),
    writes=(Writes("edits", "batch"),),
    steps=(convert,),
    count=count_kept,
    about=__doc__,
    # Optional: where label_domain has not run, the domain is the hint of the source.
    looks_at=("domains",),
    # What it finds depends on the document alone: only those whose verdicts changed are read again.
    by_document=True,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
