"""Band keys that a worker reads from the index itself are scattered as those that Spark hands it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from udfs.pairing import places, scatter_index, scatter_keys


def test_places_are_the_first_fifteen_hexadecimal_digits() -> None:
    ids = ["0123456789abcdef" * 2, "f" * 32, "0" * 32, "00000000000000a" + "f" * 17]
    found = places(np.array(ids, "S32"))
    assert found.tolist() == [int(each[:15], 16) for each in ids]


def test_an_index_scatters_as_its_rows_do_without_other_kernels_and_empty_documents() -> None:
    draw = np.random.default_rng(3)
    n, bands = 40, 6
    keys = draw.integers(-(2**62), 2**62, (n, bands))
    rows = pa.record_batch({
        "doc_id": pa.array([f"{i * 7919:032x}" for i in range(n)]),
        "kernel": pa.array(["mine" if i % 5 else "other" for i in range(n)]),
        "set_hash": pa.array([None if i % 7 == 3 else int(draw.integers(-(2**62), 2**62)) for i in range(n)], pa.int64()),
        "round": pa.array([i % 3 for i in range(n)], pa.int32()),
        "bands": pa.array([None if i % 7 == 3 else keys[i].astype("<i8").tobytes() for i in range(n)], pa.binary()),
    })  # fmt: skip
    mine = [i for i in range(n) if i % 5 and i % 7 != 3]
    plain = pa.record_batch({
        "class": rows["set_hash"].take(pa.array(mine)), "place": pa.array([int(rows["doc_id"][i].as_py()[:15], 16) for i in mine], pa.int64()),
        "round": rows["round"].take(pa.array(mine)), "is_old": pa.array([i % 3 <= 1 for i in mine]), "bands": rows["bands"].take(pa.array(mine)),
    })  # fmt: skip
    here = [batch.to_pylist() for batch in scatter_index(iter([rows]), "mine", 1, 4)]
    assert here == [batch.to_pylist() for batch in scatter_keys(iter([plain]), 4)]
    assert here[0]
