"""A lake may stand in a folder of any name that is not refused: every engine that opens it finds the same
one, and no other folder is made.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.ingest_docs import JOB
from gristmill.jobs.lake import delta_rs, hadoop_files
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.report.ask import Ask
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.documents import DOCS
from gristmill.jobs.schema.runs import RUNS

pytestmark = pytest.mark.spark
# What has a meaning somewhere: to URLs, to globs, to SQL, to shells, to Hadoop, to Delta's log.
NAME = "a #1?x=%zz&b:c{d,e}*'\"`t`;~$(泉) +@!<g>é.."


def test_a_lake_in_a_folder_of_hostile_letters_works_in_every_engine(
    spark: Any, tmp_path: Path, params_of: Callable[..., Any]
) -> None:
    (tmp_path / "raw").mkdir()
    rows = [
        {"id": str(i), "source": "t", "text": f"The wheel turned in the brook, {i} times."} for i in range(3)
    ]
    (tmp_path / "raw/rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "a").mkdir()  # what a path that is cut at its `#` or matched as a pattern would find
    where = f"{tmp_path}/{NAME}/lake"
    lake = Lake(spark, where)
    assert lake.is_direct
    done = run_job(
        JOB, params_of("ingest_docs", data_docs=True, min_kept=0), lake, inputs=str(tmp_path / "raw")
    )
    assert (done.counts.rows_in, done.counts.rows_kept) == (3, 3)
    assert {path.name for path in tmp_path.iterdir()} == {"raw", "a", NAME}
    assert list((tmp_path / "a").iterdir()) == []
    assert not Path(lake.staging("ingest_docs")).exists()
    assert lake.read(DOCS).count() == 3
    found = delta_rs.open_table(lake.folder(DOCS), None)
    assert delta_rs.rows_of(found, ["doc_id"]).num_rows == 3
    assert all(Path(file.path).is_file() for file in delta_rs.data_files(lake.folder(DOCS), DOCS, None) or [])
    ask = Ask(where)
    assert ask.sql("SELECT count(*) FROM docs", 1)[1] == [(3,)]
    assert ask.sql(f"SELECT count(*) FROM {lake.ref(DOCS)}", 1)[1] == [(3,)]
    assert ask.why("1")["outcome"] == "not filtered yet"
    hadoop_files.write_text(spark, f"{lake.root}/_report/index.html", "x")
    assert (lake.local_root / "_report/index.html").read_text() == "x"  # type: ignore[operator]
    assert hadoop_files.read_bytes(spark, f"{lake.root}/_report/index.html") == b"x"


@pytest.mark.parametrize("name", [NAME, "~t"], ids=["all", "tilde"])
def test_tables_that_spark_makes_and_delta_rs_makes_stand_in_the_same_folder(
    spark: Any, tmp_path: Path, name: str
) -> None:
    lake = Lake(spark, f"{tmp_path}/{name}")
    lake.create(RUNS)
    lake.is_direct = False  # as on a machine without delta-rs
    lake.create(DOCS)
    assert {path.name for path in (tmp_path / name).iterdir() if path.name[0] != "_"} == {"runs", "docs"}
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert lake.exists(RUNS)
    assert lake.exists(DOCS)
    assert lake.read(RUNS).isEmpty()
    assert delta_rs.rows_of(delta_rs.open_table(lake.folder(DOCS), None), ["doc_id"]).num_rows == 0
    staged = lake.staging("job") + "/rows"
    spark.range(2).write.parquet(staged)
    assert lake.staged(staged, "id bigint").count() == 2
    lake.drop_staging("job")
    assert not Path(staged).exists()


@pytest.mark.parametrize("name", ["a%201", "[x]", "a\\b", "a|b", "a^b", "a\nb"])
def test_a_folder_that_one_engine_would_not_find_is_refused_before_anything_is_written(
    spark: Any, tmp_path: Path, name: str
) -> None:
    with pytest.raises(ConfigError, match="rename the folder"):
        Lake(spark, f"{tmp_path}/{name}")
    assert list(tmp_path.iterdir()) == []


def test_a_lake_that_may_not_be_made_is_an_error_that_names_the_place(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with (
        pytest.raises(ConfigError, match=r"file/lake/_locks cannot be made \(Not a directory\)"),
        Lake(spark, f"{tmp_path}/file/lake").job_lock("j"),
    ):
        pass


@pytest.fixture
def schema(spark: Any) -> Any:
    """`schema("gm")`: dropped when the test ends."""
    made: list[str] = []

    def name(text: str) -> str:
        made.append(text)
        return text

    yield name
    for text in made:
        spark.sql(f"DROP SCHEMA IF EXISTS {text} CASCADE")


def test_lakes_that_share_gristmill_staging_share_no_file(
    spark: Any, schema: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRISTMILL_STAGING", f"{tmp_path}/all of them")
    one, other = (Lake(spark, schema(f"spark_catalog.gm_{name}")) for name in ("one", "other"))
    again = Lake(spark, "gm_one")
    assert one.root == again.root == f"{tmp_path}/all of them/spark_catalog.gm_one"
    assert one.root != other.root
    assert one.staging("report_run") != other.staging("report_run")
    with one.job_lock("report_run"), other.job_lock("report_run"):  # neither waits for the other
        assert not (Path(one.root) / "_locks").exists(), "the folder says nothing of where other drivers are: a row in the schema does"


def test_a_schema_is_quoted_in_all_sql_and_a_bare_word_is_one_that_is_there(
    spark: Any, schema: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = Lake(spark, f"`spark_catalog`.`{schema('gm_quoted')}`")
    assert lake.ref(RUNS) == "`spark_catalog`.`gm_quoted`.`runs`"
    lake.create(RUNS)
    assert Lake(spark, "gm_quoted", create=False).exists(RUNS)
    assert Runs(Lake(spark, "spark_catalog.gm_quoted")).rows == []
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        ConfigError, match=r"no schema .*gm_nowhere.*\./gm_nowhere.*spark_catalog\.gm_nowhere"
    ):
        Lake(spark, "gm_nowhere")
    assert os.listdir(tmp_path) == []
    assert "gm_nowhere" not in {row[0] for row in spark.sql("SHOW SCHEMAS").collect()}


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("spark_catalog.my-lake", "my-lake"),
        ("default.gm", "default"),
        ("a.b.c", "a.b.c"),
        ("lakes.v2", "lakes"),
    ],
)
def test_what_the_catalog_answers_is_shown(spark: Any, where: str, said: str) -> None:
    with pytest.raises(ConfigError) as told:
        Lake(spark, where)
    line = str(told.value)
    assert "the catalog answered: " in line
    assert "An error occurred while calling" not in line
    assert said in line.split("the catalog answered: ")[1]
    assert f"./{where}" in line
