"""Fill in the middle at document level: a text is cut in three and told in another order, between sentinels
(Bavarian et al., 2022).

PSM: prefix, suffix, middle. SPM: suffix, prefix, middle, in the form that keeps the prefix and the middle
together. Both can be undone, as long as no text holds a sentinel. A cut never falls inside what a reader sees
as one character.
"""

import hashlib
import unicodedata
from dataclasses import dataclass
from typing import Literal

Mode = Literal["psm", "spm"]
_JOINERS = "\u200d\ufe0e\ufe0f"


@dataclass(frozen=True)
class Sentinels:
    """What marks the three parts; all different, none inside another."""

    prefix: str
    middle: str
    suffix: str

    def __post_init__(self) -> None:
        marks = (self.prefix, self.middle, self.suffix)
        if not all(marks) or any(marks[i] in marks[j] for i in range(3) for j in range(3) if i != j):
            raise ValueError(
                f"sentinels {', '.join(map(repr, marks))}: wanted three that are not empty, none "
                "inside another"
            )

    def held_by(self, text: str) -> bool:
        """Whether a text holds one of them: such a text could not be told from a cut one."""
        return any(mark in text for mark in (self.prefix, self.middle, self.suffix))


def draw(seed: int, key: str) -> tuple[float, float, float, float]:
    """Four numbers in [0, 1) that depend on the seed and the key only."""
    digest = hashlib.blake2b(f"{seed}/{key}".encode(), digest_size=32).digest()
    first, second, third, fourth = (int.from_bytes(digest[i : i + 8], "big") / 2**64 for i in (0, 8, 16, 24))
    return first, second, third, fourth


def choose(text: str, seed: int, key: str, rate: float, spm_rate: float) -> tuple[Mode, int, int] | None:
    """Mode and the two cuts (code points) for a share `rate` of the keys; None for the others and for a
    text of fewer than three characters."""
    is_cut, is_spm, one, other = draw(seed, key)
    if is_cut >= rate:
        return None
    begin, end = sorted((whole(text, int(one * (len(text) + 1))), whole(text, int(other * (len(text) + 1)))))
    return None if len(text) < 3 else ("spm" if is_spm < spm_rate else "psm", begin, end)


def whole(text: str, at: int) -> int:
    """The first place from `at` on that lies between two characters as a reader sees them."""
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
    flags = "\U0001f1e6" <= before <= "\U0001f1ff" and "\U0001f1e6" <= char <= "\U0001f1ff"
    return (
        flags
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or ("\u1100" <= before <= "\u11ff" and "\u1160" <= char <= "\u11ff")
    )


def cut(text: str, mode: Mode, begin: int, end: int, marks: Sentinels) -> str:
    """The text in its new order. Raises ValueError when it holds a sentinel."""
    if marks.held_by(text):
        raise ValueError(
            "the text holds a sentinel and could not be put together again; leave it out or choose "
            "other sentinels"
        )
    prefix, middle, suffix = text[:begin], text[begin:end], text[end:]
    if mode == "psm":
        return f"{marks.prefix}{prefix}{marks.suffix}{suffix}{marks.middle}{middle}"
    return f"{marks.prefix}{marks.suffix}{suffix}{marks.middle}{prefix}{middle}"


def joined(told: str, marks: Sentinels) -> str:
    """The text that `cut` was given, whichever its mode. Raises ValueError when a sentinel is missing."""
    head, found, rest = told.partition(marks.suffix)
    suffix, found_too, tail = rest.partition(marks.middle)
    if not head.startswith(marks.prefix) or not found or not found_too:
        raise ValueError("not a text that was cut: it wants its three sentinels in order")
    prefix = head[len(marks.prefix) :]
    return f"{prefix}{tail}{suffix}"
