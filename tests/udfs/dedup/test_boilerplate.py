"""What goes from a document: blocks of common lines, sentences and n-grams of others, against plain references."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gristmill.udfs.dedup.boilerplate import Cut, UnitRule, count_lines, cut_lines, cut_units, list_units
from gristmill.udfs.edit.edits import apply_edits
from gristmill.udfs.text.line_hashes import BlockLimits, LineFold

FOLD = LineFold(casefold=True, digits_from_chars=None, accents=False, punctuation=False)
TWO_LINES = BlockLimits(2, 0, 0, 0)


def counted(texts: list[str], size: int, site: str = "s") -> dict[tuple[str, str, int], int]:
    rows = {"batch_id": ["b"] * len(texts), "site": [f"{site}{i % 2}" for i in range(len(texts))], "text": texts}
    whole = pa.record_batch({name: pa.array(values, pa.string()) for name, values in rows.items()})
    n: Counter[tuple[str, str, int]] = Counter()
    for out in count_lines(iter([whole.slice(at, size) for at in range(0, len(texts), size)]), FOLD):
        for row in out.to_pylist():
            n[row["batch_id"], row["site"], row["line"]] += row["n"]
    return dict(n)


def hashes(*lines: str) -> list[int]:
    return [key[2] for line in lines for key in counted([line], 1)]


TEXTS = st.lists(st.lists(st.sampled_from(["Home", "home", " about  us", "about us", "", "x", "```", "的"]), max_size=8).map("\n".join), min_size=1, max_size=7)


@settings(deadline=None, max_examples=100)
@given(TEXTS, st.integers(1, 7))
def test_a_line_counts_once_a_document_in_whatever_batches(texts: list[str], size: int) -> None:
    plain: Counter[tuple[int, str]] = Counter()
    for i, text in enumerate(texts):
        lines, fenced, seen = [" ".join(line.split()).lower() for line in text.split("\n")], False, set()
        for line in lines:
            fenced = fenced != (line == "```")
            if line and line != "```" and not fenced:
                seen.add(line)
        plain.update((i % 2, line) for line in seen)
    assert counted(texts, size) == {("b", f"s{i}", hashes(line)[0]): n for (i, line), n in plain.items()}


def cut(text: str, common: list[int], limits: BlockLimits = TWO_LINES, max_share: float = 1.0, min_left: int | None = None) -> tuple[str, list[dict[str, Any]]]:
    """The text without what goes, and all rows; the document lies behind another one of its slice."""
    rows = {"doc_id": ["x", "d"], "batch_id": ["b", "b"], "site": ["s", "s"], "text": ["😀 before\nit", text]}
    lines = pa.array([[], sorted(common)], pa.list_(pa.int64()))
    made = pa.record_batch([*(pa.array(each) for each in rows.values()), lines], names=[*rows, "lines"])
    [out] = cut_lines(iter([made]), Cut(FOLD, limits, max_share, min_left))
    found = [row for row in out.to_pylist() if row["doc_id"] == "d"]
    spans = [(row["start"], row["end"], "") for row in found if row["result"] == "edit"]
    return apply_edits(text, spans)[0], found


MENU = hashes("Home", "About us", "Contact")


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("Home\nAbout us\n\nIt says.\n", "It says.\n"),
        ("It says.\n\n  HOME\n\nabout   us\nContact", "It says.\n\n"),
        ("It says.\nHome\nand more.\nAbout us\n", None),  # no two are neighbours
        ("Home\n```\nAbout us\nContact\n```\n", None),
        ("  It says.\nHome\nContact\n    code\n", "  It says.\n    code\n"),
        ("😀\nHome\nContact\n😀", "😀\n😀"),
        ("Home\nAbout us\nText.\nContact\nHome\n", "Text.\n"),
        ("Home\n|\nAbout us\n>\n\nText.\n", ">\n\nText.\n"),  # a separator is like a blank line
        ("Home\n✔\nAbout us\n3\nContact\n", None),  # values of this page
        ("See:\n\n    Home\n    About us\n", None),  # code, by its indent
    ],
)
def test_neighbouring_common_lines_go_whole(text: str, rest: str | None) -> None:
    assert cut(text, MENU)[0] == (text if rest is None else rest)


def test_a_span_that_is_too_short_stays_with_all_its_lines() -> None:
    # datatrove 0.9 restores such a span as its first line only: "one two five"
    text = "one\ntwo\nthree\nfour\nfive"
    common = hashes("two", "three", "four")
    assert cut(text, common, BlockLimits(2, 0, 0, 4))[0] == text
    assert cut(text, common, BlockLimits(2, 0, 0, 3))[0] == "one\nfive"


@pytest.mark.parametrize(
    ("limits", "goes"),
    [(BlockLimits(3, 0, 0, 0), True), (BlockLimits(4, 0, 0, 0), False), (BlockLimits(2, 12, 0, 0), True), (BlockLimits(2, 13, 0, 0), False), (BlockLimits(2, 0, 0, 4), True), (BlockLimits(2, 0, 0, 5), False)],
)  # fmt: skip
def test_a_block_must_be_long(limits: BlockLimits, goes: bool) -> None:
    text, common = "Home\nAbout us\nC.\ntext", hashes("Home", "About us", "C.")  # 12 letters, 4 words
    assert cut(text, common, limits)[0] == ("text" if goes else text)


def test_letters_of_two_scripts_add_up() -> None:
    text, common = "Menu a\n首页关于\ntext", hashes("Menu a", "首页关于")
    assert cut(text, common, BlockLimits(2, 10, 8, 0))[0] == "text"  # 5 of 10 letters and 4 of 8: two halves
    assert cut(text, common, BlockLimits(2, 10, 9, 0))[0] == text


def test_a_document_that_is_mostly_boilerplate_gets_a_verdict_and_no_edit() -> None:
    text = "Home\nContact\n12345 12345 1"  # 11 of 22 characters
    assert cut(text, MENU, max_share=0.5)[0] == "12345 12345 1"
    rest, rows = cut(text[:-1], MENU, max_share=0.5)
    assert rest == text[:-1]
    assert [(row["result"], row["value"]) for row in rows if row["result"] != "example"] == [("verdict", 11 / 21)]
    # enough is left
    assert cut(text[:-1], MENU, max_share=0.5, min_left=10)[0] == "12345 12345 "
    assert cut(text[:-1], MENU, max_share=0.5, min_left=11)[0] == text[:-1]


def test_each_common_line_has_the_lowest_document_as_its_example() -> None:
    rows = {"doc_id": ["c", "a", "b"], "batch_id": ["b"] * 3, "site": ["s", "s", "t"], "text": ["Home\nHome", "..\n HOME", "Home"]}
    lines = pa.array([sorted(MENU)] * 3, pa.list_(pa.int64()))
    made = pa.record_batch([*(pa.array(each) for each in rows.values()), lines], names=[*rows, "lines"])
    [out] = cut_lines(iter([made]), Cut(FOLD, TWO_LINES, 1.0, None))
    examples = {(row["site"], row["doc_id"], row["start"], row["end"], row["line_text"]) for row in out.to_pylist() if row["result"] == "example"}
    assert examples == {("s", "a", 4, 8, "HOME"), ("t", "b", 0, 4, "Home")}


# --- rules that keep one copy


def by_rule(texts: list[str], rule: UnitRule, min_words: int = 0) -> list[str]:
    """The texts without what an earlier one owns."""
    cut_by = Cut(FOLD, BlockLimits(1, 0, 0, min_words), 1.0, None)
    base = pa.record_batch({"doc_id": pa.array([f"{i}" for i in range(len(texts))]), "batch_id": pa.array(["b"] * len(texts)), "text": pa.array(texts)})
    owners: dict[int, str] = {}
    others: dict[str, list[int]] = {}
    for out in list_units(iter([base]), FOLD, rule):
        for row in out.to_pylist():
            if owners.setdefault(row["unit"], row["doc_id"]) != row["doc_id"]:
                others.setdefault(row["doc_id"], []).append(row["unit"])
    units = pa.array([sorted(others[f"{i}"]) if f"{i}" in others else None for i in range(len(texts))], pa.list_(pa.int64()))
    spans: dict[str, list[tuple[int, int, str]]] = {}
    for out in cut_units(iter([base.append_column("units", units)]), cut_by, rule):
        for row in out.to_pylist():
            spans.setdefault(row["doc_id"], []).append((row["start"], row["end"], ""))
    return [apply_edits(text, spans.get(f"{i}", []))[0] for i, text in enumerate(texts)]


def plain_sentences(texts: list[list[str]], size: int) -> list[list[str]]:
    """Of each document, a sentence a line: those in no span of `size` that stood before."""
    seen: set[tuple[str, ...]] = set()
    done = []
    for lines in texts:
        goes, own = set(), []
        for i in range(len(lines) - size + 1):
            span = tuple(lines[i : i + size])
            if span in seen:
                goes.update(range(i, i + size))
            seen.add(span)
            own.append(span)
        done.append([line for i, line in enumerate(lines) if i not in goes])
    return done


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=9), min_size=1, max_size=4))
@example([list("abcabc"), list("dabcd")])
def test_of_spans_of_three_sentences_the_first_copy_stays(texts: list[list[str]]) -> None:
    rest = by_rule(["\n".join(lines) for lines in texts], UnitRule("sentences", 3, 0))
    assert [text.split() for text in rest] == plain_sentences(texts, 3)


def test_sentences_go_from_the_middle_of_a_line() -> None:
    first = "A one. B two. C three."
    assert by_rule([first, f"Before it. {first} After it.\nEnd."], UnitRule("sentences", 3, 0)) == [first, "Before it. After it.\nEnd."]
    assert by_rule([first, f"Before it. {first}\nEnd."], UnitRule("sentences", 3, 0)) == [first, "Before it. \nEnd."]
    assert by_rule([first, f"Before it. {first}\nEnd."], UnitRule("sentences", 3, 0), min_words=7)[1] == f"Before it. {first}\nEnd."


def plain_n_grams(texts: list[list[str]], n: int, share: float) -> list[list[str]]:
    """Of each document, a paragraph a line: those without enough n-grams that stood before."""
    seen: set[tuple[str, ...]] = set()
    done = []
    for lines in texts:
        kept = []
        for line in lines:
            words = line.split()
            grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
            copies = 0
            for gram in grams:
                copies += gram in seen
                seen.add(gram)
            if not grams or copies < share * len(grams):
                kept.append(line)
        done.append(kept)
    return done


@settings(deadline=None, max_examples=150)
@given(st.lists(st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=7).map(" ".join), max_size=4), min_size=1, max_size=4), st.sampled_from([0.5, 0.8, 1.0]))
def test_paragraphs_of_known_n_grams_go(texts: list[list[str]], share: float) -> None:
    rest = by_rule(["\n".join(lines) for lines in texts], UnitRule("n_grams", 3, share))
    assert [text.split("\n") if text else [] for text in (each.rstrip("\n") for each in rest)] == plain_n_grams(texts, 3, share)


def test_han_characters_are_words_of_their_own() -> None:
    texts = ["水磨坊在河边。", "水磨坊 在 河 边", "水磨坊在山边。"]
    assert by_rule(texts, UnitRule("n_grams", 3, 1.0)) == [texts[0], "", texts[2]]
