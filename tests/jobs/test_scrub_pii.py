"""What the generator planted as personal data is in docs, is not in the corpus, and each place of it is an edit."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.schema.documents import CORPUS, DOCS, EDITS
from tests.lakes import read

pytestmark = pytest.mark.spark
ENTITIES = {"email": "<EMAIL>", "mobile": "<PHONE>", "resident_id": "<ID_CARD>", "bank_card": "<BANK_CARD>"}  # its IP addresses are those kept for manuals


def test_planted_personal_data_is_replaced_at_the_exit_and_nothing_else_is(demo_lake: Lake, demo_raw: Path) -> None:
    plan = {row["id"]: json.loads(row["pii"]) for row in pq.read_table(demo_raw.parent / "plan.parquet").to_pylist() if row["pii"]}
    keys = {row.doc_id: (row.native_key, row.text) for row in read(demo_lake, DOCS)}
    corpus = {keys[row.doc_id][0]: row.text for row in read(demo_lake, CORPUS)}
    edits: dict[str, list[tuple[str, str]]] = {}
    for row in read(demo_lake, EDITS, job="scrub_pii"):
        key, text = keys[row.doc_id]
        edits.setdefault(key, []).append((text[row.start : row.end], row.replacement))
    seen = 0
    for key in corpus.keys() & plan.keys():
        planted = [(value, ENTITIES[kind]) for _, _, kind, value in plan[key] if kind in ENTITIES]
        assert sorted(edits.get(key, [])) == sorted(planted), key
        assert not [value for value, _ in planted if value in corpus[key]]
        assert all(replacement in corpus[key] for _, replacement in planted)
        seen += len(planted)
    assert seen > 3
    generated = [key for key in edits if key not in plan]
    assert len(generated) <= len(corpus) // 100, generated
