"""Compatibility characters of Unicode: which are another form of a letter, and which say something of their
own.

NFKC takes both for the letter itself: `2⁵` becomes `25`, `1½` `11⁄2`, `ℝ` `R`, `①` `1`. Where an exact copy
is claimed only the first kind may be folded. The tag of a decomposition (Unicode Annex 44, 5.7.3) tells which
it is.
"""

import unicodedata
from functools import lru_cache

# Another width, place or joining form of the same letters; <square> packs a unit (㎏), <compat> is the rest
# (ﬁ, Ⅷ, ⼀).
_TAGS = "wide narrow small vertical noBreak initial medial final isolated square compat"
TYPOGRAPHIC = frozenset(f"<{tag}>" for tag in _TAGS.split())
"""Other tags keep their character: super, sub, fraction, circle, and font, by which mathematics
tells ℝ from R."""
# ⑴, ⒈, 🄁 are <compat>, but `⒈5` is not 1.5
_NUMBERED = (range(0x2474, 0x249C), range(0x1F101, 0x1F10B))


@lru_cache(maxsize=1)
def typographic() -> dict[int, str]:
    """Code point to what it is a typographic form of, for every character that is one."""
    expanded = {point: _expanded(chr(point)) for point in (*range(0xA0, 0xD800), *range(0xF900, 0x32400))}
    return {point: to for point, to in expanded.items() if to != chr(point)}


def _expanded(char: str) -> str:
    parts = unicodedata.decomposition(char).split()
    tag = parts.pop(0) if parts and parts[0].startswith("<") else ""
    if not parts or (tag and tag not in TYPOGRAPHIC) or any(ord(char) in block for block in _NUMBERED):
        return char
    inner = [chr(int(part, 16)) for part in parts]
    folded = "".join(map(_expanded, inner))
    # a letter with its accent is NFC's to compose
    return folded if tag or folded != "".join(inner) else char


def fold_forms(text: str) -> str:
    """NFKC, but for the characters that say something of their own: typographic forms, then NFC."""
    return unicodedata.normalize("NFC", text.translate(typographic()))
