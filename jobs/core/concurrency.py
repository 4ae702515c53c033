"""Threads of the driver.

Planning a query keeps one core busy and waiting for a commit keeps none busy, so two queries in flight
finish sooner than one after the other. This matters for small lakes.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from gristmill.jobs.core.records import Record

Result = TypeVar("Result")
# Queries in flight. More would only wait for the driver's planner.
AT_ONCE = 3


def in_background(work: Callable[[], Result]) -> Future[Result]:
    """Start `work` in a thread; `Future.result()` returns its value or raises its error."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    # Without waiting: the thread ends with its work, and the caller goes on at once.
    pool.shutdown(wait=False)
    return future


def at_once(**works: Callable[[], object]) -> Record:
    """Run several functions in threads, at most AT_ONCE at a time: {name: result}.

    When all have ended, raises the error of the first one, in the order of the arguments, that failed.
    """
    # Leaving the block waits for all, so no query still runs when the first error is raised.
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = {name: pool.submit(work) for name, work in works.items()}
    return {name: future.result() for name, future in futures.items()}
