"""Work beside the driver's thread.

Planning a query keeps one core busy and a commit none, so that small lakes gain from two at once.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from gristmill.jobs.core.records import Record

Result = TypeVar("Result")
# queries in flight; more would only wait for the driver
AT_ONCE = 3


def in_background(work: Callable[[], Result]) -> Future[Result]:
    """Start `work`; its errors are raised where the result is asked for."""
    pool = ThreadPoolExecutor(1)
    future = pool.submit(work)
    pool.shutdown(wait=False)
    return future


def at_once(**works: Callable[[], object]) -> Record:
    """The result of each, several at work at a time.

    Raises the error of the first, in their order, that failed, when all have ended.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = {name: pool.submit(work) for name, work in works.items()}
    return {name: future.result() for name, future in futures.items()}
