"""Shingle sets: which texts are compared, and that the hashes count what plain sets of n-grams count."""

from itertools import combinations, pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gristmill.udfs.dedup.shingles import (
    ShingleParams,
    jaccard_pairs,
    shingle_sets,
    similarity,
    slice_sets,
    sliced_sets,
)
from gristmill.udfs.text.folding import fold_text
from gristmill.udfs.text.signs import MARK, OPERATOR, SAME
from tests.support.plain_shingles import plain, sign_of


def sets_of(*texts, **params):
    sets = shingle_sets(pa.array(texts, pa.string()), ShingleParams(**params))
    return [frozenset(sets.hashes[a:b].tolist()) for a, b in pairwise(sets.offsets)]


def times_of(*texts):
    return [
        n
        for _, _, times in sliced_sets(pa.array(texts, pa.string()), ShingleParams())
        for n in times.tolist()
    ]


def jaccard(one, other, **params):
    a, b = sets_of(one, other, **params)
    return len(a & b) / len(a | b) if a | b else 0.0


WRITING = st.text(st.sampled_from("abAB  _.,'中文漢汉，。かナไทย한\n\u00ad１é"), max_size=40)
SUMS = st.text(st.sampled_from("ab 5 5+=-–−*/<(%°#€²½x\n中.→!)"), max_size=30)
CUTS = st.builds(
    ShingleParams, words=st.integers(1, 4), characters=st.integers(1, 6), unit=st.sampled_from(["auto", "words", "characters"]),
    min_unspaced_ratio=st.sampled_from([0.02, 0.3]),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@example(texts=["²", "5²²"], params=ShingleParams(words=1, unit="words"))  # a sign before the first word, and one behind a word
@given(texts=st.lists(WRITING | SUMS, min_size=2, max_size=5), params=CUTS)
def test_hashed_sets_meet_exactly_as_sets_of_n_grams_do(texts, params):
    sets = shingle_sets(pa.array(texts, pa.string()), params)
    grams = [plain(text, params) for text in texts]
    assert sets.sizes.tolist() == [len(g) for g in grams]
    left, right = np.triu_indices(len(texts), 1)
    shared, union = jaccard_pairs(sets, left, right)
    same_unit = [len(grams[i] & grams[j]) for i, j in zip(left, right)]
    # words and characters may look alike as tuples ("a" is both), so only pairs cut the same way are compared
    if params.unit != "auto":
        assert shared.tolist() == same_unit
    assert (union == sets.sizes[left] + sets.sizes[right] - shared).all()


@pytest.mark.parametrize("text", ["", "   \n", "!!! ... ---", "\u200b\u00ad", "😀😀😀", None])
def test_a_text_without_words_has_no_shingles(text):
    assert sets_of(text) == [frozenset()]


def test_short_chinese_documents_are_compared():
    assert jaccard("你好", "你好。") < 1  # a full stop is a character of its own
    assert jaccard("你好", "你 好") == 1
    assert jaccard("你好", "再见") == 0
    assert jaccard("床前明月光疑是地上霜", "床前明月光疑是地上雪") == 5 / 7


def test_short_english_documents_are_compared_whole():
    assert jaccard("Thank you!", "thank  you") == 1
    assert jaccard("thank you", "thank you all") == 0
    assert jaccard("a", "a a") == 0


def test_a_text_shorter_than_a_shingle_is_not_taken_for_the_beginning_of_a_longer_one():
    assert jaccard("one two three four", "one two three four five") == 0


def test_traditional_and_simplified_copies_have_the_same_shingles():
    assert (
        jaccard("機器學習是人工智慧的一個分支，它研究電腦如何從數據中學習。", "机器学习是人工智慧的一个分支，它研究电脑如何从数据中学习。")
        == 1
    )


def test_full_width_copies_and_case_have_the_same_shingles():
    assert jaccard("Ｔｈｅ ＱＵＩＣＫ brown fox jumps over", "the quick brown fox jumps over") == 1


def test_a_soft_hyphen_does_not_break_a_word():
    assert jaccard("the infor\u00admation of all the people", "the information of all the people") == 1


def test_a_chinese_quotation_in_english_text_counts_and_does_not_change_the_unit():
    english = "the teacher wrote four characters on the board and asked the class to read them aloud " * 5
    one, other = sets_of(english + "学而时习之", english + "温故而知新")
    plain_english = sets_of(english)[0]
    assert len(one) == len(plain_english) + 5  # each character is a word: five more 5-grams end in one
    assert one & other == plain_english


def test_latin_words_in_chinese_text_are_cut_into_characters_with_it():
    assert sets_of("使用 Python 编程") == sets_of("使用python编程")
    assert len(sets_of("使用 Python 编程")[0]) == 10 - 5 + 1


def test_thai_and_japanese_are_cut_into_characters_and_korean_into_words():
    assert len(sets_of("สวัสดีครับ")[0]) == 10 - 5 + 1
    assert len(sets_of("これはペンです")[0]) == 7 - 5 + 1
    assert len(sets_of("나는 학교에 갑니다")[0]) == 1


def test_words_far_apart_in_a_long_word_are_not_confused():
    # a word is summed by rotations: letters 64 apart would swap places unseen, no nearer ones
    assert jaccard("a" + "x" * 62 + "b", "b" + "x" * 62 + "a") == 0


def test_shingles_do_not_depend_on_batch_order_or_neighbours():
    texts = [f"document number {i} has a few words of its own and the like {i * i}" for i in range(300)] + ["中文" * i for i in range(50)]
    alone = {text: sets_of(text)[0] for text in texts[::7]}
    together = dict(zip(texts[::-1], sets_of(*texts[::-1])))
    assert len(set(alone.values())) > 40, "texts that are cut into other shingles"
    assert {text: together[text] for text in alone} == alone


def test_a_very_long_document_is_cut_like_a_short_one(monkeypatch):
    text = " ".join(map(str, range(3000))) * 2
    expected = sets_of(text)
    monkeypatch.setattr("gristmill.udfs.dedup.shingles._SORT_ABOVE", 1000)
    assert sets_of(text) == expected
    assert times_of(text) == [2]
    for hashes, offsets, _ in sliced_sets(pa.array([text]), ShingleParams()):
        assert len(hashes) == offsets[-1] == len(expected[0])


def test_sets_asked_for_in_order_are_ascending_and_the_same():
    data = pa.array(["c b a d e f g h", "中文字符的集合"])
    loose = [(set(h.tolist()), o.tolist()) for h, o, _ in sliced_sets(data, ShingleParams())]
    tight = list(sliced_sets(data, ShingleParams(), ordered=True))
    assert loose == [(set(h.tolist()), o.tolist()) for h, o, _ in tight]
    assert all((np.diff(h[a:b].astype(object)) > 0).all() for h, o, _ in tight for a, b in pairwise(o))


def test_similarity_is_jaccard_or_containment_and_zero_for_nothing():
    shared, union, smaller = np.array([3, 0]), np.array([6, 0]), np.array([4, 0])
    assert similarity(shared, union, smaller).tolist() == [0.5, 0.0]
    assert similarity(shared, union, smaller, "containment").tolist() == [0.75, 0.0]
    with pytest.raises(ValueError, match="jaccard or containment, not 'cosine'"):
        similarity(shared, union, smaller, "cosine")


def test_a_cut_that_makes_no_sense_is_refused():
    with pytest.raises(ValueError, match="not 'lines'"):
        ShingleParams(unit="lines")
    with pytest.raises(ValueError, match="at least one"):
        ShingleParams(words=0)
    with pytest.raises(IndexError, match="documents are 0 to 1"):
        jaccard_pairs(shingle_sets(pa.array(["a", "b"])), np.array([0]), np.array([2]))


def test_an_empty_batch_goes_through():
    assert len(shingle_sets(pa.array([], pa.string())).offsets) == 1
    assert slice_sets(np.zeros(0, np.uint8), np.zeros(1, np.int64), ShingleParams())[1].tolist() == [0]


SAY_MORE = [  # equal but for signs that carry the meaning
    "12 + 7|12 - 7|12 × 7|12 ÷ 7|12 * 7|12 / 7|12 = 7|12 < 7|12 > 7|12 ≤ 7|12 ≥ 7|12 ≠ 7|12 ± 7|12 ^ 7",
    "12 · 7|12 → 7|12 & 7|12 + 7|12 7",
    "x = 5|x < 5|x != 5|x == 5|x += 5|x 5", "x = -5|x = 5", "x ≤ -5|x ≤ 5", "x-5|x+5|x*5|x/5",
    "a*b|a/b|a b", "2*(3+4)|2*3+4", "(2+3)*4|2+3*4",
    "√2 is|∛2 is|2 is", "the sum ∑ i|the sum ∫ i|the sum i", "it was -5 degrees|it was 5 degrees",
    "(-5)|5", "-5 degrees|5 degrees", "5 %|5 ‰|5", "5 °C|5 C",
    "€5|£5|￥5|5", "2⁵|25|2 5", "x²|x2", "½|12|1 2", "C|C++|C#", "Nf3+ wins|Nf3 wins", "i++|i--",
    "total = price + tax|total = price - tax|total = price * tax",
    "2H2 + O2 → 2H2O|2H2 + O2 = 2H2O", "page 3/4|page 3-4|page 3 4", "12＋7|12－7|12＝7",
]  # fmt: skip
SAY_THE_SAME = [  # signs of prose and markup, and other forms of one sign
    "a dog - and a cat|a dog and a cat|a dog — and a cat|a dog–and a cat|*a dog* and a cat",
    "a dog and a cat|- a dog and a cat|* a dog and a cat|+ a dog and a cat",
    "well-known|well known|well–known|well / known", "and/or|and or|and & or", "covid-19|covid 19",
    "then - at last - it|then at last it",
    "- 5 apples|5 apples|* 5 apples|+ 5 apples|> 5 apples|# 5 apples", "“Stop!” he said...|stop, he said",
    "**bold** _text_|bold _text_", "Title\n=====\ntext|title text",
    "12 − 7|12 - 7|12 – 7|12-7|１２－７", "1990--1995|1990–1995|1990 - 1995", "12 ∗ 7|12 * 7", "1∕2|½|1/2",
    "$x$|x",
    "2⁵|2^5", "H₂O|H2O", "see page 3 (or 4)|see page 3 or 4",
    "word[1], and|word 1 and", '<p class="big">text</p>|p class big text p', "5%.|5 %",
]  # fmt: skip


@pytest.mark.parametrize("texts", SAY_MORE)
def test_signs_that_carry_the_meaning_tell_texts_apart(texts):
    sets = dict(zip(texts.split("|"), sets_of(*texts.split("|"))))
    assert not [(one, other) for one, other in combinations(sets, 2) if sets[one] == sets[other]]


@pytest.mark.parametrize("texts", SAY_THE_SAME)
def test_signs_of_prose_and_markup_say_nothing(texts):
    texts = texts.split("|")
    sets = dict(zip(texts, sets_of(*texts)))
    assert not [(one, other) for one, other in combinations(sets, 2) if sets[one] != sets[other]]


def test_the_lines_of_a_table_say_nothing():
    assert jaccard("| a | b |\n|---|---|\n| c | d |", "a b c d") == 1


def test_one_exercise_with_other_operators_is_no_near_duplicate():
    frame = "Compute the following by hand and write each answer in a box: {}. Then check them with a friend."
    sums = [(12, 7), (33, 9), (41, 18), (56, 27), (78, 13), (90, 45)]
    for spaced in (" ", ""):
        texts = [
            frame.format(", ".join(f"{a}{spaced}{sign}{spaced}{b}" for a, b in sums)) for sign in "+-×÷*/"
        ]
        assert max(jaccard(one, other) for one, other in combinations(texts, 2)) < 0.35
    chinese = "用竖式计算下面各题，并把得数写在方框里：{}。做完以后和同桌互相检查一遍。"
    texts = [chinese.format("，".join(f"{a}{sign}{b}" for a, b in sums)) for sign in "＋－×÷"]
    assert max(jaccard(one, other) for one, other in combinations(texts, 2)) < 0.7


def test_a_sign_behind_the_words_that_two_texts_share_takes_nothing_from_them():
    shared = "one two three four five six seven"
    assert len(sets_of(f"{shared} = x")[0] & sets_of(f"{shared} y")[0]) == len(sets_of(shared)[0])


def test_no_two_single_signs_share_a_hash():
    signs = [chr(point) for point in range(0x10000) if sign_of(chr(point)) in (OPERATOR, MARK)]
    signs = [
        sign for sign in signs if ord(sign) not in SAME and fold_text(sign, ShingleParams().fold) == sign
    ]
    assert len(signs) > 500
    assert len(set(sets_of(*(f"5{sign}5" for sign in signs)))) == len(signs)


PAGE = " ".join(
    f"{n} windows of the {kind} house were painted {n * 7 % 31} years ago."
    for n, kind in enumerate(["old", "new", "red"])
)
PARAGRAPHS = [
    " ".join(f"{kind}{n * 7919 % 1000}" for n in range(40)) for kind in ("lake", "hill", "road", "mill")
]


@pytest.mark.parametrize("glue", [" ", "\n\n", "\n\n--- page 2 ---\n\n"])
def test_a_text_and_copies_of_it_says_most_of_it_so_often(glue):
    assert times_of(*(glue.join([PAGE] * n) for n in (1, 2, 3, 4))) == [1, 2, 3, 4]
    chinese = "床前明月光，疑是地上霜。举头望明月，低头思故乡。窗含西岭千秋雪，门泊东吴万里船。"
    assert times_of(*(glue.join([chinese] * n) for n in (1, 2, 3))) == [1, 2, 3]


def test_doubled_paragraphs_are_a_doubled_text():
    assert times_of("\n".join(text for paragraph in PARAGRAPHS for text in (paragraph, paragraph))) == [2]
    assert times_of("\n".join([*PARAGRAPHS, PARAGRAPHS[2]])) == [1]


def test_refrains_and_boilerplate_repeat_no_text():
    refrain = "Row on, row on, the river is long and the mill is far away from home tonight."
    song = [f"Verse {n}: " + paragraph for n, paragraph in enumerate(PARAGRAPHS)]
    assert times_of("\n".join(line for verse in song for line in (verse, refrain, refrain))) == [1]
    header = "Licensed under the terms that stand in the file beside this one; see there for what you may do."
    assert times_of("\n".join(f"{header}\n{paragraph}" for paragraph in PARAGRAPHS)) == [1]


def test_texts_without_words_or_with_one_say_it_once_or_as_often_as_it_comes():
    assert times_of("", None, "...", "word", "one two three four five six") == [1, 1, 1, 1, 1]
    assert times_of("ha " * 1000) == [255]
