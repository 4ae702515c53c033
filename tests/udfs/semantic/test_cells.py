"""Cells of near vectors: what brute force finds is found, the same in every order, and what is not compared is counted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from gristmill.udfs.semantic.cells import Bytes8, Search, fit, lengths, near_pairs, nearest, quantised

SEARCH = Search(limit=0.9, across=2.0, max_cell=4096, max_neighbours=1000, probes=2, seed=1)


def families(n: int, seed: int = 0, dimensions: int = 64) -> np.ndarray:
    """Vectors of length 1 around a few hundred directions, nearer and farther."""
    draw = np.random.default_rng(seed)
    base = draw.normal(size=(max(1, n // 6), dimensions))
    made = base[draw.integers(0, len(base), n)] + draw.normal(size=(n, dimensions)) * draw.uniform(0.02, 0.6, (n, 1))
    return made / np.linalg.norm(made, axis=1, keepdims=True)


def all_new(vectors: Bytes8, search: Search = SEARCH) -> set[tuple[int, int]]:
    pairs = near_pairs(vectors, np.zeros(len(vectors), np.int64), np.ones(len(vectors), bool), search)
    return set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))


def in_cells(whole: Bytes8, cells: int) -> set[tuple[int, int]]:
    near, found = nearest(whole, fit(whole, cells, 1), 2), set()
    for cell in range(cells):
        rows = np.flatnonzero((near == cell).any(axis=1))
        found |= {(int(rows[a]), int(rows[b])) for a, b in all_new(whole[rows])}
    return found


def brute(vectors: np.ndarray, limit: float) -> set[tuple[int, int]]:
    i, j = np.nonzero(np.triu(vectors @ vectors.T >= limit, 1))
    return set(zip(i.tolist(), j.tolist(), strict=True))


def test_cells_find_nearly_all_that_brute_force_finds() -> None:
    vectors = families(3000)
    found, expected = in_cells(quantised(vectors), 55), brute(vectors, 0.95)
    assert len(expected) > 500
    assert len(found & expected) >= 0.99 * len(expected)
    assert found <= brute(vectors, 0.895), "nothing below the limit, but for what 8 bits blur"


def test_eight_bits_move_a_cosine_by_little() -> None:
    vectors = families(500, dimensions=512)
    whole = quantised(vectors)
    wide, scale = whole.astype(np.float64), lengths(whole)
    assert np.abs(wide @ wide.T / np.outer(scale, scale) - vectors @ vectors.T).max() < 0.003
    with pytest.raises(ValueError, match="1041 dimensions, wanted at most 1040"):
        quantised(np.ones((1, 1041)))


def test_centres_and_cells_do_not_depend_on_company() -> None:
    whole = quantised(families(800))
    centres = fit(whole, 20, 1)
    assert np.array_equal(fit(whole, 20, 1), centres)
    assert not np.array_equal(fit(whole, 20, 2), centres)
    alone = np.concatenate([nearest(whole[i : i + 1], centres, 2) for i in range(len(whole))])
    assert np.array_equal(alone, nearest(whole, centres, 2))
    few = quantised(families(5))
    assert len(fit(few, 20, 1)) == 5, "no more centres than different rows"


def test_only_pairs_with_a_new_row_are_given_and_two_languages_have_a_limit_of_their_own() -> None:
    whole = quantised(np.repeat(families(1), 4, axis=0))
    is_new, langs = np.array([False, False, True, False]), np.array([0, 0, 0, 1])
    pairs = near_pairs(whole, langs, is_new, SEARCH)
    assert set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True)) == {(0, 2), (1, 2)}
    across = near_pairs(whole, langs, is_new, dataclasses.replace(SEARCH, across=0.7))
    assert (2, 3) in set(zip(across.left.tolist(), across.right.tolist(), strict=True))


def test_the_nearest_neighbours_are_kept_and_the_others_are_counted() -> None:
    vectors = families(40, dimensions=8)
    vectors[:] = vectors[0] + 0.05 * np.random.default_rng(1).normal(size=vectors.shape)
    whole = quantised(vectors)
    every = near_pairs(whole, np.zeros(40, np.int64), np.ones(40, bool), SEARCH)
    few = near_pairs(whole, np.zeros(40, np.int64), np.ones(40, bool), dataclasses.replace(SEARCH, max_neighbours=3))
    assert few.n_uncompared == len(every.left) - len(few.left) > 0
    for row in range(37):
        of_row = every.cosine[every.left == row]
        assert sorted(few.cosine[few.left == row]) == sorted(of_row)[-3:]


def test_a_cell_over_its_bound_is_split_and_what_that_misses_is_counted() -> None:
    whole = quantised(families(600))
    small = dataclasses.replace(SEARCH, max_cell=100)
    pairs = near_pairs(whole, np.zeros(600, np.int64), np.ones(600, bool), small)
    assert len(all_new(whole)) * 0.97 <= len(pairs.left) <= len(all_new(whole))
    assert 0 < pairs.n_uncompared < 600 * 599 // 2
    same = np.repeat(whole[:1], 250, axis=0)
    split = near_pairs(same, np.zeros(250, np.int64), np.ones(250, bool), small)
    # no k-means tells equal rows apart: parts of 100, 100 and 50
    assert len(split.left) == 2 * (100 * 99 // 2) + 50 * 49 // 2
    assert split.n_uncompared == 250 * 249 // 2 - len(split.left)
