"""What a lake on this machine does without the JVM is what Spark would have done: first commits, appends, reads, passes over text."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from gristmill.jobs.lake import delta_rs
from gristmill.jobs.lake.lake import PROPERTIES, Lake
from gristmill.jobs.runner import documents
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema.catalog import ALL, table
from gristmill.jobs.schema.documents import DOCS, SIGNALS
from gristmill.jobs.schema.duplicates import PAIRS
from gristmill.jobs.schema.runs import RUNS
from gristmill.jobs.schema.types import delta_type
from tests.lakes import bring

pytestmark = pytest.mark.spark
KINDS = ("docs", "signals", "pairs", "runs", "models", "embeddings", "corpus")  # every type, with and without CHECK and partitions


def by_spark(spark: Any, where: Path) -> Lake:
    """A lake whose every read and write is Spark's."""
    lake = Lake(spark, str(where))
    lake.is_direct = False
    return lake


def first_commit(lake: Lake, name: str) -> dict[str, Any]:
    """Metadata and protocol of a table's first commit, without what differs from table to table."""
    actions = [json.loads(line) for line in (lake.folder(table(name)) / "_delta_log" / f"{0:020}.json").read_text().splitlines()]
    found = {key: action[key] for action in actions for key in action}
    schema = json.loads(found["metaData"]["schemaString"])
    protocol = {key: sorted(value) if isinstance(value, list) else value for key, value in found["protocol"].items()}
    keys = ("description", "format", "partitionColumns", "configuration")
    return {"schema": schema, "protocol": protocol, **{key: found["metaData"][key] for key in keys}}


@pytest.mark.parametrize("name", KINDS)
def test_a_table_is_made_as_spark_makes_it(name: str, spark: Any, tmp_path: Path) -> None:
    made = {}
    for kind, lake in {"here": Lake(spark, str(tmp_path / "here"), 3), "spark": Lake(spark, str(tmp_path / "spark"), 3)}.items():
        lake.is_direct = kind == "here"
        lake.create(table(name))
        made[kind] = first_commit(lake, name)
        assert lake.read(table(name)).count() == 0
    if spark.version >= "4":  # Delta 4 makes tables of its newer protocol; older readers need ours
        made["spark"]["protocol"] = made["here"]["protocol"]
    assert made["here"] == made["spark"]


def test_every_type_that_is_promised_can_be_made() -> None:
    kinds = {column.type for each in ALL for column in each.columns}
    assert all(delta_type(kind) for kind in kinds)


def test_one_of_many_that_make_a_table_at_once_makes_it(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: delta_rs.create(PAIRS, tmp_path / "pairs", PROPERTIES), range(24)))
    log = tmp_path / "pairs/_delta_log"
    assert sorted(path.name for path in log.iterdir()) == [f"{0:020}.crc", f"{0:020}.json"]
    [commit] = [action["metaData"] for action in map(json.loads, (log / f"{0:020}.json").read_text().splitlines()) if "metaData" in action]
    assert json.loads((log / f"{0:020}.crc").read_text())["metadata"] == commit, "the checksum is of that table"


def n_queries(spark: Any) -> int:
    return int(spark.sparkContext._jsc.sc().dagScheduler().numTotalJobs())


def test_sparks_first_commit_to_a_table_asks_nothing_of_its_log(spark: Any, tmp_path: Path) -> None:
    lake = Lake(spark, str(tmp_path / "lake"))
    rows = spark.createDataFrame([("j", "k", "a", "b", 0.5, "exact", False)], PAIRS.schema).coalesce(1)
    before = n_queries(spark)
    assert lake.write(PAIRS, rows, None, "first") == 1
    assert n_queries(spark) == before + 1, "the rows are written, and that is all"
    log = lake.folder(PAIRS) / "_delta_log"
    made, kept = (json.loads((log / f"{version:020}.crc").read_text()) for version in range(2))
    assert (kept["metadata"], kept["protocol"], kept["numFiles"]) == (made["metadata"], made["protocol"], 1)


def pair(a: str, b: str) -> dict[str, list[Any]]:
    return {"job": ["j"], "config_hash": ["k"], "doc_a": [a], "doc_b": [b], "similarity": [0.5], "method": ["exact"], "is_accepted": [False]}


def test_appended_rows_keep_the_promise_bear_the_note_and_are_sparks_too(spark: Any, tmp_path: Path) -> None:
    from deltalake.exceptions import DeltaError

    lake = Lake(spark, str(tmp_path / "lake"))
    assert lake.write(PAIRS, pa.table(pair("a", "b")), None, "first") == 1
    assert lake.write(PAIRS, pa.table(pair("a", "c")), None, "second") == 2
    with pytest.raises(DeltaError, match="1 rows failed"):
        lake.write(PAIRS, pa.table(pair("d", "b")), None, "breaks doc_a < doc_b")
    with pytest.raises(Exception, match="promise"):
        lake.write(PAIRS, spark.createDataFrame([("j", "k", "d", "b", 0.5, "exact", False)], PAIRS.schema), None, "breaks it by Spark")
    assert lake.write(PAIRS, spark.createDataFrame([("j", "k", "a", "d", 0.5, "exact", False)], PAIRS.schema), None, "third") == 3
    assert sorted(row.doc_b for row in lake.read(PAIRS).collect()) == ["b", "c", "d"]
    history = spark.sql(f"DESCRIBE HISTORY {lake.ref(PAIRS)}").collect()
    assert [row.userMetadata for row in history] == ["third", "second", "first", None]
    spark.sql(f"ALTER TABLE {lake.ref(PAIRS)} SET TBLPROPERTIES ('gristmill.buckets' = '2')")  # what delta-rs's own CREATE makes impossible


def test_the_run_log_reads_the_same_by_both(ingest: Any, lake: Lake, spark: Any) -> None:
    ingest([{"id": "a", "text": "one text"}, {"id": "b", "text": "another text"}, {"id": "b"}])
    here, there = Runs(lake).rows, Runs(by_spark(spark, Path(lake.root))).rows
    assert [row.asDict() for row in here] == [row.asDict() for row in there]
    assert {row["status"] for row in here} == {"started", "finished"}
    assert lake.read(RUNS).count() == 2


def test_a_lake_knows_by_partitions_which_rows_it_lacks(measured: Lake) -> None:
    assert not measured.is_without(SIGNALS, {"batch_id": ("none", "two")})
    assert measured.is_without(SIGNALS, {"batch_id": ("none",)})
    assert not measured.is_without(SIGNALS, {}), "any row"
    assert not measured.is_without(SIGNALS, {"doc_id": ("none",)}), "not known"
    assert measured.is_without(table("rejects"), {}), "made, and without a row"
    assert not measured.is_without(PAIRS, {}), "not even made"


@pytest.fixture(scope="module")
def measured(spark: Any, tmp_path_factory: pytest.TempPathFactory, params_of: Any) -> Lake:
    """Documents of two batches with measures, a batch whose name is no plain file name among them."""
    from gristmill.jobs.measure_text import JOB

    texts = [f"The {word} stands beside the house and nobody knows why it does." * n for n, word in enumerate(["mill", "tree", "car"], 1)]
    home, ingest = tmp_path_factory.mktemp("measured"), params_of("ingest_docs")
    lake = Lake(spark, str(home / "lake"))
    rows = [{"id": f"a{i}", "text": text, "url": f"http://x.org/{'long' * i}", "source": s} for i, (text, s) in enumerate(zip(texts, "pqr", strict=True))]
    bring(lake, home / "raw", rows, ingest, "a b%1=é")
    bring(lake, home / "raw", [{"id": f"b{i}", "text": text.upper()} for i, text in enumerate(texts)], ingest, "two")
    run_job(JOB, params_of("measure_text"), lake)
    return lake


def tables_of(lake: Lake) -> Any:
    """What a job over all batches sees."""
    from gristmill.jobs.dedup_minhash import JOB
    from gristmill.jobs.runner.context import JobContext

    runs = Runs(lake)
    return JobContext(lake, runs, JOB, "hash", tuple(runs.batches()))


def shouting() -> Any:
    """mapInArrow: doc_id, batch_id, text (and what keys carry) -> doc_id, batch_id, text, tag. Inside, so that it travels by value."""

    def kernel(batches: Any) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        for batch in batches:
            tag = batch.column("tag") if "tag" in batch.schema.names else pa.repeat("", batch.num_rows)
            columns = [batch.column("doc_id"), batch.column("batch_id"), pc.utf8_upper(batch.column("text")), tag]
            yield pa.record_batch(columns, names=["doc_id", "batch_id", "text", "tag"])

    return kernel


def test_a_pass_over_text_gives_the_same_rows_however_keys_and_texts_meet(
    measured: Lake, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pandas as pd

    schema, columns = "doc_id string, batch_id string, text string, tag string", ("doc_id", "batch_id", "text")
    docs = measured.read(DOCS).toPandas().sort_values("doc_id", ignore_index=True)
    some = docs.iloc[[0, 1, 4]][["doc_id", "batch_id"]].assign(tag=["x", "y", "z"])
    twice = pd.concat([some, some.iloc[:1].assign(tag="again")], ignore_index=True)
    stale = twice.assign(batch_id=["two"] * 4)  # as if those of the other batch had been replaced
    found: dict[int, list[Any]] = {6: [], 5: []}
    for most in found:  # the keys are sent to the texts, or Spark plans the join
        monkeypatch.setattr(documents, "BROADCAST", most)
        for keys, carry in [(None, ()), (some, ()), (twice, ("tag",)), (stale, ("tag",))]:
            given = None if keys is None else spark.createDataFrame(keys)
            texts = tables_of(measured).documents.texts(given, "text", carry=carry)
            frame = texts.select(*columns, *carry).mapInArrow(shouting(), schema)
            found[most].append(sorted(map(tuple, frame.collect())))
            plan = frame._jdf.queryExecution().optimizedPlan().toString()
            assert ("strategy=broadcast" in plan) == (keys is not None and most == 6)
    assert found[6] == found[5]
    assert [len(rows) for rows in found[6]][:3] == [6, 3, 4]
    in_two = set(docs.doc_id[docs.batch_id == "two"])
    assert len(found[6][3]) == sum(row[0] in in_two for row in stale.itertuples(index=False))
    every = [(row.doc_id, row.batch_id, row.text.upper(), "") for row in docs.itertuples()]
    assert found[6][0] == sorted(every)


def test_texts_of_kept_documents_are_the_same_however_those_left_out_meet_them(
    measured: Lake, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    docs = measured.read(DOCS).toPandas().sort_values("doc_id", ignore_index=True)
    gone = spark.createDataFrame(docs.iloc[[0, 3]][["doc_id", "batch_id"]].assign(job="filter_rules"))
    tables, found = tables_of(measured), {}
    of_batches = tables.slice

    def slices(name: str, batches: Any = None) -> Any:
        return gone if name == "verdicts" else of_batches(name, batches)

    monkeypatch.setattr(tables, "slice", slices)
    for most in (0, -1):  # those left out are sent to the texts, or Spark plans the join
        monkeypatch.setattr(documents, "BROADCAST", most)
        frame = tables.documents.kept(["filter_rules"], "text")
        assert ("strategy=broadcast" in frame._jdf.queryExecution().optimizedPlan().toString()) == (most == 0)
        found[most] = sorted(map(tuple, frame.collect()))
    every = [(row.doc_id, row.batch_id, row.text) for row in docs.itertuples()]
    assert found[0] == found[-1] == sorted(row for i, row in enumerate(every) if i not in (0, 3))
    assert sorted(map(tuple, tables.documents.kept([], "text").collect())) == sorted(every)


@pytest.mark.skipif(sys.platform != "linux", reason="only on Linux are workers forked from a process of ours (jobs/lake/laptop.py)")
def test_workers_start_with_our_libraries_and_without_archives_on_their_path(spark: Any) -> None:
    def seen(batches: Any) -> Any:
        import sys

        import pyarrow as pa

        for _ in batches:
            told = [place for place in sys.path if place.endswith(".zip")] + ["numba" if "numba" in sys.modules else "no numba"]
            yield pa.record_batch([pa.array(told)], names=["told"])

    told = {row.told for row in spark.range(2, numPartitions=2).mapInArrow(seen, "told string").collect()}
    assert told == {"numba"}


def test_archives_stay_on_the_path_where_pyspark_is_found_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    from gristmill.jobs.lake.laptop import prefer_installed

    monkeypatch.setattr(sys, "path", ["/a/pyspark.zip", *sys.path])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    prefer_installed()
    assert sys.path[0] == "/a/pyspark.zip"
    monkeypatch.undo()
    monkeypatch.setattr(sys, "path", ["/a/pyspark.zip", *sys.path])
    prefer_installed()
    assert not any(place.endswith("pyspark.zip") for place in sys.path)
