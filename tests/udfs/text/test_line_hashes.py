"""Lines: which are equal, and which lie in code, formulas or tables, against a plain reference."""

from __future__ import annotations

import re
import unicodedata

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gristmill.udfs.arrow.compiled import text_buffers
from gristmill.udfs.text.chars import read_chars
from gristmill.udfs.text.line_hashes import LineFold, Pieces, lines_in, sentences_in

CASE = LineFold(casefold=True, digits_from_chars=None, accents=False, punctuation=False)
CC_NET = LineFold(casefold=True, digits_from_chars=0, accents=True, punctuation=True)


def read(text: str, fold: LineFold = CASE) -> list[tuple[str, bool, int]]:
    """(line, is_open, hash) of one document, between two others that must not matter."""
    chars = read_chars(*text_buffers(pa.array(["```\n$$ a", text, "b $$\n```"])))
    pieces = lines_in(chars, fold)
    return shown(text, pieces, int(chars.ends[1]))


def shown(text: str, pieces: Pieces, origin: int) -> list[tuple[str, bool, int]]:
    part = slice(pieces.ends[1], pieces.ends[2])
    rows = zip(pieces.starts[part], pieces.stops[part], pieces.is_open[part], pieces.hashes[part], strict=True)
    return [(text[a - origin : b - origin], bool(is_open), int(hashed)) for a, b, is_open, hashed in rows]


def plain_lines(text: str) -> list[tuple[str, bool]]:
    """What `lines_in` must find: Markdown's code as CommonMark has it, $$ in pairs, rows and rules of tables, values and separators."""
    lines: list[str] = []
    is_open: list[bool] = []
    fence, formula, is_code, is_blank = "", None, True, True
    for whole in text.split("\n"):
        line, i = whole.strip(), len(lines)
        if not line:
            is_blank = True
            continue
        is_code = len(whole[: whole.index(line)].expandtabs(4)) >= 4 and (is_code or is_blank)
        is_blank, is_table = False, bool(re.fullmatch(r"\|.+|[|+\-:= ]{3,}", line))
        run = re.match(r"`{3,}|~{3,}", line)
        is_mute = not any(char.isalnum() or unicodedata.category(char) == "So" for char in line)
        if is_mute and not (fence or run or is_table or "$$" in line or (is_code and line[0] not in "-*+")):
            continue
        lines.append(line)
        is_open.append(any(map(str.isalpha, line)) and not (is_code and line[0] not in "-*+0123456789"))
        if fence:
            is_open[i] = False
            closes = run and set(line) == {fence[0]} and len(line) >= len(fence)
            fence = "" if closes else fence
            if closes:
                continue
        elif run:  # ```x``` is code on one line
            fence, is_open[i] = "" if line[0] == "`" and "`" in line[run.end() :] else run[0], False
        pairs = line.count("$$")
        if is_table or pairs:
            is_open[i] = False
        if not fence and pairs % 2:
            if formula is None:
                formula = i
            else:
                is_open[formula:i] = [False] * (i - formula)
                formula = None
    return list(zip(lines, is_open, strict=True))


PARTS = st.sampled_from(["a", "B 1", "7", "✔", "- ", " ", "    ", "\n", "\n\n", "\t", "```", "```\n", "````", "~~~", "~~~\n", "$$", "$$\n", "$", "|", "| a |\n", "---", "+--+\n", "é", "的", "。", "`"])


@settings(deadline=None, max_examples=400)
@given(st.lists(PARTS, max_size=24).map("".join))
@example("```x```\na\n```\nb\n````\nc\n```")
@example("a $$\nb\n$$ c\n$$ 5 a meal\nd")
def test_lines_are_open_outside_code_formulas_and_tables(text: str) -> None:
    assert [(line, is_open) for line, is_open, _ in read(text)] == plain_lines(text)


def folded(line: str, fold: LineFold) -> str:
    """The string whose equality the hash stands for."""
    line = " ".join(line.split())
    if fold.digits_from_chars is not None and len(line) >= fold.digits_from_chars:
        line = re.sub("[0-9]", "0", line)
    if fold.punctuation:
        line = "".join(char for char in line if not unicodedata.category(char).startswith("P"))
    if fold.accents:
        line = "".join(char for char in unicodedata.normalize("NFD", line) if not unicodedata.combining(char))
    return " ".join(line.lower().split()) if fold.casefold else line


LINES = st.text(st.sampled_from("aAbé1 2\t.,-的"), min_size=1, max_size=9).map(lambda line: f"a{line}".strip())


@settings(deadline=None, max_examples=300)
@given(LINES, LINES, st.sampled_from([CASE, CC_NET, LineFold(False, 5, False, False), LineFold(True, 5, True, False)]))
@example("Ab  1", "aB 1", CASE)
@example("page 1", "page 2", LineFold(True, 5, False, False))
@example("a1", "a2", LineFold(True, 5, False, False))
def test_hashes_are_equal_where_the_folded_lines_are(one: str, other: str, fold: LineFold) -> None:
    [first], [second] = read(one, fold), read(other, fold)
    assert (first[2] == second[2]) == (folded(one, fold) == folded(other, fold))


@pytest.mark.parametrize(("line", "is_unspaced"), [("about us", 0), ("关于我们", 1), ("关于 about", 0), ("关于我们 us", 1), ("第12", 1)])
def test_the_lowest_bit_says_whether_the_script_has_spaces(line: str, is_unspaced: int) -> None:
    assert [hashed & 1 for *_, hashed in read(line)] == [is_unspaced]


def test_a_document_may_have_more_lines_than_16_bits_count() -> None:
    text = "".join(f"line {i}\n" for i in range(70_000))  # datatrove 0.9's sentence_dedup raises OverflowError above 65,535
    lines = read(text)
    assert [line for line, *_ in lines[-2:]] == ["line 69998", "line 69999"]
    assert len({hashed for *_, hashed in lines}) == 70_000


def test_sentences_end_at_marks_and_line_ends() -> None:
    text = "One. Two, 3.5 and “four.” Five?\n六。“七！”八\n```\nCode. Is code.\n```"
    chars = read_chars(*text_buffers(pa.array(["", text, ""])))
    found = shown(text, sentences_in(chars, CASE), 0)
    assert [line for line, is_open, _ in found if is_open] == ["One.", "Two, 3.5 and “four.”", "Five?", "六。", "“七！”", "八"]
    assert [line for line, is_open, _ in found if not is_open] == ["```", "Code.", "Is code.", "```"]
