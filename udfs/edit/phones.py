"""Phone numbers: of China by their form, others that libphonenumber knows. Texts come in ASCII forms.

A number whose form alone says little (groups apart by spaces, ten digits in one run) counts only
where a word before it says that it is a phone, or, if its form is common, where it does not stand in a row of
other numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from gristmill.udfs.edit.ascii_forms import Span, in_zones
from gristmill.udfs.edit.id_numbers import OTHER_NUMBER, joined_left, joined_right

SURE, PLAIN, RARE = (
    2,
    1,
    0,
)  # what a form says by itself; PLAIN: not in a row of numbers; RARE: only behind a word
_GAP = r"(?: - | {1,2}|-|\.)"
# no full stop, where it would be that of a decimal number
_LINE = r"(?: - | {1,2}|-)"
_COUNTRY = r"(?:\((?:\+|00)?86\)|(?:\+|00)?86) ?-?(?:\(0\))? ?"
_MOBILE = re.compile(
    rf"(?<![\d+])(?P<country>{_COUNTRY})?0?(?:1[3-9]\d(?P<common>\d{{8}}|{_GAP}\d{{4}}{_GAP}\d{{4}}"
    rf"|{_LINE}\d{{8}}|\d{{4}}{_LINE}\d{{4}})"
    rf"|\(1[3-9]\d\) ?\d{{4}}{_GAP}?\d{{4}}"
    rf"|1[3-9](?:\d{_GAP}\d{{3}}{_GAP}\d{{5}}|\d\d{_GAP}\d{{3}}{_GAP}\d{{4}}"
    rf"|\d\d{_GAP}\d{{4}}{_GAP}\d{{3}}|\d{{3}}{_GAP}\d{{6}}|\d{{3}}{_GAP}\d{{3}}{_GAP}\d{{3}}))(?!\d)"
)
_AREA = r"(?:10|2[0-57-9]|[3-9]\d{2})"
_LANDLINE = re.compile(
    rf"(?<![\d+])(?:{_COUNTRY}(?:\(0?{_AREA}\)|0?{_AREA}){_GAP}?|\(0{_AREA}\){_GAP}?|0{_AREA}{_GAP})"
    rf"[2-9]\d{{2,3}}{_GAP}?\d{{4}}(?:-\d{{1,5}})?(?!\d)"
)
_SERVICE = re.compile(rf"(?<![\d+])[48]00(?:{_GAP}?\d{{3}}{_GAP}?\d{{4}}|{_GAP}?\d{{4}}{_GAP}?\d{{3}})(?!\d)")
_LOCAL = re.compile(r"(?<!\d)[2-9]\d{2,3}[ -]?\d{4}(?!\d)")
_LOCAL_NAME = re.compile(
    r"(?i)(?:电话|電話|传真|傳真|座机|固话|热线|(?<![a-z])(?:tel|phone|fax))(?:号码|號碼)?\.?[ :]{1,3}$"
)
_ABROAD = re.compile(
    r"(?<![0-9A-Za-z+])(?:\((?=\+\d{1,3}\)))?(?:\+|00(?=[1-9]\d{0,2}[ (-]))[1-9](?:[ .()/-]{0,3}+\d){6,14}+"
)
_AMERICAN = re.compile(
    r"(?<![\d+])(?:1[ .-]?)?(?:\([2-9]\d{2}\)[ .-]?|[2-9]\d{2}[-. ])[2-9]\d{2}[-. ]\d{4}(?!\d)"
)
_TAIWAN = re.compile(r"(?<![\d+])09\d{2}[ -]\d{3}[ -]\d{3}(?!\d)")
_NATIONAL = re.compile(r"(?<![\d+])\(?\d(?:[ .()-]{0,2}+\d){8,12}+(?!\d)")  # where a word says what it is
_TRUNK = ("CN", "GB", "TW", "DE", "FR", "JP", "KR", "AU")  # whose numbers begin with a 0 at home
_NO_TRUNK = ("US", "IN")  # where they have ten digits
_NAMED = re.compile(
    r"(?i)(?:(?<![a-z])(?:tel|telephone|telefono?|tél|téléphone|teléfono|phone|ph|mobile|mob|cell"
    r"|cellphone|call|calling|fax|whatsapp|hotline|contact|dial|sms|ring)"
    r"|тел|телефон|전화|电话|電話|手机|手機|座机|固话|传真|傳真|热线|致电|拨打|号码|联系方式|来电|短信|客服|微信)"
    r"(?:\s?(?:numbers?|no\.?|us|me|at|on|is|号码?|號碼|是|为)){0,3}\W{0,4}$"
)
# numbers that are parts of something, as in `the digits 415-926-5358`
_DIGITS_OF = re.compile(
    r"(?i)(?<![a-z])(?:digits?|decimals?|scores?|model|part|case|account|acct|ref|reference|code"
    r"|pages?)\W{0,3}(?:of|no\.?|number)?\W{0,3}$"
)
_OTHER_BEFORE = re.compile(r"(?:^|[^\w./-])[+(]?\d[\d ()-]{6,18}/$")  # 13812345678/13912345678
_OTHER_BEHIND = re.compile(r"/(?:\d{1,4}|1[3-9]\d{9}|0\d{2,3}-?\d{7,8}|[2-9]\d{6,7})(?!\d)")  # 62345678/79
_GAPS = re.compile(r"(?<=\d)[ ./)-]")
# characters before a number that are looked at
_NEAR = 28


@lru_cache(maxsize=4096)
def _is_valid(number: str, region: str | None) -> bool:
    """Whether libphonenumber knows the number as one that is given out."""
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False


def _longest(found: str, regions: tuple[str | None, ...]) -> int:
    """How much of what was found, cut at its gaps, is a valid number of one of the regions; 0 for none."""
    ends = [len(found), *sorted({gap.start() for gap in _GAPS.finditer(found)}, reverse=True)]
    return next((end for end in ends if any(_is_valid(found[:end], region) for region in regions)), 0)


def _chinese(text: str, zones: list[Span]) -> Iterator[tuple[int, int, int]]:
    """(start, end, what the form says) of the forms of China."""
    for match in in_zones(_MOBILE, text, zones):
        grade = (
            SURE
            if match["country"] or (match["common"] and " " not in match["common"])
            else PLAIN
            if match["common"]
            else RARE
        )
        if grade == PLAIN and re.search(r"[A-Za-z]{2} $", text[max(0, match.start() - 3) : match.start()]):
            # volume and pages of a journal: Immunol 177 8676 8683
            grade = RARE
        yield *match.span(), SURE if match.group().startswith("(") else grade
    for match in in_zones(_LANDLINE, text, zones):
        found = match.group()
        yield (
            *match.span(),
            PLAIN if " " in found and found[0] == "0" and not found.startswith("0086") else SURE,
        )
    for match in in_zones(_SERVICE, text, zones):
        yield *match.span(), SURE if "-" in match.group() and " " not in match.group() else RARE
    for match in in_zones(_LOCAL, text, zones):
        if _LOCAL_NAME.search(text[max(0, match.start() - _NEAR) : match.start()]):
            yield *match.span(), SURE


def _foreign(text: str, zones: list[Span]) -> Iterator[tuple[int, int, int]]:
    """(start, end, what the form says) of the numbers of other countries."""
    for match in in_zones(_ABROAD, text, zones):
        found = match.group()
        plus = found.lstrip("(") if "+" in found else "+" + found[2:]
        # where it is cut amid digits, joined_right sees them
        if size := _longest(plus, (None,)):
            yield match.start(), match.start() + size + len(found) - len(plus), SURE
    for match in in_zones(_AMERICAN, text, zones):
        found = match.group()
        if _is_valid(found, "US") and not _DIGITS_OF.search(
            text[max(0, match.start() - _NEAR) : match.start()]
        ):
            yield *match.span(), SURE if "(" in found or found[0] == "1" else RARE if " " in found else PLAIN
    for match in in_zones(_TAIWAN, text, zones):
        if _is_valid(match.group(), "TW"):
            yield *match.span(), PLAIN


def _national(text: str, zones: list[Span]) -> Iterator[tuple[int, int, int]]:
    """(start, end, RARE) of numbers as their country writes them, behind a word that says they are phones."""
    for match in in_zones(_NATIONAL, text, zones):
        if is_named(text, match.start()):
            regions = _TRUNK if match.group().lstrip("(")[0] == "0" else _NO_TRUNK
            if size := _longest(match.group(), regions):
                yield match.start(), match.start() + size, RARE


def is_named(text: str, start: int) -> bool:
    """Whether a word before says that a phone number follows."""
    return _NAMED.search(text[max(0, start - _NEAR) : start]) is not None


def _stands_alone(text: str, start: int, end: int, named: bool) -> bool:
    """Whether the number is no part of a word, path, sum or number; a word that names it may touch it."""
    before = text[max(0, start - _NEAR) : start]
    if joined_right(text, end) or (
        text[end : end + 1] == "/"
        and text[end + 1 : end + 2].isdigit()
        and not _OTHER_BEHIND.match(text, end)
    ):
        return False
    if text[start] == "+" and text[start - 1 : start].isalpha():
        return True  # India+91-...
    return named or not (
        OTHER_NUMBER.search(before) or (joined_left(text, start) and not _OTHER_BEFORE.search(before))
    )


def phones(text: str, zones: list[Span]) -> Iterator[Span]:
    """Phone numbers; of two that overlap, the one that comes first here is the better."""
    found = []
    for forms in (_chinese, _foreign, _national):
        for start, end, grade in forms(text, zones):
            named = is_named(text, start)
            if _stands_alone(text, start, end, named):
                found.append((start, end, SURE if named else grade))
    edges = {edge for start, end, _ in found for edge in (start, end)}
    for start, end, grade in found:
        before, behind = text[max(0, start - 2) : start], text[end : end + 2]
        in_row = (re.match(r"\d[ /]", before) and start - 1 not in edges) or (
            re.match(r" \d", behind) and end + 1 not in edges
        )
        if grade == SURE or (grade == PLAIN and not in_row):
            yield start, end
