"""Tables on which a platform has switched features of Delta on that delta-rs, or a plain reader, does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from gristmill.jobs.filter_rules import JOB as RULES
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.measure_text import JOB as MEASURE
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import CORPUS, DOCS, EDITS, SIGNALS, VERDICTS
from gristmill.jobs.schema.duplicates import DUPLICATES
from gristmill.jobs.scrub_pii import JOB as SCRUB

pytestmark = pytest.mark.spark
FEATURES = {
    "deletion vectors": {"delta.enableDeletionVectors": "true"},
    "renamed columns": {
        "delta.columnMapping.mode": "name", "delta.minReaderVersion": "2", "delta.minWriterVersion": "5",
    },
    "row tracking": {"delta.enableRowTracking": "true"},
}  # fmt: skip
TEXT = "The miller of the old mill writes down what the river brings, and it brings a good deal. " * 4


@pytest.fixture
def counted_rows(spark: Any) -> Iterator[None]:
    """Rows of files are counted, as everywhere but in the demo and the tests: row tracking gives ids by the counts."""
    name = "spark.databricks.delta.stats.collect"
    before = spark.conf.get(name)
    spark.conf.set(name, "true")
    yield
    spark.conf.set(name, before)


@pytest.mark.parametrize("feature", FEATURES)
def test_tables_with_newer_features_are_read_and_written(feature: str, lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any], counted_rows: None) -> None:
    for table in (DOCS, SIGNALS, VERDICTS, EDITS, DUPLICATES, CORPUS):
        lake.create(table)
        listed = ", ".join(f"'{key}' = '{value}'" for key, value in FEATURES[feature].items())
        lake.spark.sql(f"ALTER TABLE {lake.ref(table)} SET TBLPROPERTIES ({listed})")
    documents([{"id": f"{i}", "text": f"{TEXT} Ask mill{i}@example.org. {i}"} for i in range(8)])
    run_job(MEASURE, params_of("measure_text"), lake)
    run_job(RULES, params_of("filter_rules", min_kept=0), lake)
    out = lake.read(DOCS).where("native_key IN ('1', '2')")
    # Rows are marked as deleted, in a file of which others stand.
    lake.delete(VERDICTS, lake.read(VERDICTS).limit(1), ("doc_id", "batch_id"), '{"run_id": "by hand"}')
    n = lake.read(VERDICTS).count()
    run_job(SCRUB, params_of("scrub_pii", skip_rejected_by=[]), lake)
    assert lake.read(EDITS).where("job = 'scrub_pii'").count() == 8
    lake.delete(EDITS, out, ("doc_id", "batch_id"), '{"run_id": "by hand"}')
    assert lake.read(EDITS).where("job = 'scrub_pii'").count() == 6
    assert lake.read(VERDICTS).count() == n
