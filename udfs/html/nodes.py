"""HTML to elements and pieces of text, in one pass of bounded cost.

This is no conforming parser: a browser moves what is nested wrongly, here it stays where it stands. Nothing
recurs, and each byte is looked at once, each end tag at no more than the open elements. So a page that was
made to exhaust a parser is found out before a parser sees it: its elements, depth, attributes and the
formatting elements that a browser would open again are counted here, and the scan stops at the limits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gristmill.udfs.arrow.compiled import Bytes, compiled, frozen
from gristmill.udfs.html import keywords, names

# columns of Nodes.elements
TAG, PARENT, DEPTH, START, STOP, ATTRS, ATTRS_STOP, CLASS_HASH, FLAGS = range(9)
# columns of Nodes.texts
BEGIN, END, ELEMENT, BLOCK = range(4)
# bits of the column FLAGS
HIDDEN, HAS_HREF = 1, 2
# what stopped a scan
WHOLE, TOO_MANY_NODES, TOO_DEEP, TOO_MANY_ATTRIBUTES = range(4)


@dataclass(frozen=True)
class Limits:
    """What a page may cost. See the recipe for where the numbers come from."""

    max_nodes: int
    max_depth: int
    max_attributes: int  # of one element


@dataclass(frozen=True)
class Nodes:
    """A page of `e` elements and `t` pieces of text, both in the order of the page.

    elements: (e, 9) int32, columns TAG (a number of names.NAMES), PARENT (row; the first is its own), DEPTH,
        START and STOP (bytes: where its tag begins, and where its end tag does), ATTRS and ATTRS_STOP
        (bytes: its attributes), CLASS_HASH (of `class`; 0: none) and FLAGS.
    keywords: (e,) int64, the groups of keywords.CLASSES in the names of the element itself.
    texts: (t, 4) int32, columns BEGIN, END (bytes), ELEMENT (row) and BLOCK (rising from 0). Pieces
        of nothing but white space are left out between blocks.
    stopped_by: WHOLE, or the limit that was passed; then the rest of the page is missing.
    """

    data: Bytes
    elements: npt.NDArray[np.int32]
    keywords: npt.NDArray[np.int64]
    texts: npt.NDArray[np.int32]
    stopped_by: int


def read_nodes(data: bytes, limits: Limits) -> Nodes:
    """The elements and texts of `data`, UTF-8."""
    view = frozen(np.frombuffer(data, np.uint8))
    n_tags = min(data.count(b"<"), limits.max_nodes) + 2
    elements, words = np.zeros((n_tags, 9), np.int32), np.zeros(n_tags, np.int64)
    # a piece may follow each end tag, too
    texts = np.zeros((min(data.count(b"<"), 2 * limits.max_nodes) + 3, 4), np.int32)
    hashes, numbers = names.hashes()
    tables = [frozen(each) for each in (hashes, numbers, names.roles(), *keywords.classes())]
    bounds = (limits.max_nodes, limits.max_depth, limits.max_attributes)
    n, m, stopped_by = _scan(view, elements, words, texts, *tables, *bounds)
    return Nodes(view, elements[:n], words[:n], texts[:m], stopped_by)


_P, _LI, _DT, _DD, _TR, _TD, _TH = (names.NUMBER[name] for name in ("p", "li", "dt", "dd", "tr", "td", "th"))
_TABLE, _UL, _OL, _DL, _A, _BR = (names.NUMBER[name] for name in ("table", "ul", "ol", "dl", "a", "br"))
_THEAD, _TBODY, _TFOOT = (names.NUMBER[name] for name in ("thead", "tbody", "tfoot"))
_OPTION, _BUTTON, _PRE, _BODY = (names.NUMBER[name] for name in ("option", "button", "pre", "body"))
_SVG, _MATH, _HTML, _SELECT = (names.NUMBER[name] for name in ("svg", "math", "html", "select"))
_MENU, _HEAD, _TITLE, _OPTGROUP = (names.NUMBER[name] for name in ("menu", "head", "title", "optgroup"))


@compiled
def _scan(
    data: npt.NDArray[np.uint8],
    elements: npt.NDArray[np.int32],
    words: npt.NDArray[np.int64],
    texts: npt.NDArray[np.int32],
    hashes: npt.NDArray[np.uint64],
    numbers: npt.NDArray[np.int16],
    roles: npt.NDArray[np.uint8],
    of_byte: npt.NDArray[np.uint8],
    table: npt.NDArray[np.int16],
    bits: npt.NDArray[np.int64],
    max_nodes: int,
    max_depth: int,
    max_attributes: int,
) -> tuple[int, int, int]:
    """Fill `elements`, `words` and `texts`; the number of rows of both, and what stopped the scan."""
    size = len(data)
    stack = np.zeros(max_depth + 2, np.int32)
    n_open = np.zeros(len(roles), np.int32)
    # a root of no name, so that each element has a parent
    elements[0, 4] = size
    depth, n, m, block, at = 0, 1, 0, 0, 0
    is_new_block = True
    foreign = pre = 0
    # formatting elements that were closed by their parent: a browser opens each again in the next block
    torn = rebuilt = stray = 0
    while at < size:
        # --- text up to the next tag
        begin = at
        is_blank = True
        while at < size:
            c = data[at]
            if c == 60 and at + 1 < size:
                d = data[at + 1]
                if (65 <= d <= 90) or (97 <= d <= 122) or d == 33 or d == 63:
                    break
                if d == 47 and at + 2 < size:
                    break
            if c > 32:
                is_blank = False
            at += 1
        # a blank between two pieces of one block parts words
        if at > begin and (not is_blank or pre > 0 or not is_new_block):
            if m >= len(texts):
                return n, m, 1
            if is_new_block and not is_blank:
                block += 1
                is_new_block = False
            if block > 0:
                texts[m, 0], texts[m, 1], texts[m, 2] = begin, at, stack[depth]
                texts[m, 3] = block - 1
                m += 1
        if at >= size:
            break
        tag_at = at
        d = data[at + 1]
        # --- comments, doctype, processing instructions, CDATA
        if d == 33 or d == 63:
            if at + 3 < size and data[at + 2] == 45 and data[at + 3] == 45:
                at += 4
                # `<!-->` and `<!--->` are whole comments
                if at < size and data[at] == 62:
                    at += 1
                    continue
                if at + 1 < size and data[at] == 45 and data[at + 1] == 62:
                    at += 2
                    continue
                while at < size:
                    if data[at] == 62 and data[at - 1] == 45 and data[at - 2] == 45:
                        break
                    if data[at] == 62 and data[at - 1] == 33 and data[at - 2] == 45 and data[at - 3] == 45:
                        break
                    at += 1
                at += 1
            else:
                while at < size and data[at] != 62:
                    at += 1
                at += 1
            continue
        is_end = d == 47
        at += 2 if is_end else 1
        if is_end and not ((65 <= data[at] <= 90) or (97 <= data[at] <= 122)):
            while at < size and data[at] != 62:
                at += 1
            at += 1
            continue
        # --- the name
        value = np.uint64(0xCBF29CE484222325)
        while at < size:
            c = data[at]
            if c <= 32 or c == 47 or c == 62:
                break
            if 65 <= c <= 90:
                c += np.uint8(32)
            value = (value ^ np.uint64(c)) * np.uint64(0x100000001B3)
            at += 1
        found = np.searchsorted(hashes, value)
        tag = 0
        if found < len(hashes) and hashes[found] == value:
            tag = numbers[found]
        # --- the attributes
        attrs = at
        n_attributes = 0
        flags = 0
        mask = np.int64(0)
        class_hash = np.uint64(0)
        is_closed = False
        while at < size:
            while at < size and (data[at] <= 32 or data[at] == 47):
                is_closed = data[at] == 47
                at += 1
            if at >= size or data[at] == 62:
                break
            is_closed = False
            n_attributes += 1
            if n_attributes > max_attributes:
                return n, m, 3
            name_at = at
            name_hash = np.uint64(0xCBF29CE484222325)
            while at < size:
                c = data[at]
                if c <= 32 or c == 62 or (c == 47) or (c == 61 and at > name_at):
                    break
                if 65 <= c <= 90:
                    c += np.uint8(32)
                name_hash = (name_hash ^ np.uint64(c)) * np.uint64(0x100000001B3)
                at += 1
            name_stop = at
            while at < size and data[at] <= 32:
                at += 1
            value_at = value_stop = at
            if at < size and data[at] == 61:
                at += 1
                while at < size and data[at] <= 32:
                    at += 1
                if at < size and (data[at] == 34 or data[at] == 39):
                    quote = data[at]
                    at += 1
                    value_at = at
                    while at < size and data[at] != quote:
                        at += 1
                    value_stop = at
                    at += 1
                else:
                    value_at = at
                    while at < size and data[at] > 32 and data[at] != 62:
                        at += 1
                    value_stop = at
            length = name_stop - name_at
            first = data[name_at] | 32
            if is_end:
                continue
            # class, id, role, itemprop, itemtype, aria-label
            is_class = length == 5 and first == 99 and (data[name_at + 1] | 32) == 108
            is_id = length == 2 and first == 105
            is_role = length == 4 and first == 114 and (data[name_at + 1] | 32) == 111
            is_item = length == 8 and first == 105 and (data[name_at + 1] | 32) == 116
            if is_class or is_id or is_role or is_item:
                state = table[0, of_byte[32]]
                for i in range(value_at, value_stop):
                    c = data[i]
                    state = table[state, of_byte[c]]
                    mask |= bits[state]
                    if is_class:
                        class_hash = (class_hash ^ np.uint64(c)) * np.uint64(0x100000001B3)
                        class_hash += np.uint64(1)
                state = table[state, of_byte[32]]
                mask |= bits[state]
            elif length == 4 and first == 104 and (data[name_at + 1] | 32) == 114:
                flags |= 2
            elif length == 6 and first == 104 and (data[name_at + 1] | 32) == 105:
                flags |= 1
            elif length == 5 and first == 115 and (data[name_at + 1] | 32) == 116:
                # style: display:none, visibility:hidden
                for i in range(value_at, value_stop - 3):
                    if data[i] == 58 or data[i] == 32:
                        a, b, c, e = data[i + 1], data[i + 2], data[i + 3], 0
                        if i + 4 < value_stop:
                            e = data[i + 4]
                        is_none = a == 110 and b == 111 and c == 110 and e == 101
                        if is_none or (a == 104 and b == 105 and c == 100 and e == 100):
                            j = i
                            while j > value_at and (data[j] == 32 or data[j] == 58):
                                j -= 1
                            # of `display` and `visibility`
                            if data[j] == 121:
                                flags |= 1
        attrs_stop = min(at, size)
        at += 1
        role = roles[tag]
        if tag == _BR and is_end:
            is_end = False
        if role & 1 and (pre == 0 or tag == _PRE):
            is_new_block = True
        if is_end:
            if n_open[tag] == 0:
                # a browser makes an element of `</p>`, and looks through all that are open for others
                stray += 1
                if n + stray > max_nodes:
                    return n, m, 1
            if n_open[tag] > 0 and (tag > 0):
                # the open element of this name, unless a table or (for formatting) a block lies between
                k = depth
                reached = False
                while k > 0:
                    other = elements[stack[k], 0]
                    if other == tag:
                        reached = True
                        break
                    if role & 8 and tag != _A and roles[other] & 1:
                        break
                    if (other == _TD or other == _TH or other == _TABLE) and not (
                        tag == _TD
                        or tag == _TH
                        or tag == _TR
                        or tag == _TABLE
                        or tag == _TBODY
                        or tag == _THEAD
                        or tag == _TFOOT
                        or tag == _BODY
                        or tag == _HTML
                    ):
                        break
                    k -= 1
                # content after the end of body still belongs to it
                if reached and tag != _BODY and tag != _HTML:
                    while depth >= k:
                        row = stack[depth]
                        gone = elements[row, 0]
                        n_open[gone] -= 1
                        elements[row, 4] = tag_at
                        if depth > k and roles[gone] & 8:
                            torn += 1
                        if gone == _SVG or gone == _MATH:
                            foreign -= 1
                        if gone == _PRE:
                            pre -= 1
                        depth -= 1
            elif tag == 0 and depth > 0 and elements[stack[depth], 0] == 0:
                # an unknown name closes the innermost element only if that is of no known name either
                n_open[0] -= 1
                elements[stack[depth], 4] = tag_at
                depth -= 1
            continue
        # --- a start tag: first what it closes
        k = depth
        close_to = depth + 1
        if role & 16 and n_open[_P] > 0:
            while k > 0:
                other = elements[stack[k], 0]
                if other == _P:
                    close_to = k
                    break
                if roles[other] & 1:
                    break
                k -= 1
        if tag == _LI or tag == _DT or tag == _DD:
            k = depth
            while k > 0:
                other = elements[stack[k], 0]
                if other == tag or (tag != _LI and (other == _DT or other == _DD)):
                    close_to = min(close_to, k)
                    break
                if other == _UL or other == _OL or other == _DL or other == _MENU:
                    break
                if other == _TD or other == _TH or other == _TABLE:
                    break
                k -= 1
        elif tag == _TR or tag == _TD or tag == _TH or tag == _THEAD or tag == _TBODY or tag == _TFOOT:
            k = depth
            while k > 0:
                other = elements[stack[k], 0]
                if other == _TABLE:
                    break
                if other == _TD or other == _TH:  # noqa: SIM114
                    close_to = min(close_to, k)
                elif other == _TR and tag != _TD and tag != _TH:  # noqa: SIM114
                    close_to = min(close_to, k)
                elif (other == _THEAD or other == _TBODY or other == _TFOOT) and (
                    tag == _THEAD or tag == _TBODY or tag == _TFOOT
                ):
                    close_to = min(close_to, k)
                k -= 1
            # outside of any table nothing is closed
            if k == 0:
                close_to = depth + 1
        elif tag == _OPTION or tag == _OPTGROUP:
            if elements[stack[depth], 0] == _OPTION:
                close_to = depth
        elif tag == _BODY:
            k = depth
            while k > 0:
                if elements[stack[k], 0] == _HEAD:
                    close_to = k
                    break
                k -= 1
        elif tag == _A and n_open[_A] > 0:
            k = depth
            while k > 0:
                other = elements[stack[k], 0]
                if other == _A:
                    close_to = k
                    break
                if roles[other] & 1:
                    break
                k -= 1
        elif role & 32 and roles[elements[stack[depth], 0]] & 32:
            close_to = depth
        elif role & 16 and elements[stack[depth], 0] == _HEAD and tag != _TITLE:
            # content begins although nobody closed the head
            close_to = depth
        while depth >= close_to:
            row = stack[depth]
            gone = elements[row, 0]
            n_open[gone] -= 1
            elements[row, 4] = tag_at
            if roles[gone] & 8 and gone != tag:
                torn += 1
            if gone == _SVG or gone == _MATH:
                foreign -= 1
            if gone == _PRE:
                pre -= 1
            depth -= 1
        if n + stray > max_nodes:
            return n, m, 1
        if role & 1:
            rebuilt += torn
            if rebuilt > 8 * max_nodes:
                return n, m, 1
        elements[n, 0] = tag
        elements[n, 1] = stack[depth]
        elements[n, 2] = depth + 1
        elements[n, 3] = tag_at
        elements[n, 4] = size
        elements[n, 5] = attrs
        elements[n, 6] = attrs_stop
        elements[n, 7] = np.int32((class_hash ^ (class_hash >> np.uint64(32))) & np.uint64(0x7FFFFFFF))
        elements[n, 8] = flags
        words[n] = mask
        row = n
        n += 1
        if role & 4 and not foreign:
            # raw text runs to its own end tag, whatever stands in it
            length = attrs - tag_at - 1
            body = at
            while at < size:
                if data[at] == 60 and at + length + 1 < size and data[at + 1] == 47:
                    is_same = True
                    for i in range(length):
                        if (data[at + 2 + i] | 32) != (data[tag_at + 1 + i] | 32):
                            is_same = False
                            break
                    if is_same:
                        c = data[at + 2 + length] if at + 2 + length < size else np.uint8(62)
                        if c <= 32 or c == 47 or c == 62:
                            break
                at += 1
            elements[row, 4] = at
            if tag == _TITLE and at > body and m < len(texts):
                texts[m, 0], texts[m, 1], texts[m, 2], texts[m, 3] = body, at, row, max(block - 1, 0)
                if block == 0:
                    block = 1
                is_new_block = True
                m += 1
            while at < size and data[at] != 62:
                at += 1
            at += 1
            continue
        if role & 2 or (is_closed and foreign > 0):
            elements[row, 4] = at
            continue
        depth += 1
        if depth > max_depth:
            return n, m, 2
        stack[depth] = row
        n_open[tag] += 1
        if tag == _SVG or tag == _MATH:
            foreign += 1
        if tag == _PRE:
            pre += 1
    return n, m, 0
