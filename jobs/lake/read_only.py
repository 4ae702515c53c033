"""Checks that a SQL text is one query that changes nothing. Spark's own parser decides."""

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
# Functions that call any Java method, and the clause that runs a shell
# command: all are legal in a SELECT, so the parser alone would let them pass.
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
    """The query to run, without leading comments and the trailing semicolon.

    Raises ConfigError for no query, several, one that would change something, or one that does not parse
    (with Spark's message). Nothing is run.
    """
    # All checks use the blanked text: a semicolon or a function name inside a literal is harmless.
    whole = without_literals(text)
    bare = whole.strip().rstrip("; \t\r\n")
    start = len(whole) - len(whole.lstrip())
    query = text[start : start + len(bare)]
    if not bare:
        raise ConfigError(f"sql: no query; {ADVICE}")
    # Checked on the text, because to Spark's parser these are ordinary parts of a query.
    reach = REACHES_OUT.search(bare)
    if reach:
        raise ConfigError(f"sql: {reach.group(0).strip()}: runs code that is no query; {ADVICE}")
    statement, bare_statement = _behind_explain(query, bare)
    if not _begins_with(bare_statement, LOOKING):
        _need_query(spark, statement)
    return query


def _behind_explain(query: str, bare: str) -> tuple[str, str]:
    """The query without a leading EXPLAIN and its mode, as written and with literals blanked."""
    match = re.match(rf"explain\b(\s*({'|'.join(MODES)})\b)?\s*", bare, re.IGNORECASE)
    return (query[match.end() :], bare[match.end() :]) if match else (query, bare)


def _begins_with(bare: str, words: tuple[str, ...]) -> bool:
    first = _WORD.match(bare)
    return first is not None and first.group(0).upper() in words


def _need_query(spark: SparkSession, query: str) -> None:
    """Raises ConfigError unless Spark's parser accepts the text inside a WITH clause, where only a query is
    legal."""
    complaint = _parse_error(spark, f"WITH gristmill_asked AS (\n{query}\n) SELECT 1")
    if complaint is None:
        return
    # EXPLAIN runs nothing and parses any statement. So it distinguishes
    # a statement that is not a query from a text that does not parse.
    sentence = _parse_error(spark, f"EXPLAIN\n{query}")
    bare = without_literals(query)
    if sentence is None:
        first = _WORD.search(bare)
        raise ConfigError(f"sql: {first.group(0).upper() if first else query[:40]}: no query; {ADVICE}")
    # The query was wrapped in one extra line, so Spark's line numbers are one too high.
    sentence = re.sub(r"\(line (\d+), pos", lambda line: f"(line {int(line.group(1)) - 1}, pos", sentence)
    raise ConfigError(f"sql: {sentence}" + (f"; {ADVICE}" if ";" in bare else ""))


def _parse_error(spark: SparkSession, statement: str) -> str | None:
    """Spark's message if the statement does not parse, else None; missing tables are not parse errors."""
    try:
        spark.sql(statement)
    except Exception as error:
        # The classes of a session and of a Connect client
        # differ; the name ParseException is in both.
        return (
            first_line(error)
            if type(error).__name__ == "ParseException" or "ParseException" in str(error)[:300]
            else None
        )
    return None


def without_literals(text: str) -> str:
    """The text with comments and quoted literals blanked, at unchanged length; names in backticks are kept.

    SELECT 'a;b' -- x  ->  SELECT '   '
    """
    out, at = [], 0
    while (match := _TOKEN.search(text, at)) is not None:
        start, end = match.span()
        token = match.group(0)
        if token == "/*":
            end = _end_of_comment(text, end)
        replacement = (
            token
            if token[0] == "`"
            else f"'{' ' * (end - start - 2)}'"
            if token[-1] in "'\"" and token[:2] != "--"
            else " " * (end - start)
        )
        out += [text[at:start], replacement]
        at = end
    return "".join(out) + text[at:]


def _end_of_comment(text: str, at: int) -> int:
    """The position after a bracketed comment; such comments may nest."""
    depth = 1
    for mark in re.finditer(r"/\*|\*/", text[at:]):
        depth += 1 if mark.group(0) == "/*" else -1
        if depth == 0:
            return at + mark.end()
    return len(text)
