"""The blocks that dedup_boilerplate removes from a document, for `gristmill why`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gristmill.jobs.core.reasons import BOILERPLATE, EDITS, in_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    from pyspark.sql import DataFrame, Row

    OpenTable: TypeAlias = Callable[[str], DataFrame | None]

# characters of a removed block that are shown
SHOWN_CHARS = 120


def boilerplate_lines(table: OpenTable, doc: Row) -> list[str]:
    """Lines of text about each removed block of a document; [] where nothing was removed.

    `table`: opens a table at its finished version, or gives None; `doc`: doc_id, batch_id, url, source.
    """
    from pyspark.sql import functions as F

    edits, docs = table("edits"), table("docs")
    if edits is None or docs is None:
        return []
    is_doc = (F.col("doc_id") == doc["doc_id"]) & (F.col("batch_id") == doc["batch_id"])
    reasons = [code for code, reason in EDITS.items() if reason.by == BOILERPLATE]
    blocks = edits.where(is_doc & F.col("reason").isin(reasons)).orderBy("start").collect()
    if not blocks:
        return []
    text = docs.where(is_doc).select("text").collect()[0]["text"]
    lines = []
    for block in blocks:
        removed = [line.strip() for line in text[block["start"] : block["end"]].split("\n") if line.strip()]
        shown = " / ".join(removed)
        cut = "..." if len(shown) > SHOWN_CHARS else ""
        place = f"{block['start']:,} to {block['end']:,}"
        lines.append(f"  removed by {block['job']}, characters {place}: {shown[:SHOWN_CHARS]}{cut}")
        words = in_words("edits.reason", block["reason"])
        lines += [f"    {block['reason']}: {words}", *_how_common(table, doc, removed)]
    return lines


def _how_common(table: OpenTable, doc: Row, removed: list[str]) -> list[str]:
    """One line: on how many documents of the site the removed lines are; [] where the table lacks them."""
    from pyspark.sql import functions as F

    known = table("boilerplate")
    if known is None:
        return []
    # Lines are equal up to case; those whose digits were folded are not found by their text.
    wanted = sorted({line[:SHOWN_CHARS].lower() for line in removed})
    rows = known.where(F.lower(F.substring("line_text", 1, SHOWN_CHARS)).isin(wanted)).collect()
    of_site = [row for row in rows if row["n_pages"] is not None and _is_site_of(row["site"], doc)]
    if not of_site:
        return []
    few, many = min(row["n"] for row in of_site), max(row["n"] for row in of_site)
    n = f"{few:,}" if few == many else f"{few:,} to {many:,}"
    return [f"    its lines are on {n} of {of_site[0]['n_pages']:,} documents of {of_site[0]['site']}"]


def _is_site_of(site: str, doc: Row) -> bool:
    kind, _, name = site.partition(":")
    return name in (doc["url"] or "").lower() if kind == "host" else name in ("", doc["source"])
