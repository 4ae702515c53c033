"""The pages tell the truth: queries run, commands exist, tables are all there, links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from gristmill.jobs import cli, curate
from gristmill.jobs.schema import catalog
from tests.support.requirements import declared

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(path for folder in (".", "docs", "benchmarks", "conf", "docker", "notebooks") for path in (ROOT / folder).glob("*.md"))


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8") if page.is_file() else ""


def sql_blocks() -> list[Any]:
    """Each sql block of docs/sql.md, with the number of its question."""
    found = []
    for section in re.split(r"^## ", read(ROOT / "docs" / "sql.md"), flags=re.M)[1:]:
        number = re.split(r"[.\n]", section)[0]
        for i, block in enumerate(re.findall(r"```sql\n(.*?)```", section, re.S)):
            found.append(pytest.param(number, block, id=f"{number}-{i}"))
    return found


def commands() -> list[Any]:
    """Each command in a ```sh block of any page."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```sh\n(.*?)```", read(page), re.S):
            for line in block.replace("\\\n", " ").splitlines():
                command = re.sub(r"(^|\s)#.*$", "", line)  # a shell's comment begins a word; shlex takes any #
                if words := shlex.split(command):
                    found.append(pytest.param(words, id=f"{page.name}: {command.strip()[:70]}"))
    return found


# --- docs/sql.md


@pytest.fixture(scope="module")
def ask(demo_lake: Any) -> Any:
    from gristmill.jobs.report.ask import Ask

    return Ask(demo_lake.where)


def run_block(ask: Any, number: str, which: int = 0) -> list[dict[str, Any]]:
    block = [param.values[1] for param in sql_blocks() if param.values[0] == number][which]
    columns, rows = ask.sql(block.replace("{lake}", ask.lake.root), 100_000)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def test_there_are_eleven_questions_and_each_has_a_query() -> None:
    numbers = dict.fromkeys(param.values[0] for param in sql_blocks())
    assert [int(number) for number in numbers if number.isdigit()] == list(range(1, 12))


@pytest.mark.spark
@pytest.mark.parametrize(("number", "block"), [each for each in sql_blocks() if each.values[0] != "2"])
def test_every_query_of_the_page_runs_and_answers(ask: Any, number: str, block: str) -> None:
    columns, rows = ask.sql(block.replace("{lake}", ask.lake.root), 50)
    assert columns
    assert rows


# Question 2 is about documents that the demo need not hold: their words, and what they fail beside the floor of 50.
MILL = "The miller opened the gate of the mill and let the water of the river run on to the wheel that stood below it. "
SHORT = {
    "24 words": MILL.split(". ")[0] + ".",
    "37 words": MILL + "Then the grain of three villages was ground, and nobody had to wait.",
    "41 words": MILL + "Then the grain of three villages was ground, and nobody had to wait for bread that day.",
    "33 words and signs": MILL + "Then the grain of three villages # # # # # # # # # was ground to.",
    "72 words": MILL * 3,
}


@pytest.mark.spark
def test_the_minimum_of_words_counts_the_documents_that_fail_nothing_else(lake: Any, documents: Any, params_of: Any) -> None:
    from gristmill.jobs.report.ask import Ask
    from gristmill.jobs.runner.run import run_job
    from tests.lakes import read

    documents([{"id": name, "text": text, "domain": "web"} for name, text in SHORT.items()])
    limits = {"min_words": 50, "max_hash_ratio": 0.1}
    preset = {"gopher": {"preset": "gopher", "about": "", "line_drops": False, "limits": limits}}
    route = {"lang": ["any"], "domain": ["any"], "presets": ["gopher"]}
    run_job(curate.find_job("measure_text"), params_of("measure_text"), lake)
    run_job(curate.find_job("filter_rules"), params_of("filter_rules", presets=preset, routes=[route], languages=None, min_kept=0), lake)
    names = {row.doc_id: row.native_key for row in read(lake, catalog.table("docs"))}
    words = {names[row.doc_id]: row.n_words for row in read(lake, catalog.table("signals"))}
    assert {name: n for name, n in words.items() if n != int(name.split()[0])} == {}
    assert {(names[row.doc_id], row.rule) for row in read(lake, catalog.table("verdicts"))} == {
        ("24 words", "gopher.min_words"), ("37 words", "gopher.min_words"), ("41 words", "gopher.min_words"),
        ("33 words and signs", "gopher.min_words"), ("33 words and signs", "gopher.max_hash_ratio"),
    }  # fmt: skip
    assert run_block(Ask(lake.where), "2") == [
        {"lang": "en", "domain": "web", "fail_min_words_only": 3, "kept_at_30": 2, "fewest_words": 24},
    ]


@pytest.mark.spark
def test_shares_of_text_add_up_to_the_whole(ask: Any) -> None:
    answer = run_block(ask, "3")
    assert sum(row["documents"] for row in answer) == ask.table("corpus").count()
    assert sum(row["percent_of_text"] for row in answer) == pytest.approx(100, abs=0.01 * len(answer))


@pytest.mark.spark
def test_a_finished_lake_has_no_document_that_was_never_filtered(ask: Any) -> None:
    answer = run_block(ask, "7")
    assert {row["last_status"] for row in answer} == {"finished"}
    assert {row["batch_id"] for row in answer} == {row["batch_id"] for row in ask.table("docs").select("batch_id").distinct().collect()}


@pytest.mark.spark
def test_the_numbers_of_the_batches_agree_with_the_funnel(ask: Any) -> None:
    answer = run_block(ask, "9")
    per_batch = {row["job"]: row["rows_in"] for row in ask.funnel()}
    for job in ("ingest_docs", "extract_text", "measure_text", "build_corpus"):
        rows = [row for row in answer if row["job"] == job]
        assert sum(row["rows_in"] / row["batches_in_run"] for row in rows) == pytest.approx(per_batch[job])


@pytest.mark.spark
def test_comparing_with_the_empty_first_version_finds_the_whole_corpus(ask: Any) -> None:
    assert [(row["change"], row["documents"]) for row in run_block(ask, "10", 1)] == [("added", ask.table("corpus").count())]


# --- commands


def is_make(words: list[str]) -> None:
    done = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def is_gristmill(words: list[str]) -> None:
    given = cli.parser().parse_args(words[1:])
    if given.command == "run":
        assert given.job in (*curate.job_names(), "curate")
    if "recipe" in given:
        assert (ROOT / given.recipe).is_file()


def is_spark_submit(words: list[str]) -> None:
    script = next(word for word in words if word.endswith(".py"))
    before, after = words[: words.index(script)], words[words.index(script) + 1 :]
    assert (ROOT / script).is_file()
    assert Path(script).stem in (*curate.job_names(), "curate")
    assert (ROOT / after[after.index("--recipe") + 1]).is_file()
    assert {word for word in after if word.startswith("--")} <= {"--recipe", "--lake", "--input", "--batch"}
    if "--properties-file" in before:
        assert (ROOT / before[before.index("--properties-file") + 1]).is_file()


def is_python(words: list[str]) -> None:
    assert words[1] == "-m"
    if words[2] == "venv":
        return
    assert importlib.util.find_spec(words[2]) is not None


def is_pip(words: list[str]) -> None:
    for option in ("-c", "-r"):
        assert option not in words or (ROOT / words[words.index(option) + 1]).is_file()
    for each in words:
        extras = re.fullmatch(r"\.\[(.*)\]", each)
        assert set(extras[1].split(",") if extras else ()) <= set(declared())


def is_docker(words: list[str]) -> None:
    for option in ("-f", "--file"):
        if option in words:
            assert (ROOT / words[words.index(option) + 1]).is_file()


def is_there(words: list[str]) -> None:
    """Files of the project that a tool of others is given are there."""
    given = [word.removeprefix("file://").rpartition("=")[2] for word in words]
    assert [word for word in given if word.startswith(("deploy/", "docker/", "conf/")) and not (ROOT / word).exists()] == []


def is_databricks(words: list[str]) -> None:
    if words[1:3] == ["bundle", "run"]:
        assert f"\n    {words[3]}:\n" in "".join(path.read_text() for path in (ROOT / "deploy/databricks/resources").glob("*.yml"))


CHECKS = {
    "aws": is_there,
    "cd": is_there,
    "databricks": is_databricks,
    "kubectl": is_there,
    "pack.sh": is_there,
    "make": is_make,
    "gristmill": is_gristmill,
    "spark-submit": is_spark_submit,
    "python": is_python,
    "python3.11": is_python,
    "pip": is_pip,
    "docker": is_docker,
}


@pytest.mark.parametrize("words", commands())
def test_every_command_of_a_page_names_things_that_exist(words: list[str]) -> None:
    if words == [".", ".venv/bin/activate"]:
        return
    while re.fullmatch(r"[A-Z_]+=.*", words[0]):  # variables of the command
        words = words[1:]
    name = words[0].rsplit("/", 1)[-1]
    assert name in CHECKS, f"a page shows {' '.join(words)}; say here how to check {name}"
    CHECKS[name](words)


def test_the_readme_shows_the_two_commands() -> None:
    shown = [param.values[0][:2] for param in commands()]
    assert ["make", "demo"] in shown
    assert ["make", "test"] in shown


# --- tables and links


def test_the_readme_lists_all_tables_and_no_others() -> None:
    section = read(ROOT / "README.md").split("## The tables")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.M) == [table.name for table in catalog.ALL]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", read(page), flags=re.S)
    links = [link for link in re.findall(r"\]\(([^)#\s]+)[^)]*\)", text) if "://" not in link and not link.startswith("mailto:")]
    assert [link for link in links if not (page.parent / link).exists()] == []
