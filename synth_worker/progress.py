"""Progress on stderr, and the same numbers for Prometheus when the recipe names a port."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Mapping
from typing import Protocol

from gristmill.synth_worker.calls.window import Window
from gristmill.synth_worker.recipe import Spec


class OpenPart(Protocol):
    """A part that the worker has leased."""

    open: int  # requests without a result


class Counters(Protocol):
    """The counters of a worker: requests closed, those of them with samples, failures by reason, and
    calls."""

    spec: Spec
    window: Window
    reasons: Counter[str]
    n_in: int
    n_made: int

    @property
    def parts(self) -> Mapping[str, OpenPart]: ...  # noqa: D102


class Progress:
    """Prints and serves a worker's counters; it only reads them, so it never affects answers."""

    def __init__(self, worker: Counters) -> None:
        self.worker, self.began = worker, time.monotonic()

    async def run(self) -> None:
        """Print a line every progress_seconds and serve the metrics, until cancelled."""
        port, server = self.worker.spec.metrics_port, None
        if port is not None:
            # On the loopback address only: the metrics have no authentication.
            server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        try:
            while True:
                await asyncio.sleep(self.worker.spec.progress_seconds)
                self.line("")
        finally:
            if server is not None:
                server.close()

    def line(self, end: str) -> None:
        """Print one line: requests, tokens a second, calls running and waiting, seconds left of the open
        parts, failures; `end` is appended."""
        w, seconds = self.worker, max(time.monotonic() - self.began, 1e-9)
        # Of the leased parts only: how many parts others will take is not known.
        left = sum(part.open for part in w.parts.values())
        eta = f"  about {left / (w.n_in / seconds):.0f} s for the parts at hand" if left and w.n_in else ""
        # The most frequent reasons only, so that the line stays one line.
        failed = ", ".join(f"{reason} {n}" for reason, n in w.reasons.most_common(4))
        # Over the whole run: a rate of the last seconds
        # would jump with the lengths of a few answers.
        rate = w.window.spent["completion_tokens"] / seconds
        print(
            f"synth_worker {seconds:7.1f} s  requests {w.n_in:,}  with samples {w.n_made:,}  {rate:,.0f} "
            f"tokens/s  running {w.window.running}"
            f"  waiting {w.window.waiting}{eta}  failed: {failed or 'none'}  {end}".rstrip(),
            file=sys.stderr,
        )

    def metrics(self) -> str:
        """The counters in the text format of Prometheus."""
        w = self.worker
        numbers = {
            "requests_total": w.n_in,
            "requests_with_samples_total": w.n_made,
            "calls_running": w.window.running,
            "calls_waiting": w.window.waiting,
            "calls_peak": w.window.peak,
            "answers_total": w.window.n_answers,
            "answers_replayed_total": w.window.n_replayed,
            "prompt_tokens_total": w.window.spent["prompt_tokens"],
            "completion_tokens_total": w.window.spent["completion_tokens"],
            **{f"{name}_total": w.window.events[name] for name in ("length", "repairs", "retries")},
        }
        lines = [f"gristmill_synth_{name} {value}" for name, value in numbers.items()]
        lines += [
            f'gristmill_synth_failed_total{{reason="{reason}"}} {n}'
            for reason, n in sorted(w.reasons.items())
        ]
        return "\n".join(lines) + "\n"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # Any request gets the metrics. A few lines of HTTP spare the worker a web framework.
        await reader.readline()
        body = self.metrics().encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: "
            b"%d\r\nConnection: close\r\n\r\n%s" % (len(body), body)
        )
        await writer.drain()
        writer.close()
