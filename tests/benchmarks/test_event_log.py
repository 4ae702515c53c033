"""What benchmarks read of Spark's event log."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from benchmarks.support.event_log import log_in, together


def test_a_log_is_read_when_its_application_has_closed_it(tmp_path: Path) -> None:
    (tmp_path / "app.inprogress").touch()
    with pytest.raises(RuntimeError, match="no event log that is closed"):
        log_in(tmp_path, seconds=0.2)
    closing = threading.Timer(0.3, (tmp_path / "app.inprogress").rename, [tmp_path / "app"])
    closing.start()
    assert log_in(tmp_path, seconds=20) == tmp_path / "app"
    closing.join()


def test_spans_that_overlap_count_once() -> None:
    assert together([(5.0, 6.0), (1.0, 3.0), (2.0, 4.0), (2.5, 2.6)]) == 4.0
