"""Whether a text says anything at all: whether a reader sees a letter, a digit or a symbol of meaning in
it."""

from __future__ import annotations

import re
import unicodedata

# Letters that are drawn as nothing (the fillers of Hangul), and symbols that stand for no meaning: the blank
# of Braille, what replaces an object or a broken character, the signs of ASCII (and their wide forms) of
# which lines are drawn.
_FILLERS = "\u115f\u1160\u3164\uffa0"
_NO_SYMBOLS = frozenset("+<=>|~＋＜＝＞｜～￤￨\u2800\ufffc\ufffd\U0001d159")
# box drawing, block elements, geometric shapes: lines, bars and bullets
_DRAWN = range(0x2500, 0x2600)
# Python's \w is the letters (L*), the numbers (N*) and the underscore: marks (M*) alone are none.
_seen = re.compile(rf"[^\W_{_FILLERS}]").search


def says_nothing(text: str) -> bool:
    """True when no character is a letter or number of any script (L*, N*), or a symbol of mathematics, money
    or pictures (Sm, Sc, So).

    Punctuation, white space, marks, modifiers and control, format, private and unassigned characters (P*, Z*,
    M*, Sk, C*) do not count, nor do letters that are drawn as nothing and symbols that are only drawn. The
    first letter decides: most texts cost one look.
    """
    return _seen(text) is None and not any(map(_means, set(text)))


def _means(char: str) -> bool:
    return (
        unicodedata.category(char) in ("Sm", "Sc", "So")
        and char not in _NO_SYMBOLS
        and ord(char) not in _DRAWN
    )
