"""A curation in a process of its own, killed on its way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DRIVER = """
import json, os, signal, sys, threading
from gristmill.jobs import curate
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.lake.session import open_session
from tests.lakes import demo_recipe
where, raw, commit, delay, settings = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4]), json.loads(sys.argv[5])
seen = [0]
def die():
    os.kill(os.getpid(), signal.SIGKILL)
def committed(self, table, version):
    seen[0] += 1
    if seen[0] == commit:
        threading.Timer(delay, die).start() if delay else die()
Lake.committed = committed
recipe = demo_recipe()
open_session("killed", {**recipe.spark, **settings})
curate.curate(recipe, where, raw)
"""


def curate_until(where: Path, raw: Path, commit: int, delay: float = 0.0, settings: dict[str, str] | None = None) -> int:
    """Run curate in a process of its own (Spark with `settings`), killed `delay` seconds after its `commit`-th Delta commit; its exit code."""
    command = [sys.executable, "-c", DRIVER, str(where), str(raw), str(commit), str(delay), json.dumps(settings or {})]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ})
    assert done.returncode in (0, -9), done.stderr[-3000:]
    return done.returncode
