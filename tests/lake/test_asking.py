"""Asking a lake: all rows or a word that there are more, one query that changes nothing, and every row of the
input found by what it is called.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from gristmill.jobs import cli
from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.ingest_docs import JOB
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.lake.read_only import REACHES_OUT, one_query, without_literals
from gristmill.jobs.report.ask import Ask, plain, text_lines
from gristmill.jobs.runner.run import run_job
from gristmill.jobs.schema.documents import DOCS
from gristmill.udfs.read.rows import doc_id_of

TEXT = (
    "The river rises in the hills and runs down to the sea; people have fished there for many years. Note {}."
)
KEPT = 60


def _row(key: str, **more: Any) -> dict[str, Any]:
    return {"id": key, "text": TEXT.format(key), "url": f"https://example.com/{key}", "source": "s", **more}


@pytest.fixture(scope="module")
def where(spark: Any, tmp_path_factory: pytest.TempPathFactory, params_of: Callable[..., Any]) -> str:
    """A lake of three batches: 60 documents; of the other rows each became none for a reason of its own."""
    home = tmp_path_factory.mktemp("asking")
    first = [json.dumps(_row(str(i))) for i in range(KEPT - 2)]
    first += [
        json.dumps(_row("7")),
        json.dumps(_row("empty one", text="", url="https://example.com/empty")),
        "{broken: 4711-key",
    ]
    second = [
        json.dumps(_row("3", text=TEXT.format("three, once more"))),
        json.dumps(_row("8", source="other", url=None)),
    ]
    third = [json.dumps(_row("stays")), json.dumps(_row("gone", source="gone"))]
    columns = {"text": "text", "native_key": "id", "url": "url", "source": "source"}
    formats = [{"glob": "*", "format": "jsonl", "encoding": "utf-8", "columns": columns}]
    params = params_of("ingest_docs", data_docs=False, max_reject_ratio=1.0, min_kept=0, formats=formats)
    lake = Lake(spark, str(home / "lake"))
    for name, lines in (("one", first), ("two", second), ("three", third)):
        (home / name / "sub").mkdir(parents=True)
        (home / name / "sub" / f"{name}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        run_job(JOB, params, lake, inputs=str(home / name))
    (home / "three/sub/three.jsonl").write_text(third[0] + "\n")  # the batch loses its last row
    run_job(JOB, params, lake, inputs=str(home / "three"))
    return str(home / "lake")


@pytest.fixture(scope="module")
def ask(where: str) -> Ask:
    return Ask(where)


@pytest.fixture
def gristmill(
    where: str, ask: Ask, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """`gristmill("sql", "SELECT 1")`: exit code, standard output, standard error; on one opened lake. opened
    lake.
    """
    monkeypatch.setattr(cli, "_ask", lambda given: ask)

    def run(command: str, *words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = cli.main([command, *words, "--lake", where])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


Command = Callable[..., tuple[int, str, str]]


@pytest.mark.spark
def test_json_and_pipes_give_every_row_and_a_limit_says_that_there_are_more(
    gristmill: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    query = "SELECT doc_id FROM docs"
    code, out, err = gristmill("sql", query, "--json")
    assert (code, len(out.splitlines()), err) == (0, KEPT, "")
    assert len({json.loads(line)["doc_id"] for line in out.splitlines()}) == KEPT
    assert gristmill("sql", query)[1].splitlines()[-1] == f"({KEPT} rows)", "into a pipe"
    code, out, err = gristmill("sql", query, "--json", "--limit", "7")
    assert (code, len(out.splitlines())) == (0, 7)
    assert "more than these 7 rows" in err
    assert gristmill("sql", query, "--json", "--limit", str(KEPT))[2] == "", "there are no more"
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    code, out, err = gristmill("sql", query)
    assert (code, out.splitlines()[-1]) == (0, "(50 rows)")
    assert "more than these 50 rows" in err


@pytest.mark.spark
@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("SELECT n_bytes / 0 FROM docs", "[DIVIDE_BY_ZERO]"),
        ("SELECT CAST(text AS int) FROM docs", "[CAST_INVALID_INPUT]"),
        ("SELECT element_at(array(1), 5) FROM docs", "[INVALID_ARRAY_INDEX_IN_ELEMENT_AT]"),
        ("SELECT CAST('Connection refused' AS int) FROM docs", "[CAST_INVALID_INPUT]"),
        ("SELECT raise_error('so it is') FROM docs", "so it is"),
        ("SELECT nothing FROM docs", "[UNRESOLVED_COLUMN"),
        ("SELECT * FROM nowhere", "[TABLE_OR_VIEW_NOT_FOUND]"),
        ("selec 1", "[PARSE_SYNTAX_ERROR] Syntax error at or near 'selec'"),
        ("SELECT 1\nFROM docs WHERE (", "(line 2, pos 17)"),
        ("SELECT 1; SELECT 2", "Syntax error"),
        ("", "no query"),
        ("  -- nothing\n;", "no query"),
    ],
)
def test_what_is_wrong_with_a_query_is_told_in_spark_s_words(
    gristmill: Command, query: str, says: str
) -> None:
    for how in ((), ("--limit", "5")):  # as rows come, or at once
        code, _, err = gristmill("sql", query, *how)
        assert code == 2
        assert err.startswith("sql: ")
        assert says in err
        assert "\n" not in err.strip(), "no traceback"
        if not says.startswith("[DIV"):
            break


@pytest.mark.spark
@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM {docs}",
        "DROP TABLE docs",
        "DELETE FROM docs",
        "SET spark.sql.ansi.enabled=false",
        "RESET",
        "CREATE TABLE x (a int)",
        "INSERT INTO {docs} SELECT * FROM {docs}",
        "WITH a AS (SELECT * FROM docs) INSERT INTO {docs} SELECT * FROM a",
        "USE default",
        "FROM docs INSERT INTO {docs} SELECT * INSERT OVERWRITE TABLE {docs} SELECT *",
        "FROM docs INSERT OVERWRITE DIRECTORY '/tmp/x' SELECT *",
        "UPDATE {docs} SET text = ''",
        "MERGE INTO {docs} t USING docs k ON t.doc_id = k.doc_id WHEN MATCHED THEN DELETE",
        "TRUNCATE TABLE {docs}",
        "EXPLAIN DELETE FROM {docs}",
        "EXPLAIN EXTENDED DROP TABLE docs",
        "CACHE TABLE docs",
        "CREATE OR REPLACE TEMP VIEW docs AS SELECT 1",
        "SELECT 1; DROP TABLE docs",
        "DROP TABLE docs; SELECT 1",
        "/* SELECT */ DROP TABLE docs",
        "-- SELECT\\\n\nDROP TABLE docs",
        "REFRESH TABLE docs",
        "ANALYZE TABLE {docs} COMPUTE STATISTICS",
        "VACUUM {docs} RETAIN 0 HOURS",
        "OPTIMIZE {docs}",
        "ADD JAR '/tmp/x.jar'",
        "SELECT reflect('java.lang.System', 'getProperty', 'user.home')",
        "SELECT `java_method`('java.lang.System', 'nanoTime')",
        "SELECT identifier('ref' || 'lect')('java.lang.System', 'nanoTime')",
        "SELECT TRANSFORM(doc_id) USING 'touch /tmp/x' AS (a string) FROM docs",
        "SELECT r'\\', reflect('java.lang.System', 'nanoTime')",
        "SELECT 1) SELECT (2",
        "DROP TABLE docs --",
        "SHOW TABLES; DROP TABLE docs",
    ],
)
def test_whatever_is_no_query_is_refused_and_the_lake_stays_as_it_was(
    spark: Any, gristmill: Command, where: str, query: str
) -> None:
    docs = f"delta.`{where}/docs`"
    before = Lake(spark, where).latest(DOCS)
    code, out, err = gristmill("sql", query.format(docs=docs))
    assert (code, out) == (2, "")
    assert "sql: " in err
    assert Lake(spark, where).latest(DOCS) == before
    assert spark.conf.get("spark.sql.ansi.enabled") == "true"


@pytest.mark.spark
def test_every_form_of_a_query_is_answered_and_names_have_no_case(gristmill: Command, where: str) -> None:
    for query, first in (
        ("SELECT count(*) AS n FROM DOCS", KEPT),
        ("select COUNT(Doc_ID) as n from Docs;", KEPT),
        ("WITH docs2 AS (SELECT * FROM docs) SELECT count(*) AS n FROM docs2 -- all; of them", KEPT),
        ("FROM docs SELECT count(*) AS n", KEPT),
        ("VALUES (60)", KEPT),
        ("(SELECT 60 AS n) UNION ALL (SELECT 60)", KEPT),
        (f"SELECT count(*) AS n FROM delta.`{where}/docs` VERSION AS OF 0", 0),
        ("/* a /* nested */ word */ SELECT 60 AS n", KEPT),
        ("SELECT size(transform(array(1), x -> x)) + 59 AS using FROM docs LIMIT 1", KEPT),
        ("SELECT 60 AS n WHERE 'reflect(' <> '; DROP TABLE docs'", KEPT),
    ):
        code, out, err = gristmill("sql", query, "--json")
        assert (code, err) == (0, ""), query
        assert next(iter(json.loads(out.splitlines()[0]).values())) == first, query
    for query, holds in (
        ("DESCRIBE TABLE docs", "doc_id"),
        ("desc docs", "doc_id"),
        ("SHOW FUNCTIONS LIKE 'ab*'", "abs"),
        ("EXPLAIN SELECT * FROM docs", "Physical Plan"),
        ("EXPLAIN FORMATTED SELECT 1", "Physical Plan"),
        (f"DESCRIBE HISTORY delta.`{where}/docs`", "WRITE"),
        ("TABLE docs", "river"),
    ):
        code, out, err = gristmill("sql", query, "--json")
        assert (code, err) == (0, ""), query
        assert holds in out, query


@pytest.mark.spark
def test_a_name_that_two_columns_have_is_told_before_one_of_them_is_lost(gristmill: Command) -> None:
    code, out, err = gristmill("sql", "SELECT 1 AS a, 2 AS a", "--json")
    assert (code, out) == (2, "")
    assert "two columns are called a" in err
    assert gristmill("sql", "SELECT 1 AS a, 2 AS a")[0] == 0


@pytest.mark.spark
@pytest.mark.parametrize(
    "name",
    [
        "7",
        "https://example.com/7",
        "sub/one.jsonl:7",
        "one.jsonl:7",
        doc_id_of("s", "7", None, ""),
        doc_id_of("s", "7", None, "").upper(),
        "ID",
    ],
)
def test_a_document_is_found_by_key_url_place_and_id_in_either_case(ask: Ask, name: str) -> None:
    wanted = doc_id_of("s", "7", None, "")
    if name.startswith(("sub", "one")):  # whatever stands behind the file's name
        place = ask.sql(f"SELECT source_location FROM docs WHERE doc_id = '{wanted}'", 1)[1][0][0]
        name = place if name.startswith("sub") else place.rsplit("/", 1)[-1]
    name = wanted[:12].upper() if name == "ID" else name
    story = ask.why(name)
    assert (story["doc_id"], story["batch_id"], story["outcome"]) == (wanted, "one", "not filtered yet")
    assert any("repeated_document" in line for line in story["lines"]), "the row that said it again"


def told(ask: Ask, name: str) -> str:
    """The story of a name, or the list of those that are called so."""
    try:
        return "\n".join(ask.why(name)["lines"])
    except ConfigError as several:
        return str(several)


@pytest.mark.spark
def test_rows_that_became_no_document_and_versions_that_went_are_found_too(ask: Ask) -> None:
    empty = ask.why("https://example.com/empty")
    assert (empty["outcome"], ask.why("empty one")["lines"]) == ("rejected", empty["lines"])
    assert "no letter, digit or symbol of meaning" in empty["lines"][1], "the reason in words"
    assert ask.why("4711-key")["outcome"] == "rejected", "by what is kept of the row"
    gone = ask.why("https://example.com/gone")
    assert (gone["doc_id"], gone["batch_id"]) == (doc_id_of("gone", "gone", None, ""), "three")
    newer = ask.why("3")
    assert newer["batch_id"] == "two"
    assert any("superseded_version" in line for line in newer["lines"])
    for where in [row[0] for row in ask.sql("SELECT source_location FROM rejects ORDER BY source_location", 3)[1]]:
        assert where in told(ask, where)


@pytest.mark.spark
def test_what_several_documents_are_called_is_listed_with_what_tells_them_apart(ask: Ask) -> None:
    with pytest.raises(ConfigError) as told:
        ask.why("8")
    first, *listed = str(told.value).splitlines()
    assert first.startswith("why: 2 documents or rejected rows have the name '8'; use the doc_id")
    assert {(line.split()[0], line.split()[2]) for line in listed} == {
        (doc_id_of("s", "8", None, ""), "one"),
        (doc_id_of("other", "8", None, ""), "two"),
    }
    with pytest.raises(ConfigError, match=r"no document has the name 'nothing'.*native_key.*url.*source location"):
        ask.why("nothing")


@pytest.mark.spark
def test_asking_makes_no_schema_and_says_which_is_missing(
    spark: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {row[0] for row in spark.sql("SHOW SCHEMAS").collect()}
    for command in (["sql", "SELECT 1"], ["why", "7"]):
        assert cli.main([*command, "--lake", "spark_catalog.typo_of_mine"]) == 3
        assert "no schema `spark_catalog`.`typo_of_mine`" in capsys.readouterr().err
    assert {row[0] for row in spark.sql("SHOW SCHEMAS").collect()} == before


def test_literals_and_comments_are_no_words_of_a_statement() -> None:
    text = "SELECT 'a; -- b', \"c\" /* d /* e */ ; */, `f``;` -- g ; \n, r'h\\', 2"
    bare = without_literals(text)
    assert len(bare) == len(text)
    assert bare.split() == ["SELECT", "'", "',", "'", "'", ",", "`f``;`", ",", "'", "',", "2"]
    assert REACHES_OUT.search("reflect('")
    assert not REACHES_OUT.search("reflects ('x')")
    assert not REACHES_OUT.search("JOIN b USING (c)")


def test_a_table_is_printed_as_its_rows_come_and_a_json_value_is_json() -> None:
    rows = ([i, "泉水" if i else None] for i in range(3))
    assert list(text_lines(["n", "word"], rows)) == [
        "n  word",
        "-  ----",
        "0",
        "1  泉水",
        "2  泉水",
        "(3 rows)",
    ]
    assert list(text_lines(["n"], [])) == ["n", "-", "(0 rows)"]
    assert (
        json.dumps(plain({"a": [float("nan"), float("-inf"), 1.5], 2: bytearray(b"\x01\xff")}))
        == '{"a": ["NaN", "-Infinity", 1.5], "2": "01ff"}'
    )


def test_the_check_of_a_query_needs_nothing_of_spark_but_its_sql_command() -> None:
    class Session:
        asked: list[str] = []

        def sql(self, statement: str) -> None:
            self.asked.append(statement)

    assert one_query(Session(), " SELECT 1 ; ") == "SELECT 1"  # type: ignore[arg-type]
    assert Session.asked == ["WITH gristmill_asked AS (\nSELECT 1\n) SELECT 1"]
