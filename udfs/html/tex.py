"""Formulas of a page as the TeX they were written in, between dollar signs; the pictures of them go.

Wikipedia, KaTeX and MathJax keep the TeX in an annotation of MathML, in a script or in the text of an
image, where no extractor looks, and put beside it a rendering in which each character is an element of its
own.
"""

from __future__ import annotations

import html
import re

from gristmill.udfs.html import names
from gristmill.udfs.html.nodes import ATTRS, ATTRS_STOP, PARENT, START, STOP, TAG, Nodes
from gristmill.udfs.html.writing import unescape

# one of these is in every page that has a formula this module knows; searching bytes costs next to nothing
_SIGNS = (b"application/x-tex", b"math/tex", b"mwe-math", b"latex", b'"tex', b"katex")
_ATTRIBUTE = r"""\b%s\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+)"""
_CLASS, _ALT, _ENCODING, _TYPE = (
    re.compile((_ATTRIBUTE % name).encode(), re.IGNORECASE) for name in ("class", "alt", "encoding", "type")
)
_IMAGE = re.compile(rb"(?:^|[\s-])(?:mwe-math-fallback-image[\w-]*|(?:wp-)?latex|tex)(?:$|\s)")
# what stands around the annotation, all of it a rendering of the same formula
_AROUND = re.compile(
    rb"(?:^|\s)(?:katex[\w-]*|mwe-math-[\w-]*|mathjax[\w-]*|math-?ml|math)(?:$|\s)", re.IGNORECASE
)
# KaTeX has five elements around its annotation, Wikipedia four
_MOST_AROUND = 8
# drawn by MathJax 2 before the script that holds the TeX
_RENDERED = re.compile(rb"(?:^|\s)(?:MathJax(?:_\w+)?)(?:$|\s)")
_STYLE = re.compile(r"^\{\\(?:displaystyle|textstyle)\s*(.*?)\s*\}$", re.DOTALL)
_MATH, _ANNOTATION, _SCRIPT, _IMG = (names.NUMBER[name] for name in ("math", "annotation", "script", "img"))

Cut = tuple[int, int, bytes]


def has_formulas(data: bytes) -> bool:
    """Whether `data` may hold a formula that `keep_tex` finds."""
    return any(sign in data for sign in _SIGNS)


def keep_tex(data: bytes, nodes: Nodes) -> bytes:
    """The page (UTF-8) with `$...$` (a formula on a line of its own: `$$...$$`) in the place of each formula.

    `nodes`: those of `data`. A page without formulas comes back as it is.
    """
    cuts: list[Cut] = []
    for e in range(len(nodes.elements)):
        tag = int(nodes.elements[e, TAG])
        if tag == _ANNOTATION and b"tex" in _attribute(data, nodes, e, _ENCODING).lower():
            cuts.append(_annotation(data, nodes, e))
        elif tag == _SCRIPT and b"math/tex" in (kind := _attribute(data, nodes, e, _TYPE)):
            cuts.append((*_span(data, nodes, e), _dollars(_inner(data, nodes, e), b"display" in kind)))
        elif (
            tag == _IMG
            and _IMAGE.search(_attribute(data, nodes, e, _CLASS))
            and (alt := _attribute(data, nodes, e, _ALT))
        ):
            cuts.append((*_span(data, nodes, e), _dollars(alt.decode("utf-8", "replace"), False)))
    if any(nodes.elements[:, TAG] == _SCRIPT) and b"math/tex" in data:
        cuts += [
            (*_span(data, nodes, e), b"")
            for e in range(1, len(nodes.elements))
            if _RENDERED.search(_attribute(data, nodes, e, _CLASS))
        ]
    return _replaced(data, cuts)


def _annotation(data: bytes, nodes: Nodes, e: int) -> Cut:
    """The formula of an annotation in the place of `math`, and of all that is there to show it."""
    tex = _inner(data, nodes, e)
    around, is_display = e, False
    up = int(nodes.elements[e, PARENT])
    for _ in range(_MOST_AROUND):
        kind = _attribute(data, nodes, up, _CLASS)
        is_math = nodes.elements[up, TAG] == _MATH
        if is_math or _AROUND.search(kind):
            around = up
            is_display |= b"katex-display" in kind or (
                is_math and b'display="block"' in _tag(data, nodes, up)
            )
        elif around != e or not up:
            break
        up = int(nodes.elements[up, PARENT])
    return (*_span(data, nodes, around), _dollars(tex, is_display))


def _dollars(tex: str, is_display: bool) -> bytes:
    tex = unescape(tex).strip()
    if match := _STYLE.match(tex):
        tex = match[1]
    sign = "$$" if is_display else "$"
    return html.escape(f"{sign}{tex}{sign}", quote=False).encode() if tex else b""


def _replaced(data: bytes, cuts: list[Cut]) -> bytes:
    """`data` with each span replaced; of spans in one another the outermost counts, of equal ones the
    first."""
    parts, at = [], 0
    for start, stop, text in sorted(cuts, key=lambda cut: (cut[0], -cut[1])):
        if start >= at:
            parts += [data[at:start], text]
            at = stop
    return b"".join((*parts, data[at:])) if parts else data


def _tag(data: bytes, nodes: Nodes, e: int) -> bytes:
    return data[nodes.elements[e, ATTRS] : nodes.elements[e, ATTRS_STOP]]


def _attribute(data: bytes, nodes: Nodes, e: int, pattern: re.Pattern[bytes]) -> bytes:
    found = pattern.search(_tag(data, nodes, e))
    return found[1].strip(b"\"'") if found else b""


def _inner(data: bytes, nodes: Nodes, e: int) -> str:
    """What stands between the tags of an element."""
    return data[nodes.elements[e, ATTRS_STOP] + 1 : nodes.elements[e, STOP]].decode("utf-8", "replace")


def _span(data: bytes, nodes: Nodes, e: int) -> tuple[int, int]:
    """Where an element begins, and where its end tag ends."""
    start, stop = int(nodes.elements[e, START]), int(nodes.elements[e, STOP])
    name = data[start + 1 : nodes.elements[e, ATTRS]].lower()
    # an element that nobody closed stops at the end tag of another
    if data[stop : stop + 2 + len(name)].lower() == b"</" + name:
        stop = data.find(b">", stop) + 1 or len(data)
    return start, stop
