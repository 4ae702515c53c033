"""doc_ids as numbers and back."""

from __future__ import annotations

import pyarrow as pa
import pytest

from gristmill.udfs.dedup.doc_ids import doc_ids, halves_of


def test_ids_come_back_as_they_were_and_keep_their_order() -> None:
    ids = [f"{i * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}" for i in range(300)]
    for given in (pa.array(ids), pa.array(["0" * 32, *ids]).slice(1), pa.array(ids, pa.large_string())):
        halves = halves_of(given)
        assert doc_ids(halves[:, 0], halves[:, 1]).to_pylist() == ids
    order = sorted(range(300), key=lambda i: (halves[i, 0], halves[i, 1]))
    assert [ids[i] for i in order] == sorted(ids)
    assert halves_of(pa.array([], pa.string())).shape == (0, 2)


@pytest.mark.parametrize("wrong", [["a"], ["f" * 32, None], ["f" * 33, "f" * 31]])
def test_other_ids_are_refused(wrong: list[str]) -> None:
    with pytest.raises(ValueError, match="32 hexadecimal digits"):
        halves_of(pa.array(wrong))
