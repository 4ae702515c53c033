"""Two drivers, each with a JVM of its own, at one lake on S3: nothing is lost, nothing is doubled, and one of them runs a job at a time.

Delta's own log store for S3 keeps the commits of one driver apart, and loses some of two (the last test shows it).
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support import processes
from tests.support.s3 import S3Server

pytestmark = [pytest.mark.spark, pytest.mark.lake_kinds("s3")]
ROOT = Path(__file__).resolve().parents[2]
# of commits with leases, and of those without, which are there to show that these races are lost
N_RACES, N_PLAIN = 100, 20

DRIVER = """
import contextlib, json, sys, time
from pathlib import Path
from gristmill.jobs.core.errors import RetryLater
from gristmill.jobs.ingest_docs import JOB
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.lake.session import open_session
from gristmill.jobs.runner.main import main
from gristmill.jobs.schema.documents import VERDICTS

me, home, where, n_races, n_plain = sys.argv[1], Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
spark = open_session("one of two", {"spark.driver.memory": "1g", "spark.sql.shuffle.partitions": "1"})

def meet(act):
    (home / f"{act}-{me}").touch()
    until = time.monotonic() + 400
    while len(list(home.glob(f"{act}-*"))) < 2:
        assert time.monotonic() < until, "the other one did not come"
        time.sleep(0.002)

def told(**values):
    print(json.dumps(values), flush=True)

def row(i):
    values = (me, f"{me}-{i}", "one", "reason", 1.0, 0.5, "rule", "hash")
    return spark.createDataFrame([values], VERDICTS.schema).coalesce(1)

lake = Lake(spark, f"{where}/lake")
if me == "a":
    lake.create(VERDICTS)
meet("table")
versions = []
for i in range(n_races):
    meet(f"race-{i}")
    versions.append(lake.write(VERDICTS, row(i), None, json.dumps({"run_id": f"{me}-{i}"})))
told(versions=versions)

ran = []
for i in range(10):
    meet(f"job-{i}")
    with contextlib.suppress(RetryLater), lake.job_lock("race"):
        with (home / f"inside-{i}").open("x"):  # fails where the other one is inside
            time.sleep(0.2)
        (home / f"inside-{i}").unlink()
        ran.append(i)
told(ran=ran)

meet("ingest")
told(code=main(JOB, ["--recipe", str(home / "recipe.yaml"), "--lake", f"{where}/lake", "--input", f"{where}/raw"]))

meet("without")
plain = Lake(spark, f"{where}/plain")
if me == "a":
    plain.create(VERDICTS)
meet("plain")
for i in range(n_plain):
    meet(f"plain-{i}")
    with contextlib.suppress(Exception):
        row(i).select(*VERDICTS.names).write.format("delta").mode("append").save(f"{where}/plain/verdicts")
if me == "a":
    meet("told")
    told(rows=[r.doc_id for r in lake.read(VERDICTS).collect()], plain=[r.doc_id for r in plain.read(VERDICTS).collect()])
    told(batches=[(r.status, r.batches) for r in spark.read.format("delta").load(f"{where}/lake/runs").collect()])
else:
    meet("told")
"""


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """What the two told."""
    home = tmp_path_factory.mktemp("two")
    server = S3Server(home, dict(os.environ))
    try:
        server.await_ready()
        (home / "raw").mkdir()
        rows = [{"id": str(i), "source": "t", "text": f"Stone number {i} of the mill grinds {i * 7} sacks."} for i in range(40)]
        (home / "raw/rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        where = server.put(home / "raw", "two/raw").removesuffix("/raw")
        shipped = (ROOT / "conf/jobs/ingest_docs.yaml").read_text(encoding="utf-8")
        (home / "recipe.yaml").write_text(shipped.replace("data_docs: true", "data_docs: false"), encoding="utf-8")
        said = shlex.join(f"--conf={name}={value}" for name, value in server.conf().items())
        environment = {**os.environ, **server.environment(), "PYSPARK_SUBMIT_ARGS": f"{said} pyspark-shell", "GRISTMILL_MASTER": "local[1]", "PYTHONPATH": str(ROOT)}
        drivers = {
            me: subprocess.Popen(
                [sys.executable, "-c", DRIVER, me, str(home), where, str(N_RACES), str(N_PLAIN)], cwd=ROOT, env=environment,
                stdout=subprocess.PIPE, stderr=(home / f"{me}.log").open("w"), text=True, preexec_fn=processes.ends_with_us(),
            ) for me in "ab"
        }  # fmt: skip
        told: dict[str, dict[str, Any]] = {}
        for me, driver in drivers.items():
            out, _ = driver.communicate(timeout=1500)
            assert driver.returncode == 0, (home / f"{me}.log").read_text()[-6000:]
            told[me] = {}
            for line in out.splitlines():
                told[me] |= json.loads(line) if line.startswith("{") else {}
        told["log"] = {me: (home / f"{me}.log").read_text() for me in "ab"}
        yield told
    finally:
        processes.end([server.server])


@pytest.mark.timeout(1800)
def test_of_a_hundred_commits_at_once_each_is_there_once(two: dict[str, dict[str, Any]]) -> None:
    expected = [f"{me}-{i}" for me in "ab" for i in range(N_RACES)]
    assert Counter(two["a"]["rows"]) == Counter(expected)
    versions = two["a"]["versions"] + two["b"]["versions"]
    assert sorted(versions) == list(range(1, 2 * N_RACES + 1))
    for me in "ab":
        assert two[me]["versions"] == sorted(two[me]["versions"])


def test_one_of_them_runs_a_job_at_a_time(two: dict[str, dict[str, Any]]) -> None:
    ran = Counter(two["a"]["ran"] + two["b"]["ran"])
    assert set(ran) == set(range(10)), "each time one of them, or both, one behind the other"


def test_of_two_that_start_one_job_the_loser_ends_with_75(two: dict[str, dict[str, Any]]) -> None:
    assert sorted([two["a"]["code"], two["b"]["code"]]) == [0, 75]
    loser = "a" if two["a"]["code"] else "b"
    assert "runs ingest_docs; run the same command again when it has ended" in two["log"][loser]
    assert sorted(status for status, _ in two["a"]["batches"]) == ["finished", "started"]


def test_without_leases_commits_are_lost(two: dict[str, dict[str, Any]]) -> None:
    assert len(two["a"]["plain"]) < 2 * N_PLAIN
