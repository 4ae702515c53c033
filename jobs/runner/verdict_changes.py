"""The documents whose verdicts changed since a job processed them, by comparing two versions of
`verdicts`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.params import filters_of, unused_by
from gristmill.jobs.lake.missing_files import missing_file
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.documents import Work
from gristmill.jobs.schema.documents import VERDICTS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from gristmill.jobs.runner.run_log import Runs

KEYS = ["doc_id", "batch_id"]


def work_of(tables: JobContext, params: Strict) -> Work:
    """The documents that a run has to process (see Work).

    Compares (doc_id, batch_id) of the verdicts that the job's last run read with those of now:

        then        now         entered  left
        a, b        b, c    ->  a        c
    """
    from pyspark.sql import functions as F

    job, runs = tables.job, tables.history.runs
    everything = Work(tables.batches)
    # A job that compares documents with each other has to see all of them again.
    seen = _seen_by_last_runs(tables, params) if job.by_document else {}
    if not seen or not _is_one_table(runs):
        return everything
    known = {batch for batches in seen.values() for batch in batches}
    # Batches in which something else changed, or that the job has never processed.
    whole = tuple(batch for batch in tables.batches if batch not in known)
    try:
        turned = tables.stage("turned", _turned(tables, filters_of(params), seen))
    except Exception as error:  # VACUUM may have deleted the files of that version
        missing = missing_file(error)
        if missing is None:
            raise
        message = (
            f"{missing} is gone, so that what the judges said then cannot be read; every document is "
            "looked at again"
        )
        print(f"{job.name:<16} {message}", file=sys.stderr, flush=True)
        return everything
    n = {row["is_out"]: row["n"] for row in turned.groupBy("is_out").agg(F.count("*").alias("n")).collect()}
    entered, left = turned.where("NOT is_out").select(*KEYS), turned.where("is_out").select(*KEYS)
    return Work(whole, entered if n.get(False) else None, left if n.get(True) else None)


def _seen_by_last_runs(tables: JobContext, params: Strict) -> dict[int, list[str]]:
    """Version of verdicts -> the batches that the job last processed with it, as far as nothing but verdicts
    has changed since."""
    job, runs = tables.job, tables.history.runs
    skip_rejected_by, unused = filters_of(params), unused_by(params)
    batches_by_version: dict[int, list[str]] = {}
    for batch in tables.batches:
        if runs.written_since(job, batch, tables.recipe_hash, skip_rejected_by, unused) == {VERDICTS.name}:
            row = runs.last(job.name, batch)
            version = (row["versions_read"] or {}).get(VERDICTS.name) if row else None
            if version is not None:
                batches_by_version.setdefault(version, []).append(batch)
    return batches_by_version


def _is_one_table(runs: Runs) -> bool:
    """Whether all runs wrote their verdicts to the present table: version numbers of an earlier table mean
    nothing in it."""
    state = runs.state(VERDICTS.name)
    writers = [row for row in runs.finished() if VERDICTS.name in (row["versions_written"] or {})]
    return state is not None and {(row["table_ids"] or {}).get(VERDICTS.name) for row in writers} <= {
        state.id
    }


def _turned(tables: JobContext, skip_rejected_by: tuple[str, ...], seen: dict[int, list[str]]) -> DataFrame:
    """doc_id, batch_id, is_out of the documents in the batches of `seen` that were left out then or now, not
    both; is_out: now."""
    from pyspark.sql import functions as F

    def left_out(rows: DataFrame, batches: list[str], bit: int) -> DataFrame:
        own_rows = rows.where(F.col("job").isin(list(skip_rejected_by)) & F.col("batch_id").isin(batches))
        return own_rows.select(*KEYS, F.lit(bit).alias("bits"))

    both = left_out(tables[VERDICTS.name], [batch for batches in seen.values() for batch in batches], 2)
    for version, batches in sorted(seen.items()):
        # OPTIMIZE and VACUUM may have deleted that version's
        # files; a later version has the same rows.
        then = tables.lake.read(VERDICTS, tables.history.runs.moved(VERDICTS.name, version))
        both = both.unionByName(left_out(then, batches, 1))
    # Bit 1: left out then, bit 2: left out now. 3 means no change; a union
    # with one aggregation needs one shuffle, where two anti joins need two.
    bits = both.groupBy(*KEYS).agg(F.bit_or("bits").alias("bits")).where("bits <> 3")
    return bits.select(*KEYS, (F.col("bits") == 2).alias("is_out"))
