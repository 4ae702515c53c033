from __future__ import annotations

import numpy as np
import pytest

from gristmill.udfs.passages.copies import Rule
from tests.support.passages_in_memory import definition, mask_of, pieces_in


def tiny(rng: np.random.Generator) -> tuple[list[bytes], int]:
    """A corpus of one or two letters, so full of overlaps, and a window length."""
    letters = rng.integers(1, 4)
    docs = [bytes(rng.integers(97, 97 + letters, rng.integers(0, 60), np.uint8)) for _ in range(rng.integers(1, 7))]
    return docs, int(rng.integers(2, 9))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("cut_within", [True, False])
def test_tiny_corpora_full_of_overlaps_lose_exactly_the_bytes_of_the_definition(seed: int, cut_within: bool) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(400):
        docs, window = tiny(rng)
        rule = Rule((window,), 2, False, cut_within)
        pieces = pieces_in(docs, rule)
        assert mask_of(docs, pieces) == definition(docs, rule), (docs, window)
        for row, doc in zip(pieces[0], pieces[1].tolist(), strict=True):
            begin, kept, size = int(row["begin"]), int(row["kept_begin"]), int(row["n_bytes"])
            assert docs[doc][begin : begin + size] == docs[row["kept_rank"]][kept : kept + size]
            assert (row["kept_rank"], kept) < (doc, begin)


def test_across_sources_only_a_better_place_in_another_source_counts() -> None:
    rng = np.random.default_rng(5)
    for _ in range(400):
        docs, window = tiny(rng)
        sources = rng.integers(0, 3, len(docs)).tolist()
        rule = Rule((window,), 2, True, False)
        assert mask_of(docs, pieces_in(docs, rule, sources)) == definition(docs, rule, sources), (docs, window, sources)


def test_a_window_must_stand_at_min_copies_documents() -> None:
    rng = np.random.default_rng(6)
    passage = [bytes(rng.integers(97, 123, 40, np.uint8)) for _ in range(3)]
    own = [bytes(rng.integers(97, 123, 30, np.uint8)) for _ in range(9)]
    docs = [own[i] + b"".join(passage[j] + own[(i + j) % 9][:7] for j in range(3) if i < 2 + j) for i in range(4)]
    for least in (2, 3, 4, 5):
        pieces = pieces_in(docs, Rule((20,), least, False, False))
        mask = mask_of(docs, pieces)
        # passage j stands in documents 0 to 1 + j
        for doc, text in enumerate(docs):
            for j in range(3):
                at = text.find(passage[j])
                assert at < 0 or all(mask[doc][at : at + 40]) == (doc > 0 and 2 + j >= least), (doc, j, least)
        assert {int(row["n_copies"]) for row in pieces[0]} <= set(range(least, 5))


def test_documents_of_two_window_lengths_do_not_meet() -> None:
    rng = np.random.default_rng(7)
    passage = bytes(rng.integers(97, 123, 60, np.uint8))
    docs = [bytes(rng.integers(97, 123, 20, np.uint8)) + passage + bytes(rng.integers(97, 123, 20, np.uint8)) for _ in range(2)]
    pieces, _ = pieces_in(docs, Rule((20, 50), 2, False, True))
    assert sorted({int(row["flags"]) >> 2 for row in pieces}) == [0, 1]
    assert {row["begin"] for row in pieces} >= {20}
    assert max(pieces["begin"] + pieces["n_bytes"]) <= 20 + len(passage)
    assert pieces_in(docs, Rule((20, 70), 2, False, True))[0]["flags"].max() >> 2 == 0


def test_rows_grow_with_the_copies_of_a_passage_and_not_with_their_pairs() -> None:
    rng = np.random.default_rng(8)
    passage = bytes(rng.integers(97, 123, 2000, np.uint8))
    sizes = {}
    for n in (100, 1000):
        own = rng.integers(97, 123, (n, 2, 300), np.uint8)
        docs = [own[i, 0].tobytes() + passage + own[i, 1].tobytes() for i in range(n)]
        figures: dict[str, int] = {}
        pieces = pieces_in(docs, Rule((500,), 2, False, True), figures=figures)
        gone = sum(map(sum, mask_of(docs, pieces)))
        assert gone >= len(passage) * (n - 1)
        sizes[n] = len(pieces[0]), figures["members"], figures["runs"]
    # some 16 pieces and three runs at borders a copy
    assert all(8 < large / small < 13 for small, large in zip(sizes[100], sizes[1000], strict=True)), sizes


def test_a_run_of_one_character_or_of_spaces_is_one_row() -> None:
    figures: dict[str, int] = {}
    docs = [b"x" + b" " * 20_000 + b"y", b"-" * 5_000]
    pieces = pieces_in(docs, Rule((100,), 2, False, True), figures=figures)
    assert figures["runs"] < 500
    # Of each, the first window stays.
    assert mask_of(docs, pieces) == [[False] * 101 + [True] * 19_900 + [False], [False] * 100 + [True] * 4_900]


def test_hashes_that_lie_cost_time_and_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    from gristmill.udfs.passages import borders

    # With base 1 a hash is the sum of its bytes: windows of the same letters have the same one.
    monkeypatch.setattr(borders, "_BASE", 1)
    monkeypatch.setattr(borders, "_INVERSE", 1)
    rng = np.random.default_rng(9)
    for _ in range(200):
        docs, window = tiny(rng)
        rule = Rule((window,), 2, False, True)
        assert mask_of(docs, pieces_in(docs, rule)) == definition(docs, rule), (docs, window)


@pytest.mark.parametrize("window", [1, 65_536])
def test_a_window_that_is_no_window_is_refused(window: int) -> None:
    with pytest.raises(ValueError, match=f"{window:,}"):
        pieces_in([b"abc"], Rule((window,), 2, False, True))
