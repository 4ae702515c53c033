"""Edits: spans replaced once, in any order, overlaps joined."""

from __future__ import annotations

import itertools
import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs.edit.edits import apply_edits, edited_batches, merge_edits


def test_spans_are_replaced_and_the_rest_stays() -> None:
    assert apply_edits("write to a@b.c, 谢谢", [(9, 14, "<EMAIL>")]) == ("write to <EMAIL>, 谢谢", 1)


def test_offsets_are_code_points_so_that_no_character_is_cut() -> None:
    assert apply_edits("😀删除😀", [(1, 3, "")]) == ("😀😀", 1)


def test_overlapping_spans_are_replaced_once_whatever_their_order() -> None:
    edits = [(2, 6, "x"), (4, 8, "y"), (8, 9, "z")]
    assert {apply_edits("0123456789", order) for order in itertools.permutations(edits)} == {("01xz9", 2)}


def test_an_edit_made_for_another_text_is_an_error_not_a_silent_cut() -> None:
    with pytest.raises(ValueError, match="outside a text of 3 code points"):
        apply_edits("abc", [(1, 9, "")])


@settings(deadline=None)
@given(st.text(max_size=40), st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), max_size=6))
def test_what_no_span_covers_survives_in_order(text: str, raw: list[tuple[int, int]]) -> None:
    edits = [(start, min(start + size, len(text)), "") for start, size in raw if start < len(text)]
    covered = {i for start, end, _ in edits for i in range(start, end)}
    assert apply_edits(text, edits)[0] == "".join(char for i, char in enumerate(text) if i not in covered)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(merge_edits(edits)))


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_a_batch_is_edited_in_place_and_its_other_columns_stay(kind: pa.DataType) -> None:
    spans = [(0, 2, ""), (4, 5, "字")]
    edits = json.dumps([dict(zip(("start", "end", "replacement"), span)) for span in spans])
    texts, ids = ["😀abcd", "plain", "文字文字文"], pa.array([7, 8, 9])
    batch = pa.record_batch({"id": ids, "text": pa.array(["skipped", *texts], kind)[1:], "edits": pa.array([edits, None, edits], pa.string())})
    untouched = batch.slice(1, 1)
    first, second = edited_batches(iter([batch, untouched]))
    assert first.schema.names == ["id", "text"]
    assert first["text"].to_pylist() == [apply_edits(texts[0], spans)[0], "plain", apply_edits(texts[2], spans)[0]]
    assert (first["id"], first["text"].type) == (ids, kind)
    assert second.to_pylist() == [{"id": 8, "text": "plain"}]
