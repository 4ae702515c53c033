"""A folder whose name is a batch of another root gets a name of its own, the same whenever it is asked for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from gristmill.jobs.runner.batches import own_name

PARTS = st.lists(st.sampled_from(["a", "b", "zh", "a-zh"]), min_size=1, max_size=4)
ROOTS = st.lists(PARTS.map(lambda parts: "/" + "/".join(parts)), min_size=1, max_size=12, unique=True)


def test_a_taken_name_is_led_by_its_parent() -> None:
    assert own_name("/B/zh", "/B/zh", {"zh": "/A/zh"}) == "B-zh"
    assert own_name("/B/zh", "/B/zh", {"zh": "/A/zh", "B-zh": "/B/zh"}) == "B-zh"
    assert own_name("/B/zh", "/B/zh", {"B-zh": "/B/zh"}) == "B-zh"
    assert own_name("/X/B/zh", "/X/B/zh", {"zh": "/A/zh", "B-zh": "/B/zh"}) == "X-B-zh"
    assert own_name("/A/zh", "/A/zh", {}) == "zh"
    assert own_name("/out", "/A/zh", {"zh": "/A", "A-zh": "/B"}).startswith("zh-")


@given(roots=ROOTS, again=st.randoms())
def test_every_root_has_one_name_that_no_other_has_in_whatever_order_they_come_again(roots: list[str], again: object) -> None:
    taken: dict[str, str] = {}
    for root in roots:
        taken[own_name(root, root, taken)] = root
    assert sorted(taken.values()) == sorted(roots)
    again.shuffle(roots)  # type: ignore[attr-defined]
    assert {own_name(root, root, taken): root for root in roots} == taken
