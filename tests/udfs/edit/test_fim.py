"""Fill in the middle: what is cut can be put together again, in any script, and no character is torn."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs.edit.fim import Sentinels, character_start, choose_cut, cut, undo_cut

MARKS = Sentinels("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>")
TEXTS = ["def mill(x):\r\n    return x\r\n", "磨坊主打开水闸，水车开始转动。", "e\u0301te\u0301 na\u0308he", "👩‍👩‍👧‍👦👍🏽🇨🇳🇩🇪 ok", "한국어 각", "ab", ""]


@settings(max_examples=300, deadline=None)
@given(text=st.one_of(st.sampled_from(TEXTS), st.text(max_size=60)), mode=st.sampled_from(["psm", "spm"]), data=st.data())
def test_what_is_cut_can_be_put_together_again(text: str, mode: str, data: st.DataObject) -> None:
    begin, end = sorted(data.draw(st.tuples(st.integers(0, len(text)), st.integers(0, len(text)))))
    told = cut(text, mode, begin, end, MARKS)  # type: ignore[arg-type]
    assert undo_cut(told, MARKS) == text
    assert len(told) == len(text) + sum(map(len, (MARKS.prefix, MARKS.middle, MARKS.suffix)))


def test_the_two_orders_are_those_of_the_paper() -> None:
    marks = Sentinels("[P]", "[M]", "[S]")
    assert cut("onetwothree", "psm", 3, 6, marks) == "[P]one[S]three[M]two"
    assert cut("onetwothree", "spm", 3, 6, marks) == "[P][S]three[M]onetwo"


@pytest.mark.parametrize("text", TEXTS)
def test_no_cut_falls_inside_a_character(text: str) -> None:
    for at in range(len(text) + 1):
        place = character_start(text, at)
        assert at <= place <= len(text)
        if place < len(text):
            assert not unicodedata.combining(text[place])
            assert text[place] not in "\u200d\ufe0f"
            assert place == 0 or text[place - 1] != "\u200d"
            assert not (place and text[place - 1] == "\r" and text[place] == "\n")


def test_the_share_of_cut_texts_is_the_rate_and_depends_on_seed_and_key_only() -> None:
    text = "The wheel turned in the brook all night."
    found = [choose_cut(text, 7, f"doc-{i}", 0.1, 0.5) for i in range(5000)]
    modes = [each[0] for each in found if each]
    assert 420 < len(modes) < 580
    assert 0.4 < modes.count("spm") / len(modes) < 0.6
    assert found == [choose_cut(text, 7, f"doc-{i}", 0.1, 0.5) for i in range(5000)]
    assert found != [choose_cut(text, 8, f"doc-{i}", 0.1, 0.5) for i in range(5000)]
    assert all(0 <= begin <= end <= len(text) for _, begin, end in filter(None, found))
    assert choose_cut("ab", 7, "x", 1.0, 0.5) is None


def test_a_text_that_holds_a_sentinel_is_refused() -> None:
    with pytest.raises(ValueError, match="holds a sentinel"):
        cut("a <|fim_middle|> b", "psm", 0, 1, MARKS)
    with pytest.raises(ValueError, match="not a text that was cut"):
        undo_cut("plain", MARKS)
    for wrong in (("", "b", "c"), ("a", "a", "b"), ("<x>", "x", "y")):
        with pytest.raises(ValueError, match="wanted three"):
            Sentinels(*wrong)
