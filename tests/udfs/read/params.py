"""How tests read: with the bounds of the shipped recipe, where a test names none of its own."""

from __future__ import annotations

import functools

from gristmill.jobs.core.config import load_recipe
from gristmill.udfs.read import readers

BOUNDS = {name: value for name, value in load_recipe("conf/jobs/ingest_docs.yaml").jobs["ingest_docs"].items() if name in ("max_row_bytes", "max_raw_bytes", "max_unpacked_bytes", "max_unpack_ratio")}
ReadParams = functools.partial(readers.ReadParams, **BOUNDS)
