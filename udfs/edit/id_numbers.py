"""Resident IDs of China and bank cards, known by their check digits, in texts in ASCII forms.

About one number in ten passes a check digit by chance, so region, date, issuer and neighbouring words count.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator

from gristmill.udfs.edit.ascii_forms import Span, in_zones

_END = r"(?![0-9A-Za-z_])"
# In a lookahead, which consumes nothing, so the search continues at
# every group of digits: an order number with a space behind it must not
# hide the ID that follows. The last character may be an X of any script.
_ID = re.compile(
    r"(?<![0-9])(?=([1-9]\d{16}[ -]?[0-9X]|[1-9]\d{5}([ -])(?:\d{8}|\d{4}[ -]\d{4})\2\d{3}[ -]?[0-9X]"
    r"|[1-9]\d\d([ -])\d{3}\3\d{4}\3\d{4}\3\d{3}[0-9X])(?![0-9A-Za-z_]))".replace("X", "XxⅩⅹХх×")
)
# Issued until 1999: no check digit and two digits of
# the year. Only a word before it makes it an ID.
_OLD_ID = re.compile(rf"(?<![0-9])[1-9]\d{{14}}{_END}")
_OLD_NAME = re.compile(r"身份证(?:号码?)?[^0-9]{0,4}$|(?i:id card)[^0-9]{0,4}$")
# provinces, the first two digits of GB/T 2260; 91: abroad
_REGIONS = frozenset(
    "11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 "
    "71 81 82 83 91".split()
)
# weights of the first 17 digits (GB 11643: ISO 7064, MOD 11-2)
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
# Years of birth that an ID may state; up to 2040, so the rule need not change for some years.
FIRST_YEAR, LAST_YEAR = 1800, 2040
# groupings of a card's digits: one run, groups of four,
# 4-6-5 (American Express), six digits and the rest
_CARDS = tuple(
    re.compile(rf"(?<![0-9])(?=({form}){_END})")
    for form in (
        r"\d{13,19}",
        r"\d{4}([ -])\d{4}\2\d{4}\2\d{4}\2?\d{1,3}",
        r"\d{4}([ -])\d{4}\2\d{4}\2\d{1,4}",
        r"3\d{3}[ -]\d{6}[ -]\d{5}",
        r"\d{6}[ -]\d{10,13}",
    )
)
# number ranges and lengths of UnionPay, Visa, Mastercard, American Express, JCB and Discover
_ISSUERS = re.compile(
    r"62\d{14,17}|4\d{15}|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}"
    r"|35(?:2[89]|[3-8]\d)\d{12}|6(?:011|5\d\d)\d{12}"
)
# Words right before a number that make it a number of something else: an order, a parcel, a book.
OTHER_NUMBER = re.compile(
    r"(?i)(?:(?<![a-z])(?:order|tracking|invoice|serial|ticket|sku|isbn|issn|doi|imei|iccid|ean|upc"
    r"|uid|item|commit|timestamp|qq)"
    r"|[?&_]id=?|订单|單號|单号|流水号?|序列号?|运单|时间戳|条码|批号|文号|专利号?|学号|工号|编号|货号|期号)"
    r"(?:\s?(?:号码?|id|no\.?|number|#))?[\s:=#.'\"]{0,3}$"
)
_GOES_ON = re.compile(r"[0-9A-Za-z_%元万亿]|[.-]\d|\s?(?:[Bb]ytes?|[KMGT]i?B|ms|字节)\b")
# characters before a number that are searched for such a word
_NEAR = 24


def joined_left(text: str, start: int) -> bool:
    """Whether the number at `start` is the end of a word, path, decimal number or amount before it."""
    before = text[max(0, start - 2) : start]
    left = before[-1:]
    if not left:
        return False
    if left in "_$¥€£￥" or (left.isascii() and left.isalnum()) or before == "//":
        return True
    return left in "._/-+" and before[:-1].isascii() and before[:-1].isalnum()


def joined_right(text: str, end: int) -> bool:
    """Whether the number that ends at `end` continues behind it: a word, a decimal number, a unit."""
    return _GOES_ON.match(text, end) is not None


def is_id_card(number: str) -> bool:
    """Whether 18 characters are a resident ID of China: region, date of birth, checksum (GB 11643)."""
    if number[:2] not in _REGIONS:
        return False
    try:
        born = dt.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, number, strict=False))
    return FIRST_YEAR <= born.year <= LAST_YEAR and "10X98765432"[total % 11] == number[17].upper()


def _is_old_id(number: str) -> bool:
    """Whether 15 digits have the region and the date of birth of an ID issued before 1999."""
    try:
        dt.date(1900 + int(number[6:8]), int(number[8:10]), int(number[10:12]))
    except ValueError:
        return False
    return number[:2] in _REGIONS


def id_cards(text: str, zones: list[Span]) -> Iterator[Span]:
    """Spans of resident IDs of China: 18 characters in any grouping, or 15 digits behind a word for an ID.

    "身份证11010519491231002X号"  ->  (3, 21)
    """
    for match in in_zones(_ID, text, zones):
        digits = re.sub("[xⅩⅹХх×]", "X", match.group(1))
        number = re.sub("[ -]", "", digits)
        start, end = match.span(1)
        if not is_id_card(number):
            continue
        # `id110105...`: the word may touch the number, which else would be the end of a longer word
        has_id = re.search(r"(?i)(?<![a-z])id$", text[max(0, start - 3) : start])
        if (has_id or not joined_left(text, start)) and not joined_right(text, end):
            yield start, end
    for match in in_zones(_OLD_ID, text, zones):
        start = match.start()
        if _is_old_id(match.group()) and _OLD_NAME.search(text[max(0, start - _NEAR) : start]):
            yield match.span()


def is_bank_card(digits: str) -> bool:
    """Whether digits are in the range of a known issuer and the Luhn checksum is right."""
    # fewer than four distinct digits: the test numbers of manuals (4111 1111 1111 1111)
    if _ISSUERS.fullmatch(digits) is None or len(set(digits)) < 4:
        return False
    total = 0
    for i, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if i % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def bank_cards(text: str, zones: list[Span]) -> Iterator[Span]:
    """Spans of bank card numbers, in one run or in groups; no number that the text calls an order's or a
    parcel's."""
    for match in (match for form in _CARDS for match in in_zones(form, text, zones)):
        start, end = match.span(1)
        if not is_bank_card(re.sub("[ -]", "", match.group(1))) or OTHER_NUMBER.search(
            text[max(0, start - _NEAR) : start]
        ):
            continue
        if not joined_left(text, start) and not joined_right(text, end):
            yield start, end
