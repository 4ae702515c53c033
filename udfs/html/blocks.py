"""Blocks of text of a page: what is counted in each, and in the elements around it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import compiled, frozen
from gristmill.udfs.html import keywords, names
from gristmill.udfs.html.nodes import Nodes

# columns of Blocks.counts
WORDS, LINK_WORDS, HAN, LATIN, CHARS, ENDS, COMMAS, DIGITS, CAPITALS, LINKS, SIGNS, LAST, FIRST, LINES = (
    range(14)
)
N_COUNTS = 14
# columns of Blocks.sums
S_WORDS, S_LINK_WORDS, S_BLOCKS, S_ENDS, S_P_WORDS, S_LONG_WORDS, S_LINKS, S_HEADINGS = range(8)
N_SUMS = 8


@dataclass(frozen=True)
class Blocks:
    """The `b` blocks of a page whose text a reader sees, in their order.

    counts: (b, 14) float32: WORDS (Latin words and .6 for each Han character), LINK_WORDS, HAN, LATIN,
    CHARS, ENDS (of
        sentences), COMMAS, DIGITS, CAPITALS (words that begin with one), LINKS, SIGNS (bars, bullets,
        arrows), LAST (1 if the last character ends a sentence, .5 for a colon), FIRST (1 for a capital or
        Han, .5 for a small letter), LINES (`br`).
    phrases: (b,) int64, the groups of keywords.PHRASES.
    hashes: (b,) uint64, of its letters and digits.
    elements: (b,) int32, the innermost element of its first piece; `ids`: its number in Nodes.texts.
    sums: (e, 8) float32, over all blocks in each element: S_WORDS ... S_HEADINGS.
    """

    ids: npt.NDArray[np.int32]
    elements: npt.NDArray[np.int32]
    counts: npt.NDArray[np.float32]
    phrases: npt.NDArray[np.int64]
    hashes: npt.NDArray[np.uint64]
    sums: npt.NDArray[np.float32]


def count_blocks(nodes: Nodes) -> Blocks:
    """The blocks of a page, counted."""
    n = int(nodes.texts[-1, 3]) + 1 if len(nodes.texts) else 0
    counts, phrases = np.zeros((n, N_COUNTS), np.float32), np.zeros(n, np.int64)
    elements, hashes = np.full(n, -1, np.int32), np.zeros(n, np.uint64)
    tables = [frozen(table) for table in (names.roles(), *keywords.phrases())]
    _count(nodes.data, nodes.elements, nodes.texts, counts, phrases, elements, hashes, *tables)
    ids = np.flatnonzero((elements >= 0) & (counts[:, CHARS] > 0)).astype(np.int32)
    counts, elements = counts[ids], elements[ids]
    sums = np.zeros((len(nodes.elements), N_SUMS), np.float32)
    _sum(nodes.elements, elements, counts, sums, names.roles())
    return Blocks(ids, elements, counts, phrases[ids], hashes[ids], sums)


_A, _P, _BR, _BODY = (names.NUMBER[name] for name in ("a", "p", "br", "body"))


@compiled
def _count(
    data: npt.NDArray[np.uint8],
    nodes: npt.NDArray[np.int32],
    texts: npt.NDArray[np.int32],
    counts: npt.NDArray[np.float32],
    phrases: npt.NDArray[np.int64],
    elements: npt.NDArray[np.int32],
    hashes: npt.NDArray[np.uint64],
    roles: npt.NDArray[np.uint8],
    of_byte: npt.NDArray[np.uint8],
    table: npt.NDArray[np.int16],
    bits: npt.NDArray[np.int64],
) -> None:
    n = len(nodes)
    unseen, link = np.zeros(n, np.uint8), np.zeros(n, np.int32)
    for e in range(1, n):
        parent = nodes[e, 1]
        role = roles[nodes[e, 0]]
        unseen[e] = unseen[parent] | (role & 64)
        # Hidden letters within a line are there to spoil copies. A hidden block may be shown by a click.
        if nodes[e, 8] & 1 and not role & 1:
            unseen[e] = 1
        link[e] = e if nodes[e, 0] == _A and nodes[e, 8] & 2 else link[parent]
    last_link = np.int32(0)
    last_block = -1
    state = table[0, 0]
    for t in range(len(texts)):
        begin, end, element, block = texts[t, 0], texts[t, 1], texts[t, 2], texts[t, 3]
        if unseen[element]:
            continue
        row = counts[block]
        if block != last_block:
            state = table[0, 0]
            last_block = block
        elif nodes[element, 0] == _BR:
            row[13] += 1
        if elements[block] < 0:
            elements[block] = element
            hashes[block] = np.uint64(0xCBF29CE484222325)
        is_link = link[element] > 0
        if is_link and link[element] != last_link:
            row[9] += 1
            last_link = link[element]
        value = hashes[block]
        mask = phrases[block]
        in_word = False
        at = begin
        n_words = np.float32(0)
        while at < end:
            c = data[at]
            state = table[state, of_byte[c]]
            mask |= bits[state]
            kind = 0  # 1 letter, 2 digit, 3 Han, 4 other
            if c < 128:
                if 97 <= c <= 122:
                    kind = 1
                elif 65 <= c <= 90:
                    kind = 1
                    if not in_word:
                        row[8] += 1
                elif 48 <= c <= 57:
                    kind = 2
                elif c == 38:
                    # a reference: one character, a letter only where that does not matter
                    stop = at + 1
                    while stop < end and stop < at + 12 and data[stop] != 59 and data[stop] > 32:
                        stop += 1
                    if stop < end and data[stop] == 59 and stop > at + 1:
                        code = 0
                        if data[at + 1] == 35:
                            if data[at + 2] | 32 == 120:
                                for i in range(at + 3, stop):
                                    h = data[i]
                                    code = code * 16 + (h - 48 if h <= 57 else (h | 32) - 87)
                            else:
                                for i in range(at + 2, stop):
                                    code = code * 10 + data[i] - 48
                        kind = 3 if 0x3400 <= code <= 0x9FFF or 0xF900 <= code <= 0xFAFF else 4
                        if data[at + 1] == 110 and data[at + 2] == 98:
                            kind = 0
                        at = stop
                    else:
                        kind = 4
                elif c > 32:
                    kind = 4
                    if c == 46 or c == 33 or c == 63:
                        # of a sentence, if a blank or nothing follows
                        if at + 1 >= end or data[at + 1] <= 32 or data[at + 1] == 34:
                            row[5] += 1
                        row[11] = 1
                    elif c == 44 or c == 59:
                        row[6] += 1
                        row[11] = 0
                    elif c == 58:
                        row[11] = 0.5
                    elif c == 124 or c == 62:
                        row[10] += 1
                        row[11] = 0
                    elif c != 34 and c != 39 and c != 41:
                        row[11] = 0
                at += 1
            else:
                code = 0
                if c < 0xE0:
                    code = (c & 0x1F) << 6 | (data[at + 1] & 0x3F if at + 1 < end else 0)
                    width = 2
                elif c < 0xF0:
                    code = (c & 0x0F) << 12
                    if at + 2 < end:
                        code |= (np.int64(data[at + 1]) & 0x3F) << 6 | (data[at + 2] & 0x3F)
                    width = 3
                else:
                    code = 0x20000
                    width = 4
                for i in range(at + 1, min(at + width, end)):
                    state = table[state, of_byte[data[i]]]
                    mask |= bits[state]
                at += width
                if code == 0xA0 or code == 0x3000 or code == 0x200B or code == 0xFEFF:
                    kind = 0
                elif (
                    0x2E80 <= code <= 0x2FFF
                    or 0x3040 <= code <= 0x9FFF
                    or 0xAC00 <= code <= 0xD7AF
                    or 0xF900 <= code <= 0xFAFF
                    or code == 0x20000
                ):
                    kind = 3
                elif code < 0xC0 or 0x2000 <= code <= 0x2BFF or 0x3000 <= code <= 0x303F or code >= 0xFE00:
                    kind = 4
                    if code == 0x3002 or code == 0xFF01 or code == 0xFF1F or code == 0x2026:
                        row[5] += 1
                        row[11] = 1
                    elif code == 0xFF0C or code == 0x3001 or code == 0xFF1B:
                        row[6] += 1
                        row[11] = 0
                    elif code == 0xFF1A:
                        row[11] = 0.5
                    elif code == 0xB7 or code == 0xBB or code == 0x203A or code == 0x2022 or code == 0xAB:
                        row[10] += 1
                        row[11] = 0
                    elif not (0x2018 <= code <= 0x201F or code == 0x300D or code == 0x300F or code == 0xFF09):
                        row[11] = 0
                else:
                    kind = 1
            if kind == 0:
                in_word = False
                continue
            if row[4] == 0:
                row[12] = 1 if (65 <= c <= 90 or kind == 3) else (0.5 if kind == 1 else 0)
            row[4] += 1
            if kind == 4:
                in_word = False
                continue
            row[11] = 0
            value = (value ^ np.uint64(c)) * np.uint64(0x100000001B3)
            if kind == 3:
                row[2] += 1
                n_words += np.float32(0.6)
                in_word = False
                continue
            if kind == 2:
                row[7] += 1
            if not in_word:
                in_word = True
                row[3] += 1
                n_words += np.float32(1)
        row[0] += n_words
        if is_link:
            row[1] += n_words
        phrases[block] = mask
        hashes[block] = value


@compiled
def _sum(
    nodes: npt.NDArray[np.int32],
    elements: npt.NDArray[np.int32],
    counts: npt.NDArray[np.float32],
    sums: npt.NDArray[np.float32],
    roles: npt.NDArray[np.uint8],
) -> None:
    in_p, in_heading = np.zeros(len(nodes), np.uint8), np.zeros(len(nodes), np.uint8)
    for e in range(1, len(nodes)):
        parent = nodes[e, 1]
        in_p[e] = in_p[parent] | (nodes[e, 0] == _P)
        in_heading[e] = in_heading[parent] | (roles[nodes[e, 0]] & 32)
    for b in range(len(elements)):
        e = elements[b]
        sums[e, 0] += counts[b, 0]
        sums[e, 1] += counts[b, 1]
        sums[e, 2] += 1
        sums[e, 3] += counts[b, 5]
        if in_p[e]:
            sums[e, 4] += counts[b, 0]
        if counts[b, 0] >= 15:
            sums[e, 5] += counts[b, 0]
        sums[e, 6] += counts[b, 9]
        if in_heading[e]:
            sums[e, 7] += 1
    for e in range(len(nodes) - 1, 0, -1):
        parent = nodes[e, 1]
        for i in range(8):
            sums[parent, i] += sums[e, i]
