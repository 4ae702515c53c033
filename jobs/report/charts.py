"""Charts as SVG strings: plain numbers in, markup out. No library, no script; colours come from the page's
style sheet.

Numbers are in <title> elements, which browsers show on hover and screen readers read aloud. Coordinates are
rounded to a tenth, so that equal data gives equal bytes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Literal


@dataclass(frozen=True)
class Axis:
    """A horizontal axis from `lo` to `hi` (data units); a log axis shows everything below 1 at 1."""

    lo: float
    hi: float
    kind: Literal["linear", "log"] = "linear"

    def position(self, value: float) -> float:
        """Position of `value`, 0 (left) to 1 (right), clipped to the ends of the axis."""
        low, high, scaled = (self.warped(each) for each in (self.lo, self.hi, value))
        # An axis of one value has no width; its value is drawn in the middle.
        return min(1.0, max(0.0, (scaled - low) / (high - low))) if high > low else 0.5

    def warped(self, value: float) -> float:
        """`value` on the scale of the axis: itself, or its decimal logarithm."""
        return math.log10(max(value, 1.0)) if self.kind == "log" else value

    def ticks(self, n: int = 5) -> list[float]:
        """About `n` round values within the axis."""
        if self.kind == "log":
            low, high = math.floor(self.warped(self.lo)), math.ceil(self.warped(self.hi))
            powers = [10.0**power for power in range(low, high + 1)]
            every = max(1, math.ceil(len(powers) / (n + 1)))
            return [tick for tick in powers[::every] if self.lo <= tick <= self.hi or tick == 1]
        if self.hi <= self.lo:
            return [self.lo]
        # The next larger of 1, 2, 2.5 and 5 times a power of ten. The factors next
        # to 1 keep a rounding error from moving a bound that is itself a tick.
        rough = (self.hi - self.lo) / n
        scale = 10.0 ** math.floor(math.log10(rough))
        step = next(scale * times for times in (1, 2, 2.5, 5, 10) if scale * times >= rough * 0.999)
        first = float(math.ceil(self.lo / step - 1e-9))
        return [
            round(first * step + i * step, 10) for i in range(int((self.hi - first * step) / step + 1e-9) + 1)
        ]


def short(value: float) -> str:
    """A number for a tick or a label: 12, 0.35, 9,120, 42.5 k, 1.3 M, 7 B (billion), 2 T."""
    for limit, unit in ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k")):
        # .9995: what rounds to 1,000 of a unit is shown as
        # 1 of the next; four digits stay without a unit.
        if abs(value) >= max(limit * 0.9995, 9999.5):
            return f"{value / limit:.3g}\u202f{unit}"
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def tenth(value: float) -> str:
    """A coordinate to a tenth, without a trailing zero."""
    return f"{value:.1f}".removesuffix(".0")


def text(x: float, y: float, words: str, css: str = "", anchor: str = "start") -> str:
    """A text element at (x, y), escaped."""
    return f'<text x="{tenth(x)}" y="{tenth(y)}" class="{css}" text-anchor="{anchor}">{escape(words)}</text>'


def rect(x: float, y: float, width: float, height: float, css: str, title: str = "") -> str:
    """A rectangle with a `title`, which browsers show on hover."""
    inside = f"<title>{escape(title)}</title>" if title else ""
    return (
        f'<rect x="{tenth(x)}" y="{tenth(y)}" width="{tenth(width)}" height="{tenth(height)}" '
        f'class="{css}">{inside}</rect>'
    )


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    """A straight line."""
    return f'<line x1="{tenth(x1)}" y1="{tenth(y1)}" x2="{tenth(x2)}" y2="{tenth(y2)}" class="{css}"/>'


def svg(width: float, height: float, label: str, parts: Sequence[str], css: str = "chart") -> str:
    """An svg element of `parts`; `label` is for screen readers, width and height are of the viewBox."""
    return (
        f'<svg class="{css}" viewBox="0 0 {tenth(width)} {tenth(height)}" role="img" '
        f'aria-label="{escape(label)}">{"".join(parts)}</svg>'
    )


def bar(parts: Sequence[tuple[float, str, str]], whole: float, label: str) -> str:
    """A stacked bar, as wide as the page: parts (value, css class, title); `whole` is the full width."""
    # A part above zero is at least two of a thousand units
    # wide, so that one removed document can be seen.
    drawn, x = [], 0.0
    for value, css, title in parts:
        width = max(1000 * value / whole, 2.0) if whole and value else 0.0
        if width:
            drawn.append(rect(x, 0, width, 10, css, title))
        x += width
    return (
        '<svg class="bar" viewBox="0 0 1000 10" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{"".join(drawn)}</svg>'
    )


def link(above: float, below: float) -> str:
    """The area between two bars of a funnel: from the share kept above to the share below, 0 to 1 each."""
    left, right = tenth(1000 * above), tenth(1000 * below)
    path = f'<path class="stream" d="M0 0H{left}L{right} 10H0Z"/>'
    return (
        f'<svg class="link" viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">{path}</svg>'
    )


def axis_marks(axis: Axis, left: float, right: float, y: float, n: int = 4) -> list[str]:
    """A base line at `y` with ticks and their labels below it."""
    parts = [line(left, y, right, y, "axis")]
    for tick in axis.ticks(n):
        x = left + (right - left) * axis.position(tick)
        # Labels at the ends are aligned inwards, so that they are not cut off at the border.
        anchor = "end" if x > right - 8 else "start" if x < left + 8 else "middle"
        parts += [line(x, y, x, y + 4, "axis"), text(x, y + 15, short(tick), "tick", anchor)]
    return parts


def _steps(shares: Sequence[float], left: float, right: float, base: float, height: float) -> str:
    """The outline of a histogram as a path that begins and ends at the base line."""
    wide = (right - left) / len(shares)
    path = [f"M{tenth(left)} {tenth(base)}"]
    for i, share in enumerate(shares):
        path.append(f"V{tenth(base - height * share)}H{tenth(left + wide * (i + 1))}")
    return "".join([*path, f"V{tenth(base)}"])


@dataclass(frozen=True)
class Overlay:
    """One row of the picture of a measure: kept and removed documents of a group by bin, and the limits."""

    name: str
    kept: Sequence[int]
    left_out: Sequence[int]
    limits: Sequence[float] = ()


@dataclass(frozen=True)
class Spread:
    """The 5th, 25th, 50th, 75th and 95th percentile of a group (data units) and how many documents it has."""

    name: str
    quantiles: tuple[float, float, float, float, float]
    n: int


# width of the names at the left; height of a histogram; height of a strip of percentiles
GUTTER, ROW, STRIP = 62.0, 84.0, 17.0


def distribution(
    name: str, axis: Axis, overlays: Sequence[Overlay], spreads: Sequence[Spread], width: float = 360
) -> str:
    """Histograms over one axis, a row a language (kept filled, removed outlined), then a strip a domain.

    Bar heights are square roots of the share of their own group: most measures have one tall bar, next to
    which the others would not be seen on a linear scale.
    """
    left, right = GUTTER, width - 4.0
    parts, y = [], 0.0
    for row in overlays:
        parts += _overlay(row, axis, left, right, y + ROW)
        y += ROW + 10
    y += 2
    parts += axis_marks(axis, left, right, y)
    y += 26
    if spreads:
        for spread in spreads:
            parts += _spread(spread, axis, left, right, y)
            y += STRIP
    return svg(width, y, f"{name}: kept against left out, by language and domain", parts)


def _overlay(row: Overlay, axis: Axis, left: float, right: float, base: float) -> list[str]:
    shares = [[math.sqrt(n / max(1, sum(counts))) for n in counts] for counts in (row.kept, row.left_out)]
    # Both groups on one scale; the epsilon avoids a division by zero where both are empty.
    top = max([*shares[0], *shares[1], 1e-9])
    height = ROW - 12
    parts = [text(0, base - 22, cut(row.name, 10), "name")]
    parts += [
        text(0, base - 10, short(sum(row.kept)), "tick kept-ink"),
        text(0, base + 1, short(sum(row.left_out)), "tick left-ink"),
    ]
    for values, css in zip(shares, ("kept", "left"), strict=True):
        if any(values):
            outline = _steps([v / top for v in values], left, right, base, height)
            parts.append(f'<path class="{css}-area" d="{outline}Z"/><path class="{css}-line" d="{outline}"/>')
    parts.append(line(left, base, right, base, "grid"))
    for limit in row.limits:
        x = left + (right - left) * axis.position(limit)
        anchor, offset = ("end", -3) if x > right - 40 else ("start", 3)
        parts += [
            line(x, base - ROW + 8, x, base, "limit"),
            text(x + offset, base - ROW + 13, short(limit), "tick limit-ink", anchor),
        ]
    # Invisible rectangles over the whole height carry
    # the titles: bars of one pixel are hard to hit.
    wide = (right - left) / max(1, len(row.kept))
    for i, (kept, out) in enumerate(zip(row.kept, row.left_out, strict=True)):
        if kept or out:
            lo, hi = bin_edges(axis, len(row.kept), i)
            title = f"{row.name}, {short(lo)} to {short(hi)}: {kept:,} kept, {out:,} left out"
            parts.append(rect(left + wide * i, base - height, wide, height, "hit", title))
    return parts


def bin_edges(axis: Axis, n_bins: int, i: int) -> tuple[float, float]:
    """Lower and upper edge of bin `i` of `n_bins`, in data units."""
    low, high = axis.warped(axis.lo), axis.warped(axis.hi)
    edges = [low + (high - low) * edge / n_bins for edge in (i, i + 1)]
    return (10 ** edges[0], 10 ** edges[1]) if axis.kind == "log" else (edges[0], edges[1])


def _spread(row: Spread, axis: Axis, left: float, right: float, y: float) -> list[str]:
    xs = [left + (right - left) * axis.position(value) for value in row.quantiles]
    low, middle, high = (short(value) for value in row.quantiles[1:4])
    title = f"{row.name}: of {row.n:,} kept documents half are between {low} and {high}, median {middle}"
    return [
        text(0, y + 4, cut(row.name, 10), "tick"),
        line(left, y, right, y, "grid"),
        line(xs[0], y, xs[4], y, "whisker"),
        rect(xs[1], y - 3.5, max(xs[3] - xs[1], 1.5), 7, "box", title),
        rect(xs[2] - 1, y - 5, 2, 10, "median", title),
    ]


def cut(words: str, n: int) -> str:
    """`words` cut to `n` characters, the last of which is then an ellipsis."""
    return words if len(words) <= n else words[: n - 1] + "…"


# --- the S-curve of a banding recipe: the probability that a pair of some similarity becomes a candidate, and
# below it the histogram of the compared pairs. Both panels share one axis, which shows which pairs the bands
# find and on which side of the limit they are.


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
