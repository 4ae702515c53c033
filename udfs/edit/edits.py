"""Applies the edits of a document: spans of code points replaced, once, at the exit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import pyarrow as pa

EDITED = pa.schema(
    [
        ("doc_id", pa.string()),
        ("batch_id", pa.string()),
        ("text", pa.string()),
        ("n_chars", pa.int64()),
        ("n_edits", pa.int32()),
        ("edits_hash", pa.int64()),
        ("facts", pa.string()),
    ]
)


def merged(edits: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Sorted, non-overlapping edits: of overlapping spans the union is replaced by the text of the one that
    begins first (of those that begin together, the longest; then the smallest replacement), so that no order
    of judges changes the result."""
    joined: list[tuple[int, int, str]] = []
    for start, end, replacement in sorted(edits, key=lambda edit: (edit[0], -edit[1], edit[2])):
        if joined and start < joined[-1][1]:
            first, last, kept = joined[-1]
            joined[-1] = (first, max(last, end), kept)
        else:
            joined.append((start, end, replacement))
    return joined


def apply_edits(text: str, edits: Iterable[tuple[int, int, str]]) -> tuple[str, int]:
    """The text with every span replaced, and how many spans there were after merging.

    Raises ValueError when a span lies outside the text: the edits were made for another version of it.
    """
    spans = merged(edits)
    if spans and (spans[0][0] < 0 or spans[-1][1] > len(text)):
        raise ValueError(f"edit {spans[-1][:2]} lies outside a text of {len(text)} code points")
    parts, at = [], 0
    for start, end, replacement in spans:
        parts += [text[at:start], replacement]
        at = end
    return "".join([*parts, text[at:]]), len(spans)


def apply_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, text, edits (JSON: start, end, replacement each; null: none), edits_hash,
    facts -> EDITED.

    n_chars: code points of the text after its edits. edits_hash and facts go through as they are.
    """
    for batch in batches:
        rows = [
            _row(text, edits)
            for text, edits in zip(batch["text"].to_pylist(), batch["edits"].to_pylist(), strict=True)
        ]
        yield pa.record_batch(
            [
                batch["doc_id"],
                batch["batch_id"],
                pa.array([row[0] for row in rows], pa.string()),
                pa.array([len(row[0]) for row in rows], pa.int64()),
                pa.array([row[1] for row in rows], pa.int32()),
                batch["edits_hash"],
                batch["facts"],
            ],
            schema=EDITED,
        )


def _row(text: str, edits: str | None) -> tuple[str, int]:
    if not edits:
        return text, 0
    return apply_edits(
        text, [(edit["start"], edit["end"], edit["replacement"]) for edit in json.loads(edits)]
    )
