"""A judge's answer is a judgement or none: nothing is guessed, and what failed is an answer with an error."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from benchmarks.fake_openai import FakeServer
from benchmarks.judging import SET, judged, strict
from gristmill.synth_worker.calls.engines import Answer
from gristmill.synth_worker.calls.window import Malformed
from gristmill.synth_worker.flows.judgements import judgement_of
from gristmill.synth_worker.recipe import Prompts
from tests.synth_worker.conftest import documents, make_lake, outcome, start_worker
from tests.synth_worker.test_worker import finish


def test_every_answer_of_the_set_is_read_as_it_should_and_none_is_kept_silently() -> None:
    cases = yaml.safe_load(SET.read_text(encoding="utf-8"))
    found = judged(cases, strict)
    assert (found["kept_silently"], found["wrong"]) == (0, [])
    assert {case["asks"] for case in cases} == {"judge", "judge_additive", "judge_aspects", "judge_sample"}
    assert sum(case["wanted"] is not None for case in cases) >= 20
    assert sum(case["wanted"] is None for case in cases) >= 60


@pytest.mark.parametrize(
    ("said", "finish", "told"),
    [
        ('{"score": 6, "reason": "x"}', "stop", "wanted score as a whole number from 0 to 5"),
        ('{"score": 4, "out_of": 10, "reason": "x"}', "stop", "out_of was not asked for; wanted score, reason"),
        ('{"score": 1, "score": 5}', "stop", "a name stands twice"),
        ('{"score": 4}\nOr rather two.', "stop", "words stand behind the object"),
        ('{"score": 4, "rea', "length", "the answer was cut"),
        ("<think>It may be a {", "length", "the thoughts do not end"),
    ],
)  # fmt: skip
def test_the_judge_is_told_what_was_wrong(said: str, finish: str, told: str) -> None:
    parse = judgement_of(Prompts("conf/prompts/judge.yaml").file.steps["judge"].answer_schema)
    with pytest.raises(Malformed, match=told):
        parse(Answer(said, finish, 1, 1, 0.1), False)


@pytest.mark.parametrize("name", ["judge", "judge_additive", "judge_aspects", "judge_sample"])
def test_every_prompt_of_a_judge_asks_in_both_languages_for_what_its_schema_wants(name: str) -> None:
    step = Prompts(f"conf/prompts/{name}.yaml").file.steps["judge"]
    assert step.answer_schema is not None
    assert set(step.user) == set(step.system) == {"en", "zh"}
    assert all(wanted in words for words in step.user.values() for wanted in step.answer_schema["required"])
    assert step.answer_schema["additionalProperties"] is False


def test_a_judge_that_never_answers_what_was_asked_leaves_an_error_and_no_number(tmp_path: Path, write_recipe: Callable[..., Path]) -> None:
    """The fake server gives one score, and three aspects were asked for."""
    make_lake(tmp_path / "lake", documents(4), "judge_aspects")
    finish(start(write_recipe, tmp_path), 60)
    assert [(row[2], row[3].split(":")[0]) for row in outcome(tmp_path / "lake")] == [(None, "malformed")] * 4


def test_the_additive_judge_brings_its_points(tmp_path: Path, write_recipe: Callable[..., Path]) -> None:
    make_lake(tmp_path / "lake", documents(4), "judge_additive")
    finish(start(write_recipe, tmp_path), 60)
    assert [(json.loads(row[2]), row[3]) for row in outcome(tmp_path / "lake")] == [({"score": 3.0, "reason": "clear"}, None)] * 4


def start(write_recipe: Callable[..., Path], home: Path) -> subprocess.Popen[str]:
    return start_worker(write_recipe(FakeServer().start()), home / "lake")
