"""The samples that no filter has rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gristmill.jobs.runner.context import JobContext

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def kept_samples(tables: JobContext) -> DataFrame | None:
    """Rows of `samples` without a verdict; None where no finished run has written samples."""
    samples = tables.get("samples")
    return (
        None
        if samples is None
        else samples.join(
            tables["sample_verdicts"].select("sample_id").distinct(), ["sample_id"], how="left_anti"
        )
    )
