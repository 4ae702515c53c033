"""Judgements of documents come home as scores; what failed, or is beyond the scale, is unscored and counted."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest

from gristmill.jobs import merge_scores
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.scores import SCORES
from tests.lakes import read, write

pytestmark = pytest.mark.spark
NOW = dt.datetime(2026, 11, 28, tzinfo=dt.UTC)
# request, recipe, document, chunk, what came back (None: nothing yet)
ASKED: list[tuple[str, str, str, int, dict[str, Any] | str | None]] = [
    ("q0", "judge", "whole", 0, {"score": 4.0, "reason": "clear"}),
    ("q1", "judge_aspects", "whole", 0, {"writing_quality": 3.0, "safety": 5.0, "reason": "so"}),
    ("q2", "judge", "beyond", 0, {"score": 50.0, "reason": "of 100"}),
    ("q3", "judge", "worded", 0, {"score": "four", "reason": "a word"}),
    ("q4", "judge", "silent", 0, {"reason": "no number"}),
    ("q5", "judge", "refused", 0, "malformed: judge: the answer is not JSON"),
    ("q6", "judge", "half", 0, {"score": 2.0, "reason": "a"}), ("q7", "judge", "half", 1, "malformed: judge: cut"), ("q8", "judge", "half", 2, {"score": 4.0, "reason": "b"}),
    ("q9", "judge", "later", 0, {"score": 5.0, "reason": "a"}), ("qa", "judge", "later", 1, None),
]  # fmt: skip


def answered(lake: Lake, given: list[tuple[str, dict[str, Any] | str]]) -> None:
    write(lake, "synth_answers", [(name, "p", "result", 0, 0, True, None if isinstance(said, str) else json.dumps(said), None, said if isinstance(said, str) else None,
                                   None, None, None, None, "m", "{}", "h", NOW) for name, said in given])  # fmt: skip


def scores(lake: Lake) -> dict[tuple[str, str], tuple[float, float]]:
    return {(row.doc_id, row.scorer): (row.raw, row.score) for row in read(lake, SCORES)}


def test_what_a_judge_gave_is_a_score_and_what_failed_is_none(lake: Lake, params_of: Callable[..., Any]) -> None:
    write(lake, "docs", [])
    write(lake, "synth_requests", [(name, "p", recipe, "1", doc, "b", None, chunk, 0, 9, "en", "wiki", "text") for name, recipe, doc, chunk, _ in ASKED])
    answered(lake, [(name, said) for name, _, _, _, said in ASKED if said is not None])
    told = run_job(merge_scores.JOB, params_of("merge_scores"), lake).counts
    assert told is not None
    assert (told.rows_in, told.rows_kept, told.reasons) == (11, 5, {"malformed": 5, "pending": 1})
    expected = {("whole", "judge"): (4.0, 0.8), ("whole", "judge_aspects_writing_quality"): (3.0, 0.6), ("whole", "judge_aspects_safety"): (5.0, 1.0), ("half", "judge"): (3.0, 0.6)}
    assert scores(lake) == expected
    [detail] = [json.loads(row.detail) for row in read(lake, SCORES, doc_id="half")]
    assert detail == {"reason": "a", "judged": 2, "chunks": 3}

    answered(lake, [("qa", {"score": 3.0, "reason": "z"})])
    run_job(merge_scores.JOB, params_of("merge_scores"), lake)
    assert scores(lake) == {**expected, ("later", "judge"): (4.0, 0.8)}, "a document in chunks waits for its last one"
