"""A text says something when a reader sees a letter, a digit or a symbol of meaning in it, in whatever script."""

from __future__ import annotations

import time
import unicodedata

import pytest

from gristmill.udfs.text.emptiness import has_no_content
from tests.timing import grows_linearly

SPEAKS = ["a", "1", "ア", "你", "한", "ㅋ", "ก", "अ", "ב", "ﷺ", "ʼn", "ª", "²", "½", "①", "Ⅷ", "〇", "々", "𝔸", "𓀀", "𞤀", "⠁", "😀", "👩‍💻", "🇫🇷", "1️⃣", "⚠️", "☃", "♪", "★", "✓", "㊗", "∀", "∑", "≠", "√", "∞", "→", "€", "$", "￥", "°", "©", "™", "x" * 10]
SILENT = ["", " \t\n\u3000", "\u202e\u202c", "\x01\x02\x03", "......", "*", "\u2060", "\u200b\u200d\ufeff", "。。。", "！？", "…", "--- ***", "=====", "|---|", "~~~", "+++", "＝＝", "_____", "（）", "「」", "・・・", "※", "§", "`", "^", "¨", "🏻",
          "\u0301\u0301", "\u3164", "\uffa0", "\u115f\u1160", "\u2800", "──────", "█████", "■□", "●", "\ufffd\ufffd", "\ufffc", "\ue000", "\U000e0041", "\u0378", "\u00ad", "﹏", "\u061c", "\ufe0f"]  # fmt: skip


@pytest.mark.parametrize("text", SPEAKS)
def test_a_letter_a_digit_or_a_symbol_of_meaning_is_enough_wherever_it_stands(text: str):
    assert not has_no_content(text)
    assert not has_no_content(f"\u200b...\n{text}***")


@pytest.mark.parametrize("text", SILENT)
def test_signs_marks_and_what_is_not_seen_say_nothing_however_many(text: str):
    assert has_no_content(text)
    assert has_no_content("".join(SILENT) + text * 1000)


def test_every_letter_and_number_that_is_drawn_speaks_and_no_mark_punctuation_space_or_control_does():
    chars = [chr(i) for i in range(0x32000) if not 0xD800 <= i < 0xE000]
    wrong = [
        char for char in chars
        if (kind := unicodedata.category(char)[0]) != "S" and has_no_content(char) == (kind in "LN") and char not in "\u115f\u1160\u3164\uffa0"
    ]  # fmt: skip
    assert wrong == []


@pytest.mark.parametrize("piece", [".", "\u0301", "文", "\u2800", "=", "\U000e0041", "😀"])
def test_the_time_of_megabytes_grows_with_their_number_alone(piece: str):
    def seconds(n: int) -> float:
        text, start = piece * n, time.process_time()
        has_no_content(text)
        return time.process_time() - start

    assert grows_linearly(seconds, 250_000)
