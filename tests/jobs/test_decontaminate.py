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
import yaml

from gristmill.jobs import cli
from gristmill.jobs.core.config import load_yaml
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.decontaminate import JOB
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import DOCS, VERDICTS
from gristmill.jobs.schema.duplicates import BENCHMARK_ITEMS, CONTAMINATION
from tests.lakes import read

STEPS = "A lighthouse keeper climbs 214 steps each morning and 214 steps each evening, except on Sundays. How many steps does she climb in four weeks?"
TREES = "茶园里有梨树和茶树共386棵，茶树的棵数比梨树的3倍多22棵，茶园里的梨树和茶树各有多少棵？"
GARDEN = "园子里的水榭对着一座小山，山上有亭，亭边种着两株老梅，主人冬天在那里会客。"
PADDING = "The harbour was quiet and the boats lay still. "
COLUMNS = {"benchmark": "=ours", "item": "id", "text": "question"}


def write_lines(path: Path, rows: list[dict[str, Any]]) -> str:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "wt", encoding="utf-8") as stream:
        stream.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    return str(path)


@pytest.fixture
def the_files(tmp_path: Path) -> list[dict[str, Any]]:
    lines = write_lines(tmp_path / "en.jsonl.gz", [{"id": 1, "question": STEPS}, {"id": 2, "question": "What is 7?"}, {"id": 3, "question": None}])
    pq.write_table(pa.table({"key": ["z1"], "name": ["zh_math"], "q": [TREES], "more": [0.5]}), tmp_path / "zh.parquet")
    short = [{"id": 1, "q": "What is 17 times 24?", "a": 408, "about": None}, {"id": 2, "q": "谁写的？", "a": "曹雪芹", "about": GARDEN}]
    more = write_lines(tmp_path / "short.jsonl", short)
    return [
        {"file": lines, "columns": COLUMNS},
        {"file": str(tmp_path / "zh.parquet"), "columns": {"benchmark": "name", "item": "key", "text": "q"}},
        {"file": more, "columns": {"benchmark": "=short", "item": "id", "text": "q", "answer": "a", "passage": "about"}},
        {"file": str(tmp_path / "never_brought.parquet"), "required": False, "columns": {"benchmark": "=away", "item": None, "text": "q"}},
    ]


@pytest.mark.spark
def test_each_question_found_is_a_row_and_each_document_that_holds_one_is_left_out(
    lake: Lake, documents: Callable[..., Any], params_of: Callable[..., Any], the_files: list[dict[str, Any]],
    capsys: pytest.CaptureFixture[str], tmp_path: Path,
) -> None:
    texts = {
        "clean": PADDING * 3,
        "edited": PADDING + STEPS.replace("214", "180").replace("lighthouse", "chapel") + PADDING,
        "part": PADDING + TREES[:22],
        "both": f"{TREES}\n\n{PADDING}\n\n{STEPS}",
        "tiny": "What is 7? " + PADDING,
        "answered": PADDING + "What is 17 times 24? The answer is 408.",
        "other answer": PADDING + "What is 17 times 24? The answer is 418.",
        "by chance": PADDING + "The hall held 17 times 24 chairs, 408 in all.",
        "passage": GARDEN.replace("小山", "土山") + PADDING,
    }
    documents([{"id": key, "text": text} for key, text in texts.items()])
    outcome = run_job(JOB, params_of("decontaminate", skip_rejected_by=[], benchmarks=the_files), lake)
    assert outcome.counts is not None
    assert (outcome.counts.rows_in, outcome.counts.rows_kept) == (9, 4)
    assert outcome.counts.reasons == {"contaminated": 5, "contaminated.ours": 2, "contaminated.short": 2, "contaminated.zh_math": 2}
    told = capsys.readouterr().err
    assert "ours: 2 of 3 questions are never looked for: 1 (such as 3): It has no word and no number. 1 (such as " in told
    assert f"{tmp_path / 'never_brought.parquet'}: not here, so nothing of away is looked for" in told
    items = {(row.benchmark, row.item, row.part): row.reason for row in read(lake, BENCHMARK_ITEMS)}
    assert items == {
        ("ours", "1", "question"): None, ("ours", "2", "question"): "too_few_words", ("ours", "3", "question"): "empty", ("zh_math", "z1", "question"): None,
        ("short", "1", "question_answer"): None, ("short", "2", "question_answer"): None, ("short", "2", "passage"): None,
    }  # fmt: skip

    docs = read(lake, DOCS)
    keys, whole = {row.doc_id: row.native_key for row in docs}, {row.native_key: row.text for row in docs}
    found = {(keys[row.doc_id], row.benchmark, row.item): row for row in read(lake, CONTAMINATION)}
    parts = {key: row.part for key, row in found.items()}
    assert parts == {
        ("edited", "ours", "1"): "question", ("part", "zh_math", "z1"): "question", ("both", "ours", "1"): "question", ("both", "zh_math", "z1"): "question",
        ("answered", "short", "1"): "question_answer", ("passage", "short", "2"): "passage",
    }  # fmt: skip
    answered = found["answered", "short", "1"]
    assert whole["answered"][answered.start : answered.end] == "What is 17 times 24? The answer is 408"
    assert found["both", "zh_math", "z1"].score == 1.0
    assert 0.6 <= found["edited", "ours", "1"].score < 1
    part = found["part", "zh_math", "z1"]
    assert (part.is_copy, part.threshold) == (False, 8.0)
    assert whole["part"][part.start : part.end] == TREES[:22]
    verdicts = {(keys[row.doc_id], row.rule): (row.reason, row.threshold) for row in read(lake, VERDICTS)}
    assert verdicts == {
        ("edited", "ours.max_score"): ("contaminated", 0.6),
        ("part", "zh_math.max_longest_match_words"): ("contaminated", 8.0),
        ("both", "ours.max_score"): ("contaminated", 0.6),
        ("both", "zh_math.max_score"): ("contaminated", 0.6),
        ("answered", "short.max_score"): ("contaminated", 0.8),
        ("passage", "short.max_score"): ("contaminated", 0.6),
    }

    # the same file is the same recipe; another content is another one, and its verdicts take the place of the old
    assert run_job(JOB, params_of("decontaminate", skip_rejected_by=[], benchmarks=the_files), lake).counts is None
    write_lines(Path(the_files[0]["file"]), [{"id": 9, "question": "An item that is in no document at all, however long one looks for it."}])
    again = run_job(JOB, params_of("decontaminate", skip_rejected_by=[], benchmarks=the_files), lake)
    assert again.counts is not None
    assert again.counts.reasons == {"contaminated": 4, "contaminated.short": 2, "contaminated.zh_math": 2}
    assert {keys[row.doc_id] for row in read(lake, VERDICTS)} == {"part", "both", "answered", "passage"}
    assert {row.item for row in read(lake, BENCHMARK_ITEMS) if row.benchmark == "ours"} == {"9"}


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
        ('{"id": "a", "question": 0.5}\n', "column question is float in row 1, wanted strings"),
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


# --- files of the usual benchmarks


ARC = [{"id": "a", "question": "Which one sinks?", "choices": {"text": ["a cork", "an iron nail"], "label": ["A", "B"]}, "answerKey": "B"}]
SHAPES = {
    "letters of an object": (ARC, {"item": "id", "text": "question", "answer": "answerKey", "choices": "choices.text"}, "letter", ("an iron nail",)),
    "numbers as letters": ([{"q": "Who is?", "1": "Ann", "2": "Bob", "a": "2"}], {"text": "q", "answer": "a", "choices": ["1", "2"]}, "letter", ("Bob",)),
    "several letters": ([{"q": "Who is?", "o": ["(A)Ann", "(B)Bob", "(C)Cy"], "a": ["A", "C"]}], {"text": "q", "answer": "a", "choices": "o"}, "letter", ("Ann", "Cy")),
    "an index": ([{"q": "Who is?", "o": ["Ann", "Bob"], "a": 1}], {"text": "q", "answer": "a", "choices": "o"}, "index", ("Bob",)),
    "no answer known": ([{"q": "Who is?", "o": ["Ann", "Bob"], "a": -1}], {"text": "q", "answer": "a", "choices": "o"}, "index", ("Ann", "Bob")),
    "a list of aliases": ([{"q": "Who is?", "a": {"text": ["Ann", "Anna", "Ann"]}}], {"text": "q", "answer": "a.text"}, "text", ("Ann", "Anna")),
    "a number": ([{"q": "How many?", "a": 18.0}], {"text": "q", "answer": "a"}, "text", ("18",)),
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("ending", ["jsonl", "json", "parquet"])
def test_answers_are_read_as_the_usual_benchmarks_write_them(params_of: Callable[..., Any], tmp_path: Path, name: str, ending: str) -> None:
    rows, columns, kind, answers = SHAPES[name]
    path = tmp_path / f"x.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    elif ending == "json":
        path.write_text(json.dumps({"keywords": "x", "example": rows}), encoding="utf-8")
    else:
        write_lines(path, rows)
    params = params_of("decontaminate", benchmarks=[{"file": str(path), "answer_is": kind, "columns": {"benchmark": "=b", "item": None, **columns}}])
    (item,) = params.items
    assert item.answers == answers


def test_a_folder_of_csv_files_is_one_benchmark_whose_rows_are_numbered(params_of: Callable[..., Any], tmp_path: Path) -> None:
    for name, asked in (("law", STEPS), ("art", TREES)):
        (tmp_path / f"{name}.csv").write_text(f',Question,A,B,Answer\n0,"{asked}",one,"two, or ""three""",B\n', encoding="utf-8-sig")
    columns = {"benchmark": "=cmmlu", "item": None, "text": "Question", "answer": "Answer", "choices": ["A", "B"]}
    params = params_of("decontaminate", benchmarks=[{"file": str(tmp_path / "*.csv"), "answer_is": "letter", "columns": columns}])
    assert [(item.item, item.question, item.answers) for item in params.items] == [
        ("art.csv:1", TREES, ('two, or "three"',)), ("law.csv:1", STEPS, ('two, or "three"',)),
    ]  # fmt: skip
    before = params.benchmarks[0].digest
    (tmp_path / "art.csv").unlink()
    assert params_of("decontaminate", benchmarks=[{"file": str(tmp_path / "*.csv"), "answer_is": "letter", "columns": columns}]).benchmarks[0].digest != before


def test_check_says_how_much_of_each_benchmark_is_never_looked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [{"id": "1", "q": "What is 17 times 24?", "a": ""}, {"id": "2", "q": STEPS, "a": ""}, {"id": "3", "q": "What is 9 times 8?", "a": "72"}]
    recipe = load_yaml(Path("conf/jobs/decontaminate.yaml"))
    recipe["jobs"]["decontaminate"]["benchmarks"] = [
        {"file": write_lines(tmp_path / "bench.jsonl", rows), "columns": {"benchmark": "=sums", "item": "id", "text": "q", "answer": "a"}},
        {"file": str(tmp_path / "mmlu.parquet"), "required": False, "columns": {"benchmark": "=mmlu", "item": None, "text": "question"}},
    ]
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    assert cli.main(["check", "--recipe", str(tmp_path / "recipe.yaml")]) == 0
    told = capsys.readouterr().out
    assert "looked for: 1 question, 1 question with its answer; benchmarks: 1" in told
    assert "sums: 1 of 3 questions is never looked for: 1 (such as 1): It has fewer words than min_words, and no answer makes up for it." in told
    assert f"{tmp_path / 'mmlu.parquet'}: not here, so nothing of mmlu is looked for" in told


def test_the_recipe_of_the_usual_benchmarks_names_every_file_that_is_not_here(params_of: Callable[..., Any]) -> None:
    section = load_yaml(Path("conf/jobs/decontaminate_benchmarks.yaml"))["jobs"]["decontaminate"]
    names = {each["columns"]["benchmark"].removeprefix("=") for each in section["benchmarks"]}
    usual = {"mmlu", "gsm8k", "math", "humaneval", "mbpp", "bbh", "arc_challenge", "hellaswag", "ceval_val", "cmmlu", "gaokao_bench", "agieval", "cmrc2018"}
    assert usual < names
    assert all(each["file"].startswith("data/benchmarks/") and each["required"] is False for each in section["benchmarks"])
    assert set(section) == {"base", "benchmarks"}


@pytest.mark.parametrize(
    ("rows", "columns", "kind", "told"),
    [
        ([{"q": "x", "o": ["a"], "a": "C"}], {"text": "q", "answer": "a", "choices": "o"}, "letter", "column a is 'C' in row 1, which has 1 choices"),
        ([{"q": "x", "a": "A"}], {"text": "q", "answer": "a"}, "letter", "answer_is: letter names a choice: map `answer` and `choices`"),
        ([{"q": "x", "a": True}], {"text": "q", "answer": "a"}, "text", "column a is bool in row 1, wanted strings"),
        ([{"q": "x", "a": {"b": 1}}], {"text": "q", "answer": "a.c"}, "text", "no column a.c (mapped to answer); it has: q, a.b"),
        ([], {"text": "q"}, "text", "no row; name a file that holds some"),
    ],
)  # fmt: skip
def test_answers_that_do_not_fit_name_the_column_and_the_row(
    params_of: Callable[..., Any], tmp_path: Path, rows: list[Any], columns: dict[str, Any], kind: str, told: str
) -> None:
    path = write_lines(tmp_path / "x.jsonl", rows)
    assert told in complaint(params_of, {"file": path, "answer_is": kind, "columns": {"benchmark": "=b", "item": None, **columns}})


def test_answers_want_the_numbers_by_which_they_are_looked_for(params_of: Callable[..., Any], tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [{"q": STEPS, "a": "1"}])
    files = [{"file": path, "columns": {"benchmark": "=b", "item": None, "text": "q", "answer": "a"}}]
    with pytest.raises(ConfigError, match="with_answer: missing, but a file of `benchmarks` has answers"):
        params_of("decontaminate", benchmarks=files, with_answer=None)


def test_a_recipe_that_would_look_for_nothing_stops(params_of: Callable[..., Any], tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", [{"id": 1, "question": "What is 7?"}])
    params = params_of("decontaminate", benchmarks=[{"file": path, "columns": COLUMNS}])
    with pytest.raises(ConfigError, match="nothing would be looked for: ours: 1 of 1 question is never looked for"):
        params.index("decontaminate")
