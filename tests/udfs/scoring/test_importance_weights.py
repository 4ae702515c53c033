"""A text is like a reference when its words are commoner there than elsewhere; whole counts, a table for each language."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from gristmill.udfs.scoring import importance_weights, word_stats
from gristmill.udfs.scoring.grams import GramParams, count_grams

SPEC = {"max_n": 2, "buckets": 10000, "smoothing": 1.0, "max_chars": 500}
ROWS = [
    ("the mill grinds grain", "en", 1),
    ("the river turns the mill", "en", 1),
    ("buy the prize now", "en", 0),
    ("水车磨谷物", "zh", 1),
    ("点击领红包", "zh", 0),
]


def trained(order: list[int], train: list[int] | None = None) -> dict:
    rows = [ROWS[i] for i in order]
    grams = importance_weights.read_grams(pa.array([text for text, _, _ in rows]), SPEC)
    chosen = np.array([order.index(i) for i in (train if train is not None else range(len(ROWS)))])
    return importance_weights.load(importance_weights.train_weights(grams, [lang for _, lang, _ in rows], chosen, np.array([label for _, _, label in rows]), SPEC))


def score(model: dict, *rows: tuple[str | None, str | None]) -> list[float]:
    table = pa.table({"text": pa.array([text for text, _ in rows], pa.string()), "lang": pa.array([lang for _, lang in rows], pa.string())})
    return importance_weights.score(model, table, SPEC).tolist()


def buckets(text: str) -> list[int]:
    """Every gram of a text as its bucket, the plain way round."""
    grams = count_grams(pa.array([text]), GramParams("words", 1, 2, importance_weights.FINE, 500))
    return [int(b) % 10000 for b, n in zip(grams.buckets, grams.counts, strict=True) for _ in range(n)]


def test_the_weight_is_what_the_paper_says_a_gram() -> None:
    target, raw = (Counter(b for text, lang, each in ROWS if lang == "en" and each == label for b in buckets(text)) for label in (1, 0))

    def share(bag: Counter[int], b: int) -> float:
        return math.log((bag[b] + 1) / (bag.total() + 10000))

    asked = "the mill turns and the prize"
    grams = buckets(asked)
    assert len(grams) == 6 + 5, "six words, five pairs"
    wanted = sum(share(target, b) - share(raw, b) for b in grams) / len(grams)
    assert score(trained([0, 1, 2, 3, 4]), (asked, "en")) == [pytest.approx(wanted, abs=1e-6)]


def test_each_language_has_its_table_and_another_one_that_of_all() -> None:
    model = trained([0, 1, 2, 3, 4])
    assert model["known"].tolist() == ["en", "zh"]
    found = score(model, ("the mill", "en"), ("buy now", "en"), ("水车", "zh"), ("红包", "zh"), ("the mill", "fr"), ("红包", None), ("", "en"), (None, "en"))
    assert [value > 0 for value in found[:6]] == [True, False, True, False, True, False]
    assert found[6:] == [0.0, 0.0]
    assert found[0] != found[4]


def test_order_moves_nothing_and_rows_held_out_are_not_counted() -> None:
    one, other = trained([0, 1, 2, 3, 4]), trained([4, 2, 0, 3, 1])
    assert np.array_equal(one["weights"], other["weights"])
    held = trained([0, 1, 2, 3, 4], train=[0, 1, 2])
    assert held["known"].tolist() == ["en"]
    assert score(held, ("水车", "zh"))[0] == pytest.approx(score(held, ("磨谷", "zh"))[0]), "nothing is known of Chinese"


def test_word_shares_count_the_commonest_words_of_the_reference_without_the_text_itself() -> None:
    texts = pa.array(["the mill the mill the river", "the the zebra", "buy buy now"])
    grams = importance_weights.read_grams(texts, {"max_chars": 100})
    at, good = np.zeros(3, np.int64), np.array([True, True, False])
    counts = importance_weights.count_tables(grams, good, at, 0, importance_weights.FINE)
    assert counts.sum() == 9
    alone = word_stats.features(grams, counts, at, [1, 3])
    assert alone[:, 0].tolist() == [pytest.approx(3 / 6), pytest.approx(2 / 3), 0], "the commonest word is `the`, five times"
    assert alone[:, 1].tolist()[2] == 0
    without = word_stats.features(grams, counts, at, [4], good)
    assert without[:, 0].tolist() == [pytest.approx(3 / 6), pytest.approx(2 / 3), 0], "mill and zebra stand in their own text only"
    assert without[2, 1] == alone[2, 2], "a text that was not counted in loses nothing"


def test_words_of_the_raw_slice_speak_against_a_text_though_the_reference_has_none_of_them() -> None:
    rows = [("the mill grinds grain by the river", 1), ("the river turns the old mill", 1), ("grain goes by river", 1)] * 4
    rows += [("buy the prize now", 0), ("win a prize today", 0), ("the prize is free now", 0)] * 4
    spec = {"vocabulary_sizes": [2, 5], "inverse_regularization": 1.0, "max_chars": 100, "count_repeats": False}
    grams = importance_weights.read_grams(pa.array([text for text, _ in rows]), spec)
    blob = word_stats.train_features(grams, ["en"] * len(rows), np.arange(len(rows)), np.array([label for _, label in rows]), spec)
    table = pa.table({"text": ["unheard prize now", "unheard words here"], "lang": ["en", "en"]})
    prize, unheard = word_stats.score(word_stats.load(blob), table, spec)
    assert prize < unheard, "neither has a word of the reference"


def test_without_repeats_a_word_counts_once_a_text() -> None:
    texts = pa.array(["mill mill mill river"])
    once, always = (importance_weights.read_grams(texts, {"max_n": 1, "max_chars": 100, "count_repeats": repeats}) for repeats in (False, True))
    assert sorted(once.counts.tolist()) == [1, 1]
    assert sorted(always.counts.tolist()) == [1, 3]
