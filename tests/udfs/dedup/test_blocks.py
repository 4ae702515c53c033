"""Documents leave a block of sketches whose edits have changed."""

from __future__ import annotations

import functools

import numpy as np
import pyarrow as pa
import pytest

from gristmill.udfs.dedup.blocks import PACKED, edits_in, sketch_blocks, without_documents
from gristmill.udfs.dedup.minhash import MinHashParams, minhash_fingerprints, permutations

PARAMS = MinHashParams(num_perm=64, bands=10, rows=6)
IDS = [f"{i:032x}" for i in (3, 1, 2)]
HASHES = [0, -5, 1 << 60]


def block(ids: list[str], hashes: list[int]) -> pa.RecordBatch:
    """One block of texts that differ by their document."""
    n = len(ids)
    columns = {"doc_id": ids, "batch_id": ["b"] * n, "text": [f"{name} tells of a mill by the river" for name in ids], "task": [0] * n, "edits_hash": [value or None for value in hashes]}
    fingerprinter = functools.partial(minhash_fingerprints, params=PARAMS, permuted=permutations(PARAMS.num_perm, PARAMS.seed))
    [made] = sketch_blocks(iter([pa.record_batch({name: pa.array(values) for name, values in columns.items()})]), fingerprinter, 0, prepare=lambda batches: batches)
    return made


def test_a_block_says_with_which_edits_its_texts_were_read() -> None:
    [rows] = edits_in(iter([block(IDS, HASHES).select(["block", "batch_id", "ids", "edits"])]))
    assert rows.to_pylist() == [{"block": 0, "position": i, "doc_id": IDS[i], "batch_id": "b", "old_hash": HASHES[i]} for i in range(3)]


@pytest.mark.parametrize("gone", [[0], [1], [0, 2]])
def test_what_is_left_of_a_block_is_the_block_of_the_others(gone: list[int]) -> None:
    whole, left = block(IDS, HASHES), [i for i in range(3) if i not in gone]
    [rows] = without_documents(iter([whole.append_column("positions", pa.array([gone], pa.list_(pa.int32())))]))
    [found], [others] = rows.to_pylist(), block([IDS[i] for i in left], [HASHES[i] for i in left]).to_pylist()
    assert {name: found[name] for name in (*PACKED, "n", "block")} == {name: others[name] for name in (*PACKED, "n", "block")}
    assert found["n_bytes"] == whole["n_bytes"][0].as_py() * len(left) // 3
    assert np.frombuffer(found["edits"], np.int64).tolist() == [HASHES[i] for i in left]


def test_a_block_without_documents_is_gone() -> None:
    [rows] = without_documents(iter([block(IDS, HASHES).append_column("positions", pa.array([[0, 1, 2]], pa.list_(pa.int32())))]))
    assert rows.num_rows == 0
