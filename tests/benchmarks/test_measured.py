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


def test_use_of_those_beside_counts_from_its_beginning_and_by_spans_of_time(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", f"{BUSY}\n{BUSY}\ntime.sleep(60)"]) as beside:
        before = Use([beside.pid])
        while before.cpu_seconds() < 1:
            before.look()
            time.sleep(0.05)
        use = Use([beside.pid])
        start = time.time()
        found = measured([sys.executable, "-c", "import time; time.sleep(3)"], tmp_path / "log", use)
        beside.kill()
    assert 0.3 <= found["cpu_seconds"] <= 1.8  # its first second lies before
    whole = use.between(start, time.time())
    assert whole["cpu_seconds"] == pytest.approx(found["cpu_seconds"], abs=0.1)
    assert whole["driver_cpu_seconds"] < 0.3
    assert use.between(start - 9, start - 5)["cpu_seconds"] == 0


def test_a_command_that_fails_ends_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"ended with 3:\nlast words"):
        measured([sys.executable, "-c", "import sys; print('last words'); sys.exit(3)"], tmp_path / "log")
