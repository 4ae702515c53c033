"""Words and numbers of the report: escaped texts, two texts side by side, numbers for people."""

from __future__ import annotations

import difflib
import re
import unicodedata

from markupsafe import Markup, escape

# Characters that are invisible or change the direction of the text around them (control characters,
# zero-width and bidirectional marks, surrogates). They
# are shown by name and never written to the page.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
# a character of Chinese or Japanese, a word of other scripts, white space, or any other character
_TOKEN = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]|[^\W\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]+|\s+|.",
    re.DOTALL,
)
LANGUAGES = {
    "zh": "Chinese",
    "en": "English",
    "ja": "Japanese",
    "ko": "Korean",
    "de": "German",
    "fr": "French",
    "es": "Spanish",
    "ru": "Russian",
    "it": "Italian",
    "pt": "Portuguese",
    "nl": "Dutch",
    "pl": "Polish",
    "ar": "Arabic",
    "vi": "Vietnamese",
    "th": "Thai",
    "other": "other",
}
# tokens after the first difference that are compared, as difflib takes quadratic time
_COMPARED = 1500
# characters of equal text that are shown on each side of a difference
_AROUND = 40


def visible(text: str) -> Markup:
    """Text as escaped markup, with the characters of _HIDDEN shown by name."""
    parts, at = [], 0
    # Pieces are escaped between the hidden characters: escaping first would shift their positions.
    for match in _HIDDEN.finditer(text):
        parts += [escape(text[at : match.start()]), _named(match.group())]
        at = match.end()
    return Markup("").join([*parts, escape(text[at:])])


def _named(char: str) -> Markup:
    code = ord(char)
    # Unicode has pictures of the C0 control characters and of DEL; others are shown by their code.
    picture = chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else f"{code:04X}"
    name = unicodedata.name(char, f"control character {code:#04x}" if code < 0xA0 else "no character")
    return Markup('<span class="ctl" title="U+{:04X} {}">{}</span>').format(code, name, picture)


def sample(text: str, n: int) -> Markup:
    """The first `n` code points, visible; an ellipsis says that there is more."""
    return visible(text[:n]) + (Markup('<span class="more">…</span>') if len(text) > n else Markup(""))


def language(code: str) -> str:
    """A language's name, or its code."""
    return LANGUAGES.get(code, code)


def count(n: int, one: str, many: str = "") -> str:
    """`1 document`, `2,345 documents`."""
    return f"{n:,}\u00a0{one if n == 1 else many or one + 's'}"


def percent(part: float, whole: float) -> str:
    """A share: 72 %, 4.2 %, < 0.1 %, > 99.9 %."""
    share = 100 * part / whole if whole else 0.0
    # Never rounded to 0 % or 100 %: a single document out of a million is still one.
    if 0 < share < 0.1:
        return "<\u202f0.1\u202f%"
    if 99.9 < share < 100:
        return ">\u202f99.9\u202f%"
    return f"{share:.0f}\u202f%" if share >= 10 or share == int(share) else f"{share:.1f}\u202f%"


def number(value: float | None) -> str:
    """A measured value: integers whole, fractions with three digits."""
    if value is None:
        return "–"
    return (
        f"{value:,.0f}"
        if float(value).is_integer()
        else f"{value:.3f}".rstrip("0").rstrip(".")
        if abs(value) < 100
        else f"{value:,.1f}"
    )


def seconds(value: float | None) -> str:
    """A duration: 0.4 s, 12 s, 3 min 20 s, 2 h 05 min."""
    if value is None:
        return "–"
    # From 9.95 on a tenth would round to 10.0, which has a digit too many.
    if value < 9.95:
        return f"{value:.1f}\u202fs"
    whole = round(value)
    if whole < 60:
        return f"{whole}\u202fs"
    return (
        f"{whole // 60}\u202fmin {whole % 60}\u202fs"
        if whole < 3600
        else f"{whole // 3600}\u202fh {whole % 3600 // 60:02}\u202fmin"
    )


def joined(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""


def side_by_side(left: str, right: str, n: int) -> tuple[Markup, Markup]:
    """Both texts from shortly before their first difference, about `n` code points each, differences marked.

    Equal text at the beginning and long equal stretches are cut to their ends. Chinese is compared by
    character, other text by word.
    """
    a, b = _TOKEN.findall(left), _TOKEN.findall(right)
    # The common beginning is found without difflib, which would take quadratic time over it.
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    head = "".join(a[:same])
    a, b = a[same : same + _COMPARED], b[same : same + _COMPARED]
    if not a and not b:
        shown = sample(left, n)
        return shown, shown
    sides: tuple[list[Markup], list[Markup]] = (
        [_equal(head, not_first=False)],
        [_equal(head, not_first=False)],
    )
    # code points that each side may still show
    room = [n, n]
    for kind, pieces in _changes(a, b):
        for side, piece in enumerate(pieces):
            if room[side] > 0 and piece:
                cut = piece[: room[side]]
                sides[side].append(
                    _equal(cut, not_first=True)
                    if kind == "equal"
                    else Markup("<mark>{}</mark>").format(visible(cut))
                )
                # Of a long equal stretch only its ends are shown, so only they count.
                room[side] -= min(len(cut), 3 * _AROUND) if kind == "equal" else len(cut)
        if max(room) <= 0:
            break
    more = Markup('<span class="more">…</span>')
    return Markup("").join([*sides[0], more if room[0] <= 0 else ""]), Markup("").join(
        [*sides[1], more if room[1] <= 0 else ""]
    )


def _changes(a: list[str], b: list[str]) -> list[tuple[str, tuple[str, str]]]:
    """(equal or other, texts of both sides), in order, neighbours of one kind merged.

    White space between two differences counts as different, so that a changed phrase has one mark.
    """
    changes: list[tuple[str, tuple[str, str]]] = []
    # autojunk would take frequent words of long texts for noise and miss equal stretches.
    for tag, i1, i2, j1, j2 in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        pieces = "".join(a[i1:i2]), "".join(b[j1:j2])
        is_space = tag == "equal" and not pieces[0].strip() and changes and i2 < len(a) and j2 < len(b)
        kind = "equal" if tag == "equal" and not is_space else "other"
        if changes and changes[-1][0] == kind:
            pieces = changes[-1][1][0] + pieces[0], changes.pop()[1][1] + pieces[1]
        changes.append((kind, pieces))
    return changes


def _equal(text: str, not_first: bool) -> Markup:
    """Text that both sides share: whole if short, else its ends and the number of characters between them."""
    if len(text) <= 3 * _AROUND:
        return visible(text)
    start = text[:_AROUND] if not_first else ""
    gap = Markup(' <span class="gap">{} equal characters</span> ').format(
        f"{len(text) - len(start) - _AROUND:,}"
    )
    return visible(start) + gap + visible(text[-_AROUND:])
