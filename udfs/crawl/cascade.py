"""Main content by our own choice of the blocks of a page; on Chinese pages two engines have a vote in it.

The trees of gristmill.udfs.html.model give each block a probability; kept are the blocks of which the highest
F1 is expected. Most pages that the trees have seen are English. On others they order the blocks of a page
well, and are less sure of each: there resiliparse and readability are asked, and a block that one of them
leaves out is less probable (`doubt`). On English pages their votes change nothing (benchmarks/extraction.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gristmill.udfs.crawl import engines
from gristmill.udfs.html import model, writing
from gristmill.udfs.html.blocks import HAN, LINK_WORDS, WORDS, Blocks
from gristmill.udfs.html.nodes import Nodes
from gristmill.udfs.html.tables import tables_within, without_line_numbers

# Raise the number with each new model.npz: a document tells what it was made by.
NAME = "blocks 1"
# in the order in which they are named and asked
VOTERS: dict[str, Callable[[str], str]] = {
    "resiliparse": engines.resiliparse,
    "readability": engines.readability,
}
_NO_LETTER = re.compile(r"[\W_]+")
_LINE = re.compile(r"[\n\t]")
# words that a Han character counts for, as gristmill.udfs.html.blocks weighs them
_WORDS_OF_HAN = 0.6


@dataclass(frozen=True, kw_only=True)
class CascadeParams:
    """The numbers of a recipe."""

    # A page none of whose blocks is as probable has no main content ...
    min_probability: float
    # ... unless one of them has so many words that are no link.
    prose_words: int
    # Subtracted from the logarithm of the odds of each block: the trees are a little too sure of pages that
    # are unlike those they were fitted on.
    caution: float
    # of the words of a page that are Han, from which on the engines have a vote
    vote_han_share: float
    # by what each engine that leaves a block out multiplies its probability
    doubt: float


@dataclass(frozen=True)
class Found:
    """A text, what it was found by, and the F1 of words that is expected of it (0 to 1)."""

    text: str
    extractor: str
    expected_f1: float


def cascade(nodes: Nodes, blocks: Blocks, params: CascadeParams) -> Found:
    """The main content of a page; empty where it has no text, or probably nothing but navigation."""
    probability, extractor = model.probabilities(nodes, blocks), NAME
    best = float(probability.max(initial=0))
    if best < params.min_probability and _longest(blocks) < params.prose_words:
        return Found("", extractor, 1 - best)
    probability = model.less_sure(probability, params.caution)
    if _han_share(blocks) >= params.vote_han_share:
        page = nodes.data.tobytes().decode()
        texts = writing.texts_of(nodes, blocks.ids)
        for voter in VOTERS.values():
            probability = probability * np.where(_is_in(texts, _asked(voter, page)), 1.0, params.doubt)
        extractor = f"{NAME} with " + " and ".join(map(engines.name_of, VOTERS))
    kept, expected = model.choose(probability, model.sizes(blocks))
    kept = without_line_numbers(nodes, blocks, tables_within(nodes, blocks, kept))
    return Found(writing.write(nodes, blocks.ids[kept]), extractor, expected)


def _longest(blocks: Blocks) -> float:
    """Words outside of links in the block that has most of them."""
    return float((blocks.counts[:, WORDS] - blocks.counts[:, LINK_WORDS]).max(initial=0))


def _han_share(blocks: Blocks) -> float:
    words = float(blocks.counts[:, WORDS].sum())
    return _WORDS_OF_HAN * float(blocks.counts[:, HAN].sum()) / words if words else 0.0


def _asked(voter: Callable[[str], str], page: str) -> str:
    """What an engine finds; nothing where it fails.

    Without its package every page would be chosen otherwise: ImportError, and MemoryError, end the task.
    """
    try:
        return voter(page)
    except (ImportError, MemoryError):
        raise
    except Exception:
        return ""


def _is_in(texts: Sequence[str], found: str) -> npt.NDArray[np.bool_]:
    """Of each block: whether a line of it is a line of `found`, by letters and digits alone.

    An engine that finds nothing leaves nothing out.
    """
    lines = {_NO_LETTER.sub("", line) for line in _LINE.split(found)}
    if lines <= {""}:
        return np.ones(len(texts), np.bool_)
    return np.array([any(_NO_LETTER.sub("", line) in lines for line in _LINE.split(text)) for text in texts])
