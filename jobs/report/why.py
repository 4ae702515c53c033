"""What the jobs did with a document, or with a rejected input row, found by any of its names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.reasons import in_words
from gristmill.jobs.core.records import Record, Records
from gristmill.jobs.schema import catalog
from gristmill.udfs.read.rows import doc_id_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Row

    from gristmill.jobs.lake.lake import Lake
    from gristmill.jobs.runner.run_log import Runs

# upper bound of the matches, and of the sources, that are read
MOST = 1_000
# matches that are listed if a name is not unique
LISTED = 20
# The columns of docs that describe a match.
FOUND = ("doc_id", "batch_id", "source", "native_key", "url", "source_location", "n_bytes")


class Opened(Protocol):
    """A lake at its finished versions (gristmill.jobs.report.ask.Ask)."""

    lake: Lake
    runs: Runs
    versions: dict[str, int]

    def table(self, name: str) -> DataFrame | None:
        """A table; None when no finished run has written it."""
        ...


def why(ask: Opened, name: str) -> Record:
    """The history of the document, or of the rejected row, with this `name` (see Ask.why).

    `outcome`: kept, left out, not filtered yet, rejected, or gone (no batch has it any more); `lines`: the
    history as text. Raises ConfigError if no document, or more than one, has this name.
    """
    docs = ask.table("docs")
    found = [] if docs is None else _documents(docs, name)
    rejected = _rejects(ask, name, is_last=not found)
    if not found and not rejected:
        return _gone(ask, name)
    ids = {row["doc_id"] for row in found}
    others = [row for row in rejected if row["doc_id"] not in ids]
    if len(found) == 1 and not others:
        return _story(ask, found[0], _rejects(ask, found[0]["doc_id"]))
    if not found and len({row["doc_id"] or row["source_location"] for row in others}) == 1:
        return _rejected(others)
    raise _several(name, [_match(row.asDict()) for row in [*found, *others]])


def _several(name: str, listed: list[str]) -> ConfigError:
    more = f"\n  and {len(listed) - LISTED} more" if len(listed) > LISTED else ""
    shown = "\n  ".join(listed[:LISTED])
    several = f"why: {len(listed)} documents or rejected rows have the name {name!r}"
    return ConfigError(f"{several}; use the doc_id of one of them:\n  {shown}{more}")


def _documents(docs: DataFrame, name: str) -> list[Row]:
    """Rows of docs with this name: those that match it whole, else those whose doc_id begins with it."""
    found = docs.where(_named(name, ("native_key", "url"))).select(*FOUND).limit(MOST).collect()
    return _exact_first(found, lambda row: _is_called(row, name) or name in (row.native_key, row.url))


def _rejects(ask: Opened, name: str, is_last: bool = False) -> list[Row]:
    """Rows of rejects with this name: by source location, or by the id that ingest makes of a key or URL.

    If there are none and `is_last`, the rows whose stored raw text contains the name.
    """
    from pyspark.sql import functions as F

    rejects = ask.table("rejects")
    if rejects is None:
        return []
    is_id = re.fullmatch(r"[0-9a-fA-F]{32}", name) is not None
    sources = [] if is_id else _sources(ask)
    ids = [doc_id_of(source, name, None, "") for source in sources]
    ids += [doc_id_of(source, None, name, "") for source in sources]
    found = rejects.where(_named(name, ()) | F.col("doc_id").isin(ids)).limit(MOST).collect()
    if not found and is_last and len(name) > 3:
        found = rejects.where(F.col("raw").contains(name)).limit(MOST).collect()
    return _exact_first(found, lambda row: row["doc_id"] in ids or _is_called(row, name))


def _sources(ask: Opened) -> list[str]:
    docs = ask.table("docs")
    found = [] if docs is None else docs.select("source").distinct().limit(MOST).collect()
    return sorted(row["source"] for row in found)


def _gone(ask: Opened, name: str) -> Record:
    """The history of a document that no batch has any more, from an earlier version of docs."""
    for docs in _earlier(ask):
        try:
            found = _documents(docs, name)
        except Exception:  # its files are vacuumed
            continue
        if len(found) > 1:
            raise _several(name, [_match(row.asDict()) for row in found])
        if found:
            lines = [*_came(found[0]), "  gone: no batch has it any more"]
            told = _rejects(ask, found[0]["doc_id"])
            for row in told:
                lines += [f"  {_refusal(row)}", *_told("rejects.reason", row["reason"])]
            first = {key: found[0][key] for key in ("doc_id", "batch_id", "source_location")}
            return {**first, "outcome": "gone", "lines": lines}
    raise ConfigError(
        f"why: no document has the name {name!r}: docs and rejects were searched for a doc_id (32 hex "
        "digits, or at least the first 4), a native_key, a url and a source location (file and row, such as "
        "a.jsonl:0)"
    )


def _earlier(ask: Opened) -> Iterator[DataFrame]:
    """Versions of docs that earlier finished runs wrote, latest first, as far as Delta still has them."""
    written = [row["versions_written"] or {} for row in ask.runs.finished()]
    versions = {int(each["docs"]) for each in written if "docs" in each} - {ask.versions.get("docs", -1)}
    for version in sorted(versions, reverse=True):
        try:
            yield ask.lake.read(catalog.table("docs"), version)
        except Exception:  # its log is cleaned, or it has other columns
            continue


def _named(name: str, columns: tuple[str, ...]) -> Column:
    """The condition that a row has this name: by `columns`, source location, or a prefix of its doc_id."""
    from pyspark.sql import functions as F

    place = F.col("source_location")
    wanted = (place == name) | place.endswith(f"/{name}")
    for column in columns:
        wanted = wanted | (F.col(column) == name)
    is_hex = re.fullmatch(r"[0-9a-fA-F]{4,32}", name) is not None
    return wanted | F.col("doc_id").startswith(name.lower()) if is_hex else wanted


def _is_called(row: Row, name: str) -> bool:
    """Whether the name is the row's whole id or source location (from the file's name on)."""
    return row["doc_id"] == name.lower() or f"/{row['source_location']}".endswith(f"/{name}")


def _exact_first(rows: list[Row], is_exact: Callable[[Row], bool]) -> list[Row]:
    """The rows that have the whole name, or, where none has, all; in the order of their ids."""
    exact = [row for row in rows if is_exact(row)]
    return sorted(
        exact or rows, key=lambda row: (row["doc_id"] or "", row["batch_id"], row["source_location"])
    )


def _match(row: Record) -> str:
    """One line that distinguishes this match from the others."""
    parts = [row["doc_id"] or "-" * 32, f"batch {row['batch_id']}", str(row["source_location"])]
    if "reason" in row:
        return "  ".join([*parts, f"rejected: {row['reason']}"])
    named = [row["source"], row["native_key"] or "-", row["url"] or "-", f"{row['n_bytes']:,} bytes"]
    return "  ".join([*parts, *named])


def _refusal(row: Row) -> str:
    return f"{row['reason']} (batch {row['batch_id']}, {row['source_location']})"


def _told(column: str, reason: str) -> list[str]:
    """The line that explains a reason."""
    words = in_words(column, reason)
    return [f"    {words}"] if words else []


def _rejected(rows: list[Row]) -> Record:
    """The history of input rows that did not become documents."""
    lines = []
    for row in rows:
        lines.append(f"{row['doc_id'] or 'no document'}  rejected: {_refusal(row)}")
        lines += _told("rejects.reason", row["reason"])
    first = {key: rows[0][key] for key in ("doc_id", "batch_id", "source_location", "reason")}
    return {**first, "outcome": "rejected", "lines": lines}


def _came(doc: Row) -> list[str]:
    head = f"{doc['doc_id']}  {doc['source']}  {doc['url'] or '-'}  {doc['n_bytes']:,} bytes"
    return [head, f"  ingested with batch {doc['batch_id']} from {doc['source_location']}"]


def _rows(ask: Opened, name: str, doc_id: str) -> list[Row]:
    frame = ask.table(name)
    return [] if frame is None else frame.where(frame.doc_id == doc_id).drop("text").collect()


def _story(ask: Opened, doc: Row, rejected: list[Row]) -> Record:
    doc_id = doc["doc_id"]
    lines = _came(doc)
    for row in rejected:
        lines += [f"  another row with the same id: {_refusal(row)}", *_told("rejects.reason", row["reason"])]
    verdicts = [v.asDict() for v in _rows(ask, "verdicts", doc_id) if v["batch_id"] == doc["batch_id"]]
    for v in sorted(verdicts, key=lambda v: (v["job"], v["rule"])):
        limit = "" if v["threshold"] is None else f", threshold {v['threshold']:.4g}"
        number = "" if v["value"] is None else f": {v['value']:.4g}{limit}"
        lines.append(f"  left out by {v['job']}: {v['reason']}{number} ({v['rule']})")
        lines += _told("verdicts.reason", v["reason"])
    chain = _chain(ask, doc_id, lines)
    corpus = _rows(ask, "corpus", doc_id)
    outcome = "kept" if corpus else "left out" if verdicts else "not filtered yet"
    if corpus:
        kept = corpus[0]
        lines.append(
            f"  kept: in corpus, {kept['n_chars']:,} characters, {kept['n_edits']} edits, "
            f"kept in place of {kept['n_duplicates']} duplicates"
        )
    elif not verdicts:
        waits = "not filtered yet: no verdict, and not in corpus (see `gristmill funnel`)"
        lines.append(f"  {waits}")
    told = {"verdicts": verdicts, "survivors": chain, "lines": lines}
    return {"doc_id": doc_id, "outcome": outcome, "batch_id": doc["batch_id"], **told}


def _chain(ask: Opened, doc_id: str, lines: list[str]) -> Records:
    """The document kept in place of this one, and so on while a later job leaves that one out too."""
    chain: Records = []
    while rows := _rows(ask, "duplicates", doc_id):
        if rows[0]["dup_of"] in [link["dup_of"] for link in chain]:
            break
        link = rows[0].asDict()
        chain.append(link)
        how = f"similarity {link['similarity']:.3f} by {link['method']}, family {link['family_id'][:8]}"
        lines.append(f"  kept in its place: {link['dup_of']} ({how})")
        doc_id = link["dup_of"]
    return chain
