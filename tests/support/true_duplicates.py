"""What `duplicates` says, asked of the texts again: each document that went is itself alike to the one that stayed for
it. Nothing of the engine is used: sets of n-grams are plain ones, equal texts are compared as strings."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.schema.documents import DOCS
from gristmill.jobs.schema.duplicates import DUPLICATES
from gristmill.udfs.dedup.shingles import ShingleParams
from gristmill.udfs.text.folding import simplified
from tests.lakes import read
from tests.support.plain_shingles import plain_jaccard

# Sketches of 256 minima of 8 bits: 3.5 standard errors of the estimate at Jaccard .7.
SKETCHED = 0.1


def untrue(lake: Lake, job: str, limit: float = 1.0, params: ShingleParams | None = None) -> list[str]:
    """What is wrong with the rows that `job` wrote, a line each; a job of no rows is wrong too.

    A near-duplicate has a Jaccard of at least `limit` with its survivor, and that is its stored similarity. A copy of
    method content or url is the same text or page. No survivor was left out by the job.
    """
    docs = {row.doc_id: row for row in read(lake, DOCS)}
    rows = read(lake, DUPLICATES, job=job)
    gone = {row.doc_id for row in rows}
    wrong = [] if rows else [f"{job} left nothing out"]
    for row in rows:
        name = f"{row.doc_id} for {row.dup_of} ({row.method} {row.similarity})"
        if row.doc_id == row.dup_of or row.dup_of not in docs or row.dup_of in gone:
            wrong.append(f"{name}: it is no survivor")
        elif not _is_true(row, docs[row.doc_id], docs[row.dup_of], limit, params):
            wrong.append(f"{name}: of their texts it is not so")
    return wrong


def _is_true(row: Any, one: Any, other: Any, limit: float, params: ShingleParams | None) -> bool:
    if row.method == "content":
        return row.similarity == 1 and _squeezed(one.text) == _squeezed(other.text)
    if row.method == "url":
        return row.similarity == 1 and _page(one.url) == _page(other.url)
    found = plain_jaccard(one.text, other.text, params)
    return found >= limit and abs(found - row.similarity) <= (SKETCHED if row.method == "sketch" else 1e-9)


def _squeezed(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold().translate(simplified())
    return " ".join(folded.split())


def _page(url: str) -> str:
    """An address without scheme, www., fragment and closing slash; hosts have no case."""
    host, _, path = re.sub(r"^\w+://(www\.)?|#.*$", "", url, flags=re.I).partition("/")
    return f"{host.lower()}/{path.rstrip('/')}"
