"""Segments joined are the chunk, always; and markers are found although the model misspells, repeats, reorders and invents."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.synth_worker.flows.align import align, sentence_starts
from gristmill.synth_worker.flows.fuzzy_match import prefix_edits

PIECES = st.lists(st.sampled_from(["山高水长，日月同辉。", "云起时！", "One two three. ", "In addition, it rains. ", "\n", "\r\n\r\n", "😀👩‍👩‍👧", " ", "ﬁne ①", "x", "。", "𝔸b. ", "İ"]), max_size=30)
TEXT = "Tides rise twice a day. The moon pulls the sea.\n\nThe sun pulls too, but less. Spring tides follow.\n\nHarbours keep tables. Sailors read them."


@settings(max_examples=300, deadline=None)
@given(PIECES, st.lists(st.one_of(st.text(max_size=12), st.sampled_from(["山高水长", "One two", "in addition", "云起时", "\r\n"])), max_size=8), st.text(max_size=40))
def test_segments_joined_are_the_chunk_whatever_the_model_says(pieces: list[str], markers: list[str], more: str) -> None:
    text = "".join(pieces) + more
    if not text:
        return
    found = align(text, [*markers, text[len(text) // 2 :][:9]])
    assert "".join(text[s.start : s.end] for s in found) == text
    assert all(s.start < s.end for s in found)
    assert {s.start for s in found if s.status != "fallback"} <= set(sentence_starts(text))


def told(markers: list[str], text: str = TEXT) -> list[tuple[str, str]]:
    return [(text[s.start : s.end].split()[1] if " " in text else text[s.start : s.start + 2], s.status) for s in align(text, markers)]


@pytest.mark.parametrize(
    ("markers", "expected"),
    [
        (["Tides rise twice", "The sun pulls too", "Harbours keep"], [("rise", "start"), ("sun", "exact"), ("keep", "exact")]),
        (["tides RISE twice", "the sun, pulls too", "“harbours keep”"], [("rise", "start"), ("sun", "folded"), ("keep", "folded")]),
        (["Tides rise twise", "The sun puls to, but", "Harbors kepe tables"], [("rise", "start"), ("sun", "fuzzy"), ("keep", "fuzzy")]),
        (["Harbours keep tables", "The sun pulls too", "Tides rise twice"], [("rise", "start"), ("sun", "exact"), ("keep", "exact")]),
        (["Tides rise", "An invented sentence of no kin", "Harbours keep"], [("rise", "merged"), ("keep", "exact")]),
        (["Nothing of this", "was ever in it"], [("rise", "fallback"), ("sun", "fallback"), ("keep", "fallback")]),
        ([], [("rise", "fallback"), ("sun", "fallback"), ("keep", "fallback")]),
        (["Tides rise", "The sun pulls", "The sun pulls"], [("rise", "start"), ("sun", "exact")]),
        (["pulls the sea", "tables. Sailors"], [("rise", "start"), ("moon", "exact"), ("keep", "exact")]),
    ],
)  # fmt: skip
def test_markers_are_found_as_far_as_they_can_be(markers: list[str], expected: list[tuple[str, str]]) -> None:
    assert told(markers) == expected


def test_words_that_stand_twice_are_placed_between_their_neighbours() -> None:
    text = "Alpha begins here. In addition, one. Beta goes on. In addition, two. Gamma ends it."
    starts = [s.start for s in align(text, ["Alpha begins", "Beta goes on", "In addition", "Gamma ends"])]
    assert starts == [0, text.index("Beta"), text.index("In addition, two"), text.index("Gamma")]


def test_chinese_sentences_need_no_spaces() -> None:
    text = "潮水每天涨落两次。月亮牵引海水。太阳也牵引，但较弱。港口备有潮汐表。"
    assert told(["潮水每天", "太阳也牵引，但", "港口备有潮夕表"], text) == [("潮水", "start"), ("太阳", "exact"), ("港口", "fuzzy")]


def plain_prefix_edits(wanted: str, text: str) -> tuple[int, int]:
    """What `prefix_edits` must equal: the table of Levenshtein, a row for each character of `text`."""
    row = list(range(len(wanted) + 1))
    best = (len(wanted), 0)
    for n, c in enumerate(text, 1):
        before, row = row, [n]
        for i, w in enumerate(wanted):
            row.append(min(before[i] + (w != c), before[i + 1] + 1, row[i] + 1))
        best = min(best, (row[-1], n))
    return best


@settings(max_examples=300, deadline=None)
@given(st.text("abc", min_size=1, max_size=70), st.text("abcd", max_size=90))
def test_edits_by_bits_are_those_of_the_plain_table(wanted: str, text: str) -> None:
    assert prefix_edits(wanted, text) == plain_prefix_edits(wanted, text)


def test_of_two_likely_places_order_decides_and_a_better_likeness_beats_order() -> None:
    text = "Red birds sing at dawn. Blue fish swim in deep water. Red birds sing at dusk. Green frogs leap over logs. Grey stones lie still."
    found = align(text, ["Blue fish swim", "Red birds sing at", "Green frogs leap"])
    assert [s.start for s in found][1:] == [text.index("Blue"), text.index("Red birds sing at dusk"), text.index("Green")]
    found = align(text, ["Green frogs leap", "Red birds sing at dask", "Grey stones"])
    assert text.index("Red birds sing at dusk") in [s.start for s in found]


def test_nothing_but_signs_before_the_first_words_is_no_segment() -> None:
    text = ".. _label:\n\nThe title stands here. More follows here."
    assert [(s.start, s.status) for s in align(text, [".. _label: The title", "More follows"])] == [(0, "start"), (text.index("More"), "exact")]
