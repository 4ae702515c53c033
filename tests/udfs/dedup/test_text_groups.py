"""Texts that are compared together."""

from __future__ import annotations

import numpy as np
import pytest

from gristmill.udfs.dedup.text_groups import group_documents, text_groups


@pytest.mark.parametrize("group_bytes", [10, 300, 10**9])
def test_every_pair_finds_its_documents_in_its_group_and_no_group_outgrows_the_bound(group_bytes: int) -> None:
    draw = np.random.default_rng(5)
    left = np.concatenate([np.zeros(199, np.int64), np.arange(1, 199), draw.integers(200, 400, 60)])  # a star with a chain, and small families
    right = np.concatenate([np.arange(1, 200), np.arange(2, 200), draw.integers(200, 400, 60)])
    n_bytes = draw.integers(1, 9, 400)
    documents, group, of_pair = group_documents(left, right, n_bytes, group_bytes)
    members: dict[int, set[int]] = {}
    for document, number in zip(documents.tolist(), group.tolist(), strict=True):
        members.setdefault(number, set()).add(document)
    assert all({a, b} <= members[number] for a, b, number in zip(left.tolist(), right.tolist(), of_pair.tolist(), strict=True))
    assert max(int(n_bytes[list(held)].sum()) for held in members.values()) <= 5 * group_bytes + 16
    assert len(documents) == 400 if group_bytes == 10**9 else len(documents) < 4 * 400


def test_every_pair_is_in_one_group_that_holds_its_documents() -> None:
    draw = np.random.default_rng(5)
    left, right, n_bytes = draw.integers(0, 50, 80), draw.integers(50, 90, 80), draw.integers(1, 9, 90)
    seen: list[int] = []
    for here, pairs in text_groups(left, right, n_bytes, 20):
        assert set(left[pairs]) | set(right[pairs]) <= set(here.tolist())
        seen += pairs.tolist()
    assert sorted(seen) == list(range(80))
    assert list(text_groups(left[:0], right[:0], n_bytes[:0], 20)) == []
