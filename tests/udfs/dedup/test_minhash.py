"""MinHash: datasketch reads our signatures, sketches decide where they may, and nobody meets by accident."""

import hashlib
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs.dedup import minhash
from gristmill.udfs.dedup.minhash import (
    ACCEPT,
    NEEDS_TEXT,
    PRESETS,
    REJECT,
    MinHashParams,
    band_keys,
    band_matrix,
    candidate_probability,
    containment_from_jaccard,
    decide,
    estimate_jaccard,
    hashes32,
    pack_sketches,
    set_hashes,
    sigma_at,
    signatures,
    sketch_batch,
    sketch_matrix,
)
from gristmill.udfs.dedup.shingles import ShingleSets, jaccard_pairs, shingle_sets

TEXTS = [
    "The miller grinds the grist that farmers bring, and keeps a sixteenth of it for himself.",
    "北京是中华人民共和国的首都，也是全国的政治、文化和国际交往中心。",
    "We use Python 3.11 处理中文文本 and English text in one document.",
    "short",
    "你好",
    " ".join(map(str, range(9000))),  # more shingles than one block of the kernel
]


def of(texts, params=PRESETS["default"]):
    return sketch_batch(pa.array(texts, pa.string()), params)


def csr(*sets):
    return ShingleSets(np.array([h for s in sets for h in s], np.uint64), np.cumsum([0, *map(len, sets)]))


def with_datasketch(hashes, params):
    known = MinHash(num_perm=params.num_perm, seed=params.seed, scheme="affine32", hashfunc=int)
    known.update_batch(hashes32(hashes).tolist())
    return known


@pytest.mark.parametrize("params", [*PRESETS.values(), MinHashParams(seed=7, num_perm=13, bands=2, rows=6)], ids=[*PRESETS, "odd"])
def test_signatures_are_those_of_datasketch_bit_for_bit(params):
    sets = shingle_sets(pa.array(TEXTS), params.shingles)
    ours = signatures(sets.hashes, sets.offsets, params)
    assert len(ours) == len(TEXTS)
    for row, (first, last) in enumerate(pairwise(sets.offsets)):
        assert (ours[row] == with_datasketch(sets.hashes[first:last], params).hashvalues).all(), TEXTS[row][:40]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([1, 2**31, 2**32 - 1, 2**32, 2**63, 2**64 - 1]) | st.integers(1, 2**64 - 1), min_size=1, max_size=70))
def test_hashes_at_the_edge_of_32_bits_overflow_as_datasketch_means_them_to(hashes):
    params = MinHashParams(num_perm=64, bands=10, rows=6)
    sets = csr(hashes)
    assert (signatures(sets.hashes, sets.offsets, params)[0] == with_datasketch(sets.hashes, params).hashvalues).all()


def test_an_index_of_ours_opens_in_datasketch():
    params = MinHashParams(num_perm=128, bands=16, rows=8)
    sets = shingle_sets(pa.array([TEXTS[1], TEXTS[1] + "它", TEXTS[0]]), params.shingles)
    index = MinHashLSH(num_perm=128, params=(16, 8))
    for row, values in enumerate(signatures(sets.hashes, sets.offsets, params)):
        index.insert(row, MinHash(hashvalues=values, scheme="affine32"))
    assert sorted(index.query(with_datasketch(sets.hashes[: sets.offsets[1]], params))) == [0, 1]


def test_an_index_written_by_one_version_is_read_by_the_next():
    # Stored sketches and bands outlive the code: whoever turns this red must rebuild every lake, and say so.
    rows = of(TEXTS[:5])
    fingerprint = hashlib.sha256()
    for name in ("n_shingles", "set_hash", "sketch", "bands"):
        fingerprint.update(repr(rows[name].to_pylist() if name != "bands" else band_matrix(rows[name]).tolist()).encode())
    assert rows["n_shingles"].to_pylist() == [12, 28, 45, 1, 1]
    assert fingerprint.hexdigest()[:16] == "96061bf81b2703be"


def test_a_text_and_its_double_are_told_apart_by_their_times():
    once = " ".join(f"word{i * 7919 % 1000}" for i in range(60))
    assert of([once, f"{once} {once}", "", None])["n_times"].to_pylist() == [1, 2, 1, 1]


def test_documents_without_shingles_never_meet():
    rows = of(["", "!!!", None, "  ", "...", "a"])
    assert rows["n_shingles"].to_pylist() == [0, 0, 0, 0, 0, 1]
    assert rows["sketch"].null_count == rows["set_hash"].null_count == 5
    assert [keys and len(keys) // 8 for keys in rows["bands"].to_pylist()] == [None, None, None, None, None, 42]


def test_short_chinese_documents_meet_their_copies_and_nobody_else():
    bands = [set(keys) for keys in band_matrix(of(["你好", "您好", "你 好", "再見", "再见"])["bands"]).tolist()]
    assert bands[0] == bands[2]
    assert bands[3] == bands[4]
    assert not bands[0] & bands[1]
    assert not bands[0] & bands[3]


def test_what_is_kept_of_a_document_depends_on_its_text_alone():
    texts = [f"{i} {text}" for i in range(40) for text in TEXTS[:5]] + [None, ""]
    rows = of(texts).to_pylist()
    assert of(texts[::-1]).to_pylist() == rows[::-1]
    whole = pa.array(texts)
    assert sketch_batch(whole.slice(50, 30), MinHashParams()).to_pylist() == rows[50:80]
    assert sketch_batch(pa.chunked_array([whole.slice(0, 3), whole.slice(3)]), MinHashParams()).to_pylist() == rows


def test_no_two_bands_share_a_key_and_equal_sets_share_all():
    rows = of([TEXTS[0], TEXTS[0].upper(), TEXTS[1]])
    keys = band_matrix(rows["bands"]).tolist()
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == 42
    assert not set(keys[0]) & set(keys[2])
    assert len(np.unique(band_keys(np.full((1, 256), 5, np.uint32), MinHashParams()))) == 42  # equal rows in different bands
    assert rows["set_hash"][0] == rows["set_hash"][1] != rows["set_hash"][2]


@given(st.sets(st.integers(1, 2**64 - 1), max_size=8), st.sets(st.integers(1, 2**64 - 1), max_size=8), st.randoms())
def test_set_hashes_tell_sets_apart_whatever_their_order(one, other, chance):
    shuffled = sorted(one)
    chance.shuffle(shuffled)
    sets = csr(sorted(one), shuffled, sorted(other))
    first, again, third = set_hashes(sets.hashes, sets.offsets)
    assert first == again
    assert (first == third) == (one == other)


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16, 32])
def test_a_sketch_keeps_the_lowest_bits_of_every_minimum(bits):
    signed = np.random.default_rng(1).integers(0, 2**32, (5, 64), np.uint32)
    packed = pack_sketches(signed, bits)
    assert packed.shape == (5, 64 * bits // 8)
    assert pack_sketches(signed[:0], bits).shape == (0, 64 * bits // 8), "of no text too"
    unpacked = np.unpackbits(packed, axis=1, bitorder="little").reshape(5, 64, bits)
    values = (unpacked.astype(np.uint64) << np.arange(bits, dtype=np.uint64)).sum(axis=2)
    assert (values == signed & np.uint64((1 << bits) - 1)).all()


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16, 32])
@pytest.mark.parametrize("jaccard", [0.0, 0.3, 0.7, 0.95, 1.0])
def test_estimates_lie_about_the_truth_as_far_as_their_error_says(bits, jaccard):
    chance = np.random.default_rng(int(bits * 100 + jaccard * 10))
    size, pairs = 400, 60
    shared = round(2 * size * jaccard / (1 + jaccard))
    sets = []
    for _ in range(pairs):
        pool = chance.integers(1, 2**63, 2 * size - shared, np.uint64)
        sets += [pool[:size].tolist(), pool[size - shared :].tolist()]
    params = MinHashParams(bits=bits)
    both = csr(*sets)
    packed = pack_sketches(signatures(both.hashes, both.offsets, params), bits)
    true = shared / (2 * size - shared)
    estimate, sigma = estimate_jaccard(packed[0::2], packed[1::2], bits)
    expected = max(sigma_at(true, params.num_perm, bits), 1 / params.num_perm)  # one minimum is the finest step there is
    assert abs(estimate - true).max() <= 4.5 * expected + 1e-12
    assert abs(estimate.mean() - true) <= 4.5 * expected / np.sqrt(pairs) + 1e-12  # no bias from low bits that agree by chance
    assert np.allclose(sigma, sigma_at(np.clip(estimate, 0, 1), 256, bits))


def test_a_sketch_decides_only_far_from_the_limit():
    sigma = sigma_at(0.7, 256, 8)
    assert sigma == pytest.approx(0.0287, abs=1e-4)
    estimate = np.array([0.7 + 4.01 * sigma, 0.7 + 3.99 * sigma, 0.7, 0.7 - 3.99 * sigma, 0.7 - 4.01 * sigma, 1.0])
    assert decide(estimate, sigma, 0.7).tolist() == [ACCEPT, NEEDS_TEXT, NEEDS_TEXT, NEEDS_TEXT, REJECT, ACCEPT]
    assert decide(np.array([1.0]), sigma_at(0.7, 8, 8), 0.7).tolist() == [NEEDS_TEXT]  # eight minima that agree prove nothing


def test_containment_follows_from_jaccard_and_sizes():
    small, large = np.array([50, 10, 0]), np.array([100, 10, 0])
    assert containment_from_jaccard(np.array([0.5, 1.0, 0.0]), small, large).tolist() == [1.0, 1.0, 0.0]


@pytest.mark.parametrize(
    ("preset", "at_half", "at_70", "at_80"),
    [("default", 0.484, 0.9945, 1.0), ("cci4", 0.024, 0.512, 0.942), ("fineweb", 0.053, 0.565, 0.923), ("nemo", 0.002, 0.177, 0.677)],
)
def test_the_s_curve_of_each_preset(preset, at_half, at_70, at_80):
    params = PRESETS[preset]
    curve = candidate_probability(np.array([0.0, 0.5, 0.7, 0.8, 1.0]), params.bands, params.rows)
    assert curve == pytest.approx([0, at_half, at_70, at_80, 1], abs=6e-4)


def test_pairs_meet_as_often_as_the_s_curve_says():
    chance = np.random.default_rng(5)
    sets = []
    for _ in range(400):
        pool = chance.integers(1, 2**63, 300, np.uint64)
        sets += [pool[:200].tolist(), pool[100:].tolist()]  # Jaccard 1/3
    both, params = csr(*sets), MinHashParams(num_perm=60, bands=20, rows=3)
    keys = band_keys(signatures(both.hashes, both.offsets, params), params)
    met = (keys[0::2] == keys[1::2]).any(axis=1).mean()
    expected = float(candidate_probability(1 / 3, 20, 3))
    assert met == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / 400))


def test_sketches_come_back_from_arrow_as_they_went_in():
    column = of([*TEXTS, ""])["sketch"].drop_null()
    expected = [bytes(row) for row in sketch_matrix(column)]
    assert expected == column.to_pylist()
    assert [bytes(row) for row in sketch_matrix(pa.chunked_array([column.slice(4), column.slice(1, 2)]))] == expected[4:] + expected[1:3]
    assert sketch_matrix(column.slice(0, 0)).shape[0] == 0
    with pytest.raises(ValueError, match="never null"):
        sketch_matrix(of(["", "a"])["sketch"])


@pytest.mark.parametrize("wrong", [{"bands": 43}, {"rows": 0}, {"bits": 3}, {"num_perm": 253, "bits": 1}])
def test_parameters_that_do_not_fit_together_are_refused(wrong):
    with pytest.raises(ValueError, match=r"bands|bits"):
        replace(MinHashParams(), **wrong)


def test_sketches_of_different_widths_are_not_compared():
    with pytest.raises(ValueError, match="on both sides"):
        estimate_jaccard(np.zeros((2, 8), np.uint8), np.zeros((2, 16), np.uint8), 8)


def test_an_empty_batch_has_the_same_columns():
    rows = of([])
    assert rows.num_rows == 0
    assert rows.schema == of(["a"]).schema


def test_verified_pairs_are_those_of_the_true_sets():
    one = " ".join(map(str, range(100)))
    sets = shingle_sets(pa.array([one, one + " 100 101 102 103", "unrelated words that nobody else has written here"]))
    shared, union = jaccard_pairs(sets, np.array([0, 0]), np.array([1, 2]))
    assert shared.tolist() == [96, 0]
    assert union.tolist() == [100, 100]


def test_permutations_come_from_datasketch():
    a, b = minhash.permutations(256, 3)
    theirs = MinHash(num_perm=256, seed=3, scheme="affine32").permutations
    assert (a == theirs[0]).all()
    assert (b == theirs[1]).all()
