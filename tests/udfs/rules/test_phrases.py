"""Phrases are found wherever they stand, and never across the end of a document."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gristmill.udfs.arrow.compiled import text_buffers
from gristmill.udfs.rules import phrases
from gristmill.udfs.text import chars

PHRASES = ("ab", "abc", "aa", "use cookies", "中国", "中国人", "a b")


def found(texts, ignores_case):
    read = chars.read_chars(*text_buffers(pa.array(texts)))
    starts, stops, which = phrases.find_phrases(read, PHRASES, ignores_case=ignores_case)
    return sorted(zip(starts.tolist(), stops.tolist(), which.tolist(), strict=True))


def plain(texts, ignores_case):
    hits, base = [], 0
    for text in texts:
        same = "".join(char.lower() if char.isascii() else char for char in text) if ignores_case else text
        hits += [(base + i, base + i + len(phrase), p) for p, phrase in enumerate(PHRASES) for i in range(len(text)) if same.startswith(phrase, i)]
        base += len(text)
    return sorted(hits)


@given(st.lists(st.lists(st.sampled_from(["a", "b", "c", "A", "B", " ", "中", "国", "人", "use cookies", "Use Cookies", "k", "\u212a"]), max_size=12).map("".join), max_size=4), st.booleans())
@settings(deadline=None)  # the first call compiles
def test_every_occurrence_of_every_phrase_is_found(texts, ignores_case):
    assert found(texts, ignores_case) == plain(texts, ignores_case)


def test_many_occurrences_at_one_place_are_all_found():
    assert len(found(["aaaa" * 50, "abcabc"], False)) == 199 + 2 * 2


def test_a_phrase_does_not_go_over_from_one_document_to_the_next():
    assert found(["a", "b"], False) == []


def test_a_single_character_is_no_phrase():
    with pytest.raises(ValueError, match="two code points"):
        phrases.find_phrases(chars.read_chars(*text_buffers(pa.array(["a"]))), ("a",), ignores_case=False)
