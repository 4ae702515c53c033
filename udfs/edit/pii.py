"""Personal data and credentials in a text: their spans and kinds.

Patterns end an entity by the characters it may consist of, not by `\\b`: there is no word boundary between a
Han character and a digit or letter. They read the text in ASCII forms, so digits of all scripts and
full-width signs count; positions are those of the text.

More than the form is checked of resident IDs (region, date, checksum of GB 11643), bank cards (issuer,
length, Luhn checksum) and phone numbers of other countries (Google's libphonenumber). Only public IP
addresses count.
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

# In this order: a span that one entity has taken is closed to all later ones. Credentials first,
# as a key may have a phone number in it; what has a checksum before phones, which have none.
ENTITIES = ("credential", "email", "id_card", "bank_card", "phone", "ip")
EDITS = pa.list_(
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
    """Entity (one of ENTITIES) -> its placeholder; an entity without one is not searched for.

    Raises ValueError for an unknown entity.
    """

    placeholders: dict[str, str] = field(
        default_factory=lambda: {name: f"<{name.upper()}>" for name in ENTITIES}
    )

    def __post_init__(self) -> None:
        unknown = sorted(set(self.placeholders) - set(ENTITIES))
        if unknown:
            raise ValueError(f"unknown entities {', '.join(unknown)}; known: {', '.join(ENTITIES)}")


def find_pii(text: str, entities: tuple[str, ...] = ENTITIES) -> list[tuple[int, int, str]]:
    """(start, end, entity) in code points, in the order of the text, without overlaps.

        "Mail a@b.org, 电话13812345678"  ->  [(5, 12, "email"), (16, 27, "phone")]

    Takes time linear in the text.
    """
    ascii_text = ascii_forms(text)
    zones = digit_zones(ascii_text)
    spans: list[tuple[int, int, str]] = []
    taken = bytearray()
    for entity in (name for name in ENTITIES if name in entities):
        for start, end in FINDERS[entity](ascii_text, zones):
            # a byte for each code point, allocated at the first span: most texts have none
            taken = taken or bytearray(len(text))
            if taken.find(1, start, end) < 0:
                taken[start:end] = b"\1" * (end - start)
                spans.append((start, end, entity))
    return sorted(spans)


def scrub_texts(texts: pa.Array, params: PiiParams) -> pa.Array:
    """EDITS of each text: one for each entity, in the order of the text; a null text has none."""
    # in the order of ENTITIES, whatever the order of a recipe's placeholders
    entities = tuple(name for name in ENTITIES if name in params.placeholders)
    edit_of = {entity: (params.placeholders[entity], PII.format(entity)) for entity in entities}
    spans = [find_pii(text or "", entities) for text in texts.to_pylist()]
    return pa.array(
        [[(start, end, *edit_of[entity]) for start, end, entity in each] for each in spans], EDITS
    )
