"""The history of a document, or of an input row that became none, found by any of its names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from gristmill.jobs.core.errors import ConfigError
from gristmill.jobs.core.reasons import in_words
from gristmill.jobs.core.records import Record, Records
from gristmill.jobs.report.duplicates import boilerplate_lines
from gristmill.jobs.report.passages import passage_lines
from gristmill.jobs.schema import catalog
from gristmill.udfs.read.rows import doc_id_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Row

    from gristmill.jobs.lake.lake import Lake
    from gristmill.jobs.runner.run_log import Runs

# most matches, and sources, that are read from Spark:
# a name that is a common word may match a whole table
MAX_ROWS = 1_000
# matches that are listed where a name is ambiguous
MAX_LISTED = 20
# columns of docs by which a user tells matches apart
MATCH_COLUMNS = ("doc_id", "batch_id", "source", "native_key", "url", "source_location", "n_bytes")


class FinishedLake(Protocol):
    """A lake at its finished versions (gristmill.jobs.report.ask.Ask)."""

    lake: Lake
    runs: Runs
    versions: dict[str, int]

    def table(self, name: str) -> DataFrame | None:
        """A table; None when no finished run has written it."""
        ...


def why(ask: FinishedLake, name: str) -> Record:
    """The history of the document or rejected row with this name (see Ask.why).

    `outcome`: kept, left out, not filtered yet, rejected, or gone (its batch is no longer in the lake).
    `lines`: the history in words. Raises ConfigError where nothing, or more than one, matches.
    """
    docs = ask.table("docs")
    matches = [] if docs is None else _documents(docs, name)
    rejected = _rejects(ask, name, is_last=not matches)
    # Earlier versions of docs are read last, as each of them is a scan of the table.
    if not matches and not rejected:
        return _removed(ask, name)
    # A reject with the id of a match is part of its history: a later row with the same id.
    ids = {row["doc_id"] for row in matches}
    others = [row for row in rejected if row["doc_id"] not in ids]
    if len(matches) == 1 and not others:
        return _history(ask, matches[0], _rejects(ask, matches[0]["doc_id"]))
    if not matches and len({row["doc_id"] or row["source_location"] for row in others}) == 1:
        return _rejected(others)
    raise _several(name, [_match(row.asDict()) for row in [*matches, *others]])


def _several(name: str, listed: list[str]) -> ConfigError:
    more = f"\n  and {len(listed) - MAX_LISTED} more" if len(listed) > MAX_LISTED else ""
    shown = "\n  ".join(listed[:MAX_LISTED])
    several = f"why: {len(listed)} documents or rejected rows have the name {name!r}"
    return ConfigError(f"{several}; use the doc_id of one of them:\n  {shown}{more}")


def _documents(docs: DataFrame, name: str) -> list[Row]:
    """Rows of docs that match `name`: exactly, or else by the beginning of their doc_id."""
    rows = (
        docs.where(_matches_name(name, ("native_key", "url")))
        .select(*MATCH_COLUMNS)
        .limit(MAX_ROWS)
        .collect()
    )
    return _exact_first(rows, lambda row: _is_called(row, name) or name in (row.native_key, row.url))


def _rejects(ask: FinishedLake, name: str, is_last: bool = False) -> list[Row]:
    """Rows of rejects that match `name`: by source location or doc_id.

    Where none matches and `is_last`, those whose raw text contains `name`.
    """
    from pyspark.sql import functions as F

    rejects = ask.table("rejects")
    if rejects is None:
        return []
    # Rejects have no columns of key and URL. Their doc_id is a hash of source and key or URL,
    # as ingest makes it, so the ids that `name` would have in each source are looked for.
    is_id = re.fullmatch(r"[0-9a-fA-F]{32}", name) is not None
    sources = [] if is_id else _sources(ask)
    ids = [doc_id_of(source, name, None, "") for source in sources]
    ids += [doc_id_of(source, None, name, "") for source in sources]
    rows = rejects.where(_matches_name(name, ()) | F.col("doc_id").isin(ids)).limit(MAX_ROWS).collect()
    # Last, as it reads all raw texts; a name of up to three characters would be in most of them.
    if not rows and is_last and len(name) > 3:
        rows = rejects.where(F.col("raw").contains(name)).limit(MAX_ROWS).collect()
    return _exact_first(rows, lambda row: row["doc_id"] in ids or _is_called(row, name))


def _sources(ask: FinishedLake) -> list[str]:
    docs = ask.table("docs")
    rows = [] if docs is None else docs.select("source").distinct().limit(MAX_ROWS).collect()
    return sorted(row["source"] for row in rows)


def _removed(ask: FinishedLake, name: str) -> Record:
    """The history of a document whose batch is no longer in the lake, from earlier versions of docs."""
    # The latest version first: it is the one from which the document was removed.
    for docs in _earlier(ask):
        try:
            matches = _documents(docs, name)
        except Exception:  # its files were vacuumed
            continue
        if len(matches) > 1:
            raise _several(name, [_match(row.asDict()) for row in matches])
        if matches:
            lines = [*_origin_lines(matches[0]), "  gone: no batch holds it any more"]
            for row in _rejects(ask, matches[0]["doc_id"]):
                lines += [f"  {_refusal(row)}", *_reason_lines("rejects.reason", row["reason"])]
            first = {key: matches[0][key] for key in ("doc_id", "batch_id", "source_location")}
            return {**first, "outcome": "gone", "lines": lines}
    raise ConfigError(
        f"why: no document has the name {name!r}: docs and rejects were searched for a doc_id (32 hex "
        "digits, or at least the first 4), a native_key, a url and a source location (file and row, such as "
        "a.jsonl:0)"
    )


def _earlier(ask: FinishedLake) -> Iterator[DataFrame]:
    """docs at the versions of earlier finished runs, latest first, as far as Delta still has them."""
    written = [row["versions_written"] or {} for row in ask.runs.finished()]
    versions = {int(each["docs"]) for each in written if "docs" in each} - {ask.versions.get("docs", -1)}
    for version in sorted(versions, reverse=True):
        try:
            yield ask.lake.read(catalog.table("docs"), version)
        except Exception:  # its log was cleaned up, or it has other columns
            continue


def _matches_name(name: str, columns: tuple[str, ...]) -> Column:
    """The condition that a row matches: by `columns`, source location, or the beginning of its doc_id."""
    from pyspark.sql import functions as F

    location = F.col("source_location")
    condition = (location == name) | location.endswith(f"/{name}")
    for column in columns:
        condition = condition | (F.col(column) == name)
    # Four digits at least, as with git: fewer would match
    # too much, and words such as "bed" are hexadecimal.
    is_hex = re.fullmatch(r"[0-9a-fA-F]{4,32}", name) is not None
    return condition | F.col("doc_id").startswith(name.lower()) if is_hex else condition


def _is_called(row: Row, name: str) -> bool:
    """Whether `name` is the row's whole doc_id, or its source location from the file name on."""
    return row["doc_id"] == name.lower() or f"/{row['source_location']}".endswith(f"/{name}")


def _exact_first(rows: list[Row], is_exact: Callable[[Row], bool]) -> list[Row]:
    """The exact matches, or all rows where there is none; sorted by doc_id, batch and source location."""
    # A whole name is never ambiguous because other ids begin with it.
    exact = [row for row in rows if is_exact(row)]
    return sorted(
        exact or rows, key=lambda row: (row["doc_id"] or "", row["batch_id"], row["source_location"])
    )


def _match(row: Record) -> str:
    """One line with the columns by which a user tells matches apart."""
    parts = [row["doc_id"] or "-" * 32, f"batch {row['batch_id']}", str(row["source_location"])]
    if "reason" in row:
        return "  ".join([*parts, f"rejected: {row['reason']}"])
    columns = [row["source"], row["native_key"] or "-", row["url"] or "-", f"{row['n_bytes']:,} bytes"]
    return "  ".join([*parts, *columns])


def _refusal(row: Row) -> str:
    return f"{row['reason']} (batch {row['batch_id']}, {row['source_location']})"


def _reason_lines(column: str, reason: str) -> list[str]:
    """The line that explains a reason; [] where it has no sentence."""
    words = in_words(column, reason)
    return [f"    {words}"] if words else []


def _rejected(rows: list[Row]) -> Record:
    """The history of input rows that became no document."""
    lines = []
    for row in rows:
        lines.append(f"{row['doc_id'] or 'no document'}  rejected: {_refusal(row)}")
        lines += _reason_lines("rejects.reason", row["reason"])
    first = {key: rows[0][key] for key in ("doc_id", "batch_id", "source_location", "reason")}
    return {**first, "outcome": "rejected", "lines": lines}


def _origin_lines(doc: Row) -> list[str]:
    head = f"{doc['doc_id']}  {doc['source']}  {doc['url'] or '-'}  {doc['n_bytes']:,} bytes"
    return [head, f"  ingested with batch {doc['batch_id']} from {doc['source_location']}"]


def _page_lines(ask: FinishedLake, doc: Row) -> list[str]:
    """Where the page of a document is in the crawl, and how its text was made; [] where it came from no
    page."""
    lines = []
    for page in _rows(ask, "pages", doc["doc_id"]):
        if page["batch_id"] != doc["batch_id"]:
            continue
        where = "" if page["stored_at"] is None else f" at byte {page['stored_at']:,}"
        fetched = f", fetched {page['fetched_at']:%Y-%m-%d %H:%M:%S}" if page["fetched_at"] else ""
        record = f", record {page['record_id']}" if page["record_id"] else ""
        lines.append(f"  page in {page['file']}{where}{fetched}{record}")
        wishes = f"; asks for: {', '.join(page['wishes'])}" if page["wishes"] else ""
        lines.append(
            f"  text by {page['extractor']} from {page['n_bytes_html']:,} bytes of HTML in "
            f"{page['charset_used']}{wishes}"
        )
    return lines


def _rows(ask: FinishedLake, name: str, doc_id: str) -> list[Row]:
    frame = ask.table(name)
    return [] if frame is None else frame.where(frame.doc_id == doc_id).drop("text").collect()


def _history(ask: FinishedLake, doc: Row, rejected: list[Row]) -> Record:
    doc_id = doc["doc_id"]
    lines = _origin_lines(doc) + _page_lines(ask, doc)
    for row in rejected:
        lines += [
            f"  another row with the same id: {_refusal(row)}",
            *_reason_lines("rejects.reason", row["reason"]),
        ]
    # Verdicts on the same doc_id in another batch are not on this document.
    verdicts = [v.asDict() for v in _rows(ask, "verdicts", doc_id) if v["batch_id"] == doc["batch_id"]]
    for v in sorted(verdicts, key=lambda v: (v["job"], v["rule"])):
        limit = "" if v["threshold"] is None else f", threshold {v['threshold']:.4g}"
        number = "" if v["value"] is None else f": {v['value']:.4g}{limit}"
        lines.append(f"  left out by {v['job']}: {v['reason']}{number} ({v['rule']})")
        lines += _reason_lines("verdicts.reason", v["reason"])
    lines += boilerplate_lines(ask.table, doc) + passage_lines(ask.table, doc)
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
    details = {"verdicts": verdicts, "survivors": chain, "lines": lines}
    return {"doc_id": doc_id, "outcome": outcome, "batch_id": doc["batch_id"], **details}


def _chain(ask: FinishedLake, doc_id: str, lines: list[str]) -> Records:
    """Rows of duplicates from this document to the last survivor; each step adds a line to `lines`."""
    chain: Records = []
    while rows := _rows(ask, "duplicates", doc_id):
        # Jobs that do not skip each other's rejected documents may name survivors in a circle.
        if rows[0]["dup_of"] in [link["dup_of"] for link in chain]:
            break
        link = rows[0].asDict()
        chain.append(link)
        how = f"similarity {link['similarity']:.3f} by {link['method']}, family {link['family_id'][:8]}"
        lines.append(f"  kept in its place: {link['dup_of']} ({how})")
        doc_id = link["dup_of"]
    return chain
