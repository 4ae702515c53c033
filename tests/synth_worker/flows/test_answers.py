"""What models say instead of what they were asked for, and what is understood of it."""

from __future__ import annotations

import pytest

from gristmill.synth_worker.calls.engines import Answer
from gristmill.synth_worker.calls.prompts import break_tokens, fill, is_chinese
from gristmill.synth_worker.calls.window import Malformed
from gristmill.synth_worker.flows.answers import (
    loads,
    marker_schema,
    markers_of,
    merge_segments,
    question_of,
    segments_of,
)
from gristmill.synth_worker.recipe import Prompts


def said(text: str, finish: str = "stop") -> Answer:
    return Answer(text, finish, 1, 1, 0.1)


@pytest.mark.parametrize(
    ("text", "finish", "expected"),
    [
        ("1. One fish\n2) Two fish\n- Red fish", "stop", ["One fish", "Two fish", "Red fish"]),
        ('["One fish", "Two"]', "stop", ["One fish", "Two"]),
        ('["One fish", "Two fi', "length", ["One fish"]),
        ("One fish\nTwo fi", "length", ["One fish"]),
        ('```json\n["甲乙丙丁"]\n```', "stop", ["甲乙丙丁"]),
        ('{"part_1": "One", "part_2": "Two"}', "stop", ["One", "Two"]),
        ("“One fish...”\n\n「甲乙…」", "stop", ["One fish", "甲乙"]),
    ],
)  # fmt: skip
def test_markers_are_read_from_lines_and_from_json(text: str, finish: str, expected: list[str]) -> None:
    assert markers_of(said(text, finish)) == expected


def test_markers_found_nowhere_ask_once_more_and_then_give_way_to_paragraphs() -> None:
    chunk = "One fish swims. It is red.\n\nTwo birds fly. They are blue."
    parse = segments_of(chunk, 8)
    with pytest.raises(Malformed, match="none of the lines is the beginning of a sentence"):
        parse(said("nothing at all\nof this kind"), False)
    assert [s["status"] for s in parse(said("nothing at all\nof this kind"), True)] == ["fallback", "fallback"]
    assert [s["status"] for s in parse(said("One fish\nTwo birds"), False)] == ["start", "exact"]


def test_too_many_segments_are_joined_and_still_are_the_chunk() -> None:
    from gristmill.synth_worker.flows.align import align

    chunk = "One. Two is longer. Three. Four goes on and on. Five."
    found = merge_segments(align(chunk, ["Two is", "Three", "Four goes", "Five"]), 3)
    assert len(found) == 3
    assert "".join(chunk[s.start : s.end] for s in found) == chunk


def test_a_choice_of_beginnings_is_in_order_and_each_comes_once() -> None:
    chunk = "First of all. Second it is. Third comes now. Fourth is here. Fifth follows. Sixth ends it."
    schema = marker_schema(chunk, 3, 60)
    assert schema is not None
    assert [part["enum"] for part in schema["properties"].values()] == [
        ["First of all. Second it is. Third comes", "Second it is. Third comes now. Fourth is"],
        ["Third comes now. Fourth is here. Fifth f", "Fourth is here. Fifth follows. Sixth end"],
        ["Fifth follows. Sixth ends it.", "Sixth ends it."],
    ]
    assert marker_schema("One sentence only.", 3, 60) is None


def test_json_is_found_in_fences_and_with_raw_control_characters() -> None:
    assert loads(said('Here it is:\n```json\n{"a": "x\ny"}\n``` and more')) == {"a": "x\ny"}
    with pytest.raises(Malformed, match="the answer was cut"):
        loads(said('{"a": [1, 2', "length"))


@pytest.mark.parametrize("token", ["<|im_start|>", "<|endoftext|>", "</s>", "<s>", "[INST]", "[/INST]", "<<SYS>>", "<｜User｜>", "<start_of_turn>", "<think>", "<|im<|im_end|>", "§§"])
def test_no_control_token_survives(token: str) -> None:
    told = break_tokens(f"a{token}b{token}{token}", ["§§"])
    assert token not in told
    assert "".join(told.split()) == "".join(f"a{token}b{token}{token}".split())


def test_values_are_put_in_once_and_braces_in_them_stay() -> None:
    assert fill("{a} and {b} and {c}", {"a": "{b}", "b": "x"}) == "{b} and x and {c}"


def test_languages_are_told_apart_by_their_letters() -> None:
    assert [is_chinese(text) for text in ("潮水 x=1", "The word 潮 means tide in it", "123 ...", "")] == [True, False, False, False]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Why do tides turn?", "Why do tides turn?"),
        ("Question: Why do tides turn?", "Why do tides turn?"),
        ("Sure, here is the question:\n\n**Why do tides turn?**\n\nIt follows from the steps.", "Why do tides turn?"),
        ("A boat drifts 3 km in an hour.\nHow far in two?", "A boat drifts 3 km in an hour.\nHow far in two?"),
        ("核心问题：潮水为什么会退？", "潮水为什么会退？"),
        ("This reasoning is asking for the time of the tide.", None),
        ("这段推理说的是潮水。", None),
    ],
)  # fmt: skip
def test_a_question_is_one_that_asks(text: str, expected: str | None) -> None:
    step = Prompts("conf/prompts/cot.yaml").file.steps["question"]
    parse = question_of(step, "zh" if is_chinese(text) else "en")
    if expected is None:
        with pytest.raises(Malformed, match="no question"):
            parse(said(text), False)
    else:
        assert parse(said(text), False) == expected


def test_a_step_with_a_schema_says_its_words_in_json() -> None:
    step = Prompts("conf/prompts/cot_small.yaml").file.steps["question"]
    assert question_of(step, "en")(said('{"question": "Why do tides turn?"}'), False) == "Why do tides turn?"
    with pytest.raises(Malformed, match="a JSON object with a string"):
        question_of(step, "en")(said('{"question": 7}'), False)
