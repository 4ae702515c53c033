"""The picture of a banding recipe: the probability that a pair becomes a candidate at each similarity, and
below it the candidate pairs that were compared.

Both panels share one axis, so that a reader sees which pairs became candidates and on which side of the
threshold they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gristmill.jobs.report.charts import Axis, axis_marks, line, rect, short, svg, text


@dataclass(frozen=True)
class Banding:
    """A banding recipe: `bands` keys of `rows` hashes, and the similarity from which a pair is a
    duplicate."""

    bands: int
    rows: int
    limit: float

    def probability(self, similarity: float) -> float:
        """The probability that a pair of this Jaccard similarity shares at least one band."""
        return 1 - (1 - similarity**self.rows) ** self.bands


@dataclass(frozen=True)
class Layer:
    """One kind of pair: its name, its css class, and how many pairs stand in each bin of similarity from
    0 to 1."""

    name: str
    css: str
    counts: Sequence[int]


LEFT, TOP, CURVE, GAP, HISTOGRAM = 46.0, 14.0, 150.0, 22.0, 120.0


def s_curve(banding: Banding, layers: Sequence[Layer], width: float) -> str:
    """The S-curve over the histogram of measured similarities (stacked layers, square-root heights)."""
    axis, right = Axis(0.0, 1.0), width - 12.0
    base = TOP + CURVE
    floor = base + GAP + HISTOGRAM
    marks = axis_marks(axis, LEFT, right, floor, 6 if width > 500 else 4)
    parts = [*_curve(banding, axis, right, base), *_pairs(layers, right, floor), *marks]
    x = LEFT + (right - LEFT) * axis.position(banding.limit)
    parts += [
        line(x, TOP - 4, x, floor, "limit"),
        text(x - 5, base + 14, f"threshold {banding.limit:g}", "tick limit-ink", "end"),
    ]
    parts.append(text(right, floor + 32, "similarity of the shingle sets (Jaccard)", "tick", "end"))
    meets = (
        f"a pair at similarity {banding.limit:g} becomes a candidate with probability "
        f"{banding.probability(banding.limit):.4f}"
    )
    label = f"{banding.bands} bands of {banding.rows} rows: {meets}"
    return svg(width, floor + 40, label, parts)


def _curve(banding: Banding, axis: Axis, right: float, base: float) -> list[str]:
    points = [
        (LEFT + (right - LEFT) * axis.position(s / 100), base - CURVE * banding.probability(s / 100))
        for s in range(101)
    ]
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = base - CURVE * share
        parts += [line(LEFT, y, right, y, "grid"), text(LEFT - 6, y + 4, f"{share:.0%}", "tick", "end")]
    at = LEFT + (right - LEFT) * axis.position(banding.limit)
    meets = banding.probability(banding.limit)
    parts.append(
        f'<path class="under" d="M{path}L{right:.1f} {base:.1f}L{LEFT:.1f} {base:.1f}Z"/><path '
        f'class="curve" d="M{path}"/>'
    )
    parts.append(f'<circle class="dot" cx="{at:.1f}" cy="{base - CURVE * meets:.1f}" r="4"/>')
    parts.append(
        text(at + 9, base - CURVE * meets + 17, f"{100 * meets:.4g}\u202f% become candidates", "label")
    )
    parts.append(text(LEFT + 4, TOP - 3, "probability that a pair becomes a candidate", "tick"))
    return parts


def _pairs(layers: Sequence[Layer], right: float, floor: float) -> list[str]:
    n_bins = len(layers[0].counts) if layers else 1
    totals = [sum(layer.counts[i] for layer in layers) for i in range(n_bins)]
    top = max([*totals, 1])
    wide = (right - LEFT) / n_bins
    parts = [text(LEFT + 4, floor - HISTOGRAM + 2, "pairs compared", "tick")]
    for share in (0.25, 1.0):
        y = floor - (HISTOGRAM - 12) * math.sqrt(share)
        parts += [
            line(LEFT, y, right, y, "grid"),
            text(LEFT - 6, y + 4, short(round(top * share)), "tick", "end"),
        ]
    for i, total in enumerate(totals):
        height, done = (HISTOGRAM - 12) * math.sqrt(total / top), 0
        for layer in layers:
            n = layer.counts[i]
            if n:
                y, tall = floor - height * (done + n) / total, height * n / total
                title = f"similarity {i / n_bins:.2f} to {(i + 1) / n_bins:.2f}: {n:,} {layer.name}"
                parts.append(rect(LEFT + wide * i + 0.5, y, wide - 1, max(tall, 0.8), layer.css, title))
                done += n
    return parts
