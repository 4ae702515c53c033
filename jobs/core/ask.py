"""Questions about a lake, answered from its tables at the versions of the last finished runs.

Nothing is written, not even a schema.
"""

from __future__ import annotations

import itertools
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from jobs.core import tables as promised
from jobs.core.errors import ConfigError, ContractError, GristmillError
from jobs.core.lake import Lake
from jobs.core.runs import Runs
from jobs.core.session import asking, open_session
from jobs.lake.read_only import one_query
from jobs.lake.spark_errors import as_ours, first_line
from udfs.rows import doc_id_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

MOST = 1_000  # matches, and sources, that are looked at
LISTED = 20  # matches that are shown where a name is not of one document
# What a match in docs is told by.
FOUND = ("doc_id", "batch_id", "source", "native_key", "url", "place", "n_bytes")


class Answer:
    """What a query gives: `columns`, and the rows as they are asked for."""

    def __init__(self, frame: DataFrame) -> None:
        self.frame, self.columns = frame, list(frame.columns)

    def first(self, n: int) -> tuple[list[tuple[Any, ...]], bool]:
        """At most `n` rows, and whether there are more. Raises as `Ask.answer`."""
        with_one_more = list(_told(lambda: iter(self.frame.limit(n + 1).collect())))
        return [tuple(row) for row in with_one_more[:n]], len(with_one_more) > n

    def every(self) -> Iterator[tuple[Any, ...]]:
        """All rows, a partition on the driver at a time. Raises as `Ask.answer`."""
        return (tuple(row) for row in _told(self.frame.toLocalIterator))


def _told(rows: Any) -> Iterator[Any]:
    """What `rows()` iterates over; what goes wrong on the way is the query's fault, or the machine's."""
    try:
        yield from rows()
    except Exception as error:
        raise _complaint(error) from None


def _complaint(error: Exception, hint: str = "") -> GristmillError:
    said = first_line(error)
    # Spark's own conditions are in brackets: what the query asked for. What it quotes of the data then proves nothing.
    is_asked = said.startswith("[") and not said.startswith(("[FAILED_READ_FILE", "[DELTA_", "[INTERNAL_ERROR"))
    return (None if is_asked else as_ours(error)) or ConfigError(f"sql: {said}{hint}")


class Ask:
    """One lake, read-only."""

    def __init__(self, where: str) -> None:
        self.spark = asking(open_session("gristmill"))
        self.lake = Lake(self.spark, where, create=False)
        if not self.lake.exists(promised.RUNS):
            raise ContractError(f"lake {where}: no table runs there; name a lake on which a job has run, or run one")
        self.runs = Runs(self.lake)
        self.versions = self.runs.versions()

    def table(self, name: str) -> DataFrame | None:
        """A table at its finished version; None when no finished run has written it."""
        if name == "runs":
            return self.lake.read(promised.RUNS)
        return self.lake.read(promised.table(name), self.versions[name]) if name in self.versions else None

    def name_tables(self, names: set[str] | None = None) -> None:
        """Put the tables (all of them, or those among `names`) under their bare names for SQL; opening one takes a second."""
        for table in promised.ALL:
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
        try:
            return Answer(self.spark.sql(asked))
        except Exception as error:
            raise _complaint(error, f" (tables: {', '.join(sorted([*self.versions, 'runs']))})") from None

    def sql(self, query: str, limit: int) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Columns and at most `limit` rows. Raises as `answer`."""
        found = self.answer(query)
        return found.columns, found.first(limit)[0]

    def funnel(self) -> list[dict[str, Any]]:
        """A row a job: sums over the last finished run of each batch, in the order in which the jobs first ran."""
        return funnel_of(self.runs)

    def why(self, name: str) -> dict[str, Any]:
        """The story of a document: where it came from, what each judge found, who stays in its place.

        Or why a row of the input became none. `name`: its doc_id in either case (or a beginning of at least 4
        digits), the
        source's own key, its URL, or the place where its row stood, whole or from the file's name on.
        Raises ConfigError where nothing, or more than one document, is called so.
        """
        found = self._documents(name)
        rejected = self._rejects(name, is_last=not found)
        of_ids = {row["doc_id"] for row in found}
        others = [row for row in rejected if row["doc_id"] not in of_ids]
        if len(found) == 1 and not others:
            return self._story(found[0], self._rejects(found[0]["doc_id"]))
        if not found and len({row["doc_id"] or row["place"] for row in others}) == 1:
            return _rejected(others)
        listed = [_match(row.asDict()) for row in [*found, *others]]
        if not listed:
            raise ConfigError(
                f"why: no document is called {name!r}: looked in docs and rejects for a doc_id (32 hex "
                f"digits, or at "
                "least the first 4), a native_key, a url and a place (file and row, such as a.jsonl:0)"
            )
        more = f"\n  and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
        shown = "\n  ".join(listed[:LISTED])
        several = f"why: {len(listed)} documents or rejected rows are called {name!r}"
        raise ConfigError(f"{several}; ask by the doc_id of one of them:\n  {shown}{more}")

    def _documents(self, name: str) -> list[Any]:
        """Rows of docs that are called so: those that are exactly, else those whose doc_id begins so."""
        docs = self.table("docs")
        if docs is None:
            return []
        found = docs.where(_named(name, ("native_key", "url"))).select(*FOUND).limit(MOST).collect()
        return _exact_first(found, lambda row: _is_called(row, name) or name in (row.native_key, row.url))

    def _rejects(self, name: str, is_last: bool = False) -> list[Any]:
        """Rows of rejects that are called so: by place, or by an id, which for a key or URL is made as ingest
        does.

        Where there are none and `is_last`, those that hold the name in what is kept of the row.
        """
        from pyspark.sql import functions as F

        rejects = self.table("rejects")
        if rejects is None:
            return []
        is_id = re.fullmatch(r"[0-9a-fA-F]{32}", name) is not None
        sources = [] if is_id else self._sources()
        ids = [doc_id_of(source, name, None, "") for source in sources]
        ids += [doc_id_of(source, None, name, "") for source in sources]
        found = rejects.where(_named(name, ()) | F.col("doc_id").isin(ids)).limit(MOST).collect()
        if not found and is_last and len(name) > 3:
            found = rejects.where(F.col("raw").contains(name)).limit(MOST).collect()
        return _exact_first(found, lambda row: row["doc_id"] in ids or _is_called(row, name))

    def _sources(self) -> list[str]:
        docs = self.table("docs")
        found = [] if docs is None else docs.select("source").distinct().limit(MOST).collect()
        return sorted(row["source"] for row in found)

    def _rows(self, name: str, doc_id: str) -> list[Any]:
        frame = self.table(name)
        return frame.where(frame.doc_id == doc_id).drop("text").collect() if frame else []

    def _story(self, doc: Any, rejected: list[Any]) -> dict[str, Any]:
        lines = [f"{doc['doc_id']}  {doc['source']}  {doc['url'] or '-'}  {doc['n_bytes']:,} bytes", f"  came in with batch {doc['batch_id']} at {doc['place']}"]
        lines += [f"  the same id again: {_refusal(row)}" for row in rejected]
        verdicts = [v.asDict() for v in self._rows("verdicts", doc["doc_id"]) if v["batch_id"] == doc["batch_id"]]
        for v in sorted(verdicts, key=lambda v: (v["job"], v["rule"])):
            number = "" if v["value"] is None else f": {v['value']:.4g}" + ("" if v["limit"] is None else f" against {v['limit']:.4g}")
            lines.append(f"  left out by {v['job']}: {v['reason']}{number} ({v['rule']})")
        chain = self._chain(doc["doc_id"], lines)
        corpus = self._rows("corpus", doc["doc_id"])
        fate = "kept" if corpus else "left out" if verdicts else "not judged yet"
        if corpus:
            lines.append(f"  kept: in corpus, {corpus[0]['n_chars']:,} characters, {corpus[0]['n_edits']} edits, stands for {corpus[0]['n_duplicates']} duplicates")
        elif not verdicts:
            lines.append("  no verdict and not in corpus: judged when its batch is covered (see `gristmill funnel`)")
        return {"doc_id": doc["doc_id"], "fate": fate, "batch_id": doc["batch_id"], "verdicts": verdicts, "survivors": chain, "lines": lines}

    def _chain(self, doc_id: str, lines: list[str]) -> list[dict[str, Any]]:
        """The document that stays in this one's place, followed on while a later job leaves that one out too."""
        chain: list[dict[str, Any]] = []
        while (rows := self._rows("duplicates", doc_id)) and rows[0]["dup_of"] not in [link["dup_of"] for link in chain]:
            link = rows[0].asDict()
            chain.append(link)
            lines.append(f"  in its place: {link['dup_of']} (similarity {link['similarity']:.3f} by {link['method']}, family {link['family_id'][:8]})")
            doc_id = link["dup_of"]
        return chain


def _is_hex(name: str) -> bool:
    return re.fullmatch(r"[0-9a-fA-F]{4,32}", name) is not None


def _named(name: str, columns: tuple[str, ...]) -> Any:
    """The condition that a row is called so: by `columns`, its place, or a beginning of its doc_id."""
    from pyspark.sql import functions as F

    place = F.col("place")
    wanted = (place == name) | place.endswith(f"/{name}")
    for column in columns:
        wanted = wanted | (F.col(column) == name)
    return wanted | F.col("doc_id").startswith(name.lower()) if _is_hex(name) else wanted


def _is_called(row: Any, name: str) -> bool:
    """Whether the name is the row's whole id or place (from the file's name on)."""
    return row["doc_id"] == name.lower() or f"/{row['place']}".endswith(f"/{name}")


def _exact_first(rows: list[Any], is_exact: Callable[[Any], bool]) -> list[Any]:
    """The rows that have the whole name, or, where none has, all; in the order of their ids."""
    exact = [row for row in rows if is_exact(row)]
    return sorted(exact or rows, key=lambda row: (row["doc_id"] or "", row["batch_id"], row["place"]))


def _match(row: dict[str, Any]) -> str:
    """What tells one match from another."""
    parts = [row["doc_id"] or "-" * 32, f"batch {row['batch_id']}", str(row["place"])]
    if "reason" in row:
        return "  ".join([*parts, f"rejected: {row['reason']}"])
    named = [row["source"], row["native_key"] or "-", row["url"] or "-", f"{row['n_bytes']:,} bytes"]
    return "  ".join([*parts, *named])


def _refusal(row: Any) -> str:
    return f"{row['reason']} (batch {row['batch_id']}, {row['place']})"


def _rejected(rows: list[Any]) -> dict[str, Any]:
    """The story of input rows that became no document."""
    lines = [f"{row['doc_id'] or 'no document'}  rejected: {_refusal(row)}" for row in rows]
    first = {key: rows[0][key] for key in ("doc_id", "batch_id", "place", "reason")}
    return {**first, "fate": "rejected", "lines": lines}


def funnel_of(runs: Runs) -> list[dict[str, Any]]:
    """A row a job: sums over the last finished run of each batch, in the order in which the jobs first ran."""
    rows: list[dict[str, Any]] = []
    for job in dict.fromkeys(row["job"] for row in runs.finished()):
        last: dict[str, Any] = {}
        for row in runs.finished(job):
            if row["rows_in"] is not None:
                last = {run_id: kept for run_id, kept in last.items() if not set(kept["batches"]) <= set(row["batches"])}
                last[row["run_id"]] = row
        if last:
            rows.append(_summed(job, list(last.values())))
    return rows


def _summed(job: str, runs: list[Any]) -> dict[str, Any]:
    reasons: dict[str, int] = {}
    for run in runs:
        for reason, count in (run["reasons"] or {}).items():
            reasons[reason] = reasons.get(reason, 0) + count
    total = {name: sum(run[name] for run in runs) for name in ("rows_in", "rows_kept", "rows_left_out")}
    ordered = dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0])))
    return {"job": job, **total, "reasons": ordered, "seconds": sum(run["seconds"] for run in runs), "batches": sum(len(run["batches"]) for run in runs)}


WIDTHS_OF = 1000  # rows that say how wide a column is; later ones may stand out


def as_text(columns: list[str], rows: Iterable[tuple[Any, ...]]) -> str:
    """A plain table; wide (Chinese) characters take two cells; long values are cut at 60."""
    return "\n".join(text_lines(columns, rows))


def text_lines(columns: list[str], rows: Iterable[tuple[Any, ...]]) -> Iterator[str]:
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


def plain(value: Any) -> Any:
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


def _short(value: Any) -> str:
    text = "" if value is None else f"{value:,.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    text = "".join(" " if unicodedata.category(char).startswith("C") else char for char in text)
    return text if len(text) <= 60 else text[:59] + "…"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
