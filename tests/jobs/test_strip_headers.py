"""The header of a source file is in docs, is an edit, and is not in the corpus; other domains are not touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gristmill.jobs import build_corpus, label_domain, strip_headers
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import CORPUS, DOCS, EDITS
from tests.lakes import measure, read

pytestmark = pytest.mark.spark
HEADER, CODE = "# Copyright 2020 A. Miller\n# SPDX-License-Identifier: MIT\n\n", "def grind(grain: str) -> str:\n    return grain.lower()\n"
ROWS = {
    "code": {"source": "repo", "domain": "code", "text": HEADER + CODE},
    "bare": {"source": "repo", "domain": "code", "text": CODE + "# bare\n"},
    "web": {"source": "crawl", "domain": "web", "text": HEADER + "A page that shows a header.\n"},
    "gist": {"source": "gists", "domain": "", "text": HEADER + CODE.upper()},
}


def test_headers_of_code_are_left_out_at_the_exit(lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any]) -> None:
    documents([{"id": key, **row} for key, row in ROWS.items()])
    run_job(label_domain.JOB, params_of("label_domain", sources={"gists": "code"}, classifier=None), lake)
    measure(lake, params_of("measure_text"))
    run_job(strip_headers.JOB, params_of("strip_headers", skip_rejected_by=[]), lake)
    run_job(build_corpus.JOB, params_of("build_corpus", skip_rejected_by=[], edits=["strip_headers"], data_docs=False, min_kept=0), lake)
    names = {row.doc_id: row.native_key for row in read(lake, DOCS)}
    assert {names[row.doc_id]: row.text for row in read(lake, CORPUS)} == {"code": CODE, "bare": ROWS["bare"]["text"], "web": ROWS["web"]["text"], "gist": CODE.upper()}
    found = {(names[row.doc_id], row.job, row.start, row.end, row.replacement, row.reason) for row in read(lake, EDITS)}
    assert found == {(name, "strip_headers", 0, len(HEADER), "", "licence_header") for name in ("code", "gist")}
