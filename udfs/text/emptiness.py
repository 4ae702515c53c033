"""Whether a text has any content: a letter, a digit or a meaningful symbol that a reader can see."""

from __future__ import annotations

import re
import unicodedata

# Letters without a glyph (the fillers of Hangul), and symbols without a
# meaning: the blank of Braille, the replacements of objects and broken
# characters, the signs of ASCII (and their wide forms) that make lines.
_FILLERS = "\u115f\u1160\u3164\uffa0"
_NO_SYMBOLS = frozenset("+<=>|~＋＜＝＞｜～￤￨\u2800\ufffc\ufffd\U0001d159")
# box drawing, block elements and geometric shapes: lines, bars, bullets
_DRAWN = range(0x2500, 0x2600)
# Python's \w is letters (L*), numbers (N*) and the
# underscore; marks (M*), which need a letter, are not in it
_seen = re.compile(rf"[^\W_{_FILLERS}]").search


def has_no_content(text: str) -> bool:
    """True when no character is a letter or number of any script (L*, N*), or a symbol (Sm, Sc, So).

        "***", "\\u200b..."  ->  True;   "5", "€", "水"  ->  False

    Punctuation, white space, marks, modifiers and control, format, private and unassigned characters (P*, Z*,
    M*, Sk, C*) do not count. Nor do letters without a glyph, and symbols that serve as lines.
    """
    # the search stops at the first letter, so only texts without one are read in full
    return _seen(text) is None and not any(map(_means, set(text)))


def _means(char: str) -> bool:
    return (
        unicodedata.category(char) in ("Sm", "Sc", "So")
        and char not in _NO_SYMBOLS
        and ord(char) not in _DRAWN
    )
