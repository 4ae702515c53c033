"""Measure every synthetic sample without a model: language, numbers and names found in its source, copying,
repetition, leakage, behaviours.

reads   samples
writes  sample_signals
run     spark-submit jobs/score_samples.py --recipe conf/jobs/score_samples.yaml --lake lakes/demo

A sample without a chain of thought is measured by its answer. The only model is that of language
identification, so all samples are measured again whenever there are new ones.
"""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING

from pydantic import PositiveInt

from gristmill.jobs.core.config import Strict
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counts import Counts, by_one_reason
from gristmill.jobs.runner.job import Job, Outputs, Writes
from gristmill.jobs.runner.main import main
from gristmill.jobs.schema.catalog import table
from gristmill.udfs.samples.measures import MeasureParams, measure_batches

if TYPE_CHECKING:
    pass


class Params(Strict):
    """See conf/jobs/score_samples.yaml."""

    # words (in Chinese 1.5 times as many characters) in a run that counts as copied from the source
    n_copied: PositiveInt
    # the same for a run that counts as repeated
    n_repeated: PositiveInt
    # fastText model of language identification, and the characters of a text that it reads
    lid_model: str
    lid_chars: PositiveInt


def score(tables: JobContext, params: Params) -> Outputs:
    """`sample_signals` of all samples."""
    from pyspark.sql import functions as F

    chain = F.coalesce("cot", "answer", F.lit("")).alias("cot")
    samples = tables["samples"].select("sample_id", "lang", "question", chain, "source_text")
    kernel = functools.partial(measure_batches, params=MeasureParams(**params.model_dump()))
    schema = ", ".join(f"{column.name} {column.type}" for column in table("sample_signals").columns)
    return {"sample_signals": samples.mapInArrow(kernel, schema)}


def count(tables: JobContext, params: Params) -> Counts:
    """In and kept: every sample; this job leaves none out."""
    return by_one_reason({None: tables.own("sample_signals").count()}, tables["samples"].count())


JOB = Job(
    "score_samples",
    Params,
    reads=("samples",),
    writes=(Writes("sample_signals", "all"),),
    steps=(score,),
    scope="lake",
    count=count,
    about=__doc__,
)

if __name__ == "__main__":
    sys.exit(main(JOB))
