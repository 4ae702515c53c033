"""Blocks of a page as text: paragraphs, lines of lists and tables, preformatted text as it stands."""

from __future__ import annotations

import html
import itertools
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import compiled
from gristmill.udfs.html import names
from gristmill.udfs.html.nodes import BLOCK, ELEMENT, START, TAG, Nodes

_BLANKS = re.compile(r"[ \t\r\n\f\u00a0]+")
_NO_CHARACTER = re.compile(r"&#[0-9]{9,};?|&#[xX][0-9a-fA-F]{9,};?")
_SPACES = re.compile(r" *\n *")
_BR, _PRE, _A, _TR, _TD, _TH, _TABLE = (
    names.NUMBER[name] for name in ("br", "pre", "a", "tr", "td", "th", "table")
)
_UL, _OL, _DL, _LI, _DT, _DD = (names.NUMBER[name] for name in ("ul", "ol", "dl", "li", "dt", "dd"))
# Cells of more characters hold paragraphs: the table is there to lay out the page.
_CELL_CHARS = 300

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Around:
    """Of each element: whether in `pre`, whether unseen; rows (0: none) of the link, the nearest block
    element, the row and the cell of a table and the outermost list around it; of a cell its place in its
    row."""

    pre: npt.NDArray[np.bool_]
    unseen: npt.NDArray[np.bool_]
    link: Ints
    box: Ints
    row: Ints
    cell: Ints
    place: Ints
    outermost: Ints
    table: Ints  # the innermost around it


def write(nodes: Nodes, ids: Ints) -> str:
    """The text of the blocks `ids` (numbers of Nodes.texts, rising).

    An empty line between blocks; one line end between the items of a list and the rows of a table; a tab
    for each border between two cells of a row.
    """
    around = read_around(nodes)
    parts: list[str] = []
    last = -1
    last_text = ""
    for text, element in zip(*_texts(nodes, ids, around), strict=True):
        if not text:
            continue
        if parts:
            parts.append(_between(nodes, around, last, element, last_text, text))
        parts.append(text)
        last, last_text = element, text
    return "".join(parts)


def texts_of(nodes: Nodes, ids: Ints) -> list[str]:
    """The text of each of the blocks `ids` (rising), white space as a browser shows it; may be empty.

    In `pre` each character stands as it was. `br` is a line end.
    """
    return _texts(nodes, ids, read_around(nodes))[0]


def unescape(text: str) -> str:
    """`text` with the characters that references stand for; one for no character is left out."""
    # Python refuses to convert thousands of digits, which html.unescape lets through
    return html.unescape(_NO_CHARACTER.sub("", text))


def _between(nodes: Nodes, around: Around, last: int, this: int, before: str, after: str) -> str:
    """What stands between two blocks, by their first elements and their texts."""
    row = around.row[this]
    is_short = len(before) <= _CELL_CHARS and len(after) <= _CELL_CHARS
    if row and row == around.row[last] and is_short:
        steps = around.place[around.cell[this]] - around.place[around.cell[last]]
        return "\t" * int(steps) if steps > 0 else "\n\n"
    tags = nodes.elements[:, TAG]
    if row and around.row[last] and around.table[this] == around.table[last] and is_short:
        return "\n"
    is_item = tags[around.box[this]] in (_LI, _DT, _DD)
    return "\n" if is_item and around.outermost[this] == around.outermost[last] else "\n\n"


def _texts(nodes: Nodes, ids: Ints, around: Around) -> tuple[list[str], list[int]]:
    """The texts of blocks, and the first element of each."""
    raw = nodes.data.tobytes()
    wanted = np.zeros(int(nodes.texts[-1, BLOCK]) + 1 if len(nodes.texts) else 0, np.bool_)
    wanted[ids] = True
    chosen = nodes.texts[wanted[nodes.texts[:, BLOCK]] & ~around.unseen[nodes.texts[:, ELEMENT]]]
    breaks = nodes.elements[nodes.elements[:, TAG] == _BR, START]
    # the number of line ends before each piece
    before = np.searchsorted(breaks, chosen[:, 0])
    links, pre = around.link[chosen[:, ELEMENT]].tolist(), around.pre[chosen[:, ELEMENT]].tolist()
    pieces = list(zip(chosen[:, :3].tolist(), links, pre, before.tolist(), strict=True))
    bounds = np.flatnonzero(np.diff(chosen[:, BLOCK], prepend=-1, append=-1)).tolist()
    texts = [_joined(raw, pieces[start:stop]) for start, stop in itertools.pairwise(bounds)]
    held = dict(zip(chosen[bounds[:-1], BLOCK].tolist(), texts, strict=True))
    first = dict(zip(chosen[bounds[:-1], BLOCK].tolist(), chosen[bounds[:-1], ELEMENT].tolist(), strict=True))
    listed = ids.tolist()
    return [held.get(each, "") for each in listed], [first.get(each, 0) for each in listed]


def _joined(raw: bytes, pieces: list[tuple[list[int], int, bool, int]]) -> str:
    """One block: pieces of ((begin, end, element), link, whether in `pre`, line ends before it)."""
    parts: list[str] = []
    _, last_link, in_pre, last_breaks = pieces[0]
    for (begin, end, _), link, _, breaks in pieces:
        if breaks > last_breaks:
            parts.append("\n" * (breaks - last_breaks))
        elif link and last_link and link != last_link and not parts[-1][-1:].isspace():
            # two links that only a style sheet parts
            parts.append(" ")
        text = unescape(raw[begin:end].decode("utf-8", "replace"))
        parts.append(text if in_pre else _BLANKS.sub(" ", text))
        last_link, last_breaks = link, breaks
    text = "".join(parts)
    if in_pre:
        return text.replace("\r\n", "\n").strip("\n").rstrip()
    return _SPACES.sub("\n", re.sub(" {2,}", " ", text)).strip()


def read_around(nodes: Nodes) -> Around:
    """What is around each element of a page."""
    n = len(nodes.elements)
    pre, unseen = np.zeros(n, np.bool_), np.zeros(n, np.bool_)
    rows = [np.zeros(n, np.int32) for _ in range(7)]
    _inherit(nodes.elements, names.roles(), pre, unseen, *rows)
    return Around(pre, unseen, *rows)


@compiled
def _inherit(
    nodes: npt.NDArray[np.int32],
    roles: npt.NDArray[np.uint8],
    pre: npt.NDArray[np.bool_],
    unseen: npt.NDArray[np.bool_],
    link: npt.NDArray[np.int32],
    box: npt.NDArray[np.int32],
    row: npt.NDArray[np.int32],
    cell: npt.NDArray[np.int32],
    place: npt.NDArray[np.int32],
    outermost: npt.NDArray[np.int32],
    table: npt.NDArray[np.int32],
) -> None:
    # of each row of a table, how many cells it has so far
    n_cells = np.zeros(len(nodes), np.int32)
    for e in range(1, len(nodes)):
        tag, up = nodes[e, 0], nodes[e, 1]
        pre[e] = pre[up] or tag == _PRE
        # as gristmill.udfs.html.blocks counts
        unseen[e] = unseen[up] or roles[tag] & 64 > 0 or (nodes[e, 8] & 1 and not roles[tag] & 1)
        link[e] = e if tag == _A else link[up]
        box[e] = e if roles[tag] & 1 else box[up]
        row[e] = e if tag == _TR else row[up]
        table[e] = e if tag == _TABLE else table[up]
        cell[e] = cell[up]
        if tag == _TD or tag == _TH:
            cell[e] = e
            n_cells[row[e]] += 1
            place[e] = n_cells[row[e]]
        is_list = tag == _UL or tag == _OL or tag == _DL
        outermost[e] = e if is_list and outermost[up] == 0 else outermost[up]
