"""Compiles, in a process of its own, the numba kernels that no run on this machine has compiled yet."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gristmill import udfs
from gristmill.udfs.arrow.code_cache import Record


@contextmanager
def compiled_in_background(executors_are_local: bool) -> Iterator[None]:
    """Within the block a second process compiles the kernels of the passes over text.

    `executors_are_local`: false on a cluster, whose machines compile for themselves. A Python worker that
    needs a kernel which is being compiled waits for it. Finished kernels stay in the cache, even when the
    block raises.
    """
    # The record is written when a warm-up has finished, for these sources and this processor.
    if not executors_are_local or Record().is_complete():
        yield
        return
    # In a session of its own, so that Ctrl-C reaches
    # this process only, which then ends the other one.
    folder = Path(udfs.__file__).parent.parent
    process = subprocess.Popen(
        [sys.executable, "-m", "gristmill.udfs.warm_up"], cwd=folder, start_new_session=True
    )
    try:
        yield
    finally:
        # A curation that ends first does not wait for kernels that it no longer needs.
        process.terminate()
        process.wait()
