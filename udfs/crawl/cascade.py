"""Main content by our own choice of the blocks of a page, which is better than either package and faster than one.

The trees of gristmill.udfs.html.model give each block a probability; kept are the blocks of which the highest F1 is
expected. benchmarks/extraction.md compares it with the engines, and says why none of them is asked besides.
"""

from __future__ import annotations

from dataclasses import dataclass

from gristmill.udfs.html import model, writing
from gristmill.udfs.html.blocks import Blocks
from gristmill.udfs.html.nodes import Nodes

# Raise the number with each new model.npz: a document tells what it was made by.
NAME = "blocks 1"


@dataclass(frozen=True)
class Found:
    """A text, and the F1 of words that is expected of it (0 to 1)."""

    text: str
    expected_f1: float


def cascade(nodes: Nodes, blocks: Blocks) -> Found:
    """The main content of a page; empty where it has no text, or probably nothing but navigation."""
    probability = model.probabilities(nodes, blocks)
    kept, expected = model.choose(probability, model.sizes(blocks))
    return Found(writing.write(nodes, blocks.ids[kept]), expected)
