"""Shares and bins of a scale are of the documents that it was counted from; later ones find a place on it."""

from __future__ import annotations

import random
from bisect import bisect_right

import numpy as np
import pyarrow as pa
import pytest

from gristmill.udfs.scoring.scales import (
    BINS,
    STEPS,
    Curve,
    Scale,
    bin_starts,
    curve_of,
    from_bytes,
    shares_at,
)


def test_bins_are_twentieths_and_ties_stay_together() -> None:
    assert bin_starts([(step, 1) for step in range(40)]) == list(range(2, 40, 2))
    assert bin_starts([(7, 100)]) == [STEPS] * 19, "one value: one bin, the lowest"
    starts = bin_starts([(1, 90), (2, 10)])
    assert starts == [2] * 18 + [STEPS]
    assert sum(start <= 2 for start in starts) == 18


def test_a_share_is_of_those_below_and_half_of_the_equals() -> None:
    curve = curve_of([(3, 1), (5, 2), (9, 1)])
    assert curve.at(np.array([3, 5, 9])).tolist() == [0.125, 0.5, 0.875]
    assert curve.at(np.array([0, 2, 4, 8, STEPS - 1])).tolist() == [0.0, 0.0, 0.125, 0.5, 0.875], (
        "steps that nobody had"
    )
    assert np.all(np.diff(curve.at(np.arange(STEPS))) >= 0), "a higher step never has a smaller share"


def plain(curve: Curve, step: int) -> float:
    """The twin of the kernel: the share of the nearest step at or below."""
    place = bisect_right(curve.steps.tolist(), step)
    return curve.shares.tolist()[place - 1] if place else 0.0


def test_the_kernel_finds_the_curve_of_each_row() -> None:
    draw = random.Random(3)
    curves = {
        (lang, scorer): curve_of(
            [(step, draw.randint(1, 9)) for step in sorted(draw.sample(range(2000), 50))]
        )
        for lang in ("en", "zh", None)
        for scorer in ("chars", "judge")
    }
    rows = [(*draw.choice(list(curves)), draw.randint(0, 2100)) for _ in range(3000)]
    columns = [
        pa.array(list(each), kind) for each, kind in zip(zip(*rows), (pa.string(), pa.string(), pa.int32()))
    ]
    expected = [plain(curves[lang, scorer], step) for lang, scorer, step in rows]
    assert shares_at(*columns, curves).to_pylist() == expected
    assert shares_at(*(column[:0] for column in columns), curves).to_pylist() == []
    with pytest.raises(ValueError, match="no curve of judge for the language None"):
        shares_at(*columns, {key: curve for key, curve in curves.items() if key != (None, "judge")})


def test_a_scale_comes_back_as_it_was_whatever_its_order() -> None:
    parts = {
        lang: [(step, n) for n, step in enumerate(range(0, 60_000, 7), 1)] for lang in ("zh", None, "en")
    }
    scales = [
        Scale(
            {(lang, "chars"): curve_of(parts[lang]) for lang in order},
            {lang: bin_starts(parts[lang]) for lang in order},
            dict.fromkeys(order, 3),
        )
        for order in (list(parts), sorted(parts, key=str))
    ]
    [data] = {scale.to_bytes() for scale in scales}
    back = from_bytes(data)
    assert back.to_bytes() == data
    assert (back.starts, back.documents) == (scales[0].starts, scales[0].documents)
    for key, curve in scales[0].curves.items():
        assert back.curves[key].steps.tolist() == curve.steps.tolist()
        assert back.curves[key].shares.tolist() == curve.shares.tolist(), "to the last bit"
    assert all(len(starts) == BINS - 1 for starts in back.starts.values())
    assert from_bytes(Scale().to_bytes()) == Scale()
