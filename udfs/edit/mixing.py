"""The form a document takes in a mix, decided on its text: whole, or cut for filling in the middle;
refused when it holds a sentinel."""

from collections.abc import Iterator

import pyarrow as pa

from gristmill.udfs.arrow.batches import as_batch
from gristmill.udfs.edit.fim import Sentinels, choose, cut

MIXED = (
    "doc_id string, batch_id string, slice string, copy int, n_bytes bigint, fim string, cut_start "
    "int, cut_end int, is_refused boolean"
)
_SCHEMA = pa.schema(
    [
        ("doc_id", pa.string()),
        ("batch_id", pa.string()),
        ("slice", pa.string()),
        ("copy", pa.int32()),
        ("n_bytes", pa.int64()),
        ("fim", pa.string()),
        ("cut_start", pa.int32()),
        ("cut_end", pa.int32()),
        ("is_refused", pa.bool_()),
    ]
)


def shape_batches(
    batches: Iterator[pa.RecordBatch], marks: Sentinels, rate: float, spm_rate: float, seed: int
) -> Iterator[pa.RecordBatch]:
    """mapInArrow: doc_id, batch_id, slice, copies, text -> MIXED, a row a copy; one row with is_refused
    where the text holds a sentinel."""
    for batch in batches:
        rows = []
        for doc_id, batch_id, slice_, copies, text in zip(
            *(batch[name].to_pylist() for name in ("doc_id", "batch_id", "slice", "copies", "text")),
            strict=True,
        ):
            size, refused = len(text.encode("utf-8", "surrogatepass")), marks.held_by(text)
            for copy in range(1 if refused else copies):
                form = None if refused else choose(text, seed, f"{doc_id}/{copy}", rate, spm_rate)
                rows.append((doc_id, batch_id, slice_, copy, size, *(form or ("none", None, None)), refused))
        yield as_batch(rows, _SCHEMA)


def told(text: str, fim: str, start: int | None, end: int | None, marks: Sentinels | None) -> str:
    """The text as a row of the mix says it is told.

    Raises ValueError when it is to be cut and no sentinels are given.
    """
    if fim == "none" or start is None or end is None:
        return text
    if marks is None:
        raise ValueError(
            "the mix holds texts cut for filling in the middle; give the sentinels it was made with"
        )
    return cut(text, "spm" if fim == "spm" else "psm", start, end, marks)
