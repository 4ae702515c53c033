"""One pass of a kernel over the text of a lake on this machine: each worker opens the table's Parquet files itself.

The JVM hands text to Python row by row, which costs it several times what the kernels cost (benchmarks/near_dup.md). On an object store, in a
catalog or on several machines Spark reads, as its credentials and its planning want it (jobs.core.inputs.Tables.mapped).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.core.local_delta import ARROW
from udfs.files import UNITS, Kernel, Keys, through_files

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    from jobs.core.local_delta import DataFile

UNIT_BYTES = 32 << 20  # of files, at most, in one task
TASKS = 3  # at least, on each core: the last one then leaves no core without work for long
KINDS = {"int64": "bigint", "int32": "int", "float64": "double", "bool": "boolean", "object": "string"}  # of what keys carry that come from the driver
BATCH_ROWS = "spark.sql.execution.arrow.maxRecordsPerBatch"


def units(files: list[DataFile], cores: int) -> list[dict[str, Any]]:
    """udfs.files.UNITS of the files, in parts of UNIT_BYTES or of a third of a core's share."""
    size = max(min(UNIT_BYTES, sum(file.n_bytes for file in files) // (TASKS * cores)), 1)
    counted = [(file, -(-file.n_bytes // size)) for file in files]
    return [{"path": file.path, "part": part, "n_parts": n, "partition": json.dumps(file.partition)} for file, n in counted for part in range(n)]


def over_files(
    spark: SparkSession, files: list[DataFile], kernel: Kernel, schema: Any, columns: tuple[str, ...], keys: Keys | None = None, batch_rows: int | None = None
) -> DataFrame:
    """What `kernel` (mapInArrow, to `schema`) makes of `columns` of the rows in the files, or of those that `keys` name, in batches of `batch_rows` (None: the session's)."""
    import pandas as pd

    cores = spark.sparkContext.defaultParallelism
    rows = units(files, cores)
    through = functools.partial(through_files, kernel=kernel, columns=columns, batch_rows=batch_rows or int(spark.conf.get(BATCH_ROWS)), keys=keys)
    # As pandas, which goes by Arrow: a list of rows takes Python workers of its own (and their start) to become a frame.
    frame = spark.createDataFrame(pd.DataFrame(rows) if rows else [], UNITS)
    tasks = max(min(len(rows), max(sum(file.n_bytes for file in files) // UNIT_BYTES, TASKS * cores)), 1)  # small files share one
    return frame.repartition(tasks).mapInArrow(through, schema)


def unchanged(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The kernel that hands on what it is given."""
    return batches


def write_keys(keys: pd.DataFrame | pa.Table, folder: str) -> None:
    """Keys that are on the driver, as udfs.files.Keys names them."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    Path(folder).mkdir(parents=True)
    if not isinstance(keys, pa.Table):
        kinds = pa.schema([(name, ARROW[KINDS[str(kind)]]) for name, kind in keys.dtypes.items()])  # nothing but nulls has no type of its own
        keys = pa.Table.from_pandas(keys, kinds, preserve_index=False)
    pq.write_table(keys, f"{folder}/keys.parquet")
