"""How files are read, whatever their rows become: columns, constants and bounds of a recipe."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gristmill.udfs.read.survey import Survey
from gristmill.udfs.streams.encodings import ENCODINGS
from gristmill.udfs.streams.limits import Limits

# An Arrow string column holds 2 GiB; text in GB18030 may grow by half on its way to UTF-8.
MOST_BYTES = 512 << 20


@dataclass(frozen=True)
class FileParams:
    """What the readers of rows and of pages are told in common.

    columns             our name -> their column (`meta.url` walks into objects, maps and strings of JSON), a
                        constant (`=web`) or None
    optional            our names whose column may be in no row at all; any other one that no row has is
                        reported by the survey
    label               what messages call these files (the recipe's glob)
    encoding            of lines and strings: utf-8, gb18030, big5 or auto (per row; see
                        gristmill.udfs.streams.encodings)
    max_row_bytes       longest row as it stands in the file (a line, a record, a text file)
    max_raw_bytes       bytes of a rejected row that are stored
    max_unpacked_bytes  most that a packed file, or the rows of one Parquet unit, may come to
    max_unpack_ratio    most a packed file may come to, as a multiple of its packed bytes read so far (judged
                        from 64 MiB on)
    """

    columns: Mapping[str, str | None]
    optional: tuple[str, ...] = field(default=(), kw_only=True)
    label: str = field(default="", kw_only=True)
    encoding: str = field(default="utf-8", kw_only=True)
    max_row_bytes: int = field(kw_only=True)
    max_raw_bytes: int = field(kw_only=True)
    max_unpacked_bytes: int = field(kw_only=True)
    max_unpack_ratio: float = field(kw_only=True)

    def is_mapped(self, name: str) -> bool:
        """Whether a name is read from a column, and is no constant."""
        return not (self.columns.get(name) or "=").startswith("=")

    def complaints(self, held: str) -> Iterator[str]:
        """What is wrong with the encoding and the bounds; `held`: the bound besides max_row_bytes of what is
        held at once."""
        if self.encoding not in ENCODINGS:
            yield f"encoding: {self.encoding!r} is none of {', '.join(ENCODINGS)}"
        for name in self.__dataclass_fields__:
            if name.startswith(("max_", "batch_")) and not getattr(self, name) > 0:
                yield f"{name}: {getattr(self, name)} is not above 0"
        for name in ("max_row_bytes", held):
            if getattr(self, name) > MOST_BYTES:
                yield f"{name}: at most {MOST_BYTES >> 20} MiB"

    @property
    def limits(self) -> Limits:
        """The bounds of the byte streams."""
        return Limits(self.max_row_bytes, self.max_raw_bytes, self.max_unpacked_bytes, self.max_unpack_ratio)

    def survey(self) -> Survey:
        """A fresh survey of the columns that a row somewhere must have: those that the recipe maps, but
        for the optional."""
        mapped, _ = split_columns(self.columns)
        return Survey(
            self.label, {ours: theirs for ours, theirs in mapped.items() if ours not in self.optional}
        )


def split_columns(mapped: Mapping[str, str | None]) -> tuple[dict[str, str], dict[str, str]]:
    """Our names that are read from a column, with it, and those of constants, with their value.

    {"text": "body", "source": "=web", "url": None}  ->  {"text": "body"}, {"source": "web"}
    """
    columns, constants = {}, {}
    for ours, theirs in mapped.items():
        if theirs is not None and theirs.startswith("="):
            constants[ours] = theirs[1:]
        elif theirs is not None:
            columns[ours] = theirs
    return columns, constants
