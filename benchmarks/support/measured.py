"""Seconds, processor time and memory of a command, with its child processes and those that work for it elsewhere (a cluster's executors)."""

from __future__ import annotations

import bisect
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.processes import ends_with_us

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


@dataclass(frozen=True)
class Sample:
    """What had been used up to a moment (seconds since 1970): seconds of processor by the command and by those beside it, resident bytes then."""

    at: float
    own: float
    beside: float
    resident: int


class Use:
    """What a command uses, with all processes below it, and those beside it from now on."""

    def __init__(self, beside: Sequence[int] = ()) -> None:
        self.beside, self.samples = list(beside), [Sample(time.time(), 0.0, 0.0, 0)]
        self._before = {(each.pid, each.started): each.seconds for each in looked_at(self.beside)}
        self._own: dict[tuple[int, int], float] = {}
        self._others: dict[tuple[int, int], float] = {}

    def look(self, *roots: int) -> None:
        """Look at the command's processes `roots`, at those beside them, and at all below."""
        own, others = looked_at(roots), looked_at(self.beside)
        self._own |= {(each.pid, each.started): each.seconds for each in own}
        self._others |= {(each.pid, each.started): each.seconds for each in others}
        spent = sum(seconds - self._before.get(key, 0.0) for key, seconds in self._others.items())
        resident = sum(each.resident for each in (*own, *others))
        self.samples.append(Sample(time.time(), sum(self._own.values()), spent, resident))

    def cpu_seconds(self) -> float:
        """Of all processes that were seen."""
        return self.samples[-1].own + self.samples[-1].beside

    def peak(self) -> int:
        """The largest sum of resident bytes."""
        return max(sample.resident for sample in self.samples)

    def between(self, start: float, end: float) -> dict[str, float]:
        """Of a span of time (seconds since 1970): `cpu_seconds`, of them `driver_cpu_seconds` (the command's own), and `peak_mb`."""
        times = [sample.at for sample in self.samples]
        first, last = max(bisect.bisect_right(times, start) - 1, 0), max(bisect.bisect_right(times, end) - 1, 0)
        one, other = self.samples[first], self.samples[last]
        own, beside = other.own - one.own, other.beside - one.beside
        peak = max(sample.resident for sample in self.samples[first : last + 1])
        return {"cpu_seconds": own + beside, "driver_cpu_seconds": own, "peak_mb": peak / 1e6}


def measured(
    command: list[str],
    log: Path,
    use: Use | None = None,
    whole_environment: Mapping[str, str] | None = None,
    **environment: str,
) -> dict[str, Any]:
    """Run a process to its end: `seconds`, `cpu_seconds` and `peak_mb` (the largest sum of resident memory) of it and its children.

    use                 where what it uses is kept, with the processes whose use counts too (the workers of a cluster)
    whole_environment   of the command, this process's own by default; `environment` is added to it

    Exits with its last words when it fails.
    """
    given = {**(os.environ if whole_environment is None else whole_environment), **environment}
    use, began = use or Use(), time.monotonic()
    streams = {"stderr": subprocess.STDOUT, "cwd": ROOT, "env": given, "preexec_fn": ends_with_us()}
    with log.open("wb") as words, subprocess.Popen(command, stdout=words, **streams) as process:
        while process.poll() is None:
            use.look(process.pid)
            time.sleep(STEP_SECONDS)
    seconds = time.monotonic() - began
    if process.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-WORDS:])
        sys.exit(f"{Path(sys.argv[0]).stem}: {' '.join(command)} ended with {process.returncode}:\n{tail}")
    return {"seconds": seconds, "cpu_seconds": round(use.cpu_seconds(), 1), "peak_mb": round(use.peak() / 1e6)}
