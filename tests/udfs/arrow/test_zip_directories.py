"""Directories of zip archives: read once a file, and again where the file has changed."""

from __future__ import annotations

import importlib
import sys
import zipfile
import zipimport
from pathlib import Path

import pytest

from gristmill.udfs.arrow import zip_directories


def _archive(path: Path, *names: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(f"{name}/__init__.py", f"name = {name!r}")


@pytest.mark.skipif("_get_files" in vars(zipimport.zipimporter), reason="this Python reads directories when they are asked for")
def test_a_directory_is_read_once_until_its_file_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "code.zip"
    _archive(path, "zipped_first", "zipped_second")
    monkeypatch.syspath_prepend(str(path))
    zip_directories.install()
    for name in ("zipped_first", "zipped_second"):
        assert importlib.import_module(name).name == name
    importlib.invalidate_caches()
    read: list[str] = []
    original = zipimport._read_directory  # type: ignore[attr-defined]
    monkeypatch.setattr(zipimport, "_read_directory", lambda archive: read.append(archive) or original(archive))
    for _ in range(3):
        importlib.invalidate_caches()
    assert str(path) not in read

    _archive(path, "zipped_first", "zipped_second", "zipped_third")
    importlib.invalidate_caches()
    assert read.count(str(path)) == 1  # though three importers know it
    assert importlib.import_module("zipped_third").name == "zipped_third"

    path.unlink()
    importlib.invalidate_caches()
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("zipped_fourth")
    for name in ("zipped_first", "zipped_second", "zipped_third"):
        sys.modules.pop(name)
