"""The header of a source file is in docs, is an edit, and is not in the corpus; other domains are not touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from jobs import build_corpus, label_domain, measure_text, strip_headers
from jobs.core.lake import Lake
from jobs.core.run import run_job
from jobs.core.tables import CORPUS, DOCS, EDITS
from jobs.curate import find_job

pytestmark = pytest.mark.spark
HEADER, CODE = "# Copyright 2020 A. Miller\n# SPDX-License-Identifier: MIT\n\n", "def grind(grain: str) -> str:\n    return grain.lower()\n"
ROWS = {
    "code": {"source": "repo", "domain": "code", "text": HEADER + CODE},
    "bare": {"source": "repo", "domain": "code", "text": CODE + "# bare\n"},
    "web": {"source": "crawl", "domain": "web", "text": HEADER + "A page that shows a header.\n"},
    "gist": {"source": "gists", "domain": "", "text": HEADER + CODE.upper()},
}


def test_headers_of_code_are_left_out_at_the_exit(spark: Any, tmp_path: Path, params_of: Callable[..., Any]) -> None:
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw" / "rows.jsonl").write_text("".join(json.dumps({"id": key, **row}) + "\n" for key, row in ROWS.items()))
    lake, columns = Lake(spark, str(tmp_path / "lake")), {"text": "text", "native_key": "id", "source": "source", "domain_hint": "domain"}
    formats = [{"glob": "*.jsonl", "format": "jsonl", "encoding": "utf-8", "columns": columns}]
    run_job(find_job("ingest_docs"), params_of("ingest_docs", data_docs=False, formats=formats), lake, inputs=str(tmp_path / "raw"), batch="one")
    run_job(label_domain.JOB, params_of("label_domain", sources={"gists": "code"}, classifier=None), lake)
    run_job(measure_text.JOB, params_of("measure_text"), lake)
    run_job(strip_headers.JOB, params_of("strip_headers", heeds=[]), lake)
    run_job(build_corpus.JOB, params_of("build_corpus", heeds=[], edits=["strip_headers"], data_docs=False, min_kept=0), lake)
    names = {row.doc_id: row.native_key for row in lake.read(DOCS).collect()}
    assert {names[row.doc_id]: row.text for row in lake.read(CORPUS).collect()} == {"code": CODE, "bare": ROWS["bare"]["text"], "web": ROWS["web"]["text"], "gist": CODE.upper()}
    found = {(names[row.doc_id], row.job, row.start, row.end, row.replacement, row.reason) for row in lake.read(EDITS).collect()}
    assert found == {(name, "strip_headers", 0, len(HEADER), "", "licence_header") for name in ("code", "gist")}
