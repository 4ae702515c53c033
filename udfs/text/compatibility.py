"""Compatibility characters of Unicode: which are another form of a letter, and which have a meaning of their
own.

NFKC replaces both: `2⁵` becomes `25`, `1½` becomes `11⁄2`, `ℝ` `R`, `①` `1`. Where texts are compared as
exact copies only the first kind may be folded. The tag of a decomposition (Unicode Annex 44, 5.7.3) separates
them.
"""

import unicodedata
from functools import lru_cache

# Forms of the same letters: another width, position or joining
# form; <square> packs a unit (㎏), <compat> is the rest (ﬁ, Ⅷ, ⼀).
_TAGS = "wide narrow small vertical noBreak initial medial final isolated square compat"
TYPOGRAPHIC = frozenset(f"<{tag}>" for tag in _TAGS.split())
"""Characters with another tag are left: super, sub, fraction, circle, font (ℝ is not R in mathematics)."""
# ⑴, ⒈, 🄁 are <compat>, too, but `⒈5` must not become 1.5
_NUMBERED = (range(0x2474, 0x249C), range(0x1F101, 0x1F10B))


@lru_cache(maxsize=1)
def typographic() -> dict[int, str]:
    """Code point -> the text of which it is a typographic form, for every character that is one."""
    expanded = {point: _expanded(chr(point)) for point in (*range(0xA0, 0xD800), *range(0xF900, 0x32400))}
    return {point: to for point, to in expanded.items() if to != chr(point)}


def _expanded(char: str) -> str:
    parts = unicodedata.decomposition(char).split()
    tag = parts.pop(0) if parts and parts[0].startswith("<") else ""
    if not parts or (tag and tag not in TYPOGRAPHIC) or any(ord(char) in block for block in _NUMBERED):
        return char
    inner = [chr(int(part, 16)) for part in parts]
    folded = "".join(map(_expanded, inner))
    # a decomposition without a tag is canonical (a
    # letter and its accent), and NFC composes it again
    return folded if tag or folded != "".join(inner) else char


def fold_forms(text: str) -> str:
    """NFKC without the characters that have a meaning of their own: typographic forms folded, then NFC.

    "ﬁｎｅ 2⁵"  ->  "fine 2⁵"
    """
    return unicodedata.normalize("NFC", text.translate(typographic()))
