"""Input files of benchmarks."""

from __future__ import annotations

import sys
from pathlib import Path

import pyarrow.parquet as pq


def need_columns(path: Path, *columns: str) -> None:
    """Exits with a sentence when there is no such Parquet file, or a column is missing in it."""
    if not path.is_file():
        sys.exit(f"{path}: no such file; name a Parquet file with the columns {', '.join(columns)}")
    names = pq.read_schema(path).names
    if missing := sorted(set(columns) - set(names)):
        sys.exit(f"{path}: no column {', '.join(missing)} (it has: {', '.join(names)}); wanted {', '.join(columns)}")
