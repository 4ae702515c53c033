"""Whether the jobs of a recipe stand in an order in which each finds its tables written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs.core.errors import ConfigError
from jobs.core.job import Job
from jobs.core.tables import SHARED


def check_order(jobs: list[Job], params: Mapping[str, Any], place: str) -> None:
    """Raises ConfigError listing every job that reads a table, or heeds a judge, that no job before it writes."""
    written: set[str] = set()
    seen: set[str] = set()
    wrong = []
    for job in jobs:
        writers = {table: [j.name for j in jobs if table in [w.table for w in j.writes] and j is not job] for table in job.reads}
        for table in sorted(set(job.reads) - written - SHARED - {w.table for w in job.writes}):
            advice = f"put {' or '.join(writers[table])} before it" if writers[table] else "add the job that writes it"
            wrong.append(f"{place}: jobs.{job.name} reads {table}, which no job before it writes; {advice}")
        for judge in getattr(params[job.name], "heeds", ()):
            if judge not in seen:
                wrong.append(f"{place}: jobs.{job.name}.heeds names {judge}, which does not run before it (before it: {', '.join(sorted(seen)) or 'none'})")
        written |= {w.table for w in job.writes}
        seen.add(job.name)
    if wrong:
        raise ConfigError("\n".join(wrong))
