"""The trees as scikit-learn reads them, the context of a block, and the choice of blocks."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.extraction_model import shares
from gristmill.udfs.arrow.boosted_trees import Trees
from gristmill.udfs.html import keywords, model
from gristmill.udfs.html.features import NAMES


def test_packed_trees_give_what_scikit_learn_gives() -> None:
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(500, 6)).astype(np.float32)
    labels = (rows[:, 0] + rows[:, 1] * rows[:, 2] > 0.2).astype(int)
    trees = HistGradientBoostingClassifier(max_iter=20, max_leaf_nodes=7, random_state=1).fit(rows, labels)
    assert model.evaluate(Trees.of(trees), rows) == pytest.approx(trees.predict_proba(rows)[:, 1], abs=1e-12)


def test_the_trees_that_come_along_know_the_features_there_are() -> None:
    first, second = model.stages()
    n_context = model.context(np.array([0.5]), np.array([1.0])).shape[1]
    assert first.feature.max() < len(NAMES)
    assert second.feature.max() < len(NAMES) + n_context
    assert second.feature.max() >= len(NAMES), "the second row sees what the first says"


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.integers(1, 30)), min_size=1, max_size=7))
def test_no_other_set_of_blocks_expects_more(blocks: list[tuple[float, int]]) -> None:
    probability, weights = np.array([p for p, _ in blocks]), np.array([float(w) for _, w in blocks])
    kept, expected = model.choose(probability, weights)
    right = probability * weights

    def f1(chosen: list[int]) -> float:
        return float(2 * right[chosen].sum() / (weights[chosen].sum() + right.sum()))

    every = (list(each) for n in range(1, len(blocks) + 1) for each in itertools.combinations(range(len(blocks)), n))
    assert expected == pytest.approx(f1(np.flatnonzero(kept).tolist()), abs=1e-6)
    assert expected == pytest.approx(max(map(f1, every)), abs=1e-6)


def test_context_is_of_the_neighbours_and_means_are_by_words() -> None:
    own, weights = np.array([0.0, 1.0, 0.5]), np.array([1.0, 3.0, 1.0])
    found = model.context(own, weights)
    assert found[1, :3].tolist() == [1.0, 0.0, 0.5]
    assert found[0, 1] == -1
    # over all three blocks, before and after the second one
    assert found[1, 9:12].tolist() == pytest.approx([3.5 / 5, 0.0, 0.5])
    assert found[:, -2].tolist() == pytest.approx([0.0, 0.0, 3 / 3.5])
    assert found[:, -1].tolist() == [1.0, 1.0, 1.0]


def test_caution_divides_odds() -> None:
    assert model.less_sure(np.array([0.5, 0.0, 1.0]), float(np.log(3))).tolist() == pytest.approx([0.25, 0, 1])
    assert model.less_sure(np.array([0.3]), 0.0).tolist() == pytest.approx([0.3])


def test_the_truth_about_a_block_is_the_share_of_its_words_in_the_gold() -> None:
    blocks = [["home", "news"], ["the", "mill", "turns", "slowly"], ["more", "news"], ["and", "grinds", "the", "grain"]]
    assert shares(blocks, ["the", "mill", "turns", "slowly", "and", "grinds", "grain"]).tolist() == [0, 1, 0, 0.75]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["read more ", "share", "sidebar", " nav", "navbar", "x", " ", "-", "订阅", "版权所有", "Comment", "é"]), max_size=12).map("".join))
def test_the_automata_find_what_searching_finds(text: str) -> None:
    for groups, (of_byte, table, bits), only_letters in ((keywords.PHRASES, keywords.phrases(), False), (keywords.CLASSES, keywords.classes(), True)):
        state, found = int(table[0, of_byte[32]]) if only_letters else 0, 0
        for byte in text.encode() + (b" " if only_letters else b""):
            state = table[state, of_byte[byte]]
            found |= int(bits[state])
        if only_letters:
            lowered = " " + "".join(char.lower() if char.isascii() and char.isalpha() else " " for char in text) + " "
        else:
            lowered = "".join(char.lower() if char.isascii() else char for char in text)
        expected = {bit for bit, group in enumerate(groups.values()) if any(word in lowered for word in group.split("|"))}
        assert {bit for bit in range(len(groups)) if found >> bit & 1} == expected
