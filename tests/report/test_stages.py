"""The funnel's stages, without a lake."""

from __future__ import annotations

from typing import Any

from gristmill.jobs.report.page import stages


def row(job: str, n_in: int, kept: int) -> dict[str, Any]:
    return {"job": job, "rows_in": n_in, "rows_kept": kept, "rows_left_out": n_in - kept, "seconds": 1.0}


def test_what_two_entry_jobs_brought_goes_on_together_and_is_not_drawn_as_a_loss_between_them() -> None:
    funnel = [row("ingest_docs", 90, 80), row("extract_text", 30, 20), row("filter_rules", 100, 50)]
    brought = {"ingest_docs": ({"empty_text": 10}, 80), "extract_text": ({"pdf": 10}, 20)}
    first, second, third = stages(funnel, {"filter_rules": {"too_short": 50}}, {}, brought)
    assert first["link"] == ""
    assert 'd="M0 0H1000L1000 10H0Z"' in second["link"]
    assert third["link"] == ""
    assert 'width="800"' in first["bar"]
    assert 'width="200"' in second["bar"]


def test_one_entry_job_leads_to_the_next_job() -> None:
    first, _ = stages([row("ingest_docs", 100, 80), row("filter_rules", 80, 50)], {}, {}, {"ingest_docs": ({"empty_text": 20}, 80)})
    assert 'd="M0 0H800L800 10H0Z"' in first["link"]
