"""Main content by our own choice of blocks, and by trafilatura where that choice is uncertain.

The trees of gristmill.udfs.html.model give each block a probability, and the blocks that are kept an
expected F1. That number tells on which pages the choice is bad: there trafilatura is asked, too, and the
text of the two on which the probabilities look better is taken.
"""

from __future__ import annotations

from dataclasses import dataclass

from gristmill.udfs.html import model, writing
from gristmill.udfs.html.blocks import Blocks
from gristmill.udfs.html.nodes import Nodes

# Raise it with each new model.npz: a document tells what it was made by.
BLOCKS = "blocks 1"
"""The name of our own choice as an extractor."""


@dataclass(frozen=True)
class CascadeParams:
    """See ExtractParams."""

    ask_below: float
    max_asked_nodes: int


@dataclass(frozen=True)
class Found:
    """A text and what it was found by; `expected`: the F1 that our own choice expects of itself."""

    text: str
    extractor: str
    expected: float


def cascade(nodes: Nodes, blocks: Blocks, params: CascadeParams) -> Found:
    """The main content of a page; empty where it has no text."""
    probability = model.probabilities(nodes, blocks)
    kept, expected = model.choose(probability, model.sizes(blocks))
    text = writing.write(nodes, blocks.ids[kept])
    return Found(text, BLOCKS, expected)
