"""Which blocks of a page are its main content: two rows of boosted trees, and the choice that expects the
best F1.

The trees (model.npz) were fitted by `python -m benchmarks.extraction_model` on the development pages of the
Web Content Extraction Benchmark (WCXB, CC-BY-4.0); benchmarks/extraction.md says how, and what they reach
on other pages. The first row of trees knows a block, its surroundings and the page; the second also what
the first says of the blocks before and after.
"""

from __future__ import annotations

import functools
import io
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import compiled
from gristmill.udfs.html.blocks import WORDS, Blocks
from gristmill.udfs.html.features import features
from gristmill.udfs.html.nodes import Nodes

Floats = npt.NDArray[np.float64]
# blocks on each side of which the second row of trees sees the probability, and over which it sees means
SEEN, MEANS = 4, (3, 8, 20)


@dataclass(frozen=True)
class Trees:
    """Boosted trees of one stage: `roots` are the rows of the nodes where each tree begins.

    A row goes to `left` where its `feature` is at most `threshold`, otherwise to `right`; a leaf has -1 in
    `left` and adds `value` to the logit, which begins at `base`.
    """

    base: float
    roots: npt.NDArray[np.int32]
    feature: npt.NDArray[np.int16]
    threshold: Floats
    left: npt.NDArray[np.int32]
    right: npt.NDArray[np.int32]
    value: Floats


@functools.cache
def stages() -> tuple[Trees, Trees]:
    """The two rows of trees that come with the package."""
    data = io.BytesIO(files("gristmill.udfs.html").joinpath("model.npz").read_bytes())
    with np.load(data) as held:
        first, second = (
            Trees(
                float(held[f"base_{i}"]),
                *(
                    np.ascontiguousarray(held[f"{name}_{i}"])
                    for name in Trees.__dataclass_fields__
                    if name != "base"
                ),
            )
            for i in (1, 2)
        )
    return first, second


def probabilities(nodes: Nodes, blocks: Blocks) -> Floats:
    """Of each block: how probable it is that it belongs to the main content."""
    first, second = stages()
    rows = features(nodes, blocks)
    if not len(rows):
        return np.zeros(0)
    own = evaluate(first, rows)
    return evaluate(second, np.hstack([rows, context(own, sizes(blocks)).astype(np.float32)]))


def sizes(blocks: Blocks) -> Floats:
    """The words of each block, at least one."""
    return np.maximum(blocks.counts[:, WORDS].astype(np.float64), 1)


def evaluate(trees: Trees, rows: npt.NDArray[np.float32]) -> Floats:
    """The probability of each row of features."""
    logits = np.full(len(rows), trees.base)
    _add(rows, trees.roots, trees.feature, trees.threshold, trees.left, trees.right, trees.value, logits)
    return 1 / (1 + np.exp(-logits))


@compiled
def _add(
    rows: npt.NDArray[np.float32],
    roots: npt.NDArray[np.int32],
    feature: npt.NDArray[np.int16],
    threshold: npt.NDArray[np.float64],
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    value: npt.NDArray[np.float64],
    logits: npt.NDArray[np.float64],
) -> None:
    """Add the leaves of all trees to `logits`."""
    # tree by tree: the nodes of one stay in the processor's first cache
    for t in range(len(roots)):
        root = roots[t]
        for i in range(len(rows)):
            node = root
            while left[node] >= 0:
                node = left[node] if rows[i, feature[node]] <= threshold[node] else right[node]
            logits[i] += value[node]


def context(own: Floats, weights: Floats) -> Floats:
    """(blocks, 22): what the first trees say of a block and of those around it, in the order of the page.

    Its own probability; those of the four blocks before and after (-1 beyond the ends); means by words over
    3, 8 and 20 blocks on both sides, before and after; of the page the mean, the logarithm of the words
    that are expected, the share of these before the block, and the highest probability.
    """
    n = len(own)
    columns = [own]
    beyond = np.full(SEEN, -1.0)
    padded = np.concatenate([beyond, own, beyond])
    for k in range(1, SEEN + 1):
        columns += [padded[SEEN - k :][:n], padded[SEEN + k :][:n]]
    expected = np.concatenate([[0.0], np.cumsum(own * weights)])
    words = np.concatenate([[0.0], np.cumsum(weights)])
    at = np.arange(n)
    for k in MEANS:
        low, high = np.maximum(at - k, 0), np.minimum(at + k + 1, n)
        for start, stop in ((low, high), (low, at), (at + 1, high)):
            columns.append((expected[stop] - expected[start]) / np.maximum(words[stop] - words[start], 1e-9))
    total = expected[-1]
    columns += [
        np.full(n, total / words[-1]),
        np.full(n, np.log1p(total)),
        expected[:-1] / max(total, 1e-9),
        np.full(n, own.max()),
    ]
    return np.column_stack(columns)


def less_sure(probability: Floats, log_odds: float) -> Floats:
    """Probabilities whose odds are divided by exp(`log_odds`)."""
    return probability / (probability + (1 - probability) * np.exp(log_odds))


def choose(probability: Floats, weights: Floats) -> tuple[npt.NDArray[np.bool_], float]:
    """The blocks to keep, and the F1 of words that is expected of them.

    Of all sets the one with the highest 2 * (words that are right) / (words kept + words that are main
    content), each in expectation: the blocks from some probability on, which depends on the page. At least
    one is kept.
    """
    kept = np.zeros(len(probability), np.bool_)
    if not len(probability):
        return kept, 0.0
    order = np.argsort(-probability, kind="stable")
    right = np.cumsum((probability * weights)[order])
    f1 = 2 * right / (np.cumsum(weights[order]) + right[-1] + 1e-9)
    best = int(np.argmax(f1))
    kept[order[: best + 1]] = True
    return kept, float(f1[best])
