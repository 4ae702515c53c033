"""A text as patterns read it: digits, full-width signs, dashes and spaces as ASCII, one code point for one.

Positions stay those of the text, so what a pattern finds in the one is the same span of the other.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

Span = tuple[int, int]
# Full-width ASCII that has a part in numbers, addresses and keys; what ends a sentence stays.
_WIDE = "".join(chr(point) for point in (*range(0x21, 0x7F),) if chr(point) not in ",;!?")
_SIGNS = {
    "-": "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63",
    " ": "\xa0\xad\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009"
    "\u200a\u200b\u200c\u200d\u200e\u200f"
    "\u202a\u202b\u202c\u202d\u202e\u202f\u205f\u2060\u2066\u2067\u2068\u2069"
    "\u3000\ufeff",  # those of no width too
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
_ZONE = re.compile(r"\d[0-9 ().+/\[\]-]{5,}+")
_ASTRAL = re.compile("[\U00010000-\U0010ffff]")


@lru_cache(maxsize=1)
def _table() -> tuple[dict[str, str], re.Pattern[str], re.Pattern[str]]:
    """The ASCII form of a character; patterns of those in the basic plane of Unicode and of those beyond."""
    table = {chr(ord(char) + 0xFEE0): char for char in _WIDE}
    table |= {other: char for char, others in _SIGNS.items() for other in others}
    points = map(chr, range(0x80, _HIGHEST_DIGIT + 1))
    table |= {char: str(unicodedata.decimal(char)) for char in points if char.isdecimal()}
    near, far = ([char for char in table if (char > "\uffff") == beyond] for beyond in (False, True))
    return table, re.compile(f"[{''.join(near)}]"), re.compile(f"[{''.join(far)}]")


def ascii_forms(text: str) -> str:
    """The text with its digits and signs as ASCII; as many code points as before."""
    if text.isascii():
        return text
    table, near, far = _table()
    folded = near.sub(lambda match: table[match.group()], text)
    return far.sub(lambda match: table[match.group()], folded) if _ASTRAL.search(folded) else folded


def digit_zones(text: str) -> list[Span]:
    """[start, end) of runs of six and more digits and signs that stand between the groups of a number."""
    zones = []
    for match in _ZONE.finditer(text):
        start = match.start()
        while start and text[start - 1] in "(+[" and match.start() - start < 2:
            start -= 1
        zones.append((start, match.end()))
    return zones


def in_zones(pattern: re.Pattern[str], text: str, zones: list[Span]) -> Iterator[re.Match[str]]:
    """Matches of the pattern that begin and end in a zone, or with the two characters behind it."""
    for start, end in zones:
        yield from pattern.finditer(text, start, min(end + 2, len(text)))
