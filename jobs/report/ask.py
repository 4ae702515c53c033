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
    """The result of a query: `columns`, and its rows, read on demand."""

    def __init__(self, frame: DataFrame) -> None:
        self.frame, self.columns = frame, list(frame.columns)

    def first(self, n: int) -> tuple[list[tuple[object, ...]], bool]:
        """At most `n` rows, and whether there are more. Raises as `Ask.answer`."""
        with_one_more = list(_told(lambda: iter(self.frame.limit(n + 1).collect())))
        return [tuple(row) for row in with_one_more[:n]], len(with_one_more) > n

    def every(self) -> Iterator[tuple[object, ...]]:
        """All rows, a partition on the driver at a time. Raises as `Ask.answer`."""
        return (tuple(row) for row in _told(self.frame.toLocalIterator))


def _told(rows: Callable[[], Iterator[Row]]) -> Iterator[Row]:
    """What `rows()` iterates over; an error while it runs is the query's, or the machine's."""
    try:
        yield from rows()
    except Exception as error:
        raise _complaint(error) from None


def _complaint(error: Exception, hint: str = "") -> GristmillError:
    said = first_line(error)
    # Spark's own conditions are in brackets: what the query asked for. What it quotes of the data then proves
    # nothing.
    is_asked = said.startswith("[") and not said.startswith(
        ("[FAILED_READ_FILE", "[DELTA_", "[INTERNAL_ERROR")
    )
    return (None if is_asked else as_ours(error)) or ConfigError(f"sql: {said}{hint}")


class Ask:
    """One lake, read-only."""

    def __init__(self, where: str) -> None:
        self.spark = asking(open_session("gristmill"))
        self.lake = Lake(self.spark, where, create=False)
        if not self.lake.exists(RUNS):
            raise ContractError(
                f"lake {where}: no table runs; name a lake on which a job has run, or run one"
            )
        self.runs = Runs(self.lake)
        self.versions = self.runs.versions()
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
            return self.lake.read_as_it_is(RUNS, self.lake.latest(RUNS))
        if name not in self.versions:
            return None
        # a lake that is not upgraded yet can be queried too
        return self.lake.read(catalog.table(name), self.versions[name], renamed=new_columns(name))

    def name_tables(self, names: set[str] | None = None) -> None:
        """Put the tables (all of them, or those among `names`) under their bare names for SQL; opening
        one takes a second."""
        for table in catalog.ALL:
            frame = self.table(table.name) if names is None or table.name in names else None
            if frame is not None:
                frame.createOrReplaceTempView(table.name)

    def answer(self, query: str) -> Answer:
        """What one query gives.

        Raises ConfigError, with Spark's sentence, for what is no query, changes something, or goes wrong on
        the way.
        """
        asked = one_query(self.spark, query)
        self.name_tables(set(re.findall(r"\w+", query.lower())))
        called = set(re.findall(r"\w+(?=\s*\()", query.lower())) & set(NAMES)
        register_functions(self.spark, self.lake, names=sorted(called))
        try:
            return Answer(self.spark.sql(asked))
        except Exception as error:
            raise _complaint(error, f" (tables: {', '.join(sorted([*self.versions, 'runs']))})") from None

    def sql(self, query: str, limit: int) -> tuple[list[str], list[tuple[object, ...]]]:
        """Columns and at most `limit` rows. Raises as `answer`."""
        found = self.answer(query)
        return found.columns, found.first(limit)[0]

    def funnel(self) -> Records:
        """A row a job: sums over the last finished run of each batch, in the order in which the jobs
        first ran."""
        return funnel_of(self.runs)

    def why(self, name: str) -> Record:
        """The history of a document: source location, verdicts of the filters, the copy kept in its place.

        Or why an input row did not become one. `name`: its doc_id in either case (or a prefix of at least 4
        digits), the native key, its URL, or the source location of its row, whole or from the file's
        name on. Raises ConfigError if no document, or more than one, has this name.
        """
        return why(self, name)


def funnel_of(runs: Runs) -> Records:
    """A row a job: sums over the last finished run of each batch, in the order in which the jobs first
    ran."""
    rows: Records = []
    for job in dict.fromkeys(row["job"] for row in runs.finished()):
        last: Record = {}
        for row in runs.finished(job):
            if row["rows_in"] is not None:
                last = {
                    run_id: kept
                    for run_id, kept in last.items()
                    if not set(kept["batches"]) <= set(row["batches"])
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


# rows that say how wide a column is; later ones may stand out
WIDTHS_OF = 1000


def as_text(columns: list[str], rows: Iterable[tuple[object, ...]]) -> str:
    """A plain table; wide (Chinese) characters take two cells; long values are cut at 60."""
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
    """A value as JSON has it: structs are objects, bytes hex digits, and NaN and the infinities words, as
    Spark writes them.
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
    text = "".join(" " if unicodedata.category(char).startswith("C") else char for char in text)
    return text if len(text) <= 60 else text[:59] + "…"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
