"""The rule of semantic duplicates: which pairs of texts say the same, and which condition stops the others."""

from __future__ import annotations

import dataclasses
import itertools
import random

import pytest

from gristmill.jobs.core.config import load_recipe
from gristmill.jobs.dedup_semantic import Params
from gristmill.udfs.semantic import agreement as rule
from gristmill.udfs.semantic.agreement import (
    CONDITIONS,
    agreement,
    common_subsequence,
    failed_condition,
    is_exchange,
    of_documents,
    sentences,
)
from gristmill.udfs.semantic.wording import wording

PARAMS = load_recipe("conf/jobs/dedup_semantic.yaml").params("dedup_semantic", Params)
LIMITS = PARAMS.rule().limits  # type: ignore[attr-defined]
CHARS = 600


def failed(one: str, other: str, lang: str, cosine: float = 0.98) -> str | None:
    ways = {failed_condition(agreement(wording(a, lang), wording(b, lang), lang), cosine, LIMITS[lang]) for a, b in ((one, other), (other, one))}
    assert len(ways) == 1, "the order of the two texts must not matter"
    return ways.pop()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("请问怎么样删除手机里的旧照片", "如何删除手机里的旧照片呢？"),
        ("为什么电脑总是自动关机", "电脑为什么总是自动关机"),
        ("哪里能买到新鲜的海鲜啊", "哪儿可以买到新鲜海鲜"),
        ("這張圖片裏的植物叫什麼名字", "这张图片里的植物叫什么名字？"),
        ("他已经离开工厂之后才知道这个消息", "他离开工厂后才知道这个消息了"),
    ],
)
def test_chinese_particles_courtesy_and_a_topic_in_front_change_nothing(one: str, other: str) -> None:
    assert failed(one, other, "zh") is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("It's the third largest town in the valley.", "It is the third largest town of the valley"),
        ("In 1950 the mill was sold to a baker.", "The mill was sold to a baker in 1950."),
        ("A woman is wearing a blue hat and holding 3 bags", "The woman is wearing a blue hat and holding three bags"),
        ("The engine, running on gas, never failed.", "The engine, which runs on gas, never failed."),
        ("Both U.S. teams won their match", "Both US teams won their match."),
    ],
)
def test_english_articles_tense_markers_and_a_moved_time_change_nothing(one: str, other: str) -> None:
    assert failed(one, other, "en") is None


@pytest.mark.parametrize(
    ("one", "other", "lang", "condition"),
    [
        ("十月22日出生的人是什么星座", "十一月22日出生的人是什么星座", "zh", "numbers"),
        ("明天早上七点叫我起床去机场", "明天早上七点半叫我起床去机场", "zh", "numbers"),
        ("这个账户为什么不能提现到银行卡", "这个账户为什么能提现到银行卡", "zh", "negation"),
        ("女人喜欢男人的什么部位和性格", "男人喜欢女人的什么部位和性格", "zh", "order"),
        ("北京到上海的高铁要坐多长时间", "上海到北京的高铁要坐多长时间", "zh", "order"),
        ("怎么查看手机上的自动更新功能", "怎么设置手机上的自动更新功能", "zh", "replaced"),
        ("怎么开手机上的自动更新功能", "怎么关手机上的自动更新功能", "zh", "opposites"),
        ("为什么要交这笔手续费用", "什么时候要交这笔手续费用", "zh", "asks"),
        ("小王打的那个电话是谁接的", "接小王打的那个电话是谁", "zh", "order"),
        ("你把那本书的封面给我转过来", "我把那本书的封面给你转过来", "zh", "order"),
        ("喜出望外是什么意思", "喜出望外的望是什么意思", "zh", "extra"),
        ("我看着你", "我正在看着你", "zh", "n_words"),
        ("買 iPhone 的時候要注意什麼問題", "買 Pixel 的時候要注意什麼問題", "zh", "names"),
        ("这台机器一共花了50美元", "这台机器一共花了50欧元", "zh", "units"),
        ("In Berlin he met Anna before he left for Paris.", "In Paris he met Anna before he left for Berlin.", "en", "order"),
        ("Harold beat Maude in the final match of the year", "Maude beat Harold in the final match of the year", "en", "order"),
        ("The town has 12 mills and one bridge", "The town has 13 mills and one bridge", "en", "numbers"),
        ("The old bridge was closed for repairs", "The old bridge was not closed for repairs", "en", "negation"),
        ("The price rose by 5 % in May", "The price rose by 5 dollars in May", "en", "units"),
        ("We met the mayor of Lisbon on the train", "We met the mayor of Madrid on the train", "en", "names"),
        ("Why does the mill stop at night?", "When does the mill stop at night?", "en", "asks"),
        ("A brown dog is running up the hill", "A brown dog is running down the hill", "en", "opposites"),
        ("The committee accepted the second proposal", "The committee discussed the second proposal", "en", "replaced"),
        ("A man is playing a flute", "A man in a red coat is playing a flute in the park", "en", "length"),
    ],
)
def test_what_changes_the_meaning_is_named(one: str, other: str, lang: str, condition: str | None) -> None:
    assert failed(one, other, lang) == condition


def test_the_same_words_need_near_vectors_too() -> None:
    same = "Which bus goes to the old harbour?"
    assert failed(same, same, "en", 0.9) == "cosine"
    assert failed(same, same, "en", 0.93) is None


def test_an_exchange_needs_a_nearer_vector_than_the_same_order() -> None:
    pair = ("In 1950 the mill was sold to a baker.", "The mill was sold to a baker in 1950.", "en")
    assert failed(*pair, 0.96) == "order"
    assert failed(*pair, 0.97) is None


def test_every_condition_can_fail() -> None:
    """A list of CONDITIONS with one that nothing gives would be a column of zeros in a report."""
    base = agreement(wording("one two three four five six", "en"), wording("one two three four five six", "en"), "en")
    broken = {
        **{name: {name: False} for name in rule.AGREEMENTS},
        "length": {"length": 0.1}, "n_words": {"n_words": 1.0}, "order": {"order": 0.5}, "extra": {"extra": 0.9}, "replaced": {"replaced": 0.9},
    }  # fmt: skip
    got = {name: failed_condition(dataclasses.replace(base, **change), 0.98, LIMITS["en"]) for name, change in broken.items()}
    assert got == {name: name for name in broken}
    assert {*broken, "cosine"} == set(CONDITIONS)


def test_the_common_subsequence_is_the_heaviest_of_all() -> None:
    draw = random.Random(3)
    for _ in range(200):
        a, b = (["abcd"[draw.randrange(4)] for _ in range(draw.randrange(7))] for _ in range(2))
        weights = {"a": 1.0, "b": 0.25, "c": 1.0, "d": 0.25}
        subsequences = {tuple(each) for n in range(len(b) + 1) for each in itertools.combinations(b, n)}
        best = max(sum(weights[x] for x in each) for n in range(len(a) + 1) for each in itertools.combinations(a, n) if each in subsequences)
        assert common_subsequence(a, b, weights.__getitem__) == best


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("p x x y s", "p y x x s", True),
        ("x m y", "y m x", False),
        ("x y", "x y", False),
        ("x y z", "x z", False),
        ("likes he rain", "he likes rain", False),
    ],
)
def test_an_exchange_is_of_two_neighbours(a: str, b: str, expected: bool) -> None:
    assert is_exchange(a.split(), b.split()) is expected


# --- documents

PARTS = [
    "The miller opened the gate in the morning.", "Water ran over the wheel and into the valley.", "Few people in the town had seen it before.",
    "The baker waited for his flour until noon.", "Then the carts came up the hill in a long row.", "Each of them was loaded with wheat and barley.",
]  # fmt: skip


def document(parts: list[str]) -> str:
    """Long enough to be compared sentence by sentence."""
    numbered = [part.replace("the", word, 1) for word in ("the", "our", "their", "that") for part in parts]
    return "\n".join(numbered)


def of_pair(one: str, other: str) -> str | None:
    assert max(len(one), len(other)) > CHARS
    return failed_condition(of_documents(one, other, "en", CHARS, LIMITS["en"]), 0.98, LIMITS["en"])


def test_long_documents_are_the_same_sentence_by_sentence() -> None:
    other = [PARTS[0].replace("the morning", "a morning"), *PARTS[1:]]
    assert of_pair(document(PARTS), document(other)) is None
    assert of_pair(document(PARTS), document(PARTS) + "\nIt was over.") is None, "little is extra"


def test_a_long_document_with_a_part_of_its_own_a_swap_or_a_moved_sentence_is_another() -> None:
    whole = document(PARTS)
    assert of_pair(whole, "\n".join(whole.split("\n")[:-5])) == "length"
    swapped = whole.replace("Water ran over the wheel and into the valley", "The valley ran over water and into the wheel", 1)
    assert of_pair(whole, swapped) == "replaced"
    lines = whole.split("\n")
    assert of_pair(whole, "\n".join([lines[-1], *lines[:-1]])) == "replaced", "one sentence stands elsewhere"
    assert of_pair(whole, whole.replace("noon", "12", 1)) == "numbers"
    added = "\n".join([*lines, *(f"A line about {word} and a cart of it." for word in ("rye", "oats", "salt", "wool", "tar", "coal"))])
    assert of_pair(whole, added) in ("extra", "length")


def test_sentences_end_at_marks_and_lines_and_have_words() -> None:
    assert [" ".join(each.words) for each in sentences("One mill. Two mills!\n\n***\nThe price is 1.5 euro", "en")] == ["one mill", "2 mill", "price is 1.5 euro"]
    assert len(sentences("水很深。船来了吗？……走吧", "zh")) == 3
