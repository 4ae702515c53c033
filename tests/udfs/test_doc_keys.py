"""Documents as numbers: the same order, the same matches and the same ids as their text."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from udfs.doc_keys import doc_keys, joined


def some(seed: int, n: int) -> tuple[list[str], list[str]]:
    """Ids of which some differ in their last digits alone, some come twice, and some are in two batches."""
    draw = np.random.default_rng(seed)
    ids = [f"{head:016x}{tail:016x}" for head, tail in zip(draw.integers(0, 40, n) * 0x5EFACED0DEFACE, draw.integers(0, 5, n), strict=True)]
    return ids, draw.choice(["old", "new", "é"], n).tolist()


BATCHES = ("new", "old", "é")


def test_ids_come_back_as_they_were() -> None:
    ids, batches = some(1, 300)
    keys = doc_keys(pa.chunked_array([ids[:100], ids[100:]]), pa.chunked_array([batches]), BATCHES)
    assert keys.doc_ids().to_pylist() == ids
    assert [BATCHES[place] for place in keys.batch] == batches
    assert doc_keys(pa.array(["f" * 32])).doc_ids().to_pylist() == ["f" * 32]


def test_the_order_is_that_of_ids_then_batches() -> None:
    ids, batches = some(2, 300)
    keys = doc_keys(pa.array(ids), pa.array(batches), BATCHES)
    rows = [(doc_id, BATCHES.index(batch)) for doc_id, batch in zip(ids, batches, strict=True)]
    assert [rows[row] for row in keys.order] == sorted(rows)
    assert keys.rank[keys.order].tolist() == list(range(300))
    lone = keys.among(np.unique(ids, return_index=True)[1])
    assert lone.doc_ids().take(pa.array(lone.order)).to_pylist() == sorted(set(ids))


def test_each_is_found_where_its_like_stands() -> None:
    (ids, batches), (other_ids, other_batches) = some(3, 200), some(4, 200)
    keys, others = doc_keys(pa.array(ids), pa.array(batches), BATCHES), doc_keys(pa.array(other_ids), pa.array(other_batches), BATCHES)
    there = list(zip(other_ids, other_batches, strict=True))
    at = keys.found_in(others)
    assert 0 < (at < 0).sum() < 200
    for place, row in zip(at, zip(ids, batches, strict=True), strict=True):
        assert there[place] == row if place >= 0 else row not in there


def test_a_batch_that_is_not_listed_matches_none_that_is() -> None:
    keys = doc_keys(pa.array(["a" * 32]), pa.array(["gone"]), BATCHES)
    assert keys.batch.tolist() == [-1]
    assert keys.found_in(doc_keys(pa.array(["a" * 32] * 3), pa.array(list(BATCHES)), BATCHES)).tolist() == [-1]


def test_no_documents_are_found_nowhere() -> None:
    none, one = joined([]), doc_keys(pa.array(["0" * 32]))
    assert len(none) == 0
    assert none.found_in(one).tolist() == []
    assert one.found_in(none).tolist() == [-1]
    assert joined([one, none, one]).doc_ids().to_pylist() == ["0" * 32] * 2


def test_an_id_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        doc_keys(pa.array(["a" * 31]))
