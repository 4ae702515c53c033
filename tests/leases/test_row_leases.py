"""Leases as rows of Delta: what keeps two drivers at a lake in a catalog, a volume or HDFS apart."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs.core.errors import RetryLater
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.leases import rows
from gristmill.jobs.leases.lease import Terms
from gristmill.jobs.schema.runs import JOB_LEASES
from tests.leases.test_leases import at_once

pytestmark = pytest.mark.spark


@pytest.fixture(scope="module")
def lake(spark: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A schema of the session's catalog whose folder of files says nothing of where its tables are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRISTMILL_STAGING", str(tmp_path_factory.mktemp("staging")))
        patch.setattr(rows, "TERMS", Terms(seconds=60, beat_seconds=1, poll_seconds=0.2))
        yield Lake(spark, "spark_catalog.row_leases")
    spark.sql("DROP SCHEMA spark_catalog.row_leases CASCADE")


def test_a_row_is_a_register(lake: Lake) -> None:
    lake.create(JOB_LEASES)
    one, other = (rows.RowRegister(lake._query, lake.ref(JOB_LEASES), "job-it's") for _ in range(2))
    assert one.read() is None
    first = one.swap(None, '{"n": 1}')
    assert first is not None
    assert other.swap(None, '{"n": 2}') is None
    second = other.swap(first, '{"n": 2}')
    assert one.swap(first, '{"n": 3}') is None
    assert one.read() == second
    made = at_once(3, lambda: one.swap(second, json.dumps({"by": threading.get_ident()})))
    [winner] = [each for each in made if each is not None]
    assert one.read() == winner


def test_one_driver_runs_a_job_at_a_time_and_another_job_beside_it(lake: Lake) -> None:
    other = Lake(lake.spark, lake.where)
    with lake.job_lock("one"):
        with pytest.raises(RetryLater, match=r"another process \(.*, pid \d+\) runs one; run the same command again"), other.job_lock("one"):
            pytest.fail("two run it")
        with other.job_lock("two"):
            assert [lease.name for lease in other._job_leases] == ["job-two"]
    with other.job_lock("one"):
        assert not Path(lake.root, "_locks").exists()
    held = {row["name"]: json.loads(row["lease"])["held"] for row in lake.read(JOB_LEASES).collect() if row["name"] != "job-it's"}
    assert held == {"job-one": False, "job-two": False}


def test_nothing_is_committed_once_the_lease_of_the_job_is_lost(lake: Lake) -> None:
    with lake.job_lock("lost"):
        lake._job_leases[0]._is_lost = True
        with pytest.raises(RetryLater, match="the lease of job-lost was lost"), lake.commit_lock(JOB_LEASES):
            pytest.fail("it would commit")


@pytest.mark.parametrize(
    ("where", "local", "expected"),
    [
        ("/data/lake", "/data/lake", "files"), ("/Volumes/a/b/c", "/Volumes/a/b/c", "rows"), ("/dbfs/x", "/dbfs/x", "rows"),
        ("s3a://b/lake", None, "objects"), ("s3://b/lake", None, "objects"), ("hdfs:///lake", None, "rows"),
        ("abfss://c@a.dfs.core.windows.net/l", None, "rows"), ("gs://b/l", None, "rows"),
    ],
)  # fmt: skip
def test_what_guards_a_lake_is_said_by_its_place(lake: Lake, where: str, local: str | None, expected: str) -> None:
    there = Lake.__new__(Lake)
    there.root, there.local_root = where, Path(local) if local else None
    assert ("files" if there._locks else "objects" if there._is_on_s3 else "rows") == expected
