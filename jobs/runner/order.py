"""Checks that each job of a recipe comes after the jobs that write its inputs."""

from __future__ import annotations

from collections.abc import Sequence

from gristmill.jobs.core.config import Strict
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.params import depends_on
from gristmill.jobs.runner.job import Job
from gristmill.jobs.schema.catalog import SHARED

Planned = Sequence[tuple[Job, Strict]]


def check_order(planned: Planned, place: str, earlier: Planned = ()) -> None:
    """Raises ConfigError listing every job that reads a table, names a filter in skip_rejected_by or applies
    edits that no job before it writes.

    `earlier`: the jobs, with their parameters, of the recipe that filled the lake.
    """
    jobs = [job for job, _ in planned]
    written = {write.table for job, _ in earlier for write in job.writes}
    seen = {job.name for job, _ in earlier}
    wrong = []
    for job, params in planned:
        writers = {
            table: [j.name for j in jobs if table in [w.table for w in j.writes] and j is not job]
            for table in job.reads
        }
        # SHARED tables may be empty: a job that reads verdicts is legal before any filter has run.
        for table in sorted(set(job.reads) - written - SHARED - {w.table for w in job.writes}):
            advice = (
                f"put {' or '.join(writers[table])} before it"
                if writers[table]
                else "add the job that writes it"
            )
            wrong.append(f"{place}: jobs.{job.name} reads {table}, which no job before it writes; {advice}")
        # A filter in skip_rejected_by must run before, not only write the same
        # table: verdicts are shared, so the check by table would accept any filter.
        named = [(field, name) for field, names in depends_on(params).items() for name in names]
        for field, name in named:
            if name not in seen:
                before = ", ".join(sorted(seen)) or "none"
                where = f"{place}: jobs.{job.name}.{field}"
                wrong.append(f"{where} names {name}, which does not run before it (before it: {before})")
        written |= {w.table for w in job.writes}
        seen.add(job.name)
    if wrong:
        raise ConfigError("\n".join(wrong))
