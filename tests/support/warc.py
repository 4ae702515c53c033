"""WARC files taken apart."""

from __future__ import annotations

import zlib

STEP = 1 << 16  # bytes that are unpacked at a time


def warc_members(data: bytes) -> list[bytes]:
    """The gzip members of a WARC file, each of them a record."""
    members, at = [], 0
    while at < len(data):
        member, end = zlib.decompressobj(31), at
        while not member.eof and end < len(data):
            piece = data[end : end + STEP]
            member.decompress(piece)
            end += len(piece)
        end -= len(member.unused_data)
        members.append(data[at:end])
        at = end
    return members
