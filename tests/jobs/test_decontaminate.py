"""Documents that hold benchmark questions are left out, each question found is a row, and a wrong file is told at once."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from jobs.core.errors import ConfigError
from jobs.core.lake import Lake
from jobs.core.run import run_job
from jobs.core.tables import CONTAMINATION, DOCS, VERDICTS
from jobs.decontaminate import JOB
from tests.lakes import read

STEPS = "A lighthouse keeper climbs 214 steps each morning and 214 steps each evening, except on Sundays. How many steps does she climb in four weeks?"
TREES = "茶园里有梨树和茶树共386棵，茶树的棵数比梨树的3倍多22棵，茶园里的梨树和茶树各有多少棵？"
PADDING = "The harbour was quiet and the boats lay still. "
COLUMNS = {"benchmark": "=ours", "item": "id", "text": "question"}


def write_lines(path: Path, rows: list[dict[str, Any]]) -> str:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8") as stream:
        stream.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def two_files(tmp_path: Path) -> list[dict[str, Any]]:
    lines = write_lines(tmp_path / "en.jsonl.gz", [{"id": 1, "question": STEPS}, {"id": 2, "question": "What is 7?"}, {"id": 3, "question": None}])
    pq.write_table(pa.table({"key": ["z1"], "name": ["zh_math"], "q": [TREES], "more": [0.5]}), tmp_path / "zh.parquet")
    return [{"file": lines, "columns": COLUMNS}, {"file": str(tmp_path / "zh.parquet"), "columns": {"benchmark": "name", "item": "key", "text": "q"}}]


@pytest.mark.spark
def test_each_question_found_is_a_row_and_each_document_that_holds_one_is_left_out(
    lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any], two_files: list[dict[str, Any]]
) -> None:
    texts = {
        "clean": PADDING * 3,
        "edited": PADDING + STEPS.replace("214", "180").replace("lighthouse", "chapel") + PADDING,
        "part": PADDING + TREES[:22],
        "both": f"{TREES}\n\n{PADDING}\n\n{STEPS}",
        "tiny": "What is 7? " + PADDING,
    }
    documents([{"id": key, "text": text} for key, text in texts.items()])
    outcome = run_job(JOB, params_of("decontaminate", heeds=[], benchmarks=two_files), lake)
    assert outcome.counts is not None
    assert (outcome.counts.rows_in, outcome.counts.rows_kept) == (5, 2)
    assert outcome.counts.reasons == {"contaminated": 3, "contaminated.ours": 2, "contaminated.zh_math": 2}

    docs = read(lake, DOCS)
    keys, whole = {row.doc_id: row.native_key for row in docs}, {row.native_key: row.text for row in docs}
    found = {(keys[row.doc_id], row.benchmark, row.item): row for row in read(lake, CONTAMINATION)}
    assert found.keys() == {("edited", "ours", "1"), ("part", "zh_math", "z1"), ("both", "ours", "1"), ("both", "zh_math", "z1")}
    assert found["both", "zh_math", "z1"].score == 1.0
    assert 0.6 <= found["edited", "ours", "1"].score < 1
    part = found["part", "zh_math", "z1"]
    assert (part.is_copy, part.limit) == (False, 8.0)
    assert whole["part"][part.start : part.end] == TREES[:22]
    verdicts = {(keys[row.doc_id], row.rule): (row.reason, row.limit) for row in read(lake, VERDICTS)}
    assert verdicts == {
        ("edited", "ours.max_score"): ("contaminated", 0.6),
        ("part", "zh_math.max_run_words"): ("contaminated", 8.0),
        ("both", "ours.max_score"): ("contaminated", 0.6),
        ("both", "zh_math.max_score"): ("contaminated", 0.6),
    }

    # the same file is the same recipe; another content is another one, and its verdicts take the place of the old
    assert run_job(JOB, params_of("decontaminate", heeds=[], benchmarks=two_files), lake).counts is None
    write_lines(Path(two_files[0]["file"]), [{"id": 9, "question": "An item that is in no document at all, however long one looks for it."}])
    again = run_job(JOB, params_of("decontaminate", heeds=[], benchmarks=two_files), lake)
    assert again.counts is not None
    assert again.counts.reasons == {"contaminated": 2, "contaminated.zh_math": 2}
    assert {keys[row.doc_id] for row in read(lake, VERDICTS)} == {"part", "both"}


def complaint(params_of: Callable[..., Any], *benchmarks: Any) -> str:
    with pytest.raises(ConfigError) as error:
        params_of("decontaminate", benchmarks=list(benchmarks))
    return str(error.value)


def test_a_missing_file_is_told_with_every_place_that_was_looked_at(params_of: Callable[..., Any]) -> None:
    told = complaint(params_of, {"file": "conf/benchmarks/none.jsonl", "columns": COLUMNS})
    assert "conf/benchmarks/none.jsonl: no such file of benchmark questions (looked at conf/benchmarks/none.jsonl, " in told


def test_a_missing_column_is_told_with_those_there_are(params_of: Callable[..., Any], tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "x.jsonl", [{"id": "a", "prompt": STEPS}])
    assert f"{lines}: no column question (mapped to text); it has: id, prompt; mend `columns`" in complaint(params_of, {"file": lines, "columns": COLUMNS})


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('{"id": "a", "question": "x"}\n{"id": "b", ', ":2: not readable as JSON Lines"),
        ("[1]\n", ":1: wanted a JSON object a line, saw list"),
        ('{"id": "a", "question": "x"}\n{"id": "a", "question": "y"}\n', "an item's id is unique within its benchmark, seen: a of ours (2 times)"),
        ('{"id": null, "question": "x"}\n', "column id is null in 1 of 1 rows; `item` names each question"),
        ('{"id": "a", "question": 0.5}\n', "column question is double, wanted strings"),
    ],
)  # fmt: skip
def test_a_broken_file_of_questions_names_the_line_or_the_column(params_of: Callable[..., Any], tmp_path: Path, content: str, told: str) -> None:
    (tmp_path / "x.jsonl").write_text(content, encoding="utf-8")
    assert told in complaint(params_of, {"file": str(tmp_path / "x.jsonl"), "columns": COLUMNS})


def test_a_file_that_is_not_parquet_says_so(params_of: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "x.parquet").write_text("{}", encoding="utf-8")
    assert "x.parquet: not readable as Parquet" in complaint(params_of, {"file": str(tmp_path / "x.parquet"), "columns": COLUMNS})


def test_an_unknown_key_of_a_file_is_told_as_in_every_recipe(params_of: Callable[..., Any], tmp_path: Path) -> None:
    lines = write_lines(tmp_path / "x.jsonl", [{"id": "a", "question": STEPS}])
    assert "benchmarks.0.colums: unknown key" in complaint(params_of, {"file": lines, "colums": COLUMNS})
