"""Survivors: the two laws hold for any pairs, rows may come in any order, and time is linear."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs.dedup.survivors import components, independent


@st.composite
def worlds(draw):
    """Documents 0..n-1 with a ranking, and pairs of them with a similarity."""
    n = draw(st.integers(1, 14))
    rank = draw(st.permutations(range(n)))
    pairs = draw(st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1), st.integers(70, 100)), max_size=30))
    return np.array(rank), [p[0] for p in pairs], [p[1] for p in pairs], [p[2] / 100 for p in pairs]


def plain_independent(rank, left, right):
    """Walk down the ranking; who is a duplicate of somebody who stays goes, and names the best of those."""
    friends = {i: set() for i in range(len(rank))}
    for a, b in zip(left, right):
        if a != b:
            friends[a].add(b)
            friends[b].add(a)
    stays, survivor = set(), {}
    for doc in sorted(friends, key=lambda i: rank[i]):
        better = friends[doc] & stays
        survivor[doc] = min(better, key=lambda i: rank[i]) if better else doc
        if not better:
            stays.add(doc)
    return [survivor[i] for i in range(len(rank))]


@settings(max_examples=400, deadline=None)
@given(worlds())
def test_survivors_are_those_of_the_plain_walk_down_the_ranking(world):
    rank, left, right, alike = world
    found = independent(left, right, alike, rank)
    expected = plain_independent(rank, left, right)
    assert found.survivor.tolist() == expected
    for doc, survivor in enumerate(expected):
        best = [s for a, b, s in zip(left, right, alike) if {a, b} == {doc, survivor} and a != b]
        assert found.similarity[doc] == (max(best) if doc != survivor else 1.0)


@settings(max_examples=300, deadline=None)
@given(worlds())
def test_no_two_survivors_are_alike_and_who_goes_is_alike_to_the_survivor_it_names(world):
    rank, left, right, alike = world
    found = independent(left, right, alike, rank)
    stays = ~found.left_out
    assert not [(a, b) for a, b in zip(left, right) if a != b and stays[a] and stays[b]]
    pairs = {frozenset(p) for p in zip(left, right)}
    for doc in np.flatnonzero(found.left_out):
        assert stays[found.survivor[doc]]
        assert rank[found.survivor[doc]] < rank[doc]
        assert frozenset((doc, found.survivor[doc])) in pairs


@settings(max_examples=200, deadline=None)
@given(worlds(), st.randoms())
def test_the_order_of_rows_and_sides_changes_nothing(world, chance):
    rank, left, right, alike = world
    rows = [(b, a, s) if chance.random() < 0.5 else (a, b, s) for a, b, s in zip(left, right, alike)]
    chance.shuffle(rows)
    other = [[row[k] for row in rows] for k in range(3)]
    for rule in (independent, components):
        one, two = rule(left, right, alike, rank), rule(*other, rank)
        assert one.survivor.tolist() == two.survivor.tolist()
        assert one.family.tolist() == two.family.tolist()
        assert np.array_equal(one.similarity, two.similarity, equal_nan=True)


@settings(max_examples=200, deadline=None)
@given(worlds())
def test_a_component_keeps_its_best_and_is_the_family_under_both_rules(world):
    rank, left, right, alike = world
    group = list(range(len(rank)))
    for _ in rank:  # plain label spreading
        for a, b in zip(left, right):
            group[a] = group[b] = min(group[a], group[b], key=lambda i: rank[i])
    found = components(left, right, alike, rank)
    assert found.survivor.tolist() == found.family.tolist() == group
    assert independent(left, right, alike, rank).family.tolist() == group


def test_a_chain_of_pairs_leaves_out_only_those_alike_to_a_survivor():
    # 0 - 1 - 2 - 3 - 4, the first the best: ends of a chain are not alike
    left, right, alike = [0, 1, 2, 3], [1, 2, 3, 4], [0.9, 0.8, 0.75, 0.7]
    ours, theirs = independent(left, right, alike, np.arange(5)), components(left, right, alike, np.arange(5))
    assert ours.survivor.tolist() == [0, 0, 2, 2, 4]
    assert ours.similarity.tolist() == [1, 0.9, 1, 0.75, 1]
    assert theirs.survivor.tolist() == [0, 0, 0, 0, 0]
    assert np.isnan(theirs.similarity).tolist() == [False, False, True, True, True]


def test_who_goes_names_the_best_of_the_survivors_it_is_alike_to():
    found = independent([2, 2], [0, 1], [0.71, 0.99], np.array([1, 0, 2]))
    assert found.survivor.tolist() == [0, 1, 1]
    assert found.similarity.tolist() == [1, 1, 0.99]
    assert found.family.tolist() == [1, 1, 1]


def test_not_every_copy_of_a_family_goes():
    a, b = np.triu_indices(50, 1)
    found = independent(a, b, np.ones(len(a)), np.arange(50)[::-1])
    assert found.left_out.sum() == 49
    assert set(found.survivor.tolist()) == {49}


def test_without_pairs_everybody_stays():
    nobody = np.zeros(0, np.int64)
    found = independent(nobody, nobody, np.zeros(0), np.array([5, 3, 9]))
    assert not found.left_out.any()
    assert len(independent(nobody, nobody, np.zeros(0), np.zeros(0)).survivor) == 0


@pytest.mark.parametrize("shape", ["star", "chain"])
def test_a_million_documents_in_one_family_take_linear_time(shape):
    n = 1_000_000
    others = np.arange(1, n)
    left = np.zeros(n - 1, np.int64) if shape == "star" else others - 1
    independent([0], [1], [1.0], np.arange(2))  # compiles
    started = time.perf_counter()
    found = independent(left, others, np.full(n - 1, 0.8), np.arange(n))
    assert time.perf_counter() - started < 10  # 0.3 s on a quiet core; quadratic would take hours
    assert found.left_out.sum() == (n - 1 if shape == "star" else n // 2)


def test_a_ranking_with_ties_is_refused():
    with pytest.raises(ValueError, match="break ties by doc_id"):
        independent([0], [1], [0.9], np.array([3, 3]))


def test_pairs_that_name_nobody_are_refused():
    with pytest.raises(IndexError, match="outside 0 to 1"):
        independent([0], [2], [0.9], np.array([0, 1]))
    with pytest.raises(ValueError, match="two sides"):
        components([0], [1, 1], [0.9], np.array([0, 1]))
