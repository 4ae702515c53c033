"""The picture of a banding recipe: the S-curve, and below it the histogram of the compared pairs.

The S-curve is the probability that a pair of some similarity becomes a candidate. Both panels share one axis,
which shows which pairs the bands find and on which side of the limit they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gristmill.jobs.report.charts import Axis, axis_marks, line, rect, short, svg, text


@dataclass(frozen=True)
class Banding:
    """A banding recipe: `bands` keys of `rows` hashes each; pairs from `limit` on are duplicates."""

    bands: int
    rows: int
    limit: float

    def probability(self, similarity: float) -> float:
        """The probability that a pair of this Jaccard similarity shares a band: 1 - (1 - s^r)^b."""
        return 1 - (1 - similarity**self.rows) ** self.bands


@dataclass(frozen=True)
class Layer:
    """One kind of pair: its name, its css class, and its pairs in each bin of similarity, 0 to 1."""

    name: str
    css: str
    counts: Sequence[int]


# in units of the viewBox: margins, height of the curve, gap, height of the histogram
LEFT, TOP, CURVE, GAP, HISTOGRAM = 46.0, 14.0, 150.0, 22.0, 120.0


def s_curve(banding: Banding, layers: Sequence[Layer], width: float) -> str:
    """The S-curve over the histogram of measured similarities (stacked layers, square-root heights)."""
    axis, right = Axis(0.0, 1.0), width - 12.0
    base = TOP + CURVE
    bottom = base + GAP + HISTOGRAM
    marks = axis_marks(axis, LEFT, right, bottom, 6 if width > 500 else 4)
    parts = [*_curve(banding, axis, right, base), *_pairs(layers, right, bottom), *marks]
    x = LEFT + (right - LEFT) * axis.position(banding.limit)
    parts += [
        line(x, TOP - 4, x, bottom, "limit"),
        text(x - 5, base + 14, f"threshold {banding.limit:g}", "tick limit-ink", "end"),
    ]
    parts.append(text(right, bottom + 32, "similarity of the shingle sets (Jaccard)", "tick", "end"))
    # In words too, for readers who cannot see the curve.
    sentence = (
        f"a pair at similarity {banding.limit:g} becomes a candidate with probability "
        f"{banding.probability(banding.limit):.4f}"
    )
    label = f"{banding.bands} bands of {banding.rows} rows: {sentence}"
    return svg(width, bottom + 40, label, parts)


def _curve(banding: Banding, axis: Axis, right: float, base: float) -> list[str]:
    # 101 points: smooth at the widths of the page, and a small file.
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
    chance = banding.probability(banding.limit)
    parts.append(
        f'<path class="under" d="M{path}L{right:.1f} {base:.1f}L{LEFT:.1f} {base:.1f}Z"/><path '
        f'class="curve" d="M{path}"/>'
    )
    parts.append(f'<circle class="dot" cx="{at:.1f}" cy="{base - CURVE * chance:.1f}" r="4"/>')
    parts.append(
        text(at + 9, base - CURVE * chance + 17, f"{100 * chance:.4g}\u202f% become candidates", "label")
    )
    parts.append(text(LEFT + 4, TOP - 3, "probability that a pair becomes a candidate", "tick"))
    return parts


def _pairs(layers: Sequence[Layer], right: float, bottom: float) -> list[str]:
    n_bins = len(layers[0].counts) if layers else 1
    totals = [sum(layer.counts[i] for layer in layers) for i in range(n_bins)]
    # Square-root heights: on a linear scale the fullest bins would hide the others.
    top = max([*totals, 1])
    wide = (right - LEFT) / n_bins
    parts = [text(LEFT + 4, bottom - HISTOGRAM + 2, "pairs compared", "tick")]
    for share in (0.25, 1.0):
        y = bottom - (HISTOGRAM - 12) * math.sqrt(share)
        parts += [
            line(LEFT, y, right, y, "grid"),
            text(LEFT - 6, y + 4, short(round(top * share)), "tick", "end"),
        ]
    # The height of a bin is that of its total; its layers
    # share it in proportion, so that the stack stays true.
    for i, total in enumerate(totals):
        height, n_drawn = (HISTOGRAM - 12) * math.sqrt(total / top), 0
        for layer in layers:
            n = layer.counts[i]
            # At least .8 high: a few pairs in a full bin would otherwise be invisible.
            if n:
                y, tall = bottom - height * (n_drawn + n) / total, height * n / total
                title = f"similarity {i / n_bins:.2f} to {(i + 1) / n_bins:.2f}: {n:,} {layer.name}"
                parts.append(rect(LEFT + wide * i + 0.5, y, wide - 1, max(tall, 0.8), layer.css, title))
                n_drawn += n
    return parts
