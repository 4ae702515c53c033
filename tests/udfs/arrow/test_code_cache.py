"""Machine code of kernels travels with the package: nothing is compiled twice, and no stale code is run."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numba
import pytest

import gristmill
from gristmill import udfs
from gristmill.udfs.arrow.code_cache import Record, writable_folder

SOURCES = Path(udfs.__file__).parent
NOWHERE = "/proc/nowhere"  # nobody, not even root, can make a folder under /proc
SCRIPT = """
import sys
from numba.core.dispatcher import Dispatcher
import gristmill.udfs.rules.measures, gristmill.udfs.warm_up
gristmill.udfs.rules.measures.measure(gristmill.udfs.warm_up.TEXTS, lid_model="package:", lid_chars=100)
modules = [module for name, module in sys.modules.items() if name.startswith("gristmill.udfs.")]
found = [each for module in modules for each in vars(module).values() if isinstance(each, Dispatcher)]
kernels = {id(each): each for each in found}
count = lambda name: sum(sum(getattr(each.stats, name).values()) for each in kernels.values())
print(gristmill.udfs.__file__, count("cache_misses"), count("cache_hits"))
"""


def run(path: Path, cwd: Path, **env: str) -> tuple[str, int, int]:
    """Where `udfs` came from, and how many kernels a new process compiled and loaded to measure texts."""
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(path), "PYTHONWARNINGS": "ignore", **env}
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, cwd=cwd, env=given, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    where, misses, hits = done.stdout.split()
    return where, int(misses), int(hits)


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the package with the code that measuring takes beside its sources."""
    home = tmp_path_factory.mktemp("compiled")
    shutil.copytree(SOURCES, home / "gristmill/udfs")
    shutil.copy(gristmill.__file__, home / "gristmill")
    run(home, home)
    return home


NO_HOME = {"HOME": NOWHERE, "XDG_CACHE_HOME": NOWHERE, "TMPDIR": NOWHERE}


def test_from_a_zip_nothing_is_compiled(compiled: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        for path in sorted((compiled / "gristmill").rglob("*")):
            archive.write(path, path.relative_to(compiled).as_posix())
    where, misses, hits = run(tmp_path / "g.zip", tmp_path, **NO_HOME)
    assert (".zip" in where, misses) == (True, 0)
    assert hits >= 15


def test_from_an_archive_unpacked_elsewhere_nothing_is_compiled(compiled: Path, tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "env.tar", "w") as archive:
        archive.add(compiled / "gristmill", "gristmill")
    with tarfile.open(tmp_path / "env.tar") as archive:
        archive.extractall(tmp_path / "env", filter="data")
    for path in (tmp_path / "env").rglob("*.py"):
        os.utime(path, (1, 1))
    where, misses, hits = run(tmp_path / "env", tmp_path, **NO_HOME)
    assert (where.startswith(str(tmp_path / "env")), misses) == (True, 0)
    assert hits >= 15


def test_a_source_that_changed_is_compiled_once_for_the_machine(compiled: Path, tmp_path: Path) -> None:
    shutil.copytree(compiled / "gristmill", tmp_path / "here/gristmill")
    (tmp_path / "here/gristmill/udfs/text/lines.py").open("a").write("\n# another version\n")
    with zipfile.ZipFile(tmp_path / "g.zip", "w") as archive:
        for path in sorted((tmp_path / "here/gristmill").rglob("*")):
            archive.write(path, path.relative_to(tmp_path / "here").as_posix())
    (tmp_path / "tmp").mkdir()
    env = {**NO_HOME, "TMPDIR": str(tmp_path / "tmp")}
    _, misses, hits = run(tmp_path / "g.zip", tmp_path, **env)
    assert 0 < misses < 12
    assert hits > 5
    assert run(tmp_path / "g.zip", tmp_path, **env)[1] == 0


def test_no_code_is_loaded_where_others_may_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", NOWHERE)
    own = tmp_path / f"gristmill-kernels-{os.getuid()}"
    own.mkdir(mode=0o700)
    assert writable_folder(NOWHERE, "stamp") == str(own / "stamp")
    own.chmod(0o777)
    assert writable_folder(NOWHERE, "stamp") == ""


def warmed(home: Path, **env: str) -> str:
    """What `python -m gristmill.udfs.warm_up` says of the sources in `home`."""
    given = {"PATH": os.environ["PATH"], "PYTHONWARNINGS": "ignore", **env}
    command = [sys.executable, "-m", "gristmill.udfs.warm_up"]
    done = subprocess.run(command, cwd=home, env=given, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr
    return done.stderr


def test_only_what_is_compiled_is_told_and_then_noted(tmp_path: Path) -> None:
    warmed(SOURCES.parent)  # compiled by whoever came first
    shutil.copytree(SOURCES, tmp_path / "gristmill/udfs")
    shutil.copy(gristmill.__file__, tmp_path / "gristmill")
    assert warmed(tmp_path) == ""
    for path in (tmp_path / "gristmill/udfs/text/__pycache__").glob("lines.*.nb?"):
        path.unlink()
    said = warmed(tmp_path).splitlines()
    assert said[0].startswith("compiling kernels, once: about ")
    assert str(tmp_path / "gristmill/udfs") in said[0]
    assert said[1].startswith("kernels compiled: ")


def test_a_record_is_of_the_sources_as_they_stand(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    record = Record()
    assert not record.is_complete()
    record.write()
    assert Record().is_complete()
    monkeypatch.setenv("NUMBA_CPU_NAME", "another")
    assert not Record().is_complete()
