"""Kernels run where an executor runs them: no writable home, a zip on the path, read-only buffers."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from gristmill import udfs
from gristmill.jobs.lake.ship import contents
from gristmill.udfs.arrow.compiled import mix64

SCRIPT = """
import pyarrow as pa
from gristmill import udfs
from gristmill.udfs.dedup.survivors import independent
assert ".zip" in udfs.__file__, udfs.__file__
found = independent([0], [1], [0.9], pa.array([0, 1]).to_numpy())
print(found.survivor.tolist())
"""


def test_kernels_compile_from_a_zip_without_a_writable_home(tmp_path):
    shipped = tmp_path / "gristmill.zip"
    with zipfile.ZipFile(shipped, "w") as archive:
        for name, file in contents().items():
            if file.suffix == ".py":
                archive.write(file, name)
    # nobody, not even root, can make a folder under /proc
    nowhere = {"HOME": "/proc/nowhere", "XDG_CACHE_HOME": "/proc/nowhere", "PYTHONPATH": str(shipped), "PATH": os.environ["PATH"]}
    ran = subprocess.run([sys.executable, "-c", SCRIPT], env=nowhere, cwd="/", capture_output=True, text=True, timeout=120, check=False)
    assert ran.stdout.strip() == "[0, 0]", ran.stderr


TWO_KERNELS = """
from gristmill.udfs.arrow.compiled import compiled

@compiled
def inner(x):
    return x + 1

@compiled
def outer(x):
    total = 0
    for i in range(x):
        total += inner(i)
    return total
"""


def test_of_processes_that_meet_a_kernel_at_once_one_compiles_it(tmp_path):
    (tmp_path / "two_kernels.py").write_text(TWO_KERNELS)
    script = "import two_kernels as t; print(t.outer(4), sum(sum(k.stats.cache_misses.values()) for k in (t.inner, t.outer)))"
    env = {**os.environ, "PYTHONPATH": f"{Path(udfs.__file__).parents[1]}{os.pathsep}{tmp_path}"}
    started = [subprocess.Popen([sys.executable, "-c", script], env=env, cwd=tmp_path, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = [process.communicate(timeout=120)[0].split() for process in started]
    assert [total for total, _ in told] == ["10"] * 3
    assert sum(int(compiled) for _, compiled in told) == 2, "each kernel once, whoever came first"


@pytest.mark.parametrize(("given", "expected"), [(0, 0), (1, 0xB456BCFC34C2CB2C), (2**64 - 1, 0x64B5720B4B825F21)])
def test_mixing_is_the_finalizer_of_murmurhash3(given, expected):
    assert int(mix64(np.uint64(given))) == expected


@pytest.mark.parametrize(("named", "features"), [({"NUMBA_CPU_NAME": "generic"}, "''"), ({"NUMBA_CPU_FEATURES": "+sse2"}, "'+sse2'")])
def test_a_processor_that_the_user_names_stands(named, features):
    script = "import numba, gristmill.udfs.arrow.compiled; print(repr(numba.config.CPU_FEATURES))"
    ran = subprocess.run([sys.executable, "-c", script], env={**os.environ, **named}, capture_output=True, text=True, timeout=120, check=True)
    assert ran.stdout.strip() == features
