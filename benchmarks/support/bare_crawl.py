"""A Spark pass that only reads a crawl: the records of each WARC file as pages, of which it counts and keeps nothing else. SOURCE TARGET are paths.

A script for spark-submit, or `python -m benchmarks.support.bare_crawl`.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa

from gristmill.jobs import extract_text
from gristmill.jobs.core import config
from gristmill.jobs.lake.session import open_session
from gristmill.udfs.arrow.batches import as_batch
from gristmill.udfs.arrow.types import sql_of
from gristmill.udfs.crawl.page_formats import PAGE_FORMATS, PageParams, pages_of_unit
from gristmill.udfs.crawl.pages import Page
from gristmill.udfs.read.readers import UNITS, plan_units

COUNTED = pa.schema([("n", pa.int64()), ("n_bytes", pa.int64())])


def counted(batches: Iterable[pa.RecordBatch], params: PageParams) -> Iterator[pa.RecordBatch]:
    """Units in, a row each out: pages and refusals, and the bytes of the pages."""
    for batch in batches:
        for unit in batch.to_pylist():
            sizes = [len(found.body) if isinstance(found, Page) else 0 for found in pages_of_unit(unit, params)]
            yield as_batch([(len(sizes), sum(sizes))], COUNTED)


def main() -> int:
    """One pass; returns 0."""
    source, target = sys.argv[1:]
    section = config.load_recipe("conf/jobs/extract_text.yaml").jobs["extract_text"]
    params = config.validate(extract_text.Params, section, "bare crawl")
    paths = sorted(Path(source).glob("*.warc.gz"))
    units = plan_units([(str(path), path.stat().st_size) for path in paths], "warc", 1 << 25, formats=PAGE_FORMATS)
    spark = open_session("bare crawl")
    rows = spark.createDataFrame([tuple(unit.values()) for unit in units.to_pylist()], sql_of(UNITS)).repartition(len(paths))
    kernel = functools.partial(counted, params=params.crawl(params.formats[0]).reader)
    rows.mapInArrow(kernel, sql_of(COUNTED)).write.parquet(target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
