"""Signs that may change the meaning of a text: `12 + 7` is not `12 - 7`, and `5 %` is not `5`.

A class says what a sign can be. Whether it counts in a text depends on its neighbours
(udfs/dedup/shingles.py, `_gap`), because prose has dashes, bullets and footnote stars without a meaning. Each
sign as a token of its own was tried: markup and code that differ in punctuation cost 19 of 1,812 labelled
pairs of near-duplicates.
"""

import unicodedata

OPERATOR = 1
"""Mathematical symbols of Unicode (category Sm: + = × ÷ ≤ ≠ √ ∑ ∫ ± ...) and ^, which are rare in prose."""
AMBIGUOUS = 2
"""Operators that prose and markup use as well: * / & ! · < > and arrows, and the ~ of a range."""
DASH = 3
"""The hyphen-minus and all dashes: a minus, a range, a hyphen, a pause."""
MARK = 4
"""Signs that make another quantity of a number (% ‰ ° ′ ″ #, a tone's ♭); currencies (Sc) but the dollar."""
JOINED = 5
"""Signs that belong to an operator next to them: round brackets."""

_NAMED = {
    AMBIGUOUS: "*/&~<>!·⋅∗∕⁄∼",
    DASH: "-‐‑‒–—―﹘﹣－",
    MARK: "%‰‱°′″#♭",
    JOINED: "()",
    OPERATOR: "^",
    # no signs: $ begins and ends formulas of LaTeX, | draws tables, ∙ is a bullet
    0: "$|∙",
}
_CLASSES = {char: kind for kind, chars in _NAMED.items() for char in chars}

SAME = {0x2044: "/", 0x2215: "/", 0x2217: "*", 0x223C: "~", 0x2212: "-"}
"""Other forms of a sign -> the sign: slashes of fraction and division, asterisk, tilde, minus."""

# Powers, written as people type them: NFKC would make them digits of the number before (2⁵
# is not 25). Lower indices are not here, since two extractions of one paper differ in them.
POWERS = {
    ord(power): "^" + unicodedata.normalize("NFKC", power).replace("\u2212", "-")
    for power in "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ"
}


def sign_class(char: str, category: str) -> int:
    """The class of a character with the Unicode category `category`; 0 for no sign."""
    if (kind := _CLASSES.get(char)) is not None:
        return kind
    # arrows are bullets and menu paths in prose, so they are no certain operators
    if category == "Sm":
        return AMBIGUOUS if "ARROW" in unicodedata.name(char, "") else OPERATOR
    return MARK if category == "Sc" else 0
