"""Fill in the middle at document level (Bavarian et al., 2022, arXiv 2207.14255): a text is cut into three
parts, which are reordered between sentinels.

    "onetwothree" cut at 3 and 6   PSM  ->  <prefix>one<suffix>three<middle>two
                                   SPM  ->  <prefix><suffix>three<middle>onetwo

The SPM form is the paper's variant that keeps prefix and middle adjacent. Both are reversible, since a text
that contains a sentinel is refused. A cut never falls inside a grapheme cluster.
"""

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import Literal

Mode = Literal["psm", "spm"]
# zero-width joiner, and the selectors of a text or emoji form
_JOINERS = "\u200d\ufe0e\ufe0f"


@dataclass(frozen=True)
class Sentinels:
    """The strings before the three parts: distinct, not empty, none contained in another.

    Raises ValueError when they are not.
    """

    prefix: str
    middle: str
    suffix: str

    def __post_init__(self) -> None:
        # one inside another would make the cut text ambiguous
        marks = (self.prefix, self.middle, self.suffix)
        if not all(marks) or any(marks[i] in marks[j] for i in range(3) for j in range(3) if i != j):
            raise ValueError(
                f"sentinels {', '.join(map(repr, marks))}: wanted three that are not empty, none "
                "inside another"
            )

    def occur_in(self, text: str) -> bool:
        """Whether a text contains a sentinel: it could not be distinguished from a cut text."""
        return any(mark in text for mark in (self.prefix, self.middle, self.suffix))


def draw(seed: int, key: str) -> tuple[float, float, float, float]:
    """Four uniform numbers in [0, 1) that depend on the seed and the key only."""
    # a hash and no random generator: rows are drawn alike in any order, partition and process
    digest = hashlib.blake2b(f"{seed}/{key}".encode(), digest_size=32).digest()
    first, second, third, fourth = (int.from_bytes(digest[i : i + 8], "big") / 2**64 for i in (0, 8, 16, 24))
    return first, second, third, fourth


def choose_cut(text: str, seed: int, key: str, rate: float, spm_rate: float) -> tuple[Mode, int, int] | None:
    """(mode, begin, end) of the middle in code points for a share `rate` of the keys, else None.

    `spm_rate` is the share of SPM among these; `key` names the copy of the document. None, too, for a text of
    fewer than three characters.
    """
    # all four numbers are drawn at once, so another `rate` cuts more texts but moves no cut
    is_cut, is_spm, one, other = draw(seed, key)
    if is_cut >= rate:
        return None
    begin, end = sorted(character_start(text, int(each * (len(text) + 1))) for each in (one, other))
    return None if len(text) < 3 else ("spm" if is_spm < spm_rate else "psm", begin, end)


def character_start(text: str, at: int) -> int:
    """The first position from `at` on that lies between two grapheme clusters."""
    # `_belongs` has the rules of Unicode Annex 29 that concern marks,
    # emoji, Hangul and line ends; Python's library has no grapheme clusters
    while 0 < at < len(text) and _belongs(text[at - 1], text[at]):
        at += 1
    return at


def _belongs(before: str, char: str) -> bool:
    if (
        unicodedata.category(char) in ("Mn", "Mc", "Me")
        or char in _JOINERS
        or before == "\u200d"
        or (before, char) == ("\r", "\n")
    ):
        return True
    # pairs of regional indicators are a flag, skin tones
    # belong to the emoji before, Jamo to their syllable
    flags = "\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= char <= "\U0001f1ff"
    return (
        flags
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or ("\u1100" <= before <= "\u11ff" and "\u1160" <= char <= "\u11ff")
    )


def cut(text: str, mode: Mode, begin: int, end: int, marks: Sentinels) -> str:
    """The text reordered around its middle `[begin, end)`, with the sentinels `marks`.

    Raises ValueError when the text contains a sentinel.
    """
    if marks.occur_in(text):
        raise ValueError(
            "the text holds a sentinel and could not be put together again; leave it out or choose "
            "other sentinels"
        )
    prefix, middle, suffix = text[:begin], text[begin:end], text[end:]
    if mode == "psm":
        return f"{marks.prefix}{prefix}{marks.suffix}{suffix}{marks.middle}{middle}"
    return f"{marks.prefix}{marks.suffix}{suffix}{marks.middle}{prefix}{middle}"


def undo_cut(text: str, marks: Sentinels) -> str:
    """The inverse of `cut`, in either mode. Raises ValueError when a sentinel is missing."""
    # both modes in one: PSM leaves the prefix in `head`, SPM leaves it at the front of `tail`
    head, has_suffix, rest = text.partition(marks.suffix)
    suffix, has_middle, tail = rest.partition(marks.middle)
    if not head.startswith(marks.prefix) or not has_suffix or not has_middle:
        raise ValueError("not a text that was cut: it wants its three sentinels in order")
    prefix = head[len(marks.prefix) :]
    return f"{prefix}{tail}{suffix}"
