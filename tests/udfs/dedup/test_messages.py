"""What tasks send each other: packed, routed, and to partitions of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gristmill.udfs.dedup.messages import (
    NODE_PAIR,
    columns_of,
    group_by_kind,
    message_batch,
    messages_of,
    part_of,
    partition_values,
    route_rows,
    unpack_columns,
)


@pytest.mark.spark
@pytest.mark.parametrize("parts", [1, 2, 7, 200])
def test_each_part_has_a_partition_of_its_own(parts: int, spark: Any) -> None:
    told = spark.createDataFrame([(int(place),) for place in partition_values(parts)], "part int").repartition(parts, "part")
    found = told.selectExpr("part", "spark_partition_id() at").collect()
    assert {row.part: row.at for row in found} == {int(place): at for at, place in enumerate(partition_values(parts))}


def test_rows_come_out_as_they_went_in_each_at_its_part() -> None:
    draw = np.random.default_rng(7)
    a, b, part = draw.integers(-(2**62), 2**62, 500), draw.integers(0, 9, 500), draw.integers(0, 4, 500)
    batch = message_batch(route_rows(3, part, partition_values(5), NODE_PAIR, a, b))
    held = group_by_kind(messages_of(iter([batch])))
    for to in range(5):
        mine = [message for message in held[3] if message[0] == partition_values(5)[to]]
        one, other = columns_of(NODE_PAIR, mine)
        assert one.tolist() == a[part == to].tolist()
        assert other.tolist() == b[part == to].tolist()
    assert columns_of(NODE_PAIR, [])[0].dtype == np.int64
    assert [len(column) for column in unpack_columns(NODE_PAIR, b"")] == [0, 0]


def test_messages_are_cut_where_they_grow_long(monkeypatch: pytest.MonkeyPatch) -> None:
    from gristmill.udfs.dedup import messages

    monkeypatch.setattr(messages, "ARRAY_ROWS", 10)
    made = route_rows(1, np.zeros(25, np.int64), partition_values(1), (np.int64,), np.arange(25))
    assert [len(data) // 8 for _, _, _, data in made] == [10, 10, 5]


def test_nodes_are_spread_evenly() -> None:
    sizes = np.bincount(part_of(np.arange(100_000) << 13, 7), minlength=7)
    assert sizes.min() > 0.95 * 100_000 / 7
