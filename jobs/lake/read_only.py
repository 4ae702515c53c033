"""Whether a SQL text is one query that changes nothing: Spark's own parser decides, the text only says what
to ask it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.lake.spark_errors import first_line

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# statements that begin so read the catalog and nothing else
LOOKING = ("DESCRIBE", "DESC", "SHOW")
MODES = ("EXTENDED", "FORMATTED", "CODEGEN", "COST", "LOGICAL")  # of EXPLAIN
# Functions that call any Java method, and the clause that runs a shell command: they stand in a SELECT.
REACHES_OUT = re.compile(
    r"\b(reflect|java_method|try_reflect)`?\s*\("
    r"|\bidentifier\s*\([^()]*(?:\([^()]*\)[^()]*)*\)\s*\("
    r"|\busing\s+r?'",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Za-z_]+")
_TOKEN = re.compile(
    r"""\b[rR](?:'[^']*'|"[^"]*") | '(?:\\.|[^'\\])*' | "(?:\\.|[^"\\])*" | `(?:[^`]|``)*`
    | --(?:\\\n|[^\r\n])* | /\*""",
    re.VERBOSE | re.DOTALL,
)
ADVICE = "`sql` is read-only and runs one SELECT, WITH, VALUES, FROM, TABLE, DESCRIBE, SHOW or EXPLAIN"


def one_query(spark: SparkSession, text: str) -> str:
    """The query as it is to be run, without comments before it and the semicolon behind it.

    Raises ConfigError where it is none, more than one, would change something, or does not parse (with
    Spark's sentence). Nothing is run.
    """
    whole = without_literals(text)
    bare = whole.strip().rstrip("; \t\r\n")
    start = len(whole) - len(whole.lstrip())
    query = text[start : start + len(bare)]
    if not bare:
        raise ConfigError(f"sql: no query; {ADVICE}")
    reach = REACHES_OUT.search(bare)
    if reach:
        raise ConfigError(f"sql: {reach.group(0).strip()}: runs code that is no query; {ADVICE}")
    asked, said = _behind_explain(query, bare)
    if not _begins_with(said, LOOKING):
        _need_query(spark, asked)
    return query


def _behind_explain(query: str, bare: str) -> tuple[str, str]:
    """The query itself, or the one behind EXPLAIN and its mode; and the same without literals."""
    found = re.match(rf"explain\b(\s*({'|'.join(MODES)})\b)?\s*", bare, re.IGNORECASE)
    return (query[found.end() :], bare[found.end() :]) if found else (query, bare)


def _begins_with(bare: str, words: tuple[str, ...]) -> bool:
    first = _WORD.match(bare)
    return first is not None and first.group(0).upper() in words


def _need_query(spark: SparkSession, query: str) -> None:
    """Raises ConfigError unless Spark's parser takes the text where only a query may stand: in a WITH
    clause."""
    complaint = _parse_error(spark, f"WITH gristmill_asked AS (\n{query}\n) SELECT 1")
    if complaint is None:
        return
    # EXPLAIN runs nothing: what it takes is a statement, though no query; what it does not take does not
    # parse.
    told = _parse_error(spark, f"EXPLAIN\n{query}")
    bare = without_literals(query)
    if told is None:
        first = _WORD.search(bare)
        raise ConfigError(f"sql: {first.group(0).upper() if first else query[:40]}: no query; {ADVICE}")
    told = re.sub(r"\(line (\d+), pos", lambda line: f"(line {int(line.group(1)) - 1}, pos", told)
    raise ConfigError(f"sql: {told}" + (f"; {ADVICE}" if ";" in bare else ""))


def _parse_error(spark: SparkSession, statement: str) -> str | None:
    """Spark's sentence where the statement does not parse; whether its tables are there is another
    question."""
    try:
        spark.sql(statement)
    except Exception as error:
        # A session's and a client's classes differ; the parser's own name is the same in all.
        return (
            first_line(error)
            if type(error).__name__ == "ParseException" or "ParseException" in str(error)[:300]
            else None
        )
    return None


def without_literals(text: str) -> str:
    """The text, as long as before, with blanks for comments and what stands in quotes; names in backticks
    stay.
    """
    out, at = [], 0
    while (found := _TOKEN.search(text, at)) is not None:
        start, end = found.span()
        token = found.group(0)
        if token == "/*":
            end = _end_of_comment(text, end)
        kept = (
            token
            if token[0] == "`"
            else f"'{' ' * (end - start - 2)}'"
            if token[-1] in "'\"" and token[:2] != "--"
            else " " * (end - start)
        )
        out += [text[at:start], kept]
        at = end
    return "".join(out) + text[at:]


def _end_of_comment(text: str, at: int) -> int:
    """Where a bracketed comment ends; they may stand in each other."""
    depth = 1
    for mark in re.finditer(r"/\*|\*/", text[at:]):
        depth += 1 if mark.group(0) == "/*" else -1
        if depth == 0:
            return at + mark.end()
    return len(text)
