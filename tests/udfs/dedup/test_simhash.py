"""SimHash: alike in bits as in shingles, and every pair within the distance shares a key."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs.arrow.compiled import mix64
from gristmill.udfs.dedup.shingles import shingle_sets
from gristmill.udfs.dedup.simhash import SimHashParams, block_keys, fingerprints, hamming, simhash_batch


def test_each_bit_is_the_vote_of_the_shingles():
    sets = shingle_sets(pa.array(["the quick brown fox jumps over the lazy dog", "床前明月光，疑是地上霜。"]))
    prints = fingerprints(sets.hashes, sets.offsets)
    assert len(prints) == 2
    for row, found in enumerate(prints):
        votes = [int(mix64(np.uint64(h))) for h in sets.hashes[sets.offsets[row] : sets.offsets[row + 1]].tolist()]
        expected = sum(1 << bit for bit in range(64) if 2 * sum(v >> bit & 1 for v in votes) > len(votes))
        assert int(found) == expected


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 2**64 - 1), st.sets(st.integers(0, 63), max_size=5), st.sampled_from([(0, 1), (3, 6), (3, 4), (5, 8), (2, 7)]))
def test_documents_within_the_distance_share_a_key_without_fail(value, flips, shape):
    params = SimHashParams(max_hamming=shape[0], blocks=shape[1])
    other = value ^ sum(1 << bit for bit in flips)
    keys = block_keys(np.array([value, other], np.uint64), params)
    if len(flips) <= params.max_hamming:
        assert (keys[0] == keys[1]).any()
    assert hamming(np.array([value], np.uint64), np.array([other], np.uint64)).tolist() == [len(flips)]


def test_far_documents_share_no_key_and_keys_of_different_blocks_never_meet():
    prints = np.random.default_rng(1).integers(0, 2**64, 1000, np.uint64)
    keys = block_keys(prints, SimHashParams())
    assert keys.shape == (1000, 20)
    assert len(np.unique(keys)) == keys.size
    assert len(np.unique(block_keys(np.zeros(1, np.uint64), SimHashParams()))) == 20


def test_near_copies_are_near_and_strangers_are_far():
    words = [f"w{i * 7919 % 1000}" for i in range(1000)]
    edited = [*words[:500], "new", *words[500:]]
    near, copy, stranger = (
        np.uint64(int.from_bytes(v, "little"))
        for v in simhash_batch(pa.array([" ".join(words), " ".join(edited), " ".join(words[::-1])]))["sketch"].to_pylist()
    )
    assert hamming(np.array([near]), np.array([copy]))[0] <= 6
    assert hamming(np.array([near]), np.array([stranger]))[0] >= 18


def test_documents_without_shingles_never_meet():
    rows = simhash_batch(pa.array(["", None, "...", "a"]))
    assert rows["n_shingles"].to_pylist() == [0, 0, 0, 1]
    assert rows["n_times"].to_pylist() == [1, 1, 1, 1]
    assert rows["sketch"].null_count == rows["set_hash"].null_count == 3
    assert [keys and len(keys) // 8 for keys in rows["bands"].to_pylist()] == [None, None, None, 20]
    assert simhash_batch(pa.array([], pa.string())).schema == rows.schema


def test_blocks_that_cannot_find_the_distance_are_refused():
    with pytest.raises(ValueError, match="more blocks"):
        SimHashParams(max_hamming=4, blocks=4)
