"""Personal data and credentials in a text: where they stand and of which kind. Bounded by what an entity is made of, not by `\\b`,
which sees no end between a Han character and a digit or letter.

Checked beyond their form: resident IDs (region, date, checksum of GB 11643), bank cards (issuer, length, Luhn), phone numbers of
other countries (Google's libphonenumber by the package phonenumbers), addresses of the public Internet only.
"""

import datetime as dt
import ipaddress
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from udfs.batches import as_batch

ENTITIES = ("credential", "email", "id_card", "bank_card", "phone", "ip")  # in this order: what one has taken, no later one takes
FOUND: pa.Schema = pa.schema([
    ("doc_id", pa.string()), ("batch_id", pa.string()), ("start", pa.int32()), ("end", pa.int32()), ("replacement", pa.string()), ("reason", pa.string()),
])  # fmt: skip
_LOCAL = r"[A-Za-z0-9](?:[A-Za-z0-9._%+'-]{0,62}[A-Za-z0-9_+-])?"
_EMAIL = re.compile(rf"(?<![A-Za-z0-9._%+/@-]){_LOCAL}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?\.){{1,8}}[A-Za-z]{{2,24}}(?![A-Za-z0-9-]|\.[A-Za-z0-9])")
_NOT_MAIL = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".css", ".js", ".py", ".html",  # logo@2x.png
             "@openssh.com", "@libssh.org")  # names of algorithms, such as hmac-sha2-512-etm@openssh.com
_ID = re.compile(r"(?<![0-9A-Za-z])[1-9]\d{16}[0-9Xx](?![0-9A-Za-z])")
_REGIONS = frozenset("11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71 81 82 83 91".split())
_ID_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CARD = re.compile(r"(?<![0-9A-Za-z.,+-])(?:\d{13,19}|\d{4}(?:[ -]\d{4}){2,3}(?:[ -]?\d{1,3})?|3[47]\d{2}[ -]\d{6}[ -]\d{5})(?![0-9A-Za-z]|[.,-]\d)")
_ISSUERS = re.compile(r"62\d{14,17}|4\d{15}|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}|3[47]\d{13}|35(?:2[89]|[3-8]\d)\d{12}|6(?:011|5\d\d)\d{12}")
_PHONES = (
    re.compile(r"(?<![0-9A-Za-z._/-])(?:\(?(?:\+|00)?86\)?[ -]?)?1[3-9]\d(?:\d{8}|[ -]\d{4}[ -]\d{4})(?![0-9A-Za-z_]|[./-]\d)"),  # China, mobile
    re.compile(r"(?<![0-9A-Za-z._/-])(?:\(0\d{2,3}\) ?|0(?:10|2\d|[3-9]\d{2})[- ])[2-9]\d{6,7}(?![0-9A-Za-z_]|[./-]\d)"),  # China, landline
    re.compile(r"(?<![0-9A-Za-z._/-])(?:400|800)-\d{3}-?\d{4}(?![0-9A-Za-z_]|[./-]\d)"),  # China, service numbers
)
_ABROAD = re.compile(r"(?<![0-9A-Za-z._/+-])\+[1-9]\d{0,3}(?:[ .-]?\(?\d{1,5}\)?){2,6}(?![0-9A-Za-z_])")
_AMERICAN = re.compile(r"(?<![0-9A-Za-z._/+-])(?:1[ .-])?(?:\([2-9]\d{2}\) ?|[2-9]\d{2}[-. ])[2-9]\d{2}[-.]\d{4}(?![0-9A-Za-z_]|[./-]\d)")
_GAP = re.compile(r"(?<=\d)[ .-]|(?<=\d\)) ")
_IPV4 = re.compile(r"(?<![0-9A-Za-z.])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![0-9A-Za-z]|\.\d)")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])(?:[0-9A-Fa-f]{1,4}:){2,7}(?::?[0-9A-Fa-f]{1,4}){1,6}(?![0-9A-Za-z:.])")
_VERSION = re.compile(r"(?i)(?:v|ver|version|release|版本|版|§|section|第)[ :.=：]*$")
_KEYS = re.compile(
    r"(?<![A-Za-z0-9])(?:AKIA[0-9A-Z]{16}|gh[pousr]_[A-Za-z0-9]{36,255}|xox[abprs]-[A-Za-z0-9-]{10,200}|AIza[0-9A-Za-z_-]{35}|sk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,200}"
    r"|eyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{10,1000})(?![A-Za-z0-9])"
)
_BLOCK = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----[A-Za-z0-9+/=\s:,-]{32,20000}?-----END (?:[A-Z]+ )*PRIVATE KEY-----")
_ASSIGNED = re.compile(
    r"(?i)(?:passw(?:or)?d|passphrase|secret|api_?-?key|access_?-?key|auth_?-?token|private_?-?key)[\"']?\s{0,3}(?:=|:|=>)\s{0,3}[\"'](?P<value>[^\"'\s]{8,200})[\"']"
)
_INVENTED = re.compile(r"(?i)your|example|xxx|\*\*\*|<|\$\{|\{\{|%\(|changeme|placeholder|dummy|password|secret|test|\.\.\.|os\.environ|getenv|process\.env")


@dataclass(frozen=True)
class PiiParams:
    """Which entities are looked for, and what stands in their place."""

    placeholders: dict[str, str] = field(default_factory=lambda: {name: f"<{name.upper()}>" for name in ENTITIES})

    def __post_init__(self) -> None:
        unknown = sorted(set(self.placeholders) - set(ENTITIES))
        if unknown:
            raise ValueError(f"unknown entities {', '.join(unknown)}; known: {', '.join(ENTITIES)}")


Span = tuple[int, int]


def credentials(text: str) -> Iterator[Span]:
    """Keys of known form, private keys, and quoted values given to a name like password; no placeholder of a manual."""
    for pattern in (_BLOCK, _KEYS):
        yield from (match.span() for match in pattern.finditer(text))
    for match in _ASSIGNED.finditer(text):
        value = match.group("value")
        if not _INVENTED.search(value) and len(set(value)) > 4:
            yield match.span("value")


def emails(text: str) -> Iterator[Span]:
    """Mail addresses; no file named for a screen (logo@2x.png) and no remote of git."""
    for match in _EMAIL.finditer(text):
        found = match.group().lower()
        if not found.endswith(_NOT_MAIL) and not found.startswith("git@") and ".." not in found:
            yield match.span()


def is_id_card(number: str) -> bool:
    """Whether 18 characters are a resident ID of China: region, date of birth from 1800 on, checksum (GB 11643-1999)."""
    if number[:2] not in _REGIONS:
        return False
    try:
        born = dt.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_ID_WEIGHTS, number, strict=False))
    return 1800 <= born.year <= 2040 and "10X98765432"[total % 11] == number[17].upper()


def id_cards(text: str) -> Iterator[Span]:
    """Resident IDs of China."""
    yield from (match.span() for match in _ID.finditer(text) if is_id_card(match.group()))


def is_bank_card(digits: str) -> bool:
    """Whether a known issuer numbers cards so, and the Luhn checksum holds."""
    if _ISSUERS.fullmatch(digits) is None or len(set(digits)) < 4:
        return False
    total = 0
    for i, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if i % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def bank_cards(text: str) -> Iterator[Span]:
    """Bank cards, in one run or in groups of four."""
    yield from (match.span() for match in _CARD.finditer(text) if is_bank_card(re.sub(r"\D", "", match.group())))


def phones(text: str) -> Iterator[Span]:
    """Phone numbers: of China by their form; of other countries and of North America where libphonenumber knows them as valid."""
    import phonenumbers

    for pattern in _PHONES:
        yield from (match.span() for match in pattern.finditer(text))

    def is_phone(number: str, region: str | None) -> bool:
        try:
            return phonenumbers.is_valid_number(phonenumbers.parse(number, region))
        except phonenumbers.NumberParseException:
            return False

    for match in _ABROAD.finditer(text):  # another number may follow: the longest beginning, by groups, that is valid
        ends = [match.end(), *sorted({match.start() + gap.start() for gap in _GAP.finditer(match.group())}, reverse=True)]
        end = next((end for end in ends if is_phone(text[match.start() : end], None)), None)
        if end is not None:
            yield match.start(), end
    yield from (match.span() for match in _AMERICAN.finditer(text) if is_phone(match.group(), "US"))


def ips(text: str) -> Iterator[Span]:
    """Addresses of the public Internet; no number of a version or section: none whose four numbers are all below 20."""
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            try:
                address = ipaddress.ip_address(match.group())
            except ValueError:
                continue
            is_small = address.version == 4 and max(address.packed) < 20
            if address.is_global and not is_small and not _VERSION.search(text[max(0, match.start() - 12) : match.start()]):
                yield match.span()


FINDERS: dict[str, Callable[[str], Iterator[Span]]] = {
    "credential": credentials, "email": emails, "id_card": id_cards, "bank_card": bank_cards, "phone": phones, "ip": ips,
}  # fmt: skip
_DIGITS = re.compile(r"\d[\d .()/-]{5,}\d")


def find_pii(text: str, entities: tuple[str, ...] = ENTITIES) -> list[tuple[int, int, str]]:
    """(start, end, entity) in code points, in the order of the text, none overlapping another."""
    taken: list[tuple[int, int, str]] = []
    has_digits = _DIGITS.search(text) is not None
    for entity in ENTITIES:
        wanted = entity in entities and (entity == "credential" or (("@" in text) if entity == "email" else (has_digits or (entity == "ip" and ":" in text))))
        if not wanted:
            continue
        for start, end in FINDERS[entity](text):
            if all(end <= first or start >= last for first, last, _ in taken):
                taken.append((start, end, entity))
    return sorted(taken)


def scrub_batches(batches: Iterator[pa.RecordBatch], params: PiiParams) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, text -> doc_id, batch_id, start, end, replacement, reason: a row for each entity found."""
    entities = tuple(name for name in ENTITIES if name in params.placeholders)
    for batch in batches:
        rows = [
            (doc_id, batch_id, start, end, params.placeholders[entity], f"pii_{entity}")
            for doc_id, batch_id, text in zip(*(batch[name].to_pylist() for name in ("doc_id", "batch_id", "text")), strict=True)
            for start, end, entity in find_pii(text or "", entities)
        ]
        yield as_batch(rows, FOUND)
