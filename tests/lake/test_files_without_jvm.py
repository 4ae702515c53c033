"""Files of a URL by pyarrow, as a client of Spark Connect opens them: against the same folder opened as usual."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gristmill.jobs.connect import files
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.lake import listing
from gristmill.jobs.lake.log_files import LocalFiles


def filled(home: Path) -> Path:
    """A folder with files, hidden ones, and a Delta log."""
    for name in ("b.txt", "deep/a.txt", "_hidden/c.txt", ".d.txt", f"_delta_log/{3:020}.json", f"_delta_log/{4:020}.json"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(name)
    return home


def test_a_listing_is_that_of_the_disk(tmp_path: Path) -> None:
    home = filled(tmp_path / "in put")
    plain = listing.local_listing(str(home))
    by_arrow = listing.arrow_listing(str(home), files.entries(str(home), is_deep=True))
    assert [(file.path, file.name, file.size, file.modified // 1000) for file in by_arrow.files] == [
        (file.path, file.name, file.size, file.modified // 1000) for file in plain.files
    ]
    assert [file.name for file in by_arrow.files] == ["b.txt", "deep/a.txt"]
    assert (by_arrow.batch, by_arrow.root, by_arrow.commit) == (plain.batch, plain.root, plain.commit)
    assert by_arrow.commit == f"{4:020}.json"


def test_one_file_as_input_has_its_own_name(tmp_path: Path) -> None:
    path = filled(tmp_path / "in") / "deep/a.txt"
    [file] = listing.arrow_listing(str(path), files.entries(str(path), is_deep=True)).files
    assert (file.path, file.name) == (str(path), "a.txt")


def test_folders_are_batches_and_a_file_beside_them_is_refused(tmp_path: Path) -> None:
    home = tmp_path / "in"
    for name in ("b", "a", "_c"):
        (home / name).mkdir(parents=True)
    folders, left = listing.arrow_folders(str(home), files.entries(str(home), is_deep=False))
    assert [(folder.where, folder.name) for folder in folders] == [(f"{home}/a", "a"), (f"{home}/b", "b")]
    assert left == [("_c", "hidden")]
    (home / "loose").write_text("")
    with pytest.raises(ConfigError, match="'loose'"):
        listing.arrow_folders(str(home), files.entries(str(home), is_deep=False))


def test_files_are_written_read_and_removed(tmp_path: Path) -> None:
    at = f"{tmp_path}/new/folder/file"
    assert files.read(at) == b""
    files.write(at, b"one")
    files.write(at, b"two")
    assert files.read(at) == b"two"
    assert files.is_file(at)
    assert files.exists(f"{tmp_path}/new")
    assert not files.is_file(f"{tmp_path}/new")
    files.remove(at)
    files.remove(f"{tmp_path}/new")
    files.remove(f"{tmp_path}/new")
    assert not files.exists(f"{tmp_path}/new")


def test_only_old_staging_of_the_same_job_is_removed(tmp_path: Path) -> None:
    for name in ("job-old", "job-new", "other-old"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep/part").write_text("")
        if name.endswith("old"):
            os.utime(tmp_path / name / "deep/part", (1, 1))
    files.remove_old(str(tmp_path), "job", 3600)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["job-new", "other-old"]
    files.remove_old(f"{tmp_path}/nowhere", "job", 3600)


def test_a_log_is_read_as_from_the_disk(tmp_path: Path) -> None:
    log = filled(tmp_path) / "_delta_log"
    assert sorted(files.ArrowFiles(str(log)).names()) == sorted(LocalFiles(log).names())
    assert files.ArrowFiles(str(log)).read(f"{3:020}.json") == LocalFiles(log).read(f"{3:020}.json") != b""
    assert files.ArrowFiles(f"{tmp_path}/none").names() == []


def test_a_scheme_that_pyarrow_does_not_know_is_named() -> None:
    with pytest.raises(ConfigError, match=r"dbfs:/x.*/Volumes"):
        files.exists("dbfs:/x")
