"""Shingle sets: which texts are compared, and that the hashes count what plain sets of n-grams count."""

import re
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from udfs.folding import FoldParams, fold_text
from udfs.shingles import ShingleParams, jaccard_pairs, shingle_sets, similarity, slice_sets, sliced_sets


def sets_of(*texts, **params):
    sets = shingle_sets(pa.array(texts, pa.string()), ShingleParams(**params))
    return [frozenset(sets.hashes[a:b].tolist()) for a, b in pairwise(sets.offsets)]


def jaccard(one, other, **params):
    a, b = sets_of(one, other, **params)
    return len(a & b) / len(a | b) if a | b else 0.0


def plain(text, params):
    """The n-grams of a text, as tuples: what the hashes stand for."""
    text = re.sub("[\u00ad\u200b]", "", fold_text(text, FoldParams()))
    solid = re.sub(r"\s", "", text)
    unspaced = re.findall(r"[\u3005\u3040-\u30ff\u3400-\u9fff\u0e01-\u0e4e]", solid)
    if params.unit == "characters" or (params.unit == "auto" and unspaced and len(unspaced) >= params.min_unspaced_share * len(solid)):
        tokens, n = list(solid), params.characters
    else:
        tokens, n = (
            re.findall(r"[\u3005\u3040-\u30ff\u3400-\u9fff\u0e01-\u0e4e]|[^\W\u3005\u3040-\u30ff\u3400-\u9fff\u0e01-\u0e4e]+", text),
            params.words,
        )
    grams = {tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)}
    return grams or ({tuple(tokens)} if tokens else set())


WRITING = st.text(st.sampled_from("abAB  _.,'中文漢汉，。かナไทย한\n\u00ad１é"), max_size=40)
CUTS = st.builds(
    ShingleParams, words=st.integers(1, 4), characters=st.integers(1, 6), unit=st.sampled_from(["auto", "words", "characters"]),
    min_unspaced_share=st.sampled_from([0.02, 0.3]),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(WRITING, min_size=2, max_size=5), params=CUTS)
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
    assert all(together[text] == shingles for text, shingles in alone.items())


def test_a_very_long_document_is_cut_like_a_short_one(monkeypatch):
    text = " ".join(map(str, range(3000))) * 2
    expected = sets_of(text)
    monkeypatch.setattr("udfs.shingles._SORT_ABOVE", 1000)
    assert sets_of(text) == expected
    for hashes, offsets in sliced_sets(pa.array([text]), ShingleParams()):
        assert len(hashes) == offsets[-1] == len(expected[0])


def test_sets_asked_for_in_order_are_ascending_and_the_same():
    data = pa.array(["c b a d e f g h", "中文字符的集合"])
    loose = [(set(h.tolist()), o.tolist()) for h, o in sliced_sets(data, ShingleParams())]
    tight = list(sliced_sets(data, ShingleParams(), ordered=True))
    assert loose == [(set(h.tolist()), o.tolist()) for h, o in tight]
    assert all((np.diff(h[a:b].astype(object)) > 0).all() for h, o in tight for a, b in pairwise(o))


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
