"""Traditional Chinese stands in docs as it came and in the corpus as Simplified; Japanese, code and what is left out are not touched."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import build_corpus, convert_script, measure_text, scrub_pii
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.curate import find_job
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import CORPUS, DOCS, EDITS

ZH = "這個圖書館裡的書籍都是從前的學者們留下來的，後來人們在這裡讀書寫字，皇后和以後不同，乾隆也不是乾燥。"
DONE = "这个图书馆里的书籍都是从前的学者们留下来的，后来人们在这里读书写字，皇后和以后不同，乾隆也不是干燥。"
JA = "図書館には昔の学者たちが残した本があり、のちに人々はここで読み書きを学び、發展という字も書かれている。"
ROWS = {
    "zh": {"domain": "books", "text": ZH},
    "mail": {"domain": "books", "text": f"{ZH}聯絡：wang@mill.org，謝謝"},
    "ja": {"domain": "books", "text": JA},
    "code": {"domain": "code", "text": ZH + "x = 1"},
    "plain": {"domain": "books", "text": DONE + "完"},
}


@pytest.mark.spark
def test_the_corpus_is_written_as_simplified_and_docs_keep_what_came(
    spark: Any, tmp_path: Path, params_of: Callable[..., Any]
) -> None:
    (tmp_path / "raw").mkdir()
    lines = [json.dumps({"id": key, "source": "s", **row}) + "\n" for key, row in ROWS.items()]
    (tmp_path / "raw" / "rows.jsonl").write_text("".join(lines))
    columns = {"text": "text", "native_key": "id", "source": "source", "domain_hint": "domain"}
    formats = [{"glob": "*.jsonl", "format": "jsonl", "encoding": "utf-8", "columns": columns}]
    lake = Lake(spark, str(tmp_path / "lake"))
    ingest = params_of("ingest_docs", data_docs=False, formats=formats)
    run_job(find_job("ingest_docs"), ingest, lake, inputs=str(tmp_path / "raw"), batch="one")
    run_job(measure_text.JOB, params_of("measure_text"), lake)
    run_job(scrub_pii.JOB, params_of("scrub_pii", skip_rejected_by=[]), lake)
    run_job(convert_script.JOB, params_of("convert_script", skip_rejected_by=[]), lake)
    edits = ["scrub_pii", "convert_script"]
    run_job(build_corpus.JOB, params_of("build_corpus", skip_rejected_by=[], edits=edits, data_docs=False, min_kept=0), lake)
    docs = {row.doc_id: (row.native_key, row.text) for row in lake.read(DOCS).collect()}
    corpus = {docs[row.doc_id][0]: row.text for row in lake.read(CORPUS).collect()}
    kept = {key: row["text"] for key, row in ROWS.items()}
    assert dict(docs.values()) == kept
    assert corpus == {**kept, "zh": DONE, "mail": f"{DONE}联络：<EMAIL>，谢谢"}
    mine = [row for row in lake.read(EDITS).collect() if row.job == "convert_script"]
    assert {docs[row.doc_id][0] for row in mine} == {"zh", "mail"}
    assert {row.reason for row in mine} == {"traditional_script"}


def test_japanese_and_korean_are_no_languages_to_convert(params_of: Callable[..., Any]) -> None:
    for language in ("ja", "ko"):
        with pytest.raises(ConfigError, match="languages"):
            params_of("convert_script", languages=[language])
