"""The scoring of benchmarks/near_dup.py against cases worked out by hand."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.near_dup import Found, pairs_of, read, scores

PAIRS = [
    {"id_a": "a", "id_b": "b", "jaccard": 0.9},
    {"id_a": "b", "id_b": "c", "jaccard": 0.75},
    {"id_a": "a", "id_b": "c", "jaccard": 0.6},
    {"id_a": "d", "id_b": "e", "jaccard": 0.72},
]
IDS = set("abcdef")


def found(left_out: dict[str, str], accepted: set[tuple[str, str]] = frozenset(), sets: dict[str, str] | None = None) -> Found:  # type: ignore[assignment]
    family = {**{b: f"of {b}" for b in left_out.values()}, **{a: f"of {b}" for a, b in left_out.items()}}
    return Found(left_out, family, set(accepted), sets or {}, 1.0)


def test_a_pair_is_recalled_when_one_side_goes() -> None:
    told = scores(PAIRS, IDS, found({"b": "a"}), 0.7)
    assert told["recall_70"] == pytest.approx(2 / 3)  # a-b and b-c; d-e both stay
    assert told["recall_80"] == 1.0
    assert told["both_survive"] == pytest.approx(1 / 3)
    assert told["family_recall_70"] == pytest.approx(1 / 3)


def test_a_document_left_out_for_one_that_is_not_alike_costs_precision() -> None:
    assert scores(PAIRS, IDS, found({"b": "a", "c": "a", "f": "d"}), 0.7)["precision"] == pytest.approx(1 / 3)  # .6 < .65; f-d is no pair
    assert scores(PAIRS, IDS, found({"c": "a"}), 0.65)["precision"] == 1.0  # .6 is within .05 of the limit
    assert scores(PAIRS, IDS, found({}), 0.7)["precision"] is None


def test_accepted_pairs_count_either_way_round_and_by_class() -> None:
    sets = {"a": "1", "b": "2", "d": "3", "e": "3"}
    told = scores(PAIRS, IDS, found({}, {("1", "2"), ("2", "1")}, sets), 0.7)
    assert told["pair_recall_70"] == pytest.approx(2 / 3)  # a-b by the pair, d-e by their one set


def test_documents_of_another_language_are_not_counted() -> None:
    assert scores(PAIRS, IDS, found({"x": "y", "b": "a"}), 0.7)["left_out"] == 1


def test_a_missing_file_is_named() -> None:
    with pytest.raises(SystemExit, match=r"nowhere\.parquet: no such file"):
        read("nowhere.parquet", ("id",))


def test_a_family_is_what_verified_pairs_connect_a_survivor_that_nobody_names_included() -> None:
    # b goes for a; c stays, since only b is alike to it: a-b-c is one family all the same
    told = scores(PAIRS, IDS, Found({"b": "a"}, {"a": "f", "b": "f", "c": "f"}, set(), {}, 1.0), 0.7)
    assert told["family_recall_70"] == pytest.approx(2 / 3)


def test_truth_of_one_language_only_counts_where_documents_are_of_it(tmp_path: Path) -> None:
    rows = [{"id_a": 1, "id_b": 2, "lang": "en", "jaccard": 0.9}, {"id_a": 8, "id_b": 9, "lang": "zh", "jaccard": 0.9}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "truth.parquet")
    assert pairs_of(str(tmp_path / "truth.parquet"), {"1": "en", "2": "en"}) == [{"id_a": "1", "id_b": "2", "lang": "en", "jaccard": 0.9}]
    with pytest.raises(SystemExit, match="1 ids, such as 2, are not among the documents"):
        pairs_of(str(tmp_path / "truth.parquet"), {"1": "en"})
