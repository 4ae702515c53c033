"""A lease: what one driver at a time has, among all machines that see a lake.

Its text stands in a register, a place of the store that can be read, and changed only by who knows what
stands there. The owner changes it every few seconds. Whoever wants it watches: a text that stays the same for
the whole term is of a dead owner, and is replaced. Each side measures that time by its own steady clock, from
what it has itself seen or written; no two machines' clocks are ever compared.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from gristmill.jobs.core.errors import RetryLater
from gristmill.jobs.leases.files import taken


@dataclass(frozen=True)
class Terms:
    """Seconds after which an unchanged lease is taken over, between two changes by its owner, and between two
    looks of who waits for it."""

    seconds: float
    beat_seconds: float
    poll_seconds: float


@dataclass(frozen=True)
class Seen:
    """What stands in a register; `tag` names this state of it."""

    text: str
    tag: str

    @property
    def is_held(self) -> bool:
        """Whether somebody has the lease, alive or dead."""
        return bool(json.loads(self.text)["held"])

    @property
    def owner(self) -> str:
        """Its host and process."""
        return str(json.loads(self.text)["owner"])

    @property
    def id(self) -> str:
        """Of the lease of that owner."""
        return str(json.loads(self.text)["id"])


class Register(Protocol):
    """A text that several machines read and change."""

    def read(self) -> Seen | None:
        """What stands there; None where nothing ever did."""

    def swap(self, seen: Seen | None, text: str) -> Seen | None:
        """Replace `seen` (None: nothing) by `text`, and return it as it stands there now.

        None where something else stands there, which stays. Of several at once, one succeeds.
        """


class Lease:
    """One lease; used once, by `held`."""

    def __init__(self, where: str, name: str, register: Register, terms: Terms) -> None:
        self.where, self.name, self.register, self.terms = where, name, register, terms
        self._id, self._beats = uuid.uuid4().hex, 0
        self._owner = f"{socket.gethostname()}, pid {os.getpid()}"
        self._seen: Seen | None = None
        # on the steady clock of this machine: just before the last change of ours
        self._changed_at = 0.0
        self._is_lost, self._ended = False, threading.Event()

    @contextlib.contextmanager
    def held(self, wait: bool) -> Iterator[Lease]:
        """A context in which this process has the lease.

        Raises RetryLater where another one has it and `wait` is false: that takes until its next change is
        seen, or, if it is dead, the lease is taken over after the term.
        """
        self._take(wait)
        # A daemon: a driver that ends in any way must not live on for its lease.
        keeper = threading.Thread(target=self._keep, daemon=True)
        keeper.start()
        try:
            yield self
        finally:
            self._ended.set()
            keeper.join()
            # Whatever is left behind is taken over after the term.
            with contextlib.suppress(Exception):
                if not self._is_lost:
                    self.register.swap(self._seen, self._text(is_held=False))

    def check(self) -> None:
        """Raises RetryLater unless the lease is still ours for one more beat, as far as this process
        knows."""
        silent = time.monotonic() - self._changed_at
        if self._is_lost or silent > self.terms.seconds - self.terms.beat_seconds:
            raise RetryLater(
                f"lake {self.where}: the lease of {self.name} was lost (no answer of the store for "
                f"{silent:.0f} s, or this process stood still so long); nothing more is written, run the "
                "same command again"
            )

    def _take(self, wait: bool) -> None:
        seen = self.register.read()
        while True:
            if seen is not None and seen.is_held:
                later = self._watched(seen)
                if later != seen:
                    if not wait and later is not None and later.is_held:
                        raise taken(self.where, self.name, later.owner)
                    seen = later
                    continue
                print(
                    f"lake {self.where}: {seen.owner} gave no sign of life for {self.terms.seconds:.0f} s; "
                    f"its lease of {self.name} is taken over",
                    file=sys.stderr,
                    flush=True,
                )
            if self._change(seen):
                return
            seen = self.register.read()
            if not wait and seen is not None and seen.is_held:
                raise taken(self.where, self.name, seen.owner)

    def _watched(self, seen: Seen) -> Seen | None:
        """The next state of the register, or `seen` where it stays for the whole term."""
        end = time.monotonic() + self.terms.seconds
        while True:
            is_over = time.monotonic() > end
            later = self.register.read()
            if later != seen or is_over:
                return later
            time.sleep(self.terms.poll_seconds)

    def _change(self, seen: Seen | None) -> bool:
        """Write our next text in place of `seen`; returns whether the lease is ours now."""
        began = time.monotonic()
        self._beats += 1
        text = self._text(is_held=True)
        # A change whose answer was lost may have been made, and then this one fails: so it is read.
        there = self.register.swap(seen, text) or self.register.read()
        if there is None or not there.is_held or there.id != self._id:
            return False
        self._seen = there
        if there.text == text:  # else it is an older one of ours, and others may have seen that long ago
            self._changed_at = began
        return True

    def _keep(self) -> None:
        while not self._ended.wait(self.terms.beat_seconds):
            # Where the store does not answer, the next beat may be in time; `check` looks at the clock.
            with contextlib.suppress(Exception):
                if not self._change(self._seen):
                    self._is_lost = True
                    return

    def _text(self, is_held: bool) -> str:
        values = {"owner": self._owner, "id": self._id, "beat": self._beats, "held": is_held}
        return json.dumps(values, sort_keys=True)
