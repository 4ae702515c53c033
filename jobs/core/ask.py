"""Questions about a lake, answered from its tables at the versions of the last finished runs."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Any

from jobs.core import tables as promised
from jobs.core.errors import ConfigError, ContractError
from jobs.core.lake import Lake
from jobs.core.runs import Runs
from jobs.core.session import open_session

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Ask:
    """One lake, read-only."""

    def __init__(self, where: str) -> None:
        self.spark = open_session("gristmill")
        self.lake = Lake(self.spark, where)
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

    def sql(self, query: str, limit: int) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Columns and at most `limit` rows. Raises ConfigError with Spark's complaint when the query is wrong."""
        self.name_tables(set(re.findall(r"\w+", query.lower())))
        try:
            answer = self.spark.sql(query)
            return answer.columns, [tuple(row) for row in answer.limit(limit).collect()]
        except Exception as error:
            if type(error).__name__ in ("AnalysisException", "ParseException"):
                raise ConfigError(f"sql: {str(error).splitlines()[0]} (tables: {', '.join(sorted([*self.versions, 'runs']))})") from None
            raise

    def funnel(self) -> list[dict[str, Any]]:
        """A row a job: sums over the last finished run of each batch, in the order in which the jobs first ran."""
        return funnel_of(self.runs)

    def why(self, doc_id: str) -> dict[str, Any]:
        """The story of a document: where it came from, what each judge found, who stays in its place.

        Raises ConfigError when no document, or more than one, begins with `doc_id`.
        """
        if not re.fullmatch(r"[0-9a-f]{4,32}", doc_id):
            raise ConfigError(f"why: {doc_id!r} is no document id; wanted 32 hex digits, or at least the first 4 of them")
        docs = self.table("docs")
        found = docs.where(docs.doc_id.startswith(doc_id)).select("doc_id", "batch_id", "source", "url", "place", "n_bytes").limit(3).collect() if docs else []
        if len(found) != 1:
            rejected = self._rejects(doc_id)
            if rejected and not found:
                return {"doc_id": rejected[0]["doc_id"], "fate": "rejected", "lines": [f"{r['doc_id']}  rejected: {r['reason']} ({r['place']})" for r in rejected]}
            raise ConfigError(f"why: {len(found) or 'no'} documents begin with {doc_id}; give {'more digits' if found else 'an id from docs or rejects'}")
        return self._story(found[0])

    def _rejects(self, doc_id: str) -> list[Any]:
        rejects = self.table("rejects")
        return rejects.where(rejects.doc_id.startswith(doc_id)).limit(20).collect() if rejects else []

    def _rows(self, name: str, doc_id: str) -> list[Any]:
        frame = self.table(name)
        return frame.where(frame.doc_id == doc_id).drop("text").collect() if frame else []

    def _story(self, doc: Any) -> dict[str, Any]:
        lines = [f"{doc['doc_id']}  {doc['source']}  {doc['url'] or '-'}  {doc['n_bytes']:,} bytes", f"  came in with batch {doc['batch_id']} at {doc['place']}"]
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


def as_text(columns: list[str], rows: list[tuple[Any, ...]]) -> str:
    """A plain table; wide (Chinese) characters take two cells; long values are cut at 60."""
    cells = [[_short(value) for value in row] for row in rows]
    widths = [max([_width(name), *(_width(row[i]) for row in cells)]) for i, name in enumerate(columns)]
    lines = ["  ".join(_pad(value, width) for value, width in zip(row, widths, strict=True)).rstrip() for row in [columns, ["-" * w for w in widths], *cells]]
    return "\n".join([*lines, f"({len(rows)} rows)"])


def _short(value: Any) -> str:
    text = "" if value is None else f"{value:,.4f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
    text = "".join(" " if unicodedata.category(char).startswith("C") else char for char in text)
    return text if len(text) <= 60 else text[:59] + "…"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _pad(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
