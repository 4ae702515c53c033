"""The dictionary of a zstd file, which stands in a frame of its own before all others.

So the Internet Archive and others write WARC files, each record a frame (IIPC, "Zstandard Compression for
WARC Files 1.0"): a frame to skip with the mark 0x184D2A5D holds the dictionary, itself packed or not.
"""

from __future__ import annotations

from typing import Any

import zstandard

from gristmill.udfs import reasons
from gristmill.udfs.streams.limits import BrokenStream

MARK = b"\x5d\x2a\x4d\x18"
# bytes of a dictionary, packed and unpacked; those of archives have about 1 MiB
MAX_DICTIONARY = 1 << 25
FRAME = b"\x28\xb5\x2f\xfd"


def dictionary_of(raw: Any) -> zstandard.ZstdCompressionDict | None:
    """The dictionary with which a file begins; None for a file without one.

    Raises BrokenStream for one that is cut off, damaged, or longer than MAX_DICTIONARY.
    """
    raw.seek(0)
    head = raw.read(len(MARK) + 4)
    if not head.startswith(MARK):
        return None
    size = int.from_bytes(head[len(MARK) :], "little")
    if size > MAX_DICTIONARY:
        raise BrokenStream(reasons.UNREADABLE_FILE, f"a zstd dictionary of {size} bytes")
    data = raw.read(size)
    if len(head) < len(MARK) + 4 or len(data) < size:
        raise BrokenStream(reasons.TRUNCATED_FILE, "a zstd dictionary that is cut off")
    try:
        held = _unpacked(data) if data.startswith(FRAME) else data
        return zstandard.ZstdCompressionDict(held)
    except zstandard.ZstdError:
        raise BrokenStream(reasons.UNREADABLE_FILE, "a damaged zstd dictionary") from None


def wants_dictionary(data: bytes) -> bool:
    """Whether bytes begin a frame that cannot be read without a dictionary."""
    try:
        return data.startswith(FRAME) and zstandard.get_frame_parameters(data[:18]).dict_id != 0
    except zstandard.ZstdError:
        return False


def _unpacked(data: bytes) -> bytes:
    """Raises ZstdError and BrokenStream."""
    frame, held = zstandard.ZstdDecompressor(max_window_size=MAX_DICTIONARY).decompressobj(), b""
    for at in range(0, len(data), 1 << 10):
        held += frame.decompress(data[at : at + (1 << 10)])
        if len(held) > MAX_DICTIONARY:
            raise BrokenStream(
                reasons.UNREADABLE_FILE, f"a zstd dictionary of more than {MAX_DICTIONARY} bytes"
            )
        if frame.eof:
            return held
    raise BrokenStream(reasons.TRUNCATED_FILE, "a zstd dictionary that is cut off")
