"""Characters that are no letters and may still carry the meaning: `12 + 7` is not `12 - 7`, `5 %` not `5`.

The classes here say what a character can be; whether it counts where it stands is decided by its neighbours
(udfs/dedup/shingles.py, `_gap`), because prose has dashes, bullets and footnote stars that say nothing.
"""

import unicodedata

OPERATOR = 1
"""Mathematical symbols of Unicode (category Sm: + = × ÷ ≤ ≠ √ ∑ ∫ ± ...) and ^: prose hardly has them."""
AMBIGUOUS = 2
"""Operators that prose and markup use too: * / & ! · < > and arrows, and the ~ of a range."""
DASH = 3
"""The hyphen-minus and all dashes: a minus, a range, a hyphen, a pause."""
MARK = 4
"""What makes another quantity of a number (% ‰ ° ′ ″ #, a tone's ♭); currencies (Sc) but the dollar."""
JOINED = 5
"""What is a part of an operator where it stands beside one: round brackets."""

_NAMED = {
    AMBIGUOUS: "*/&~<>!·⋅∗∕⁄∼",
    DASH: "-‐‑‒–—―﹘﹣－",
    MARK: "%‰‱°′″#♭",
    JOINED: "()",
    OPERATOR: "^",
    # where LaTeX's formulas begin and end, what draws tables, and a bullet
    0: "$|∙",
}
_CLASSES = {char: kind for kind, chars in _NAMED.items() for char in chars}

SAME = {0x2044: "/", 0x2215: "/", 0x2217: "*", 0x223C: "~", 0x2212: "-"}
"""Signs that are another form of one: slashes of fraction and division, asterisk, tilde, minus."""

# Powers that NFKC would make digits of the number before them (2⁵ is not 25): written as people type them.
POWERS = {
    ord(power): "^" + unicodedata.normalize("NFKC", power).replace("\u2212", "-")
    for power in "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ"
}


def sign_class(char: str, category: str) -> int:
    """The class of a character of a general category of Unicode, 0 where it is no sign."""
    if (kind := _CLASSES.get(char)) is not None:
        return kind
    if category == "Sm":
        return AMBIGUOUS if "ARROW" in unicodedata.name(char, "") else OPERATOR
    return MARK if category == "Sc" else 0
