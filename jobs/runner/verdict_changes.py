"""The documents about which the judges changed their word since a job looked at them: rows of two
versions of verdicts compared."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.params import heeded, unused_by
from gristmill.jobs.lake.missing_files import missing_file
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.documents import Work
from gristmill.jobs.schema.documents import VERDICTS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from gristmill.jobs.runner.run_log import Runs

KEYS = ["doc_id", "batch_id"]


def work_of(tables: JobContext, params: Strict) -> Work:
    """The work of a run on the batches at hand: narrow rows of verdicts are compared, of then and of now."""
    from pyspark.sql import functions as F

    job, runs = tables.job, tables.history.runs
    everything = Work(tables.batches)
    seen = _seen_by_last_runs(tables, params) if job.by_document else {}
    if not seen or not _is_one_table(runs):
        return everything
    known = {batch for batches in seen.values() for batch in batches}
    whole = tuple(batch for batch in tables.batches if batch not in known)
    try:
        turned = tables.stage("turned", _turned(tables, heeded(params), seen))
    except Exception as error:  # a VACUUM may have taken the files of that version
        gone = missing_file(error)
        if gone is None:
            raise
        said = (
            f"{gone} is gone, so that what the judges said then cannot be read; every document is "
            "looked at again"
        )
        print(f"{job.name:<16} {said}", file=sys.stderr, flush=True)
        return everything
    n = {row["is_out"]: row["n"] for row in turned.groupBy("is_out").agg(F.count("*").alias("n")).collect()}
    entered, left = turned.where("NOT is_out").select(*KEYS), turned.where("is_out").select(*KEYS)
    return Work(whole, entered if n.get(False) else None, left if n.get(True) else None)


def _seen_by_last_runs(tables: JobContext, params: Strict) -> dict[int, list[str]]:
    """Version of verdicts -> the batches that the job last looked at with it, where nothing but verdicts
    has changed since."""
    job, runs = tables.job, tables.history.runs
    skip_rejected_by, unused = heeded(params), unused_by(params)
    found: dict[int, list[str]] = {}
    for batch in tables.batches:
        if runs.written_since(job, batch, tables.recipe_hash, skip_rejected_by, unused) == {VERDICTS.name}:
            row = runs.last(job.name, batch)
            version = (row["versions_read"] or {}).get(VERDICTS.name) if row else None
            if version is not None:
                found.setdefault(version, []).append(batch)
    return found


def _is_one_table(runs: Runs) -> bool:
    """Whether all runs wrote their verdicts to the table that stands there now: of another one versions
    mean something else."""
    state = runs.state(VERDICTS.name)
    writers = [row for row in runs.finished() if VERDICTS.name in (row["versions_written"] or {})]
    return state is not None and {(row["table_ids"] or {}).get(VERDICTS.name) for row in writers} <= {
        state.id
    }


def _turned(tables: JobContext, skip_rejected_by: tuple[str, ...], seen: dict[int, list[str]]) -> DataFrame:
    """doc_id, batch_id, is_out (now) of the documents of the batches `seen` that were left out either
    then or now."""
    from pyspark.sql import functions as F

    def said(rows: DataFrame, batches: list[str], bit: int) -> DataFrame:
        mine = rows.where(F.col("job").isin(list(skip_rejected_by)) & F.col("batch_id").isin(batches))
        return mine.select(*KEYS, F.lit(bit).alias("bits"))

    both = said(tables[VERDICTS.name], [batch for batches in seen.values() for batch in batches], 2)
    for version, batches in sorted(seen.items()):
        # Table care may have rewritten that version's files and deleted them.
        then = tables.lake.read(VERDICTS, tables.history.runs.moved(VERDICTS.name, version))
        both = both.unionByName(said(then, batches, 1))
    bits = both.groupBy(*KEYS).agg(F.bit_or("bits").alias("bits")).where("bits <> 3")
    return bits.select(*KEYS, (F.col("bits") == 2).alias("is_out"))
