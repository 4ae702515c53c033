"""The JVM's class archive, which set-up makes once, from a small run of our own code."""

from __future__ import annotations

from pathlib import Path

import pytest

from gristmill.jobs.lake import laptop


@pytest.mark.spark
def test_set_up_leaves_a_class_archive(tmp_path: Path) -> None:
    laptop.archive_classes(tmp_path)
    assert (tmp_path / laptop.ARCHIVE).stat().st_size > 10**7


def test_what_stands_in_the_way_of_an_archive_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(laptop, "TRAINING", "import no_such_module_of_ours")
    laptop.archive_classes(tmp_path)
    assert "no class archive, so that sessions start some seconds later: ModuleNotFoundError" in capsys.readouterr().err
