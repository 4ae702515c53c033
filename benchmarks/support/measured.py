"""Seconds, processor and memory of a command, with all processes below it and those that work for it elsewhere (a cluster's executors)."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
TICK, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
STEP_SECONDS = 0.1  # between two looks
WORDS = 15  # last lines shown of a command that fails


@dataclass(frozen=True)
class Process:
    """A look at a process: its own seconds of processor so far (not its children's) and its resident bytes."""

    pid: int
    started: int  # in ticks since the machine's start: with `pid` it names one process for good
    parent: int
    name: str
    seconds: float
    resident: int


def looked_at(roots: Sequence[int]) -> list[Process]:
    """The processes `roots` and all below them, by one pass over /proc (psutil takes some ten times as long)."""
    found = {process.pid: process for process in _all()}
    below: dict[int, list[int]] = {}
    for process in found.values():
        below.setdefault(process.parent, []).append(process.pid)
    todo, seen = [pid for pid in roots if pid in found], []
    while todo:
        seen.append(found[todo.pop()])
        todo += below.get(seen[-1].pid, [])
    return [process for process in seen if not _is_copy(process, found.get(process.parent))]


def _all() -> Iterator[Process]:
    for name in os.listdir("/proc"):
        if name.isdigit():
            with contextlib.suppress(OSError):
                # proc(5): the name stands in brackets and may hold anything; fields 4 parent, 14 and 15 ticks, 22 start, 24 pages
                head, _, rest = Path(f"/proc/{name}/stat").read_text(errors="replace").rpartition(") ")
                part = rest.split()
                ticks, pages = int(part[11]) + int(part[12]), int(part[21])
                yield Process(int(name), int(part[19]), int(part[1]), head.partition("(")[2], ticks / TICK, pages * PAGE)


def _is_copy(process: Process, parent: Process | None) -> bool:
    """Whether it is a JVM about to become the command that another JVM starts: until then it has the other's memory, not its own."""
    if parent is None or parent.resident != process.resident:
        return False
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process.pid}/cmdline").read_bytes() == Path(f"/proc/{parent.pid}/cmdline").read_bytes()
    return False


class Use:
    """What processes use, from its making on."""

    def __init__(self, beside: Sequence[int] = ()) -> None:
        self.beside, self.peak = list(beside), 0
        self._before = {(each.pid, each.started): each.seconds for each in looked_at(self.beside)}
        self._seconds: dict[tuple[int, int], float] = {}

    def look(self, *roots: int) -> None:
        """Look at `roots`, at those beside them, and at all below."""
        seen = looked_at([*roots, *self.beside])
        self.peak = max(self.peak, sum(each.resident for each in seen))
        self._seconds |= {(each.pid, each.started): each.seconds for each in seen}

    def cpu_seconds(self) -> float:
        """Of all processes that were seen, without what those beside had used before."""
        return sum(seconds - self._before.get(key, 0.0) for key, seconds in self._seconds.items())


def measured(
    command: list[str],
    log: Path,
    beside: Sequence[int] = (),
    whole_environment: Mapping[str, str] | None = None,
    **environment: str,
) -> dict[str, Any]:
    """Run a process to its end: `seconds`, `cpu_seconds` and `peak_mb` (the largest sum of resident memory) of it and its children.

    beside              processes whose use, and whose children's, counts too (the workers of a cluster)
    whole_environment   of the command, this process's own by default; `environment` is added to it

    Exits with its last words when it fails.
    """
    given = {**(os.environ if whole_environment is None else whole_environment), **environment}
    use, began = Use(beside), time.monotonic()
    with log.open("wb") as words, subprocess.Popen(command, stdout=words, stderr=subprocess.STDOUT, cwd=ROOT, env=given) as process:
        while process.poll() is None:
            use.look(process.pid)
            time.sleep(STEP_SECONDS)
    seconds = time.monotonic() - began
    if process.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-WORDS:])
        sys.exit(f"{Path(sys.argv[0]).stem}: {' '.join(command)} ended with {process.returncode}:\n{tail}")
    return {"seconds": seconds, "cpu_seconds": round(use.cpu_seconds(), 1), "peak_mb": round(use.peak / 1e6)}
