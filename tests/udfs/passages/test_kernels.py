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
