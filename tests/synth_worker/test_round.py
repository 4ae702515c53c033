"""Out of Spark, through the worker, and home again: the tables that one makes the other can write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.fake_openai import FakeServer
from gristmill.jobs.export_candidates import JOB as EXPORT
from gristmill.jobs.merge_samples import JOB as MERGE
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.synthesis import SAMPLES, SEGMENTS, SYNTH_REQUESTS
from tests.jobs.test_synthesis import small_corpus
from tests.synth_worker.conftest import start_worker


@pytest.mark.spark
def test_every_exported_chunk_comes_home_as_a_sample_of_its_own_text(lake: Any, params_of: Callable[..., Any], write_recipe: Callable[..., Path]) -> None:
    texts = small_corpus(lake)
    changes = {"languages": {"en": 0.5, "zh": 0.25, "other": 0.25}, "max_documents": 8, "min_chars": 10, "part_requests": 3}
    run_job(EXPORT, params_of("export_candidates", **changes), lake)
    nothing = run_job(MERGE, params_of("merge_samples"), lake)
    assert nothing.counts is not None
    assert (nothing.counts.rows_in, nothing.counts.reasons) == (7, {"pending": 7})

    worker = start_worker(write_recipe(FakeServer({"malformed": 0.1}).start()), Path(lake.where))
    _, told = worker.communicate(timeout=120)
    assert worker.returncode == 0, told
    outcome = run_job(MERGE, params_of("merge_samples"), lake)
    assert outcome.counts is not None
    assert (outcome.counts.rows_in, outcome.counts.rows_kept, outcome.counts.reasons) == (7, 7, {})
    for row in lake.read(SAMPLES).collect():
        assert texts[row.doc_id][row.start : row.end] == row.source_text
        assert row.question
        assert row.cot
        assert row.model == "fake@r1"
        assert row.completion_tokens > 0
    segments: dict[str, str] = {}
    requests = {row.request_id: row.text for row in lake.read(SYNTH_REQUESTS).collect()}
    for row in lake.read(SEGMENTS).orderBy("request_id", "segment").collect():
        segments[row.request_id] = segments.get(row.request_id, "") + requests[row.request_id][row.start : row.end]
    assert segments == requests
    assert run_job(MERGE, params_of("merge_samples"), lake).counts is None
