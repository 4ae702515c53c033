"""A progress line for each job: tasks done and seconds; live on a terminal, written once at the end in a
log."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType
from typing import TYPE_CHECKING, Self

from gristmill.jobs.lake.session import running_tasks

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Progress:
    """`with Progress(spark, "measure_text") as progress: ...; progress.done("kept 12")`; writes to
    standard error."""

    def __init__(self, spark: SparkSession, job: str) -> None:
        self.spark, self.job, self.message = spark, job, "stopped"
        self.began, self.is_over = time.monotonic(), threading.Event()
        self.is_live = sys.stderr.isatty()
        # A daemon thread: it must not keep a process alive whose job has raised.
        self.thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        if self.is_live:
            self.thread.start()
        return self

    def done(self, message: str) -> None:
        """Set the text of the closing line."""
        self.message = message

    def note(self, message: str) -> None:
        """Print a separate line before the closing one."""
        print("\r\033[K" * self.is_live + f"{self.job:<16}           {message}", file=sys.stderr, flush=True)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.is_over.set()
        if self.is_live:
            # Joined before the closing line, or the thread could write over it.
            self.thread.join()
            sys.stderr.write("\r\033[K")
        print(
            f"{self.job:<16} {time.monotonic() - self.began:6.1f} s  {self.message}",
            file=sys.stderr,
            flush=True,
        )

    def _watch(self) -> None:
        # The wait is also the sleep, so a job that ends does not wait for the next half second.
        while not self.is_over.wait(0.5):
            done, total = running_tasks(self.spark)
            bar = "#" * (20 * done // total) if total else ""
            sys.stderr.write(
                f"\r\033[K{self.job:<16} {time.monotonic() - self.began:6.1f} s  [{bar:<20}] "
                f"{done}/{total} tasks"
            )
            sys.stderr.flush()
