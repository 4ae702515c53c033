"""What the log of a table tells of its commits."""

from __future__ import annotations

import json
from pathlib import Path

from gristmill.jobs.lake.history import announcement, commit_of, with_announced
from gristmill.jobs.lake.log_files import LocalFiles, LogFiles


def test_a_commit_is_read_whatever_signs_its_note_has(tmp_path: Path) -> None:
    info = {"operation": "WRITE", "userName": "a\u2028b\u0085c", "timestamp": 1, "userMetadata": json.dumps({"run_id": "r\u2029"})}
    lines = [{"commitInfo": info}, {"add": {"path": "x\u2028.parquet", "dataChange": False}}]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    (tmp_path / f"{0:020}.json").write_text(text, encoding="utf-8")
    [commit] = LogFiles(LocalFiles(tmp_path)).commits(0, 0)
    assert (commit.operation, commit.run_id, commit.changes_rows) == ("WRITE", "r\u2029", False)


def test_a_commit_without_a_note_is_the_run_s_whose_commit_before_it_announces_it() -> None:
    note = json.dumps({"run_id": "r1", "job": "j"})
    announced = commit_of(3, "WRITE", announcement(note, "MERGE"), "", False)
    assert announced.run_id == "r1"
    rows = [  # what comes next -> whose it is
        (["MERGE"], ["r1"]),
        (["DELETE"], [None]),  # not what was announced
        (["MERGE", "MERGE"], ["r1", None]),  # only the next one
        (["OPTIMIZE", "MERGE"], [None, None]),  # somebody else came between
    ]
    for operations, whose in rows:
        later = [commit_of(4 + i, operation, None, "", True) for i, operation in enumerate(operations)]
        assert [commit.run_id for commit in with_announced([announced, *later])[1:]] == whose
    plain = commit_of(3, "WRITE", note, "", True)
    assert with_announced([plain, commit_of(4, "MERGE", None, "", True)])[1].run_id is None
    noted = commit_of(4, "MERGE", json.dumps({"run_id": "r2"}), "", True)
    assert with_announced([announced, noted])[1].run_id == "r2"
