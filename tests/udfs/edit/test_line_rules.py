"""Lines of a page go, lines of its text stay: the kernel does what a plain reading of the rules does, on any text."""

from __future__ import annotations

import dataclasses
import itertools
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gristmill.jobs.clean_lines import Preset
from gristmill.jobs.core.config import validate
from gristmill.udfs.edit import line_rules
from gristmill.udfs.edit.edits import apply_edits
from gristmill.udfs.edit.line_rules import LineRules, Phrase, find_edits
from gristmill.udfs.text import chars

PRESETS = Path(__file__).parents[3] / "conf" / "presets"
NAMES = ("lines_refinedweb", "lines_dclm", "lines_zh")


def rules_of(name: str) -> LineRules:
    return validate(Preset, yaml.safe_load((PRESETS / f"{name}.yaml").read_text("utf-8")), name).rules.kernel()


RULES = {name: rules_of(name) for name in NAMES}
PROSE = "The miller opened the gate, and the water ran on to the old wheel as it had on every morning of his life."


def cleaned(text: str, rules: LineRules) -> tuple[str, float]:
    edits, shares = find_edits(pa.array([text]), rules)
    return apply_edits(text, [(span["start"], span["end"], "") for span in edits[0].as_py()])[0], float(shares[0])


def reasons(text: str, rules: LineRules) -> list[str]:
    return [span["reason"] for span in find_edits(pa.array([text]), rules)[0][0].as_py()]


# --- line by line, what goes and why

ENGLISH = [  # line, what is left of it by RefinedWeb's rules and by DCLM's (None: nothing), and why
    ("SIGN UP FOR OUR NEWS TODAY", None, None, "capitals_line"),
    ("NASA and ESA say so", "=", "=", None),
    ("ABCD efg", "=", "=", None),  # half is not more than half
    ("2024", None, None, "numeric_line"),
    ("3 likes", None, None, "counter_line"),
    ("• 1,204 Comments •", None, None, "counter_line"),
    ("12.5k  followers", None, None, "counter_line"),
    ("He got 3 likes", "=", "=", None),
    ("3 likeable men", "=", "=", None),
    ("Home", None, None, "short_line"),
    ("}", "=", None, "short_line"),  # of no word is not of one word; DCLM counts pieces
    ("Two words", "=", "=", None),
    ("Sign-in or join now", "or join now", "or join now", "page_phrase"),
    ("You may sign-in now", "=", "=", None),
    ("The mill opens again. Read more...", "The mill opens again.", "The mill opens again.", "page_phrase"),
    ("The mill opens again. Read more now", "=", "=", None),  # "now" and a space before it are four characters
    ("The mill opens again. Read more >>", "=", "The mill opens again.", "page_phrase"),  # three characters
    ("Read more...", None, None, "page_phrase"),
    ("one two three four five six seven items in cart", "one two three four five six seven", "one two three four five six seven", "page_phrase"),
    ("one two three four five six seven eight items in cart", "=", "=", None),
    ("3 items in cart", "3", "3", "page_phrase"),
    (f"{PROSE} Read more...", "=", "=", None),  # not a short line
]


@pytest.mark.parametrize(("line", "paper", "code", "reason"), ENGLISH)
def test_english_lines_go_or_stay(line: str, paper: str | None, code: str | None, reason: str | None) -> None:
    for name, wanted in (("lines_refinedweb", paper), ("lines_dclm", code)):
        whole = f"{PROSE}\n{line}\n{PROSE}"
        left, _ = cleaned(whole, RULES[name])
        mine = "" if wanted is None else f"{line if wanted == '=' else wanted}\n"
        assert left == f"{PROSE}\n{mine}{PROSE}", name
        assert reasons(whole, RULES[name]) == ([] if wanted == "=" else [reason])


CHINESE_PROSE = "水手出海前要查潮汐表，磨坊旁边的河水每天都在流，谁也不知道为什么。"
CHINESE = [
    ("登录", None, "page_phrase"),
    ("【登录】", None, "page_phrase"),
    ("登录系统后选择菜单", "=", None),  # text about a login
    ("## 搜索", "=", None),  # a heading
    ("上一页", None, "page_phrase"),
    ("他登录了网站。阅读全文", "他登录了网站。", "page_phrase"),
    ("前言", "=", None),  # a heading of one word
    ("阅读 1.2万", None, "counter_line"),
    ("阅读(1234) 评论(5) 点赞(12)", None, "counter_line"),
    ("12人点赞", None, "counter_line"),
    ("3 条评论", None, "counter_line"),
    ("评论：587", None, "counter_line"),
    ("1. 点赞", "=", None),  # an item of a list
    ("他收到了3条评论。", "=", None),
    ("2024", None, "numeric_line"),
    ("KBS2", "=", None),
]  # fmt: skip


@pytest.mark.parametrize(("line", "wanted", "reason"), CHINESE)
def test_chinese_lines_go_or_stay(line: str, wanted: str | None, reason: str | None) -> None:
    whole = f"{CHINESE_PROSE}\n{line}\n{CHINESE_PROSE}"
    mine = "" if wanted is None else f"{line if wanted == '=' else wanted}\n"
    assert cleaned(whole, RULES["lines_zh"])[0] == f"{CHINESE_PROSE}\n{mine}{CHINESE_PROSE}"
    assert reasons(whole, RULES["lines_zh"]) == ([] if wanted == "=" else [reason])


def test_code_of_a_page_stays_and_dclm_takes_it() -> None:
    code = "```\nreturn\nDONE\n```\n    break\n\tpass\n"
    whole = f"{PROSE}\n{code}Home\n{PROSE}"
    assert cleaned(whole, RULES["lines_refinedweb"])[0] == f"{PROSE}\n{code}{PROSE}"
    assert cleaned(whole, RULES["lines_dclm"])[0] == f"{PROSE}\n{PROSE}"


def test_a_fence_ends_with_its_own_mark_and_at_the_latest_with_the_document() -> None:
    texts = pa.array([f"{PROSE}\n~~~\nHome\n```\nHome\n~~~\nHome", "Home"])
    edits, _ = find_edits(texts, RULES["lines_refinedweb"])
    assert [[span["reason"] for span in spans] for spans in edits.to_pylist()] == [["short_line"]] * 2
    assert edits[0][0]["start"].as_py() == len(texts[0].as_py()) - 4


def test_neighbouring_lines_with_one_reason_are_one_edit() -> None:
    edits, _ = find_edits(pa.array([f"Home\nNews\n2024\n{PROSE}"]), RULES["lines_refinedweb"])
    assert [(span["start"], span["end"], span["reason"]) for span in edits[0].as_py()] == [(0, 10, "short_line"), (10, 15, "numeric_line")]


# --- how much of a document


def test_the_share_counts_words_of_whole_lines_as_the_paper_or_only_what_is_gone_as_dclm() -> None:
    text = "one two three four five six\nGo on. Read more...\nHome\n3 likes"  # 6 + 4 + 1 + 2 words
    assert cleaned(text, RULES["lines_refinedweb"])[1] == pytest.approx((4 + 1 + 2) / 13)
    assert cleaned(text, RULES["lines_dclm"])[1] == pytest.approx((2 + 1 + 2) / 13)


def test_words_begin_with_a_letter_or_digit_and_han_counts_by_character() -> None:
    assert line_rules.count_words("It is 10 “km” - (far)", "spaces") == 3
    assert line_rules.count_words("共10 km，很远。", "characters") == 5  # 共, 10, km, 很, 远: a mark between Han makes no word
    assert line_rules.count_words("", "spaces") == 0


def test_a_document_that_would_lose_too_much_has_a_verdict_and_no_edit() -> None:
    texts = [f"{PROSE}\nHome\n{PROSE}", f"{PROSE}\nHome\nNews\nShop\nGo\nUp", "", None]
    batch = pa.record_batch({"doc_id": ["a", "b", "c", "d"], "batch_id": ["x"] * 4, "text": pa.array(texts), "preset": ["lines_refinedweb"] * 4})
    [found] = line_rules.clean_batches(iter([batch]), RULES)
    rows = found.to_pylist()
    n = len(PROSE.split())
    assert [(row["doc_id"], row["reason"], row["value"], row["threshold"], row["rule"], row["start"]) for row in rows] == [
        ("b", "too_many_words_removed", 5 / (n + 5), 0.05, "lines_refinedweb.max_removed_ratio", None),
        ("a", "short_line", None, None, None, len(PROSE) + 1),
    ]


def test_a_share_equal_to_the_limit_passes_and_no_limit_leaves_nobody_out() -> None:
    text = "\n".join([" ".join(["word"] * 19), "Home"])
    batch = pa.record_batch({"doc_id": ["a"], "batch_id": ["x"], "text": [text], "preset": ["p"]})
    for limit, wanted in ((0.05, "short_line"), (0.049, "too_many_words_removed"), (None, "short_line")):
        [found] = line_rules.clean_batches(iter([batch]), {"p": dataclasses.replace(RULES["lines_refinedweb"], max_removed_ratio=limit)})
        assert found["reason"].to_pylist() == [wanted]


def test_each_row_goes_by_the_rules_that_it_names() -> None:
    batch = pa.record_batch({"doc_id": ["a", "b"], "batch_id": ["x"] * 2, "text": [f"{PROSE}\n登录", f"{PROSE}\n登录"], "preset": ["lines_refinedweb", "lines_zh"]})
    found = pa.Table.from_batches(line_rules.clean_batches(iter([batch]), RULES)).to_pylist()
    assert {(row["doc_id"], row["reason"]) for row in found} == {("a", "short_line"), ("b", "too_many_words_removed")}
    with pytest.raises(KeyError, match="other"):
        list(line_rules.clean_batches(iter([batch.set_column(3, "preset", pa.array(["other"] * 2))]), RULES))


# --- the same by a plain reading


def is_upper(char: str) -> bool:
    return char.isalpha() and (char.isupper() or char.istitle())


def words_of(text: str, rules: LineRules) -> int:
    if rules.words == "spaces":
        return sum(piece[0].isalnum() for piece in text.split())
    return sum(any(map(str.isalnum, piece)) for piece in _pieces(text))


def _pieces(text: str) -> list[str]:
    apart = "".join(f" {char} " if chars.flag_table()[ord(char)] & chars.UNSPACED else char for char in text)
    return apart.split()


def is_counter(line: str, rules: LineRules) -> bool:
    """By taking things off the line, without a regular expression of the whole."""
    units, words = sorted(rules.counter_units, key=len, reverse=True), sorted((word.lower() for word in rules.counters), key=len, reverse=True)
    line = line.lower().strip()
    line = re.sub(r"^\W+|\W+$", "", line)
    match = re.match(r"\d[\d,.]*", line)
    if not match:
        return False
    rest = line[match.end() :]
    for unit in ("", *units):
        if rest.startswith(unit) and rest[len(unit) :][:1].isspace() and rest[len(unit) :].strip() in words:
            return True
    return False


def plain(text: str, rules: LineRules) -> tuple[str, float]:
    """What `lines_dclm` and the like leave of a text without line ends but \\n; for rules in which numbers come first."""
    left, gone, total, fence = [], 0, 0, ""
    for line in text.split("\n"):
        if not line.strip():
            left.append(line)
            continue
        words = words_of(line, rules)
        total += words
        bare = line.lstrip()
        mark = bare[:3] if bare[:3] in ("```", "~~~") else ""
        indent = sum(4 if char == "\t" else 1 for char in line[: len(line) - len(bare)])
        is_code = rules.keeps_code and bool(fence or mark or indent >= 4)
        fence = ("" if fence else mark) if mark and fence in ("", mark) else fence
        pieces = len(line.split()) if rules.words == "spaces" else words
        has_word = any(map(str.isalnum, line))
        goes = (
            (rules.max_upper_ratio is not None and sum(map(is_upper, line)) / len(line) > rules.max_upper_ratio)
            or (rules.max_digit_ratio is not None and sum(char.isalnum() and not char.isalpha() for char in line) / len(line) > rules.max_digit_ratio)
            or is_counter(line, rules)
            or (pieces < rules.min_words and (rules.drops_marks or has_word))
        )
        if is_code:
            left.append(line)
        elif goes:
            gone += words
        else:
            edited = without_phrases(line, rules) if pieces <= rules.max_phrase_words else line
            if edited != line and not edited.strip():
                gone += words
            elif edited != line:
                gone += words if rules.counts_whole_lines else words - words_of(edited, rules)
                left.append(edited)
            else:
                left.append(line)
    return "\n".join(left), gone / total if total else 0.0


def without_phrases(line: str, rules: LineRules) -> str:
    for phrase in rules.phrases:
        pattern = re.escape(phrase.text.lower())
        if rules.phrases_as_patterns:
            pattern = pattern.replace(r"\.", ".")
        around = "" if rules.phrases_as_patterns else r"\s*"
        pattern = {"start": rf"^{around}{pattern}\s?", "end": rf"\s?{pattern}{around}$", "anywhere": rf"\s?{pattern}"}[phrase.at]
        line = re.sub(pattern, "", line, flags=re.IGNORECASE)
    return line


LINES = st.lists(
    st.one_of(
        st.sampled_from([line for line, *_ in ENGLISH] + [line for line, *_ in CHINESE]),
        st.lists(st.sampled_from(["the ", "Mill", "A", " ", "\t", "3", "12,5", "k", " likes", "Views", ".", "...", "Read more", "sign-in", "Items in Cart", "```", "~~~", "    ", "漢", "的，", "é", "“", "-", "½"]), max_size=14).map("".join),
    ),
    max_size=12,
)  # fmt: skip


@pytest.mark.parametrize("name", ["lines_refinedweb", "lines_dclm"])
@given(lines=LINES)
@example(lines=["```", "Home", "```", "Home"])
@example(lines=["Sign-in items in cart Read more...", "  items in cart", " 3 likes"])
@settings(max_examples=200, deadline=None)
def test_the_kernel_leaves_what_a_plain_reading_leaves(name: str, lines: list[str]) -> None:
    text = "\n".join(lines)
    left, share = cleaned(text, RULES[name])
    wanted, wanted_share = plain(text, RULES[name])
    assert [line for line in left.split("\n") if line.strip()] == [line for line in wanted.split("\n") if line.strip()]
    assert share == wanted_share


@pytest.mark.parametrize("name", NAMES)
@given(lines=LINES, end=st.sampled_from(["\n", "\r\n", "\r"]))
@settings(max_examples=60, deadline=None)
def test_line_ends_do_not_matter_and_edits_are_in_order_and_apart(name: str, lines: list[str], end: str) -> None:
    text = end.join(line.replace("\r", "") for line in lines)
    edits, shares = find_edits(pa.array([text, "\n".join(lines)]), RULES[name])
    assert shares[0] == shares[1]
    spans = edits[0].as_py()
    assert all(span["start"] < span["end"] <= len(text) for span in spans)
    assert all(a["end"] <= b["start"] for a, b in itertools.pairwise(spans))
    both = [apply_edits(of, [(span["start"], span["end"], "") for span in each])[0] for of, each in zip((text, "\n".join(lines)), edits.to_pylist(), strict=True)]
    assert both[0].replace("\r\n", "\n").replace("\r", "\n") == both[1]


@given(st.lists(LINES.map("\n".join), max_size=5))
@settings(max_examples=40, deadline=None)
def test_a_document_is_cleaned_alike_alone_and_in_company(texts: list[str]) -> None:
    edits, shares = find_edits(pa.array(texts, pa.string()), RULES["lines_zh"])
    alone: list[Any] = [find_edits(pa.array([text]), RULES["lines_zh"]) for text in texts]
    assert edits.to_pylist() == [each[0][0].as_py() for each in alone]
    assert shares.tolist() == [float(each[1][0]) for each in alone]


@given(st.text())
@settings(max_examples=100, deadline=None)
def test_any_text_goes_through(text: str) -> None:
    text = text.encode("utf-8", "ignore").decode()
    for rules in RULES.values():
        left, share = cleaned(text, rules)
        assert len(left) <= len(text)
        assert 0 <= share <= 1


def test_a_phrase_is_looked_for_in_what_the_phrases_before_it_left() -> None:
    rules = dataclasses.replace(RULES["lines_refinedweb"], phrases=(Phrase("b", "anywhere"), Phrase("a c", "anywhere")))
    assert cleaned("x a b c y", rules)[0] == "x y"


# --- the presets


@pytest.mark.parametrize("name", NAMES)
def test_a_preset_explains_every_number(name: str) -> None:
    text = (PRESETS / f"{name}.yaml").read_text("utf-8")
    assert yaml.safe_load(text)["preset"] == name
    lines = [line for line in text.splitlines() if line.startswith("  ") and not line.lstrip().startswith(("- ", "words: ["))]
    assert [line for line in lines if "  # " not in line] == []
