"""What a file may cost, and the break of a stream whose content cannot be read on."""

from __future__ import annotations

from dataclasses import dataclass

# bytes asked of the file at a time: on an object store every call is a request
READ = 1 << 23


class BrokenStream(Exception):
    """The content of a file cannot be read on; `reason` is one of gristmill.udfs.reasons. All blocks before
    the break came out.

    `seen`: what the file is instead, where that can be told.
    """

    def __init__(self, reason: str, seen: str = "") -> None:
        super().__init__(reason)
        self.reason, self.seen = reason, seen


@dataclass(frozen=True)
class Limits:
    """What a row and a file may cost: bytes of a row, bytes kept of a rejected one, bytes that a file
    may unpack to, how many fold."""

    max_row_bytes: int
    max_raw_bytes: int
    max_unpacked_bytes: int
    max_unpack_ratio: float
