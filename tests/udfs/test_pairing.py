"""All pairs that share a band key, against a plain twin."""

from __future__ import annotations

import itertools

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from udfs import pairing
from udfs.pairing import meet_in_partition, meeting_pairs, packed, scatter_keys


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
        assert sorted(zip(met.left.tolist(), met.right.tolist(), strict=True)) == sorted(twin(bands.tolist(), old, max_bucket))


def test_a_hot_bucket_of_many_is_paired_in_linear_time() -> None:
    met = meeting_pairs(np.zeros((50_000, 1), np.int64), np.zeros(50_000, bool), 2000, 10**6)
    assert met is not None
    assert len(met.left) == 2 * 49_999 - 1


def test_more_pairs_than_one_memory_holds_are_not_made() -> None:
    assert meeting_pairs(np.zeros((1000, 1), np.int64), np.zeros(1000, bool), 1000, 1000) is None


def test_no_documents_have_no_pairs() -> None:
    met = meeting_pairs(np.zeros((0, 4), np.int64), np.zeros(0, bool), 10, 10)
    assert met is not None
    assert len(met.left) == 0


@pytest.mark.parametrize("max_bucket", [2, 5, 1000])
@pytest.mark.parametrize("at_once", [1, 4_000_000])
@pytest.mark.parametrize("short", [0, 64])
def test_an_executor_finds_what_the_driver_finds(max_bucket: int, at_once: int, short: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairing, "PAIRS_AT_ONCE", at_once)
    monkeypatch.setattr(pairing, "SHORT", short)
    draw = np.random.default_rng(3)
    bands = (draw.integers(0, 12, (60, 3)) + np.array([0, 100, 200])) * np.int64(0x1E3779B97F4A7C15)  # keys are spread over 64 bits, as hashes are
    is_old, names = np.arange(60) % 3 == 0, draw.permutation(10_000)[:60] - 5000
    met = meeting_pairs(bands, is_old, max_bucket, 10**6)
    assert met is not None
    copies = np.array([4, 4, 7, 30, 31])  # of these classes further documents, sketched later or of a higher doc_id
    classes, place = np.concatenate([np.arange(60), copies]), np.concatenate([np.arange(60), [100, 1, 100, 2, 3]])
    rounds, old = np.where(np.arange(65) < 60, 0, 1) * (place < 100), np.concatenate([is_old, [False] * 5])
    mixed = draw.permutation(65)
    columns = {"class": names[classes[mixed]], "place": place[mixed], "round": pa.array(rounds[mixed], pa.int32()), "is_old": pa.array(old[mixed])}
    rows = pa.table({**columns, "bands": pa.array([row.tobytes() for row in bands[classes[mixed]]], pa.binary())})
    blocks = pa.Table.from_batches(list(scatter_keys(iter(rows.to_batches(max_chunksize=23)), 3)))
    assert set(blocks["part"].to_pylist()) == {0, 1, 2}
    apart = [blocks.filter(pc.is_in(blocks["part"], pa.array(some, pa.int32()))) for some in ([0, 2], [1])]
    rows = [row for part in apart for found in meet_in_partition(iter(part.to_batches()), max_bucket) for row in found.to_pylist()]
    pairs = {frozenset(((r["class_a"], r["place_a"]), (r["class_b"], r["place_b"]))) for r in rows if r["class_b"] is not None}
    assert pairs == {frozenset(((names[a], a), (names[b], b))) for a, b in zip(met.left.tolist(), met.right.tolist(), strict=True)}
    hot = {(r["hot_key"], r["n_classes"]) for r in rows if r["hot_key"] is not None}
    sizes = {int(k): int((bands == k).sum()) for k in np.unique(bands)}
    assert hot == set(zip(met.hot_keys.tolist(), met.hot_sizes.tolist(), strict=True)) == {(k, n) for k, n in sizes.items() if n > max_bucket}
    crowded = [r["class_a"] for r in rows if r["class_a"] is not None and r["class_b"] is None]
    assert sorted(crowded) == sorted(names[[4, 7, 30, 31]].tolist()), "told once, by its first band"


@pytest.mark.parametrize("group_bytes", [10, 300, 10**9])
def test_every_pair_finds_its_documents_in_its_group_and_no_group_outgrows_the_bound(group_bytes: int) -> None:
    draw = np.random.default_rng(5)
    left = np.concatenate([np.zeros(199, np.int64), np.arange(1, 199), draw.integers(200, 400, 60)])  # a star with a chain, and small families
    right = np.concatenate([np.arange(1, 200), np.arange(2, 200), draw.integers(200, 400, 60)])
    n_bytes = draw.integers(1, 9, 400)
    documents, group, of_pair = packed(left, right, n_bytes, group_bytes)
    members: dict[int, set[int]] = {}
    for document, number in zip(documents.tolist(), group.tolist(), strict=True):
        members.setdefault(number, set()).add(document)
    assert all({a, b} <= members[number] for a, b, number in zip(left.tolist(), right.tolist(), of_pair.tolist(), strict=True))
    assert max(int(n_bytes[list(held)].sum()) for held in members.values()) <= 5 * group_bytes + 16
    assert len(documents) == 400 if group_bytes == 10**9 else len(documents) < 4 * 400
