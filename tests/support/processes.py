"""Servers of a test or a benchmark as processes: waited for by their answer, and gone when whoever started them is."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

T = TypeVar("T")
PR_SET_PDEATHSIG = 1  # linux/prctl.h
STEP_SECONDS = 0.05  # between two looks


@dataclass(frozen=True)
class Server:
    """A process that runs until it is ended, and the file of what it says on both streams."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    def await_answer(self, ask: Callable[[str], T | None], seconds: float = 60) -> T:
        """What `ask` makes of the log so far, as soon as that is not None.

        Raises RuntimeError with the log's end when the process ends before, or `seconds` are over.
        """
        end = time.monotonic() + seconds
        while True:
            is_over = self.process.poll() is not None or time.monotonic() > end  # (one more look after it is)
            said = self.log.read_text(errors="replace")
            if (found := ask(said)) is not None:
                return found
            if is_over:
                tail = "\n".join(said.splitlines()[-15:])
                raise RuntimeError(f"{self.name}: no answer (exit {self.process.poll()}, {self.log}):\n{tail}")
            time.sleep(STEP_SECONDS)


def start(name: str, command: list[str], home: Path, environment: Mapping[str, str]) -> Server:
    """Start a server in a session of its own; on Linux the kernel ends it with the thread that called this."""
    log = home / f"{name}.log"
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, cwd=home,
            env=dict(environment), start_new_session=True, preexec_fn=ends_with_us(),
        )  # fmt: skip
    return Server(name, process, log)


def ends_with_us() -> Callable[[], None]:
    """A `preexec_fn` of subprocess: on Linux the kernel ends the child when we end, also by kill -9."""
    parent = os.getpid()

    def before_its_program() -> None:
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # we ended before that call
                os._exit(1)

    return before_its_program


def end(servers: Iterable[Server]) -> None:
    """End servers and all their descendants at once: what they leave lies in folders that are deleted anyway."""
    roots = [server.process for server in servers]
    below = [each for root in roots for each in descendants(root.pid)]
    for root in roots:  # first, so that nobody starts another child
        root.kill()
        root.wait()
    for each in below:
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    psutil.wait_procs(below, timeout=20)


def descendants(pid: int) -> list[psutil.Process]:
    """All living processes below `pid`."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children(recursive=True)
    return []
