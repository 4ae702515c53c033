"""Questions about a lake, answered from its tables at the versions of the last finished runs.

Nothing is written, not even a schema.
"""

from __future__ import annotations

import itertools
import math
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from gristmill.jobs.core.errors import ConfigError, ContractError, GristmillError
from gristmill.jobs.core.records import Record, Records
from gristmill.jobs.core.renames import new_columns
from gristmill.jobs.lake.lake import Lake
from gristmill.jobs.lake.read_only import one_query
from gristmill.jobs.lake.session import asking, open_session
from gristmill.jobs.lake.spark_errors import as_ours, first_line
from gristmill.jobs.report.functions import NAMES, register_functions
from gristmill.jobs.report.why import why
from gristmill.jobs.runner.run_log import Runs
from gristmill.jobs.schema import catalog
from gristmill.jobs.schema.runs import RUNS

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row


class Answer:
    """The result of a query: `columns`, and rows that are computed when they are read."""

    def __init__(self, frame: DataFrame) -> None:
        self.frame, self.columns = frame, list(frame.columns)

    def first(self, n: int) -> tuple[list[tuple[object, ...]], bool]:
        """At most `n` rows, and whether there are more. Raises as `Ask.answer`."""
        # One row more than shown tells whether there are more, without counting all.
        with_one_more = list(_with_errors(lambda: iter(self.frame.limit(n + 1).collect())))
        return [tuple(row) for row in with_one_more[:n]], len(with_one_more) > n

    def every(self) -> Iterator[tuple[object, ...]]:
        """All rows; the driver holds one partition at a time. Raises as `Ask.answer`."""
        return (tuple(row) for row in _with_errors(self.frame.toLocalIterator))


def _with_errors(rows: Callable[[], Iterator[Row]]) -> Iterator[Row]:
    """The rows of `rows()`; raises ConfigError or another GristmillError in place of Spark's errors."""
    # `rows` is called inside, as Spark runs the query
    # there: an error of the data shows up only now.
    try:
        yield from rows()
    except Exception as error:
        raise _error_of(error) from None


def _error_of(error: Exception, hint: str = "") -> GristmillError:
    message = first_line(error)
    # Spark puts its error conditions in brackets. Most are faults of the query, whatever
    # words of the data the message quotes; the three below are faults of files or of Spark.
    is_query_fault = message.startswith("[") and not message.startswith(
        ("[FAILED_READ_FILE", "[DELTA_", "[INTERNAL_ERROR")
    )
    return (None if is_query_fault else as_ours(error)) or ConfigError(f"sql: {message}{hint}")


class Ask:
    """A lake, opened read-only, at the versions of the last finished runs.

    Raises ContractError where there is no lake or no job has run on it.
    """

    def __init__(self, where: str) -> None:
        self.spark = asking(open_session("gristmill"))
        self.lake = Lake(self.spark, where, create=False)
        if not self.lake.exists(RUNS):
            raise ContractError(
                f"lake {where}: no table runs; name a lake on which a job has run, or run one"
            )
        self.runs = Runs(self.lake)
        self.versions = self.runs.versions()
        # A table in an unfinished state is shown as it was before, with a line on stderr:
        # an answer that silently left out a run would be taken for the present state.
        for name, trouble in self.runs.troubles().items():
            shown = (
                f"version {self.versions[name]}, the last that Gristmill wrote, is shown"
                if name in self.versions
                else "it is not shown"
            )
            print(
                f"{name}: {trouble}; {shown} (`gristmill run curate` or `gristmill repair`)", file=sys.stderr
            )

    def table(self, name: str) -> DataFrame | None:
        """A table at its finished version; None when no finished run has written it."""
        if name == "runs":
            # The log itself has no finished version: rows of running jobs belong to it.
            return self.lake.read_as_it_is(RUNS, self.lake.latest(RUNS))
        if name not in self.versions:
            return None
        # Columns of a lake that has not been upgraded yet are read under their new names.
        return self.lake.read(catalog.table(name), self.versions[name], renamed=new_columns(name))

    def name_tables(self, names: set[str] | None = None) -> None:
        """Create temporary views of the tables, all of them or those in `names`, under their bare names."""
        # Opening a table takes a second, so a query opens only those that it mentions.
        for table in catalog.ALL:
            frame = self.table(table.name) if names is None or table.name in names else None
            if frame is not None:
                frame.createOrReplaceTempView(table.name)

    def answer(self, query: str) -> Answer:
        """The result of one query.

        Raises ConfigError, with Spark's message, for what is no query, writes, or fails.
        """
        statement = one_query(self.spark, query)
        # Any word of the query may be a table: a name too
        # many costs a second, one too few the answer.
        self.name_tables(set(re.findall(r"\w+", query.lower())))
        functions = set(re.findall(r"\w+(?=\s*\()", query.lower())) & set(NAMES)
        register_functions(self.spark, self.lake, names=sorted(functions))
        try:
            return Answer(self.spark.sql(statement))
        except Exception as error:
            raise _error_of(error, f" (tables: {', '.join(sorted([*self.versions, 'runs']))})") from None

    def sql(self, query: str, limit: int) -> tuple[list[str], list[tuple[object, ...]]]:
        """Columns and at most `limit` rows. Raises as `answer`."""
        answer = self.answer(query)
        return answer.columns, answer.first(limit)[0]

    def funnel(self) -> Records:
        """See funnel_of."""
        return funnel_of(self.runs)

    def why(self, name: str) -> Record:
        """The history of a document: its origin, its verdicts, the survivor that replaces it.

        Or why an input row became no document. `name`: doc_id in upper or lower case, or its first 4 digits
        or more; the source's own key; the URL; or the source location, whole or from the file name on. Raises
        ConfigError where no document, or more than one, matches.
        """
        return why(self, name)


def funnel_of(runs: Runs) -> Records:
    """A row a job, in the order in which the jobs first ran: sums over the last finished run of each batch.

    Keys: job, rows_in, rows_kept, rows_left_out, reasons (by reason, most frequent first), seconds, batches.
    """
    rows: Records = []
    for job in dict.fromkeys(row["job"] for row in runs.finished()):
        last: Record = {}
        for row in runs.finished(job):
            # A run replaces earlier runs whose batches are all among its own. Of a run
            # that covered other batches too, the counts cannot be split, so it stays.
            if row["rows_in"] is not None:
                last = {
                    run_id: earlier
                    for run_id, earlier in last.items()
                    if not set(earlier["batches"]) <= set(row["batches"])
                }
                last[row["run_id"]] = row
        if last:
            rows.append(_summed(job, list(last.values())))
    return rows


def _summed(job: str, runs: list[Row]) -> Record:
    reasons: dict[str, int] = {}
    for run in runs:
        for reason, count in (run["reasons"] or {}).items():
            reasons[reason] = reasons.get(reason, 0) + count
    total = {name: sum(run[name] for run in runs) for name in ("rows_in", "rows_kept", "rows_left_out")}
    ordered = dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
    return {
        "job": job,
        **total,
        "reasons": ordered,
        "seconds": sum(run["seconds"] for run in runs),
        "batches": sum(len(run["batches"]) for run in runs),
    }


# Rows from which the widths of columns are computed. Later rows are printed
# as they come and may be wider, so that a long result needs no memory.
WIDTHS_OF = 1000


def as_text(columns: list[str], rows: Iterable[tuple[object, ...]]) -> str:
    """A plain table; wide characters (Chinese) take two cells; values are cut to 60 characters."""
    return "\n".join(text_lines(columns, rows))


def text_lines(columns: list[str], rows: Iterable[tuple[object, ...]]) -> Iterator[str]:
    """`as_text` line by line, as the rows come."""
    rest = iter(rows)
    head = [[_short(value) for value in row] for row in itertools.islice(rest, WIDTHS_OF)]
    widths = [max([_width(name), *(_width(row[i]) for row in head)]) for i, name in enumerate(columns)]
    n = 0
    later = ([_short(value) for value in row] for row in rest)
    for cells in itertools.chain([columns, ["-" * width for width in widths]], head, later):
        yield "  ".join(_pad(value, width) for value, width in zip(cells, widths, strict=True)).rstrip()
        n += 1
    yield f"({n - 2} rows)"


def plain(value: object) -> object:
    """A value that JSON can represent: structs become objects, bytes hex digits.

    NaN and the infinities become the strings that Spark writes for them.
    """
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if hasattr(value, "asDict"):
        return {key: plain(inner) for key, inner in value.asDict().items()}
    if isinstance(value, dict):
        return {str(key): plain(inner) for key, inner in value.items()}
    return [plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def _short(value: object) -> str:
    text = (
        ""
        if value is None
        else f"{value:,.4f}".rstrip("0").rstrip(".")
        if isinstance(value, float)
        else str(value)
    )
    # Control characters of a text could move the cursor or change the colours of a terminal.
    text = "".join(" " if unicodedata.category(char).startswith("C") else char for char in text)
    return text if len(text) <= 60 else text[:59] + "…"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
