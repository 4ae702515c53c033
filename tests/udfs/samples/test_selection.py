"""Samples are measured as a reader would, and chosen so that the better of two stays and the whole is more diverse."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from gristmill.udfs.samples import selection
from gristmill.udfs.samples.lexicons import count
from gristmill.udfs.samples.measures import (
    MeasureParams,
    copied_ratio,
    measure,
    names,
    numbers,
    repeated_ratio,
    units,
)

PARAMS = MeasureParams(n_copied=4, n_repeated=3, lid_model="package:", lid_chars=1000)


def test_numbers_are_compared_by_value_and_step_numbers_are_none() -> None:
    assert numbers("1. The town had 1,200 people.\n2. In 1858 it had 3.50 times as many.\nStep 3: done\n第4步：共12人") == ["1200", "1858", "3.5", "12"]


def test_names_are_runs_of_capitals_quoted_titles_and_latin_words_in_chinese() -> None:
    assert names("The bell of Wilf Tanner hangs in Westminster Abbey, says the BBC.") == ["wilf tanner", "westminster abbey", "bbc"]
    assert names("他在《水车考》里写到Python和“风车”。") == ["水车考", "风车", "python"]


def test_what_is_copied_and_what_is_repeated_by_words_and_by_characters() -> None:
    source = units("the old mill stood by the river for many years")
    assert copied_ratio(units("the old mill stood by a road"), source, 4) == pytest.approx(2 / 4)
    assert copied_ratio(units("ab"), source, 4) == 0.0
    assert repeated_ratio(units("one two three one two three"), 3) == pytest.approx(1 / 4)
    han = units("水车很老水车很老")  # runs of 3 + 1 characters: 5 of them, one twice
    assert repeated_ratio(han, 3) == pytest.approx(1 / 5)


@pytest.mark.parametrize(
    ("name", "text", "n"),
    [
        ("n_leaks", "According to the passage, it rained. The text states so.", 2), ("n_leaks", "上述文本提到了水车。", 1), ("n_leaks", "The rain fell on the roof.", 0),
        ("n_verification", "Let's check: 3 + 4 = 7. 我们验算一下。", 2), ("n_backtracking", "Wait, this does not work. 等等，不对，换一种办法", 5),
        ("n_subgoals", "First, we find x. Next, we find y. 首先求甲，然后求乙", 4), ("n_backward", "Working backwards from the answer, it suffices to show x.", 2),
        ("n_exploration", "Perhaps it rained; 也许吧", 2), ("n_connectives", "It rained, therefore it was wet. 因此地湿了", 2),
    ],
)  # fmt: skip
def test_words_of_reasoning_are_counted_in_both_languages(name: str, text: str, n: int) -> None:
    assert count(name, text) == n


def test_a_sample_is_measured_against_its_source() -> None:
    source = "In 1858 the railway reached Claybrook Bridge and the price of freight fell by 40 percent."
    row = measure("s", "Why did freight get cheaper?", "1. The railway reached Claybrook Bridge in 1858.\n2. So freight fell by 50 percent.", source, "en", ("en", "en"), PARAMS)
    from gristmill.udfs.samples.measures import SCHEMA

    found = dict(zip(SCHEMA.names, row, strict=True))
    assert (found["n_numbers"], found["numbers_found_ratio"]) == (2, 0.5)
    assert (found["n_names"], found["names_found_ratio"]) == (1, 1.0)
    assert found["is_same_language"]
    assert 0 < found["copied_ratio"] < 1
    assert not dict(zip(SCHEMA.names, measure("s", "Why?", "因为", source, "en", ("en", "zh"), PARAMS), strict=True))["is_same_language"]


def test_openings_in_two_languages() -> None:
    assert selection.opening("Why did the old bell crack?") == ("why", "old")
    assert selection.opening("如何制造一辆水车？")[0] == "制造"
    assert selection.openings(pa.array(["Why did the old bell crack?", None])).to_pylist() == ["why old", " "]


def test_a_seeded_order_depends_on_text_and_seed_only() -> None:
    ids = [f"s{i}" for i in range(20)]
    hashes = selection.seeded_hashes(pa.array(ids), 3).to_pylist()
    assert {len(each) for each in hashes} == {8}
    assert sorted(range(20), key=lambda i: hashes[i]) == selection.hash_order(ids, 3) != selection.hash_order(ids, 4)


def test_k_center_covers_better_than_chance_and_mmr_keeps_the_best() -> None:
    rng = np.random.default_rng(5)
    points = np.concatenate([rng.normal(center, 0.02, (n, 3)) for center, n in (((1, 0, 0), 80), ((0, 1, 0), 10), ((0, 0, 1), 10))])
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    chosen = selection.farthest_first(points, 3, 0)
    assert {int(points[i].argmax()) for i in chosen} == {0, 1, 2}
    values = np.zeros(100)
    values[42] = 1.0
    assert selection.marginal_relevance(points, values, 3, 0.5)[0] == 42
    centres = selection.centres(points, 3)
    labels = selection.nearest(points, centres)
    stays = selection.keep_diverse(points[labels == labels[42]], values[labels == labels[42]], 0.2, None)
    assert stays.sum() == 16
    assert stays[np.flatnonzero(labels == labels[42]).tolist().index(42)], "each cluster begins with its best"
    assert len({tuple(sorted(set(labels[a:b]))) for a, b in ((0, 80), (80, 90), (90, 100))}) == 3


def test_self_bleu_is_high_for_copies_and_low_for_texts_that_share_nothing() -> None:
    assert selection.self_bleu(["the old mill stood by the river"] * 2 + ["the old mill stood by the river "], 3, 1) == pytest.approx(1.0)
    apart = [" ".join(f"w{i}x{j}" for j in range(8)) for i in range(5)]
    assert selection.self_bleu(apart, 5, 1) < 0.05
    assert selection.self_bleu(["one only"], 5, 1) == 0.0


def test_vectors_go_to_the_crowds_of_their_nearest_centre_and_all_of_a_crowd_but_its_share_go() -> None:
    rng = np.random.default_rng(3)
    points = rng.normal(size=(300, 512))
    points = (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)
    ids = [f"s{i:03d}" for i in range(300)]
    rows = {"sample_id": ids, "value": [i / 300 for i in range(300)], "seeded": selection.seeded_hashes(pa.array(ids), 1), "vector": [row.tobytes() for row in points]}
    batch, centres = pa.record_batch(rows), selection.centres(points.astype(np.float64), 4)
    [whole] = selection.assign_groups(iter([batch, batch.slice(0, 0)]), centres, np.array([1, 1, 1, 1]))
    labels = selection.nearest(points.astype(np.float64), centres)
    assert whole.column("crowd").to_pylist() == labels.tolist()
    divided = np.concatenate([each.column("crowd").to_numpy() for each in selection.assign_groups(iter([batch.slice(0, 7), batch.slice(7)]), centres, np.array([2, 1, 3, 1]))])
    assert [{0: 0, 1: 0, 2: 1, 3: 2, 4: 2, 5: 2, 6: 3}[crowd] for crowd in divided.tolist()] == labels.tolist()
    assert set(divided.tolist()) == set(range(7)), "no crowd is empty"
    members = whole.to_pandas().sample(frac=1, random_state=1)
    out = selection.redundant_samples(members[members["crowd"] == 0], 0.25, None)
    n = int((labels == 0).sum())
    assert len(out) == n - -(-n // 4)
    assert max(np.flatnonzero(labels == 0)) not in {ids.index(each) for each in out["sample_id"]}, "the best stays"
