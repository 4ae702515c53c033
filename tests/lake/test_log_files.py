"""The log of a table read as files: by Hadoop as from this machine's disk."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs.lake.history import Description
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.lake.log_files import HadoopFiles, LocalFiles, LogFiles
from gristmill.jobs.schema.catalog import table
from tests.lakes import write

pytestmark = pytest.mark.spark
EDIT = ("j", "a" * 32, "b", 0, 1, "", "r")


def both(spark: Any, log: Path) -> list[LogFiles]:
    return [LogFiles(LocalFiles(log)), LogFiles(HadoopFiles(spark, log.as_uri()))]


def test_versions_and_commits_are_told_alike(spark: Any, lake: Lake) -> None:
    versions = [write(lake, "edits", [EDIT], job="j") for _ in range(3)]
    here, hadoop = both(spark, lake.folder(table("edits")) / "_delta_log")
    assert here.newest() == hadoop.newest() == versions[-1] == lake.latest(table("edits"))
    assert here.commits(0, versions[-1]) == hadoop.commits(0, versions[-1])
    assert [commit.run_id is not None for commit in hadoop.commits(versions[0], versions[-1])] == [True] * 3


def test_a_commit_is_found_by_its_note_behind_those_of_others(spark: Any, lake: Lake) -> None:
    notes = [json.dumps({"run_id": run, "job": "j"}) for run in ("mine", "another", "a third")]
    frame = lake.spark.createDataFrame([EDIT], table("edits").schema)
    mine, *_ = [lake.write(table("edits"), frame, None, note) for note in notes]
    here, hadoop = both(spark, lake.folder(table("edits")) / "_delta_log")
    for log in (here, hadoop):
        assert log.version_noted(notes[0]) == mine
        assert log.version_noted("nobody's") is None


def test_what_is_not_there_is_no_error(spark: Any, lake: Lake, tmp_path: Path) -> None:
    version = write(lake, "edits", [EDIT])
    here, hadoop = both(spark, tmp_path / "nowhere")
    for log in (here, hadoop):
        assert log.newest() is None
        assert log.version_noted("any") is None
    for log in both(spark, lake.folder(table("edits")) / "_delta_log"):
        [cleaned_up] = log.commits(version + 7, version + 7)
        assert not cleaned_up.is_known
        assert cleaned_up.changes_rows


def test_id_and_properties_are_read_from_the_log_as_delta_tells_them(spark: Any, lake: Lake) -> None:
    lake.is_direct = False  # as on a cluster: Spark writes, and its checksums stand beside the commits
    edits, log = table("edits"), lake.folder(table("edits")) / "_delta_log"
    frame = lake.spark.createDataFrame([EDIT], edits.schema)
    lake.write(edits, frame, None, "{}")
    spark.sql(f"ALTER TABLE {lake.ref(edits)} SET TBLPROPERTIES ('someone.says' = 'so')")
    written = lake.write(edits, frame, None, "{}")
    told = spark.sql(f"DESCRIBE DETAIL {lake.ref(edits)}").first()
    assert told["properties"]["someone.says"] == "so"
    for files in both(spark, log):
        by_checksum = files.described(written)
        assert by_checksum == Description(told["id"], told["properties"], tuple(told["partitionColumns"]), frozenset())
        assert by_checksum == files.described(written - 1)
    (log / f"{0:020}.crc").unlink(missing_ok=True)
    (log / f"{written:020}.crc").unlink()
    for files in both(spark, log):
        first = files.described(0)  # by the commit itself, which has metadata and protocol
        assert first is not None
        assert (first.id, first.partitions) == (told["id"], edits.partitions)
        assert files.described(written) is None
    state = lake.state(edits)
    assert state is not None
    assert (state.id, state.properties) == (told["id"], told["properties"])
