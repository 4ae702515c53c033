"""All pairs that share a band key, against a plain twin."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from udfs.pairing import meeting_pairs


def twin(bands: list[list[int]], old: set[int], max_bucket: int) -> set[tuple[int, int]]:
    """The definition: buckets by key; all pairs, or of a hot bucket neighbours and pairs with the first."""
    found = set()
    for key in {key for keys in bands for key in keys}:
        bucket = [row for row, keys in enumerate(bands) if key in keys]
        pairs = itertools.combinations(bucket, 2) if len(bucket) <= max_bucket else [*itertools.pairwise(bucket), *((bucket[0], b) for b in bucket[1:])]
        found |= {pair for pair in pairs if not set(pair) <= old}
    return found


@pytest.mark.parametrize("max_bucket", [2, 5, 1000])
def test_pairs_are_those_of_the_plain_twin(max_bucket: int) -> None:
    draw = np.random.default_rng(7)
    bands = draw.integers(0, 12, (60, 3)) + np.array([0, 100, 200])  # a band's number is part of its keys
    for old in (set(), set(range(0, 60, 3)), set(range(60))):
        met = meeting_pairs(bands, np.isin(np.arange(60), list(old)), max_bucket, 10**6)
        assert met is not None
        assert sorted(zip(*map(np.ndarray.tolist, met), strict=True)) == sorted(twin(bands.tolist(), old, max_bucket))


def test_a_hot_bucket_of_many_is_paired_in_linear_time() -> None:
    met = meeting_pairs(np.zeros((50_000, 1), np.int64), np.zeros(50_000, bool), 2000, 10**6)
    assert met is not None
    assert len(met[0]) == 2 * 49_999 - 1


def test_more_pairs_than_one_memory_holds_are_not_made() -> None:
    assert meeting_pairs(np.zeros((1000, 1), np.int64), np.zeros(1000, bool), 1000, 1000) is None


def test_no_documents_have_no_pairs() -> None:
    met = meeting_pairs(np.zeros((0, 4), np.int64), np.zeros(0, bool), 10, 10)
    assert met is not None
    assert len(met[0]) == 0
