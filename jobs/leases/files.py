"""Locks of processes that share a local disk."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from gristmill.jobs.core.errors import ConfigError, RetryLater


@contextlib.contextmanager
def file_lock(folder: Path, name: str, wait: bool) -> Iterator[None]:
    """The lock `name` in `folder`, which is made.

    Raises RetryLater where another process has it and `wait` is false, ConfigError where this user may not
    write to the folder.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"lake {folder.parent}: {folder} cannot be made ({error.strerror}); "
            "name a place that this user may write to"
        ) from error
    with (folder / name).open("a+") as stream:
        try:
            # The kernel releases an flock when its process
            # dies, so a killed run leaves no stale lock.
            fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            stream.seek(0)
            raise taken(folder.parent, name, stream.read().strip()) from None
        stream.truncate(0)
        stream.write(f"pid {os.getpid()}")
        stream.flush()
        yield


def taken(where: object, name: str, owner: str) -> RetryLater:
    """The error of a process that finds a lock or lease taken."""
    return RetryLater(
        f"lake {where}: another process ({owner or 'unknown'}) runs {name.removeprefix('job-')}; "
        "run the same command again when it has ended"
    )
