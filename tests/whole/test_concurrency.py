"""Two processes at one lake: the same job, two jobs, one table. Each has a JVM of its own, so nothing but the lake stands between them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs.core.errors import RetryLater
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.documents import DOCS, REJECTS, VERDICTS
from gristmill.jobs.schema.runs import RUNS

pytestmark = pytest.mark.spark
ROOT = Path(__file__).resolve().parents[2]
N_COMMITS = 5

# Meets the other process before each act (a file of each in a common folder), so that both begin at the same moment.
DRIVER = """
import json, sys, time
from pathlib import Path
from gristmill.jobs.core.config import load_recipe
from gristmill.jobs.runner.main import main
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.lake.session import open_session
from gristmill.jobs.schema.documents import VERDICTS
from gristmill.jobs.ingest_docs import JOB

me, home, n_commits = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
spark = open_session("one of two", {**load_recipe("conf/demo.yaml").spark, "spark.driver.memory": "1g", "spark.sql.shuffle.partitions": "2"})

def meet(act):
    (home / f"{act}-{me}").touch()
    until = time.monotonic() + 240
    while len(list(home.glob(f"{act}-*"))) < 2:
        assert time.monotonic() < until, "the other one did not come"
        time.sleep(0.005)

def told(name, value):
    print(json.dumps({name: value}), flush=True)

ingest = ["--recipe", str(home / "recipe.yaml"), "--lake", str(home / "lake"), "--input", str(home / "raw" / "one")]
meet("job")
told("code", main(JOB, ingest))
meet("again")
if me == "b":
    told("code again", main(JOB, ingest))

def commits(act, n, where):
    made, lake = [], Lake(spark, str(where))
    for i in range(n):
        row = ("judge", me * 31 + str(i), "one", "reason", 1.0, 0.5, "rule", "hash")
        frame = spark.createDataFrame([row], ", ".join(f"{c.name} {c.type}" for c in VERDICTS.columns)).coalesce(1)
        try:
            made.append(lake.write(VERDICTS, frame, None, me))
        except Exception as error:
            made.append(f"{type(error).__name__}: {error}"[:2000])
    told(act, made)

if me == "a":
    Lake(spark, str(home / "old")).create(VERDICTS)
meet("old")
commits("old", n_commits, home / "old")
meet("new")
commits("new", 1, home / "new")
"""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What two processes told that did the same things at the same time."""
    home = tmp_path_factory.mktemp("two")
    (home / "raw" / "one").mkdir(parents=True)
    rows = [{"id": str(i), "source": "test", "text": f"row {i}"} for i in range(20)] + [{"id": "x", "source": "test", "text": None}]
    (home / "raw" / "one" / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = (ROOT / "conf/jobs/ingest_docs.yaml").read_text(encoding="utf-8")
    (home / "recipe.yaml").write_text(recipe.replace("data_docs: true", "data_docs: false").replace("max_reject_ratio: 0.01", "max_reject_ratio: 0.5"))
    command = [sys.executable, "-c", DRIVER]
    env = {**os.environ, "GRISTMILL_MASTER": "local[1]"}
    both = {me: subprocess.Popen([*command, me, str(home), str(N_COMMITS)], cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for me in "ab"}
    told: dict[str, Any] = {"home": home}
    for me, process in both.items():
        out, err = process.communicate(timeout=600)
        assert process.returncode == 0, err[-3000:]
        told[me] = {"err": err, **{key: value for line in out.splitlines() if line.startswith("{") for key, value in json.loads(line).items()}}
    return told


def test_of_two_runs_of_one_job_one_wins_and_the_other_is_told_to_come_again(two: dict[str, Any]) -> None:
    codes = sorted(two[me]["code"] for me in "ab")
    assert codes == [0, RetryLater.exit_code], [two[me]["err"][-2000:] for me in "ab"]
    loser = next(two[me]["err"] for me in "ab" if two[me]["code"] == 75)
    assert re.search(r"lake .*/lake: another process \(pid \d+\) runs ingest_docs; run the same command again when it has ended", loser)
    assert "Traceback" not in two["a"]["err"] + two["b"]["err"]


def test_the_loser_comes_again_and_finds_the_work_done_once(spark: Any, two: dict[str, Any]) -> None:
    assert two["b"]["code again"] == 0
    assert "nothing to do" in two["b"]["err"]
    lake = Lake(spark, str(two["home"] / "lake"))
    assert [(run.job, run.rows_in, run.rows_kept) for run in Runs(lake).finished()] == [("ingest_docs", 21, 20)]
    assert sorted(int(row.native_key) for row in lake.read(DOCS).collect()) == list(range(20))
    assert [row.reason for row in lake.read(REJECTS).collect()] == ["missing_text"]


def test_commits_of_two_processes_to_one_table_are_all_there_and_each_knows_its_own(spark: Any, two: dict[str, Any]) -> None:
    made = {me: two[me]["old"] for me in "ab"}
    assert sorted(made["a"] + made["b"], key=str) == sorted(range(1, 2 * N_COMMITS + 1), key=str), "each commit has a version of its own"
    lake = Lake(spark, str(two["home"] / "old"))
    assert {row.doc_id for row in lake.read(VERDICTS).collect()} == {me * 31 + str(i) for me in "ab" for i in range(N_COMMITS)}
    writers = {row["version"]: row["userMetadata"] for row in spark.sql(f"DESCRIBE HISTORY {lake.ref(VERDICTS)}").collect()}
    assert {me: [version for version in sorted(writers) if writers[version] == me] for me in "ab"} == made


def test_two_processes_that_make_one_table_at_once_both_write_to_it(spark: Any, two: dict[str, Any]) -> None:
    assert sorted(two["a"]["new"] + two["b"]["new"], key=str) == [1, 2]
    assert Lake(spark, str(two["home"] / "new")).read(VERDICTS).count() == 2


def test_a_table_that_another_process_is_just_making_is_not_there_yet(lake: Lake) -> None:
    (Path(lake.root) / "runs" / "_delta_log").mkdir(parents=True)
    assert not lake.exists(RUNS)
    assert Runs(lake).rows == []
