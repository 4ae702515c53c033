"""The tables that the worker reads and writes, as Arrow; a test compares them with
gristmill.jobs.schema.synthesis."""

import pyarrow as pa

# as Delta stores timestamps
MOMENT = pa.timestamp("us", tz="UTC")


def _schema(text: str, **kinds: pa.DataType) -> pa.Schema:
    """A schema from words, `name` or `name!` (never null); strings, unless `kinds` has another type."""
    return pa.schema(
        [
            pa.field(word.rstrip("!"), kinds.get(word.rstrip("!"), pa.string()), not word.endswith("!"))
            for word in text.split()
        ]
    )


# The tables are written out again, because the worker imports nothing of jobs/ (no pyspark in its
# environment).
REQUESTS = _schema(
    "request_id! part! recipe! recipe_version! doc_id! batch_id! sample_id chunk! start! end! lang "
    "domain text!",
    chunk=pa.int32(),
    start=pa.int32(),
    end=pa.int32(),
)
ANSWERS = _schema(
    "request_id! part! step! ordinal! attempt! is_last! parsed raw error finish_reason prompt_tokens "
    "completion_tokens seconds model! sampling! prompt_hash! at!",
    ordinal=pa.int32(),
    attempt=pa.int32(),
    is_last=pa.bool_(),
    prompt_tokens=pa.int64(),
    completion_tokens=pa.int64(),
    seconds=pa.float64(),
    at=MOMENT,
)
LEASES = _schema("part! worker! expires_at! attempt! status!", expires_at=MOMENT, attempt=pa.int32())
COUNTS = pa.map_(pa.string(), pa.int64())
IDS = pa.map_(pa.string(), pa.string())
RUNS = _schema(
    "run_id! job! status! at! seconds batches! recipe_hash! recipe! inputs versions_read versions_written "
    "table_ids rows_in rows_kept rows_left_out reasons"
    " code_version! spark_version! settings_refused batches_changed",
    at=MOMENT,
    seconds=pa.float64(),
    batches=pa.list_(pa.string()),
    versions_read=COUNTS,
    versions_written=COUNTS,
    table_ids=IDS,
    rows_in=pa.int64(),
    rows_kept=pa.int64(),
    rows_left_out=pa.int64(),
    reasons=COUNTS,
    settings_refused=IDS,
    batches_changed=pa.map_(pa.string(), pa.list_(pa.string())),
)
