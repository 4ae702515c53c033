"""Rules: limits fail strictly beyond their number, every preset is made of known limits, and the reasons are a closed list."""

from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from gristmill.udfs.rules.limits import LIMITS, REASONS, failed_limits
from gristmill.udfs.rules.measures import SIGNALS, measure_texts

PRESETS = [path for path in sorted((Path(__file__).parents[3] / "conf" / "presets").glob("*.yaml")) if "limits:" in path.read_text("utf-8")]  # the others are of classifiers


def test_a_value_equal_to_its_limit_passes():
    assert failed_limits({"n_words": 50}, {"min_words": 50, "max_words": 50}) == []
    assert failed_limits({"n_words": 49}, {"min_words": 50, "max_words": 50}) == [("too_few_words", 49, 50, "min_words")]
    assert failed_limits({"n_words": 51}, {"min_words": 50, "max_words": 50}) == [("too_many_words", 51, 50, "max_words")]


def test_a_limit_that_is_off_and_a_value_that_is_missing_pass():
    assert failed_limits({"n_words": 0, "lang_score": None}, {"min_words": None, "min_lang_score": 0.65}) == []


def test_every_failing_rule_is_told_in_the_order_of_the_preset():
    row = {"n_words": 3, "mean_word_chars": 12.0, "n_stop_words_en": 0}
    limits = {"min_words": 50, "max_mean_word_chars": 10, "min_stop_words_en": 2}
    assert [found[0] for found in failed_limits(row, limits)] == ["too_few_words", "mean_word_too_long", "too_few_stop_words"]


def test_an_unknown_limit_is_an_error():
    with pytest.raises(KeyError, match="min_wordz"):
        failed_limits({}, {"min_wordz": 1})


@pytest.mark.parametrize("key", LIMITS)
def test_a_limit_compares_a_number_of_signals_on_the_side_its_name_says(key):
    limit = LIMITS[key]
    kind = SIGNALS.field(limit.column).type
    assert pa.types.is_integer(kind) or pa.types.is_floating(kind)
    assert key.startswith("min_" if limit.fails_below else "max_")
    assert limit.reason in REASONS


@pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)
def test_a_preset_is_made_of_known_limits_and_explains_every_number(path):
    preset = yaml.safe_load(path.read_text("utf-8"))
    assert preset["preset"] == path.stem
    assert set(preset) - {"from_chars"} == {"preset", "about", "line_drops", "limits"}
    assert set(preset["limits"]) <= set(LIMITS)
    lines = [line for line in path.read_text("utf-8").splitlines() if line.startswith("  ")]
    assert all("  # " in line for line in lines)


def test_each_preset_leaves_out_what_it_is_for():
    spam = "buy now\n" * 40
    good = "The old harbour lies to the north of the town, and most of the boats that you see there have been built with care.\n"
    good += "In winter the storms come from the west, so the crews stay at home and mend their nets beside the fire.\n"
    good += "A narrow road climbs to the market, where fish is sold before sunrise. Visitors seldom wake early enough to see it!\n"
    good += "My grandmother said that a bridge had stood here once. Nobody alive remembers who took it down, or why."
    columns = pa.table(measure_texts(pa.array([spam, good]))).to_pylist()
    rows = [row | {"lang_score": 0.9} for row in columns]
    limits = {path.stem: yaml.safe_load(path.read_text("utf-8"))["limits"] for path in PRESETS}
    assert {"duplicate_lines", "top_ngram_2", "too_few_stop_words"} <= {found[0] for found in failed_limits(rows[0], limits["gopher"])}
    assert "too_few_sentences" in {found[0] for found in failed_limits(rows[0], limits["c4"])}
    assert "too_few_sentence_ends" in {found[0] for found in failed_limits(rows[0], limits["fineweb"])}
    assert [failed_limits(rows[1], limits[name]) for name in ("gopher", "c4", "fineweb")] == [[], [], []]


SAID = "The boats that you see in the harbour have been there since the spring, and it is not easy to say why. " * 8
LISTED = "Home News Sports Weather Traffic Video Radio Jobs Autos Homes Deals Contact. "
# text -> limit of the preset that it fails
QUESTIONABLE = {"": "min_sentences", "One. Two. Three. Four. ": "min_sentences", SAID: None, SAID + LISTED * 2: "max_questionable_ratio", SAID + LISTED: None,
                "The mill is old. It turns. It stands. The grain is here. Download it now. ": "max_questionable_ratio"}  # fmt: skip
ON_PAGES = {
    "min_plain_char_ratio": SAID.replace("e", "é"),
    "max_digit_ratio": SAID.replace("o", "0").replace("e", "3"),
    "max_url_char_ratio": SAID + "https://mill.example/" + "a" * 300,
    "max_space_ratio": SAID.replace(" ", "   "),
    "max_bracket_ratio": SAID.replace("a", "(a)").replace("t", "[t]"),
    "max_policy_paragraph_ratio": SAID + "\n\nWe use cookies here.\n\nRead our Privacy Policy.",
    "min_alpha_piece_ratio": SAID.replace(" ", " - "),
    "min_mean_piece_chars": "a b " * 200 + SAID,
    "max_mean_piece_chars": SAID.replace(" ", "-", 130),
    "max_piece_chars": SAID + "a" * 1001,
    "min_line_punct_ratio": SAID.replace(". ", "\n"),
}


@pytest.mark.parametrize("text", QUESTIONABLE)
def test_olmo_3_leaves_out_pages_with_a_fifth_of_questionable_sentences(text):
    [row] = pa.table(measure_texts(pa.array([text]))).to_pylist()
    limits = yaml.safe_load((PRESETS[0].parent / "madlad_olmo3.yaml").read_text("utf-8"))["limits"]
    assert [found[3] for found in failed_limits(row, limits)] == ([QUESTIONABLE[text]] if QUESTIONABLE[text] else [])


@pytest.mark.parametrize("key", [*ON_PAGES, None])
def test_nemotron_cc_leaves_out_pages_by_their_form(key):
    limits = yaml.safe_load((PRESETS[0].parent / "nemotron_cc.yaml").read_text("utf-8"))["limits"]
    # the sentence comes eight times, which the rules of repetition would see
    limits = {name: limit for name, limit in limits.items() if "dup" not in name and "gram" not in name}
    [row] = pa.table(measure_texts(pa.array([ON_PAGES[key] if key else SAID.strip()]))).to_pylist()
    failed = {found[3] for found in failed_limits(row | {"lang_score": 0.9}, limits)}
    assert (key in failed) if key else failed == set()
