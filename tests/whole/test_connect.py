"""Jobs through Spark Connect: the rows of a client are those of a classic session, also where it may set next to nothing.

`make test-connect` runs this file; the two tests of a small lake are its smoke set.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

pytest.importorskip("pyspark")

from gristmill.jobs import curate
from gristmill.jobs.core.config import Recipe, load_recipe
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.schema.catalog import ALL
from gristmill.jobs.schema.runs import RUNS
from gristmill.jobs.schema.table import Table
from tests.lakes import demo_recipe, read
from tests.support import connect_server
from tests.support.connect_server import ConnectServer
from tests.support.serverless import ALLOWED

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.skipif(connect_server.missing() is not None, reason=str(connect_server.missing()))]
# Of a run and not of the rows: its id, its time.
OF_THE_RUN = ("run_id", "ingest", "ingested_at", "indexed_at", "at", "modified")
MAX_WORKER_MB = 900  # serverless ends a Python worker at 1 GB
FEW = ("ingest_docs", "measure_text", "filter_rules", "dedup_exact")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ConnectServer]:
    with ConnectServer(tmp_path_factory.mktemp("connect") / "home") as made:
        yield made


def curated(server: ConnectServer, recipe: Path, where: str, raw: Path, client: str = "gristmill.jobs.cli") -> str:
    """What a client's curation said; fails with its errors."""
    done = server.run("-m", client, "run", "curate", "--recipe", str(recipe), "--lake", where, "--input", str(raw))
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stderr


def written(home: Path, recipe: Recipe) -> Path:
    """A recipe as a file."""
    path = home / "recipe.yaml"
    path.write_text(yaml.safe_dump({"lake": {"path": str(home / "none"), "buckets": 1}, "jobs": recipe.jobs}, sort_keys=False), encoding="utf-8")
    return path


def few(home: Path) -> Path:
    """The recipe of FEW, each folder of the input a batch."""
    return written(home, demo_recipe(frozenset(demo_recipe(frozenset()).jobs) - {*FEW}))


def in_schema(server: ConnectServer, spark: Any, schema: str) -> Lake:
    """The tables of a schema of the server's metastore, opened as a lake at a path."""
    return Lake(spark, str(server.home / "warehouse" / f"{schema}.db"))


def rows_of(lake: Lake, table: Table) -> list[str]:
    """The rows of a table, sorted, without what is of the run."""
    return sorted(
        json.dumps({name: value for name, value in row.asDict(recursive=True).items() if name not in OF_THE_RUN}, sort_keys=True, default=str)
        for row in read(lake, table)
    )


def other_tables(one: Lake, other: Lake, names: set[str]) -> list[str]:
    """Of the tables of `names` those whose rows differ."""
    return [table.name for table in ALL if table.name in names and rows_of(one, table) != rows_of(other, table)]


def tables_of(recipe: Recipe, lake: Lake) -> set[str]:
    """The tables that the jobs of a recipe have written in a lake, but the run log."""
    names = {write.table for job in recipe.jobs for write in curate.find_job(job).writes}
    return {table.name for table in ALL if table.name in names and lake.exists(table)}


@pytest.fixture(scope="module")
def raw(demo_raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two small batches of documents of the demo; the second has a new version of one of the first, and a copy of another."""
    home = tmp_path_factory.mktemp("raw")
    lines = [line for path in sorted(demo_raw.glob("batch-1/part-*.jsonl")) for line in path.read_text(encoding="utf-8", errors="replace").splitlines()]
    rows = [json.loads(line) for line in lines if line.startswith('{"') and '"text"' in line and line.endswith("}")]
    first, later = [{**row, "url": None} for row in rows[:12]], [{**row, "url": None} for row in rows[12:18]]
    again = [{**first[0], "text": rows[20]["text"]}, {**first[1], "id": "a copy"}]
    for batch, documents in (("a", first), ("b", later + again)):
        (home / batch).mkdir()
        (home / batch / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in documents), encoding="utf-8")
    return home


@pytest.fixture(scope="module")
def classic(spark: Any, raw: Path, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """The lake of `raw` by a session of this machine."""
    home = tmp_path_factory.mktemp("classic")
    curate.curate(load_recipe(few(home)), str(home / "lake"), str(raw))
    return Lake(spark, str(home / "lake"))


def test_a_small_lake_at_a_path_is_that_of_a_classic_session(server: ConnectServer, spark: Any, raw: Path, classic: Lake, tmp_path: Path) -> None:
    where = str(tmp_path / "lake")
    said = curated(server, few(tmp_path), where, raw)
    assert "nothing to do" not in said
    lake, recipe = Lake(spark, where), load_recipe(few(tmp_path))
    names = tables_of(recipe, classic)
    assert {"docs", "signals", "verdicts", "duplicates"} <= names
    assert other_tables(classic, lake, names) == []
    assert {row.settings_refused is None for row in read(lake, RUNS)} == {True}
    assert not list((tmp_path / "lake/_staging").iterdir())


def test_a_small_lake_in_a_schema_is_so_by_a_client_that_may_set_next_to_nothing(
    server: ConnectServer, spark: Any, raw: Path, classic: Lake, tmp_path: Path
) -> None:
    recipe, where = few(tmp_path), "spark_catalog.few"
    assert "nothing to do" not in curated(server, recipe, where, raw, "tests.support.serverless")
    lake = in_schema(server, spark, "few")
    assert other_tables(classic, lake, tables_of(load_recipe(recipe), classic)) == []
    refused = {name for row in read(lake, RUNS) for name in row.settings_refused}
    assert "spark.sql.caseSensitive" in refused
    assert not refused & ALLOWED
    # Every commit is the run's, also those that could carry no note: nothing is done again.
    again = curated(server, recipe, where, raw, "tests.support.serverless")
    assert again.count("nothing to do") == len(FEW) + 1, "an ingest for each of two batches"
    assert "not written by Gristmill" not in again


def test_the_demo_is_the_same_by_every_job_through_connect(server: ConnectServer, spark: Any, demo_raw: Path, demo_lake: Lake, tmp_path: Path) -> None:
    recipe = load_recipe("conf/demo.yaml")
    curated(server, Path("conf/demo.yaml"), str(tmp_path / "lake"), demo_raw)
    lake = Lake(spark, str(tmp_path / "lake"))
    names = tables_of(recipe, demo_lake)
    assert {"corpus", "embeddings", "mix", "perplexity", "quality"} <= names
    assert other_tables(demo_lake, lake, names) == []
    assert (tmp_path / "lake/_report/index.html").is_file()
    assert 0 < server.peak_worker_mb < MAX_WORKER_MB


def test_the_demo_is_the_same_in_a_schema_by_a_client_that_may_set_next_to_nothing(
    server: ConnectServer, spark: Any, demo_raw: Path, demo_lake: Lake, tmp_path: Path
) -> None:
    recipe = demo_recipe()
    curated(server, written(tmp_path, recipe), "spark_catalog.demo", demo_raw, "tests.support.serverless")
    lake = in_schema(server, spark, "demo")
    assert other_tables(demo_lake, lake, tables_of(recipe, demo_lake)) == []
    assert 0 < server.peak_worker_mb < MAX_WORKER_MB


def test_a_small_lake_goes_through_the_session_that_is_there(server: ConnectServer, tmp_path: Path) -> None:
    code = f"""
from pyspark.sql import SparkSession
mine = SparkSession.builder.remote({server.environment()["SPARK_REMOTE"]!r}).getOrCreate()
mine.conf.set("spark.gristmill.mine", "yes")
import os, threading
os.environ.pop("SPARK_REMOTE", None)
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.lake.session import is_remote, open_session
found = []
def taken():
    found.append(open_session("again"))  # another thread knows no active session
threads = [threading.Thread(target=taken)]
[each.start() for each in threads], [each.join() for each in threads]
assert open_session("again") is mine and found == [mine]
assert is_remote(mine) and not Lake(mine, {str(tmp_path / "lake")!r}).is_direct
print("taken", mine.conf.get("spark.gristmill.mine"), mine.conf.get("spark.sql.session.timeZone"))
"""
    done = server.run("-c", code, SPARK_REMOTE="")
    assert "taken yes UTC" in done.stdout, done.stderr[-3000:]
