"""Kernels that no run on this machine has compiled yet: by a process of its own, beside what starts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gristmill import udfs
from gristmill.udfs.arrow.code_cache import Record


@contextmanager
def compiled_beside(is_here: bool) -> Iterator[None]:
    """Within it the kernels of the passes over text are compiled, where they are not; they say so themselves.

    `is_here`: whether executors are this machine's; on a cluster their machines compile. Python workers that
    meet a kernel which is being compiled wait for it. What is compiled is kept, however this ends.
    """
    if not is_here or Record().is_there():
        yield
        return
    # in a session of its own: Ctrl-C is answered here
    home = Path(udfs.__file__).parent.parent
    beside = subprocess.Popen(
        [sys.executable, "-m", "gristmill.udfs.warm_up"], cwd=home, start_new_session=True
    )
    try:
        yield
    finally:
        beside.terminate()
        beside.wait()
