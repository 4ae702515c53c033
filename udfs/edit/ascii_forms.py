"""A copy of a text for patterns: digits of all scripts, full-width signs, dashes and spaces as ASCII.

Each code point becomes one code point, so a span in the copy is the same span of the text. Patterns
with classes of all digits and signs were tried first; they were longer and missed separators.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

Span = tuple[int, int]
# Full-width forms of the ASCII signs of numbers, addresses and keys. The marks that
# end a clause are left as they are: a value or a URL must not continue across them.
_WIDE = "".join(chr(point) for point in (*range(0x21, 0x7F),) if chr(point) not in ",;!?")
_SIGNS = {
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63",
    " ": "\xa0\xad\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u200b\u200c\u200d\u200e\u200f"
    "\u202a\u202b\u202c\u202d\u202e\u202f\u205f\u2060\u2066\u2067\u2068\u2069"
    "\u3000\ufeff",  # also spaces without width
    "(": "【〔﹙",
    ")": "】〕﹚",
    "+": "﹢",
    ".": "·・﹒",
    "@": "﹫",
    '"': "“”„",
    "'": "‘’",
    "~": "〜",
}
_HIGHEST_DIGIT = 0x1FBF9  # the last decimal digit of Unicode 15
# possessive (`+`): the pattern cannot give back characters and try again, so it is linear
_ZONE = re.compile(r"\d[0-9 ().+/\[\]-]{5,}+")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


@lru_cache(maxsize=1)
def _table() -> tuple[dict[str, str], re.Pattern[str], re.Pattern[str]]:
    """Character -> its ASCII form; a pattern of those within the basic plane, and one of those beyond it."""
    # two patterns, so that the second runs only on texts with characters beyond the basic plane
    table = {chr(ord(char) + 0xFEE0): char for char in _WIDE}
    table |= {other: char for char, others in _SIGNS.items() for other in others}
    points = map(chr, range(0x80, _HIGHEST_DIGIT + 1))
    table |= {char: str(unicodedata.decimal(char)) for char in points if char.isdecimal()}
    near, far = ([char for char in table if (char > "\uffff") == beyond] for beyond in (False, True))
    return table, re.compile(f"[{''.join(near)}]"), re.compile(f"[{''.join(far)}]")


def ascii_forms(text: str) -> str:
    """The text with its digits and signs as ASCII, in as many code points.

    "电话：１３８–１２３４"  ->  "电话:138-1234"
    """
    if text.isascii():
        return text
    table, near, far = _table()
    folded = near.sub(lambda match: table[match.group()], text)
    return far.sub(lambda match: table[match.group()], folded) if _ASTRAL.search(folded) else folded


def digit_zones(text: str) -> list[Span]:
    """Spans of six and more digits and signs that separate groups of digits.

    The patterns of numbers are tried in these spans only, which pays for their length.
    """
    zones = []
    for match in _ZONE.finditer(text):
        start = match.start()
        # up to two opening signs belong to a number: (+86) 138...
        while start and text[start - 1] in "(+[" and match.start() - start < 2:
            start -= 1
        zones.append((start, match.end()))
    return zones


def in_zones(pattern: re.Pattern[str], text: str, zones: list[Span]) -> Iterator[re.Match[str]]:
    """Matches of the pattern that begin in a zone and end in it or in the two characters behind it."""
    # two more: the check digit of a resident ID may be
    # a letter, and a lookahead needs the next character
    for start, end in zones:
        yield from pattern.finditer(text, start, min(end + 2, len(text)))
