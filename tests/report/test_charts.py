"""Charts: round ticks, nothing outside its picture, text that stays text, bars that never hide a single document."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from gristmill.jobs.report import text as words
from gristmill.jobs.report.charts import (
    Axis,
    Banding,
    Layer,
    Overlay,
    Spread,
    bar,
    bin_edges,
    distribution,
    link,
    s_curve,
    short,
)
from gristmill.jobs.report.page import quantiles


@pytest.mark.parametrize(
    ("axis", "ticks"),
    [
        (Axis(0, 1), [0, 0.2, 0.4, 0.6, 0.8, 1]),
        (Axis(0, 0.37), [0, 0.1, 0.2, 0.3]),
        (Axis(1, 50_000, "log"), [1, 10, 100, 1_000, 10_000]),
        (Axis(5, 5), [5]),
    ],
)
def test_ticks_are_round_and_inside(axis: Axis, ticks: list[float]) -> None:
    assert axis.ticks() == pytest.approx(ticks)


def test_a_value_beyond_the_end_of_an_axis_stands_at_its_end() -> None:
    axis = Axis(10, 1_000, "log")
    assert [axis.position(v) for v in (0, 10, 100, 1_000, 10**9)] == [0, 0, 0.5, 1, 1]


@pytest.mark.parametrize(
    ("value", "written"),
    [(0, "0"), (0.125, "0.125"), (999, "999"), (9_999, "9,999"), (12_345, "12.3\u202fk"), (999_960, "1\u202fM"), (30_100_000, "30.1\u202fM"), (7e9, "7\u202fB")],
)
def test_numbers_are_short(value: float, written: str) -> None:
    assert short(value) == written


def test_one_document_among_a_million_is_seen() -> None:
    widths = [float(rect.get("width", 0)) for rect in ET.fromstring(bar([(999_999, "kept", "a"), (1, "left-1", "b"), (0, "left-2", "c")], 1_000_000, "x"))]
    assert len(widths) == 2
    assert widths[1] >= 2


def test_a_picture_is_well_formed_and_hostile_names_are_text() -> None:
    axis = Axis(1, 10_000, "log")
    rows = [Overlay("<script>", [1, 0, 5], [0, 2, 0], [100])]
    picture = distribution("</style>", axis, rows, [Spread("<img onerror=x>", (1, 2, 3, 4, 5), 9)])
    root = ET.fromstring(picture)
    assert root.get("aria-label", "").startswith("</style>")
    assert {element.tag for element in root.iter()} <= {"svg", "text", "line", "rect", "path", "title"}
    assert "<script" not in picture
    assert "<img" not in picture


def test_everything_drawn_lies_inside_its_picture() -> None:
    layers = [Layer("accepted", "pair-yes", [0] * 40 + [7] * 10), Layer("rejected", "pair-no", [3] * 50)]
    for width in (380, 900):
        root = ET.fromstring(s_curve(Banding(42, 6, 0.7), layers, width))
        _, _, wide, tall = (float(number) for number in root.get("viewBox", "").split())
        assert len(list(root.iter("rect"))) >= 60, "a bar for each bin that holds a pair"
        for rect in root.iter("rect"):
            x, y, w, h = (float(rect.get(name, 0)) for name in ("x", "y", "width", "height"))
            assert 0 <= x <= x + w <= wide
            assert 0 <= y <= y + h <= tall


def test_the_s_curve_is_that_of_the_kernel() -> None:
    from gristmill.udfs.dedup.minhash import candidate_probability

    for similarity in (0.0, 0.3, 0.7, 0.85, 1.0):
        assert Banding(42, 6, 0.7).probability(similarity) == pytest.approx(float(candidate_probability(similarity, 42, 6)))


def test_no_pair_and_no_document_make_a_picture_too() -> None:
    curve = ET.fromstring(s_curve(Banding(14, 8, 0.8), [], 380))
    assert [element.tag for element in curve.iter("rect")] == [], "no bar of a pair"
    assert [each for each in curve.iter("path") if each.get("d")], "the curve is that of the bands, pairs or none"
    spread = ET.fromstring(distribution("n_chars", Axis(0, 1), [Overlay("en", [0, 0], [0, 0])], []))
    assert "nan" not in ET.tostring(spread, encoding="unicode")
    assert ["en" in "".join(text.itertext()) for text in spread.iter("text")].count(True) == 1, "the row is named"
    assert list(ET.fromstring(bar([(0, "kept", "")], 0, "nothing"))) == []
    drawn = ET.fromstring(link(0.0, 1.0))
    assert "nan" not in ET.tostring(drawn, encoding="unicode")


def test_percentiles_are_read_from_exact_bins() -> None:
    axis, counts = Axis(0, 1), [0] * 100
    for value in range(1000):
        counts[value // 10] += 1
    assert quantiles(axis, counts) == pytest.approx((0.05, 0.25, 0.5, 0.75, 0.95), abs=0.011)
    assert quantiles(axis, [0, 7, *[0] * 98]) == (0.015,) * 5
    assert bin_edges(Axis(1, 100, "log"), 2, 1) == pytest.approx((10, 100))


def test_what_would_not_show_is_named_and_what_is_markup_is_text() -> None:
    shown = str(words.visible("a\x00b\u202e<b>&\u200b\x9f\ud800\n中文"))
    assert re.sub("<[^>]*>", "", shown) == "a␀b202E&lt;b&gt;&amp;200B009FD800\n中文"
    assert 'title="U+202E RIGHT-TO-LEFT OVERRIDE"' in shown


def test_chinese_is_cut_between_characters() -> None:
    assert str(words.sample("漢字𠀀𠀁五六", 4)) == '漢字𠀀𠀁<span class="more">…</span>'


def test_differences_are_marked_by_word_and_by_chinese_character() -> None:
    left, right = words.side_by_side("the old mill grinds slowly", "the new mill grinds slowly", 300)
    assert str(left) == "the <mark>old</mark> mill grinds slowly"
    assert str(right) == "the <mark>new</mark> mill grinds slowly"
    assert str(words.side_by_side("今天天氣好", "今天天气好", 300)[1]) == "今天天<mark>气</mark>好"


def test_a_late_difference_is_found_and_what_is_equal_before_it_is_counted() -> None:
    same = "All work and no play makes a dull page. " * 200
    left, right = words.side_by_side(same + "One <end>.", same + "Another end.", 200)
    assert "7,960 equal characters" in left
    assert "<mark>One &lt;</mark>" in left
    assert "<mark>Another </mark>" in right


def test_equal_texts_are_shown_without_marks() -> None:
    assert words.side_by_side("same", "same", 10) == ("same", "same")


@pytest.mark.parametrize(("part", "whole", "told"), [(0, 0, "0 %"), (1, 3000, "< 0.1 %"), (1, 3, "33 %"), (1, 30, "3.3 %"), (2999, 3000, "> 99.9 %"), (3, 3, "100 %")])
def test_shares_are_told_for_people(part: int, whole: int, told: str) -> None:
    assert words.percent(part, whole).replace("\u202f", " ") == told
