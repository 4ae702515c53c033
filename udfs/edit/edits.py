"""Applies the edits of a document, spans of code points with replacements, when the corpus is written."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

import pyarrow as pa
import pyarrow.compute as pc

# facts (JSON) are passed through: they travel with the
# keys by which texts are read, which spares a join
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


def merge_edits(edits: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    """Sorted edits without overlaps: each group of overlapping spans becomes their union.

        (0, 5, "a"), (3, 8, "b"), (9, 10, "c")  ->  (0, 8, "a"), (9, 10, "c")

    The replacement is that of the span that begins first; of several, the longest, then the smallest text.
    """
    # a total order of the edits, so the order in which jobs wrote them changes nothing
    unions: list[tuple[int, int, str]] = []
    for start, end, replacement in sorted(edits, key=lambda edit: (edit[0], -edit[1], edit[2])):
        if unions and start < unions[-1][1]:
            first, last, text = unions[-1]
            unions[-1] = (first, max(last, end), text)
        else:
            unions.append((start, end, replacement))
    return unions


def apply_edits(text: str, edits: Iterable[tuple[int, int, str]]) -> tuple[str, int]:
    """The text with every span replaced, and the number of spans after merging.

        "call 13812345678", [(5, 16, "<PHONE>")]  ->  ("call <PHONE>", 1)

    Raises ValueError for a span outside the text: such edits were made for another version of it.
    """
    spans = merge_edits(edits)
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

    n_chars: code points of the text after its edits. edits_hash and facts are passed on unchanged.
    """
    for batch in batches:
        # Python strings are indexed by code points, as spans are; the UTF-8 bytes of Arrow are not
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


def edited_batches(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """mapInArrow: text, edits (JSON as in `apply_batches`; null: none) and others -> the same columns but
    edits, with the text after its edits."""
    for batch in batches:
        texts, edits = batch["text"], batch["edits"]
        columns = {name: batch[name] for name in batch.schema.names if name != "edits"}
        # Most documents have no edit, and their texts do not become Python strings.
        rows = edits.is_valid().to_numpy(zero_copy_only=False).nonzero()[0]
        if len(rows):
            done = [_row(texts[i].as_py(), edits[i].as_py())[0] for i in rows.tolist()]
            mask = edits.is_valid()
            columns["text"] = pc.replace_with_mask(texts, mask, pa.array(done, texts.type))
        yield pa.record_batch(columns)


def _row(text: str, edits: str | None) -> tuple[str, int]:
    # most documents have none, and their text is not copied
    if not edits:
        return text, 0
    return apply_edits(
        text, [(edit["start"], edit["end"], edit["replacement"]) for edit in json.loads(edits)]
    )
