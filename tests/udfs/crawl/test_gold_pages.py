"""The gold pages: the gold stands in each page, what surrounds it does not stand in the gold, and the script writes the same bytes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from html import escape
from typing import Any

import pytest

from tests.support.gold_pages.contents import FOLDER, KINDS, contents
from tests.support.gold_pages.pages import around, files
from tests.support.gold_pages.site import visible

GOLD: dict[str, dict[str, Any]] = {row["name"]: row for row in map(json.loads, (FOLDER / "gold.jsonl").read_text(encoding="utf-8").splitlines())}
CONTENTS = {each.name: each for each in contents()}
WORD = re.compile(r"[\u3400-\u9fff]|[^\W\u3400-\u9fff]+")
DECLARED = re.compile(rb"charset=\"?([\w-]+)")


def html(name: str) -> str:
    return (FOLDER / f"{name}.html").read_bytes().decode(GOLD[name]["encoding"])


def missing(wanted: list[str], there: Iterator[str]) -> list[str]:
    """The words from the first one on that is not found behind those before it."""
    for i, word in enumerate(wanted):
        if word not in there:  # goes on to behind the word
            return wanted[i:]
    return []


def test_words_that_are_there_in_another_order_are_missing() -> None:
    assert missing(["b", "c"], iter("abxc")) == []
    assert missing(["c", "b"], iter("abxc")) == ["b"]


def test_sixty_chinese_and_forty_english_pages_of_every_kind() -> None:
    counts = Counter((row["lang"], row["kind"]) for row in GOLD.values())
    assert {lang: sum(n for (each, _), n in counts.items() if each == lang) for lang in ("zh", "en")} == {"zh": 60, "en": 40}
    assert {kind for kind in KINDS if counts["zh", kind] < 5 or counts["en", kind] < 3} == set()
    assert len({row["text"] for row in GOLD.values()}) == 100
    assert len({row["layout"] for row in GOLD.values()}) >= 25


def test_encodings_are_declared_rightly_wrongly_or_not_at_all() -> None:
    families = {"gbk": "gb", "gb2312": "gb", "gb18030": "gb", "big5": "big5", "utf-8": "utf-8"}
    found = Counter()
    for name, row in GOLD.items():
        declared = DECLARED.search((FOLDER / f"{name}.html").read_bytes())
        right = declared and families[declared[1].decode()] == families[row["encoding"]]
        found[families[row["encoding"]], "right" if right else "wrong" if declared else "none"] += 1
    assert {each: n for each, n in found.items() if each[0] != "utf-8"} == {("gb", "right"): 5, ("gb", "none"): 1, ("gb", "wrong"): 2, ("big5", "right"): 1, ("big5", "none"): 1}
    assert found["utf-8", "wrong"] >= 3
    assert found["utf-8", "none"] >= 10
    # More than GBK has: a sign of four bytes.
    assert "㎥".encode("gb18030") in (FOLDER / "zh_product_pump.html").read_bytes()


def test_sizes_are_those_of_pages_of_the_web() -> None:
    sizes = {path.name: path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()}
    assert sum(sizes.values()) <= 4_000_000
    assert {name: n for name, n in sizes.items() if name.endswith(".html") and not 6_000 <= n <= 60_000} == {}
    assert {name: len(row["text"]) for name, row in GOLD.items() if not 300 <= len(row["text"]) <= 5_000} == {}


def test_the_script_writes_the_bytes_that_are_here() -> None:
    made = files()
    here = {path.name for path in FOLDER.iterdir() if path.suffix in (".html", ".jsonl")}
    assert set(made) == here
    assert [name for name, body in made.items() if (FOLDER / name).read_bytes() != body] == []


@pytest.mark.parametrize("name", GOLD)
def test_the_words_of_the_gold_stand_in_the_page_in_their_order(name: str) -> None:
    assert missing(WORD.findall(GOLD[name]["text"]), iter(WORD.findall(visible(html(name))))) == []


@pytest.mark.parametrize("name", GOLD)
def test_phrases_around_the_content_stand_in_the_page_and_not_in_the_gold(name: str) -> None:
    row, seen = GOLD[name], visible(html(name))
    assert 3 <= len(set(row["without"])) <= 8
    assert [phrase for phrase in row["without"] if phrase not in seen or phrase in row["text"]] == []
    assert 0.3 <= around(html(name), row["text"]) <= 3.0


@pytest.mark.parametrize("name", [name for name, row in GOLD.items() if row["kind"] == "maths"])
def test_formulas_of_the_gold_are_annotations_or_stand_as_they_are(name: str) -> None:
    page, formulas = html(name), re.findall(r"\$([^$\n]+)\$", GOLD[name]["text"])
    assert len(formulas) >= 10
    forms = ('<annotation encoding="application/x-tex">{}</annotation>', "${}$")
    assert [tex for tex in formulas if not any(form.format(escape(tex, quote=False)) in page for form in forms)] == []


@pytest.mark.parametrize("name", [name for name, row in GOLD.items() if row["kind"] == "code"])
def test_code_of_the_gold_stands_in_the_page_with_its_lines_and_indentation(name: str) -> None:
    document = pytest.importorskip("lxml.html", reason="no lxml: pip install 'gristmill[crawl]'")
    broken = re.sub(r"<br ?/?>|</li>\n", "\n", html(name))
    shown = "\n".join(pre.text_content() for pre in document.fromstring(broken).iter("pre")).replace("\xa0", " ")
    blocks = [block.data for block in CONTENTS[name].every_block() if block.kind == "code"]
    lines = [line for code in blocks for line in code.split("\n") if line]
    assert len(lines) >= 8
    assert [code for code in blocks if code not in GOLD[name]["text"]] == []
    assert missing(lines, (line.rstrip() for line in shown.split("\n"))) == []


@pytest.mark.parametrize("name", GOLD)
def test_a_parser_that_gives_all_text_finds_the_gold(name: str) -> None:
    document = pytest.importorskip("lxml.html", reason="no lxml: pip install 'gristmill[crawl]'")
    found = Counter(WORD.findall(" ".join(document.fromstring(html(name)).itertext())))
    gold = Counter(WORD.findall(GOLD[name]["text"]))
    assert (found & gold).total() >= 0.97 * gold.total()
