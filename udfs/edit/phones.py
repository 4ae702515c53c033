"""Phone numbers: Chinese ones by their form, others by libphonenumber. Texts are in ASCII forms.

Some forms say little by themselves (groups with spaces between them, ten digits in a run). Such a number
counts behind a word for a phone. If the form is a common one, it also counts outside a row of numbers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from gristmill.udfs.edit.ascii_forms import Span, in_zones
from gristmill.udfs.edit.id_numbers import OTHER_NUMBER, joined_left, joined_right

# What a form proves by itself. SURE: it is a phone number; PLAIN: it is one
# outside a row of numbers; RARE: it is one only behind a word for a phone.
SURE, PLAIN, RARE = 2, 1, 0
# separators between the groups of one number
_GAP = r"(?: - | {1,2}|-|\.)"
# without the full stop, between groups that could be the two parts of a decimal number
_LINE = r"(?: - | {1,2}|-)"
_COUNTRY = r"(?:\((?:\+|00)?86\)|(?:\+|00)?86) ?-?(?:\(0\))? ?"
_MOBILE = re.compile(
    rf"(?<![\d+])(?P<country>{_COUNTRY})?0?(?:1[3-9]\d(?P<common>\d{{8}}|{_GAP}\d{{4}}{_GAP}\d{{4}}"
    rf"|{_LINE}\d{{8}}|\d{{4}}{_LINE}\d{{4}})"
    rf"|\(1[3-9]\d\) ?\d{{4}}{_GAP}?\d{{4}}"
    rf"|1[3-9](?:\d{_GAP}\d{{3}}{_GAP}\d{{5}}|\d\d{_GAP}\d{{3}}{_GAP}\d{{4}}"
    rf"|\d\d{_GAP}\d{{4}}{_GAP}\d{{3}}|\d{{3}}{_GAP}\d{{6}}|\d{{3}}{_GAP}\d{{3}}{_GAP}\d{{3}}))(?!\d)"
)
# area codes without their 0: Beijing, cities of two digits, all others of three
_AREA = r"(?:10|2[0-57-9]|[3-9]\d{2})"
_LANDLINE = re.compile(
    rf"(?<![\d+])(?:{_COUNTRY}(?:\(0?{_AREA}\)|0?{_AREA}){_GAP}?|\(0{_AREA}\){_GAP}?|0{_AREA}{_GAP})"
    rf"[2-9]\d{{2,3}}{_GAP}?\d{{4}}(?:-\d{{1,5}})?(?!\d)"
)
_SERVICE = re.compile(rf"(?<![\d+])[48]00(?:{_GAP}?\d{{3}}{_GAP}?\d{{4}}|{_GAP}?\d{{4}}{_GAP}?\d{{3}})(?!\d)")
# a local number without its area code: only behind one of these words and a space or colon
_LOCAL = re.compile(r"(?<!\d)[2-9]\d{2,3}[ -]?\d{4}(?!\d)")
_LOCAL_NAME = re.compile(
    r"(?i)(?:电话|電話|传真|傳真|座机|固话|热线|(?<![a-z])(?:tel|phone|fax))(?:号码|號碼)?\.?[ :]{1,3}$"
)
# any international number with + or 00; how much of it is a number, libphonenumber decides
_ABROAD = re.compile(
    r"(?<![0-9A-Za-z+])(?:\((?=\+\d{1,3}\)))?(?:\+|00(?=[1-9]\d{0,2}[ (-]))[1-9](?:[ .()/-]{0,3}+\d){6,14}+"
)
_AMERICAN = re.compile(
    r"(?<![\d+])(?:1[ .-]?)?(?:\([2-9]\d{2}\)[ .-]?|[2-9]\d{2}[-. ])[2-9]\d{2}[-. ]\d{4}(?!\d)"
)
_TAIWAN = re.compile(r"(?<![\d+])09\d{2}[ -]\d{3}[ -]\d{3}(?!\d)")
# nine to thirteen digits in any grouping: only behind a word for a phone
_NATIONAL = re.compile(r"(?<![\d+])\(?\d(?:[ .()-]{0,2}+\d){8,12}+(?!\d)")
# Regions in which such a number is looked up: those with a trunk prefix
# 0, and those without one, where a number has ten digits. A short list,
# since every further region makes more numbers valid by chance.
_TRUNK = ("CN", "GB", "TW", "DE", "FR", "JP", "KR", "AU")
_NO_TRUNK = ("US", "IN")
# words for a phone right before a number
_PHONE_WORDS = re.compile(
    r"(?i)(?:(?<![a-z])(?:tel|telephone|telefono?|tél|téléphone|teléfono|phone|ph|mobile|mob|cell"
    r"|cellphone|call|calling|fax|whatsapp|hotline|contact|dial|sms|ring)"
    r"|тел|телефон|전화|电话|電話|手机|手機|座机|固话|传真|傳真|热线|致电|拨打|号码|联系方式|来电|短信|客服|微信)"
    r"(?:\s?(?:numbers?|no\.?|us|me|at|on|is|号码?|號碼|是|为)){0,3}\W{0,4}$"
)
# words that make an American number part of something else, as in `the digits 415-926-5358`
_DIGITS_OF = re.compile(
    r"(?i)(?<![a-z])(?:digits?|decimals?|scores?|model|part|case|account|acct|ref|reference|code"
    r"|pages?)\W{0,3}(?:of|no\.?|number)?\W{0,3}$"
)
_OTHER_BEFORE = re.compile(r"(?:^|[^\w./-])[+(]?\d[\d ()-]{6,18}/$")  # 13812345678/13912345678
_OTHER_BEHIND = re.compile(r"/(?:\d{1,4}|1[3-9]\d{9}|0\d{2,3}-?\d{7,8}|[2-9]\d{6,7})(?!\d)")  # 62345678/79
_GAPS = re.compile(r"(?<=\d)[ ./)-]")
# characters before a number that are searched for a word
_NEAR = 28


@lru_cache(maxsize=4096)
def _is_valid(number: str, region: str | None) -> bool:
    """Whether libphonenumber has the number in a range that is in use."""
    # imported at the first call: a text without candidates needs no libphonenumber
    import phonenumbers

    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
    except phonenumbers.NumberParseException:
        return False


def _longest(digits: str, regions: tuple[str | None, ...]) -> int:
    """Length of the longest start of `digits`, cut at a gap, that is a number of a region; 0 for none."""
    # longest first: the pattern may have taken another number behind this one with it
    ends = [len(digits), *sorted({gap.start() for gap in _GAPS.finditer(digits)}, reverse=True)]
    return next((end for end in ends if any(_is_valid(digits[:end], region) for region in regions)), 0)


def _chinese(text: str, zones: list[Span]) -> Iterator[tuple[int, int, int]]:
    """(start, end, grade) of mobile, landline, service and local numbers of China."""
    for match in in_zones(_MOBILE, text, zones):
        # a country code, or eleven digits with no space
        # among them, is a form that few other numbers have
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
        digits = match.group()
        yield (
            *match.span(),
            PLAIN if " " in digits and digits[0] == "0" and not digits.startswith("0086") else SURE,
        )
    for match in in_zones(_SERVICE, text, zones):
        yield *match.span(), SURE if "-" in match.group() and " " not in match.group() else RARE
    for match in in_zones(_LOCAL, text, zones):
        if _LOCAL_NAME.search(text[max(0, match.start() - _NEAR) : match.start()]):
            yield *match.span(), SURE


def _foreign(text: str, zones: list[Span]) -> Iterator[tuple[int, int, int]]:
    """(start, end, grade) of numbers of other countries."""
    for match in in_zones(_ABROAD, text, zones):
        digits = match.group()
        plus = digits.lstrip("(") if "+" in digits else "+" + digits[2:]
        # a number that ends in the middle of digits is refused later, by `joined_right`
        if size := _longest(plus, (None,)):
            yield match.start(), match.start() + size + len(digits) - len(plus), SURE
    for match in in_zones(_AMERICAN, text, zones):
        digits = match.group()
        if _is_valid(digits, "US") and not _DIGITS_OF.search(
            text[max(0, match.start() - _NEAR) : match.start()]
        ):
            yield (
                *match.span(),
                SURE if "(" in digits or digits[0] == "1" else RARE if " " in digits else PLAIN,
            )
    for match in in_zones(_TAIWAN, text, zones):
        if _is_valid(match.group(), "TW"):
            yield *match.span(), PLAIN


def _national(text: str, zones: list[Span]) -> Iterator[tuple[int, int, int]]:
    """(start, end, RARE) of numbers in their national form behind a word for a phone."""
    for match in in_zones(_NATIONAL, text, zones):
        if has_phone_word(text, match.start()):
            regions = _TRUNK if match.group().lstrip("(")[0] == "0" else _NO_TRUNK
            if size := _longest(match.group(), regions):
                yield match.start(), match.start() + size, RARE


def has_phone_word(text: str, start: int) -> bool:
    """Whether a word for a phone stands right before `start`."""
    return _PHONE_WORDS.search(text[max(0, start - _NEAR) : start]) is not None


def _stands_alone(text: str, start: int, end: int, has_word: bool) -> bool:
    """Whether the number is not part of a word, path, amount or longer number.

    A word for a phone (`has_word`) may touch the number.
    """
    before = text[max(0, start - _NEAR) : start]
    if joined_right(text, end) or (
        text[end : end + 1] == "/"
        and text[end + 1 : end + 2].isdigit()
        and not _OTHER_BEHIND.match(text, end)
    ):
        return False
    # India+91-...: no word has a plus inside
    if text[start] == "+" and text[start - 1 : start].isalpha():
        return True
    return has_word or not (
        OTHER_NUMBER.search(before) or (joined_left(text, start) and not _OTHER_BEFORE.search(before))
    )


def phones(text: str, zones: list[Span]) -> Iterator[Span]:
    """Spans of phone numbers; they may overlap, and then the first in this order is the better one.

    "请拨打 13812345678"  ->  (4, 15)
    """
    # from the most specific forms to the least: find_pii takes the first of overlapping spans
    candidates = []
    for forms in (_chinese, _foreign, _national):
        for start, end, grade in forms(text, zones):
            has_word = has_phone_word(text, start)
            if _stands_alone(text, start, end, has_word):
                candidates.append((start, end, SURE if has_word else grade))
    # A number next to another candidate is a list of
    # phones, which is no row of numbers in the sense below.
    edges = {edge for start, end, _ in candidates for edge in (start, end)}
    for start, end, grade in candidates:
        before, behind = text[max(0, start - 2) : start], text[end : end + 2]
        in_row = (re.match(r"\d[ /]", before) and start - 1 not in edges) or (
            re.match(r" \d", behind) and end + 1 not in edges
        )
        if grade == SURE or (grade == PLAIN and not in_row):
            yield start, end
