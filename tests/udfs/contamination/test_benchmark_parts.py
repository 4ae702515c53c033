"""What is looked for of a benchmark's item: its question, or that with its answer, its passage; and what never is has a reason."""

from __future__ import annotations

import time

import pyarrow as pa
import pytest

from gristmill.udfs.contamination.items import PASSAGE, QUESTION, QUESTION_ANSWER, Item, plan_items
from gristmill.udfs.contamination.search import OverlapParams, find_items

TIMES = Item("sums", "en", "What is 17 times 24?", ("408",))
DIVIDE = Item("sums", "zh", "17乘以24等于多少？", ("408",))
HAMLET = Item("plays", "who", "Who wrote Hamlet?", ("William Shakespeare", "Shakespeare"))
LONG = "How many clips did Natalia sell altogether in April and May, if she sold half as many in May?"
CAVE = "The cave above the village was found by two goatherds in the dry summer of 1891, and nobody entered it again for forty years."
AROUND = "The harbour was quiet and the boats lay still. 港口很安静，船都停着。 "


def found(items, *texts, **params):
    """(text, item, part) of everything found."""
    plan = plan_items(items, OverlapParams(**params))
    rows = find_items(pa.array([f"{AROUND}{text} {AROUND}" for text in texts]), plan.index).to_pylist()
    return {
        (row["row"], items[plan.parts[row["item"]].item].item, plan.parts[row["item"]].part) for row in rows
    }


def reasons(*items, **params):
    return {
        (items[each.item].item, each.part): each.reason
        for each in plan_items(items, OverlapParams(**params)).unsearched
    }


@pytest.mark.parametrize(
    "text",
    [
        "What is 17 times 24? The answer is 408.", "Question: What is 17 times 24?\n\nAnswer: 408", "**Q** what is 17 TIMES 24 **A** 408",
        "What is $17 \\times 24$? We add 17 times 20, that is 340, and 17 times 4, that is 68, which makes 408.",
        "What is 17 times 24? A) 398 B) 408 C) 418", "408 is the answer to: what is 17 times 24?", "Ｗhat is １７ times ２４？ ４０８",
    ],
)  # fmt: skip
def test_a_short_question_is_found_with_its_answer_near_it(text):
    assert found([TIMES], text) == {(0, "en", QUESTION_ANSWER)}


@pytest.mark.parametrize(
    "text",
    ["17乘以24等于多少？答案是408。", "问题：17乘以24等于多少？ 答：４０８", "17乘以24等於多少？408。"],
)
def test_a_short_chinese_question_is_found_with_its_answer_near_it(text):
    assert found([DIVIDE], text) == {(0, "zh", QUESTION_ANSWER)}


@pytest.mark.parametrize(
    "text",
    [
        "What is 17 times 24?", "What is 17 times 24? The answer is 418.", "The hall held 17 times 24 chairs, 408 in all.", "408 people came.",
        f"What is 17 times 24? {AROUND * 4} In 408 the legions left.", "What is 17 times 25? Not 408.", "17乘以24等于多少？答案是418。",
    ],
)  # fmt: skip
def test_a_short_question_without_its_answer_and_the_answer_without_its_question_stay(text):
    assert not found([TIMES, DIVIDE], text)


def test_any_of_the_answers_will_do_and_a_question_of_three_words_is_looked_for_too():
    texts = [
        "Who wrote Hamlet? It was Shakespeare.",
        "Who wrote Hamlet? William Shakespeare, of course.",
        "Who wrote Hamlet? Marlowe.",
    ]
    assert found([HAMLET], *texts) == {(0, "who", QUESTION_ANSWER), (1, "who", QUESTION_ANSWER)}


def test_an_answer_that_stands_in_the_question_must_stand_beside_it_too():
    larger = Item("sums", "larger", "Is 7 or 9 larger?", ("9",))
    assert found([larger], "Is 7 or 9 larger? I do not know.", "Is 7 or 9 larger? 9 is.") == {
        (1, "larger", QUESTION_ANSWER)
    }


def test_an_answer_that_repeats_words_of_its_question_is_found_beside_it():
    root = Item("sums", "root", r"Simplify: $\frac{1}{1+\sqrt{2}}$", (r"$\sqrt{2}-1$",))
    texts = [f"Question: {root.question}\nAnswer: {root.answers[0]}", f"{root.question} Who knows?"]
    assert found([root], *texts) == {(0, "root", QUESTION_ANSWER)}


def test_a_long_answer_is_known_by_its_beginning():
    answer = "Call me Ishmael, said the old sailor to the boy, and then he said no more that day."
    item = Item("lines", "first", "Give the first line.", (answer,))
    assert found([item], f"Give the first line. {answer[:46]}", f"Give the first line. {answer[:12]}") == {
        (0, "first", QUESTION_ANSWER)
    }


def test_a_question_that_says_enough_needs_no_answer():
    assert found([Item("clips", "1", LONG, ("72",))], LONG) == {(0, "1", QUESTION)}


def test_a_question_that_items_with_other_answers_share_is_looked_for_with_its_own_answer():
    asked = "Which of the following statements is true of whales?"
    items = [
        Item("b", "mammals", asked, ("They are mammals",)),
        Item("b", "gills", asked, ("They breathe through gills",)),
    ]
    texts = [f"{asked} They are mammals.", f"{asked} They sing."]
    assert found(items, *texts) == {(0, "mammals", QUESTION_ANSWER)}
    same = [Item("b", "1", asked, ("They are mammals",)), Item("b", "2", asked, ("They are mammals",))]
    assert found(same, texts[1]) == {(0, "1", QUESTION), (0, "2", QUESTION)}


def test_a_passage_is_an_item_of_its_own_however_many_questions_ask_about_it():
    items = [
        Item("read", str(i), f"Question {i}: how long did nobody go into that dark place of bats?", (), CAVE)
        for i in range(60)
    ]
    assert found(items, CAVE) == {(0, "0", PASSAGE)}
    assert found(items, CAVE.replace("1891", "1890").replace("dry", "wet")) == {(0, "0", PASSAGE)}


def test_whatever_is_never_looked_for_has_a_reason():
    items = [
        Item("b", "null", None), Item("b", "signs", "?!"), Item("b", "sum", "1 + 1 = ?", ("2",)), Item("b", "true", "What is true?", ("B",)),
        Item("b", "alone", "What is 17 times 24?"), Item("b", "pale", "What is 2 + 2?", ("4",)), Item("b", "fine", LONG, (), "A stub."),
        TIMES,
    ]  # fmt: skip
    assert reasons(*items) == {
        ("null", QUESTION): "empty", ("signs", QUESTION): "empty", ("sum", QUESTION): "only_numbers", ("true", QUESTION): "too_few_words",
        ("alone", QUESTION): "too_few_words", ("pale", QUESTION): "too_few_words", ("fine", PASSAGE): "too_few_words",
    }  # fmt: skip


def test_a_question_that_stands_in_too_many_items_is_never_looked_for_and_says_so():
    items = [Item("b", str(i), "Which of the following statements is true?") for i in range(51)]
    assert set(reasons(*items).values()) == {"too_common"}
    assert len(reasons(*items)) == 51
    assert not reasons(*items[:50])


def test_time_grows_no_faster_than_the_text_where_short_questions_repeat_without_their_answer():
    many = tuple(f"name {i} of many" for i in range(40))
    items = [TIMES, DIVIDE, HAMLET, Item("plays", "many", "Who wrote this play?", many)]
    plan = plan_items(items, OverlapParams())
    for text in (
        "What is 17 times 24? ",
        "17乘以24等于多少？",
        "Who wrote this play? name name ",
        "who wrote hamlet who wrote ",
    ):
        once, twice = text * (250_000 // len(text.encode())), text * (500_000 // len(text.encode()))
        find_items(pa.array([once[:2000]]), plan.index)
        assert any(seconds(twice, plan.index) < 3 * seconds(once, plan.index) + 0.05 for _ in range(4))


def seconds(text, index):
    """The least CPU seconds of two tries."""
    tried = []
    for _ in range(2):
        began = time.process_time()
        find_items(pa.array([text]), index)
        tried.append(time.process_time() - began)
    return min(tried)
