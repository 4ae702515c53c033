"""Tables inside of a text that is kept stay whole, and code loses the numbers of its lines."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from gristmill.udfs.html.blocks import LINK_WORDS, WORDS, Blocks
from gristmill.udfs.html.nodes import PARENT, Nodes
from gristmill.udfs.html.writing import read_around, texts_of

# Words of the longest cell of a table that holds data; others lay out the page. Ours.
_CELL_WORDS = 60
# of the words of a table that are links: it is a menu from there on
_MENU_LINKS = 0.5
_NUMBERS = re.compile(r"[0-9\s]+")


def tables_within(nodes: Nodes, blocks: Blocks, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """`kept` with the blocks of each table of data that stands between two kept blocks of its own parent.

    The classifier judges cells one by one, and a table of numbers looks little like prose: of a table within
    an article nothing may be left, or half of it, which is worse.
    """
    around = read_around(nodes)
    tables = around.table[blocks.elements]
    parents = nodes.elements[around.box[blocks.elements], PARENT]
    found = kept.copy()
    bounds = np.flatnonzero(np.diff(tables, prepend=-1, append=-1))
    for start, stop in zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True):
        table = tables[start]
        if table == 0 or start == 0 or stop == len(tables) or not (kept[start - 1] and kept[stop]):
            continue
        parent = nodes.elements[table, PARENT]
        words = blocks.counts[start:stop, WORDS]
        is_data = words.max() <= _CELL_WORDS
        is_menu = blocks.counts[start:stop, LINK_WORDS].sum() > _MENU_LINKS * words.sum()
        if is_data and not is_menu and parents[start - 1] == parent == parents[stop]:
            found[start:stop] = True
    return found


def without_line_numbers(nodes: Nodes, blocks: Blocks, kept: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """`kept` without the numbers of lines of code, which many sites write as a cell beside that of the code.

    Only cells of preformatted text with nothing but numbers go, beside another one in their row that has
    more.
    """
    around, of_block = read_around(nodes), blocks.elements
    cells = np.flatnonzero(kept & around.pre[of_block] & (around.cell[of_block] > 0))
    if not len(cells):
        return kept
    rows = around.row[of_block[cells]]
    is_number = np.array([bool(_NUMBERS.fullmatch(text)) for text in texts_of(nodes, blocks.ids[cells])])
    found = kept.copy()
    found[cells[is_number & np.isin(rows, rows[~is_number])]] = False
    return found
