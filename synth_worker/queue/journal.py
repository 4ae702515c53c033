"""A journal of answers on local disk, one line each: after a kill -9 they are read again instead of asked
again.

A line is `crc32 JSON`. The file is read up to the first torn or damaged line and truncated there.

    1c291ca3 {"request_id":"r1","step":"cot","ordinal":0,"attempt":0,"parsed":"...","prompt_hash":"9f..",...}
"""

from __future__ import annotations

import errno
import json
import os
import time
import zlib
from pathlib import Path
from typing import Any

Key = tuple[str, str, int, int]  # request_id, step, ordinal, attempt


class Journal:
    """The answers of one part.

    Each line is handed to the operating system at once, and synced to the disk at least every `sync_seconds`
    while lines come: a killed process loses nothing, a power cut the last seconds.
    """

    def __init__(self, folder: Path, part: str, sync_seconds: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{part}.jsonl"
        self.sync_seconds, self.synced = sync_seconds, time.monotonic()
        self.answers: dict[Key, dict[str, Any]] = {}
        # Unbuffered: with a buffer, a full disk would raise once more when the file is closed.
        self.stream = self.path.open("a+b", buffering=0)
        self._read()

    def _read(self) -> None:
        # A line behind a damaged one may be whole, but the next
        # write would follow the damage: both are given up.
        good = 0
        for line in self.path.read_bytes().splitlines(keepends=True):
            row = _parsed(line)
            if row is None:
                break
            good += len(line)
            self.answers[key_of(row)] = row
        self.stream.truncate(good)

    def get(self, key: Key, prompt_hash: str) -> dict[str, Any] | None:
        """The recorded row of this call, or None where there is none or its prompt was another."""
        row = self.answers.get(key)
        return row if row is not None and row["prompt_hash"] == prompt_hash else None

    def add(self, row: dict[str, Any]) -> None:
        """Write one answer. Raises OSError when the disk is full; earlier lines are not affected."""
        # ASCII only: a model may answer half of a surrogate pair, which UTF-8 cannot encode.
        body = json.dumps(row, ensure_ascii=True, separators=(",", ":")).encode()
        line = b"%08x %s\n" % (zlib.crc32(body), body)
        written = self.stream.write(line)
        if written != len(line):
            raise OSError(errno.ENOSPC, "a line was written in part only")
        self.answers[key_of(row)] = row
        if time.monotonic() - self.synced > self.sync_seconds:
            os.fsync(self.stream.fileno())
            self.synced = time.monotonic()

    def close(self, is_done: bool) -> None:
        """Close the file, and delete it when its part is committed."""
        try:
            self.stream.close()
        finally:
            if is_done:
                self.path.unlink(missing_ok=True)


def key_of(row: dict[str, Any]) -> Key:
    """The key of the call that a row answers."""
    return (row["request_id"], row["step"], row["ordinal"], row["attempt"])


def _parsed(line: bytes) -> dict[str, Any] | None:
    """The row of a line; None for a line that is torn or damaged."""
    # A line without its line break was torn, even where its checksum happens to be right.
    try:
        if not line.endswith(b"\n") or int(line[:8], 16) != zlib.crc32(line[9:-1]):
            return None
        row: dict[str, Any] = json.loads(line[9:])
        return row
    except ValueError:
        return None
