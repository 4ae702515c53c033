"""Personal data and credentials in a text: where they stand and of which kind. Bounded by what an entity is
made of, not by `\\b`, which sees no end between a Han character and a digit or letter. Read in ASCII forms,
so digits of every script and full-width signs are found; positions are those of the text.

Checked beyond their form: resident IDs (region, date, checksum of GB 11643), bank cards (issuer, length,
Luhn), phone numbers of other countries (Google's libphonenumber by the package phonenumbers), addresses of
the public Internet only.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pyarrow as pa

from gristmill.udfs.edit.addresses import emails, ips
from gristmill.udfs.edit.ascii_forms import Span, ascii_forms, digit_zones
from gristmill.udfs.edit.credentials import credentials
from gristmill.udfs.edit.id_numbers import bank_cards, id_cards
from gristmill.udfs.edit.phones import phones
from gristmill.udfs.reasons import PII

# in this order: what one has taken, no later one takes
ENTITIES = ("credential", "email", "id_card", "bank_card", "phone", "ip")
FOUND = pa.list_(
    pa.struct(
        [
            ("start", pa.int32()),
            ("end", pa.int32()),
            ("replacement", pa.string()),
            ("reason", pa.string()),
        ]
    )
)
FINDERS: dict[str, Callable[[str, list[Span]], Iterator[Span]]] = {
    "credential": lambda text, zones: credentials(text),
    "email": lambda text, zones: emails(text),
    "id_card": id_cards,
    "bank_card": bank_cards,
    "phone": phones,
    "ip": ips,
}


@dataclass(frozen=True)
class PiiParams:
    """Which entities are looked for, and what stands in their place."""

    placeholders: dict[str, str] = field(
        default_factory=lambda: {name: f"<{name.upper()}>" for name in ENTITIES}
    )

    def __post_init__(self) -> None:
        unknown = sorted(set(self.placeholders) - set(ENTITIES))
        if unknown:
            raise ValueError(f"unknown entities {', '.join(unknown)}; known: {', '.join(ENTITIES)}")


def find_pii(text: str, entities: tuple[str, ...] = ENTITIES) -> list[tuple[int, int, str]]:
    """(start, end, entity) in code points, in the order of the text, none overlapping another.

    Linear in the text.
    """
    read = ascii_forms(text)
    zones = digit_zones(read)
    found: list[tuple[int, int, str]] = []
    taken = bytearray()
    for entity in (name for name in ENTITIES if name in entities):
        for start, end in FINDERS[entity](read, zones):
            taken = taken or bytearray(len(text))  # of most texts nothing is found
            if taken.find(1, start, end) < 0:
                taken[start:end] = b"\1" * (end - start)
                found.append((start, end, entity))
    return sorted(found)


def scrub_texts(texts: pa.Array, params: PiiParams) -> pa.Array:
    """FOUND of each text: an edit for each entity, in the order of the text; a null text has none."""
    entities = tuple(name for name in ENTITIES if name in params.placeholders)
    said = {entity: (params.placeholders[entity], PII.format(entity)) for entity in entities}
    found = [find_pii(text or "", entities) for text in texts.to_pylist()]
    return pa.array([[(start, end, *said[entity]) for start, end, entity in each] for each in found], FOUND)
