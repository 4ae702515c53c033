"""Tables inside of a text that is kept stay whole."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gristmill.udfs.html.blocks import LINK_WORDS, WORDS, Blocks
from gristmill.udfs.html.nodes import PARENT, Nodes
from gristmill.udfs.html.writing import read_around

# Words of the longest cell of a table that holds data; others lay out the page. Ours.
_CELL_WORDS = 60
# of the words of a table that are links: it is a menu from there on
_MENU_LINKS = 0.5


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
