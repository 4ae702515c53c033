"""What the classifier of blocks knows of each: its own counts, its surroundings, and the page's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import compiled
from gristmill.udfs.html import keywords, names
from gristmill.udfs.html.blocks import Blocks
from gristmill.udfs.html.nodes import Nodes

# Elements whose being around a block is a feature of it.
AROUND = tuple(
    "article main nav header footer aside section form table ul ol li figure figcaption button blockquote "
    "pre details dialog address td th dl dt dd h1 h2 h3 h4 h5 h6 p label summary center noscript".split()
)
LEVELS, NEAR, WINDOW = 5, 3, 3
OWN = (
    "words", "link_share", "ends", "commas", "digit_share", "n_links", "signs", "last", "lines", "copies",
    "tag", "depth", "hidden", "index", "index_share",
    "words_before_share", "words_after_share", "from_h1", "has_h1_before", "from_heading", "heading_level",
    "words_from_h1", "same_form_elements", "same_form_words", "same_form_link_share", "same_form_ends",
)  # fmt: skip
OF_LEVEL = (
    "words", "link_share", "ends_share", "page_share", "p_share", "long_share", "block_words", "siblings",
    "place", "tag", "links_a_block", "headings",
)  # fmt: skip
OF_NEIGHBOUR = ("words", "link_share", "last", "tag", "same_parent")
OF_PAGE = (
    "words", "link_share", "blocks", "block_words", "p_share", "long_share", "ends_share", "links",
    "headings", "articles", "mains", "lis", "ps", "trs", "pres", "forms", "elements", "article_share",
    "main_share",
)  # fmt: skip
NAMES: tuple[str, ...] = (
    *(f"own {name}" for name in OWN),
    *(f"level {i} {name}" for i in range(LEVELS) for name in OF_LEVEL),
    *(
        f"{side} {i} {name}"
        for side in ("before", "after")
        for i in range(1, WINDOW + 1)
        for name in OF_NEIGHBOUR
    ),
    *(f"page {name}" for name in OF_PAGE),
    *(f"in {name}" for name in AROUND),
    *(f"near {name}" for name in keywords.CLASSES),
    *(f"around {name}" for name in keywords.CLASSES),
    *(f"says {name}" for name in keywords.PHRASES),
)


def features(nodes: Nodes, blocks: Blocks) -> npt.NDArray[np.float32]:
    """(blocks, NAMES) float32."""
    n = len(blocks.elements)
    rows = np.zeros((n, len(NAMES)), np.float32)
    if not n:
        return rows
    around = np.zeros(len(names.NAMES), np.int8)
    for at, name in enumerate(AROUND):
        around[names.NUMBER[name]] = at + 1
    siblings, forms = _siblings(nodes), _forms(nodes)
    _, copies_of, copies = np.unique(blocks.hashes, return_inverse=True, return_counts=True)
    sizes = (len(AROUND), len(keywords.CLASSES), len(keywords.PHRASES))
    _features(
        nodes.elements, nodes.keywords, blocks.elements, blocks.counts, blocks.phrases, blocks.sums,
        siblings, forms, copies[copies_of].astype(np.float32), names.roles(), around, *sizes, rows,
    )  # fmt: skip
    return rows


def _siblings(nodes: Nodes) -> npt.NDArray[np.float32]:
    """(e,): how many children of its parent have its name and class, itself among them."""
    e = nodes.elements.astype(np.int64)
    keys = (e[:, 1] << 40) ^ (e[:, 0] << 32) ^ e[:, 7]
    _, of, counts = np.unique(keys, return_inverse=True, return_counts=True)
    return counts[of].astype(np.float32)


def _forms(nodes: Nodes) -> npt.NDArray[np.int32]:
    """(e,): a number for each name and class together."""
    e = nodes.elements.astype(np.int64)
    return np.unique((e[:, 0] << 32) ^ e[:, 7], return_inverse=True)[1].astype(np.int32)


_BODY, _H1, _ARTICLE, _MAIN = (names.NUMBER[name] for name in ("body", "h1", "article", "main"))
_LI, _P, _TR, _PRE, _FORM, _H6 = (names.NUMBER[name] for name in ("li", "p", "tr", "pre", "form", "h6"))


@compiled
def _features(
    nodes: npt.NDArray[np.int32],
    words: npt.NDArray[np.int64],
    elements: npt.NDArray[np.int32],
    counts: npt.NDArray[np.float32],
    phrases: npt.NDArray[np.int64],
    sums: npt.NDArray[np.float32],
    siblings: npt.NDArray[np.float32],
    forms: npt.NDArray[np.int32],
    copies: npt.NDArray[np.float32],
    roles: npt.NDArray[np.uint8],
    around: npt.NDArray[np.int8],
    n_around: int,
    n_classes: int,
    n_phrases: int,
    rows: npt.NDArray[np.float32],
) -> None:
    e_count, n = len(nodes), len(elements)
    # inherited by elements: names around, groups of class names, hidden, the nearest block element
    within, groups = np.zeros(e_count, np.int64), np.zeros(e_count, np.int64)
    hidden, holder = np.zeros(e_count, np.uint8), np.zeros(e_count, np.int32)
    n_of_tag = np.zeros(len(roles), np.float32)
    article_words = main_words = np.float32(0)
    for e in range(1, e_count):
        parent, tag = nodes[e, 1], nodes[e, 0]
        n_of_tag[tag] += 1
        own = words[e] if tag > 3 or tag == 0 else np.int64(0)
        groups[e] = groups[parent] | own
        within[e] = within[parent]
        if around[tag] > 0:
            within[e] |= np.int64(1) << np.int64(around[tag] - 1)
        hidden[e] = hidden[parent] | (nodes[e, 8] & 1)
        holder[e] = e if roles[tag] & 1 else holder[parent]
        if tag == _ARTICLE:
            article_words = max(article_words, sums[e, 0])
        if tag == _MAIN:
            main_words = max(main_words, sums[e, 0])
    n_forms = 0
    for e in range(e_count):
        n_forms = max(n_forms, forms[e] + 1)
    of_form = np.zeros((n_forms, 4), np.float32)
    for e in range(1, e_count):
        f = forms[e]
        of_form[f, 0] += 1
        for i in range(3):
            of_form[f, 1 + i] += sums[e, 0] if i == 0 else (sums[e, 1] if i == 1 else sums[e, 3])
    total = sums[0]
    page_words = max(total[0], np.float32(1))
    page = np.zeros(19, np.float32)
    page[0], page[1], page[2] = np.log1p(total[0]), total[1] / page_words, np.log1p(total[2])
    page[3], page[4], page[5] = total[0] / max(total[2], 1), total[4] / page_words, total[5] / page_words
    page[6], page[7], page[8] = total[3] / page_words, np.log1p(total[6]), np.log1p(total[7])
    page[9], page[10], page[11] = n_of_tag[_ARTICLE], n_of_tag[_MAIN], np.log1p(n_of_tag[_LI])
    page[12], page[13], page[14] = np.log1p(n_of_tag[_P]), np.log1p(n_of_tag[_TR]), n_of_tag[_PRE]
    page[15], page[16] = n_of_tag[_FORM], np.log1p(np.float32(e_count))
    page[17], page[18] = article_words / page_words, main_words / page_words
    before = np.zeros(n + 1, np.float32)
    for b in range(n):
        before[b + 1] = before[b] + counts[b, 0]
    # the first block of each element, for the place of a block inside
    first = np.full(e_count, -1, np.int32)
    for b in range(n):
        e = elements[b]
        while e > 0 and first[e] < 0:
            first[e] = b
            e = nodes[e, 1]
    first[0] = 0
    last_h1 = last_heading = -1
    level_of_heading = 7
    for b in range(n):
        e = elements[b]
        row, own = rows[b], counts[b]
        block_words = max(own[0], np.float32(0.5))
        box = holder[e]
        tag = nodes[box, 0]
        is_heading = roles[tag] & 32
        if is_heading:
            last_heading = b
            level_of_heading = tag - _H1 + 1
            if tag == _H1:
                last_h1 = b
        f = forms[box]
        in_form = max(of_form[f, 1], np.float32(0.5))
        # --- own
        row[0], row[1], row[2] = own[0], own[1] / block_words, own[5]
        row[3], row[4], row[5] = own[6], own[7] / max(own[4], 1), own[9]
        row[6], row[7], row[8] = own[10], own[11], own[13]
        row[9], row[10], row[11] = copies[b], tag, nodes[e, 2]
        row[12], row[13], row[14] = hidden[e], b, b / n
        row[15], row[16] = before[b] / page_words, 1 - before[b + 1] / page_words
        row[17], row[18] = b - last_h1 if last_h1 >= 0 else -1, last_h1 >= 0
        row[19], row[20] = b - last_heading if last_heading >= 0 else -1, level_of_heading
        row[21] = before[b] - before[last_h1] if last_h1 >= 0 else -1
        row[22], row[23] = of_form[f, 0], of_form[f, 1] / max(of_form[f, 0], 1)
        row[24], row[25] = of_form[f, 2] / in_form, of_form[f, 3] / in_form
        # --- levels: each an ancestor with more words than the one before
        at = 26
        level = box
        for _ in range(5):
            inside = sums[level]
            inside_words = max(inside[0], np.float32(0.5))
            row[at], row[at + 1] = np.log1p(inside[0]), inside[1] / inside_words
            row[at + 2], row[at + 3] = inside[3] / inside_words, inside[0] / page_words
            row[at + 4], row[at + 5] = inside[4] / inside_words, inside[5] / inside_words
            row[at + 6], row[at + 7] = inside[0] / max(inside[2], 1), siblings[level]
            row[at + 8] = (before[b] - before[max(first[level], 0)]) / inside_words
            row[at + 9], row[at + 10] = nodes[level, 0], inside[6] / max(inside[2], 1)
            row[at + 11] = inside[7]
            at += 12
            least = inside[0]
            up = level
            while up > 0 and sums[up, 0] <= least:
                up = nodes[up, 1]
            # the outermost element without other words stands for the level in `siblings`
            level = up
        # --- neighbours
        for side in range(2):
            for k in range(1, 4):
                other = b - k if side == 0 else b + k
                if 0 <= other < n:
                    theirs = counts[other]
                    other_box = holder[elements[other]]
                    row[at], row[at + 1] = theirs[0], theirs[1] / max(theirs[0], np.float32(0.5))
                    row[at + 2], row[at + 3] = theirs[11], nodes[other_box, 0]
                    row[at + 4] = nodes[other_box, 1] == nodes[box, 1]
                else:
                    row[at] = row[at + 1] = row[at + 2] = row[at + 3] = row[at + 4] = -1
                at += 5
        # --- the page
        for i in range(19):
            row[at + i] = page[i]
        at += 19
        # --- bits
        mask = within[e]
        for i in range(n_around):
            row[at + i] = (mask >> np.int64(i)) & 1
        at += n_around
        near = np.int64(0)
        up = e
        for _ in range(3):
            if up > 0 and (nodes[up, 0] > 3 or nodes[up, 0] == 0):
                near |= words[up]
            up = nodes[up, 1]
        mask = groups[e]
        for i in range(n_classes):
            row[at + i] = (near >> np.int64(i)) & 1
            row[at + n_classes + i] = (mask >> np.int64(i)) & 1
        at += 2 * n_classes
        mask = phrases[b]
        for i in range(n_phrases):
            row[at + i] = (mask >> np.int64(i)) & 1
