"""Hashed n-grams against a plain twin."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from gristmill.udfs.scoring.grams import GramParams, count_grams

TEXTS = ["The mill, the MILL!", "磨坊 の mill磨", "", None, "a", "naïve café 42nd  \n\t x-y", "日本語とThai ไทย", "a" * 50]


def mixed(x: int) -> int:
    x ^= x >> 33
    x = x * 0xFF51AFD7ED558CCD % 2**64
    x ^= x >> 33
    x = x * 0xC4CEB9FE1A85EC53 % 2**64
    return x ^ (x >> 33)


def plain(items: list[int], params: GramParams) -> dict[int, int]:
    found: Counter[int] = Counter()
    for n in range(params.min_n, params.max_n + 1):
        for i in range(len(items) - n + 1):
            running = 0
            for item in items[i : i + n]:
                running = (running * 0xD6E8FEB86659FD93 + item + 1) % 2**64
            found[mixed((running + n - 1) % 2**64) & (params.buckets - 1)] += 1
    return dict(sorted(found.items()))


def rows(grams: object) -> list[dict[int, int]]:
    return [dict(zip(grams.buckets[a:b].tolist(), grams.counts[a:b].tolist())) for a, b in zip(grams.ends[:-1], grams.ends[1:])]


@pytest.mark.parametrize("params", [GramParams(), GramParams(max_n=5, buckets=1 << 20, max_chars=7), GramParams(min_n=2, buckets=2)])
def test_character_grams_are_those_of_the_plain_twin(params: GramParams) -> None:
    wanted = [plain([ord(c) for c in (text or "")[: params.max_chars]], params) for text in TEXTS]
    assert rows(count_grams(pa.array(TEXTS), params)) == wanted


def n_words(text: str) -> int:
    return int(count_grams(pa.array([text]), GramParams("words", 1, 1)).counts.sum())


def test_a_word_is_a_run_of_letters_or_one_han_character_or_one_mark() -> None:
    assert [n_words(text) for text in ("The mill.", "磨坊mill", "x-y", " \n", "42nd café")] == [3, 3, 3, 0, 2]
    same = [count_grams(pa.array([text]), GramParams("words", 1, 2)) for text in ("The MILL turns", "the mill   turns")]
    assert rows(same[0]) == rows(same[1])
    other = count_grams(pa.array(["mill the turns"]), GramParams("words", 1, 2))
    assert rows(other) != rows(same[0])


@pytest.mark.parametrize("unit", ["chars", "words"])
def test_batches_do_not_matter(unit: str) -> None:
    params = GramParams(unit, 1, 2)  # type: ignore[arg-type]
    whole = rows(count_grams(pa.array(TEXTS), params))
    assert whole == [rows(count_grams(pa.array([text], pa.string()), params))[0] for text in TEXTS]
    assert rows(count_grams(pa.chunked_array([TEXTS[:3], TEXTS[3:]]), params)) == whole
    assert rows(count_grams(pa.array([], pa.string()), params)) == []


def test_impossible_parameters_are_refused() -> None:
    for wrong in ({"min_n": 0}, {"min_n": 3, "max_n": 2}, {"buckets": 1000}):
        with pytest.raises(ValueError, match="wanted"):
            GramParams(**wrong)
    assert np.iinfo(np.int32).max > GramParams().buckets
