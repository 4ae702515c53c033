"""What benchmarks say of a command's processor and memory."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.support.measured import Use, measured

BUSY = "import time\nend = time.process_time() + 1\nwhile time.process_time() < end: pass\nblock = bytearray(200 << 20)\ntime.sleep(.4)"


def test_use_is_of_the_command_and_of_all_below_it(tmp_path: Path) -> None:
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"
    found = measured([sys.executable, "-c", nested], tmp_path / "log")
    assert 0.9 <= found["cpu_seconds"] <= 2.5
    assert 200 <= found["peak_mb"] <= 400
    assert found["seconds"] >= 1


def test_use_of_those_beside_counts_from_its_beginning(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", f"{BUSY}\ntime.sleep(60)"]) as beside:
        spent = Use()
        while spent.cpu_seconds() < 1:
            spent.look(beside.pid)
            time.sleep(0.05)
        found = measured([sys.executable, "-c", "pass"], tmp_path / "log", [beside.pid])
        beside.kill()
    assert found["cpu_seconds"] < 0.6  # its second lies before


def test_a_command_that_fails_ends_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"ended with 3:\nlast words"):
        measured([sys.executable, "-c", "import sys; print('last words'); sys.exit(3)"], tmp_path / "log")
