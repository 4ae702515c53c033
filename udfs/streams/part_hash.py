"""The hash of one part of a file, taken from the bytes while a reader reads them."""

from __future__ import annotations

import hashlib
from typing import Any

from gristmill.udfs.streams.streams import READ, open_file


class PartHash:
    """BLAKE2b (128 bits) over the bytes of part `part` of `n_parts` of a file: those from size * part //
    n_parts on.

    `over` wraps the open file; bytes are taken as they pass, in whatever order the reader asks for them, and
    `finish` reads what it passed over. So the hash is of the bytes that became rows, and a file is fetched
    once.
    """

    def __init__(self, part: int, n_parts: int) -> None:
        self.part, self.n_parts = part, n_parts
        # bytes of the whole file, once it was opened
        self.size: int | None = None
        self._at = self._end = 0
        self._digest = hashlib.blake2b(digest_size=16)

    def over(self, raw: Any, size: int) -> Any:
        """The open file of `size` bytes, whose reads are taken into the hash."""
        if self.size is None:
            self.size = size
            self._at, self._end = size * self.part // self.n_parts, size * (self.part + 1) // self.n_parts
        return _Watched(raw, self)

    def take(self, at: int, data: bytes) -> None:
        """Bytes that stand at position `at`; those that were taken before, or belong to another part,
        are passed over."""
        if at <= self._at < min(at + len(data), self._end):
            piece = memoryview(data)[self._at - at : self._end - at]
            self._digest.update(piece)
            self._at += len(piece)

    def finish(self, path: str) -> str:
        """32 hex digits. Raises OSError when what is left to read cannot be fetched."""
        if self.size is None or self._at < self._end:
            raw, size = open_file(path)
            rest = self.over(raw, size)
            try:
                rest.seek(self._at)
                while self._at < self._end and rest.read(min(READ, self._end - self._at)):
                    pass
            finally:
                raw.close()
        return self._digest.hexdigest()


class _Watched:
    """An open binary file that shows what is read of it to a PartHash."""

    def __init__(self, raw: Any, digest: PartHash) -> None:
        self._raw, self._digest = raw, digest

    def read(self, size: int = -1) -> bytes:
        at = self._raw.tell()
        data = self._raw.read(size)
        self._digest.take(at, data)
        return bytes(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._raw, name)


def whole_hash(parts: list[str]) -> str:
    """The hash of a file from those of its parts, in their order: of one part its own, else BLAKE2b over
    the digests."""
    if len(parts) == 1:
        return parts[0]
    return hashlib.blake2b(b"".join(map(bytes.fromhex, parts)), digest_size=16).hexdigest()
