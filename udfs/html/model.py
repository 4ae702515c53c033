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
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.boosted_trees import Floats, Trees
from gristmill.udfs.html.blocks import WORDS, Blocks
from gristmill.udfs.html.features import features
from gristmill.udfs.html.nodes import Nodes

# blocks on each side of which the second row of trees sees the probability, and over which it sees means
SEEN, MEANS = 4, (3, 8, 20)


@functools.cache
def stages() -> tuple[Trees, Trees]:
    """The two rows of trees that come with the package."""
    data = io.BytesIO(files("gristmill.udfs.html").joinpath("model.npz").read_bytes())
    with np.load(data) as arrays:
        return Trees.of_arrays(arrays, "_1"), Trees.of_arrays(arrays, "_2")


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
    return 1 / (1 + np.exp(-trees.logits(rows.astype(np.float64))))


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
