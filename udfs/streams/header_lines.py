"""Headers in lines of `name: value` that end with a blank line, as of HTTP and WARC."""

from __future__ import annotations

import re

# a line that begins with white space goes on with the field before
_FOLD = re.compile(r"\r?\n[ \t]+")
_MAX_DIGITS = 18  # more would not fit into 64 bits


def end_of_header(data: bytes | bytearray, start: int, stop: int) -> int:
    """Where a header ends that begins at `start`, behind its blank line; some writers end lines with LF
    alone.

    -1: not before `stop`.
    """
    end = data.find(b"\n\r\n", start, stop)
    short = data.find(b"\n\n", start, end + 1 if end >= 0 else stop)
    return short + 2 if short >= 0 else end + 3 if end >= 0 else -1


def unfolded(head: str) -> str:
    """A header with each field on one line."""
    return _FOLD.sub(" ", head) if "\n " in head or "\n\t" in head else head


def number_of_bytes(text: str) -> int | None:
    """A length as headers and lists write it, in ASCII digits; None for anything else.

    int() would accept other scripts, signs and blanks.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS else None
