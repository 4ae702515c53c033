"""Removed passages next to the places that keep them: the report's section, and `gristmill why` of a
document."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from gristmill.jobs.core.records import Record
from gristmill.jobs.runner.context import JobContext

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

    OpenTable = Callable[[str], DataFrame | None]

CONTEXT_CHARS = 80  # code points shown before and after a passage
SHOWN_CHARS = 160  # of a passage, in a line of text
SHOWN_PIECES = 5  # of a document


def removed_passages(tables: JobContext, n: int, n_chars: int) -> Record:
    """`n`, `n_docs` of all removed pieces; `rows`: the `n` documents that keep most of them.

    A row has n_removed, n_copies, n_bytes, and `kept` and `removed`: doc_id, source, before, piece, after
    (texts, the piece cut to `n_chars`). {} where no finished run has written passages.
    """
    from pyspark.sql import functions as F

    table = tables.get("passages")
    if table is None:
        return {}
    # No sum of bytes: pieces that are kept in different places may overlap.
    sums = table.agg(F.count("*").alias("n"), F.countDistinct("doc_id").alias("n_docs"))
    one = F.min(F.struct("doc_id", "batch_id", "start", "end", "kept_start", "n_bytes")).alias("one")
    # By document and not by place: copies of a passage are cut back differently at their ends.
    top = table.groupBy("kept_doc_id").agg(
        F.count("*").alias("n_removed"), F.max("n_copies").alias("n_copies"), one
    )
    top = top.orderBy(F.desc("n_removed"), "kept_doc_id").limit(n)
    rows = [row.asDict(recursive=True) for row in top.collect()]
    places = [(row["kept_doc_id"], row["one"]["kept_start"], row["one"]) for row in rows]
    places += [(row["one"]["doc_id"], row["one"]["start"], row["one"]) for row in rows]
    shown = _with_context(tables["docs"], places, n_chars)
    for row in rows:
        size = row["one"]["end"] - row["one"]["start"]
        row["n_bytes"] = row["one"]["n_bytes"]
        row["kept"] = shown.get((row["kept_doc_id"], row["one"]["kept_start"], size))
        row["removed"] = shown.get((row["one"]["doc_id"], row["one"]["start"], size))
    # A batch may have been deleted since; a passage without both places cannot be shown.
    return {**sums.collect()[0].asDict(), "rows": [row for row in rows if row["kept"] and row["removed"]]}


def _with_context(
    docs: DataFrame, places: list[tuple[str, int, Record]], n_chars: int
) -> dict[tuple[str, int, int], Record]:
    """(doc_id, start, length) -> doc_id, source, before, piece, after."""
    ids = sorted({doc_id for doc_id, _, _ in places})
    rows = docs.where(docs.doc_id.isin(ids)).select("doc_id", "source", "text").collect() if ids else []
    texts = {row["doc_id"]: row for row in rows}
    shown = {}
    for doc_id, start, piece in places:
        if doc_id not in texts:
            continue
        text, size = texts[doc_id]["text"], piece["end"] - piece["start"]
        end = start + size
        shown[doc_id, start, size] = {
            "doc_id": doc_id,
            "source": texts[doc_id]["source"],
            "before": text[max(0, start - CONTEXT_CHARS) : start],
            "piece": text[start : min(end, start + n_chars)],
            "after": text[end : end + CONTEXT_CHARS],
            "is_cut": size > n_chars,
        }
    return shown


def passage_lines(table: OpenTable, doc: Row) -> list[str]:
    """Lines of text about the removed passages of a document (doc_id, batch_id); [] where there is none."""
    from pyspark.sql import functions as F

    passages, docs = table("passages"), table("docs")
    if passages is None or docs is None:
        return []
    is_doc = (F.col("doc_id") == doc["doc_id"]) & (F.col("batch_id") == doc["batch_id"])
    rows = passages.where(is_doc).orderBy("start", "kept_doc_id", "kept_start").collect()
    if not rows:
        return []
    text = docs.where(is_doc).select("text").collect()[0]["text"]
    lines = []
    for row in rows[:SHOWN_PIECES]:
        piece = " ".join(text[row["start"] : row["end"]].split())
        cut = "..." if len(piece) > SHOWN_CHARS else ""
        place = f"{row['start']:,} to {row['end']:,}"
        lines.append(f"  repeated passage, characters {place}: {piece[:SHOWN_CHARS]}{cut}")
        kept = "this document" if row["kept_doc_id"] == doc["doc_id"] else row["kept_doc_id"]
        lines.append(f"    kept in {kept}, from character {row['kept_start']:,}; {row['n_copies']:,} copies")
    if len(rows) > SHOWN_PIECES:
        lines.append(f"    and {len(rows) - SHOWN_PIECES:,} more in the table passages")
    return lines
