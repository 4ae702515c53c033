"""Lakes for tests without the seconds of making them: rows put into tables past Spark, an ingest and measures without their queries, a copy of a lake."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark.sql import Row

from gristmill.jobs import ingest_docs, measure_text
from gristmill.jobs.core import config
from gristmill.jobs.lake.delta_rs import rows_of
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.context import JobContext
from gristmill.jobs.runner.counts import Counts
from gristmill.jobs.runner.run import Outcome, run_job
from gristmill.jobs.runner.run_log import log, now
from gristmill.jobs.schema import catalog
from gristmill.jobs.schema.documents import DOCS, SIGNALS
from gristmill.jobs.schema.runs import RUNS
from gristmill.jobs.schema.table import Table
from gristmill.jobs.schema.types import arrow_schema
from gristmill.udfs.read.rows import doc_id_of, hash128
from gristmill.udfs.rules import measures

# Jobs of conf/demo.yaml on which the corpus does not depend, and its page.
ASIDE = frozenset({"train_lm", "score_perplexity", "embed_text", "dedup_semantic", "mix_corpus", "export_shards", "report_run"})


def demo_recipe(without: frozenset[str] = ASIDE, **changes: Any) -> config.Recipe:
    """conf/demo.yaml without some jobs and without Great Expectations' pages; `changes` go to every job that has such a parameter."""
    recipe = config.load_recipe("conf/demo.yaml")
    given = {"data_docs": False, "max_reject_ratio": 1.0, **changes}
    jobs = {name: {**section, **{key: value for key, value in given.items() if key in section}} for name, section in recipe.jobs.items() if name not in without}
    return dataclasses.replace(recipe, jobs=jobs)


def note_of(lake: Lake, job: str) -> str:
    """What a commit carries that passes for one of the last finished run of `job`: rows that a test puts into its table."""
    [*_, row] = [row for row in read(lake, RUNS) if (row.job, row.status) == (job, "finished")]
    return json.dumps({"run_id": row.run_id, "job": job})


def copied(lake: Lake, home: Path) -> Lake:
    """A copy of a lake in the folder `home`, that may be written to: milliseconds, where a curation takes a minute."""
    assert lake.local_root is not None
    shutil.copytree(lake.local_root, home, ignore=shutil.ignore_patterns("_locks"))
    return Lake(lake.spark, str(home), lake.buckets)


def read(lake: Lake, table: Table, version: int | None = None, **equal: Any) -> list[Row]:
    """What `lake.read(table, version).collect()` gives, of the rows whose columns are `equal`, without a query: hundredths of a second for half of one."""
    found = lake.open_with_delta_rs(table, version)
    if found is None:  # a lake in a catalog, a table that takes Delta's newer readers
        return [row for row in lake.read(table, version).collect() if all(row[name] == value for name, value in equal.items())]
    there = {field.name for field in found.schema().fields}
    assert there >= set(table.names), f"{table.name} has other columns than jobs/schema declares"
    columns = rows_of(found, table.names).select(list(table.names))  # an upgrade adds columns behind the others
    made = Row(*table.names)
    rows = (made(*map(_as_spark, values, columns.schema.types)) for values in zip(*(column.to_pylist() for column in columns.columns), strict=True))
    return [row for row in rows if all(row[name] == value for name, value in equal.items())]


def _as_spark(value: Any, kind: pa.DataType) -> Any:
    """A value of Arrow's as PySpark gives it: maps are dicts, structs are rows, times stand without their zone in the local one."""
    if value is None:
        return None
    if pa.types.is_struct(kind):
        return Row(*value)(*(_as_spark(value[field.name], field.type) for field in kind))
    if pa.types.is_map(kind):
        return {key: _as_spark(each, kind.item_type) for key, each in value}
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return [_as_spark(each, kind.value_type) for each in value]
    if pa.types.is_timestamp(kind):
        return value.astimezone().replace(tzinfo=None)
    return bytearray(value) if isinstance(value, bytes) else value


BY_HAND = json.dumps({"run_id": "by hand", "job": "test"})  # of a commit that is not taken for somebody else's


def write(
    lake: Lake,
    name: str,
    rows: Any,
    job: str = "test",
    batch: str = "b",
    recipe: dict[str, Any] | None = None,
    where: str | None = None,
) -> int:
    """Append rows (in place of those `where`) and log a finished run of `job` on `batch` that says so.

    `rows`: tuples in the order of the table's columns, or a frame. Returns the version.
    """
    table = catalog.table(name)
    run_id = uuid.uuid4().hex
    note = json.dumps({"run_id": run_id, "job": job})
    frame = frame_of(lake, table, rows) if isinstance(rows, Sequence) else rows
    version = lake.write(table, frame, where, note)
    told = {"run_id": run_id, "job": job, "status": "finished", "at": now(), "seconds": 0.0, "batches": [batch],
            "recipe_hash": "h",
            "recipe": json.dumps(recipe or {}),
            "versions_read": {}, "versions_written": {name: version}, "rows_in": 0, "rows_kept": 0, "rows_left_out": 0, "reasons": {}, "code_version": "t", "spark_version": "t"}  # fmt: skip
    log(lake, tuple(told.get(column) for column in RUNS.names), "test")
    return version


def frame_of(lake: Lake, table: Table, rows: Sequence[tuple[Any, ...]]) -> Any:
    """Rows as the lake commits them soonest: as Arrow, where each of the table's types can be made on the driver."""
    try:
        schema = arrow_schema(table)
    except KeyError:
        return lake.spark.createDataFrame(rows, table.schema)
    plain = [[list(value.items()) if isinstance(value, dict) else value for value in row] for row in rows]
    return pa.Table.from_pylist([dict(zip(table.names, row, strict=True)) for row in plain], schema)


def bring(lake: Lake, folder: Path, rows: Sequence[dict[str, Any]], params: Any, batch: str = "one") -> Outcome:
    """What `ingest_docs` leaves of rows that are all fine, by the engine but without a query: for tests of what comes after it.

    rows: "id", "text" and, where they matter, "source" (else test), "url", "domain", "lang_hint", "license"; `params`: of ingest_docs.
    No two may have one identity. tests/jobs/test_ingest_docs.py compares it with an ingest.
    """
    (folder / batch).mkdir(parents=True)
    path, at, given = folder / batch / "rows.jsonl", 0, []
    with path.open("wb") as stream:
        for row in rows:
            line = json.dumps({"source": "test", **row}, ensure_ascii=False).encode() + b"\n"
            given.append((f"{path.name}:{at}", {"source": "test", **row}))
            at += stream.write(line)

    def step(tables: JobContext, _: Any) -> dict[str, Any]:
        found = [_document(place, row, tables.batches[0], lake.buckets, tables.started_at) for place, row in given]
        assert len({row["doc_id"] for row in found}) == len(found), "what repeats an identity is for a real ingest"
        return {name: pa.Table.from_pylist(made, arrow_schema(catalog.table(name))) for name, made in (("rejects", []), ("docs", found))}

    writes = tuple(dataclasses.replace(each, replaces="append") for each in ingest_docs.JOB.writes)
    job = dataclasses.replace(ingest_docs.JOB, steps=(step,), writes=writes, count=lambda *_: Counts(len(given), len(given), 0, {}))
    return run_job(job, params, lake, inputs=str(path.parent), batch=batch)


def _document(place: str, row: dict[str, Any], batch: str, buckets: int, at: dt.datetime) -> dict[str, Any]:
    data = row["text"].encode()
    digest = hash128(data)
    url, domain = row.get("url") or None, row.get("domain") or None
    doc_id = doc_id_of(row["source"], row.get("id"), url, digest)
    return {
        "doc_id": doc_id, "batch_id": batch, "bucket": int(doc_id[:7], 16) % buckets, "source": row["source"], "native_key": row.get("id"), "url": url,
        "domain_hint": domain, "lang_hint": row.get("lang_hint"), "license": row.get("license"), "text": row["text"], "n_bytes": len(data),
        "content_hash": digest, "source_location": place, "ingested_at": at,
    }  # fmt: skip


def measure(lake: Lake, params: Any) -> Outcome:
    """What `measure_text` leaves, by its kernel and the engine but without a query: for tests of what comes after it.

    tests/jobs/test_rows_in_and_out.py compares it with the job.
    """

    def step(tables: JobContext, given: Any) -> dict[str, Any]:
        docs = [row for row in read(lake, DOCS, tables.versions["docs"]) if row.batch_id in tables.batches]
        found = measures.measure(pa.array([row.text for row in docs], pa.string()), lid_model=given.lid_model, lid_chars=given.lid_chars)
        keys = {name: pa.array([row[name] for row in docs], pa.string()) for name in ("doc_id", "batch_id")}
        rows = tables.rows("signals", pa.table({**keys, **dict(zip(found.schema.names, found.columns, strict=True))}))
        if not lake.exists(SIGNALS) or lake.is_without(SIGNALS, {"batch_id": tables.batches}):
            return {"signals": rows}
        # what replaces rows is written by Spark, which takes no nulls of a pandas frame for those of a number
        return {"signals": lake.spark.createDataFrame([tuple(row[name] for name in SIGNALS.names) for row in rows.to_pylist()], SIGNALS.schema)}

    def count(tables: JobContext, _: Any) -> Counts:
        n = len([row for row in read(lake, SIGNALS) if row.batch_id in tables.batches])
        return Counts(n, n, 0, {})

    return run_job(dataclasses.replace(measure_text.JOB, steps=(step,), count=count), params, lake)
