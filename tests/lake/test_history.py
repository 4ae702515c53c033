"""What the log of a table tells of its commits."""

from __future__ import annotations

import json
from pathlib import Path

from gristmill.jobs.lake.log_files import LocalFiles, LogFiles


def test_a_commit_is_read_whatever_signs_its_note_has(tmp_path: Path) -> None:
    info = {"operation": "WRITE", "userName": "a\u2028b\u0085c", "timestamp": 1, "userMetadata": json.dumps({"run_id": "r\u2029"})}
    lines = [{"commitInfo": info}, {"add": {"path": "x\u2028.parquet", "dataChange": False}}]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (tmp_path / f"{0:020}.json").write_text(text, encoding="utf-8")
    [commit] = LogFiles(LocalFiles(tmp_path)).commits(0, 0)
    assert (commit.operation, commit.run_id, commit.changes_rows) == ("WRITE", "r\u2029", False)
