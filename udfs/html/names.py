"""The elements of HTML that matter here: their numbers, and which of them do what in a page."""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

# In this order: the number of an element is its place. 0 is every other name (span, font, custom elements).
NAMES = (
    "", "html", "head", "body", "title", "base", "link", "meta", "style", "script", "noscript", "template",
    "p", "div", "section", "article", "main", "nav", "header", "footer", "aside", "h1", "h2", "h3", "h4",
    "h5", "h6", "hgroup", "address", "blockquote", "pre", "ul", "ol", "menu", "li", "dl", "dt", "dd",
    "figure", "figcaption", "hr", "table", "caption", "colgroup", "col", "thead", "tbody", "tfoot", "tr",
    "td", "th", "form", "fieldset", "legend", "label", "input", "button", "select", "option", "optgroup",
    "textarea", "details", "summary", "dialog", "center", "a", "b", "i", "u", "s", "em", "strong", "small",
    "big", "tt", "code", "font", "strike", "nobr", "br", "wbr", "img", "iframe", "object", "embed", "param",
    "video", "audio", "source", "track", "canvas", "svg", "math", "annotation", "area", "map", "frame",
    "frameset", "noframes", "noembed", "xmp", "search", "time", "q",
)  # fmt: skip
NUMBER = {name: at for at, name in enumerate(NAMES)}

# Bits of ROLES.
BLOCK, VOID, RAW, FORMATTING, ENDS_P, HEADING, UNSEEN = 1, 2, 4, 8, 16, 32, 64
_ROLES = {
    BLOCK: "html body p div section article main nav header footer aside h1 h2 h3 h4 h5 h6 hgroup address "
    "blockquote pre ul ol menu li dl dt dd figure figcaption hr table caption thead tbody tfoot tr td th "
    "form fieldset legend details summary dialog center button select option optgroup textarea search "
    "iframe video audio canvas noscript template frameset",
    VOID: "base link meta hr input br wbr img embed param source track area col frame",
    RAW: "title style script textarea iframe noframes noembed xmp",
    FORMATTING: "a b i u s em strong small big tt code font strike nobr",
    # the start tags that end an open paragraph, HTML Living Standard, section 13.2.6.4.7
    ENDS_P: "p div section article main nav header footer aside h1 h2 h3 h4 h5 h6 hgroup address blockquote "
    "pre ul ol menu li dl dt dd figure figcaption hr table form fieldset details summary dialog center "
    "search xmp",
    HEADING: "h1 h2 h3 h4 h5 h6",
    # what a reader of the page does not see as text
    UNSEEN: "head title style script template textarea select option iframe object canvas svg "
    "video audio noframes noembed",
}


@functools.cache
def roles() -> npt.NDArray[np.uint8]:
    """The bits of each number of NAMES."""
    found = np.zeros(len(NAMES), np.uint8)
    for bit, names in _ROLES.items():
        for name in names.split():
            found[NUMBER[name]] |= bit
    return found


@functools.cache
def hashes() -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int16]]:
    """FNV-1a of the names (64 bits, Fowler, Noll and Vo, public domain), rising, and their numbers."""
    pairs = sorted((_fnv(name.encode()), at) for at, name in enumerate(NAMES) if name)
    return np.array([h for h, _ in pairs], np.uint64), np.array([at for _, at in pairs], np.int16)


def _fnv(data: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    return value
